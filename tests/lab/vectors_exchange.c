/* The exchanges themselves, message by message. */
#include <string.h>

#include "lab_der.h"
#include "vectors.h"

static const char *const messages[] = {"iMessage1", "rMessage1", "iMessage2",
    "rMessage2"};

void
vec_load(const json_t *o, const char *name, struct buf *b, struct mikey *m)
{
	vec_octets(o, name, b);
	assert_int_equal(mikey_parse(b->p, b->len, m), ERR_OK);
}

static struct rd
str(const char *s)
{
	struct rd r;

	rd_init(&r, s, strlen(s));
	return r;
}

/* Open an envelope with the key for that identity at time t. */
void
vec_open(long long kms, struct rd identity, int64_t t, struct rd cipher,
    struct buf *plain, struct env *env)
{
	char date[LAB_DATE_LEN + 1];
	uint8_t id[512];
	struct lab_ibe_key *key;
	struct rd idr;

	lab_date(lab_period_start(vec_period(kms), t), date);
	assert_true(identity.left + LAB_DATE_LEN <= sizeof(id));
	memcpy(id, identity.p, identity.left);
	memcpy(id + identity.left, date, LAB_DATE_LEN);
	rd_init(&idr, id, identity.left + LAB_DATE_LEN);
	key = vec_key(kms, idr);
	assert_int_equal(lab_ibe_decrypt(vec_ibe(kms), key, cipher, plain->p,
			     &plain->len),
	    ERR_OK);
	assert_int_equal(env_parse(vec_rd(plain), env), ERR_OK);
	lab_ibe_key_free(&key);
}

/* COUNTER tells no date: the file says when the messages arrived. */
int64_t
vec_date(const json_t *e, const struct mikey *i1)
{
	if (i1->t_type == MIKEY_T_COUNTER)
		return (int64_t)vec_number(e, "arrival");
	return lab_ntp_unix(i1->t);
}

void
exchanges_parse_and_print_again(void **state)
{
	uint8_t again[BUF_MAX];
	struct buf b;
	struct mikey m;
	struct wr w;
	struct rd r;
	size_t i;
	json_t *e;

	(void)state;
	FOREACH_EXCHANGE(i, e)
	{
		for (size_t k = 0; k < 4; k++) {
			vec_load(e, messages[k], &b, &m);
			assert_int_equal(m.type, MIKEY_I_MESSAGE_1 + k);
			assert_int_equal(m.csb_id, vec_number(e, "csbId"));
			assert_int_equal(m.prf, vec_number(e, "prf"));
			assert_int_equal(m.n_cs, vec_number(e, "nCs"));
			assert_int_equal(m.v_flag, k < 3);
			/* What the phones send: NTP-UTC and no extras. */
			if (m.esk.p != NULL || m.n_skipped > 0 ||
			    m.t_type != MIKEY_T_NTP_UTC)
				continue;
			wr_init(&w, again, sizeof(again));
			mikey_print(&w, &m, m.v.left);
			wr_copy(&w, m.v.p, m.v.left);
			assert_int_equal(w.rc, ERR_OK);
			rd_init(&r, again, w.len);
			vec_assert_same(r, vec_rd(&b));
		}
	}
}

/* Same identities inside as outside, and the points where they belong. */
static void
check_env(const json_t *e, const struct env *env, struct rd idi, struct rd idr,
    size_t k)
{
	static const char *const want[4][3] = {{"xP"}, {"xP", "yP"},
	    {"xP", "yP"}, {"xP"}};
	size_t n_id = 0, n_pt = 0;
	uint8_t again[BUF_MAX];
	struct buf point;
	struct wr w;

	for (size_t i = 0; i < env->n; i++) {
		const struct env_item *it = &env->item[i];

		if (it->kind == ENV_ID) {
			vec_assert_same(it->data, n_id == 0 ? idi : idr);
			n_id++;
			continue;
		}
		assert_int_equal(it->kind, ENV_POINT);
		assert_int_equal(it->ec->number, vec_number(e, "curve"));
		assert_true(lab_ec_good(it->ec, it->data));
		/* Only yP in a second message whose first was opened. */
		if (n_pt == 0 && env->n == 3 && k != 0)
			n_pt++;
		vec_octets(e, want[k][n_pt], &point);
		vec_assert_same(it->data, vec_rd(&point));
		n_pt++;
	}
	wr_init(&w, again, sizeof(again));
	env_print(&w, env);
	assert_int_equal(w.rc, ERR_OK);
}

