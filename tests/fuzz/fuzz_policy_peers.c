/*
 * What xk, x2, hi2, audit and keywarden(1) say to keywarden-policy, in any
 * order, with documents that persons have signed: nothing is granted but under
 * a warrant in force to who may have it; each ask, leg and request of a person
 * has one end; the head moves by what audit has taken, by one; what policy
 * says is read by its neighbours; and when audit is back and well, nothing is
 * left that waits.
 *
 * Input: u8 how the database begins, then acts, each u8 and what it needs: see
 * do_one().
 */
#include <sys/socket.h>

#include <setjmp.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "appliance/policy_cli.h"
#include "appliance/policy_delivery.h"
#include "appliance/policy_x2.h"
#include "appliance/proto_hi2.h"
#include "base/clock.h"
#include "base/log.h"
#include "help.h"
#include "policy_says.h"
#include "policy_world.h"

#define ACTS 128
#define PENDING 64 /* so that there may be no room */

struct policy process;
int64_t now; /* seconds */
static jmp_buf ended; /* policy has ended itself */
static uint32_t conns[4]; /* ids of connections; 0: none */
static uint32_t next_conn;
static bool x2_left;

/* ---- in the place of the machine: --wrap ---- */

int64_t __wrap_clock_seconds(void);
int __wrap_accept4(int fd, struct sockaddr *, socklen_t *, int flags);
_Noreturn void __wrap_fatal(const char *fmt, ...) PRINTF_LIKE(1, 2);
void __wrap_log_error(const char *fmt, ...) PRINTF_LIKE(1, 2);
enum err __wrap_client_proof_check(const struct client_proof *,
    const uint8_t nonce[CLIENT_NONCE_LEN], struct why *) MUST_CHECK;

int64_t
__wrap_clock_seconds(void)
{
	return now;
}

int
__wrap_accept4(int fd, struct sockaddr *from, socklen_t *len, int flags)
{
	int pair[2];

	(void)fd;
	(void)from;
	(void)len;
	MUST(socketpair(AF_UNIX, SOCK_STREAM | flags, 0, pair) == 0);
	close(pair[1]);
	return pair[0];
}

void
__wrap_fatal(const char *fmt, ...)
{
	(void)fmt;
	longjmp(ended, 1);
}

void
__wrap_log_error(const char *fmt, ...)
{
	(void)fmt;
}

/* fuzz_client_proof has it; here a proof says of itself whether it holds. */
enum err
__wrap_client_proof_check(const struct client_proof *m,
    const uint8_t nonce[CLIENT_NONCE_LEN], struct why *why)
{
	(void)nonce;
	return rd_is(&m->signature, "good", 4)
	    ? ERR_OK
	    : why_set(why, ERR_DENIED, "it says so");
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	log_init("policy", LOG_LVL_ERROR);
	MUST(uv_loop_init(&process.loop) == 0);
	world_make();
	return 0;
}

/* ---- xk ---- */

static bool
xk_connects(uint32_t *conn)
{
	if (*conn != 0) {
		const uint32_t id = *conn;

		*conn = 0;
		return say(&policy_xk_ops, MSG_CONN_GONE, id, view("", 0));
	}
	*conn = ++next_conn;
	return say(&policy_xk_ops, MSG_CONN, *conn, view("", 0));
}

static bool
xk_shows(uint32_t conn, uint8_t what)
{
	const bool enrolled = (what & 1) != 0, good = (what & 2) != 0;
	const struct client_proof m = {.hash = CLIENT_SHA256,
	    .scheme = 0x0403,
	    .signature = str(good ? "good" : "bad"),
	    .cert = enrolled ? world_client() : str("another"),
	    .transcript = str("transcript")};
	struct wr w = body();

	if (conn == 0 ||
	    process.connection[conn % MAX_CONNECTIONS].state !=
		CONNECTION_ASKED)
		return true;
	msg_client_put(&w, &m);
	return say(&policy_xk_ops, MSG_CLIENT, conn, written(&w));
}

static bool
xk_asks(uint32_t conn, struct rd *in)
{
	static const char *const targets[4] = {WORLD_ALICE, WORLD_BOB,
	    "sip:carol@example.com", "sip:nobody@example.com"};
	const uint8_t what = take_u8(in), id = take_u8(in);
	struct msg_ask m = {.epoch = 7,
	    .connection = conn,
	    .target = str(targets[what % 4]),
	    .role_reason = what >> 4 == 1 ? XK_UNSUPPORTED : XK_GRANTED,
	    .call_reason = what >> 4 == 2 ? XK_MALFORMED : XK_GRANTED,
	    .liid = str((what & 4) != 0 ? "L1" : "")};
	struct wr w = body();

	if (conn == 0 || policy_connection(&process, conn) == NULL)
		return true;
	if (m.role_reason == XK_GRANTED && m.call_reason == XK_GRANTED)
		m.call = world_call();
	msg_ask_put(&w, &m);
	told.owed[id]++;
	return say(&policy_xk_ops, MSG_ASK, id, written(&w));
}

