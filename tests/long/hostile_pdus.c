/*
 * Hostile PDUs through framing and decoders, as the processes that face the
 * network have them: X2 up to the table of calls, Xk up to the call that policy
 * is asked for, MIKEY messages, SIP messages.  One process, whose memory must
 * stay what it is once all tables are full.
 *
 *	hostile_pdus [-m] CORPUS COUNT [SEED]
 *
 * CORPUS: tests/fuzz/corpus.  -m: memory is not looked at (sanitizers keep
 * what is freed).  Status 1: memory has grown; a promise that does not hold
 * aborts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "appliance/x2_seen.h"
#include "hostile.h"

#define GROWTH_KIB 1024 /* that the allocator may take more */
#define MUST(x) ((x) ? (void)0 : must_failed(#x, __LINE__))

enum kind { X2, XK, MIKEY, SIP, KINDS };

static struct run {
	struct hostile from[KINDS];
	uint64_t pdus[KINDS], taken[KINDS]; /* taken: of those, not refused */
	struct calls *calls;
	int64_t now;
	uint8_t stream[2 * X2_PDU_MAX]; /* of one connection */
	size_t len;
} run;

static _Noreturn void
must_failed(const char *what, int line)
{
	(void)fprintf(stderr, "hostile_pdus.c:%d: does not hold: %s\n", line,
	    what);
	abort();
}

/* ---- X2 ---- */

static void
take_events(void)
{
	static struct call call;
	struct call_exchange_view v;
	enum call_event_kind kind;

	while (calls_next(run.calls, &kind, &v) == ERR_OK)
		if (kind == CALL_KEYS_DUE)
			MUST(x2_seen_call(&v, &call) < XK_REASON__MAX);
}

static void
take_x2(struct rd octets)
{
	static struct x2_seen s;
	struct x2_pdu p;

	run.pdus[X2]++;
	if (x2_pdu_read(octets, &p) != ERR_OK)
		return;
	run.taken[X2]++;
	if (p.type != X2_TYPE_X2 || p.format != X2_FORMAT_SIP ||
	    x2_seen_read(&p, &s) != ERR_OK)
		return;
	MUST(calls_put(run.calls, &s.sip, run.now, NULL) != ERR_NOMEM);
	calls_tick(run.calls, run.now += 10);
	take_events();
}

/* As much of a stream as has come; malformed, the connection ends. */
static void
take_stream(void)
{
	struct rd in, pdu;
	size_t len;
	enum err rc;

	rd_init(&in, run.stream, run.len);
	while ((rc = x2_pdu_length(in, &len)) == ERR_OK &&
	    rd_view(&in, len, &pdu) == ERR_OK)
		take_x2(pdu);
	MUST(rc == ERR_OK || rc == ERR_AGAIN || rc == ERR_MALFORMED);
	if (rc == ERR_MALFORMED) {
		run.pdus[X2]++;
		run.len = 0;
		return;
	}
	memmove(run.stream, in.p, in.left);
	run.len = in.left;
}

static void
do_x2(struct rd octets)
{
	const size_t cut = hostile_below(&run.from[X2], octets.left + 1);

	/* One that waits for more than the buffer has is given up. */
	if (octets.left > sizeof(run.stream) - run.len)
		run.len = 0;
	memcpy(run.stream + run.len, octets.p, cut);
	run.len += cut;
	take_stream();
	memcpy(run.stream + run.len, octets.p + cut, octets.left - cut);
	run.len += octets.left - cut;
	take_stream();
	/* Most connections send one thing and are gone. */
	if (hostile_below(&run.from[X2], 4) != 0)
		run.len = 0;
}

/* ---- the others ---- */

static void
do_xk(struct rd octets)
{
	static struct call call;
	uint32_t id = 0;
	struct xk_msg m;
	size_t len = 0;
	enum err rc;

	run.pdus[XK]++;
	rc = xk_pdu_length(octets, &len);
	MUST(rc != ERR_OK || (len > 0 && len <= MAX_XK_PDU));
	if (rc != ERR_OK || len > octets.left)
		return;
	octets.left = len;
	if (xk_pdu_decode(octets, &m, &id) != ERR_OK)
		return;
	run.taken[XK]++;
	if (m.type == XK_GET_KEYS)
		MUST(call_from_request(&m.u.get_keys, &call) < XK_REASON__MAX);
	xk_msg_free(&m);
}

