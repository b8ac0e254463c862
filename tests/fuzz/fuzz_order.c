/*
 * PDUs of some LIIDs and CINs as keywarden-lemf judges them, in any order, with
 * numbers that are far apart, resets, hashes and signatures: a record is new
 * once; it came again only with its octets; a hash holds only for the octets of
 * the records that it names, a signature only if the key has made it over the
 * hashes that it names; what is attested was hashed, and what was hashed came.
 *
 * Input: u8 whether the key is known, then PDUs, each u8 act and what it needs:
 * see do_one().
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "fuzz.h"
#include "lemf/order.h"

#define ACTS 128
#define STREAMS 4
#define NUMBERS 256 /* that hashes name */
#define PDUS 8192
#define HASHES 1100 /* in one act */
#define INCLUDED 8

/* Faults of a hash or a signature: bits. */
enum { OTHER_VALUE = 1, OTHER_HASH = 2, LONG_VALUE = 4 };

static EVP_PKEY *key;
static struct rd spki;
static struct order *order;

static struct world {
	uint8_t pdu[PDUS][4]; /* stream, number, content */
	size_t n_pdus;
	uint32_t last[STREAMS]; /* the highest number that was sent */
	/* What it has taken: 1 + the PDU; since the last reset, and before. */
	size_t now[STREAMS][NUMBERS], before[STREAMS][NUMBERS];
	uint8_t value[STREAMS][NUMBERS][32]; /* of hash PDUs */
	bool unreadable, key_known;
	bool many_hashes; /* once is enough */
	enum order_what verdict;
	unsigned verdicts;
} w;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	uint8_t *der = NULL;
	int n;

	(void)argc;
	(void)argv;
	key = EVP_EC_gen("P-256");
	MUST(key != NULL && (n = i2d_PUBKEY(key, &der)) > 0);
	rd_init(&spki, der, (size_t)n);
	return 0;
}

static enum err
read_back(void *ctx, const struct order_place *where, uint8_t *out)
{
	(void)ctx;
	MUST(where->at < w.n_pdus && where->len == sizeof(w.pdu[0]));
	memcpy(out, w.pdu[where->at], where->len);
	return w.unreadable ? ERR_IO : ERR_OK;
}

static void
on_event(void *ctx, const struct order_event *e)
{
	(void)ctx;
	MUST(e->what < ORDER__MAX && order_name(e->what) != NULL);
	if (e->what == ORDER_GAP) {
		MUST(e->count > 0 &&
		    e->number + e->count == e->record->sequence);
		return;
	}
	w.verdict = e->what;
	w.verdicts++;
}

static void
give(struct record *r, const struct order_place *where)
{
	const struct order_counts *c = order_counts(order);

	w.verdicts = 0;
	MUST(order_take(order, r, where) == ERR_OK && w.verdicts == 1);
	MUST(c->attested <= c->hashed);
	MUST(c->hashed <= c->of[ORDER_NEW] + c->of[ORDER_LATE]);
}

static struct record
header(unsigned stream, uint32_t sequence)
{
	struct record r = {.event = RECORD_TRI, .sequence = sequence};

	rd_init(&r.liid, "L1L2", stream < 2 ? 2 : 4);
	r.cin = stream % 2;
	return r;
}

/* ---- records and resets ---- */

static bool
is_pdu(size_t known, const uint8_t pdu[4])
{
	return known != 0 && memcmp(w.pdu[known - 1], pdu, 4) == 0;
}

static void
record(unsigned stream, uint32_t number, uint8_t content)
{
	struct record r = header(stream, number);
	struct order_place where = {0, sizeof(w.pdu[0]), w.n_pdus};
	const uint8_t n = (uint8_t)(number % NUMBERS);
	uint8_t *const pdu = w.pdu[w.n_pdus];

	if (w.n_pdus == PDUS)
		return;
	w.n_pdus++;
	pdu[0] = (uint8_t)stream;
	pdu[1] = (uint8_t)(number >> 8);
	pdu[2] = n;
	pdu[3] = content;
	rd_init(&r.pdu, pdu, sizeof(w.pdu[0]));
	r.event = RECORD_SIP;
	give(&r, &where);
	if (number > w.last[stream])
		w.last[stream] = number;
	MUST(w.verdict <= ORDER_OLD && w.verdict != ORDER_GAP);
	if (number >= NUMBERS)
		return;
	if (w.verdict == ORDER_AGAIN)
		MUST(is_pdu(w.now[stream][n], pdu) ||
		    is_pdu(w.before[stream][n], pdu));
	if (w.verdict == ORDER_NEW || w.verdict == ORDER_LATE) {
		MUST(w.now[stream][n] == 0);
		w.now[stream][n] = w.n_pdus;
	}
}

static void
reset(unsigned stream, uint8_t content)
{
	struct record r = header(stream, 0);
	const struct order_place none = {0, 0, 0};

	r.tri.kind = TRI_CIN_RESET;
	rd_init(&r.pdu, &content, 1);
	give(&r, &none);
	if (w.verdict == ORDER_RESET_AGAIN)
		return;
	MUST(w.verdict == ORDER_RESET);
	memcpy(w.before[stream], w.now[stream], sizeof(w.now[stream]));
	memset(w.now[stream], 0, sizeof(w.now[stream]));
	w.last[stream] = 0;
}

/* ---- hashes and signatures ---- */

static void
integrity(unsigned stream, uint32_t sequence, const struct tri_integrity *t)
{
	static const struct order_place none = {0, 0, 0};
	struct record r = header(stream, sequence);

	r.tri.kind = TRI_INTEGRITY_CHECK;
	r.tri.u.integrity = *t;
	give(&r, &none);
}

