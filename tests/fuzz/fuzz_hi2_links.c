/*
 * What the processes of LEMFs, audit and a worker say to keywarden-hi2 of
 * delivery, in any order: a record goes out in order, to a connection that is
 * open, and none that was called delivered goes out again; each is waiting,
 * sent, delivered, dropped or set aside, and counted once; each signature that
 * is asked for has one answer; who says what is not permitted loses its channel
 * and stops nothing else.
 *
 * Input: acts, each u8 and what it needs: see do_one().
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "appliance/hi2_proc.h"
#include "base/log.h"
#include "channel.h"
#include "help.h"
#include "spool_look.h"

#define ACTS 128
#define SLOTS 2
#define RECORDS 6 /* of each LEMF, under a data key of before */
#define NOW 1800000000
#define IDS 256 /* of signatures */
#define TASKS 256 /* at audit; hi2 waits for HI2_TASKS of them at most */

static const uint8_t kms[QUEUE_DIGEST_LEN] = {1, 2, 3};
static struct hi2 hi2;
static struct spool_key key;
static struct rd queue; /* the file as it is at the start */
static char folder[] = "/dev/shm/fuzz-hi2-XXXXXX", path[64];
static struct moment now;

static struct told {
	struct {
		uint32_t epoch; /* of the last LINK that was open; 0: none */
		uint64_t given, delivered;
		unsigned signs[IDS]; /* asked for and not answered */
		bool full; /* it has not read: an answer may be lost */
	} slot[SLOTS];
	struct task {
		uint32_t id;
		enum hi2_task_kind kind;
	} task[TASKS];
	unsigned n_tasks; /* more, when their time is over or their link gone */
	uint8_t wrapped[QUEUE_WRAPPED_MAX];
	size_t wrapped_len;
	uint32_t note;
} told;

/* ---- in place of proc_hi2.c ---- */

struct moment
hi2_now(void)
{
	return now;
}

void __wrap_log_error(const char *fmt, ...) PRINTF_LIKE(1, 2);

void
__wrap_log_error(const char *fmt, ...)
{
	(void)fmt;
}

/* ---- the queue ---- */

static struct spool *
open_queue(void)
{
	const struct spool_config c = {.path = path,
	    .spki = spool_key_spki(&key),
	    .kms = kms,
	    .now = NOW};
	struct why why = {""};
	struct spool *s = NULL;

	if (spool_open(&c, &s, &why) != ERR_OK)
		must_failed(why.text, __FILE__, __LINE__);
	return s;
}

static const char *const lemfs[SLOTS] = {"north", "south"};

static void
fill_queue(void)
{
	struct spool *s = open_queue();
	struct spool_place at;
	struct why why = {""};

	for (unsigned i = 0; i < SLOTS * RECORDS; i++) {
		MUST(spool_place(s, str(lemfs[i % SLOTS]), str("L1"), 1, NOW,
			 &at, &why) == ERR_OK);
		MUST(spool_put(s, &at, str("a record"), &why) == ERR_OK);
	}
	MUST(spool_commit(s, &why) == ERR_OK);
	spool_close(&s);
	queue = read_whole(path);
}

static void
remove_queue(void)
{
	(void)unlink(path);
	(void)rmdir(folder);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	log_init("hi2", LOG_LVL_ERROR);
	/* Where nothing waits for a disk. */
	MUST(mkdtemp(folder) != NULL && atexit(remove_queue) == 0);
	(void)snprintf(path, sizeof(path), "%s/spool.db", folder);
	spool_key_make(&key);
	fill_queue();
	return 0;
}

static void
put_queue(void)
{
	const int fd =
	    open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	MUST(fd != -1);
	MUST(write(fd, queue.p, queue.left) == (ssize_t)queue.left);
	close(fd);
}

/* ---- what it says ---- */

static void
to_link(unsigned slot, uint16_t type, uint32_t id, struct rd body)
{
	struct msg_deliver m;

	if (type == MSG_SIGNED) {
		MUST(id < IDS && told.slot[slot].signs[id] > 0);
		told.slot[slot].signs[id]--;
		return;
	}
	MUST(type == MSG_DELIVER && msg_deliver_get(body, &m) == ERR_OK);
	MUST(m.epoch == told.slot[slot].epoch && m.epoch != 0);
	MUST(m.number > told.slot[slot].given);
	MUST(m.number > told.slot[slot].delivered);
	MUST(rd_is(&m.pdu, "a record", 8));
	told.slot[slot].given = m.number;
}

static void
to_audit(uint16_t type, uint32_t id, struct rd body)
{
	struct msg_hi2_note n;
	struct msg_hi2_task t;

	if (type == MSG_HI2_NOTE) {
		MUST(msg_hi2_note_get(body, &n) == ERR_OK);
		told.note = id;
		return;
	}
	MUST(type == MSG_HI2_TASK && msg_hi2_task_get(body, &t) == ERR_OK);
	MUST(told.n_tasks < TASKS && id != 0);
	for (unsigned i = 0; i < told.n_tasks; i++)
		MUST(told.task[i].id != id);
	told.task[told.n_tasks++] = (struct task){id, t.kind};
	if (t.kind == HI2_TASK_UNWRAP) {
		memcpy(told.wrapped, t.octets.p, t.octets.left);
		told.wrapped_len = t.octets.left;
	}
}

