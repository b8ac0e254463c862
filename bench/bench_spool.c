/*
 * How many records the queue of keywarden-hi2 takes, in turns of 1, 16 and
 * 256, and how long one waits from its coming until it is durable; beside the
 * machine's own fdatasync of as many octets in the same run.  Then at 30,000 a
 * second, whenever the queue is ready for them; and 5,000 a second that come
 * while the queue is read, opened, given out and emptied as fast as it can be.
 *
 *	bench_spool [folder]        default /var/tmp: a disk, not memory
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "appliance/hi2_delivery.h"
#include "bench.h"
#include "hi2/iri.h"

#define SECONDS 3.0
#define SAMPLES 200000
#define SIP_LEN 1400 /* an INVITE with SDP and a MIKEY message */
#define CALLS 20000
#define RATE 30000 /* that come in a second */
#define RATE_OUT 5000 /* that come while others go out */
#define BACKLOG 60000
#define TURN_MAX 2048
#define MS 1e6 /* ns */

static void
die(const char *what, const char *why)
{
	(void)fprintf(stderr, "bench_spool: %s: %s\n", what, why);
	exit(1);
}

static struct rd
view(const void *p, size_t len)
{
	struct rd r;

	rd_init(&r, p, len);
	return r;
}

static struct spool *
make_spool(const char *path)
{
	static const uint8_t kms[QUEUE_DIGEST_LEN] = {1};
	struct spool_config c = {.path = path, .kms = kms};
	struct spool *s = NULL;
	EVP_PKEY *k = EVP_RSA_gen(3072);
	unsigned char *der = NULL;
	const int n = k == NULL ? -1 : i2d_PUBKEY(k, &der);
	struct why why = {""};

	if (n <= 0)
		die("start", "no RSA key");
	c.spki = view(der, (size_t)n);
	if (spool_open(&c, &s, &why) != ERR_OK)
		die("start", why.text);
	OPENSSL_free(der);
	EVP_PKEY_free(k);
	return s;
}

static struct iri_profile
make_profile(void)
{
	struct iri_profile p;
	struct why why = {""};

	if (iri_profile_named("etsi", &p) != ERR_OK ||
	    iri_profile_set(&p, "operator_id", "bench", &why) != ERR_OK)
		die("start", "no profile");
	return p;
}

/* ---- one turn ---- */

struct run {
	struct spool *s;
	struct iri_profile profile;
	uint8_t sip[SIP_LEN];
	uint64_t n; /* records so far */
	size_t octets; /* of one */
};

static void
add(struct run *u)
{
	static const struct rd no = {NULL, 0};
	const struct iri_key key = {.cs_id = 1, .csb_id = 7};
	const struct rd target = view("sip:alice@example.org", 21);
	struct iri_record r = {.event = IRI_KEYS,
	    .liid = view("LIID-BENCH", 10),
	    .targets = &target,
	    .n_targets = 1,
	    .seconds = 1800000000,
	    .sip = view(u->sip, sizeof(u->sip)),
	    .keys = &key,
	    .n_keys = 1};
	const uint32_t cin = (uint32_t)(u->n++ % CALLS);
	struct spool_place p = {.row.lemf = no};
	struct why why = {""};
	uint8_t pdu[4096];
	size_t len = 0;

	if (spool_place(u->s, view("north", 5), r.liid, cin, 1800000000, &p,
		&why) != ERR_OK)
		die("a place", why.text);
	r.sequence = p.row.sequence;
	memcpy(r.correlation + 4, &cin, sizeof(cin));
	if (iri_encode(&u->profile, &r, pdu, sizeof(pdu), &len) != ERR_OK)
		die("a record", "does not encode");
	if (spool_put(u->s, &p, view(pdu, len), &why) != ERR_OK)
		die("a record", why.text);
	u->octets = len;
}

static void
turn(struct run *u, unsigned batch)
{
	struct why why = {""};

	for (unsigned i = 0; i < batch; i++)
		add(u);
	if (spool_commit(u->s, &why) != ERR_OK)
		die("a turn", why.text);
}

