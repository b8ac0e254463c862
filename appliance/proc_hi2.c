/*
 * keywarden-hi2: makes the records for the LEMFs and holds the queue of those
 * that wait.  Its one file is the queue; it has no network, no warrant but
 * what a worker or policy says of one, and keys only while a record is made.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "appliance/hi2_proc.h"
#include "appliance/kms_state.h"
#include "appliance/sandbox.h"
#include "base/clock.h"
#include "base/log.h"

#define TICK_MS 2000
/* A data key is erased after so long: what it sealed is out of reach then. */
#define KEY_MS (3600 * 1000)

/* ---- the loop ---- */

/* Once when it begins and once when it ends, not each time. */
static void
say_failing(struct hi2 *h, enum err rc, const struct why *why)
{
	if (rc != ERR_OK && !h->failing)
		log_error("%s: records are not stored, and are asked for again",
		    why->text);
	if (rc == ERR_OK && h->failing)
		log_info("records are stored again");
	h->failing = rc != ERR_OK;
}

static void
say_unknown(struct hi2 *h)
{
	struct msg_counts c;

	if (h->said_unknown)
		return;
	hi2_records_counts(h->records, &c);
	if (c.v[HI2_COUNT_UNKNOWN_LEMF] == 0)
		return;
	h->said_unknown = true;
	log_warning("a warrant names a LEMF that the configuration lacks: its "
		    "records wait, encoded by the profile \"etsi\"");
}

/* The journal goes with the records, or by itself. */
static enum err
end_turn(struct hi2 *h, bool last, struct why *why)
{
	const enum err journal = hi2_journal_write(h,
	    last || hi2_records_any(h->records), why);
	enum err rc = hi2_records_commit(h->records, why);

	if (rc == ERR_AGAIN && journal != ERR_AGAIN) {
		rc = journal != ERR_OK ? journal : spool_commit(h->spool, why);
		if (rc != ERR_OK)
			spool_give_up(h->spool);
	}
	if (journal != ERR_AGAIN)
		hi2_intake_turn_end(h->intake, rc == ERR_OK, clock_uptime_ms());
	return rc;
}

static void
commit(struct hi2 *h, bool last)
{
	struct why why = {""};
	const enum err rc = end_turn(h, last, &why);

	if (rc == ERR_AGAIN) /* nothing has come */
		return;
	say_failing(h, rc, &why);
	if (rc == ERR_MALFORMED)
		ctl_fail(rc, &why);
	say_unknown(h);
}

static void
on_after_io(uv_check_t *t)
{
	struct hi2 *h = t->data;

	commit(h, false);
	hi2_journal_turn(h);
}

static void
on_tick(uv_timer_t *t)
{
	struct hi2 *h = t->data;

	hi2_tell_counts(h);
	hi2_drop_parked(h);
	if (clock_uptime_ms() - h->key_since < KEY_MS)
		return;
	h->key_since = clock_uptime_ms();
	spool_change_key(h->spool);
}

/* ---- the line to the supervisor ---- */

static void
on_file(void *ctx, enum ctl_file kind, int fd)
{
	struct hi2 *h = ctx;

	if (kind != CTL_FILE_KMS_STATE || h->state_fd != -1)
		fatal("a file that is not for this process");
	h->state_fd = fd;
}

static void
on_peer(void *ctx, enum ctl_peer kind, unsigned index, int fd)
{
	const struct peer_ops *ops = NULL;
	struct peer **at = NULL;
	struct hi2 *h = ctx;

	if (kind == CTL_PEER_X2) {
		at = &h->x2;
		ops = &hi2_x2_ops;
	} else if (kind == CTL_PEER_POLICY) {
		at = &h->policy;
		ops = &hi2_policy_ops;
		h->told.n = 0;
	} else if (kind == CTL_PEER_AUDIT) {
		at = &h->audit;
		ops = &hi2_audit_ops;
	} else if (kind == CTL_PEER_HSM && index < MAX_WORKERS) {
		at = &h->hsm[index];
		ops = &hi2_hsm_ops;
	} else
		fatal("a peer that is not for this process");
	peer_free(at);
	if (peer_new(&h->loop, fd, ops, h, at) != ERR_OK)
		fatal("no channel to %s", ops->name);
	if (kind == CTL_PEER_POLICY && h->records != NULL)
		hi2_tell_counts(h);
	if (kind == CTL_PEER_X2 && h->intake != NULL)
		hi2_intake_x2_joined(h->intake);
}