void
exchanges_open_with_the_kms_key(void **state)
{
	struct buf b, plain;
	struct mikey i1, m;
	struct env env;
	uint8_t again[BUF_MAX];
	struct rd r;
	struct wr w;
	size_t i;
	json_t *e;

	(void)state;
	FOREACH_EXCHANGE(i, e)
	{
		struct buf first;

		vec_load(e, "iMessage1", &first, &i1);
		for (size_t k = 0; k < 4; k++) {
			bool to_i = k == 1 || k == 3;
			const json_t *who;

			vec_load(e, messages[k], &b, &m);
			if (m.ibake.p == NULL)
				continue;
			who = vec_member(e,
			    to_i	 ? "initiator"
				: k == 0 ? "intended"
					 : "answering");
			vec_open(vec_number(who, "ibe"), to_i ? m.idi : m.idr,
			    vec_date(e, &i1), m.ibake, &plain, &env);
			check_env(e, &env, m.idi, m.idr, k);
			if (strcmp(vec_text(e, "innerIds"), "IDR") != 0)
				continue;
			wr_init(&w, again, sizeof(again));
			env_print(&w, &env);
			rd_init(&r, again, w.len);
			vec_assert_same(r, vec_rd(&plain));
		}
	}
}

/* The seed of an identity: its own, or of whom it is a device. */
static void
fill_draw(const json_t *e, struct rd identity, const struct mikey *i1,
    struct buf *seed, struct buf *label, struct lab_draw *d)
{
	const json_t *subs = vec_member(e, "subscribers");
	const char *name;
	json_t *sub, *dev;
	bool found = false;
	size_t i;

	json_object_foreach ((json_t *)(uintptr_t)subs, name, sub) {
		struct rd r = str(name);
		bool mine = rd_equal(&r, &identity);

		json_array_foreach (vec_member(sub, "devices"), i, dev) {
			r = str(json_string_value(dev));
			mine = mine || rd_equal(&r, &identity);
		}
		if (!mine)
			continue;
		vec_octets(sub, "seed", seed);
		vec_octets(sub, "label", label);
		found = true;
	}
	assert_true(found);
	*d = (struct lab_draw){seed->p, vec_rd(label), identity, i1->csb_id,
	    i1->t};
}

BIGNUM *
vec_secret(const json_t *e, struct rd identity, const struct mikey *i1,
    enum lab_role role)
{
	struct buf seed, label;
	struct lab_draw d;
	BIGNUM *k = NULL;

	fill_draw(e, identity, i1, &seed, &label, &d);
	assert_int_equal(lab_secret(&d, role,
			     lab_ec_by_number((uint8_t)vec_number(e, "curve")),
			     &k),
	    ERR_OK);
	return k;
}

void
exchanges_draw_the_secrets(void **state)
{
	struct buf b1, b2, want;
	struct mikey i1, r1;
	uint8_t point[LAB_POINT_MAX], sk[LAB_TEK_LEN];
	BIGNUM *k, *n;
	size_t i;
	json_t *e;

	(void)state;
	FOREACH_EXCHANGE(i, e)
	{
		const struct lab_ec *ec =
		    lab_ec_by_number((uint8_t)vec_number(e, "curve"));

		vec_load(e, "iMessage1", &b1, &i1);
		vec_load(e, "rMessage1", &b2, &r1);
		for (int y = 0; y < 2; y++) {
			k = vec_secret(e, y ? r1.idr : i1.idi, &i1,
			    y ? LAB_ROLE_Y : LAB_ROLE_X);
			n = vec_bn(e, y ? "y" : "x");
			assert_int_equal(BN_cmp(k, n), 0);
			assert_int_equal(lab_ec_base(ec, k, point), ERR_OK);
			vec_octets(e, y ? "yP" : "xP", &want);
			assert_memory_equal(point, want.p, want.len);
			BN_free(k);
			BN_free(n);
		}
		if (json_object_get(e, "sk") != NULL) {
			struct buf seed, label;
			struct lab_draw d;

			fill_draw(e, i1.idi, &i1, &seed, &label, &d);
			assert_int_equal(lab_sk(&d, sk), ERR_OK);
			vec_octets(e, "sk", &want);
			assert_memory_equal(sk, want.p, sizeof(sk));
		}
	}
}

