/*
 * bench_df2: what an appliance that is a DF2/MF makes of SIP messages, beside
 * what its token and its disk do by themselves in the same run.  bench/df2.sh
 * brings one up and calls this.
 *
 *	time    from the last octet of what makes an exchange whole, on X2,
 *until the record with its keys is on disk: alone, and in floods load    25,000
 *SIP messages a second, 2 % of them of interest memory  of each process over a
 *million calls
 *
 * The end of a time is noted by bench_df2_relay, between hi2 and x2.
 */
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "df2_send.h"
#include "df2_stored.h"
#include "df2_watch.h"
#include "token_rate.h"

#define SYNCS 64
#define ROUNDS_MAX 32
#define HOPS 2000
#define WAIT_NS 6e10 /* for records, when all is sent */
#define OWN_FILES 64
#define TIME_CALLS 60 /* of a case in a round */
#define TIME_RATE 20 /* calls a second */
#define FLOOD 5000
#define LOAD_RATE 25000
#define LOAD_OWN 0.02
#define GAP 10

struct rig {
	const char *what;
	struct df2_where_x2 x2;
	struct token_where token;
	const char *folder; /* on the disk of the log and the queue */
	const char *stored_file, *other, *sent_file;
	const char *own[OWN_FILES];
	unsigned n_own, rounds, workers;
	double seconds, calls;
	pid_t daemon;
	struct df2_stored *stored;
	struct df2_send *send;
	struct token_rate *rate;
	double derive[ROUNDS_MAX];
	double sync_ns[ROUNDS_MAX * SYNCS];
	unsigned n;
	struct df2_sent all; /* over all runs: what must have arrived */
	uint64_t no_warrant;
};

/* Times to key of one case, over all rounds. */
struct times {
	double *ns;
	size_t n;
};

static _Noreturn void
stop(const char *what, const char *text)
{
	(void)fprintf(stderr, "bench_df2: %s: %s\n", what, text);
	exit(1);
}

/* ---- what is on disk ---- */

static void
open_stored(struct rig *r)
{
	const int fd = open(r->stored_file, O_RDONLY | O_CLOEXEC);
	void *p;

	if (fd == -1)
		stop(r->stored_file, "no bench_df2_relay has made it");
	p = mmap(NULL, sizeof(*r->stored), PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		stop(r->stored_file, "cannot be read");
	close(fd);
	r->stored = p;
}

/* All calls of interest so far have their record; which came twice is seen. */
static void
wait_stored(struct rig *r)
{
	const double t0 = bench_now_ns();

	while (atomic_load(&r->stored->n) < r->all.calls) {
		const struct timespec nap = {0, 20000000};

		if (bench_now_ns() - t0 > WAIT_NS) {
			(void)fprintf(stderr, "%llu records of %llu\n",
			    (unsigned long long)atomic_load(&r->stored->n),
			    (unsigned long long)r->all.calls);
			stop("records", "not all are stored");
		}
		(void)nanosleep(&nap, NULL);
	}
	if (atomic_load(&r->stored->n) != r->all.calls)
		stop("records", "more than there were calls");
}

/* Times of the calls of one run; each is there once. */
static void
add_times(struct rig *r, const struct df2_sent *s, struct times *t)
{
	double *p = realloc(t->ns, (t->n + (size_t)s->calls) * sizeof(*p));

	if (p == NULL)
		stop("memory", "out of it");
	t->ns = p;
	for (uint64_t i = s->first; i < s->first + s->calls; i++) {
		const uint64_t call = r->stored->entry[i].correlation;

		if (call < s->first || call >= s->first + s->calls)
			stop("records", "one of another call");
		t->ns[t->n++] =
		    (double)r->stored->entry[i].ns - df2_send_at(r->send, call);
	}
}

/* ---- runs ---- */

static void
run(struct rig *r, const struct df2_traffic *t, struct df2_sent *s)
{
	df2_send_run(r->send, t, s);
	r->all.own += s->own;
	r->all.others += s->others;
	r->all.keepalives += s->keepalives;
	r->all.calls += s->calls;
	if (t->others == DF2_NO_WARRANT)
		r->no_warrant += s->others;
	wait_stored(r);
}

static void
measure_machine(struct rig *r)
{
	if (r->n == ROUNDS_MAX)
		return;
	r->derive[r->n] = token_rate_burst(r->rate);
	disk_syncs(r->folder, r->sync_ns + r->n * SYNCS, SYNCS);
	r->n++;
}

/* From one process to another that waits for it, as long as the relay is in
 * what is measured. */
static void
print_hop(void)
{
	double ns[HOPS];
	int pair[2];
	char c = 0;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == -1 ||
	    (pid = fork()) == -1)
		stop("hop", "cannot be measured");
	if (pid == 0) {
		close(pair[0]);
		while (read(pair[1], &c, 1) == 1 && write(pair[1], &c, 1) == 1)
			;
		_exit(0);
	}
	close(pair[1]);
	for (unsigned i = 0; i < HOPS; i++) {
		const double t0 = bench_now_ns();

		if (write(pair[0], &c, 1) != 1 || read(pair[0], &c, 1) != 1)
			stop("hop", "cannot be measured");
		ns[i] = (bench_now_ns() - t0) / 2;
	}
	close(pair[0]);
	(void)waitpid(pid, NULL, 0);
	(void)printf("%-32s p50 %.3f  p99 %.3f ms, which is in each time\n",
	    "hop between processes", bench_percentile(ns, HOPS, 0.5) / 1e6,
	    bench_percentile(ns, HOPS, 0.99) / 1e6);
}

