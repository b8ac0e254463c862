/*
 * lemf/order: what it finds in records as they come: what each event is for,
 * then random deliveries, repeated from where a sender knows no better, in
 * which nothing is wrong; and with one record left out or changed, in which
 * that is found.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "help.h"
#include "hi2/iri.h"
#include "hi2/ps_header.h"
#include "lemf/order.h"

#define PDU_MAX 1024
#define PDUS 4096

static struct {
	uint8_t octets[PDU_MAX];
	size_t len;
} stored[PDUS];
static unsigned n_stored;

static struct iri_profile profile;
static struct order *order;
static struct record rec;
static enum order_what said[64];
static unsigned n_said;
static struct order_event last;
static EVP_PKEY *key;
static uint8_t *spki;
static struct rd verify_key;
static bool unreadable;

/* What records are of, as the next ones are made. */
static struct {
	const char *liid;
	uint32_t cin;
	char salt;
} of = {"L", 1, 'a'};

/* ---- the order at hand ---- */

static enum err
read_back(void *ctx, const struct order_place *where, uint8_t *out)
{
	(void)ctx;
	if (unreadable)
		return ERR_IO;
	assert_true(where->file == 7 && where->at < n_stored);
	assert_int_equal(where->len, stored[where->at].len);
	memcpy(out, stored[where->at].octets, where->len);
	return ERR_OK;
}

static void
on_event(void *ctx, const struct order_event *e)
{
	(void)ctx;
	assert_ptr_equal(e->record, &rec);
	last = *e;
	if (n_said < sizeof(said) / sizeof(said[0]))
		said[n_said++] = e->what;
}

static void
new_order(bool with_key)
{
	const struct order_ops ops = {.read = read_back,
	    .event = on_event,
	    .verify_key = with_key ? verify_key : (struct rd){NULL, 0}};

	order_free(&order);
	assert_int_equal(order_new(&ops, &order), ERR_OK);
	n_stored = n_said = 0;
	of.liid = "L";
	of.cin = 1;
	of.salt = 'a';
	unreadable = false;
}

static int
set_up(void **state)
{
	int n;

	(void)state;
	assert_int_equal(iri_profile_named("etsi", &profile), ERR_OK);
	assert_int_equal(iri_profile_set(&profile, "operator_id", "OP", NULL),
	    ERR_OK);
	key = EVP_EC_gen("P-256");
	assert_non_null(key);
	n = i2d_PUBKEY(key, &spki);
	assert_true(n > 0);
	verify_key = view(spki, (size_t)n);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	order_free(&order);
	EVP_PKEY_free(key);
	OPENSSL_free(spki);
	return 0;
}

/* What is stored last comes. */
static void
come(void)
{
	const unsigned i = n_stored - 1;
	const struct order_place where = {7, (uint32_t)stored[i].len, i};
	struct why why;

	n_said = 0;
	assert_int_equal(record_read(view(stored[i].octets, stored[i].len),
			     &rec, &why),
	    ERR_OK);
	assert_int_equal(order_take(order, &rec, &where), ERR_OK);
}

static size_t
make_record(uint32_t number, uint8_t out[PDU_MAX])
{
	const uint8_t cin[] = {(uint8_t)(of.cin >> 24), (uint8_t)(of.cin >> 16),
	    (uint8_t)(of.cin >> 8), (uint8_t)of.cin};
	struct iri_record r = {.event = IRI_SIP,
	    .liid = view(of.liid, strlen(of.liid)),
	    .sequence = number,
	    .sip = view(&of.salt, 1)};
	size_t len;

	memcpy(r.correlation + 4, cin, 4);
	assert_int_equal(iri_encode(&profile, &r, out, PDU_MAX, &len), ERR_OK);
	return len;
}

static void
record(uint32_t number)
{
	if (n_stored == PDUS)
		n_stored = 0; /* nothing reads that far back */
	stored[n_stored].len = make_record(number, stored[n_stored].octets);
	n_stored++;
	come();
}

static void
tri(const struct tri *t, uint32_t number)
{
	const struct ps_header h = {.liid = view(of.liid, strlen(of.liid)),
	    .cin = of.cin,
	    .sequence = number,
	    .seconds = of.salt};

	assert_true(n_stored < PDUS);
	assert_int_equal(tri_encode(&profile, &h, t, stored[n_stored].octets,
			     PDU_MAX, &stored[n_stored].len),
	    ERR_OK);
	n_stored++;
	come();
}