static void
do_mikey(struct rd octets)
{
	static struct mikey_msg m;
	uint8_t kind;
	enum err rc;

	run.pdus[MIKEY]++;
	if (rd_u8(&octets, &kind) != ERR_OK)
		return;
	rc = mikey_parse(octets, (enum mikey_kind)(kind % MIKEY_KIND__MAX), &m);
	MUST(rc == ERR_OK || rc == ERR_MALFORMED || rc == ERR_UNSUPPORTED);
	run.taken[MIKEY] += rc == ERR_OK;
}

static void
do_sip(struct rd octets)
{
	struct sip_event e;
	enum err rc;

	run.pdus[SIP]++;
	rc = sip_event_read(octets, &e);
	MUST(rc == ERR_OK || rc == ERR_MALFORMED || rc == ERR_TOOBIG);
	run.taken[SIP] += rc == ERR_OK;
}

/* ---- the run ---- */

static const struct {
	const char *name, *corpus;
	size_t cap;
	void (*take)(struct rd);
} kinds[KINDS] = {
    [X2] = {"X2", "x2_take", X2_PDU_MAX, do_x2},
    [XK] = {"Xk", "xk_pdu", MAX_XK_PDU, do_xk},
    [MIKEY] = {"MIKEY", "mikey", MAX_MIKEY, do_mikey},
    [SIP] = {"SIP", "sip_event", SIP_MAX, do_sip},
};

static long
resident_kib(void)
{
	long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (f == NULL || fscanf(f, "%*d %ld", &pages) != 1) {
		perror("/proc/self/statm");
		exit(2);
	}
	(void)fclose(f);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static double
seconds(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static uint64_t
all_pdus(void)
{
	return run.pdus[X2] + run.pdus[XK] + run.pdus[MIKEY] + run.pdus[SIP];
}

static void
start(const char *corpus, uint64_t seed)
{
	static const struct calls_limits limits = {.most_calls = 64,
	    .most_octets = 1048576,
	    .most_stored = 1048576,
	    .idle_ms = 60000,
	    .linger_ms = 10000,
	    .wait_ms = 1000};
	static const uint8_t key[CALLS_KEY];
	char folder[1024];

	if (sip_event_start() != ERR_OK ||
	    calls_new(&limits, key, &run.calls) != ERR_OK)
		exit(2);
	for (unsigned i = 0; i < KINDS; i++) {
		(void)snprintf(folder, sizeof(folder), "%s/%s", corpus,
		    kinds[i].corpus);
		hostile_start(&run.from[i], folder, kinds[i].cap, seed + i);
	}
}

/* Until so many PDUs have been in all. */
static void
until(uint64_t count)
{
	while (all_pdus() < count)
		for (unsigned i = 0; i < KINDS; i++)
			kinds[i].take(hostile_next(&run.from[i]));
}

static void
end(void)
{
	for (unsigned i = 0; i < KINDS; i++)
		hostile_end(&run.from[i]);
	calls_free(&run.calls);
	sip_event_stop();
}

int
main(int argc, char **argv)
{
	const bool memory = argc < 2 || strcmp(argv[1], "-m") != 0;
	uint64_t count, seed = 1;
	long before, after;
	double from;

	argv += memory ? 0 : 1;
	argc -= memory ? 0 : 1;
	if (argc < 3 || argc > 4 ||
	    number_get(argv[2], UINT64_MAX, &count) != ERR_OK ||
	    (argc > 3 && number_get(argv[3], UINT64_MAX, &seed) != ERR_OK)) {
		(void)fprintf(stderr,
		    "usage: hostile_pdus [-m] CORPUS COUNT [SEED]\n");
		return 64;
	}
	start(argv[1], seed);
	from = seconds();
	until(count / 5);
	before = resident_kib();
	until(count);
	after = resident_kib();
	for (unsigned i = 0; i < KINDS; i++)
		printf("%-5s %10llu PDUs, %llu of them sound\n", kinds[i].name,
		    (unsigned long long)run.pdus[i],
		    (unsigned long long)run.taken[i]);
	printf("all   %10llu PDUs, %.0f a second; resident %ld KiB after a "
	       "fifth, %ld KiB at the end\n",
	    (unsigned long long)all_pdus(),
	    (double)all_pdus() / (seconds() - from), before, after);
	end();
	if (memory && after > before + GROWTH_KIB) {
		(void)fprintf(stderr, "hostile_pdus: memory has grown\n");
		return 1;
	}
	return 0;
}
