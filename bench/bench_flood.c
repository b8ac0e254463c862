/*
 * bench_flood: what one client's flood costs another one.  The honest client
 * asks for keys, one at a time; in turn nobody else is there, or a bad one
 * connects, shakes hands, or asks as fast as it can, from another address and
 * with another certificate.  bench/flood.sh brings an appliance up and calls
 * this.
 */
#include <sys/mman.h>
#include <sys/wait.h>

#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "appliance/address.h"
#include "appliance/df2_client.h"
#include "bench.h"
#include "calls.h"

#define ROUNDS 5
#define ASKS 100 /* of the honest client, in each phase of a round */
#define PAUSE_NS 10000000 /* between them */
#define CALLS 256
#define CONNECTS 2000 /* a second */
#define HANDSHAKES 50
#define FLOODERS 4 /* connections that ask */
#define UNDER_WAY 200 /* on each of them */

enum phase { QUIET, CONNECT, HANDSHAKE, ASK, PHASES };
static const char *const phase_name[PHASES] = {"nobody else",
    "2000 connects a second", "50 handshakes a second", "getKeys at full rate"};

/* What the bad client had of it; shared with its processes. */
struct had {
	atomic_ulong tried, had; /* connections, or answers with keys */
	atomic_ulong refused;
};

struct rig {
	struct df2_where good, bad;
	struct calls_parties parties;
	struct calls calls;
	struct df2 *df2;
	double ns[PHASES][ROUNDS * ASKS];
	size_t n[PHASES];
	double seconds[PHASES];
	struct had *had; /* by phase */
};

static void
stop(const char *what, const char *text)
{
	(void)fprintf(stderr, "bench_flood: %s: %s\n", what, text);
	exit(1);
}

/* ---- the honest client ---- */

static double
ask(struct rig *r, const struct call_order *o)
{
	const double t0 = bench_now_ns();
	struct why why = {""};
	struct xk_msg m;
	double ns;

	if (df2_send(r->df2, o->der, o->len, &why) != ERR_OK ||
	    df2_receive(r->df2, &m, &why) != ERR_OK)
		stop("the honest client", why.text);
	ns = bench_now_ns() - t0;
	if (m.type != XK_GET_KEYS_RESPONSE ||
	    memcmp(m.u.keys->key[0].session_key, o->key, 16) != 0)
		stop("the honest client", "not the key of the call");
	xk_msg_free(&m);
	return ns;
}

static void
measure(struct rig *r, enum phase p, unsigned asks)
{
	const struct timespec pause = {0, PAUSE_NS};
	static size_t next;

	for (unsigned i = 0; i < asks; i++) {
		r->ns[p][r->n[p]++] = ask(r, &r->calls.order[next++ % CALLS]);
		(void)nanosleep(&pause, NULL);
	}
}

/* ---- the bad one; each in a process of its own, until it is killed ---- */

/* Until the moment of the nth, at so many a second. */
static void
pace(double t0, unsigned long n, unsigned a_second)
{
	const double wait = t0 + 1e9 * (double)n / a_second - bench_now_ns();
	const struct timespec t = {0, wait > 0 && wait < 1e9 ? (long)wait : 0};

	if (t.tv_nsec > 0)
		(void)nanosleep(&t, NULL);
}