static struct rd
included(uint8_t from, unsigned n, uint8_t octets[INCLUDED * TRI_INCLUDED_LEN])
{
	struct rd r;
	struct wr out;

	wr_init(&out, octets, INCLUDED * TRI_INCLUDED_LEN);
	for (unsigned i = 0; i < n; i++)
		tri_included_put(&out, (from + i) % NUMBERS);
	MUST(out.rc == ERR_OK);
	rd_init(&r, octets, out.len);
	return r;
}

/* Of records since the last reset, or of those before. */
static void
hash(unsigned stream, uint8_t from, uint8_t how, uint8_t number)
{
	const size_t *const known =
	    how & 128 ? w.before[stream] : w.now[stream];
	const unsigned n = 1 + how % INCLUDED;
	const uint8_t faults = how >> 3 & 7;
	uint8_t octets[INCLUDED * TRI_INCLUDED_LEN], all[4 * INCLUDED],
	    value[65];
	struct tri_integrity t = {.check = TRI_CHECK_HASH,
	    .hash = faults & OTHER_HASH ? TRI_SHA1 : TRI_SHA256,
	    .included = included(from, n, octets)};

	for (unsigned i = 0; i < n; i++) {
		const size_t k = known[(from + i) % NUMBERS];

		memcpy(all + 4 * i, k == 0 ? value : w.pdu[k - 1],
		    4 * (k != 0));
		if (k == 0)
			memset(all + 4 * i, 0, 4);
	}
	MUST(EVP_Q_digest(NULL, "SHA256", NULL, all, 4 * (size_t)n, value,
		 NULL) == 1);
	value[0] ^= faults & OTHER_VALUE;
	rd_init(&t.value, value, faults & LONG_VALUE ? sizeof(value) : 32);
	memcpy(w.value[stream][number], value, 32);
	integrity(stream, number, &t);
	MUST(w.verdict >= ORDER_HASH && w.verdict <= ORDER_HASH_KIND);
	MUST(w.verdict != ORDER_HASH || faults == 0);
}

static void
sign(unsigned stream, uint8_t from, uint8_t how)
{
	const unsigned n = 1 + how % INCLUDED;
	const uint8_t faults = how >> 3 & 7;
	uint8_t octets[INCLUDED * TRI_INCLUDED_LEN], all[32 * INCLUDED],
	    value[128];
	struct tri_integrity t = {.check = TRI_CHECK_SIGNATURE,
	    .signature = faults & OTHER_HASH ? TRI_DSA : TRI_ECDSA,
	    .included = included(from, n, octets)};
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	size_t len = sizeof(value);

	for (unsigned i = 0; i < n; i++)
		memcpy(all + 32 * (size_t)i,
		    w.value[stream][(from + i) % NUMBERS], 32);
	MUST(c != NULL);
	MUST(EVP_DigestSignInit(c, NULL, EVP_sha256(), NULL, key) == 1);
	MUST(EVP_DigestSign(c, value, &len, all, 32 * (size_t)n) == 1);
	EVP_MD_CTX_free(c);
	value[len - 1] ^= faults & OTHER_VALUE;
	rd_init(&t.value, value, len - (faults & LONG_VALUE ? 1 : 0));
	integrity(stream, 0, &t);
	MUST(w.verdict >= ORDER_SIGNED && w.verdict < ORDER__MAX);
	MUST(w.verdict != ORDER_SIGNED || (faults == 0 && w.key_known));
	MUST(w.verdict != ORDER_SIGNATURE_NO_KEY || !w.key_known);
}

static void
any_integrity(unsigned stream, struct rd *in)
{
	const uint8_t what = take_u8(in);
	struct tri_integrity t = {.included = take_view8(in),
	    .value = take_view8(in),
	    .hash = (enum tri_hash)(what / 2 % (TRI_SHA512 + 1)),
	    .signature = TRI_ECDSA};

	t.check = what & 1 ? TRI_CHECK_SIGNATURE : TRI_CHECK_HASH;
	integrity(stream, what, &t);
	MUST(w.verdict != ORDER_HASH || t.value.left >= 32);
	MUST(w.verdict != ORDER_SIGNED);
}

/* ---- acts ---- */

static void
do_one(struct rd *in)
{
	const uint8_t what = take_u8(in), how = what / 32;
	const unsigned stream = what / 8 % STREAMS;
	uint8_t a, b;

	switch (what % 8) {
	case 0:
		a = take_u8(in);
		record(stream, a, how % 2);
		break;
	case 1:
		record(stream, w.last[stream] + take_u16(in) % 10000, 0);
		break;
	case 2:
		for (unsigned i = 0; i < 4U << how % 4; i++)
			record(stream, w.last[stream] + 1, 0);
		break;
	case 3:
		reset(stream, how);
		break;
	case 4:
		a = take_u8(in);
		b = take_u8(in);
		hash(stream, a, b, how);
		break;
	case 5:
		a = take_u8(in);
		sign(stream, how, a);
		break;
	case 6:
		any_integrity(stream, in);
		break;
	default:
		w.unreadable = how == 1;
		if (how == 7 && !w.many_hashes)
			for (unsigned i = 0; i < HASHES; i++)
				hash(stream, 0, 0, (uint8_t)i);
		w.many_hashes |= how == 7;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct order_ops ops = {.read = read_back, .event = on_event};
	struct rd in;

	rd_init(&in, data, size);
	memset(&w, 0, sizeof(w));
	w.key_known = take_u8(&in) % 2 == 0;
	if (w.key_known)
		ops.verify_key = spki;
	MUST(order_new(&ops, &order) == ERR_OK);
	for (unsigned i = 0; i < ACTS && in.left > 0; i++)
		do_one(&in);
	order_free(&order);
	return 0;
}
