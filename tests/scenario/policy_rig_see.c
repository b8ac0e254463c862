/* What audit and the workers have left behind: log entries, lines. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "appliance/audit_log.h"
#include "policy_rig.h"

typedef bool wanted_fn(const struct audit_entry *, const void *);

static unsigned
count(struct rig *g, uint64_t from, wanted_fn *wanted, const void *ctx,
    uint64_t *next)
{
	static struct audit_reader r;
	const int fd = rig_open(g, "audit.log", O_RDONLY);
	struct why why = {""};
	struct audit_entry e;
	unsigned n = 0;
	enum err rc;

	if (audit_reader_open(&r, fd, &why) != ERR_OK)
		rig_stop("audit.log", why.text);
	while ((rc = audit_reader_next(&r, &e, &why)) == ERR_OK)
		n += e.number >= from && wanted(&e, ctx);
	close(fd);
	if (rc != ERR_NOTFOUND)
		rig_stop("audit.log", why.text);
	*next = r.next;
	return n;
}

struct wanted {
	enum audit_type type;
	const char *text;
};

static bool
is_wanted(const struct audit_entry *e, const void *ctx)
{
	const struct wanted *w = ctx;
	const size_t n = strlen(w->text);

	return e->type == w->type &&
	    (n == 0 ||
		((audit_fields(e->type) & AUDIT_F_TEXT) != 0 &&
		    e->text.left > 0 &&
		    memmem(e->text.p, e->text.left, w->text, n) != NULL));
}

static bool
is_withheld(const struct audit_entry *e, const void *ctx)
{
	(void)ctx;
	return e->type == AUDIT_KEY_OUTCOME && e->reason != XK_GRANTED;
}

void
rig_mark(struct rig *g)
{
	const int fd = rig_open(g, "log", O_RDONLY | O_CREAT);

	g->log_mark = (long)lseek(fd, 0, SEEK_END);
	close(fd);
	(void)count(g, UINT64_MAX, is_withheld, NULL, &g->entry_mark);
}

unsigned
rig_entries(struct rig *g, enum audit_type type, const char *text)
{
	const struct wanted w = {type, text};
	uint64_t next;

	return count(g, g->entry_mark, is_wanted, &w, &next);
}

unsigned
rig_withheld(struct rig *g)
{
	uint64_t next;

	return count(g, g->entry_mark, is_withheld, NULL, &next);
}

bool
rig_said(struct rig *g, const char *text)
{
	static char buf[1024 * 1024];
	const int fd = rig_open(g, "log", O_RDONLY);
	const ssize_t n = pread(fd, buf, sizeof(buf) - 1, g->log_mark);

	close(fd);
	buf[n > 0 ? n : 0] = '\0';
	return strstr(buf, text) != NULL;
}
