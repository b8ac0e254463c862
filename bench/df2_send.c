#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/rand.h>

#include "base/bytes.h"
#include "bench.h"
#include "df2_link.h"
#include "df2_send.h"

#define FILE_LEN (1U << 18)
#define CALL_PDUS 64 /* of one call */
#define CALLS 64 /* of interest, that differ in their MIKEY messages */
#define PLACES 4 /* of the Call-ID, in one PDU */
#define PDU_LEN 16384
#define XID_AT 16
#define XID_LEN 16
#define CORRELATION_AT 32
#define KEEPALIVE_NS 1e8
#define NAP_NS 5e5 /* what is due in the meantime leaves together */
#define DRAIN_NS 3e10
#define NEVER 1e18
#define COMPLETING 3 /* I_MESSAGE_2 comes third */

struct pdu {
	const uint8_t *p;
	size_t len;
	unsigned n; /* places of the Call-ID */
	size_t place[PLACES];
	bool completes;
};

struct call {
	uint8_t *octets;
	unsigned n;
	struct pdu pdu[CALL_PDUS];
};

struct df2_send {
	SSL_CTX *tls;
	struct df2_link *link[DF2_LINKS_MAX];
	unsigned links;
	struct call own[CALLS], other;
	unsigned n_own;
	uint64_t next_own, next_other; /* numbers of calls, never used again */
	uint64_t seed;
	double *at; /* by number of the call of interest */
	struct df2_acks acks;
};

/*
 * A stream at its own pace.  A span has a PDU of each of n calls, n being how
 * many PDUs a call has: in place m of span b stands PDU m of call b - m * gap.
 */
struct stream {
	bool own, random;
	const struct call *like;
	unsigned n_like, gap;
	uint64_t first, calls; /* numbers */
	uint64_t slot, slots, sent;
	double rate, due; /* of the next: ns from the start */
	uint64_t seed;
};

static _Noreturn void
stop(const char *what, const char *text)
{
	(void)fprintf(stderr, "bench_df2: %s: %s\n", what, text);
	exit(1);
}

/* ---- what was made beforehand ---- */

static void
find_places(struct pdu *d, const char *file)
{
	const size_t len = strlen(DF2_CALL_ID);
	const uint8_t *p = d->p;

	while ((p = memmem(p, (size_t)(d->p + d->len - p), DF2_CALL_ID, len)) !=
	    NULL) {
		if (d->n == PLACES)
			stop(file, "its Call-ID stands too often");
		d->place[d->n++] = (size_t)(p - d->p);
		p += len;
	}
	if (d->n == 0)
		stop(file, "not the Call-ID " DF2_CALL_ID);
}

/* TS 103 221-2 clause 5.1: two lengths, at 4 and at 8. */
static size_t
pdu_length(const uint8_t *p, size_t left, const char *file)
{
	uint32_t head, payload;
	struct rd r;

	rd_init(&r, p, left);
	if (left < 12 || rd_u32(&r, &head) != ERR_OK ||
	    rd_u32(&r, &head) != ERR_OK || rd_u32(&r, &payload) != ERR_OK ||
	    (uint64_t)head + payload > left ||
	    (uint64_t)head + payload > PDU_LEN)
		stop(file, "no PDU");
	return (size_t)head + payload;
}

static void
load(struct call *c, const char *file)
{
	unsigned mikey = 0;
	FILE *f = fopen(file, "rb");
	size_t len, at;

	if (f == NULL || (c->octets = malloc(FILE_LEN)) == NULL)
		stop(file, "cannot be read");
	len = fread(c->octets, 1, FILE_LEN, f);
	(void)fclose(f);
	for (at = 0; at < len; at += c->pdu[c->n++].len) {
		struct pdu *d = &c->pdu[c->n];

		if (c->n == CALL_PDUS)
			stop(file, "too many PDUs");
		d->p = c->octets + at;
		d->len = pdu_length(d->p, len - at, file);
		find_places(d, file);
		if (memmem(d->p, d->len, "a=key-mgmt:mikey", 16) != NULL)
			d->completes = ++mikey == COMPLETING;
	}
	if (c->n == 0)
		stop(file, "no PDUs");
}

/* ---- start ---- */