/* ---- figures ---- */

static double waits[SAMPLES];

static void
print(const char *what, size_t n, unsigned batch, double ns)
{
	const double each = ns / (double)n;

	(void)printf("%-22s %9.0f records/s   turn p50 %8.3f ms   p99 %8.3f "
		     "ms\n",
	    what, (double)batch * 1e9 / each,
	    bench_percentile(waits, n, 0.5) / 1e6,
	    bench_percentile(waits, n, 0.99) / 1e6);
}

/*
 * The first of a turn waits for the whole of it: that is what is taken, as the
 * worst that a record of it can have.
 */
static void
take(struct run *u, unsigned batch)
{
	const double from = bench_now_ns();
	double last = from, now = from;
	char what[40];
	size_t n = 0;

	while (now - from < SECONDS * 1e9 && n < SAMPLES) {
		turn(u, batch);
		spool_tidy(u->s);
		now = bench_now_ns();
		waits[n++] = now - last;
		last = now;
	}
	(void)snprintf(what, sizeof(what), "queue, turns of %u", batch);
	print(what, n, batch, now - from);
}

/* What the machine needs to have as many octets on disk, at the least. */
static void
sync_alone(const char *path, unsigned batch, size_t octets)
{
	const int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	const size_t len = batch * octets;
	uint8_t *p = calloc(1, len);
	const double from = bench_now_ns();
	double last = from, now = from;
	char what[40];
	size_t n = 0;

	if (fd == -1 || p == NULL)
		die(path, "cannot be made");
	while (now - from < SECONDS * 1e9 && n < SAMPLES) {
		if (write(fd, p, len) != (ssize_t)len || fdatasync(fd) == -1)
			die(path, "cannot be written");
		now = bench_now_ns();
		waits[n++] = now - last;
		last = now;
	}
	(void)snprintf(what, sizeof(what), "fdatasync, of %u", batch);
	print(what, n, batch, now - from);
	(void)close(fd);
	(void)unlink(path);
	free(p);
}

/* ---- records that come by themselves ---- */

/* How many have come since `from`, at a rate, beside the first `had`. */
static unsigned
come(double from, double rate, uint64_t had)
{
	const double all = (bench_now_ns() - from) / 1e9 * rate;
	const double n = all - (double)had;

	return n < 0 ? 0 : n > TURN_MAX ? TURN_MAX : (unsigned)n;
}

/* A record waits from when it came, not from when it was taken. */
static void
take_at_rate(struct run *u)
{
	const double from = bench_now_ns(), each = 1e9 / RATE;
	const struct timespec nap = {0, 100000};
	uint64_t had = 0;
	size_t n = 0;

	while (had < RATE * SECONDS) {
		const unsigned batch = come(from, RATE, had);
		double now;

		if (batch == 0) {
			(void)nanosleep(&nap, NULL);
			continue;
		}
		turn(u, batch);
		now = bench_now_ns();
		for (unsigned i = 0; i < batch; i++, had++)
			if (n < SAMPLES)
				waits[n++] = now - (from + (double)had * each);
		spool_tidy(u->s);
	}
	(void)
	    printf("%d records/s that come: %.0f/s stored, wait p50 %.3f ms   "
		   "p99 %.3f ms\n",
		RATE, (double)had * 1e9 / (bench_now_ns() - from),
		bench_percentile(waits, n, 0.5) / MS,
		bench_percentile(waits, n, 0.99) / MS);
}

/* ---- records that go out ---- */

struct out {
	struct delivery *d;
	uint64_t given, octets;
};

/* A LEMF that takes all, and confirms it when it is asked. */
static enum err
give(void *ctx, unsigned slot, const struct msg_deliver *m)
{
	struct out *o = ctx;

	(void)slot;
	o->given = m->number;
	o->octets += m->pdu.left;
	return ERR_OK;
}

static enum err
no_key(void *ctx, uint64_t key, struct rd wrapped)
{
	(void)ctx;
	(void)key;
	(void)wrapped;
	return ERR_CLOSED;
}

