/*
 * What policy and hi2 say to keywarden-x2 while PDUs come in, in any order: no
 * word of a neighbour breaks what the tables of x2 hold, and what x2 says is
 * what its neighbours read.
 *
 * Input: acts, each u8 and what it needs: see do_one().
 */
#include <stdlib.h>
#include <string.h>

#include "appliance/slots.h"
#include "appliance/x2_proc.h"
#include "base/log.h"
#include "channel.h"
#include "hi2/sip_event.h"

#define ACTS 256
#define TICKETS 1024 /* more than so many acts can begin */
#define OCTETS (1U << 20) /* of tickets */

static struct x2 x2;
static struct x2_conn conn;
static uint32_t ticket; /* of the last ask */
static int64_t now; /* ms */

/* --wrap=slots_new: tables that are made anew for each run in no time. */
enum err __real_slots_new(size_t size, unsigned most,
    struct slots **out) MUST_CHECK;
enum err __wrap_slots_new(size_t size, unsigned most,
    struct slots **out) MUST_CHECK;

enum err
__wrap_slots_new(size_t size, unsigned most, struct slots **out)
{
	return __real_slots_new(size, most < TICKETS ? most : TICKETS, out);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	log_init("x2", LOG_LVL_ERROR);
	MUST(sip_event_start() == ERR_OK && uv_loop_init(&x2.loop) == 0);
	return 0;
}

/* ---- in the place of x2_conn.c ---- */

void
x2_resume(struct x2 *x)
{
	x->resume = true;
}

void
x2_conn_stored(struct x2 *x)
{
	MUST(x == &x2);
}

/* ---- what it says ---- */

void
channel_sent(struct peer *p, uint16_t type, uint32_t id, struct rd body)
{
	static struct msg_intake_gone gone;
	static struct msg_content content;
	static struct msg_x2_ask ask;
	static struct msg_intake in;
	struct msg_counts counts;

	switch (type) {
	case MSG_XID:
		MUST(p == x2.policy && body.left == XID_LEN);
		break;
	case MSG_X2_ASK:
		MUST(p == x2.policy && msg_x2_ask_get(body, &ask) == ERR_OK);
		ticket = id;
		break;
	case MSG_X2_COUNTS:
		MUST(p == x2.policy && msg_counts_get(body, &counts) == ERR_OK);
		break;
	case MSG_CONTENT:
		MUST(p == x2.hi2 && msg_content_get(body, &content) == ERR_OK);
		break;
	case MSG_INTAKE:
		MUST(p == x2.hi2 && msg_intake_get(body, &in) == ERR_OK);
		break;
	case MSG_INTAKE_GONE:
		MUST(p == x2.hi2 && msg_intake_gone_get(body, &gone) == ERR_OK);
		break;
	case MSG_INTAKE_MORE:
		MUST(p == x2.hi2 && body.left == 8);
		break;
	default:
		MUST(p == x2.hi2 && type == MSG_CONTENT_GONE);
		MUST(body.left == 0);
	}
}

/* ---- acts ---- */

/* A PDU off a connection; one that waits is given again as it stands. */
static void
pdu(struct rd *in)
{
	struct rd octets = take_view16(in);
	struct x2_pdu p;

	if (x2_pdu_read(octets, &p) == ERR_OK)
		(void)x2_take(&conn, &p, octets);
	conn.out_len = 0;
	conn.n_late = 0;
}

/* What is said of the last ticket, in the form that it must have. */
static bool
word(struct rd *in)
{
	const uint8_t what = take_u8(in);
	const uint64_t leg = what >> 4;
	uint8_t body[64];
	struct rd r;
	struct wr w;
	uint16_t type;

	wr_init(&w, body, sizeof(body));
	wr_u64(&w, x2.epoch);
	switch (what % 4) {
	case 0:
	case 1:
		type = MSG_X2_LEGS;
		wr_u8(&w, 2);
		wr_u64(&w, leg);
		wr_u64(&w, leg + 1);
		break;
	case 2:
		type = MSG_X2_ENDED;
		wr_u64(&w, leg);
		wr_u8(&w, 1 + (what >> 2) % 8);
		break;
	default:
		type = MSG_STORED;
		wr_u64(&w, leg);
	}
	MUST(w.rc == ERR_OK);
	rd_init(&r, body, w.len);
	return channel_give(type == MSG_STORED ? &x2_hi2_ops : &x2_policy_ops,
		   &x2, type, ticket, r) == ERR_OK;
}