/* What tells this machine from the one that a copy of the queue is put on. */
static struct rd
read_machine(void)
{
	static uint8_t id[64];
	const int fd = open("/etc/machine-id", O_RDONLY | O_CLOEXEC);
	const ssize_t n = fd == -1 ? 0 : read(fd, id, sizeof(id));
	struct rd r;

	if (fd != -1)
		close(fd);
	rd_init(&r, id, n > 0 ? (size_t)n : 0);
	return r;
}

static void
open_spool(struct hi2 *h, const char *path, struct rd machine)
{
	static struct kms_state state;
	struct spool_config c = {.path = path,
	    .machine = machine,
	    .now = clock_seconds()};
	struct rd sealed, seal, whole;
	uint8_t hash[DIGEST_LEN], *octets = NULL;
	struct why why = {""};
	enum err rc;

	if (kms_state_load(h->state_fd, &octets, &state, &sealed, &seal,
		&why) != ERR_OK)
		ctl_fail(ERR_MALFORMED, &why);
	rd_init(&whole, octets, sealed.left + seal.left);
	if (digest_of(whole, hash) != ERR_OK)
		fatal("SHA-256 failed");
	c.spki = state.spool_key;
	c.kms = hash;
	rc = spool_open(&c, &h->spool, &why);
	if (rc != ERR_OK)
		ctl_fail(rc, &why);
	close(h->state_fd);
	free(octets);
}

static void
on_setup(void *ctx, struct rd settings)
{
	static struct hi2_settings s;
	struct hi2 *h = ctx;
	struct why why = {""};
	struct rd machine;
	char path[4096];
	enum err rc;

	if (h->state_fd == -1 || hi2_settings_get(settings, &s) != ERR_OK ||
	    view_text(s.spool, path, sizeof(path)) != ERR_OK)
		fatal("incomplete start");
	if ((rc = hi2_profiles_read(&s, &h->profiles, &why)) != ERR_OK)
		ctl_fail(rc, &why);
	machine = read_machine();
	sandbox_enter(SANDBOX_HI2);
	open_spool(h, path, machine);
	if (hi2_records_new(h->spool, &h->profiles, hi2_tell_stored, h,
		&h->records) != ERR_OK) {
		rc = why_set(&why, ERR_NOMEM,
		    "no memory, or none that can be locked, for records "
		    "(RLIMIT_MEMLOCK)");
		ctl_fail(rc, &why);
	}
	if ((rc = hi2_journal_open(h, s.intake_most, &why)) != ERR_OK)
		ctl_fail(rc, &why);
	h->key_since = clock_uptime_ms();
	hi2_tell_counts(h);
}

static void
on_reload(void *ctx, struct rd settings)
{
	static struct hi2_settings s;
	struct hi2 *h = ctx;
	struct why why = {""};

	if (hi2_settings_get(settings, &s) != ERR_OK)
		fatal("bad settings");
	if (hi2_profiles_read(&s, &h->profiles, &why) != ERR_OK) {
		log_error("%s: the profiles stay as they were", why.text);
		return;
	}
	h->said_unknown = false;
	hi2_intake_limit(h->intake, s.intake_most);
}

static void
on_stop(void *ctx)
{
	struct hi2 *h = ctx;

	commit(h, true);
	hi2_journal_close(h);
	spool_close(&h->spool);
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
	static struct hi2 h = {.state_fd = -1};

	ctl_init("keywarden-hi2");
	if (uv_loop_init(&h.loop) != 0)
		fatal("out of memory");
	h.after_io.data = h.tick.data = h.journal_due.data = &h;
	ctl_start(&handlers, &h);
	ctl_watch(&h.loop, &h.ctl, &handlers, &h);
	(void)uv_check_init(&h.loop, &h.after_io);
	(void)uv_check_start(&h.after_io, on_after_io);
	(void)uv_timer_init(&h.loop, &h.tick);
	(void)uv_timer_start(&h.tick, on_tick, TICK_MS, TICK_MS);
	(void)uv_timer_init(&h.loop, &h.journal_due);
	ctl_ready();
	return uv_run(&h.loop, UV_RUN_DEFAULT);
}
