/*
 * From PDUs of X2 to calls whose keys are asked for, as the x2 process does
 * it: what the table of calls calls complete must make a call that xk's side
 * reads, no exchange may be asked for twice, and what goes to other processes
 * must be read there as it was written.
 *
 * Input: a stream of PDUs, all of one XID; the minor version of each tells how
 * many tenths of a second pass before it.
 */
#include <stdlib.h>
#include <string.h>

#include "appliance/x2_seen.h"
#include "fuzz.h"

#define EVENTS_MAX 512

static const struct calls_limits limits = {.most_calls = 64,
    .most_octets = 1048576,
    .idle_ms = 60000,
    .linger_ms = 10000,
    .wait_ms = 1000};

struct run {
	struct calls *calls;
	int64_t now;
	unsigned n;
	uint64_t due[EVENTS_MAX]; /* exchanges whose keys were due */
};

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	MUST(sip_event_start() == ERR_OK);
	return 0;
}

static void
once(struct run *r, uint64_t handle)
{
	for (unsigned i = 0; i < r->n; i++)
		MUST(r->due[i] != handle);
	if (r->n < EVENTS_MAX)
		r->due[r->n++] = handle;
}

/* What policy and a worker read is what was written. */
static void
travels(const struct call *c)
{
	static struct call back;
	const size_t max = call_put_max(c);
	struct wr w, again;
	struct rd in;

	wr_init(&w, malloc(max), max);
	wr_init(&again, malloc(max), max);
	MUST(w.p != NULL && again.p != NULL);
	call_put(&w, c);
	MUST(w.rc == ERR_OK);
	rd_init(&in, w.p, w.len);
	MUST(call_get(&in, &back) == ERR_OK && in.left == 0);
	call_put(&again, &back);
	rd_init(&in, w.p, w.len);
	must_have_written(&again, in);
	free(w.p);
	free(again.p);
}

static void
keys_due(struct run *r, const struct call_exchange_view *v)
{
	static struct call c;
	struct call_exchange_view late;
	uint8_t same[X2_SAME_LEN], after[X2_SAME_LEN];
	const enum xk_reason reason = x2_seen_call(v, &c);

	once(r, v->handle);
	/* Only of an update can each be sound and both not fit. */
	MUST(reason != XK_MALFORMED || v->update);
	if (reason == XK_GRANTED)
		travels(&c);
	MUST(x2_seen_same(v, same));
	/* It is asked for again by what the table has of it then. */
	if (calls_exchange(r->calls, v->handle, &late) == ERR_OK) {
		MUST(x2_seen_same(&late, after));
		MUST(memcmp(same, after, sizeof(same)) == 0);
	}
}

static void
events(struct run *r)
{
	struct call_exchange_view v;
	enum call_event_kind kind;

	while (calls_next(r->calls, &kind, &v) == ERR_OK)
		if (kind == CALL_KEYS_DUE)
			keys_due(r, &v);
	MUST(calls_count(r->calls).octets <= limits.most_octets);
}

static void
take(struct run *r, const struct x2_pdu *p, struct rd pdu)
{
	static struct x2_seen s;

	r->now += 100 * p->minor;
	calls_tick(r->calls, r->now);
	if (p->type == X2_TYPE_X2 && p->format == X2_FORMAT_SIP &&
	    x2_seen_read(p, &s) == ERR_OK) {
		must_be_within(pdu, s.sip.sip);
		memset(s.sip.xid, 0, sizeof(s.sip.xid));
		MUST(calls_put(r->calls, &s.sip, r->now, NULL) != ERR_NOMEM);
	}
	events(r);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t key[CALLS_KEY];
	struct run r = {0};
	struct x2_pdu p;
	struct rd in, pdu;
	size_t len;

	MUST(calls_new(&limits, key, &r.calls) == ERR_OK);
	rd_init(&in, data, size);
	while (x2_pdu_length(in, &len) == ERR_OK &&
	    rd_view(&in, len, &pdu) == ERR_OK) {
		struct rd own = own_copy(pdu);

		if (x2_pdu_read(own, &p) == ERR_OK)
			take(&r, &p, own);
		own_free(&own);
	}
	calls_tick(r.calls, r.now + 100000);
	events(&r);
	calls_free(&r.calls);
	return 0;
}
