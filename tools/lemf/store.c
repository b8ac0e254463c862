#include <sys/file.h>
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lemf/hi2_file.h"
#include "lemf/store.h"

#define OPEN_MAX_FILES 64 /* descriptors at a time */
#define SYNC_ALL 8 /* with more files to be synced, the file system is */
/* Of no LIID: no octet is written as "%un". */
#define UNREADABLE "%unreadable.hi2"

struct file {
	char name[STORE_NAME];
	uint32_t index;
	int fd; /* -1: closed */
	uint64_t size;
	uint64_t used; /* when, by store.clock */
	bool dirty;
};

struct store {
	int dir;
	void *by_name; /* tsearch(3) of struct file */
	struct file **files;
	uint32_t n, cap;
	struct file *open[OPEN_MAX_FILES];
	unsigned n_open, n_dirty;
	bool dir_dirty;
	uint64_t clock;
};

const char *
store_name(struct rd liid, char out[STORE_NAME])
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz0123456789-_";
	size_t n = 0;
	uint8_t b;

	if (liid.left == 0 || liid.left > MAX_LIID) {
		memcpy(out, UNREADABLE, sizeof(UNREADABLE));
		return out;
	}
	while (rd_u8(&liid, &b) == ERR_OK) {
		if (b != 0 && (strchr(plain, b) != NULL || (b == '.' && n > 0)))
			out[n++] = (char)b;
		else {
			out[n++] = '%';
			hex_put(&b, 1, out + n);
			n += 2;
		}
	}
	memcpy(out + n, ".hi2", 5);
	return out;
}

/* ---- files ---- */

