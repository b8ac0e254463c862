/*
 * bench_getkeys: what an appliance that runs answers over Xk, beside what its
 * token and its disk do by themselves in the same run.  bench/getkeys.sh
 * brings one up and calls this.
 *
 * Rounds: the token's derives, the disk's syncs, then each case, and again.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "appliance/df2_client.h"
#include "bench.h"
#include "calls.h"
#include "token_rate.h"

#define ROUNDS 9
#define LOAD_NS 4e8
#define CALLS 256 /* above what two workers keep Q_ids of */
#define SYNCS 64
#define SAMPLES_MAX 200000

static const unsigned outstanding[] = {1, 8, 64};
#define LEVELS 3

enum kind { INITIATOR_WARM, INITIATOR_COLD, RESPONDER_WARM, RESPONDER_COLD };
#define KINDS 4
static const char *const kind_name[KINDS] = {"initiator, warm Q_id",
    "initiator, cold Q_id", "responder, warm Q_id", "responder, cold Q_id"};

struct series {
	double rate[ROUNDS];
	double *ns; /* latencies of all rounds */
	size_t n;
};

struct rig {
	struct df2_where server;
	struct token_where token;
	struct calls_parties parties;
	const char *folder; /* on the disk of the audit log */
	unsigned workers;
	struct df2 *df2;
	struct calls calls[KINDS];
	struct series of[KINDS][LEVELS];
	double derive[ROUNDS];
	double sync_ns[ROUNDS * SYNCS];
};

static void
stop(const char *what, const char *text)
{
	(void)fprintf(stderr, "bench_getkeys: %s: %s\n", what, text);
	exit(1);
}

/* ---- load: `n` requests are always under way ---- */

static double sent_at[CALLS];

static void
send_one(struct rig *r, const struct calls *c, size_t i)
{
	struct why why = {""};

	sent_at[i] = bench_now_ns();
	if (df2_send(r->df2, c->order[i].der, c->order[i].len, &why) != ERR_OK)
		stop("request", why.text);
}

/* An answer is worth nothing unless it is the right one. */
static void
receive_one(struct rig *r, const struct calls *c, struct series *s)
{
	struct why why = {""};
	struct xk_msg m;
	double ns;

	if (df2_receive(r->df2, &m, &why) != ERR_OK)
		stop("answer", why.text);
	if (m.type != XK_GET_KEYS_RESPONSE || m.request_id >= c->n)
		stop("answer",
		    m.type == XK_REFUSAL ? xk_reason_name(m.u.refusal.reason)
					 : "of another kind");
	if (memcmp(m.u.keys->key[0].session_key, c->order[m.request_id].key,
		16) != 0)
		stop("answer", "not the key of the call");
	ns = bench_now_ns() - sent_at[m.request_id];
	xk_msg_free(&m);
	if (s != NULL && s->n < SAMPLES_MAX)
		s->ns[s->n++] = ns;
}

/* Answers per second. */
static double
load(struct rig *r, const struct calls *c, unsigned under_way, double for_ns,
    struct series *s)
{
	const double t0 = bench_now_ns();
	size_t next = 0, answers = 0;
	double t;

	for (unsigned i = 0; i < under_way; i++)
		send_one(r, c, next++ % c->n);
	do {
		receive_one(r, c, s);
		answers++;
		send_one(r, c, next++ % c->n);
		t = bench_now_ns() - t0;
	} while (t < for_ns);
	for (unsigned i = 0; i < under_way; i++)
		receive_one(r, c, NULL);
	return (double)answers / (t / 1e9);
}

static void
run(struct rig *r)
{
	struct token_rate *token =
	    token_rate_new("bench_getkeys", r->workers, &r->token);

	for (unsigned k = 0; k < KINDS; k++) /* connection, workers, caches */
		(void)load(r, &r->calls[k], 8, LOAD_NS, NULL);
	for (unsigned round = 0; round < ROUNDS; round++) {
		r->derive[round] = token_rate_burst(token);
		disk_syncs(r->folder, r->sync_ns + round * SYNCS, SYNCS);
		for (unsigned k = 0; k < KINDS; k++)
			for (unsigned l = 0; l < LEVELS; l++) {
				struct series *s = &r->of[k][l];

				s->rate[round] = load(r, &r->calls[k],
				    outstanding[l], LOAD_NS, s);
			}
	}
	token_rate_free(token);
}

/* ---- what it says ---- */