static void
reset(void)
{
	tri(&(struct tri){.kind = TRI_CIN_RESET}, 0);
}

/* Over records from to: numbers as they are made now. */
static void
hash(uint32_t number, uint32_t from, uint32_t to, bool good, uint8_t value[32])
{
	struct tri t = {.kind = TRI_INTEGRITY_CHECK};
	uint8_t included[256], octets[PDU_MAX];
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	struct wr w;

	assert_non_null(c);
	assert_int_equal(EVP_DigestInit_ex(c, EVP_sha256(), NULL), 1);
	wr_init(&w, included, sizeof(included));
	for (uint32_t i = from; i <= to; i++) {
		const size_t len = make_record(i, octets);

		assert_int_equal(EVP_DigestUpdate(c, octets, len), 1);
		tri_included_put(&w, i);
	}
	assert_int_equal(w.rc, ERR_OK);
	assert_int_equal(EVP_DigestFinal_ex(c, value, NULL), 1);
	EVP_MD_CTX_free(c);
	value[0] ^= good ? 0 : 1;
	t.u.integrity.included = view(included, w.len);
	t.u.integrity.check = TRI_CHECK_HASH;
	t.u.integrity.hash = TRI_SHA256;
	t.u.integrity.value = view(value, 32);
	tri(&t, number);
}

static void
sign(uint32_t from, uint32_t to, const uint8_t *values, size_t len, bool good)
{
	struct tri t = {.kind = TRI_INTEGRITY_CHECK};
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	uint8_t included[256], value[128];
	size_t n = sizeof(value);
	struct wr w;

	assert_non_null(c);
	assert_int_equal(EVP_DigestSignInit(c, NULL, EVP_sha256(), NULL, key),
	    1);
	assert_int_equal(EVP_DigestSign(c, value, &n, values, len), 1);
	EVP_MD_CTX_free(c);
	value[n - 1] ^= good ? 0 : 1;
	wr_init(&w, included, sizeof(included));
	for (uint32_t i = from; i <= to; i++)
		tri_included_put(&w, i);
	t.u.integrity.included = view(included, w.len);
	t.u.integrity.check = TRI_CHECK_SIGNATURE;
	t.u.integrity.signature = TRI_ECDSA;
	t.u.integrity.value = view(value, n);
	tri(&t, 0);
}

static void
is(enum order_what what, uint32_t number, uint32_t count)
{
	assert_int_equal(n_said, 1);
	assert_string_equal(order_name(last.what), order_name(what));
	assert_int_equal(last.number, number);
	assert_int_equal(last.count, count);
}

/* ---- numbers ---- */

static void
numbers_in_order_are_new(void **state)
{
	(void)state;
	new_order(false);
	for (uint32_t i = 0; i < 10; i++) {
		record(i);
		is(ORDER_NEW, i, 1);
	}
	of.cin = 2; /* numbers are of a LIID and CIN */
	record(0);
	is(ORDER_NEW, 0, 1);
	of.liid = "M";
	record(0);
	is(ORDER_NEW, 0, 1);
	for (int i = 0; i < ORDER__MAX; i++)
		assert_true(i == ORDER_NEW || order_counts(order)->of[i] == 0);
}

static void
a_gap_is_seen_and_what_comes_late(void **state)
{
	(void)state;
	new_order(false);
	record(2);
	assert_int_equal(n_said, 2);
	assert_int_equal(said[0], ORDER_GAP);
	assert_int_equal(said[1], ORDER_NEW);
	assert_int_equal(order_counts(order)->of[ORDER_GAP], 2);
	record(0);
	is(ORDER_LATE, 0, 1);
	record(3);
	is(ORDER_NEW, 3, 1);
	record(0);
	is(ORDER_AGAIN, 0, 1);
	record(1);
	is(ORDER_LATE, 1, 1);
	record(4);
	is(ORDER_NEW, 4, 1);
}

static void
a_record_may_come_again_as_it_was(void **state)
{
	(void)state;
	new_order(false);
	record(0);
	record(1);
	record(0);
	is(ORDER_AGAIN, 0, 1);
	of.salt = 'b';
	record(0);
	is(ORDER_OTHER, 0, 1);
	assert_true(order_is_wrong(ORDER_OTHER));
	of.salt = 'a';
	record(0); /* the first counts */
	is(ORDER_AGAIN, 0, 1);
}