static _Noreturn void
connects(const struct rig *r, struct had *had)
{
	const double t0 = bench_now_ns();
	unsigned long n = 0;
	struct why why = {""};
	struct address to;

	if (address_parse("--bad-connect", r->bad.address, &to, &why) != ERR_OK)
		stop("the bad client", why.text);
	for (;;) {
		const int fd =
		    socket(to.sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (fd != -1 &&
		    connect(fd, (const struct sockaddr *)&to.sa, to.len) == 0)
			had->had++;
		if (fd != -1)
			close(fd);
		had->tried++;
		pace(t0, ++n, CONNECTS);
	}
}

static _Noreturn void
handshakes(const struct rig *r, struct had *had)
{
	const double t0 = bench_now_ns();
	unsigned long n = 0;

	for (;;) {
		struct df2 *d = NULL;
		struct why why;

		if (df2_open(&r->bad, &d, &why) == ERR_OK)
			had->had++;
		else
			had->refused++;
		df2_close(&d);
		had->tried++;
		pace(t0, ++n, HANDSHAKES);
	}
}

/* As long as the connection is there. */
static void
ask_on(const struct rig *r, struct df2 *d, struct had *had)
{
	struct why why;
	struct xk_msg m;

	for (size_t next = 0;; next++) {
		const struct call_order *o = &r->calls.order[next % CALLS];

		if (df2_send(d, o->der, o->len, &why) != ERR_OK)
			return;
		had->tried++;
		if (next < UNDER_WAY)
			continue;
		if (df2_receive(d, &m, &why) != ERR_OK)
			return;
		if (m.type == XK_GET_KEYS_RESPONSE)
			had->had++;
		else
			had->refused++;
		xk_msg_free(&m);
	}
}

static _Noreturn void
asks(const struct rig *r, struct had *had)
{
	const struct timespec nap = {0, 50000000};

	for (;;) {
		struct df2 *d = NULL;
		struct why why;

		if (df2_open(&r->bad, &d, &why) == ERR_OK)
			ask_on(r, d, had);
		df2_close(&d);
		(void)nanosleep(&nap, NULL); /* it came too often before */
	}
}

static unsigned
start(struct rig *r, enum phase p, pid_t pid[FLOODERS])
{
	const unsigned n = p == QUIET ? 0 : p == ASK ? FLOODERS : 1;
	const struct sched_param ordinary = {.sched_priority = 0};

	for (unsigned i = 0; i < n; i++) {
		if ((pid[i] = fork()) == -1)
			stop("fork", "failed");
		if (pid[i] != 0)
			continue;
		/* It would be on another machine: not before the appliance. */
		(void)sched_setscheduler(0, SCHED_OTHER, &ordinary);
		if (p == CONNECT)
			connects(r, &r->had[p]);
		else if (p == HANDSHAKE)
			handshakes(r, &r->had[p]);
		else
			asks(r, &r->had[p]);
	}
	return n;
}

static void
end(const pid_t *pid, unsigned n)
{
	int status;

	for (unsigned i = 0; i < n; i++) {
		(void)kill(pid[i], SIGKILL);
		(void)waitpid(pid[i], &status, 0);
		if (!WIFSIGNALED(status))
			stop("the bad client", "ended by itself");
	}
}

static void
run(struct rig *r)
{
	const struct timespec begin = {0, 300000000};
	pid_t pid[FLOODERS];

	for (unsigned i = 0; i < 32; i++) /* connection, workers, caches */
		(void)ask(r, &r->calls.order[i]);
	for (unsigned round = 0; round < ROUNDS; round++)
		for (unsigned p = 0; p < PHASES; p++) {
			const double t0 = bench_now_ns();
			const unsigned n = start(r, (enum phase)p, pid);

			(void)nanosleep(&begin, NULL);
			measure(r, (enum phase)p, ASKS);
			end(pid, n);
			r->seconds[p] += (bench_now_ns() - t0) / 1e9;
			(void)nanosleep(&begin, NULL);
		}
}

static void
print(struct rig *r)
{
	const double q50 = bench_percentile(r->ns[QUIET], r->n[QUIET], 0.5),
		     q99 = bench_percentile(r->ns[QUIET], r->n[QUIET], 0.99);

	bench_print_machine();
	for (unsigned p = 0; p < PHASES; p++) {
		const double p50 = bench_percentile(r->ns[p], r->n[p], 0.5),
			     p99 = bench_percentile(r->ns[p], r->n[p], 0.99);
		const struct had *h = &r->had[p];

		(void)printf("%-24s p50 %6.2f ms (%.2f)  p99 %6.2f ms (%.2f)",
		    phase_name[p], p50 / 1e6, p50 / q50, p99 / 1e6, p99 / q99);
		if (p != QUIET)
			(void)printf("  bad: %.0f /s, %.0f had, %.0f refused",
			    (double)h->tried / r->seconds[p],
			    (double)h->had / r->seconds[p],
			    (double)h->refused / r->seconds[p]);
		(void)printf("\n");
	}
}

static const struct option longs[] = {{"connect", required_argument, NULL, 'C'},
    {"bad-connect", required_argument, NULL, 'B'},
    {"name", required_argument, NULL, 'n'},
    {"ca", required_argument, NULL, 'a'},
    {"cert", required_argument, NULL, 'c'},
    {"key", required_argument, NULL, 'k'},
    {"bad-cert", required_argument, NULL, 'b'},
    {"bad-key", required_argument, NULL, 'K'},
    {"params", required_argument, NULL, 'P'},
    {"initiator", required_argument, NULL, 'i'},
    {"initiator-seed", required_argument, NULL, 'I'},
    {"responder", required_argument, NULL, 'r'},
    {"responder-seed", required_argument, NULL, 'R'}, {NULL, 0, NULL, 0}};

static void
options(struct rig *r, int argc, char **argv)
{
	const char **const to[128] = {['C'] = &r->good.address,
	    ['B'] = &r->bad.address,
	    ['n'] = &r->good.name,
	    ['a'] = &r->good.ca,
	    ['c'] = &r->good.cert,
	    ['k'] = &r->good.key,
	    ['b'] = &r->bad.cert,
	    ['K'] = &r->bad.key,
	    ['P'] = &r->parties.params,
	    ['i'] = &r->parties.alice,
	    ['I'] = &r->parties.alice_seed,
	    ['r'] = &r->parties.bob,
	    ['R'] = &r->parties.bob_seed};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c <= 0 || c >= 128 || to[c] == NULL)
			exit(64);
		*to[c] = optarg;
	}
	for (unsigned i = 0; i < 128; i++)
		if (to[i] != NULL && *to[i] == NULL)
			stop("options", "see bench/flood.sh");
	r->bad.ca = r->good.ca;
	r->bad.name = r->good.name;
}

int
main(int argc, char **argv)
{
	static struct rig r;
	struct why why = {""};

	options(&r, argc, argv);
	(void)signal(SIGPIPE, SIG_IGN);
	r.had = mmap(NULL, PHASES * sizeof(*r.had), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (r.had == MAP_FAILED)
		stop("memory", "out of it");
	calls_make(&r.calls, &r.parties, CALLS, true, false);
	if (df2_open(&r.good, &r.df2, &why) != ERR_OK)
		stop("connection", why.text);
	run(&r);
	print(&r);
	df2_close(&r.df2);
	calls_free(&r.calls);
	return 0;
}