/* An ask among them is owed an answer if it is taken. */
static bool
xk_says(struct rd *in)
{
	const struct frame f = any_frame(&policy_xk_ops, in);

	told.owed[f.id] += f.type == MSG_ASK;
	if (say(&policy_xk_ops, f.type, f.id, f.body))
		return true;
	told.owed[f.id] -= f.type == MSG_ASK;
	return false;
}

static bool
xk(uint8_t what, struct rd *in)
{
	uint32_t *conn = &conns[what % 4];

	if (process.xk == NULL) {
		memset(conns, 0, sizeof(conns));
		process.xk = channel_open();
		return true;
	}
	switch (what >> 2) {
	case 0:
		return xk_connects(conn);
	case 1:
		return xk_shows(*conn, take_u8(in));
	case 2:
		return xk_says(in);
	case 3:
		policy_xk_ops.closed(&process, process.xk);
		told_xk_left();
		return true;
	default:
		return xk_asks(*conn, in);
	}
}

/* ---- x2 and hi2 ---- */

static bool
x2_asks(struct rd *in)
{
	const uint8_t what = take_u8(in);
	struct msg_x2_ask m = {.epoch = 9,
	    .kind = (enum x2_ask_kind)(what % X2_ASK__MAX),
	    .xid = {[XID_LEN - 1] = what >> 2 & 7},
	    .again = (what & 32) != 0,
	    .call_reason = XK_GRANTED,
	    .n_done = what >> 7,
	    .done = {2}};
	struct wr w = body();

	if (m.kind == X2_ASK_KEYS && (what & 64) != 0)
		m.call_reason = XK_MALFORMED;
	else if (m.kind == X2_ASK_KEYS)
		m.call = world_call();
	msg_x2_ask_put(&w, &m);
	return say(&policy_x2_ops, MSG_X2_ASK, what, written(&w));
}

static bool
x2(uint8_t what, struct rd *in)
{
	uint8_t xid[XID_LEN] = {[XID_LEN - 1] = what >> 2};

	if (process.x2 == NULL) {
		process.x2 = channel_open();
		return true;
	}
	switch (what % 4) {
	case 0:
		if (what <= 16)
			return any(&policy_x2_ops, in);
		policy_x2_ops.closed(&process, process.x2);
		x2_left = true;
		return true;
	case 1:
		return say(&policy_x2_ops, MSG_XID, what,
		    view(xid, sizeof(xid)));
	default:
		return x2_asks(in);
	}
}

static bool
hi2_delivers(uint8_t what)
{
	static const char *const names[4] = {"police", "customs", "", "a"};
	const struct msg_delivery m = {.lemf = str(names[what % 4]),
	    .configured = true,
	    .state = (enum link_state)((what >> 2) % LINK__MAX),
	    .since = now,
	    .text = str((what & 64) != 0 ? "no route" : ""),
	    .alarm = what > 127};
	struct wr w = body();

	msg_delivery_put(&w, &m);
	return say(&policy_hi2_ops, MSG_DELIVERY, 0, written(&w));
}

static bool
hi2(uint8_t what, struct rd *in)
{
	if (process.hi2 == NULL)
		process.hi2 = channel_open();
	else if (what % 4 == 0)
		policy_hi2_ops.closed(&process, process.hi2);
	else if (what % 4 == 1)
		channel_full(process.hi2, what >> 2);
	else if (what % 4 == 2)
		return any(&policy_hi2_ops, in);
	else
		return hi2_delivers(take_u8(in));
	return true;
}

/* ---- the rest ---- */

static void
supervisor(struct rd *in)
{
	const uint8_t what = take_u8(in);
	const struct msg_crls none = {.n = 0};
	struct wr w = body();

	if ((what & 1) != 0)
		policy_config_use(&process,
		    str((what & 2) != 0 ? "another" : WORLD_CONFIG), false);
	else {
		msg_crls_put(&w, &none);
		policy_crls_are(&process, written(&w));
	}
}

