/*
 * What hi2 says to the process of one LEMF, by its own handlers, while the
 * connection and the LEMF do what they like, hi2 goes and comes and settings
 * change: records go out in the order that they were given in and as they
 * were, each to the connection that it was meant for; what hi2 is told was
 * sent has been written, what it is told was delivered the LEMF has confirmed
 * (or, by that rule, was written); each signature is asked for by a number of
 * its own; nothing that a sound hi2 says ends the process, and nothing at all
 * is raised without a connection.
 *
 * Input: u8 rule and integrity, u8 after how many records and hashes there is
 * a hash or a signature, then acts, each u8 and what it needs: see do_one().
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "hi2c_told.h"

#define ACTS 256
#define GIVEN_MOST 400 /* records that are not delivered */
#define START 1000

struct hi2c process;
struct tls_link line;
struct stand stand;
static jmp_buf ended;

/* ---- in the place of the machine: --wrap ---- */

_Noreturn void __wrap_fatal(const char *fmt, ...) PRINTF_LIKE(1, 2);
int64_t __wrap_clock_seconds(void);
uint64_t __wrap_uv_now(const uv_loop_t *);
int __wrap_uv_timer_start(uv_timer_t *, uv_timer_cb, uint64_t, uint64_t);
int __wrap_uv_timer_stop(uv_timer_t *);

/* It ends itself only when hi2 does not read. */
_Noreturn void
__wrap_fatal(const char *fmt, ...)
{
	(void)fmt;
	MUST(stand.full);
	longjmp(ended, 1);
}

int64_t
__wrap_clock_seconds(void)
{
	return 1800000000 + stand.now / 1000;
}

uint64_t
__wrap_uv_now(const uv_loop_t *l)
{
	MUST(l == &process.loop);
	return (uint64_t)stand.now;
}

int
__wrap_uv_timer_start(uv_timer_t *t, uv_timer_cb then, uint64_t in,
    uint64_t again)
{
	MUST(t == &process.due && again == 0);
	stand.due = stand.now + (int64_t)in;
	stand.then = then;
	return 0;
}

int
__wrap_uv_timer_stop(uv_timer_t *t)
{
	MUST(t == &process.due);
	stand.due = INT64_MAX;
	return 0;
}

/* ---- in the place of tls_link.c ---- */

void
line_down(const char *why)
{
	if (!line.up)
		return;
	line.up = false;
	hi2c_link_ops.down(&process, why);
	MUST(!process.raised && hi2c_link_ops.out(&process).left == 0);
}

void
tls_link_drop(struct tls_link *l, const char *why)
{
	MUST(l == &line && why != NULL);
	line_down(why);
}

void
tls_link_renew(struct tls_link *l)
{
	MUST(l == &line);
	line_down("made anew");
}

void
tls_link_proved(struct tls_link *l)
{
	MUST(l == &line && line.up);
}

void
tls_link_wake(struct tls_link *l)
{
	MUST(l == &line);
}

static void
line_up(void)
{
	if (line.up)
		return;
	line.up = true;
	lemf_begins();
	hi2c_link_ops.up(&process);
}

/* ---- hi2 ---- */

/* One that knows what it does is not let down. */
static bool
hi2_says(uint16_t type, uint32_t id, struct rd body)
{
	const enum err rc = channel_hears(process.hi2, type, id, body);

	MUST(rc == ERR_OK || stand.strange);
	return rc == ERR_OK;
}

static bool
give(uint32_t epoch, uint64_t number)
{
	uint8_t pdu[1024], body[1100];
	struct msg_deliver m = {.epoch = epoch, .number = number};
	struct rd r;
	struct wr w;

	rd_init(&m.pdu, pdu, lemf_record(number, pdu, sizeof(pdu)));
	wr_init(&w, body, sizeof(body));
	msg_deliver_put(&w, &m);
	MUST(w.rc == ERR_OK);
	rd_init(&r, body, w.len);
	return hi2_says(MSG_DELIVER, 0, r);
}

static bool
give_some(unsigned n)
{
	bool alive = true;

	for (; alive && n > 0 && told.last - told.delivered < GIVEN_MOST &&
	     (told.state == LINK_OPEN || told.state == LINK_SILENT);
	     n--)
		alive = give(told.epoch, ++told.last);
	return alive;
}

/* On its way when the connection was lost. */
static bool
give_late(void)
{
	const struct rd before = hi2c_link_ops.out(&process);
	const bool alive = told.epoch == 0 || give(told.epoch - 1, told.last);

	MUST(hi2c_link_ops.out(&process).left == before.left);
	return alive;
}