static void
print_machine(struct rig *r)
{
	const double derive = bench_percentile(r->derive, r->n, 0.5);

	bench_print_machine();
	(void)printf("%-32s %.0f /s with %u process(es), %.3f ms each\n",
	    "token, ECDH1_DERIVE", derive, r->workers,
	    1e3 * r->workers / derive);
	(void)printf("%-32s p50 %.3f  p99 %.3f ms\n", "disk, fdatasync",
	    bench_percentile(r->sync_ns, r->n * SYNCS, 0.5) / 1e6,
	    bench_percentile(r->sync_ns, r->n * SYNCS, 0.99) / 1e6);
}

static void
print_times(const char *name, struct times *t, const struct times *alone)
{
	const double p50 = bench_percentile(t->ns, t->n, 0.5) / 1e6;
	const double p90 = bench_percentile(t->ns, t->n, 0.9) / 1e6;
	const double p99 = bench_percentile(t->ns, t->n, 0.99) / 1e6;

	(void)printf("%-32s p50 %.2f  p90 %.2f  p99 %.2f  most %.2f ms, %zu "
		     "calls",
	    name, p50, p90, p99, bench_percentile(t->ns, t->n, 1) / 1e6, t->n);
	if (alone != NULL)
		(void)printf("; %.2f and %.2f of alone",
		    p50 / (bench_percentile(alone->ns, alone->n, 0.5) / 1e6),
		    p99 / (bench_percentile(alone->ns, alone->n, 0.99) / 1e6));
	(void)printf("\n");
}

/* ---- time ---- */

static void
take_time(struct rig *r, double flood, enum df2_others others, struct times *t)
{
	struct df2_sent s;
	const struct df2_traffic f = {.own_rate =
					  TIME_RATE * df2_send_pdus(r->send),
	    .own_calls = TIME_CALLS,
	    .own_gap = 1,
	    .other_rate = flood,
	    .others = others,
	    .other_gap = GAP,
	    .other_calls = (uint64_t)(flood * TIME_CALLS / TIME_RATE /
		df2_send_other_pdus(r->send))};

	run(r, &f, &s);
	if (t != NULL)
		add_times(r, &s, t);
}

static void
time_to_key(struct rig *r)
{
	struct times alone = {0}, strangers = {0}, plain = {0};

	take_time(r, FLOOD, DF2_NO_WARRANT, NULL); /* caches, connections */
	take_time(r, FLOOD, DF2_NO_MIKEY, NULL);
	for (unsigned i = 0; i < r->rounds; i++) {
		measure_machine(r);
		take_time(r, 0, DF2_NO_WARRANT, &alone);
		take_time(r, FLOOD, DF2_NO_WARRANT, &strangers);
		take_time(r, FLOOD, DF2_NO_MIKEY, &plain);
	}
	print_machine(r);
	print_hop();
	print_times("time to key, alone", &alone, NULL);
	print_times("  5000 /s of no warrant", &strangers, &alone);
	print_times("  5000 /s without MIKEY", &plain, &alone);
	free(alone.ns);
	free(strangers.ns);
	free(plain.ns);
}

