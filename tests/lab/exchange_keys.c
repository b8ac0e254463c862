/* Secrets, points and the keys that both parties have from them. */
#include <string.h>

#include "exchange_int.h"

/* The party's seed, or one that nobody else has. */
static enum err
fill_draw(struct exchange_run *x, const struct exchange_party *party,
    uint64_t t, bool own, uint8_t *other, struct lab_draw *d)
{
	enum err rc;

	*d = (struct lab_draw){.seed = party->seed,
	    .label = party->label,
	    .csb_id = x->csb_id,
	    .counter = t};
	rd_init(&d->identity, party->identity, strlen(party->identity));
	if (!own)
		return ERR_OK;
	if ((rc = exchange_rng_bytes(&x->m->rng, other, LAB_SEED_LEN)) !=
	    ERR_OK)
		return rc;
	d->seed = other;
	return ERR_OK;
}

static enum err
draw_point(struct exchange_run *x, const struct exchange_party *party,
    enum lab_role role, const struct lab_ec *ec, uint64_t t, bool own,
    BIGNUM **secret, uint8_t *point)
{
	uint8_t other[LAB_SEED_LEN];
	struct lab_draw d;
	enum err rc;

	if ((rc = fill_draw(x, party, t, own, other, &d)) != ERR_OK ||
	    (rc = lab_secret(&d, role, ec, secret)) != ERR_OK)
		return rc;
	return lab_ec_base(ec, *secret, point);
}

/* The keys of V and TGK; RAND is that of the first exchange, always. */
static enum err
derive(const struct exchange_run *x, struct exchange_pair *p,
    struct rd k_session)
{
	const struct lab_csb csb = {x->spec->prf, x->csb_id, x->rand};
	uint8_t mpk[LAB_PRF_MAX];
	enum err rc;

	if ((rc = lab_mpk(&csb, k_session, mpk)) != ERR_OK ||
	    (rc = lab_auth_key(&csb, mpk, p->auth)) != ERR_OK)
		return rc;
	return lab_tgk(&csb, k_session, p->tgk);
}

enum err
exchange_pair_make(struct exchange_run *x, struct exchange_pair *p, uint64_t t,
    unsigned place_x, unsigned place_y)
{
	const struct exchange_spec *s = x->spec;
	uint8_t k_session[LAB_POINT_MAX];
	BIGNUM *x_secret = NULL, *y_secret = NULL;
	struct rd other, k;
	enum err rc;

	p->ec_x = p->ec_y = s->ec;
	if (exchange_fault_at(s, FAULT_CURVES_DIFFER, place_y))
		p->ec_y = lab_ec_by_name(
		    strcmp(s->ec->name, "P-384") == 0 ? "P-256" : "P-384");
	if ((rc = draw_point(x, p->party_x, LAB_ROLE_X, p->ec_x, t,
		 exchange_fault_at(s, FAULT_OWN_SECRET, place_x), &x_secret,
		 p->x)) != ERR_OK ||
	    (rc = draw_point(x, p->party_y, LAB_ROLE_Y, p->ec_y, t,
		 exchange_fault_at(s, FAULT_OWN_SECRET, place_y), &y_secret,
		 p->y)) != ERR_OK)
		goto out;
	/* With two curves there is no key; something must make V. */
	rd_init(&other, p->ec_x == p->ec_y ? p->y : p->x, p->ec_x->point_len);
	if ((rc = lab_ec_mul(p->ec_x, x_secret, other, k_session)) != ERR_OK)
		goto out;
	rd_init(&k, k_session, p->ec_x->point_len);
	rc = derive(x, p, k);
out:
	BN_clear_free(x_secret);
	BN_clear_free(y_secret);
	return rc;
}

/* SK: the caller's, role 3. */
enum err
exchange_sk_make(struct exchange_run *x)
{
	const bool own = exchange_fault_at(x->spec, FAULT_OWN_SK, EXCHANGE_ESK);
	uint8_t other[LAB_SEED_LEN];
	struct lab_draw d;
	enum err rc;

	if ((rc = fill_draw(x, &x->spec->initiator, x->t1, own, other, &d)) !=
	    ERR_OK)
		return rc;
	return lab_sk(&d, x->sk);
}

static struct rd
policy_body(const struct exchange_spec *s, uint8_t number)
{
	struct rd none = {NULL, 0}, r;
	uint8_t no;

	for (size_t i = 0; i < s->n_sp_r + s->n_sp_i; i++) {
		const struct rd *sp =
		    i < s->n_sp_r ? &s->sp_r[i] : &s->sp_i[i - s->n_sp_r];

		r = *sp;
		if (rd_u8(&r, &no) == ERR_OK && no == number)
			return *sp;
	}
	return none;
}

enum err
exchange_keys_make(const struct exchange_run *x, struct rd tgk,
    const struct mikey_cs *cs, size_t n_cs, bool mki, struct exchange_keys *out)
{
	const struct exchange_spec *s = x->spec;
	const struct lab_csb csb = {s->prf, x->csb_id, x->rand};
	enum err rc;

	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < n_cs; i++) {
		struct exchange_key *k = &out->key[i];
		struct wr w;

		wr_init(&w, k->id, sizeof(k->id));
		wr_u32(&w, x->csb_id);
		wr_u8(&w, (uint8_t)(i + 1));
		if ((rc = lab_tek(&csb, tgk, (uint8_t)(i + 1), k->key,
			 k->salt)) != ERR_OK)
			return rc;
		k->ssrc = cs[i].ssrc;
		k->roc = cs[i].roc;
		k->policy = policy_body(s, cs[i].policy);
		if (mki)
			k->mki = s->mki_r.p != NULL ? s->mki_r : s->mki_i;
	}
	out->n = n_cs;
	return ERR_OK;
}

enum err
exchange_keys_first(struct exchange_run *x)
{
	const struct exchange_spec *s = x->spec;
	const bool esk = s->deferred || s->esk_in_i1;
	struct rd tgk, sk;
	enum err rc;

	rd_init(&tgk, x->first.tgk, lab_prf_len(s->prf));
	rd_init(&sk, x->sk, sizeof(x->sk));
	if ((rc = exchange_keys_make(x, tgk, x->chosen, s->n_cs, true,
		 &x->out->keys)) != ERR_OK)
		return rc;
	if (esk &&
	    (rc = exchange_keys_make(x, sk, x->chosen, s->n_cs, false,
		 &x->out->recipient)) != ERR_OK)
		return rc;
	x->out->keys.has_sk = s->deferred;
	if (s->deferred)
		memcpy(x->out->keys.sk, x->sk, sizeof(x->sk));
	return ERR_OK;
}
