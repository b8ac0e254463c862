/* What follows an exchange: CSB updates, and the ESK of a mailbox. */
#include <string.h>

#include "vectors.h"

static void
check_env(const struct env *env, const enum env_kind *kinds, size_t n,
    struct rd idi, struct rd idr)
{
	struct rd want = idi;

	assert_true(env_is(env, kinds, n));
	for (size_t i = 0; i < n; i++) {
		if (kinds[i] != ENV_ID)
			continue;
		vec_assert_same(env->item[i].data, want);
		want = idr;
	}
}

/* K_SESSION = [x]yP from R_MESSAGE_1 as who started the update opens it. */
static void
check_update(const json_t *e, const json_t *u, const struct mikey *first,
    struct rd own, struct rd other, const char *owner, const char *peer)
{
	static const enum env_kind shape1[] = {ENV_ID, ENV_POINT, ENV_ID};
	static const enum env_kind shape2[] = {ENV_ID, ENV_POINT, ENV_ID,
	    ENV_POINT};
	const struct lab_csb csb = {first->prf, first->csb_id, first->rand};
	struct buf b1, b2, p1, p2, k;
	uint8_t tgk[LAB_PRF_MAX], out[LAB_POINT_MAX];
	struct mikey i1, r1;
	struct env env1, env2;
	struct rd tgkr;
	BIGNUM *x;
	size_t n;
	json_t *xk;

	vec_load(u, "iMessage1", &b1, &i1);
	vec_load(u, "rMessage1", &b2, &r1);
	assert_true(i1.t == r1.t && i1.t > first->t);
	assert_null(i1.rand.p);
	vec_open(vec_number(vec_member(e, peer), "ibe"), other,
	    lab_ntp_unix(i1.t), i1.ibake, &p1, &env1);
	check_env(&env1, shape1, 3, own, other);
	vec_open(vec_number(vec_member(e, owner), "ibe"), own,
	    lab_ntp_unix(r1.t), r1.ibake, &p2, &env2);
	check_env(&env2, shape2, 4, own, other);
	vec_assert_same(env1.item[1].data, env2.item[1].data);

	x = vec_secret(e, own, &i1, LAB_ROLE_X);
	assert_int_equal(lab_ec_base(env1.item[1].ec, x, out), ERR_OK);
	assert_true(rd_is(&env1.item[1].data, out, env1.item[1].data.left));
	vec_octets(u, "kSession", &k);
	assert_int_equal(lab_ec_mul(env2.item[3].ec, x, env2.item[3].data, out),
	    ERR_OK);
	assert_memory_equal(out, k.p, k.len);
	BN_free(x);
	vec_check_v(&csb, vec_rd(&k), &r1, own, other);
	assert_int_equal(lab_tgk(&csb, vec_rd(&k), tgk), ERR_OK);
	rd_init(&tgkr, tgk, lab_prf_len(csb.prf));
	json_array_foreach (vec_member(u, "xk"), n, xk)
		vec_check_keys(xk, &csb, tgkr);
}

void
updates_agree_on_the_keys(void **state)
{
	struct mikey first, r1;
	struct buf b1, b2;
	size_t i, seen = 0;
	json_t *e, *u;

	(void)state;
	FOREACH_EXCHANGE(i, e)
	{
		if ((u = json_object_get(e, "update")) == NULL)
			continue;
		assert_true(json_is_true(vec_member(u, "ibake")));
		vec_load(e, "iMessage1", &b1, &first);
		vec_load(e, "rMessage1", &b2, &r1);
		if (strcmp(vec_text(u, "startedBy"), "responder") == 0)
			check_update(e, u, &first, r1.idr, first.idi,
			    "answering", "initiator");
		else
			check_update(e, u, &first, first.idi, r1.idr,
			    "initiator", "answering");
		seen++;
	}
	assert_true(seen > 0);
}

void
esk_gives_the_mailbox_keys(void **state)
{
	static const enum env_kind shape[] = {ENV_ID, ENV_SK};
	struct buf b1, b2, plain, want;
	struct mikey i1, i2;
	struct env env;
	struct lab_csb csb;
	size_t i, n, seen = 0;
	json_t *e, *xk;

	(void)state;
	FOREACH_EXCHANGE(i, e)
	{
		if (json_object_get(e, "sk") == NULL)
			continue;
		vec_load(e, "iMessage1", &b1, &i1);
		vec_load(e, "iMessage2", &b2, &i2);
		assert_non_null(i2.esk.p);
		vec_open(vec_number(vec_member(e, "intended"), "ibe"), i1.idr,
		    vec_date(e, &i1), i2.esk, &plain, &env);
		assert_true(env_is(&env, shape, 2));
		vec_assert_same(env.item[0].data, i1.idi);
		vec_octets(e, "sk", &want);
		vec_assert_same(env.item[1].data, vec_rd(&want));
		csb = (struct lab_csb){i1.prf, i1.csb_id, i1.rand};
		json_array_foreach (vec_member(e, "xk"), n, xk) {
			if (strcmp(vec_text(xk, "role"), "mailbox") != 0)
				continue;
			vec_check_keys(xk, &csb, env.item[1].data);
			seen++;
		}
	}
	assert_true(seen > 0);
}
