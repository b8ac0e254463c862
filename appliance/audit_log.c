#include <sys/stat.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "appliance/audit_log.h"

/* A disk writes that many octets, at a multiple of them, all or not. */
#define BLOCK 512

/* ---- reading ---- */

static enum err
read_exact(int fd, uint8_t *p, size_t len, uint64_t at)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n = pread(fd, p + got, len - got, (off_t)(at + got));

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return ERR_IO;
		if (n == 0)
			return ERR_TRUNCATED;
		got += (size_t)n;
	}
	return ERR_OK;
}

enum err
audit_reader_open(struct audit_reader *r, int fd, struct why *why)
{
	enum err rc;

	r->fd = fd;
	r->at = AUDIT_LOG_HEADER_LEN;
	r->next = 0;
	merkle_init(&r->tree);
	rc = read_exact(fd, r->record, AUDIT_LOG_HEADER_LEN, 0);
	if (rc == ERR_IO)
		return why_errno(why, "cannot read the audit log");
	if (rc != ERR_OK ||
	    memcmp(r->record, AUDIT_LOG_HEADER, AUDIT_LOG_HEADER_LEN) != 0)
		return why_set(why, ERR_MALFORMED,
		    "not an audit log: its header is another");
	return ERR_OK;
}

/* Read a whole record into r->record; ERR_NOTFOUND at the end. */
static enum err
read_record(struct audit_reader *r, uint32_t *len)
{
	struct rd v;
	enum err rc;

	rc = read_exact(r->fd, r->record, 4, r->at);
	if (rc == ERR_TRUNCATED)
		return ERR_NOTFOUND; /* the file ends right here */
	if (rc != ERR_OK)
		return rc;
	rd_init(&v, r->record, 4);
	if (rd_u32(&v, len) != ERR_OK || *len == 0)
		return ERR_NOTFOUND;
	if (*len > MAX_AUDIT_LEAF)
		return ERR_MALFORMED;
	return read_exact(r->fd, r->record + 4, *len + MERKLE_HASH_LEN,
	    r->at + 4);
}

/* Where the first octet that is not zero stands; ERR_NOTFOUND for none. */
static enum err
find_octet(int fd, uint64_t from, uint64_t *at)
{
	uint8_t buf[65536];
	ssize_t n;

	for (;; from += (uint64_t)n) {
		n = pread(fd, buf, sizeof(buf), (off_t)from);
		if (n == -1 && errno == EINTR)
			n = 0;
		else if (n == -1)
			return ERR_IO;
		else if (n == 0)
			return ERR_NOTFOUND;
		for (ssize_t i = 0; i < n; i++)
			if (buf[i] != 0) {
				*at = from + (uint64_t)i;
				return ERR_OK;
			}
	}
}

/* Behind the end only zeros: else something was cut out of the middle. */
static enum err
check_tail(int fd, uint64_t end, struct why *why)
{
	uint64_t at = 0;
	const enum err rc = find_octet(fd, end, &at);

	if (rc == ERR_IO)
		return why_errno(why, "cannot read the audit log");
	if (rc == ERR_OK)
		return why_set(why, ERR_MALFORMED,
		    "the audit log ends at octet %llu and has octets behind "
		    "its end (at octet %llu): it was changed",
		    (unsigned long long)end, (unsigned long long)at);
	return ERR_OK;
}

static enum err
next_leaf(struct audit_reader *r, struct audit_entry *out, struct why *why)
{
	uint8_t hash[MERKLE_HASH_LEN];
	uint32_t len = 0;
	struct rd leaf;
	enum err rc;

	if ((rc = read_record(r, &len)) == ERR_NOTFOUND)
		return (rc = check_tail(r->fd, r->at, why)) == ERR_OK
		    ? ERR_NOTFOUND
		    : rc;
	if (rc == ERR_IO)
		return why_errno(why, "cannot read the audit log");
	if (rc != ERR_OK)
		return why_set(why, rc, "entry %llu (at octet %llu): %s",
		    (unsigned long long)r->next, (unsigned long long)r->at,
		    rc == ERR_TRUNCATED ? "cut off" : "impossible length");
	rd_init(&leaf, r->record + 4, len);
	if ((rc = merkle_leaf_hash(leaf, hash)) != ERR_OK)
		return rc;
	if (memcmp(hash, r->record + 4 + len, sizeof(hash)) != 0)
		return why_set(why, ERR_MALFORMED,
		    "entry %llu (at octet %llu): does not have the hash that "
		    "stands behind it",
		    (unsigned long long)r->next, (unsigned long long)r->at);
	if (audit_entry_decode(leaf, out) != ERR_OK || out->number != r->next)
		return why_set(why, ERR_MALFORMED,
		    "entry %llu (at octet %llu): not a leaf of this log, or "
		    "out of order",
		    (unsigned long long)r->next, (unsigned long long)r->at);
	if ((rc = merkle_add(&r->tree, hash)) != ERR_OK)
		return rc;
	r->at += 4 + len + MERKLE_HASH_LEN;
	r->next++;
	return ERR_OK;
}