static int
by_name(const void *a, const void *b)
{
	const struct file *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* NULL: no memory. */
static struct file *
new_file(struct store *s, const struct file *key)
{
	const uint32_t cap = s->cap == 0 ? 64 : 2 * s->cap;
	struct file *f = malloc(sizeof(*f)), **p;

	if (f != NULL && s->n == s->cap) {
		if ((p = reallocarray(s->files, cap, sizeof(*p))) == NULL) {
			free(f);
			return NULL;
		}
		s->files = p;
		s->cap = cap;
	}
	if (f != NULL) {
		*f = *key;
		f->index = s->n;
	}
	if (f == NULL || tsearch(f, &s->by_name, by_name) == NULL) {
		free(f);
		return NULL;
	}
	s->files[s->n++] = f;
	return f;
}

static struct file *
file_of(struct store *s, const char *name)
{
	struct file key = {.fd = -1}, **at;

	(void)memccpy(key.name, name, '\0', sizeof(key.name) - 1);
	at = tfind(&key, &s->by_name, by_name);
	return at != NULL ? *at : new_file(s, &key);
}

static enum err
sync_file(struct store *s, struct file *f)
{
	if (f->dirty && fdatasync(f->fd) == -1)
		return ERR_IO;
	s->n_dirty -= f->dirty ? 1 : 0;
	f->dirty = false;
	return ERR_OK;
}

/* The one that was not used for the longest time. */
static enum err
close_one(struct store *s)
{
	unsigned least = 0;
	enum err rc;

	for (unsigned i = 1; i < s->n_open; i++)
		if (s->open[i]->used < s->open[least]->used)
			least = i;
	if ((rc = sync_file(s, s->open[least])) != ERR_OK)
		return rc;
	close(s->open[least]->fd);
	s->open[least]->fd = -1;
	s->open[least] = s->open[--s->n_open];
	return ERR_OK;
}

static enum err
open_file(struct store *s, struct file *f, struct why *why)
{
	struct stat st;

	f->used = ++s->clock;
	if (f->fd != -1)
		return ERR_OK;
	if (s->n_open == OPEN_MAX_FILES && close_one(s) != ERR_OK)
		return why_errno(why, "cannot sync a file");
	f->fd = openat(s->dir, f->name,
	    O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (f->fd == -1 || fstat(f->fd, &st) == -1) {
		(void)why_errno(why, "%s", f->name);
		if (f->fd != -1)
			close(f->fd);
		f->fd = -1;
		return ERR_IO;
	}
	f->size = (uint64_t)st.st_size;
	s->dir_dirty |= f->size == 0;
	s->open[s->n_open++] = f;
	return ERR_OK;
}

/* ---- what comes ---- */

static enum err
append(struct file *f, struct rd pdu, struct why *why)
{
	size_t done = 0;
	ssize_t n = 0;
	enum err rc;

	while (done < pdu.left) {
		n = write(f->fd, pdu.p + done, pdu.left - done);
		if (n == -1 && errno != EINTR)
			break;
		done += n > 0 ? (size_t)n : 0;
	}
	if (done == pdu.left)
		return ERR_OK;
	rc = errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? ERR_FULL
								  : ERR_IO;
	(void)why_errno(why, "%s", f->name);
	/* No part of it stays in front of what comes next. */
	if (ftruncate(f->fd, (off_t)f->size) == -1)
		rc = why_errno(why, "%s", f->name);
	return rc;
}

enum err
store_put(struct store *s, struct rd liid, struct rd pdu,
    struct order_place *where, struct why *why)
{
	char name[STORE_NAME];
	struct file *f = file_of(s, store_name(liid, name));
	enum err rc;

	if (f == NULL)
		return why_set(why, ERR_NOMEM, "out of memory");
	if ((rc = open_file(s, f, why)) != ERR_OK ||
	    (rc = append(f, pdu, why)) != ERR_OK)
		return rc;
	*where = (struct order_place){f->index, (uint32_t)pdu.left, f->size};
	f->size += pdu.left;
	s->n_dirty += f->dirty ? 0 : 1;
	f->dirty = true;
	return ERR_OK;
}

enum err
store_read(struct store *s, const struct order_place *where, uint8_t *out)
{
	struct why why;

	if (where->file >= s->n ||
	    open_file(s, s->files[where->file], &why) != ERR_OK)
		return ERR_IO;
	return pread(s->files[where->file]->fd, out, where->len,
		   (off_t)where->at) == (ssize_t)where->len
	    ? ERR_OK
	    : ERR_IO;
}

enum err
store_sync(struct store *s, struct why *why)
{
	if (s->n_dirty > SYNC_ALL) {
		if (syncfs(s->dir) == -1)
			return why_errno(why, "cannot sync");
		for (unsigned i = 0; i < s->n_open; i++)
			s->open[i]->dirty = false;
		s->n_dirty = 0;
	}
	for (unsigned i = 0; i < s->n_open && s->n_dirty > 0; i++)
		if (sync_file(s, s->open[i]) != ERR_OK)
			return why_errno(why, "cannot sync %s",
			    s->open[i]->name);
	if (s->dir_dirty && fsync(s->dir) == -1)
		return why_errno(why, "cannot sync the folder");
	s->dir_dirty = false;
	return ERR_OK;
}

/* ---- what is there ---- */

/* A power failure can leave zeros where octets had not got to. */
static bool
only_zeros(int fd, uint64_t from)
{
	uint8_t b[4096];
	ssize_t n;

	while ((n = pread(fd, b, sizeof(b), (off_t)from)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			if (b[i] != 0)
				return false;
		from += (uint64_t)n;
	}
	return n == 0;
}

static enum err
cut(struct store *s, struct file *f, uint64_t at, enum err rc,
    const struct store_ops *ops, struct why *why)
{
	const struct why reason = *why;

	if (open_file(s, f, why) != ERR_OK)
		return ERR_IO;
	if (rc != ERR_TRUNCATED && !only_zeros(f->fd, at))
		return why_set(why, ERR_MALFORMED,
		    "%s: at octet %llu: %s: put the file elsewhere", f->name,
		    (unsigned long long)at, reason.text);
	if (ftruncate(f->fd, (off_t)at) == -1 || fdatasync(f->fd) == -1)
		return why_errno(why, "%s", f->name);
	ops->cut(ops->ctx, f->name, f->size - at);
	f->size = at;
	return ERR_OK;
}

static enum err
read_file(struct store *s, const char *dir, const char *name,
    const struct store_ops *ops, struct why *why)
{
	struct file *f = file_of(s, name);
	struct hi2_file *in = NULL;
	struct order_place where;
	char *path = NULL;
	struct rd pdu;
	enum err rc;

	if (f == NULL || asprintf(&path, "%s/%s", dir, name) == -1)
		return why_set(why, ERR_NOMEM, "out of memory");
	rc = hi2_file_open(path, &in, why);
	while (rc == ERR_OK && (rc = hi2_file_next(in, &pdu, why)) == ERR_OK) {
		where = (struct order_place){f->index, (uint32_t)pdu.left,
		    hi2_file_at(in)};
		rc = ops->had(ops->ctx, pdu, &where);
		if (rc != ERR_OK)
			(void)why_set(why, rc, "%s", err_str(rc));
	}
	if (rc == ERR_CLOSED)
		rc = ERR_OK;
	else if (rc == ERR_TRUNCATED || rc == ERR_MALFORMED || rc == ERR_TOOBIG)
		rc = cut(s, f, hi2_file_at(in), rc, ops, why);
	hi2_file_close(&in);
	free(path);
	return rc;
}

/* Names longer than ours are not ours. */
static int
is_ours(const struct dirent *d)
{
	const size_t n = strlen(d->d_name);

	return d->d_name[0] != '.' && n > 4 && n < STORE_NAME &&
	    strcmp(d->d_name + n - 4, ".hi2") == 0;
}

static enum err
read_all(struct store *s, const char *dir, const struct store_ops *ops,
    struct why *why)
{
	struct dirent **names = NULL;
	const int n = scandir(dir, &names, is_ours, alphasort);
	enum err rc = ERR_OK;

	if (n < 0)
		return why_errno(why, "%s", dir);
	for (int i = 0; i < n; i++) {
		if (rc == ERR_OK)
			rc = read_file(s, dir, names[i]->d_name, ops, why);
		free(names[i]);
	}
	free(names);
	return rc;
}

enum err
store_open(const char *dir, const struct store_ops *ops, struct store **out,
    struct why *why)
{
	struct store *s = calloc(1, sizeof(*s));
	enum err rc;

	if (s == NULL)
		return why_set(why, ERR_NOMEM, "out of memory");
	s->dir = -1;
	if (mkdir(dir, 0700) == -1 && errno != EEXIST)
		rc = why_errno(why, "%s", dir);
	else if ((s->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) == -1)
		rc = why_errno(why, "%s", dir);
	else if (flock(s->dir, LOCK_EX | LOCK_NB) == -1)
		rc = why_set(why, ERR_EXISTS,
		    "%s: another process receives there", dir);
	else
		rc = read_all(s, dir, ops, why);
	if (rc != ERR_OK) {
		store_close(&s);
		return rc;
	}
	*out = s;
	return ERR_OK;
}

void
store_close(struct store **sp)
{
	struct store *s = *sp;

	if (s == NULL)
		return;
	for (unsigned i = 0; i < s->n_open; i++)
		close(s->open[i]->fd);
	for (uint32_t i = 0; i < s->n; i++) {
		(void)tdelete(s->files[i], &s->by_name, by_name);
		free(s->files[i]);
	}
	free(s->files);
	if (s->dir != -1)
		close(s->dir);
	free(s);
	*sp = NULL;
}
