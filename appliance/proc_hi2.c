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

/* A data key is erased after so long: what it sealed is out of reach then. */
#define KEY_MS (3600 * 1000)
/*
 * A queue that is made so soon after `keywarden init` is the first one: no
 * queue that is lost had numbers before it.
 */
#define FIRST_SECONDS 86400

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
say_counts(struct hi2 *h)
{
	struct msg_counts c;

	hi2_records_counts(h->records, &c);
	if (!h->said_unknown && c.v[HI2_COUNT_UNKNOWN_LEMF] > 0) {
		h->said_unknown = true;
		log_warning("a warrant names a LEMF that the configuration "
			    "lacks: its records wait, encoded by the profile "
			    "\"etsi\"");
	}
	if (c.v[HI2_COUNT_UNFIT] != h->said_unfit) {
		static struct log_limit limit;

		h->said_unfit = c.v[HI2_COUNT_UNFIT];
		log_limited(&limit, 5,
		    "the profile of a LEMF cannot say the time of a record: "
		    "the others get it");
	}
}

struct moment
hi2_now(void)
{
	return (struct moment){clock_uptime_ms(), clock_seconds()};
}

/* Nothing more of the queue is read or written: a person has to look at it. */
static void
check_queue(enum err rc, const struct why *why)
{
	if (rc == ERR_MALFORMED)
		ctl_fail(rc, why);
}

/* Apart from new records, when those find no room. */
static void
remove_alone(struct hi2 *h)
{
	static struct log_limit limit;
	struct why why = {""};
	enum err rc;

	if ((rc = delivery_remove(h->delivery, &why)) == ERR_OK)
		rc = spool_commit(h->spool, &why);
	if (rc != ERR_OK) {
		spool_give_up(h->spool);
		log_limited(&limit, 1,
		    "%s: what is delivered stays in the queue, and may be "
		    "delivered again",
		    why.text);
	}
	delivery_removed(h->delivery, rc == ERR_OK, hi2_now());
	check_queue(rc, &why);
}

/* Records, and what x2 has the journal keep; ERR_AGAIN: nothing has come. */
static enum err
put_new(struct hi2 *h, bool journal_too, struct why *why)
{
	const enum err journal =
	    journal_too ? hi2_intake_write(h->intake, why) : ERR_AGAIN;
	enum err rc = hi2_records_commit(h->records, why);

	if (rc == ERR_AGAIN && journal != ERR_AGAIN) {
		rc = journal != ERR_OK ? journal : spool_commit(h->spool, why);
		if (rc != ERR_OK)
			spool_give_up(h->spool);
	}
	if (journal != ERR_AGAIN)
		hi2_intake_turn_end(h->intake, rc == ERR_OK, hi2_now().ms);
	return rc;
}

/*
 * The end of a turn: what has come is on disk, and what is delivered has left
 * it, in one transaction.
 */
static void
commit(struct hi2 *h, bool last)
{
	const bool records = hi2_records_pending(h->records);
	const bool journal =
	    last || records || hi2_intake_due(h->intake, hi2_now().ms) == 0;
	const bool due = delivery_is_due(h->delivery, hi2_now());
	const bool joins = due && records && !h->failing;
	struct why why = {""};
	enum err rc = ERR_OK, put;

	if (joins)
		rc = delivery_remove(h->delivery, &why);
	put = put_new(h, journal, &why);
	if (put != ERR_AGAIN) {
		if (joins)
			delivery_removed(h->delivery,
			    rc == ERR_OK && put == ERR_OK, hi2_now());
		say_failing(h, put, &why);
		check_queue(put, &why);
		say_counts(h);
	}
	if (due && !joins)
		remove_alone(h);
}

static void
on_busy(uv_idle_t *t)
{
	(void)t; /* the loop turns, and does not wait */
}

/* What waits goes out, and the loop comes back for the rest. */
static void
give(struct hi2 *h)
{
	static struct log_limit limit;
	struct why why = {""};
	bool more = false;
	const enum err rc = delivery_turn(h->delivery, hi2_now(), &more, &why);

	if (rc != ERR_OK)
		log_limited(&limit, 1, "%s: records wait", why.text);
	check_queue(rc, &why);
	if (more)
		(void)uv_idle_start(&h->busy, on_busy);
	else
		(void)uv_idle_stop(&h->busy);
}

