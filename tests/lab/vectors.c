/*
 * lab-vectors: the phones' codec and cryptography against the exchanges of an
 * independent implementation.
 */
#include <string.h>

#include "vectors.h"

#define LAB_CURVE_INTERNAL
#include "lab_curve.h"

static json_t *file;

json_t *
vec_file(void)
{
	json_error_t e;

	if (file == NULL) {
		file = json_load_file(KW_VECTORS "/exchanges.json", 0, &e);
		if (file == NULL)
			fail_msg("exchanges.json: %s", e.text);
	}
	return file;
}

json_t *
vec_member(const json_t *o, const char *name)
{
	json_t *m = json_object_get(o, name);

	if (m == NULL)
		fail_msg("no member %s", name);
	return m;
}

const char *
vec_text(const json_t *o, const char *name)
{
	const char *s = json_string_value(vec_member(o, name));

	assert_non_null(s);
	return s;
}

long long
vec_number(const json_t *o, const char *name)
{
	json_t *m = vec_member(o, name);

	assert_true(json_is_integer(m));
	return json_integer_value(m);
}

struct rd
vec_text_rd(const json_t *o, const char *name)
{
	const char *s = vec_text(o, name);
	struct rd r;

	rd_init(&r, s, strlen(s));
	return r;
}

void
vec_octets(const json_t *o, const char *name, struct buf *out)
{
	const char *s = vec_text(o, name);

	out->len = strlen(s) / 2;
	assert_true(out->len <= sizeof(out->p));
	assert_int_equal(hex_get(s, out->p, out->len), ERR_OK);
}

static BIGNUM *
bn(const char *s)
{
	BIGNUM *n = NULL;

	assert_true(strncmp(s, "0x", 2) == 0);
	assert_int_not_equal(BN_hex2bn(&n, s + 2), 0);
	return n;
}

BIGNUM *
vec_bn(const json_t *o, const char *name)
{
	return bn(vec_text(o, name));
}

struct rd
vec_rd(const struct buf *b)
{
	struct rd r;

	rd_init(&r, b->p, b->len);
	return r;
}

void
vec_assert_same(struct rd a, struct rd b)
{
	assert_int_equal(a.left, b.left);
	assert_memory_equal(a.p, b.p, a.left);
}

static json_t *
kms(long long n)
{
	json_t *o = json_array_get(vec_member(vec_file(), "ibe"), (size_t)n);

	assert_non_null(o);
	return o;
}

/* Parsed once: checking the parameters takes a while. */
struct lab_ibe *
vec_ibe(long long n)
{
	static struct lab_ibe *ibe[3];
	struct buf der;

	assert_in_range(n, 0, 2);
	if (ibe[n] == NULL) {
		vec_octets(kms(n), "publicParametersDER", &der);
		assert_int_equal(lab_ibe_parse(vec_rd(&der), &ibe[n]), ERR_OK);
	}
	return ibe[n];
}

BIGNUM *
vec_master(long long n)
{
	return vec_bn(kms(n), "masterSecretModQ");
}

enum lab_period
vec_period(long long n)
{
	enum lab_period p = LAB_DAY;

	assert_int_equal(lab_period_get(vec_text(kms(n), "period"), &p),
	    ERR_OK);
	return p;
}

struct lab_ibe_key *
vec_key(long long n, struct rd id)
{
	uint8_t der[LAB_IBE_KEY_MAX];
	struct lab_ibe_key *key = NULL;
	BIGNUM *s = vec_master(n);
	struct rd r;
	struct wr w;

	wr_init(&w, der, sizeof(der));
	assert_int_equal(lab_kms_extract(vec_ibe(n), s, id, &w), ERR_OK);
	rd_init(&r, der, w.len);
	assert_int_equal(lab_ibe_key_parse(vec_ibe(n), r, &key), ERR_OK);
	BN_free(s);
	return key;
}

