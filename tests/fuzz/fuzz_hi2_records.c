/*
 * What x2, a worker and policy say to keywarden-hi2, in any order, against a
 * real queue.  Input: a row of
 *	u8 what (mod 6), u8 ticket (mod 4), then
 *	0 content: u8 epoch, u64 seconds, v16 SIP
 *	1 gone
 *	2 keys: v16 body of MSG_HI2_KEYS
 *	3 order: v16 body of MSG_HI2_ORDER
 *	4 a short order: u8 epoch, u8 leg, u8 kind
 *	5 end of the turn
 * What must hold: a word counts once for each leg of content that is there;
 * all of a turn is told and waits in the queue, and nothing else.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "appliance/hi2_records.h"
#include "fuzz.h"

#define TICKETS 4
#define LEGS 300
#define TURNS_MOST 100 /* of one queue: its names of LEMFs are bounded */

static struct spool *spool;
static unsigned turns;
static char dir[32], path[48], wal[56];
static unsigned char *spki;
static int spki_len;
static struct hi2_profiles profiles;

/* What must be so, by a few lines. */
struct model {
	uint64_t epoch;
	struct {
		bool there;
		unsigned n;
		uint64_t leg[LEGS]; /* that have a record, or will */
	} ticket[TICKETS];
	unsigned n_turn; /* legs that are told at the turn's end */
	uint64_t records; /* of them */
	uint64_t waiting;
	unsigned told;
};

static void
on_stored(void *ctx, uint32_t ticket, const struct msg_stored *m)
{
	struct model *d = ctx;

	MUST(ticket < TICKETS);
	(void)m;
	d->told++;
}

/* ---- the queue ---- */

static void
open_spool(void)
{
	static const uint8_t kms[QUEUE_DIGEST_LEN] = {1};
	struct why why = {""};
	struct spool_config c = {.path = path, .kms = kms};

	spool_close(&spool);
	(void)unlink(path);
	(void)unlink(wal);
	rd_init(&c.spki, spki, (size_t)spki_len);
	MUST(spool_open(&c, &spool, &why) == ERR_OK);
	turns = 0;
}

