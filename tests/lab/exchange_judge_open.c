/* Envelopes, secrets, V and keys: profile section 4, step 8. */
#include <string.h>

#define EXCHANGE_JUDGE_INTERNAL
#include "exchange_judge.h"
#include "lab_store.h"

/* ---- private keys ---- */

static struct kept {
	struct lab_ibe *ibe;
	uint8_t id[LAB_ID_STRING_MAX];
	size_t len;
	struct lab_ibe_key *key;
} kept[64];
static size_t n_kept;

void
judge_forget(void)
{
	for (size_t i = 0; i < n_kept; i++)
		lab_ibe_key_free(&kept[i].key);
	n_kept = 0;
}

static const struct lab_ibe_key *
private_key(const struct judge_kms *kms, struct rd id)
{
	struct kept *k;
	uint8_t der[LAB_IBE_KEY_MAX];
	struct rd r;
	struct wr w;

	for (size_t i = 0; i < n_kept; i++)
		if (kept[i].ibe == kms->ibe &&
		    rd_is(&id, kept[i].id, kept[i].len))
			return kept[i].key;
	if (n_kept == sizeof(kept) / sizeof(kept[0]))
		judge_forget();
	k = &kept[n_kept];
	wr_init(&w, der, sizeof(der));
	if (lab_kms_extract(kms->ibe, kms->master, id, &w) != ERR_OK)
		return NULL;
	rd_init(&r, der, w.len);
	if (lab_ibe_key_parse(kms->ibe, r, &k->key) != ERR_OK)
		return NULL;
	k->ibe = kms->ibe;
	memcpy(k->id, id.p, id.left);
	k->len = id.left;
	n_kept++;
	return k->key;
}

/* ---- envelopes ---- */

/* Which message gives the date, and with it T and the secrets. */
static const struct mikey *
dating(const struct judge_case *c)
{
	const struct mikey *u1 = &c->message[EXCHANGE_U_I1].m;

	return u1->ibake.p != NULL ? u1 : &c->message[EXCHANGE_I1].m;
}

static enum err
decrypt(struct judge_case *c, struct rd cipher, struct rd identity,
    uint8_t *plain, size_t *len)
{
	const struct judge_kms *kms = c->in->kms;
	const struct mikey *m = dating(c);
	const bool counter = m->t_type == MIKEY_T_COUNTER;
	int64_t date = counter ? c->in->now : lab_ntp_unix(m->t);
	uint8_t id[LAB_ID_STRING_MAX];
	const struct lab_ibe_key *key;
	enum err rc = ERR_MISMATCH;

	/* COUNTER: the period of arrival, then the one before. */
	for (int i = 0; i < (counter ? 2 : 1) && rc != ERR_OK; i++) {
		date = lab_period_start(kms->period, date);
		key = private_key(kms, lab_id_string(identity, date, id));
		rc = ERR_CRYPTO;
		if (key != NULL)
			rc = lab_ibe_decrypt(kms->ibe, key, cipher, plain, len);
		date--;
	}
	return rc;
}

/* Roles 1, then 2, in the form that has roles. */
static bool
roles_fit(const struct env *env)
{
	uint8_t role = 1;

	for (size_t i = 0; i < env->n; i++) {
		if (env->item[i].kind != ENV_ID)
			continue;
		if (env->item[i].role != 0 && env->item[i].role != role)
			return false;
		role++;
	}
	return true;
}

static enum exchange_outcome
open_envelope(struct judge_case *c, struct rd cipher, struct rd identity,
    struct env *env)
{
	uint8_t *plain = c->out->plain[c->n_plain++];
	size_t len = 0;
	struct rd r;
	enum err rc;

	if (cipher.p == NULL ||
	    decrypt(c, cipher, identity, plain, &len) != ERR_OK)
		return judge_no(c, EXCHANGE_NOT_REPRODUCIBLE,
		    "an envelope does not open");
	rd_init(&r, plain, len);
	rc = env_parse(r, env);
	if (rc == ERR_UNSUPPORTED)
		return judge_no(c, EXCHANGE_UNSUPPORTED, "an unknown curve");
	if (rc != ERR_OK || !roles_fit(env))
		return judge_no(c, EXCHANGE_MALFORMED,
		    "the content of an envelope does not parse");
	return EXCHANGE_KEYS;
}