/* TEK and salt of every crypto session against an Xk answer of the file. */
void
vec_check_keys(const json_t *xk, const struct lab_csb *csb, struct rd tgk)
{
	static const uint8_t down[] = {0x30, 0xa2, 0xa1, 0xa0};
	uint8_t tek[LAB_TEK_LEN], salt[LAB_SALT_LEN], id[5] = {0};
	struct rd r, one, v;
	struct buf b;
	struct wr w;

	vec_octets(xk, "getKeysResponse", &b);
	r = vec_rd(&b);
	for (size_t i = 0; i < sizeof(down); i++) {
		if (i == 1) { /* version and requestId stand before the body */
			assert_int_equal(der_open(&r, 0x80, &v), ERR_OK);
			assert_int_equal(der_open(&r, 0x81, &v), ERR_OK);
		}
		assert_int_equal(der_open(&r, down[i], &r), ERR_OK);
	}
	for (uint8_t cs = 1; r.left > 0; cs++) {
		wr_init(&w, id, sizeof(id));
		wr_u32(&w, csb->id);
		wr_u8(&w, cs);
		assert_int_equal(lab_tek(csb, tgk, cs, tek, salt), ERR_OK);
		assert_int_equal(der_open(&r, DER_SEQUENCE, &one), ERR_OK);
		assert_int_equal(der_open(&one, 0x80, &v), ERR_OK);
		assert_true(rd_is(&v, id, sizeof(id)));
		assert_int_equal(der_open(&one, 0x81, &v), ERR_OK);
		assert_true(rd_is(&v, tek, sizeof(tek)));
		assert_int_equal(der_open(&one, 0x82, &v), ERR_OK);
		assert_true(rd_is(&v, salt, sizeof(salt)));
	}
}

void
vec_check_v(const struct lab_csb *csb, struct rd k_session,
    const struct mikey *m, struct rd idi, struct rd idr)
{
	uint8_t mpk[LAB_PRF_MAX], auth[LAB_PRF_MAX], v[LAB_PRF_MAX];

	assert_non_null(m->v.p);
	assert_int_equal(m->v.left, lab_prf_len(csb->prf));
	assert_int_equal(lab_mpk(csb, k_session, mpk), ERR_OK);
	assert_int_equal(lab_auth_key(csb, mpk, auth), ERR_OK);
	assert_int_equal(lab_v(csb->prf, auth, m->covered, idi, idr, v),
	    ERR_OK);
	assert_memory_equal(v, m->v.p, m->v.left);
}

void
exchanges_agree_on_the_keys(void **state)
{
	struct buf b1, b2, b3, k, want, peer;
	uint8_t out[LAB_POINT_MAX];
	struct mikey i1, r1, r2;
	struct rd tgk;
	BIGNUM *x;
	size_t i, n;
	json_t *e, *xk;

	(void)state;
	FOREACH_EXCHANGE(i, e)
	{
		const struct lab_ec *ec =
		    lab_ec_by_number((uint8_t)vec_number(e, "curve"));
		struct lab_csb csb;

		vec_load(e, "iMessage1", &b1, &i1);
		vec_load(e, "rMessage1", &b2, &r1);
		vec_load(e, "rMessage2", &b3, &r2);
		csb = (struct lab_csb){i1.prf, i1.csb_id, i1.rand};
		x = vec_bn(e, "x");
		vec_octets(e, "yP", &peer);
		vec_octets(e, "kSession", &k);
		assert_int_equal(lab_ec_mul(ec, x, vec_rd(&peer), out), ERR_OK);
		assert_memory_equal(out, k.p, k.len);
		BN_free(x);

		assert_int_equal(lab_mpk(&csb, vec_rd(&k), out), ERR_OK);
		vec_octets(e, "mpk", &want);
		assert_memory_equal(out, want.p, want.len);
		vec_check_v(&csb, vec_rd(&k), &r2, i1.idi, r1.idr);
		assert_int_equal(lab_tgk(&csb, vec_rd(&k), out), ERR_OK);
		vec_octets(e, "tgk", &want);
		assert_int_equal(want.len, lab_prf_len(csb.prf));
		assert_memory_equal(out, want.p, want.len);
		rd_init(&tgk, out, want.len);
		json_array_foreach (vec_member(e, "xk"), n, xk) {
			if (strcmp(vec_text(xk, "role"), "mailbox") != 0)
				vec_check_keys(xk, &csb, tgk);
		}
	}
}

void
every_prefix_of_a_message_fails(void **state)
{
	struct buf b;
	struct mikey m;
	size_t i;
	json_t *e;

	(void)state;
	FOREACH_EXCHANGE(i, e)
	{
		for (size_t k = 0; k < 4; k++) {
			vec_octets(e, messages[k], &b);
			for (size_t n = 0; n < b.len; n++)
				assert_int_not_equal(mikey_parse(b.p, n, &m),
				    ERR_OK);
			assert_true(b.len < sizeof(b.p));
			b.p[b.len] = 0;
			assert_int_not_equal(mikey_parse(b.p, b.len + 1, &m),
			    ERR_OK);
		}
	}
}