void
channel_sent(struct peer *to, uint16_t type, uint32_t id, struct rd body)
{
	struct msg_delivery m;
	struct msg_counts c;

	for (unsigned i = 0; i < SLOTS; i++)
		if (to == hi2.link[i].peer) {
			to_link(i, type, id, body);
			return;
		}
	if (to == hi2.audit)
		to_audit(type, id, body);
	else if (type == MSG_DELIVERY)
		MUST(to == hi2.policy && msg_delivery_get(body, &m) == ERR_OK);
	else
		MUST(to == hi2.policy && type == MSG_HI2_COUNTS &&
		    msg_counts_get(body, &c) == ERR_OK);
}

/* ---- the processes of LEMFs ---- */

static void
link_goes(unsigned slot)
{
	struct peer *p = hi2.link[slot].peer;

	channel_ends(p);
	peer_free(&p);
	memset(told.slot[slot].signs, 0, sizeof(told.slot[slot].signs));
	told.slot[slot].epoch = 0;
	told.slot[slot].full = false;
}

static void
link_comes(unsigned slot)
{
	hi2_link_joined(&hi2, slot, open("/dev/null", O_RDONLY | O_CLOEXEC));
	told.slot[slot].epoch = 0;
}

/* What is not permitted ends its channel. */
static bool
link_says(unsigned slot, uint16_t type, uint32_t id, struct rd body)
{
	const enum err rc = channel_hears(hi2.link[slot].peer, type, id, body);

	if (rc != ERR_OK)
		link_goes(slot);
	return rc == ERR_OK;
}

static struct rd
written(const struct wr *w)
{
	MUST(w->rc == ERR_OK);
	return view(w->p, w->len);
}

static void
link_state(unsigned slot, uint8_t what)
{
	const struct msg_link m = {.state = (enum link_state)(what % 4),
	    .epoch = hi2.link[slot].epoch + (what >> 2 & 1),
	    .text = str("why")};
	uint8_t octets_of_link[64];
	struct wr w;

	wr_init(&w, octets_of_link, sizeof(octets_of_link));
	msg_link_put(&w, &m);
	/* What is given in the meantime goes by it already. */
	told.slot[slot].epoch = m.state >= LINK_OPEN ? m.epoch : 0;
	if (m.state == LINK_OPEN)
		told.slot[slot].given = 0;
	(void)link_says(slot, MSG_LINK, 0, written(&w));
}

static void
link_upto(unsigned slot, bool delivered, uint8_t what)
{
	const struct msg_upto m = {hi2.link[slot].epoch,
	    what < 128 ? told.slot[slot].given : what % 16};
	uint8_t octets_of_upto[16];
	struct wr w;

	wr_init(&w, octets_of_upto, sizeof(octets_of_upto));
	msg_upto_put(&w, &m);
	if (link_says(slot, delivered ? MSG_DELIVERED : MSG_SENT, 0,
		written(&w)) &&
	    delivered && told.slot[slot].epoch == m.epoch &&
	    m.number > told.slot[slot].delivered)
		told.slot[slot].delivered = m.number;
}

/* Any frame: what it says of numbers is not followed, so it goes then. */
static void
any(unsigned slot, struct rd *in)
{
	memset(told.slot[slot].signs, 1, sizeof(told.slot[slot].signs));
	(void)!channel_hear(hi2.link[slot].peer, in);
	link_goes(slot);
}

static void
by_link(uint8_t what, struct rd *in)
{
	const unsigned slot = what % SLOTS;
	const uint8_t how = take_u8(in);

	if (hi2.link[slot].peer == NULL) {
		link_comes(slot);
		return;
	}
	switch (what / SLOTS % 8) {
	case 0:
		link_goes(slot);
		break;
	case 1:
	case 2:
		link_state(slot, how);
		break;
	case 3:
		link_upto(slot, false, how);
		break;
	case 4:
	case 5:
		link_upto(slot, true, how);
		break;
	case 6:
		told.slot[slot].signs[how]++;
		(void)link_says(slot, MSG_SIGN, how, str("hashes"));
		break;
	default:
		any(slot, in);
	}
}

/* ---- audit and workers ---- */

static void
audit_goes_or_comes(void)
{
	struct peer *p = hi2.audit;

	if (p == NULL) {
		hi2.audit = channel_open();
		return;
	}
	told.n_tasks = 0;
	hi2_audit_left(&hi2);
	peer_free(&p);
}