/* The identities inside are these, in this order. */
static bool
ids_fit(const struct env *env, struct rd idi, struct rd idr)
{
	struct rd want = idi;

	for (size_t i = 0; i < env->n; i++) {
		if (env->item[i].kind != ENV_ID)
			continue;
		if (!rd_equal(&env->item[i].data, &want))
			return false;
		want = idr;
	}
	return true;
}

static enum exchange_outcome
shape(struct judge_case *c, const struct env *env, const enum env_kind *kinds,
    size_t n, struct rd idi, struct rd idr)
{
	if (!env_is(env, kinds, n))
		return judge_no(c, EXCHANGE_MALFORMED,
		    "an envelope does not hold what it should");
	if (!ids_fit(env, idi, idr))
		return judge_no(c, EXCHANGE_TARGET_MISMATCH,
		    "inner identities are not the outer ones");
	return EXCHANGE_KEYS;
}

static const enum env_kind full[] = {ENV_ID, ENV_POINT, ENV_ID, ENV_POINT};
static const enum env_kind no_x[] = {ENV_ID, ENV_ID, ENV_POINT};
static const enum env_kind offer[] = {ENV_ID, ENV_POINT, ENV_ID};
static const enum env_kind back[] = {ENV_ID, ENV_POINT};
static const enum env_kind esk[] = {ENV_ID, ENV_SK};

/* ---- secrets ---- */

/* What is known of the two points; data.p NULL: not this one. */
struct points {
	struct env_item x, y;
	bool sk;
};

/* R_MESSAGE_1 or I_MESSAGE_2: xP may be missing. */
static enum exchange_outcome
both_points(struct judge_case *c, struct rd cipher, struct rd to,
    const struct mikey *first, struct points *p)
{
	const struct mikey *r1 = &c->message[EXCHANGE_R1].m;
	const bool of_update = dating(c) != first;
	const struct rd idi = of_update ? c->idi : first->idi;
	const struct rd idr = of_update ? c->idr : r1->idr;
	enum exchange_outcome o;
	struct env env;

	if ((o = open_envelope(c, cipher, to, &env)) != EXCHANGE_KEYS)
		return o;
	if (env_is(&env, no_x, 3) && !of_update) {
		p->y = env.item[2];
		return shape(c, &env, no_x, 3, idi, idr);
	}
	if ((o = shape(c, &env, full, 4, idi, idr)) != EXCHANGE_KEYS)
		return o;
	p->x = env.item[1];
	p->y = env.item[3];
	return EXCHANGE_KEYS;
}

static enum exchange_outcome
initiators_points(struct judge_case *c, struct points *p)
{
	const struct mikey *first = &c->message[EXCHANGE_I1].m;
	const bool of_update = dating(c) != first;
	const struct mikey *r1 =
	    &c->message[of_update ? EXCHANGE_U_R1 : EXCHANGE_R1].m;
	const struct rd to = of_update ? c->idi : first->idi;
	enum exchange_outcome o;
	struct env env;

	o = both_points(c, r1->ibake, to, first, p);
	if (o != EXCHANGE_KEYS || p->x.data.p != NULL)
		return o;
	o = open_envelope(c, c->message[EXCHANGE_R2].m.ibake, to, &env);
	if (o != EXCHANGE_KEYS ||
	    (o = shape(c, &env, back, 2, first->idi, first->idr)) !=
		EXCHANGE_KEYS)
		return o;
	p->x = env.item[1];
	p->sk = true;
	return EXCHANGE_KEYS;
}

