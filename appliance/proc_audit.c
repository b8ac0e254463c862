/*
 * keywarden-audit: sole writer of the audit log.  Knows no warrant and no key;
 * no network, no file but the log.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "appliance/audit_open.h"
#include "appliance/audit_proc.h"
#include "appliance/sandbox.h"
#include "base/log.h"
#include "version.h"

static void
on_after_io(uv_check_t *h)
{
	audit_commit(h->data);
}

/* ---- what the log's entries tell on opening ---- */

struct history {
	struct audit *a;
	struct audit_open open;
};

static void
seen(void *ctx, const struct audit_entry *e)
{
	struct history *h = ctx;
	bool was_open;

	if (state_seen_entry(&h->a->seen, e) != ERR_OK)
		fatal("out of memory");
	if (audit_open_see(&h->open, e, &was_open) != ERR_OK)
		fatal("out of memory");
}

static void
note(struct audit *a, enum audit_type type, const char *text)
{
	struct audit_entry e = {.type = type};

	rd_init(&e.text, text, strlen(text));
	if (!audit_has_room(a) || audit_write(a, &e, NULL, NULL) != ERR_OK)
		log_warning("the audit log is full: \"%s\" is not in it", text);
}

static void
open_log(struct audit *a, const struct audit_settings *s)
{
	struct history h = {.a = a};
	struct why why = {""};
	bool torn;
	enum err rc;

	rc = audit_log_open(&a->log, a->log_fd, s->chunk, s->most, seen, &h,
	    &torn, &why);
	if (rc != ERR_OK && rc != ERR_FULL)
		ctl_fail(rc, &why);
	if (rc == ERR_FULL)
		log_error("%s: nothing will be released", why.text);
	if (torn)
		note(a, AUDIT_STARTED,
		    "entries left unfinished by a crash were cut off");
	for (size_t i = 0; i < h.open.n; i++) {
		struct audit_entry e = {.type = AUDIT_ABANDONED,
		    .ref = h.open.ref[i]};

		if (audit_has_room(a) &&
		    audit_write(a, &e, NULL, NULL) != ERR_OK)
			log_error("an entry could not be written");
	}
	audit_open_done(&h.open);
	note(a, AUDIT_STARTED,
	    a->log.next == 0 ? "log created by keywarden " KEYWARDEN_VERSION
			     : "keywarden " KEYWARDEN_VERSION);
	audit_commit(a);
}

/* ---- the line to the supervisor ---- */

static void
on_file(void *ctx, enum ctl_file kind, int fd)
{
	struct audit *a = ctx;

	if (kind != CTL_FILE_LOG || a->log_fd != -1)
		fatal("a file that is not for this process");
	a->log_fd = fd;
}

static void
on_peer(void *ctx, enum ctl_peer kind, unsigned index, int fd)
{
	struct audit *a = ctx;

	if (kind == CTL_PEER_POLICY) {
		if (a->policy != NULL)
			audit_policy_left(a);
		if (peer_new(&a->loop, fd, &audit_policy_ops, a, &a->policy) !=
		    ERR_OK)
			fatal("no channel to policy");
		if (a->serving)
			audit_policy_joined(a);
		return;
	}
	if (kind == CTL_PEER_HI2) {
		audit_hi2_left(a);
		if (peer_new(&a->loop, fd, &audit_hi2_ops, a, &a->hi2) !=
		    ERR_OK)
			fatal("no channel to hi2");
		return;
	}
	if (kind != CTL_PEER_HSM)
		fatal("a peer that is not for this process");
	audit_worker_left(a, index);
	if (peer_new(&a->loop, fd, &audit_worker_ops,
		audit_worker_ctx(a, index), &a->worker[index].peer) != ERR_OK)
		fatal("no channel to a worker");
}

static void
on_setup(void *ctx, struct rd settings)
{
	struct audit *a = ctx;
	struct audit_settings s;

	if (a->log_fd == -1 || audit_settings_get(settings, &s) != ERR_OK)
		fatal("incomplete start");
	sandbox_confine(SANDBOX_AUDIT, 0);
	sandbox_enter(SANDBOX_AUDIT);
	open_log(a, &s);
	a->serving = true;
	/* One that has come before: only now is the first head known. */
	if (a->policy != NULL)
		audit_policy_joined(a);
}

static void
on_reload(void *ctx, struct rd settings)
{
	struct audit *a = ctx;
	struct audit_settings s;

	if (audit_settings_get(settings, &s) != ERR_OK)
		fatal("bad settings");
	a->log.chunk = s.chunk;
	a->log.most = s.most;
	if (audit_log_prepare(&a->log) != ERR_OK)
		log_error("no room for the audit log: nothing is released");
}

static void
on_stop(void *ctx)
{
	struct audit *a = ctx;

	note(a, AUDIT_STOPPED, "by request");
	audit_commit(a);
	_exit(0);
}

static const struct ctl_handlers handlers = {.file = on_file,
    .peer = on_peer,
    .setup = on_setup,
    .reload = on_reload,
    .stop = on_stop};

int
main(void)
{
	static struct audit a = {.log_fd = -1};

	ctl_init("keywarden-audit");
	sandbox_start(SANDBOX_AUDIT);
	a.out_end = &a.out;
	if (uv_loop_init(&a.loop) != 0 ||
	    slots_new(sizeof(struct item), AUDIT_ITEMS, &a.items) != ERR_OK)
		fatal("out of memory");
	for (unsigned i = 0; i < QUEUE__MAX; i++)
		if (turns_new(AUDIT_ITEMS, &a.waiting[i]) != ERR_OK)
			fatal("out of memory");
	a.after_io.data = &a;
	ctl_start(&handlers, &a);
	ctl_watch(&a.loop, &a.ctl, &handlers, &a);
	(void)uv_check_init(&a.loop, &a.after_io);
	(void)uv_check_start(&a.after_io, on_after_io);
	ctl_ready();
	return uv_run(&a.loop, UV_RUN_DEFAULT);
}