/* ---- load, memory ---- */

static void
mixed(double calls, struct df2_traffic *t)
{
	const double own = LOAD_RATE * LOAD_OWN;

	*t = (struct df2_traffic){.own_rate = own,
	    .other_rate = LOAD_RATE - own,
	    .others = DF2_NO_WARRANT,
	    .own_calls = (uint64_t)(calls * LOAD_OWN),
	    .other_calls = (uint64_t)(calls * (1 - LOAD_OWN)),
	    .own_random = true,
	    .own_gap = 1,
	    .other_gap = GAP};
}

static void
print_cpu(const struct df2_process *from, unsigned n_from,
    const struct df2_process *to, unsigned n, double seconds)
{
	for (unsigned i = 0; i < n; i++) {
		const struct df2_process *f =
		    df2_watch_find(from, n_from, to[i].name);
		const double cpu = to[i].cpu - (f == NULL ? 0 : f->cpu);

		if (cpu / seconds >= 0.002)
			(void)printf("  %-30s %5.1f %% of a processor\n",
			    to[i].name, 100 * cpu / seconds);
	}
}

static void
load(struct rig *r)
{
	struct df2_process from[DF2_PROCESSES], to[DF2_PROCESSES],
	    me[2][DF2_PROCESSES];
	struct df2_traffic t;
	struct df2_sent s;
	struct times times = {0};
	unsigned n_from, n;

	mixed(LOAD_RATE * r->seconds / df2_send_pdus(r->send), &t);
	take_time(r, FLOOD, DF2_NO_WARRANT, NULL); /* caches, connections */
	measure_machine(r);
	n_from = df2_watch(r->daemon, from);
	(void)df2_watch(getpid(), me[0]);
	run(r, &t, &s);
	n = df2_watch(r->daemon, to);
	(void)df2_watch(getpid(), me[1]);
	measure_machine(r);
	add_times(r, &s, &times);
	print_machine(r);
	(void)printf("%-32s %.0f /s for %.1f s, %llu of %llu of interest\n",
	    "SIP messages", (double)(s.own + s.others) / s.seconds, s.seconds,
	    (unsigned long long)s.own, (unsigned long long)(s.own + s.others));
	(void)printf("%-32s a socket took no more %u times; at most %.1f ms "
		     "late\n",
	    "sender", s.held, s.late_ns / 1e6);
	(void)printf("%-32s p50 %.2f  p99 %.2f  most %.2f ms\n",
	    "keep-alive to its ack", s.ack_p50 / 1e6, s.ack_p99 / 1e6,
	    s.ack_most / 1e6);
	print_times("time to key", &times, NULL);
	print_cpu(from, n_from, to, n, s.seconds);
	print_cpu(me[0], 1, me[1], 1, s.seconds);
	free(times.ns);
}

static void
print_memory(struct rig *r, double calls)
{
	struct df2_process p[DF2_PROCESSES];
	const unsigned n = df2_watch(r->daemon, p);

	(void)printf("after %.0f calls, %llu of interest:", calls,
	    (unsigned long long)r->all.calls);
	for (unsigned i = 0; i < n; i++)
		if (strncmp(p[i].name, "keywarden-", 10) == 0)
			(void)printf(" %s %lu/%lu", p[i].name + 10,
			    p[i].rss_kib, p[i].pss_kib);
	(void)printf(" KiB RSS/PSS\n");
	(void)fflush(stdout);
}

static void
memory(struct rig *r)
{
	const double t0 = bench_now_ns();
	struct df2_traffic t;
	struct df2_sent s;
	double late = 0;

	print_memory(r, 0);
	for (unsigned i = 1; i <= 10; i++) {
		mixed(r->calls / 10, &t);
		run(r, &t, &s);
		late = s.late_ns > late ? s.late_ns : late;
		print_memory(r, i * r->calls / 10);
	}
	(void)printf("%.0f SIP messages in %.0f s; at most %.1f ms late\n",
	    (double)(r->all.own + r->all.others), (bench_now_ns() - t0) / 1e9,
	    late / 1e6);
}