/* What policy says of an XID: of the last that was asked for, or of all. */
static bool
xid_is(struct rd *in)
{
	const uint8_t is = take_u8(in) % 4;
	struct rd r;

	rd_init(&r, &is, 1);
	for (uint32_t id = 0; id < 8; id++)
		if (channel_give(&x2_policy_ops, &x2, MSG_XID_IS, id, r) !=
		    ERR_OK)
			return false;
	return true;
}

static void
go_and_come(uint8_t what)
{
	if ((what & 16) != 0) {
		if (x2.policy != NULL)
			x2_policy_ops.closed(&x2, x2.policy);
		else {
			x2.policy = channel_open();
			x2_policy_joined(&x2);
		}
	} else if (x2.hi2 != NULL)
		x2_hi2_ops.closed(&x2, x2.hi2);
	else {
		x2.hi2 = channel_open();
		x2_hi2_joined(&x2);
	}
}

/* As a tick of the loop, so much later. */
static void
later(int64_t ms)
{
	now += ms;
	calls_tick(x2.calls, now);
	x2_take_events(&x2);
	x2_asks_tick(x2.asks, now);
	x2_intake_tick(x2.intake);
	x2_journal_turn(&x2);
	x2_tell_counts(&x2);
}

/* False: x2 has ended. */
static bool
do_one(struct rd *in)
{
	const uint8_t what = take_u8(in);

	switch (what % 8) {
	case 0:
	case 1:
		pdu(in);
		break;
	case 2:
		return channel_say(&x2_policy_ops, &x2, in) == ERR_OK;
	case 3:
		return channel_say(&x2_hi2_ops, &x2, in) == ERR_OK;
	case 4:
		return word(in);
	case 5:
		return xid_is(in);
	case 6:
		go_and_come(what);
		break;
	default:
		if ((what & 8) != 0 && x2.hi2 != NULL)
			channel_full(x2.hi2, what >> 4);
		else
			later(100 * (what >> 4));
	}
	return true;
}

static void
start(void)
{
	static const struct calls_limits limits = {.most_calls = 16,
	    .most_octets = 262144,
	    .most_stored = 262144,
	    .idle_ms = 60000,
	    .linger_ms = 10000,
	    .wait_ms = 1000};
	static const struct x2_asks_limits tickets = {.octets = OCTETS,
	    .retry_ms = 1000};
	static const uint8_t key[CALLS_KEY];
	uint8_t number[8] = {0, 0, 0, 0, 0, 0, 0, 1};
	struct rd r;

	conn = (struct x2_conn){.x = &x2, .fd = -1, .state = X2_OPEN};
	x2.epoch = 7;
	x2.replayed = x2.starved = false;
	x2.told_at = 0;
	ticket = 0;
	now = 0;
	x2.policy = channel_open();
	x2.hi2 = channel_open();
	MUST(calls_new(&limits, key, &x2.calls) == ERR_OK);
	MUST(x2_xids_new(64, &x2.xids) == ERR_OK);
	MUST(
	    x2_intake_new(TICKETS, x2_journal_send, &x2, &x2.intake) == ERR_OK);
	MUST(x2_replay_new(&x2.replay) == ERR_OK);
	MUST(x2_asks_new(&tickets, 64, x2.epoch, &x2_ticket_ops, &x2,
		 &x2.asks) == ERR_OK);
	x2_intake_limit(x2.intake, OCTETS);
	x2_policy_joined(&x2);
	x2_hi2_joined(&x2);
	/* Nothing comes back. */
	rd_init(&r, number, sizeof(number));
	MUST(channel_give(&x2_hi2_ops, &x2, MSG_INTAKE_END, 0, r) == ERR_OK);
}

static void
finish(void)
{
	peer_free(&x2.policy);
	peer_free(&x2.hi2);
	x2_asks_free(&x2.asks);
	x2_replay_free(&x2.replay);
	x2_intake_free(&x2.intake);
	x2_xids_free(&x2.xids);
	calls_free(&x2.calls);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool alive = true;
	struct rd in;

	start();
	rd_init(&in, data, size);
	for (unsigned i = 0; i < ACTS && alive && in.left > 0; i++)
		alive = do_one(&in);
	finish();
	return 0;
}