static enum exchange_outcome
responders_points(struct judge_case *c, struct points *p)
{
	const struct mikey *first = &c->message[EXCHANGE_I1].m;
	const struct mikey *i1 = dating(c);
	const bool of_update = i1 != first;
	const struct rd idi = of_update ? c->idi : i1->idi;
	const struct rd to = of_update ? c->idr : i1->idr;
	const struct rd answered = c->message[EXCHANGE_R1].m.idr;
	enum exchange_outcome o;
	struct env env;

	if (!of_update) {
		o = both_points(c, c->message[EXCHANGE_I2].m.ibake, answered,
		    first, p);
		if (o != EXCHANGE_KEYS || p->x.data.p != NULL)
			return o;
	}
	/* What was sent to somebody else stays closed. */
	if (!judge_is_target(c->in, to))
		return judge_no(c, EXCHANGE_NOT_REPRODUCIBLE,
		    "I_MESSAGE_1 is not to the target");
	if ((o = open_envelope(c, i1->ibake, to, &env)) != EXCHANGE_KEYS ||
	    (o = shape(c, &env, offer, 3, idi, to)) != EXCHANGE_KEYS)
		return o;
	p->x = env.item[1];
	return EXCHANGE_KEYS;
}

static enum exchange_outcome
check_points(struct judge_case *c, const struct points *p)
{
	if (!lab_ec_good(p->x.ec, p->x.data) ||
	    (p->y.data.p != NULL && !lab_ec_good(p->y.ec, p->y.data)))
		return judge_no(c, EXCHANGE_MALFORMED,
		    "a point is not on its curve");
	if (p->y.data.p != NULL && p->x.ec != p->y.ec)
		return judge_no(c, EXCHANGE_UNSUPPORTED,
		    "xP and yP are on different curves");
	return EXCHANGE_KEYS;
}

/* The target's secret against its point, and K_SESSION. */
static enum exchange_outcome
regenerate(struct judge_case *c, enum judge_role role, const struct points *p,
    uint8_t *k_session)
{
	const struct env_item *mine = role == JUDGE_INITIATOR ? &p->x : &p->y;
	const struct env_item *theirs = role == JUDGE_INITIATOR ? &p->y : &p->x;
	const struct mikey *i1 = dating(c);
	const struct mikey *first = &c->message[EXCHANGE_I1].m;
	struct lab_draw d = {.seed = c->in->seed,
	    .label = c->in->label,
	    .csb_id = first->csb_id,
	    .counter = i1->t};
	uint8_t point[LAB_POINT_MAX];
	BIGNUM *secret = NULL;
	bool ok;

	if (i1 != first)
		d.identity = role == JUDGE_INITIATOR ? c->idi : c->idr;
	else
		d.identity = role == JUDGE_INITIATOR
		    ? first->idi
		    : c->message[EXCHANGE_R1].m.idr;
	ok = lab_secret(&d, role == JUDGE_INITIATOR ? LAB_ROLE_X : LAB_ROLE_Y,
		 theirs->ec, &secret) == ERR_OK &&
	    lab_ec_base(theirs->ec, secret, point) == ERR_OK &&
	    (mine->data.p == NULL ||
		rd_is(&mine->data, point, theirs->ec->point_len)) &&
	    lab_ec_mul(theirs->ec, secret, theirs->data, k_session) == ERR_OK &&
	    (!p->sk || lab_sk(&d, c->out->keys.sk) == ERR_OK);
	BN_free(secret);
	c->out->keys.has_sk = p->sk;
	return ok ? EXCHANGE_KEYS
		  : judge_no(c, EXCHANGE_NOT_REPRODUCIBLE,
			"the secret is not the seed's");
}

static enum exchange_outcome
check_v(struct judge_case *c, const struct lab_csb *csb, struct rd k_session)
{
	const struct judge_message *j =
	    &c->message[c->in->update ? EXCHANGE_U_R1 : EXCHANGE_R2];
	uint8_t mpk[LAB_PRF_MAX], key[LAB_PRF_MAX], mac[LAB_PRF_MAX];

	if (!j->there)
		return EXCHANGE_KEYS;
	if (j->m.v_alg != csb->prf + 1 ||
	    lab_mpk(csb, k_session, mpk) != ERR_OK ||
	    lab_auth_key(csb, mpk, key) != ERR_OK ||
	    lab_v(csb->prf, key, j->m.covered, c->idi, c->idr, mac) != ERR_OK ||
	    !rd_is(&j->m.v, mac, lab_prf_len(csb->prf)))
		return judge_no(c, EXCHANGE_NOT_REPRODUCIBLE, "V is wrong");
	return EXCHANGE_KEYS;
}