enum err
audit_reader_next(struct audit_reader *r, struct audit_entry *out,
    struct why *why)
{
	const enum err rc = next_leaf(r, out, why);

	/* It may be being written just now: what is wrong is read again. */
	return rc == ERR_MALFORMED ? next_leaf(r, out, why) : rc;
}

/* ---- writing ---- */

static enum err
write_exact(int fd, const uint8_t *p, size_t len, uint64_t at)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n =
		    pwrite(fd, p + done, len - done, (off_t)(at + done));

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return errno == ENOSPC || errno == EDQUOT ||
				errno == EFBIG
			    ? ERR_FULL
			    : ERR_IO;
		done += (size_t)n;
	}
	return ERR_OK;
}

static uint64_t
file_size(const struct audit_log *l)
{
	struct stat st;

	return fstat(l->fd, &st) == 0 && st.st_size > 0 ? (uint64_t)st.st_size
							: 0;
}

enum err
audit_log_prepare(struct audit_log *l)
{
	static const uint8_t zeros[65536];
	uint64_t to;
	enum err rc = ERR_OK;

	if (l->failed)
		return ERR_IO;
	if (l->prepared >= l->end + l->chunk / 2)
		return ERR_OK;
	to = l->end + l->chunk;
	if (l->most != 0 && to > l->most)
		to = l->most;
	while (l->prepared < to && rc == ERR_OK) {
		size_t n = to - l->prepared < sizeof(zeros)
		    ? (size_t)(to - l->prepared)
		    : sizeof(zeros);

		if ((rc = write_exact(l->fd, zeros, n, l->prepared)) == ERR_OK)
			l->prepared += n;
	}
	/* Zeros that are not known to be on disk do not count as space. */
	if (fsync(l->fd) == -1) {
		l->failed = true;
		return ERR_IO;
	}
	return l->prepared >= l->end + AUDIT_RECORD_MAX + 4 ? ERR_OK : ERR_FULL;
}

/* What a crash left unfinished: zero it, so that the log ends before. */
static enum err
cut_torn(struct audit_log *l)
{
	static const uint8_t zeros[AUDIT_BATCH_MAX];
	uint64_t n = file_size(l) - l->end;

	if (n > sizeof(zeros))
		n = sizeof(zeros);
	if (write_exact(l->fd, zeros, (size_t)n, l->end) != ERR_OK ||
	    fdatasync(l->fd) == -1)
		return ERR_IO;
	return ERR_OK;
}

static bool
all_zero(const uint8_t *p, size_t from, size_t to)
{
	while (from < to && p[from] == 0)
		from++;
	return from == to;
}

/*
 * Is what stands at `at`, which does not read, what a crash can have left?
 * Nothing then stands further behind than one batch, and a part of the record
 * was never written: a block of the disk, or all that follows, is zero still.
 * A record that is there from end to end and wrong was changed.
 */
static bool
looks_torn(const struct audit_log *l, uint64_t at, enum err rc)
{
	uint8_t buf[AUDIT_BATCH_MAX] = {0};
	const uint64_t left = file_size(l) - at;
	const size_t n = left < sizeof(buf) ? (size_t)left : sizeof(buf);
	uint32_t len = 0;
	uint64_t ignored;
	struct rd v;
	size_t end;

	if ((rc != ERR_MALFORMED && rc != ERR_TRUNCATED) ||
	    read_exact(l->fd, buf, n, at) != ERR_OK ||
	    find_octet(l->fd, at + n, &ignored) != ERR_NOTFOUND)
		return false;
	if (rc == ERR_TRUNCATED)
		return true;
	rd_init(&v, buf, 4);
	if (rd_u32(&v, &len) != ERR_OK || len > MAX_AUDIT_LEAF)
		return false;
	end = len == 0 ? 4 : 4 + len + MERKLE_HASH_LEN;
	for (size_t from = 0, to; from < end; from = to) {
		to = from + BLOCK - (size_t)((at + from) % BLOCK);
		/* The first two octets of a length are zero anyway. */
		if (to > 2 && all_zero(buf, from, to))
			return true;
	}
	return len > 0 && all_zero(buf, end - 4, sizeof(buf));
}