/* What the counts of the appliance must be now, for bench/df2.sh. */
static void
write_sent(const struct rig *r)
{
	FILE *f = fopen(r->sent_file, "w");

	if (f == NULL)
		stop(r->sent_file, "cannot be written");
	(void)fprintf(f, "pdus %llu\nnoWarrant %llu\nsip %llu\nkeys %llu\n",
	    (unsigned long long)(r->all.own + r->all.others +
		r->all.keepalives),
	    (unsigned long long)r->no_warrant,
	    (unsigned long long)(r->all.own + r->all.others - r->no_warrant),
	    (unsigned long long)r->all.calls);
	(void)fclose(f);
}

/* ---- start ---- */

static const struct option longs[] = {{"what", required_argument, NULL, 'W'},
    {"host", required_argument, NULL, 'H'},
    {"port", required_argument, NULL, 'O'},
    {"ca", required_argument, NULL, 'a'},
    {"cert", required_argument, NULL, 'c'},
    {"key", required_argument, NULL, 'k'},
    {"links", required_argument, NULL, 'n'},
    {"module", required_argument, NULL, 'm'},
    {"label", required_argument, NULL, 'l'},
    {"pin-file", required_argument, NULL, 'p'},
    {"params", required_argument, NULL, 'P'},
    {"workers", required_argument, NULL, 'w'},
    {"folder", required_argument, NULL, 'f'},
    {"stored", required_argument, NULL, 's'},
    {"sent", required_argument, NULL, 'S'},
    {"other", required_argument, NULL, 'o'},
    {"daemon", required_argument, NULL, 'd'},
    {"rounds", required_argument, NULL, 'r'},
    {"seconds", required_argument, NULL, 't'},
    {"calls", required_argument, NULL, 'C'}, {NULL, 0, NULL, 0}};

static void
options(struct rig *r, int argc, char **argv)
{
	const char *links = "2", *workers = "1", *daemon = "0", *rounds = "5",
		   *seconds = "20", *calls = "1000000";
	const char **const to[128] = {['W'] = &r->what,
	    ['H'] = &r->x2.host,
	    ['O'] = &r->x2.port,
	    ['a'] = &r->x2.ca,
	    ['c'] = &r->x2.cert,
	    ['k'] = &r->x2.key,
	    ['n'] = &links,
	    ['m'] = &r->token.module,
	    ['l'] = &r->token.label,
	    ['p'] = &r->token.pin_file,
	    ['P'] = &r->token.params,
	    ['w'] = &workers,
	    ['f'] = &r->folder,
	    ['s'] = &r->stored_file,
	    ['S'] = &r->sent_file,
	    ['o'] = &r->other,
	    ['d'] = &daemon,
	    ['r'] = &rounds,
	    ['t'] = &seconds,
	    ['C'] = &calls};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c <= 0 || c >= 128 || to[c] == NULL)
			exit(64);
		*to[c] = optarg;
	}
	for (; optind < argc && r->n_own < OWN_FILES; optind++)
		r->own[r->n_own++] = argv[optind];
	r->x2.links = (unsigned)strtoul(links, NULL, 10);
	r->workers = (unsigned)strtoul(workers, NULL, 10);
	r->daemon = (pid_t)strtol(daemon, NULL, 10);
	r->rounds = (unsigned)strtoul(rounds, NULL, 10);
	r->seconds = strtod(seconds, NULL);
	r->calls = strtod(calls, NULL);
}

int
main(int argc, char **argv)
{
	static struct rig r = {.what = ""};
	const bool child = argc > 1 && strcmp(argv[1], TOKEN_CHILD) == 0;

	options(&r, argc - child, argv + child);
	if (child)
		return token_child(&r.token);
	if (r.x2.host == NULL || r.x2.port == NULL || r.x2.ca == NULL ||
	    r.x2.cert == NULL || r.x2.key == NULL || r.token.module == NULL ||
	    r.folder == NULL || r.stored_file == NULL || r.sent_file == NULL ||
	    r.other == NULL || r.daemon <= 0 || r.workers == 0)
		stop("options", "see bench/df2.sh");
	open_stored(&r);
	r.send = df2_send_new(&r.x2, r.own, r.n_own, r.other);
	r.rate = token_rate_new("bench_df2", r.workers, &r.token);
	if (strcmp(r.what, "time") == 0)
		time_to_key(&r);
	else if (strcmp(r.what, "load") == 0)
		load(&r);
	else if (strcmp(r.what, "memory") == 0)
		memory(&r);
	else
		stop("options", "--what time, load or memory");
	token_rate_free(r.rate);
	write_sent(&r);
	df2_send_free(r.send);
	return 0;
}