static void
random_secret_is_that_of_the_profile(void **state)
{
	const json_t *list = vec_member(vec_member(vec_file(), "kat"), "prg");
	struct buf seed, label, counter, sk;
	uint8_t mine[LAB_TEK_LEN];
	BIGNUM *x, *want;
	size_t i;
	json_t *o;

	(void)state;
	json_array_foreach (list, i, o) {
		struct lab_draw d = {0};
		struct rd c;

		vec_octets(o, "seed", &seed);
		vec_octets(o, "label", &label);
		vec_octets(o, "C", &counter);
		d.seed = seed.p;
		d.label = vec_rd(&label);
		d.identity = vec_text_rd(o, "id");
		d.csb_id = (uint32_t)vec_number(o, "csbId");
		c = vec_rd(&counter);
		assert_int_equal(rd_u64(&c, &d.counter), ERR_OK);
		if (vec_number(o, "role") == LAB_ROLE_SK) {
			vec_octets(o, "sk", &sk);
			assert_int_equal(lab_sk(&d, mine), ERR_OK);
			assert_memory_equal(mine, sk.p, sizeof(mine));
			continue;
		}
		assert_int_equal(lab_secret(&d,
				     (enum lab_role)vec_number(o, "role"),
				     lab_ec_by_number(
					 (uint8_t)vec_number(o, "curve")),
				     &x),
		    ERR_OK);
		want = vec_bn(o, "secret");
		assert_int_equal(BN_cmp(x, want), 0);
		BN_free(x);
		BN_free(want);
	}
}

static void
periods_begin_where_the_profile_says(void **state)
{
	static const char *const names[] = {"day", "week", "month"};
	const json_t *list =
	    vec_member(vec_member(vec_file(), "kat"), "period");
	char date[LAB_DATE_LEN + 1];
	struct buf t;
	uint64_t ntp = 0;
	int64_t s;
	size_t i;
	json_t *o;

	(void)state;
	json_array_foreach (list, i, o) {
		struct rd r;

		vec_octets(o, "t", &t);
		r = vec_rd(&t);
		assert_int_equal(rd_u64(&r, &ntp), ERR_OK);
		s = lab_ntp_unix(ntp);
		for (enum lab_period p = LAB_DAY; p <= LAB_MONTH; p++) {
			lab_date(lab_period_start(p, s), date);
			assert_string_equal(date, vec_text(o, names[p]));
			assert_true(lab_period_end(p, s) > s);
			assert_true(lab_period_start(p, s) <= s);
			assert_true(
			    lab_period_start(p, lab_period_end(p, s) - 1) ==
			    lab_period_start(p, s));
			assert_true(lab_period_start(p, lab_period_end(p, s)) ==
			    lab_period_end(p, s));
		}
	}
}

static void
stamps_are_read_strictly(void **state)
{
	static const char *const bad[] = {"", "20240229235950",
	    "2024022923595Z", "20240230000000Z", "20240229240000Z",
	    "20240229235950Z ", " 0240229235950Z", "20240229235950z",
	    "20241301000000Z"};
	char text[LAB_STAMP_LEN + 1];
	int64_t t = 0;

	(void)state;
	assert_int_equal(lab_stamp_get("20240229235950Z", &t), ERR_OK);
	assert_int_equal(t, 1709251190);
	lab_stamp(t, text);
	assert_string_equal(text, "20240229235950Z");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(lab_stamp_get(bad[i], &t), ERR_MALFORMED);
}

static void
assert_point(const struct lab_point *pt, const json_t *xy)
{
	BIGNUM *x = bn(json_string_value(json_array_get(xy, 0)));
	BIGNUM *y = bn(json_string_value(json_array_get(xy, 1)));

	assert_int_equal(BN_cmp(pt->x, x), 0);
	assert_int_equal(BN_cmp(pt->y, y), 0);
	BN_free(x);
	BN_free(y);
}

static void
identities_become_the_right_points(void **state)
{
	const json_t *list =
	    vec_member(vec_member(vec_file(), "kat"), "hashToPoint");
	size_t i;
	json_t *o;

	(void)state;
	json_array_foreach (list, i, o) {
		const json_t *k = kms(vec_number(o, "ibe"));
		BIGNUM *p = vec_bn(k, "p"), *q = vec_bn(k, "q");
		BIGNUM *s = vec_master(vec_number(o, "ibe"));
		struct lab_curve *c = NULL;
		struct lab_point *pt = NULL;

		assert_int_equal(lab_curve_new(p, q, &c), ERR_OK);
		assert_int_equal(lab_point_new(&pt), ERR_OK);
		assert_int_equal(lab_hash_to_point(c, vec_text_rd(o, "id"), pt),
		    ERR_OK);
		assert_point(pt, vec_member(o, "Q"));
		assert_int_equal(lab_point_mul(c, pt, s, pt), ERR_OK);
		assert_point(pt, vec_member(o, "S"));
		lab_point_free(&pt);
		lab_curve_free(&c);
		BN_free(p);
		BN_free(q);
		BN_free(s);
	}
}