static void
remove_spool(void)
{
	spool_close(&spool);
	(void)unlink(path);
	(void)unlink(wal);
	(void)rmdir(dir);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	EVP_PKEY *k = EVP_RSA_gen(3072);
	struct hi2_settings *s = calloc(1, sizeof(*s));
	struct why why = {""};

	(void)argc;
	(void)argv;
	MUST(k != NULL && s != NULL);
	spki_len = i2d_PUBKEY(k, &spki);
	EVP_PKEY_free(k);
	MUST(hi2_profiles_read(s, &profiles, &why) == ERR_OK);
	free(s);
	(void)snprintf(dir, sizeof(dir), "%s/kw-fuzz-XXXXXX",
	    access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	MUST(mkdtemp(dir) != NULL);
	(void)snprintf(path, sizeof(path), "%s/db", dir);
	(void)snprintf(wal, sizeof(wal), "%s-wal", path);
	open_spool();
	(void)atexit(remove_spool);
	return 0;
}

/* ---- one input ---- */

struct run {
	struct hi2_records *r;
	struct model d;
};

static bool
has_leg(const struct model *d, unsigned t, uint64_t leg)
{
	for (unsigned i = 0; i < d->ticket[t].n; i++)
		if (d->ticket[t].leg[i] == leg)
			return true;
	return false;
}

/* What a word gave; `was` and `told` are of before it. */
static void
judge(struct run *u, unsigned t, uint64_t epoch, const struct destination *to,
    bool was, unsigned told, enum err rc)
{
	struct model *d = &u->d;

	if (!d->ticket[t].there || epoch != d->epoch) {
		MUST(rc == ERR_NOTFOUND);
		return;
	}
	if (was) {
		MUST(rc == ERR_OK);
		return;
	}
	MUST(d->told == told);
	if (rc == ERR_OK) {
		MUST(d->ticket[t].n < LEGS);
		d->ticket[t].leg[d->ticket[t].n++] = to->leg;
		d->n_turn++;
		d->records += to->n_lemfs;
	} else
		MUST(rc == ERR_UNSUPPORTED || rc == ERR_MALFORMED ||
		    rc == ERR_TRUNCATED || rc == ERR_TOOBIG);
}

static void
content(struct run *u, uint32_t t, struct rd *in)
{
	struct msg_content m = {.epoch = take_u8(in),
	    .seconds = (int64_t)take_u64(in),
	    .direction = (uint8_t)t};
	struct model *d = &u->d;

	m.sip = take_view16(in);
	MUST(hi2_records_content(u->r, t, &m) == ERR_OK);
	if (m.epoch != d->epoch)
		memset(d->ticket, 0, sizeof(d->ticket));
	d->epoch = m.epoch;
	d->ticket[t].there = true;
}

static void
keys(struct run *u, uint32_t t, struct rd body)
{
	const unsigned told = u->d.told;
	struct msg_hi2_keys m;
	bool was;

	if (msg_hi2_keys_get(body, &m) != ERR_OK)
		return;
	was = has_leg(&u->d, t, m.to.leg);
	judge(u, t, m.epoch, &m.to, was, told,
	    hi2_records_keys(u->r, t, &m, 1800000000));
}

static void
order(struct run *u, uint32_t t, const struct msg_hi2_order *m)
{
	const unsigned told = u->d.told;
	const bool was = has_leg(&u->d, t, m->to.leg);

	judge(u, t, m->epoch, &m->to, was, told,
	    hi2_records_order(u->r, t, m, 1800000000));
}

static void
short_order(struct run *u, uint32_t t, struct rd *in)
{
	struct msg_hi2_order m = {.epoch = take_u8(in)};

	m.to.leg = take_u8(in);
	m.kind = take_u8(in) % 2 == 0 ? X2_ASK_SIP : X2_ASK_NO_KEYS;
	rd_init(&m.to.liid, "L", 1);
	m.to.n_lemfs = 1;
	rd_init(&m.to.lemf[0], "north", 5);
	m.to.n_targets = 1;
	rd_init(&m.to.target[0], "sip:a@b.example", 15);
	order(u, t, &m);
}

static void
end_turn(struct run *u)
{
	struct model *d = &u->d;
	const unsigned told = d->told;
	struct msg_counts c;
	struct why why = {""};

	MUST(hi2_records_commit(u->r, &why) ==
	    (d->n_turn > 0 ? ERR_OK : ERR_AGAIN));
	MUST(d->told == told + d->n_turn);
	d->waiting += d->records;
	d->n_turn = 0;
	d->records = 0;
	hi2_records_counts(u->r, &c);
	MUST(c.v[HI2_COUNT_WAITING] == d->waiting);
	MUST(
	    c.v[HI2_COUNT_KEYS] + c.v[HI2_COUNT_NO_KEYS] + c.v[HI2_COUNT_SIP] <=
	    d->waiting);
	turns++;
}

static void
step(struct run *u, struct rd *in)
{
	const uint8_t what = take_u8(in) % 6;
	const uint32_t t = take_u8(in) % TICKETS;
	struct msg_hi2_order m;

	switch (what) {
	case 0:
		content(u, t, in);
		break;
	case 1:
		hi2_records_gone(u->r, t);
		memset(&u->d.ticket[t], 0, sizeof(u->d.ticket[t]));
		break;
	case 2:
		keys(u, t, take_view16(in));
		break;
	case 3:
		if (msg_hi2_order_get(take_view16(in), &m) == ERR_OK)
			order(u, t, &m);
		break;
	case 4:
		short_order(u, t, in);
		break;
	default:
		end_turn(u);
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct run u;
	struct spool_counts c;
	struct rd in;

	if (turns > TURNS_MOST)
		open_spool();
	spool_counts(spool, &c);
	u = (struct run){.d.waiting = c.records};
	MUST(
	    hi2_records_new(spool, &profiles, on_stored, &u.d, &u.r) == ERR_OK);
	rd_init(&in, data, size);
	while (in.left > 0)
		step(&u, &in);
	end_turn(&u);
	hi2_records_free(&u.r);
	return 0;
}