static enum err
no_note(void *ctx, uint32_t id, const struct msg_hi2_note *m)
{
	(void)ctx;
	(void)id;
	(void)m;
	return ERR_CLOSED;
}

static struct moment
moment(void)
{
	return (struct moment){(int64_t)(bench_now_ns() / MS), 1800000000};
}

static void
connect_out(struct out *o, struct spool *s)
{
	static const struct delivery_ops ops = {give, no_key, no_note};
	static struct hi2_settings h = {.n_lemfs = 1};
	const struct msg_link open = {.state = LINK_OPEN, .epoch = 1};

	h.lemf[0] =
	    (struct lemf_settings){.name = view("north", 5), .linked = true};
	if (delivery_new(s, &ops, o, &o->d) != ERR_OK ||
	    delivery_configure(o->d, &h, moment()) != ERR_OK ||
	    delivery_link(o->d, 0, &open, moment()) != ERR_OK)
		die("start", "no delivery");
}

/* A turn of the loop: what has come, what leaves, what is given. */
static void
turn_out(struct run *u, struct out *o, unsigned batch)
{
	const struct msg_upto upto = {1, o->given};
	const bool due = delivery_is_due(o->d, moment());
	struct why why = {""};
	bool more;

	if (due && delivery_remove(o->d, &why) != ERR_OK)
		die("records that leave", why.text);
	turn(u, batch);
	if (due)
		delivery_removed(o->d, true, moment());
	if (delivery_turn(o->d, moment(), &more, &why) != ERR_OK ||
	    (upto.number > 0 &&
		delivery_delivered(o->d, 0, &upto, moment()) != ERR_OK))
		die("records that go out", why.text);
	spool_tidy(u->s);
}

static void
give_out(struct run *u)
{
	struct out o = {NULL, 0, 0};
	struct spool_counts c;
	double from, now;
	uint64_t had = 0, delivered, before;
	struct msg_delivery m;

	spool_counts(u->s, &c);
	while (c.records < BACKLOG) {
		turn(u, 256);
		spool_tidy(u->s);
		spool_counts(u->s, &c);
	}
	connect_out(&o, u->s);
	before = delivery_show(o.d, 0, &m) ? m.delivered : 0;
	from = now = bench_now_ns();
	while (now - from < SECONDS * 1e9) {
		const unsigned batch = come(from, RATE_OUT, had);

		turn_out(u, &o, batch);
		had += batch;
		now = bench_now_ns();
	}
	delivered = delivery_show(o.d, 0, &m) ? m.delivered - before : 0;
	(void)printf("%.0f records/s come and %.0f records/s, %.0f Mbit/s, go "
		     "out and leave the queue\n",
	    (double)had * 1e9 / (now - from),
	    (double)delivered * 1e9 / (now - from),
	    (double)o.octets * 8e3 / (now - from));
	delivery_free(&o.d);
}

int
main(int argc, char **argv)
{
	static const unsigned batches[] = {1, 16, 256};
	static struct run u;
	char dir[200], path[256], other[256], wal[264];

	(void)snprintf(dir, sizeof(dir), "%.150s/kw-bench-XXXXXX",
	    argc > 1 ? argv[1] : "/var/tmp");
	if (mkdtemp(dir) == NULL)
		die("start", "the folder cannot be written");
	(void)snprintf(path, sizeof(path), "%s/spool.db", dir);
	(void)snprintf(wal, sizeof(wal), "%s-wal", path);
	(void)snprintf(other, sizeof(other), "%s/sync", dir);
	bench_print_machine();
	u.s = make_spool(path);
	u.profile = make_profile();
	turn(&u, 1);
	(void)printf("a record has %zu octets\n", u.octets);
	for (unsigned i = 0; i < 3; i++) {
		take(&u, batches[i]);
		sync_alone(other, batches[i], u.octets);
	}
	take_at_rate(&u);
	give_out(&u);
	spool_close(&u.s);
	(void)unlink(path);
	(void)unlink(wal);
	(void)rmdir(dir);
	return 0;
}