static void
what_is_encrypted_opens_and_nothing_else_does(void **state)
{
	static const char id[] = "sip:alice@example.com20240229";
	static const char other[] = "sip:alice@example.com20240301";
	uint8_t plain[300], back[LAB_IBE_PLAIN_MAX];
	uint8_t ct[LAB_IBE_CIPHER_MAX];
	struct lab_ibe_key *key, *wrong;
	struct rd idr, otherr, m, c;
	struct wr w;
	size_t len = 0;

	(void)state;
	memset(plain, 0x5a, sizeof(plain));
	rd_init(&idr, id, sizeof(id) - 1);
	rd_init(&otherr, other, sizeof(other) - 1);
	key = vec_key(0, idr);
	wrong = vec_key(0, otherr);
	assert_int_equal(lab_ibe_key_check(vec_ibe(0), key, idr), ERR_OK);
	assert_int_equal(lab_ibe_key_check(vec_ibe(0), wrong, idr),
	    ERR_MISMATCH);
	for (size_t n = 0; n <= sizeof(plain); n += 100) {
		rd_init(&m, plain, n);
		wr_init(&w, ct, sizeof(ct));
		assert_int_equal(lab_ibe_encrypt(vec_ibe(0), idr, m, &w),
		    ERR_OK);
		rd_init(&c, ct, w.len);
		assert_int_equal(lab_ibe_decrypt(vec_ibe(0), key, c, back,
				     &len),
		    ERR_OK);
		assert_int_equal(len, n);
		assert_memory_equal(back, plain, n);
		assert_int_equal(lab_ibe_decrypt(vec_ibe(0), wrong, c, back,
				     &len),
		    ERR_MISMATCH);
		ct[w.len - 1] ^= 1;
		assert_int_not_equal(lab_ibe_decrypt(vec_ibe(0), key, c, back,
					 &len),
		    ERR_OK);
	}
	lab_ibe_key_free(&key);
	lab_ibe_key_free(&wrong);
}

static void
fresh_parameters_are_sound(void **state)
{
	uint8_t params[LAB_IBE_PARAMS_MAX], der[LAB_IBE_KEY_MAX];
	struct lab_ibe *ibe = NULL;
	struct lab_ibe_key *key = NULL;
	BIGNUM *master = NULL;
	struct rd r, id;
	struct wr w;

	(void)state;
	rd_init(&id, "tel:+1555010020240229", 21);
	wr_init(&w, params, sizeof(params));
	assert_int_equal(lab_kms_new(&w, &master), ERR_OK);
	rd_init(&r, params, w.len);
	assert_int_equal(lab_ibe_parse(r, &ibe), ERR_OK);
	wr_init(&w, der, sizeof(der));
	assert_int_equal(lab_kms_extract(ibe, master, id, &w), ERR_OK);
	rd_init(&r, der, w.len);
	assert_int_equal(lab_ibe_key_parse(ibe, r, &key), ERR_OK);
	assert_int_equal(lab_ibe_key_check(ibe, key, id), ERR_OK);
	lab_ibe_key_free(&key);
	lab_ibe_free(&ibe);
	BN_clear_free(master);
}

static int
release(void **state)
{
	(void)state;
	for (long long i = 0; i < 3; i++) {
		struct lab_ibe *ibe = vec_ibe(i);

		lab_ibe_free(&ibe);
	}
	json_decref(file);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(random_secret_is_that_of_the_profile),
	    cmocka_unit_test(periods_begin_where_the_profile_says),
	    cmocka_unit_test(stamps_are_read_strictly),
	    cmocka_unit_test(identities_become_the_right_points),
	    cmocka_unit_test(what_is_encrypted_opens_and_nothing_else_does),
	    cmocka_unit_test(fresh_parameters_are_sound),
	    cmocka_unit_test(exchanges_parse_and_print_again),
	    cmocka_unit_test(exchanges_open_with_the_kms_key),
	    cmocka_unit_test(exchanges_draw_the_secrets),
	    cmocka_unit_test(exchanges_agree_on_the_keys),
	    cmocka_unit_test(updates_agree_on_the_keys),
	    cmocka_unit_test(esk_gives_the_mailbox_keys),
	    cmocka_unit_test(every_prefix_of_a_message_fails),
	    cmocka_unit_test(sip_gives_the_mikey_messages),
	    cmocka_unit_test(sip_headers_are_read_as_written),
	};

	return cmocka_run_group_tests_name("lab-vectors", tests, NULL, release);
}