static void on_soon(uv_timer_t *t);

/*
 * The turn after which nothing may come that ends another one: the timer's own
 * makes what is due then leave, however early it is.
 */
static void
come_back(struct hi2 *h)
{
	const struct moment now = hi2_now();
	const int64_t journal = hi2_intake_due(h->intake, now.ms);
	int64_t in = delivery_due_in(h->delivery, now);

	if (in < 0 || (journal >= 0 && journal < in))
		in = journal;
	if (in >= 0)
		(void)uv_timer_start(&h->soon, on_soon, (uint64_t)in, 0);
}

/* Who waits for the disk is told before the log is moved, and LEMFs too. */
static void
turn(struct hi2 *h)
{
	commit(h, false);
	give(h);
	hi2_journal_turn(h);
	spool_tidy(h->spool);
	come_back(h);
}

static void
on_after_io(uv_check_t *t)
{
	turn(t->data);
}

static void
on_soon(uv_timer_t *t)
{
	turn(t->data);
}

static void
on_tick(uv_timer_t *t)
{
	static struct log_limit limit;
	struct hi2 *h = t->data;
	struct why why = {""};
	enum err rc;

	hi2_tasks_expire(h);
	if ((rc = delivery_tick(h->delivery, hi2_now(), &why)) != ERR_OK)
		log_limited(&limit, 1, "%s", why.text);
	check_queue(rc, &why);
	hi2_tell_counts(h);
	hi2_tell_delivery(h);
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
		hi2_policy_is_new(h);
	} else if (kind == CTL_PEER_AUDIT) {
		at = &h->audit;
		ops = &hi2_audit_ops;
	} else if (kind == CTL_PEER_HI2C && index < MAX_LEMFS) {
		hi2_link_joined(h, index, fd);
		return;
	} else if (kind == CTL_PEER_HSM && index < MAX_WORKERS) {
		at = &h->hsm[index];
		ops = &hi2_hsm_ops;
	} else
		fatal("a peer that is not for this process");
	if (kind == CTL_PEER_AUDIT && *at != NULL) {
		peer_free(at);
		hi2_audit_left(h);
	}
	peer_free(at);
	if (peer_new(&h->loop, fd, ops, h, at) != ERR_OK)
		fatal("no channel to %s", ops->name);
	if (kind == CTL_PEER_POLICY && h->records != NULL) {
		hi2_tell_counts(h);
		hi2_tell_delivery(h);
	}
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
	c.first = c.now - state.created < FIRST_SECONDS;
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
	sandbox_confine(SANDBOX_HI2, 0);
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
	if (hi2_tasks_init(&h->tasks) != ERR_OK ||
	    delivery_new(h->spool, &hi2_delivery_ops, h, &h->delivery) !=
		ERR_OK ||
	    delivery_configure(h->delivery, &s, hi2_now()) != ERR_OK)
		fatal("out of memory");
	h->key_since = clock_uptime_ms();
	hi2_tell_counts(h);
	hi2_tell_delivery(h);
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
	if (delivery_configure(h->delivery, &s, hi2_now()) != ERR_OK)
		fatal("out of memory");
	hi2_links_again(h);
}

static void
on_stop(void *ctx)
{
	struct hi2 *h = ctx;

	commit(h, true);
	hi2_journal_close(h);
	remove_alone(h);
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
	sandbox_start(SANDBOX_HI2);
	if (uv_loop_init(&h.loop) != 0)
		fatal("out of memory");
	h.after_io.data = h.tick.data = h.soon.data = &h;
	ctl_start(&handlers, &h);
	ctl_watch(&h.loop, &h.ctl, &handlers, &h);
	(void)uv_check_init(&h.loop, &h.after_io);
	(void)uv_check_start(&h.after_io, on_after_io);
	(void)uv_timer_init(&h.loop, &h.tick);
	(void)uv_timer_start(&h.tick, on_tick, DELIVERY_TICK_MS,
	    DELIVERY_TICK_MS);
	(void)uv_timer_init(&h.loop, &h.soon);
	(void)uv_idle_init(&h.loop, &h.busy);
	ctl_ready();
	return uv_run(&h.loop, UV_RUN_DEFAULT);
}
