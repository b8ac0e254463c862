/*
 * How many records the queue of keywarden-hi2 takes, in turns of 1, 16 and
 * 256, and how long one waits from its coming until it is durable; beside the
 * machine's own fdatasync of as many octets in the same run.
 *
 *	bench_spool [folder]        default /var/tmp: a disk, not memory
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "appliance/hi2_spool.h"
#include "bench.h"
#include "hi2/iri.h"

#define SECONDS 3.0
#define SAMPLES 200000
#define SIP_LEN 1400 /* an INVITE with SDP and a MIKEY message */
#define CALLS 20000

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
	spool_tidy(u->s);
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
	spool_close(&u.s);
	(void)unlink(path);
	(void)unlink(wal);
	(void)rmdir(dir);
	return 0;
}