static void
numbers_begin_anew_with_a_reset(void **state)
{
	(void)state;
	new_order(false);
	for (uint32_t i = 0; i < 4; i++)
		record(i);
	of.salt = 'b';
	reset();
	is(ORDER_RESET, 0, 1);
	record(0);
	is(ORDER_NEW, 0, 1);
	/* All of it is repeated, the reset too. */
	of.salt = 'a';
	record(3);
	is(ORDER_AGAIN, 3, 1);
	of.salt = 'b';
	reset();
	is(ORDER_RESET_AGAIN, 0, 1);
	record(0);
	is(ORDER_AGAIN, 0, 1);
	record(1);
	is(ORDER_NEW, 1, 1);
	of.salt = 'c';
	reset();
	is(ORDER_RESET, 0, 1);
	record(1);
	assert_int_equal(said[0], ORDER_GAP);
}

static void
what_is_remembered_is_bounded(void **state)
{
	(void)state;
	new_order(false);
	for (uint32_t i = 0; i < 3 * ORDER_KEPT; i++)
		record(i);
	record(2 * ORDER_KEPT); /* those that a sender may repeat */
	is(ORDER_AGAIN, 2 * ORDER_KEPT, 1);
	record(0);
	is(ORDER_OLD, 0, 1);
	record(3 * ORDER_KEPT);
	is(ORDER_NEW, 3 * ORDER_KEPT, 1);
	record(UINT32_MAX); /* what lies between takes no memory */
	assert_int_equal(said[0], ORDER_GAP);
	record(UINT32_MAX - 1);
	is(ORDER_OLD, UINT32_MAX - 1, 1);
	record(UINT32_MAX);
	is(ORDER_AGAIN, UINT32_MAX, 1);
}

/* ---- hashes and signatures ---- */

static void
hashes_and_signatures_hold(void **state)
{
	uint8_t values[2][32];

	(void)state;
	new_order(true);
	for (uint32_t i = 0; i < 5; i++)
		record(i);
	hash(0, 0, 2, true, values[0]);
	is(ORDER_HASH, 0, 3);
	hash(1, 3, 4, true, values[1]);
	is(ORDER_HASH, 1, 2);
	assert_int_equal(order_counts(order)->hashed, 5);
	assert_int_equal(order_counts(order)->attested, 0);
	sign(0, 1, values[0], sizeof(values), true);
	is(ORDER_SIGNED, 0, 2);
	assert_int_equal(order_counts(order)->attested, 5);
	/* The connection was lost: numbers of hashes begin anew. */
	record(3);
	record(4);
	hash(0, 3, 4, true, values[0]);
	is(ORDER_HASH, 0, 2);
	sign(0, 0, values[0], 32, true);
	is(ORDER_SIGNED, 0, 1);
	assert_int_equal(order_counts(order)->hashed, 5);
	assert_int_equal(order_counts(order)->attested, 5);
}

static void
hashes_and_signatures_that_do_not_hold_are_seen(void **state)
{
	uint8_t value[32];

	(void)state;
	new_order(true);
	record(0);
	hash(0, 0, 0, false, value);
	is(ORDER_HASH_BAD, 0, 1);
	hash(1, 0, 1, true, value);
	is(ORDER_HASH_OPEN, 1, 2);
	unreadable = true;
	hash(2, 0, 0, true, value);
	is(ORDER_HASH_OPEN, 2, 1);
	unreadable = false;
	assert_int_equal(order_counts(order)->hashed, 0);
	hash(3, 0, 0, true, value);
	sign(3, 3, value, 32, false);
	is(ORDER_SIGNATURE_BAD, 0, 1);
	sign(3, 4, value, 32, true);
	is(ORDER_SIGNATURE_OPEN, 0, 2);
	assert_int_equal(order_counts(order)->attested, 0);
	/* A signature over a hash that does not hold attests no record. */
	of.cin = 2;
	record(0);
	hash(0, 0, 0, false, value);
	sign(0, 0, value, 32, true);
	is(ORDER_SIGNED, 0, 1);
	assert_int_equal(order_counts(order)->attested, 0);
	new_order(false);
	record(0);
	hash(0, 0, 0, true, value);
	sign(0, 0, value, 32, true);
	is(ORDER_SIGNATURE_NO_KEY, 0, 1);
	assert_false(order_is_wrong(ORDER_SIGNATURE_NO_KEY));
}