static void
print(struct rig *r)
{
	const double derive = bench_percentile(r->derive, ROUNDS, 0.5);
	const double one_ms = 1e3 * r->workers / derive;
	const size_t n = sizeof(r->sync_ns) / sizeof(r->sync_ns[0]);
	const double sync99 = bench_percentile(r->sync_ns, n, 0.99) / 1e6;
	const double sync50 = bench_percentile(r->sync_ns, n, 0.5) / 1e6;
	struct series *one = &r->of[INITIATOR_WARM][0];

	bench_print_machine();
	(void)printf("%-24s %8.0f /s with %u process%s, %.3f ms each\n",
	    "token, ECDH1_DERIVE", derive, r->workers,
	    r->workers == 1 ? "" : "es", one_ms);
	(void)printf("%-24s p50 %.3f ms  p99 %.3f ms\n", "disk, fdatasync",
	    sync50, sync99);
	for (unsigned k = 0; k < KINDS; k++)
		for (unsigned l = 0; l < LEVELS; l++) {
			struct series *s = &r->of[k][l];
			const double rate =
			    bench_percentile(s->rate, ROUNDS, 0.5);

			(void)
			    printf("%-24s %3u outstanding %7.0f /s  %.2f of "
				   "derive  p50 %.2f  p90 %.2f  p99 %.2f ms\n",
				kind_name[k], outstanding[l], rate,
				rate / derive,
				bench_percentile(s->ns, s->n, 0.5) / 1e6,
				bench_percentile(s->ns, s->n, 0.9) / 1e6,
				bench_percentile(s->ns, s->n, 0.99) / 1e6);
		}
	(void)printf("%-24s p99 %.2f ms; 4 derives + 2 fdatasync p99 = %.2f "
		     "ms\n",
	    "1 outstanding, warm",
	    bench_percentile(one->ns, one->n, 0.99) / 1e6,
	    4 * one_ms + 2 * sync99);
}

static const struct option longs[] = {{"connect", required_argument, NULL, 'C'},
    {"ca", required_argument, NULL, 'a'},
    {"cert", required_argument, NULL, 'c'},
    {"key", required_argument, NULL, 'k'},
    {"module", required_argument, NULL, 'm'},
    {"label", required_argument, NULL, 'l'},
    {"pin-file", required_argument, NULL, 'p'},
    {"params", required_argument, NULL, 'P'},
    {"initiator", required_argument, NULL, 'i'},
    {"initiator-seed", required_argument, NULL, 'I'},
    {"responder", required_argument, NULL, 'r'},
    {"responder-seed", required_argument, NULL, 'R'},
    {"workers", required_argument, NULL, 'w'},
    {"folder", required_argument, NULL, 'f'}, {NULL, 0, NULL, 0}};

static void
options(struct rig *r, int argc, char **argv)
{
	const char *workers = "1";
	const char **const to[128] = {['C'] = &r->server.address,
	    ['a'] = &r->server.ca,
	    ['c'] = &r->server.cert,
	    ['k'] = &r->server.key,
	    ['m'] = &r->token.module,
	    ['l'] = &r->token.label,
	    ['p'] = &r->token.pin_file,
	    ['P'] = &r->token.params,
	    ['i'] = &r->parties.alice,
	    ['I'] = &r->parties.alice_seed,
	    ['r'] = &r->parties.bob,
	    ['R'] = &r->parties.bob_seed,
	    ['w'] = &workers,
	    ['f'] = &r->folder};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c <= 0 || c >= 128 || to[c] == NULL)
			exit(64);
		*to[c] = optarg;
	}
	r->parties.params = r->token.params;
	r->workers = (unsigned)strtoul(workers, NULL, 10);
}

int
main(int argc, char **argv)
{
	static struct rig r;
	struct why why = {""};
	const bool child = argc > 1 && strcmp(argv[1], TOKEN_CHILD) == 0;

	options(&r, argc - child, argv + child);
	if (r.token.module == NULL || r.token.label == NULL ||
	    r.token.pin_file == NULL || r.token.params == NULL)
		stop("options", "see bench/getkeys.sh");
	if (child)
		return token_child(&r.token);
	if (r.server.address == NULL || r.server.ca == NULL ||
	    r.parties.alice_seed == NULL || r.parties.bob_seed == NULL ||
	    r.folder == NULL || r.workers == 0)
		stop("options", "see bench/getkeys.sh");
	for (unsigned k = 0; k < KINDS; k++) {
		calls_make(&r.calls[k], &r.parties, CALLS,
		    k == INITIATOR_WARM || k == INITIATOR_COLD,
		    k == INITIATOR_COLD || k == RESPONDER_COLD);
		for (unsigned l = 0; l < LEVELS; l++)
			if ((r.of[k][l].ns = calloc(SAMPLES_MAX,
				 sizeof(double))) == NULL)
				stop("memory", "out of it");
	}
	if (df2_open(&r.server, &r.df2, &why) != ERR_OK)
		stop("connection", why.text);
	run(&r);
	print(&r);
	df2_close(&r.df2);
	for (unsigned k = 0; k < KINDS; k++) {
		calls_free(&r.calls[k]);
		for (unsigned l = 0; l < LEVELS; l++)
			free(r.of[k][l].ns);
	}
	return 0;
}