static void
tick(void)
{
	policy_lemfs_judge(&process);
	policy_send_alarms(&process);
	policy_requests_expire(&process);
	policy_change_next(&process);
	policy_x2_look(&process);
}

/* False: policy has ended. */
static bool
do_one(struct rd *in)
{
	const uint8_t act = take_u8(in), what = act >> 3;

	switch (act % 8) {
	case 0:
		return xk(what, in);
	case 1:
		return x2(what, in);
	case 2:
		return hi2(what, in);
	case 3:
	case 4:
		return audit(what, in);
	case 5:
		cli(what, in);
		break;
	case 6:
		now += what < 24 ? 1 << what : -(1 << (what - 16));
		tick();
		break;
	default:
		if (what == 0)
			supervisor(in);
		else
			cli(what | 16, in);
	}
	return true;
}

/* ---- a process, from its start to its end ---- */

static void
start(uint8_t how)
{
	const unsigned n = how % 16 % (WORLD_BASE + 1);
	const unsigned open = n > 0 ? how >> 4 & 1 : 0;
	struct uv_loop_s loop = process.loop;

	memset(&told, 0, sizeof(told));
	memset(conns, 0, sizeof(conns));
	next_conn = 0;
	x2_left = false;
	now = PKI_NOW;
	process = (struct policy){.loop = loop, .control_fd = -1};
	told.p = &process;
	process.df2 = true;
	process.remote = (how & 0x40) != 0;
	process.production = (how & 0x80) != 0;
	process.authority = world_authority();
	process.db = world_db(n, open, n > open ? how >> 5 & 1 : 0);
	MUST(slots_new(sizeof(struct pending), PENDING, &process.pending) ==
	    ERR_OK);
	MUST(slots_new(sizeof(struct cli), TOLD_CLIS, &process.clis) == ERR_OK);
	policy_load(&process);
	policy_clock_start(&process);
	policy_config_use(&process, str(WORLD_CONFIG), true);
	process.xk = channel_open();
	process.x2 = channel_open();
	process.hi2 = channel_open();
	audit_goes_or_comes();
}

/* Audit is well: all that waits for it ends. */
static void
settle(void)
{
	if (process.audit != NULL)
		audit_goes_or_comes();
	audit_goes_or_comes();
	for (unsigned n = 0; told.n_sent > 0; n++) {
		const struct sent s = told.sent[0];

		MUST(n < 1000 && audit_answers(&s, ERR_OK, 1));
		if (told.n_sent == 0 || n % 16 == 15)
			MUST(audit_serves(1 | 4));
	}
	MUST(process.joined && process.jobs == NULL && process.n_unlogged == 0);
	MUST(slots_used(process.pending) == 0);
}

static void
check_ends(void)
{
	for (unsigned i = 0; i < TOLD_IDS; i++)
		MUST(told.owed[i] == 0);
	for (unsigned i = 0; i < TOLD_CLIS; i++)
		MUST(told.cli[i].peer == NULL || told.cli[i].owed == 0);
	MUST(told.legs == 0 || x2_left); /* one that has gone hears nothing */
}

static void
finish(void)
{
	struct subscriber s;

	for (unsigned i = 0; i < TOLD_CLIS; i++)
		cli_goes(i);
	while (process.n_subscribers > 0) {
		s = policy_read_record(process.subscriber[0]);
		policy_forget_record(&process, s.identity, UINT64_MAX);
	}
	while (process.waiting.n > 0)
		waiting_drop(&process.waiting, process.waiting.w[0]->q->hash);
	free(process.subscriber);
	free(process.unlogged);
	index_done(&process.identities);
	warrants_done(&process.warrants);
	octets_done(&process.config);
	octets_done(&process.crls_octets);
	policy_delivery_forget(&process);
	authority_free(&process.authority);
	db_close(&process.db);
	slots_free(&process.pending);
	slots_free(&process.clis);
	peer_free(&process.xk);
	peer_free(&process.x2);
	peer_free(&process.hi2);
	peer_free(&process.audit);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const int lowest = lowest_free_fd();
	static struct rd in; /* static: longjmp() leaves it as it is */
	static bool alive;

	rd_init(&in, data, size);
	start(take_u8(&in));
	alive = true;
	if (setjmp(ended) == 0)
		for (unsigned i = 0; i < ACTS && alive && in.left > 0; i++)
			alive = do_one(&in);
	else
		alive = false;
	if (setjmp(ended) != 0)
		must_failed("it ends by itself", __FILE__, __LINE__);
	settle();
	if (alive)
		check_ends();
	finish();
	MUST(lowest_free_fd() == lowest);
	return 0;
}
