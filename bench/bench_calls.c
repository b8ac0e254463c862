/*
 * How many intercepted SIP messages a second are read and put in the table of
 * calls, without MIKEY messages and with them; and what memory the process has
 * before and after many calls without them have passed, and as many with them.
 *
 *	bench_calls [dialogs]           default 1000000
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "hi2/calls.h"

#define BATCH 2000 /* calls a round */
#define MOST_MESSAGES 6

/* The octets of base64 that a message of MIKEY-IBAKE has, about. */
#define MIKEY_TEXT 600

static void
die(const char *what)
{
	(void)fprintf(stderr, "bench_calls: %s\n", what);
	exit(1);
}

/* ---- messages ---- */

struct kind {
	const char *first, *cseq;
	bool answered; /* has a To tag */
	uint8_t type; /* of its MIKEY message; 0: none */
};

static const struct kind call_kinds[MOST_MESSAGES] =
    {{"INVITE sip:b@example.net SIP/2.0", "1 INVITE", false, 22},
	{"SIP/2.0 183 Session Progress", "1 INVITE", true, 23},
	{"PRACK sip:b@example.net SIP/2.0", "2 PRACK", true, 24},
	{"SIP/2.0 200 OK", "2 PRACK", true, 25},
	{"SIP/2.0 200 OK", "1 INVITE", true, 0},
	{"BYE sip:b@example.net SIP/2.0", "3 BYE", true, 0}};

static char base64[4][MIKEY_TEXT + 1];