enum err
audit_log_open(struct audit_log *l, int fd, uint64_t chunk, uint64_t most,
    audit_log_seen *seen, void *ctx, bool *torn, struct why *why)
{
	struct audit_reader *r;
	struct audit_entry e;
	enum err rc;

	*l = (struct audit_log){.fd = fd, .chunk = chunk, .most = most};
	*torn = false;
	merkle_init(&l->tree);
	if (file_size(l) == 0 &&
	    (write_exact(fd, (const uint8_t *)AUDIT_LOG_HEADER,
		 AUDIT_LOG_HEADER_LEN, 0) != ERR_OK ||
		fsync(fd) == -1))
		return why_errno(why, "cannot write the audit log");
	if ((r = malloc(sizeof(*r))) == NULL)
		return why_set(why, ERR_NOMEM, "out of memory");
	if ((rc = audit_reader_open(r, fd, why)) != ERR_OK)
		goto out;
	while ((rc = audit_reader_next(r, &e, why)) == ERR_OK)
		if (seen != NULL)
			seen(ctx, &e);
	l->end = r->at;
	l->synced = r->at;
	l->next = r->next;
	l->tree = r->tree;
	l->prepared = file_size(l);
	if (rc != ERR_NOTFOUND && looks_torn(l, r->at, rc)) {
		*torn = true;
		rc = cut_torn(l) == ERR_OK ? ERR_NOTFOUND : ERR_IO;
	}
	if (rc != ERR_NOTFOUND)
		goto out;
	if ((rc = check_tail(fd, l->end, why)) != ERR_OK)
		goto out;
	if ((rc = audit_log_prepare(l)) != ERR_OK)
		(void)why_set(why, rc, "no room for the audit log: %s",
		    err_str(rc));
out:
	free(r);
	return rc;
}

static void
stamp(struct audit_entry *e)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	e->realtime_ns = (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
	clock_gettime(CLOCK_BOOTTIME, &ts);
	e->boottime_ns =
	    (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

enum err
audit_log_append(struct audit_log *l, struct audit_entry *e, uint8_t *leaf,
    size_t *leaf_len)
{
	uint8_t record[AUDIT_RECORD_MAX], hash[MERKLE_HASH_LEN];
	struct rd view;
	struct wr w;
	size_t n, total;
	enum err rc;

	if (l->failed)
		return ERR_IO;
	e->number = l->next;
	stamp(e);
	if ((rc = audit_entry_encode(e, record + 4, &n)) != ERR_OK)
		return rc;
	total = 4 + n + MERKLE_HASH_LEN;
	/* The end of the log needs its four zeros too. */
	if (l->end + total + 4 > l->prepared)
		return ERR_FULL;
	rd_init(&view, record + 4, n);
	if ((rc = merkle_leaf_hash(view, hash)) != ERR_OK)
		return rc;
	wr_init(&w, record, 4);
	wr_u32(&w, (uint32_t)n);
	memcpy(record + 4 + n, hash, sizeof(hash));
	/* Nothing of this is acknowledged yet: an early sync does no harm. */
	if (l->end + total - l->synced > AUDIT_BATCH_MAX &&
	    (rc = audit_log_sync(l)) != ERR_OK)
		return rc;
	if (write_exact(l->fd, record, total, l->end) != ERR_OK ||
	    merkle_add(&l->tree, hash) != ERR_OK) {
		l->failed = true;
		return ERR_IO;
	}
	l->end += total;
	l->next++;
	if (leaf != NULL) {
		memcpy(leaf, record + 4, n);
		*leaf_len = n;
	}
	return ERR_OK;
}

enum err
audit_log_sync(struct audit_log *l)
{
	if (l->failed)
		return ERR_IO;
	if (l->synced == l->end)
		return ERR_OK;
	/* A failed fdatasync() may have dropped the pages: never try again. */
	if (fdatasync(l->fd) == -1) {
		l->failed = true;
		return ERR_IO;
	}
	l->synced = l->end;
	return ERR_OK;
}

uint64_t
audit_log_room(const struct audit_log *l)
{
	return l->prepared <= l->end + 4 ? 0 : l->prepared - l->end - 4;
}