/* The end of a task, from a worker or from audit. */
static void
task_ends(uint8_t what)
{
	static const uint8_t wrong[QUEUE_KEY_LEN];
	uint8_t octets_of_key[QUEUE_KEY_LEN], octets_of_done[64];
	struct msg_hi2_done m = {.rc = ERR_OK};
	struct task t;
	struct wr w;

	if (told.n_tasks == 0)
		return;
	t = told.task[what % told.n_tasks];
	told.task[what % told.n_tasks] = told.task[--told.n_tasks];
	wr_init(&w, octets_of_done, sizeof(octets_of_done));
	if (what > 191) {
		msg_hi2_ended_put(&w, ERR_HSM);
		MUST(channel_give(&hi2_audit_ops, &hi2, MSG_HI2_TASK_FAILED,
			 t.id, written(&w)) == ERR_OK);
		return;
	}
	if (t.kind == HI2_TASK_SIGN)
		m.octets = str("a signature");
	else if (what < 128) {
		spool_key_unwrap(&key, told.wrapped, told.wrapped_len,
		    octets_of_key);
		m.octets = view(octets_of_key, sizeof(octets_of_key));
	} else if (what < 160)
		m.octets = view(wrong, sizeof(wrong));
	else
		m.rc = ERR_MISMATCH;
	msg_hi2_done_put(&w, &m);
	MUST(channel_give(&hi2_hsm_ops, &hi2, MSG_HI2_TASK_DONE, t.id,
		 written(&w)) == ERR_OK);
}

static void
noted(uint8_t what)
{
	const uint8_t rc = what % ERR__MAX;

	MUST(channel_give(&hi2_audit_ops, &hi2, MSG_HI2_NOTED, told.note,
		 view(&rc, 1)) == ERR_OK);
}

/* ---- the loop ---- */

static void
turn(void)
{
	struct why why = {""};
	bool more = false;
	enum err rc;

	(void)!delivery_turn(hi2.delivery, now, &more, &why);
	if (delivery_is_due(hi2.delivery, now)) {
		rc = delivery_remove(hi2.delivery, &why);
		if (rc == ERR_OK)
			rc = spool_commit(hi2.spool, &why);
		MUST(rc == ERR_OK);
		delivery_removed(hi2.delivery, true, now);
	}
	hi2_tell_delivery(&hi2);
}

static void
check_counts(void)
{
	struct msg_delivery m;

	for (unsigned i = 0; delivery_show(hi2.delivery, i, &m); i++)
		MUST(m.waiting + m.sent + m.delivered + m.dropped + m.damaged ==
		    RECORDS);
}

static void
do_one(struct rd *in)
{
	const uint8_t act = take_u8(in), what = act >> 3;
	struct why why = {""};

	switch (act % 8) {
	case 0:
	case 1:
	case 2:
		by_link(what, in);
		break;
	case 3:
		if (what == 0)
			audit_goes_or_comes();
		else if (what == 1)
			noted(take_u8(in));
		else
			task_ends(take_u8(in));
		break;
	case 4:
		now.ms += (int64_t)what * 1000;
		now.utc += what;
		hi2_tasks_expire(&hi2);
		MUST(delivery_tick(hi2.delivery, now, &why) == ERR_OK);
		break;
	case 5:
		for (unsigned i = 0; i < SLOTS; i++)
			if (hi2.link[i].peer != NULL && (what & 1) != 0) {
				channel_full(hi2.link[i].peer, what >> 1);
				told.slot[i].full = true;
			}
		break;
	default:
		turn();
	}
	check_counts();
}

/* ---- a process, from its start to its end ---- */

static void
start(void)
{
	struct hi2_settings s = {.n_lemfs = SLOTS};
	const uv_loop_t loop = hi2.loop;

	for (uint8_t i = 0; i < SLOTS; i++)
		s.lemf[i] = (struct lemf_settings){.name = str(lemfs[i]),
		    .linked = true,
		    .slot = i,
		    .queue_mib = 1,
		    .dead_seconds = 60};
	put_queue();
	memset(&told, 0, sizeof(told));
	now = (struct moment){1000000, NOW};
	hi2 = (struct hi2){.loop = loop};
	hi2.spool = open_queue();
	hi2.policy = channel_open();
	MUST(delivery_new(hi2.spool, &hi2_delivery_ops, &hi2, &hi2.delivery) ==
	    ERR_OK);
	MUST(delivery_configure(hi2.delivery, &s, now) == ERR_OK);
	audit_goes_or_comes();
}

static void
finish(void)
{
	audit_goes_or_comes();
	if (hi2.audit != NULL)
		audit_goes_or_comes();
	for (unsigned i = 0; i < SLOTS; i++)
		if (hi2.link[i].peer != NULL) {
			for (unsigned id = 0; id < IDS; id++)
				MUST(told.slot[i].signs[id] == 0 ||
				    told.slot[i].full);
			link_goes(i);
		}
	for (unsigned i = 0; i < HI2_TASKS; i++)
		MUST(hi2.tasks.task[i].id == 0);
	peer_free(&hi2.policy);
	delivery_free(&hi2.delivery);
	spool_close(&hi2.spool);
	free(hi2.told_of);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const int lowest = lowest_free_fd();
	struct rd in;

	rd_init(&in, data, size);
	start();
	for (unsigned i = 0; i < ACTS && in.left > 0; i++)
		do_one(&in);
	finish();
	MUST(lowest_free_fd() == lowest);
	return 0;
}