static void
a_hash_may_come_behind_the_reset(void **state)
{
	uint8_t value[32];

	(void)state;
	new_order(true);
	record(0);
	record(1);
	of.salt = 'b';
	reset();
	record(0);
	of.salt = 'a';
	hash(0, 0, 1, true, value);
	is(ORDER_HASH, 0, 2);
	sign(0, 0, value, 32, true);
	is(ORDER_SIGNED, 0, 1);
	assert_int_equal(order_counts(order)->attested, 2);
}

static void
a_hash_of_another_kind_does_not_count(void **state)
{
	struct tri t = {.kind = TRI_INTEGRITY_CHECK};

	(void)state;
	new_order(true);
	record(0);
	t.u.integrity.included = view("\2\1\0", 3);
	t.u.integrity.check = TRI_CHECK_HASH;
	t.u.integrity.hash = TRI_SHA1;
	t.u.integrity.value = view("x", 1);
	tri(&t, 4);
	is(ORDER_HASH_KIND, 4, 1);
	assert_true(order_is_wrong(ORDER_HASH_KIND));
}

/* ---- many ---- */

static uint32_t seed = 1;

static uint32_t
below(uint32_t n)
{
	seed = seed * 1664525 + 1013904223;
	return (uint32_t)(((uint64_t)(seed >> 8) * n) >> 24);
}

/* Records of some LIIDs and CINs in one queue, as the appliance has it. */
static struct {
	const char *liid;
	uint32_t cin, number;
	char salt;
} queue[64];

static void
fill_queue(void)
{
	uint32_t next[2][3] = {{0}};

	for (unsigned i = 0; i < 64; i++) {
		const uint32_t a = below(2), b = below(3);

		queue[i].liid = a == 0 ? "L" : "M";
		queue[i].cin = b;
		queue[i].number = next[a][b]++;
		queue[i].salt = (char)('a' + below(26));
	}
}

static void
send_one(unsigned i, bool other)
{
	of.liid = queue[i].liid;
	of.cin = queue[i].cin;
	of.salt = (char)(queue[i].salt + (other ? 1 : 0));
	record(queue[i].number);
}

/* From 0 on; whenever the connection is lost, from some record before. */
static uint64_t
deliver(unsigned left_out, unsigned changed)
{
	unsigned at = 0;
	uint64_t wrong = 0;

	new_order(false);
	while (at < 64) {
		if (at != left_out)
			send_one(at, false);
		at++;
		if (below(10) == 0)
			at -= below(at < 8 ? at + 1 : 8);
	}
	if (changed < 64)
		send_one(changed, true);
	for (int i = 0; i < ORDER__MAX; i++)
		wrong += order_is_wrong((enum order_what)i)
		    ? order_counts(order)->of[i]
		    : 0;
	return wrong;
}

static void
deliveries_are_judged(void **state)
{
	(void)state;
	for (unsigned run = 0; run < 100; run++) {
		unsigned out;
		bool is_last = true;

		fill_queue();
		assert_int_equal(deliver(64, 64), 0);
		assert_int_equal(order_counts(order)->of[ORDER_NEW], 64);
		assert_int_equal(deliver(64, below(64)), 1);
		out = below(64);
		for (unsigned i = out + 1; i < 64; i++)
			if (queue[i].liid == queue[out].liid &&
			    queue[i].cin == queue[out].cin)
				is_last = false;
		assert_int_equal(deliver(out, 64), is_last ? 0 : 1);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(numbers_in_order_are_new),
	    cmocka_unit_test(a_gap_is_seen_and_what_comes_late),
	    cmocka_unit_test(a_record_may_come_again_as_it_was),
	    cmocka_unit_test(numbers_begin_anew_with_a_reset),
	    cmocka_unit_test(what_is_remembered_is_bounded),
	    cmocka_unit_test(hashes_and_signatures_hold),
	    cmocka_unit_test(hashes_and_signatures_that_do_not_hold_are_seen),
	    cmocka_unit_test(a_hash_may_come_behind_the_reset),
	    cmocka_unit_test(a_hash_of_another_kind_does_not_count),
	    cmocka_unit_test(deliveries_are_judged),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