static void
make_base64(void)
{
	static const char alphabet[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (unsigned i = 0; i < 4; i++)
		for (unsigned k = 0; k < MIKEY_TEXT; k++)
			base64[i][k] = alphabet[(k * 7 + i) % 64];
}

/* As a CSCF of an IMS passes it on, with what it adds. */
static struct rd
make_sip(char *out, size_t cap, const struct kind *k, unsigned call,
    bool with_keys)
{
	static char sdp[2000];
	struct rd r;
	int n;

	n = snprintf(sdp, sizeof(sdp),
	    "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\n"
	    "t=0 0\r\nm=audio 49170 RTP/SAVP 96 97\r\n"
	    "a=rtpmap:96 AMR-WB/16000\r\na=rtpmap:97 AMR/8000\r\n"
	    "a=curr:qos local none\r\na=des:qos mandatory local sendrecv\r\n");
	if (n < 0)
		die("a message");
	if (with_keys && k->type != 0)
		(void)snprintf(sdp + n, sizeof(sdp) - (size_t)n,
		    "a=key-mgmt:mikey %s\r\n", base64[k->type - 22]);
	n = snprintf(out, cap,
	    "%s\r\n"
	    "Via: SIP/2.0/UDP scscf.example.com;branch=z9hG4bK%u.1,"
	    "SIP/2.0/UDP pcscf.example.com;branch=z9hG4bK%u.2\r\n"
	    "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK%u.3\r\n"
	    "Record-Route: <sip:scscf.example.com;lr>,"
	    "<sip:pcscf.example.com;lr>\r\n"
	    "Max-Forwards: 68\r\n"
	    "P-Asserted-Identity: <sip:a@example.com>\r\n"
	    "P-Charging-Vector: icid-value=%u;orig-ioi=example.com\r\n"
	    "P-Access-Network-Info: 3GPP-E-UTRAN-FDD;"
	    "utran-cell-id-3gpp=26201000100000001\r\n"
	    "Contact: <sip:a@192.0.2.1:5060>;+g.3gpp.icsi-ref=\"urn%%3Aurn-7\""
	    "\r\nFrom: <sip:a@example.com>;tag=f%u\r\n"
	    "To: <sip:b@example.net>%s\r\nCall-ID: %u-call@192.0.2.1\r\n"
	    "CSeq: %s\r\nSupported: 100rel,timer,precondition\r\n"
	    "Content-Type: application/sdp\r\nContent-Length: %zu\r\n\r\n%s",
	    k->first, call, call, call, call, call,
	    k->answered ? ";tag=t1" : "", call, k->cseq, strlen(sdp), sdp);
	if (n < 0 || (size_t)n >= cap)
		die("a message");
	rd_init(&r, out, (size_t)n);
	return r;
}

/* ---- what is measured ---- */

static enum err
read_and_put(struct calls *t, struct rd sip, const struct kind *k, int64_t now)
{
	struct mikey_seen m[SIP_MIKEY_MAX];
	struct call_exchange_view v;
	enum call_event_kind kind;
	struct sip_event e;
	struct sip_seen s = {.sip = sip, .event = &e, .mikey = m};
	enum err rc;

	if ((rc = sip_event_read(sip, &e)) != ERR_OK)
		return rc;
	s.n_mikey = e.n_mikey;
	for (unsigned i = 0; i < e.n_mikey; i++)
		m[i] = (struct mikey_seen){.octets = e.mikey[i],
		    .sound = true,
		    .type = k->type,
		    .csb_id = 1,
		    .ts = k->type < 24 ? 1 : 2,
		    .has_ibake = true};
	if ((rc = calls_put(t, &s, now, NULL)) != ERR_OK)
		return rc;
	while (calls_next(t, &kind, &v) == ERR_OK)
		if (kind != CALL_KEYS_DUE)
			die("no keys");
	return ERR_OK;
}

/* A clock that lets a call end after some thousands of others. */
static void
dialogs(struct bench *b, const char *name, struct calls *t, unsigned *call,
    unsigned n, bool with_keys)
{
	static char text[MOST_MESSAGES][4000];
	double ns = 0, from;
	struct rd sip[MOST_MESSAGES];

	for (unsigned i = 0; i < n; i++) {
		++*call;
		for (unsigned k = 0; k < MOST_MESSAGES; k++)
			sip[k] = make_sip(text[k], sizeof(text[k]),
			    &call_kinds[k], *call, with_keys);
		from = bench_now_ns();
		for (unsigned k = 0; k < MOST_MESSAGES; k++)
			if (read_and_put(t, sip[k], &call_kinds[k], *call) !=
			    ERR_OK)
				die("a message was refused");
		calls_tick(t, *call);
		ns += bench_now_ns() - from;
	}
	if (b != NULL)
		bench_add(b, name, ns / n / MOST_MESSAGES);
}

static void
read_only(struct bench *b, const char *name, unsigned n, bool with_keys)
{
	static char text[4000];
	const struct rd sip =
	    make_sip(text, sizeof(text), &call_kinds[0], 1, with_keys);
	struct sip_event e;

	BENCH(b, name, n, if (sip_event_read(sip, &e) != ERR_OK) die(name));
}

/* KiB, of /proc/self/statm. */
static long
resident(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	long size, pages = 0;

	if (f == NULL || fscanf(f, "%ld %ld", &size, &pages) != 2)
		die("/proc/self/statm");
	(void)fclose(f);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void
memory(struct calls *t, const char *what)
{
	const struct calls_counts c = calls_count(t);

	(void)printf("%-44s %8ld KiB resident, %8zu KiB counted, %u calls\n",
	    what, resident(), c.octets / 1024, c.calls);
}

int
main(int argc, char **argv)
{
	const long n = argc > 1 ? strtol(argv[1], NULL, 10) : 1000000;
	const struct calls_limits limits = {.most_calls = 131072,
	    .most_octets = (size_t)256 * 1024 * 1024,
	    .idle_ms = 1000000,
	    .linger_ms = 5000,
	    .wait_ms = 1000};
	static const uint8_t key[CALLS_KEY] = "of a benchmark";
	static const char plain[] = "read and put: no key-mgmt";
	static const char keys[] = "read and put: key-mgmt";
	static const char read_plain[] = "read: INVITE, no key-mgmt";
	static const char read_keys[] = "read: INVITE, key-mgmt";
	struct bench b = {.n = 0};
	struct calls *t = NULL;
	unsigned call = 0;

	if (n < 1 || n > 100000000)
		die("1 to 100000000 dialogs");
	make_base64();
	if (sip_event_start() != ERR_OK ||
	    calls_new(&limits, key, &t) != ERR_OK)
		die("out of memory");
	bench_print_machine();
	dialogs(NULL, NULL, t, &call, BATCH, false);
	memory(t, "first calls without key-mgmt");
	dialogs(NULL, NULL, t, &call, (unsigned)n, false);
	memory(t, "all calls without key-mgmt");
	dialogs(NULL, NULL, t, &call, 10 * BATCH, true);
	memory(t, "first calls with key-mgmt");
	dialogs(NULL, NULL, t, &call, (unsigned)n / 4, true);
	memory(t, "a quarter as many with key-mgmt");
	for (unsigned i = 0; i < BENCH_ROUNDS; i++) {
		read_only(&b, read_plain, 5 * BATCH, false);
		read_only(&b, read_keys, 5 * BATCH, true);
		dialogs(&b, plain, t, &call, BATCH, false);
		dialogs(&b, keys, t, &call, BATCH, true);
	}
	bench_print(&b, read_plain, NULL);
	bench_print(&b, read_keys, read_plain);
	bench_print(&b, plain, NULL);
	bench_print(&b, keys, plain);
	(void)printf("messages a second: %.0f without, %.0f with key-mgmt\n",
	    1e9 / bench_median(&b, plain), 1e9 / bench_median(&b, keys));
	calls_free(&t);
	return 0;
}