static SSL_CTX *
new_tls(const struct df2_where_x2 *w)
{
	SSL_CTX *c = SSL_CTX_new(TLS_client_method());

	if (c == NULL ||
	    SSL_CTX_set_min_proto_version(c, TLS1_3_VERSION) != 1 ||
	    SSL_CTX_load_verify_locations(c, w->ca, NULL) != 1 ||
	    SSL_CTX_use_certificate_chain_file(c, w->cert) != 1 ||
	    SSL_CTX_use_PrivateKey_file(c, w->key, SSL_FILETYPE_PEM) != 1)
		stop(w->cert, "no certificates");
	SSL_CTX_set_verify(c, SSL_VERIFY_PEER, NULL);
	return c;
}

struct df2_send *
df2_send_new(const struct df2_where_x2 *w, const char *const *own,
    unsigned n_own, const char *other)
{
	struct df2_send *s = calloc(1, sizeof(*s));

	if (s == NULL || n_own == 0 || n_own > CALLS || w->links == 0 ||
	    w->links > DF2_LINKS_MAX)
		stop("options", "calls or connections");
	s->at = calloc(DF2_OWN_MAX, sizeof(*s->at));
	s->acks.ns = calloc(DF2_ACKS_MAX, sizeof(*s->acks.ns));
	if (s->at == NULL || s->acks.ns == NULL ||
	    RAND_bytes((unsigned char *)&s->seed, sizeof(s->seed)) != 1)
		stop("start", "no memory");
	(void)signal(SIGPIPE, SIG_IGN);
	for (; s->n_own < n_own; s->n_own++) {
		load(&s->own[s->n_own], own[s->n_own]);
		if (s->own[s->n_own].n != s->own[0].n)
			stop(own[s->n_own], "another number of PDUs");
	}
	load(&s->other, other);
	s->tls = new_tls(w);
	for (; s->links < w->links; s->links++)
		s->link[s->links] =
		    df2_link_new(s->tls, w->host, w->port, &s->acks);
	return s;
}

void
df2_send_free(struct df2_send *s)
{
	for (unsigned i = 0; i < s->links; i++)
		df2_link_free(&s->link[i]);
	for (unsigned i = 0; i < s->n_own; i++)
		free(s->own[i].octets);
	free(s->other.octets);
	SSL_CTX_free(s->tls);
	free(s->acks.ns);
	free(s->at);
	free(s);
}

unsigned
df2_send_pdus(const struct df2_send *s)
{
	return s->own[0].n;
}

unsigned
df2_send_other_pdus(const struct df2_send *s)
{
	return s->other.n;
}

double
df2_send_at(const struct df2_send *s, uint64_t number)
{
	return s->at[number];
}

/* ---- one PDU ---- */

