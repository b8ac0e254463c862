/*
 * How long keywarden-policy takes to read its database, a chain of changes
 * that each enter a warrant, with requests of about 400 octets and signatures
 * of 3000; and then to decide which warrant allows a request.
 *
 *	bench_warrants [changes]        default 100000
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "appliance/policy_db.h"
#include "appliance/policy_warrants.h"
#include "bench.h"
#include "policy/authority.h"

#define KMS "sip:kms@bench.example"

static void
die(const char *what, const char *why)
{
	(void)fprintf(stderr, "bench_warrants: %s: %s\n", what, why);
	exit(1);
}

static struct rd
view(const void *p, size_t len)
{
	struct rd r;

	rd_init(&r, p, len);
	return r;
}

/* ---- the database ---- */

static uint8_t *
make_request(unsigned n, size_t *len)
{
	struct request_head h = {.kind = REQUEST_WARRANT_ADD,
	    .kms = KMS,
	    .requester = "meyer",
	    .issued = 1800000000,
	    .expires = 1800086400};
	struct why why = {""};
	uint8_t *octets = NULL;
	char body[512];

	(void)snprintf(body, sizeof(body),
	    "{\"liid\":\"L%07u\",\"targets\":[{\"identities\":"
	    "[\"sip:subscriber%u@example.org\"]}],\"period\":{\"start\":"
	    "\"2027-01-15T00:00:00Z\",\"end\":\"2027-07-15T00:00:00Z\"},"
	    "\"clients\":[\"df2\"],\"products\":[\"keys\"],"
	    "\"delivery\":[\"xk\"]}",
	    n, n);
	memcpy(h.nonce, &n, sizeof(n));
	if (request_write(&h, view(body, strlen(body)), &octets, len, &why) !=
	    ERR_OK)
		die("a request", why.text);
	return octets;
}