/* ---- keys ---- */

/* SP of R_MESSAGE_1 before I_MESSAGE_1's, of the update before the first's. */
static struct rd
policy(const struct judge_case *c, uint8_t number)
{
	static const enum exchange_message order[] = {EXCHANGE_U_R1,
	    EXCHANGE_U_I1, EXCHANGE_R1, EXCHANGE_I1};
	struct rd none = {NULL, 0};

	for (size_t i = 0; i < 4; i++) {
		const struct judge_message *j = &c->message[order[i]];

		for (size_t k = 0; k < j->n_sp; k++)
			if (j->sp[k].p[0] == number)
				return j->sp[k];
	}
	return none;
}

static enum exchange_outcome
fill(struct judge_case *c, const struct lab_csb *csb, struct rd tgk,
    struct rd mki)
{
	const struct mikey *r1 =
	    &c->message[c->in->update ? EXCHANGE_U_R1 : EXCHANGE_R1].m;

	for (size_t i = 0; i < r1->n_cs; i++) {
		struct exchange_key *k = &c->out->keys.key[i];
		struct wr w;

		wr_init(&w, k->id, sizeof(k->id));
		wr_u32(&w, csb->id);
		wr_u8(&w, (uint8_t)(i + 1));
		if (lab_tek(csb, tgk, (uint8_t)(i + 1), k->key, k->salt) !=
		    ERR_OK)
			return judge_no(c, EXCHANGE_NOT_REPRODUCIBLE, "TEK");
		k->ssrc = r1->cs[i].ssrc;
		k->roc = r1->cs[i].roc;
		k->policy = policy(c, r1->cs[i].policy);
		k->mki = mki;
	}
	c->out->keys.n = r1->n_cs;
	return EXCHANGE_KEYS;
}

static enum exchange_outcome
for_recipient(struct judge_case *c, const struct lab_csb *csb)
{
	const struct mikey *i1 = &c->message[EXCHANGE_I1].m;
	const struct mikey *i2 = &c->message[EXCHANGE_I2].m;
	const struct rd none = {NULL, 0};
	enum exchange_outcome o;
	struct env env;

	o = open_envelope(c, i2->esk.p != NULL ? i2->esk : i1->esk, i1->idr,
	    &env);
	if (o != EXCHANGE_KEYS ||
	    (o = shape(c, &env, esk, 2, i1->idi, i1->idr)) != EXCHANGE_KEYS)
		return o;
	if (env.item[1].data.left != LAB_TEK_LEN)
		return judge_no(c, EXCHANGE_MALFORMED, "SK is not of 128 bit");
	return fill(c, csb, env.item[1].data, none);
}

enum exchange_outcome
judge_open(struct judge_case *c, enum judge_role role)
{
	const struct mikey *i1 = &c->message[EXCHANGE_I1].m;
	const struct lab_csb csb = {i1->prf, i1->csb_id, i1->rand};
	uint8_t k_session[LAB_POINT_MAX], tgk[LAB_PRF_MAX];
	struct points p = {.sk = false};
	struct rd k, t;
	enum exchange_outcome o;

	if (role == JUDGE_RECIPIENT)
		return for_recipient(c, &csb);
	o = role == JUDGE_INITIATOR ? initiators_points(c, &p)
				    : responders_points(c, &p);
	if (o != EXCHANGE_KEYS || (o = check_points(c, &p)) != EXCHANGE_KEYS ||
	    (o = regenerate(c, role, &p, k_session)) != EXCHANGE_KEYS)
		return o;
	rd_init(&k, k_session, p.x.ec->point_len);
	if ((o = check_v(c, &csb, k)) != EXCHANGE_KEYS)
		return o;
	if (lab_tgk(&csb, k, tgk) != ERR_OK)
		return judge_no(c, EXCHANGE_NOT_REPRODUCIBLE, "TGK");
	rd_init(&t, tgk, lab_prf_len(csb.prf));
	return fill(c, &csb, t, p.y.mki.p != NULL ? p.y.mki : p.x.mki);
}