/* splitmix64: the same for the same number. */
static uint64_t
mix(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

static void
put(struct df2_send *s, const struct stream *t, const struct pdu *d,
    uint64_t number, bool new_xid)
{
	static const char hex[] = "0123456789abcdef";
	/* Calls of both streams differ in all that is told of them. */
	const uint64_t id = t->own ? number : number | UINT64_C(1) << 63;
	const uint64_t xid[2] = {mix(s->seed + 2 * number),
	    mix(s->seed + 2 * number + 1)};
	uint8_t pdu[PDU_LEN];
	char text[16];

	memcpy(pdu, d->p, d->len);
	if (new_xid)
		memcpy(pdu + XID_AT, xid, XID_LEN);
	for (unsigned i = 0; i < 8; i++)
		pdu[CORRELATION_AT + i] = (uint8_t)(id >> (56 - 8 * i));
	for (unsigned i = 0; i < 16; i++)
		text[i] = hex[id >> (60 - 4 * i) & 15];
	for (unsigned i = 0; i < d->n; i++)
		memcpy(pdu + d->place[i] + 5, text, sizeof(text));
	df2_link_put(s->link[number % s->links], pdu, d->len,
	    t->own && d->completes ? &s->at[number] : NULL);
}

/* ---- a run ---- */

/* The next slot that has a PDU, and when it is due. */
static void
find_next(struct stream *t)
{
	const unsigned n = t->like->n;
	uint64_t span, m;

	for (; t->slot < t->slots; t->slot++) {
		span = t->slot / n;
		m = t->slot % n;
		if (span >= m * t->gap && span - m * t->gap < t->calls)
			break;
	}
	if (t->slot >= t->slots) {
		t->due = NEVER;
		return;
	}
	t->due = (double)t->slot / t->rate * 1e9;
	if (t->random)
		t->due = ((double)(t->slot / n) +
			     (double)(mix(t->seed + t->slot / n) >> 11) /
				 (double)(UINT64_C(1) << 53)) *
		    n / t->rate * 1e9;
}

static struct stream
new_stream(const struct call *like, unsigned n_like, double rate,
    uint64_t calls, unsigned gap, uint64_t *next)
{
	struct stream t = {.like = like,
	    .n_like = n_like,
	    .gap = gap,
	    .first = *next,
	    .calls = rate > 0 ? calls : 0,
	    .rate = rate};

	if (t.calls > 0)
		t.slots = (t.calls + (uint64_t)(like->n - 1) * gap) * like->n;
	*next += t.calls;
	find_next(&t);
	return t;
}

static void
give(struct df2_send *s, struct stream *t, double since, bool new_xid,
    double *late)
{
	const unsigned n = t->like->n;

	for (; t->due <= since; t->slot++, find_next(t)) {
		const uint64_t m = t->slot % n, call = t->slot / n - m * t->gap;

		if (since - t->due > *late)
			*late = since - t->due;
		put(s, t, &t->like[call % t->n_like].pdu[m], t->first + call,
		    new_xid);
		t->sent++;
	}
}

static void
nap(struct df2_send *s, double ns, bool blocked)
{
	struct pollfd p[DF2_LINKS_MAX];
	struct timespec t = {0, 0};

	for (unsigned i = 0; i < s->links; i++)
		p[i] = (struct pollfd){df2_link_fd(s->link[i]),
		    (short)(blocked && df2_link_queued(s->link[i]) > 0
			    ? POLLIN | POLLOUT
			    : POLLIN),
		    0};
	if (ns > 0)
		t.tv_nsec = (long)ns;
	(void)ppoll(p, s->links, &t, NULL);
}

static unsigned
flush_and_read(struct df2_send *s, unsigned *held)
{
	unsigned open = 0;

	for (unsigned i = 0; i < s->links; i++)
		*held += !df2_link_flush(s->link[i]);
	for (unsigned i = 0; i < s->links; i++)
		open += df2_link_read(s->link[i]) +
		    (df2_link_queued(s->link[i]) > 0);
	return open;
}

static void
keepalives(struct df2_send *s, struct df2_sent *out)
{
	for (unsigned i = 0; i < s->links; i++)
		df2_link_keepalive(s->link[i]);
	out->keepalives += s->links;
}

static void
drain(struct df2_send *s, struct df2_sent *out)
{
	const double t0 = bench_now_ns();

	keepalives(s, out);
	while (flush_and_read(s, &out->held) > 0) {
		if (bench_now_ns() - t0 > DRAIN_NS)
			stop("X2", "what was sent is not acknowledged");
		nap(s, NAP_NS, true);
	}
}

void
df2_send_run(struct df2_send *s, const struct df2_traffic *r,
    struct df2_sent *out)
{
	const bool new_xid = r->others == DF2_NO_WARRANT;
	double t0, now, keepalive = KEEPALIVE_NS, due;
	struct stream own, other;

	*out = (struct df2_sent){.first = s->next_own};
	own = new_stream(s->own, s->n_own, r->own_rate, r->own_calls,
	    r->own_gap, &s->next_own);
	own.own = true;
	own.random = r->own_random;
	own.seed = s->seed;
	find_next(&own);
	other = new_stream(&s->other, 1, r->other_rate, r->other_calls,
	    r->other_gap, &s->next_other);
	if (s->next_own > DF2_OWN_MAX)
		stop("calls", "too many");
	s->acks.n = 0;
	t0 = bench_now_ns();
	while (own.due < NEVER || other.due < NEVER) {
		const unsigned held = out->held;

		now = bench_now_ns() - t0;
		give(s, &own, now, false, &out->late_ns);
		give(s, &other, now, new_xid, &out->late_ns);
		if (now >= keepalive) {
			keepalives(s, out);
			keepalive += KEEPALIVE_NS;
		}
		(void)flush_and_read(s, &out->held);
		due = own.due < other.due ? own.due : other.due;
		due -= bench_now_ns() - t0;
		if (due < NAP_NS / 4 && other.due < NEVER)
			due = NAP_NS;
		nap(s, due > KEEPALIVE_NS / 10 ? KEEPALIVE_NS / 10 : due,
		    out->held > held);
	}
	out->seconds = (bench_now_ns() - t0) / 1e9;
	drain(s, out);
	out->own = own.sent;
	out->others = other.sent;
	out->calls = own.calls;
	out->ack_p50 = bench_percentile(s->acks.ns, s->acks.n, 0.5);
	out->ack_p99 = bench_percentile(s->acks.ns, s->acks.n, 0.99);
	out->ack_most = bench_percentile(s->acks.ns, s->acks.n, 1);
}
