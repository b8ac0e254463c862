/* A made-up exchange between two of the laboratory's own phones. */
#include <string.h>

#define LAB_CALL_INTERNAL
#include "exchange_test.h"
#include "lab_call.h"

/* A phone with its seed and its private key for the time of the call. */
static void
phone_init(struct lab_call *c, struct lab_user *u, const struct judge_kms *kms,
    const struct exchange_party *p)
{
	struct lab_user_key *k = &u->keys[0];
	uint8_t id[LAB_ID_STRING_MAX], der[LAB_IBE_KEY_MAX];
	struct rd r;
	struct wr w;

	memset(c, 0, sizeof(*c));
	memset(u, 0, sizeof(*u));
	assert_int_equal(secret_new(LAB_SEED_LEN, &u->seed), ERR_OK);
	memcpy(secret_data(u->seed), p->seed, LAB_SEED_LEN);
	(void)strcpy(k->identity, p->identity);
	k->from = lab_period_start(kms->period, NOON);
	k->to = lab_period_end(kms->period, NOON);
	rd_init(&r, p->identity, strlen(p->identity));
	wr_init(&w, der, sizeof(der));
	assert_int_equal(lab_kms_extract(kms->ibe, kms->master,
			     lab_id_string(r, k->from, id), &w),
	    ERR_OK);
	rd_init(&r, der, w.len);
	assert_int_equal(lab_ibe_key_parse(kms->ibe, r, &k->key), ERR_OK);
	u->n_keys = 1;
	c->user = u;
	c->kms = kms->ibe;
	assert_int_equal(lab_ident_set(&c->own, p->identity), ERR_OK);
}

static struct rd
octets(const struct exchange *x, enum exchange_message m, struct mikey *parsed)
{
	struct rd r;

	rd_init(&r, x->message[m].p, x->message[m].len);
	assert_int_equal(mikey_parse(r.p, r.left, parsed), ERR_OK);
	return r;
}

static void
assert_phone_keys(const struct lab_call *c, const struct exchange *x)
{
	const struct lab_call_keys *k = lab_call_keys(c);

	assert_non_null(k);
	assert_int_equal(x->keys.n, LAB_CALL_CS);
	for (size_t i = 0; i < LAB_CALL_CS; i++) {
		assert_memory_equal(k->tek[i], x->keys.key[i].key, LAB_TEK_LEN);
		assert_memory_equal(k->salt[i], x->keys.key[i].salt,
		    LAB_SALT_LEN);
		assert_int_equal(c->cs[i].ssrc, x->keys.key[i].ssrc);
	}
}

/* She takes the answers to what she would have sent. */
static void
caller_accepts(const struct exchange_spec *s, const struct exchange *x)
{
	struct why why = {{0}};
	struct lab_user u;
	struct lab_call c;
	struct mikey i1, i2, m;
	struct rd r;

	phone_init(&c, &u, test_kms(&s->kms_i), &s->initiator);
	(void)octets(x, EXCHANGE_I1, &i1);
	(void)octets(x, EXCHANGE_I2, &i2);
	c.caller = true;
	c.idi = c.own;
	assert_int_equal(lab_ident_set(&c.idr, s->responder.identity), ERR_OK);
	c.ec = s->ec;
	c.prf = i1.prf;
	c.csb_id = i1.csb_id;
	c.t1 = i1.t;
	c.t2 = i2.t;
	memcpy(c.rand, i1.rand.p, i1.rand.left);
	c.rand_len = i1.rand.left;
	memcpy(c.cs, i1.cs, sizeof(c.cs));
	c.ssrc = i1.cs[0].ssrc;
	assert_int_equal(lab_call_draw(&c, LAB_ROLE_X, &why), ERR_OK);
	r = octets(x, EXCHANGE_R1, &m);
	if (lab_call_take_r1(&c, r, &why) != ERR_OK)
		fail_msg("%s", why.text);
	r = octets(x, EXCHANGE_R2, &m);
	if (lab_call_take_r2(&c, r, &why) != ERR_OK)
		fail_msg("%s", why.text);
	assert_phone_keys(&c, x);
	lab_call_done(&c);
	lab_user_done(&u);
}

/* He would have said the same, to the last octet of R_MESSAGE_2. */
static void
callee_accepts(const struct exchange_spec *s, const struct exchange *x)
{
	uint8_t mine[LAB_MIKEY_MAX];
	struct why why = {{0}};
	struct lab_user u;
	struct lab_call c;
	struct mikey m;
	struct wr w;
	struct rd r;

	phone_init(&c, &u, test_kms(&s->kms_r), &s->responder);
	c.peer_kms = test_kms(&s->kms_i)->ibe;
	c.peer_period = s->kms_i.period;
	(void)octets(x, EXCHANGE_R1, &m);
	c.ssrc = m.cs[1].ssrc;
	r = octets(x, EXCHANGE_I1, &m);
	if (lab_call_take_i1(&c, r, &why) != ERR_OK)
		fail_msg("%s", why.text);
	wr_init(&w, mine, sizeof(mine));
	assert_int_equal(lab_call_r1(&c, &w, &why), ERR_OK);
	r = octets(x, EXCHANGE_I2, &m);
	if (lab_call_take_i2(&c, r, &why) != ERR_OK)
		fail_msg("%s", why.text);
	assert_phone_keys(&c, x);
	wr_init(&w, mine, sizeof(mine));
	assert_int_equal(lab_call_r2(&c, &w, &why), ERR_OK);
	r = octets(x, EXCHANGE_R2, &m);
	assert_int_equal(w.len, r.left);
	assert_memory_equal(mine, r.p, r.left);
	lab_call_done(&c);
	lab_user_done(&u);
}

void
both_phones_accept(void **state)
{
	static const char *const curves[] = {"P-256", "P-384", "P-521"};
	static struct exchange x;

	(void)state;
	for (unsigned n = 0; n < 6; n++) {
		struct exchange_spec s = test_spec();

		s.n_cs = LAB_CALL_CS;
		s.ec = lab_ec_by_name(curves[n % 3]);
		s.prf = n < 3;
		s.rand_len = n == 5 ? 255 : 16;
		test_use_kms(&s.kms_r, n % 2);
		test_use_kms(&s.kms_i, n % 3);
		x = *test_make(&s);
		caller_accepts(&s, &x);
		callee_accepts(&s, &x);
	}
}