static bool
give_signature(bool none)
{
	struct rd sig;

	if (told.n_signs == 0)
		return true;
	rd_init(&sig, "signature", none ? 0 : 9);
	return hi2_says(MSG_SIGNED, told.signs[--told.n_signs], sig);
}

/* What is asked of one that goes nobody answers. */
static void
hi2_comes(void)
{
	const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	MUST(fd != -1);
	told.n_signs = 0;
	told.state = LINK__MAX;
	stand.full = false;
	hi2c_hi2_joined(&process, fd);
	MUST(told.state == LINK_DOWN);
}

/* ---- settings ---- */

static void
set(uint8_t how, uint8_t groups)
{
	const struct deliver_config c = {.profile = lemf_profile,
	    .rule = (enum deliver_rule)(how % 3),
	    .integrity = (enum deliver_integrity)(how / 3 % 3),
	    .time1 = 1000,
	    .time2 = 20000,
	    .time3 = 60000,
	    .hash_ms = 500,
	    .sign_ms = 2000,
	    .hash_pdus = 1 + groups % 16,
	    .sign_hashes = 1 + groups / 16};
	struct deliver *fresh;

	tls_link_renew(process.link);
	MUST(deliver_new(&c, &fresh) == ERR_OK);
	hi2c_replace(&process, fresh, c.rule);
}

/* ---- acts ---- */

static void
pass(int64_t ms)
{
	stand.now += ms;
	for (unsigned i = 0; i < 8 && stand.due <= stand.now; i++) {
		stand.due = INT64_MAX;
		stand.then(&process.due);
	}
}

static bool
hi2_acts(uint8_t act, unsigned n, struct rd *in)
{
	switch (act) {
	case 8:
		return give_signature(n % 4 == 0);
	case 9:
		stand.strange = true;
		return channel_hear(process.hi2, in) == ERR_OK;
	case 10:
		channel_ends(process.hi2);
		MUST(process.hi2 == NULL);
		return true;
	case 11:
		stand.full |= n % 4 > 0;
		channel_full(process.hi2, n % 4);
		return true;
	case 12:
		return give_late();
	default:
		return give_some(n == 15 ? 100 : n + 1);
	}
}

/* False: the process has ended. */
static bool
do_one(struct rd *in)
{
	const uint8_t what = take_u8(in), act = what % 16;
	const unsigned n = what / 16;

	switch (act) {
	case 0:
		line_up();
		break;
	case 1:
		line_down(n % 2 == 0 ? "closed by it" : "connection lost");
		break;
	case 2:
		lemf_reads(n == 15 ? LEMF_STREAM : (size_t)1 << n);
		break;
	case 3:
		lemf_answers_next();
		break;
	case 4:
		lemf_answers((uint8_t)n, take_u8(in));
		break;
	case 5:
		lemf_says(take_view8(in));
		break;
	case 6:
		pass((int64_t)1 << (n + 2));
		break;
	case 7:
		set(take_u8(in), take_u8(in));
		break;
	case 15:
		if (process.hi2 == NULL || n == 0)
			hi2_comes();
		break;
	default:
		return process.hi2 == NULL || hi2_acts(act, n, in);
	}
	return true;
}

static void
turned(void)
{
	hi2c_settle(&process);
	MUST(!process.raised || line.up);
	MUST(process.hi2 == NULL || told.state == process.told);
	MUST(told.delivered <= told.last || stand.strange);
}

static void
start(struct rd *in)
{
	const uint8_t how = take_u8(in);

	memset(&told, 0, sizeof(told));
	line.up = false;
	stand = (struct stand){.now = START, .due = INT64_MAX};
	process = (struct hi2c){.raise_at = INT64_MAX,
	    .prove_at = INT64_MAX,
	    .epoch = 1,
	    .link = &line,
	    .whom = "the LEMF",
	    .why = "not tried yet"};
	/* Numbers of signatures come to their end in a long life. */
	if (how >= 128)
		process.signs = told.asked_signs = UINT32_MAX - 1;
	process.due.data = &process;
	set(how % 128, take_u8(in));
	hi2_comes();
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	log_init("hi2c", LOG_LVL_ERROR);
	MUST(iri_profile_named("etsi", &lemf_profile) == ERR_OK &&
	    iri_profile_set(&lemf_profile, "operator_id", "OP", NULL) ==
		ERR_OK);
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct rd in; /* static: longjmp() leaves it as it is */
	static bool alive;

	rd_init(&in, data, size);
	alive = true;
	if (setjmp(ended) == 0) {
		start(&in);
		for (unsigned i = 0; i < ACTS && alive && in.left > 0; i++) {
			alive = do_one(&in);
			if (alive)
				turned();
		}
	}
	own_free(&told.said);
	peer_free(&process.hi2);
	deliver_free(&process.deliver);
	return 0;
}