static void
fill(const char *path, unsigned n)
{
	static const uint8_t evidence[3000];
	sqlite3_stmt *q = NULL;
	sqlite3 *s = NULL;
	uint8_t hash[DIGEST_LEN];

	if (sqlite3_open(path, &s) != SQLITE_OK ||
	    sqlite3_exec(s, "PRAGMA synchronous = OFF; BEGIN", NULL, NULL,
		NULL) != SQLITE_OK ||
	    sqlite3_prepare_v2(s,
		"INSERT INTO changes (number, time, kind, confirmed, logged,"
		" hash, request, evidence) VALUES (?, 1800000000, 0, 1, 1, ?,"
		" ?, ?)",
		-1, &q, NULL) != SQLITE_OK)
		die("filling", sqlite3_errmsg(s));
	for (unsigned i = 1; i <= n; i++) {
		size_t len = 0;
		uint8_t *r = make_request(i, &len);

		if (digest_of(view(r, len), hash) != ERR_OK)
			die("filling", "SHA-256");
		(void)sqlite3_bind_int64(q, 1, i);
		(void)sqlite3_bind_blob(q, 2, hash, sizeof(hash),
		    SQLITE_STATIC);
		(void)sqlite3_bind_blob(q, 3, r, (int)len, SQLITE_STATIC);
		(void)sqlite3_bind_blob(q, 4, evidence, sizeof(evidence),
		    SQLITE_STATIC);
		if (sqlite3_step(q) != SQLITE_DONE)
			die("filling", sqlite3_errmsg(s));
		(void)sqlite3_reset(q);
		if (i == 1)
			(void)printf("a request has %zu octets\n", len);
		free(r);
	}
	(void)sqlite3_finalize(q);
	if (sqlite3_exec(s, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
		die("filling", sqlite3_errmsg(s));
	(void)sqlite3_close(s);
}

/* ---- reading it, as policy does ---- */

/* Others may use the machine too. */
static double
cpu_seconds(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

struct loading {
	struct authority *a;
	struct warrants w;
	struct why why;
};

static bool
take(void *ctx, const struct db_change *d)
{
	struct loading *l = ctx;

	if (authority_apply(l->a, &d->c, &l->why) != ERR_OK ||
	    warrants_load(&l->w, &d->c, &l->why) != ERR_OK)
		die("a change", l->why.text);
	return true;
}

static void
load(struct loading *l, const char *path, unsigned n)
{
	const struct genesis g = {.time = 1800000000, .kms = KMS};
	struct db *d = NULL;
	const double from = bench_now_ns() / 1e9, cpu_from = cpu_seconds();
	double took, cpu;

	if (authority_new(&g, &l->a) != ERR_OK)
		die("loading", "out of memory");
	if (db_open(path, &d, &l->why) != ERR_OK ||
	    db_each_change(d, 1, take, l, &l->why) != ERR_OK)
		die("loading", l->why.text);
	took = bench_now_ns() / 1e9 - from;
	cpu = cpu_seconds() - cpu_from;
	if (l->w.n != n)
		die("loading", "warrants are missing");
	(void)printf("%zu warrants read in %.2f s, %.2f s of them processor "
		     "time, %.1f us each\n",
	    l->w.n, took, cpu, cpu / (double)n * 1e6);
	db_close(&d);
}

/* ---- deciding ---- */

/* Both steps, as for a request that comes from xk. */
static bool
decide(const struct loading *l, struct ask *a)
{
	struct found f = warrants_find(&l->w, l->a, a, false, FOR_ANYBODY);

	if (f.allows == NULL)
		return false;
	f = warrants_find(&l->w, l->a, a, true, FOR_REAL);
	return f.allows != NULL;
}

#define DECISIONS 20000

/* Of targets in no order; `first` and `n`: which of them there are. */
static void
decisions(struct bench *b, const struct loading *l, const char *what,
    unsigned first, unsigned n, bool allowed)
{
	struct ask a = {.products = PRODUCT_KEYS,
	    .now = 1801000000,
	    .t = {1801000000},
	    .n_t = 1};
	unsigned long long x = 88172645463325252ULL;
	static char id[DECISIONS][48];
	double from;

	for (unsigned i = 0; i < DECISIONS; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		(void)snprintf(id[i], sizeof(id[i]),
		    "sip:subscriber%u@example.org", first + (unsigned)(x % n));
	}
	a.client = view("df2", 3);
	from = bench_now_ns();
	for (unsigned i = 0; i < DECISIONS; i++) {
		a.target = view(id[i], strlen(id[i]));
		if (decide(l, &a) != allowed)
			die(what, "decided otherwise");
	}
	bench_add(b, what, (bench_now_ns() - from) / DECISIONS);
}

static void
done(struct loading *l)
{
	warrants_done(&l->w);
	authority_free(&l->a);
}

int
main(int argc, char **argv)
{
	char path[] = "/tmp/kw-load-XXXXXX";
	const long n = argc > 1 ? strtol(argv[1], NULL, 10) : 100000;
	const int fd = mkstemp(path);
	static const char allows[] = "decide: a warrant allows it";
	static const char none[] = "decide: no warrant for the target";
	struct loading l = {.a = NULL};
	struct bench b = {.n = 0};
	struct db *d = NULL;
	struct why why = {""};

	if (n < 1 || n > 1000000 || fd == -1)
		die("start", "1 to 1000000 changes, in /tmp");
	(void)close(fd);
	if (db_open(path, &d, &why) != ERR_OK)
		die("start", why.text);
	db_close(&d);
	fill(path, (unsigned)n);
	bench_print_machine();
	load(&l, path, (unsigned)n);
	(void)unlink(path);
	for (unsigned i = 0; i < BENCH_ROUNDS; i++) {
		decisions(&b, &l, allows, 1, (unsigned)n, true);
		decisions(&b, &l, none, (unsigned)n + 1, (unsigned)n, false);
	}
	bench_print(&b, allows, NULL);
	bench_print(&b, none, NULL);
	done(&l);
	return 0;
}
