#include <string.h>

#include "appliance/regen.h"
#include "xk/inner.h"

#define ID_MAX (MAX_MIKEY + 8)
#define ENVELOPES 2 /* no role needs more */

/* Everything secret of one request, in one locked mapping. */
struct scratch {
	uint8_t plain[ENVELOPES][MAX_MIKEY];
	uint8_t secret[MAX_SCALAR];
	uint8_t k_session[MAX_POINT];
	uint8_t mpk[KDF_KEY_MAX], tgk[KDF_KEY_MAX];
	uint8_t sk[KDF_SK_LEN];
};

struct job {
	struct regen *g;
	const struct regen_in *in;
	struct scratch *s;
	size_t opened;
	struct rd as; /* identity of the target in this call */
	struct rd idi, idr; /* the parties */
	struct inner_point xp, yp;
	struct rd tgk;
	bool has_sk;
};

enum err
regen_init(struct regen *g, struct ibe *ibe, enum key_period period)
{
	enum err rc;

	*g = (struct regen){.ibe = ibe, .period = period};
	if ((rc = ec_new(&g->ec)) != ERR_OK ||
	    (rc = kdf_new(&g->kdf)) != ERR_OK ||
	    (rc = secret_new(sizeof(struct scratch), &g->scratch)) != ERR_OK)
		regen_done(g);
	return rc;
}

void
regen_done(struct regen *g)
{
	ec_free(&g->ec);
	kdf_free(&g->kdf);
	secret_free(&g->scratch);
}

void
regen_wipe(struct regen *g)
{
	secret_wipe(g->scratch);
	kdf_forget(g->kdf);
}

/* What a failure of ours means to the asker. */
static enum xk_reason
reason_of(enum err rc)
{
	switch (rc) {
	case ERR_OK:
		return XK_GRANTED;
	case ERR_MALFORMED:
	case ERR_TRUNCATED:
	case ERR_TOOBIG:
		return XK_MALFORMED;
	case ERR_UNSUPPORTED:
		return XK_UNSUPPORTED;
	case ERR_MISMATCH:
		return XK_NOT_REPRODUCIBLE;
	case ERR_INTERNAL:
	case ERR_NOMEM:
	case ERR_AGAIN:
	case ERR_CLOSED:
	case ERR_DENIED:
	case ERR_NOTFOUND:
	case ERR_EXISTS:
	case ERR_IO:
	case ERR_FULL:
	case ERR_CRYPTO:
	case ERR_HSM:
	case ERR_PIN:
	case ERR__MAX:
		break;
	}
	return XK_UNAVAILABLE;
}

/*
 * The strings whose hash may be the public key: one date, or for a COUNTER
 * the period of arrival and the one before.
 */
static enum err
key_ids(const struct job *j, struct rd identity, uint8_t buf[2][ID_MAX],
    struct rd ids[2], size_t *n)
{
	const enum key_period p = j->g->period;
	uint64_t ts;
	const enum mikey_ts type = call_key_time(j->in->call, &ts);
	int64_t t[2];
	enum err rc;

	*n = 1;
	if (mikey_unix_time(type, ts, &t[0]) == ERR_NOTFOUND) {
		t[0] = j->in->now;
		t[1] = key_period_start(p, t[0]) - 1;
		*n = 2;
	}
	if (identity.left > ID_MAX - 8)
		return ERR_TOOBIG;
	for (size_t i = 0; i < *n; i++) {
		if ((rc = key_period_id(p, identity, t[i], buf[i])) != ERR_OK)
			return ERR_MISMATCH; /* no key has such a date */
		rd_init(&ids[i], buf[i], identity.left + 8);
	}
	return ERR_OK;
}

/* Open one envelope for `identity` and read what is inside. */
static enum xk_reason
open_envelope(struct job *j, const struct mikey_envelope *e, struct rd identity,
    enum inner_kind kind, struct inner *out)
{
	uint8_t buf[2][ID_MAX], *plain;
	struct rd ids[2], view;
	size_t n, which;
	enum err rc;

	if (!e->there || !e->sound || j->opened == ENVELOPES ||
	    e->w.left > MAX_MIKEY)
		return XK_NOT_REPRODUCIBLE;
	plain = j->s->plain[j->opened++];
	if ((rc = key_ids(j, identity, buf, ids, &n)) != ERR_OK)
		return reason_of(rc);
	const struct ibe_envelope env = {e->u_x, e->u_y, e->v, e->w};

	rc = ibe_open(j->g->ibe, &j->in->token, ids, n, &env, plain, &which);
	if (rc != ERR_OK)
		return reason_of(rc);
	rd_init(&view, plain, e->w.left);
	return reason_of(inner_parse(view, kind, out));
}

/* Inner identities must equal the outer ones (RFC 6267 clause 9). */
static enum xk_reason
inner_ids_equal(const struct job *j, const struct inner *in, bool both)
{
	if (!rd_equal(&in->idri, &j->idi) ||
	    (both && !rd_equal(&in->idrr, &j->idr)))
		return XK_TARGET_MISMATCH;
	return XK_GRANTED;
}

static bool
is_of_target(const struct job *j, const struct mikey_id *id)
{
	for (size_t i = 0; i < j->in->target.n; i++)
		if (rd_equal(&j->in->target.id[i], &id->data))
			return true;
	return false;
}

/* Both points on one curve, and points at all. */
static enum xk_reason
check_points(struct job *j)
{
	enum err rc;

	if ((rc = ec_check_point(j->g->ec, j->xp.curve, j->xp.octets)) !=
		ERR_OK ||
	    (rc = ec_check_point(j->g->ec, j->yp.curve, j->yp.octets)) !=
		ERR_OK)
		return reason_of(rc);
	return j->xp.curve == j->yp.curve ? XK_GRANTED : XK_UNSUPPORTED;
}

/*
 * Target sent I_MESSAGE_1: R_MESSAGE_1 has yP and gives xP back, except in
 * deferred delivery, where R_MESSAGE_2 does (RFC 6267 clause 4.3).
 */
static enum xk_reason
points_for_initiator(struct job *j)
{
	const struct call *c = j->in->call;
	const struct call_exchange x = call_opened(c);
	struct inner r1, r2;
	enum xk_reason why;

	why = open_envelope(j, &x.r1->ibake, j->as, INNER_R_MESSAGE_1, &r1);
	if (why != XK_GRANTED)
		return why;
	if ((why = inner_ids_equal(j, &r1, true)) != XK_GRANTED)
		return why;
	j->yp = r1.ecc_r;
	j->xp = r1.ecc_i;
	if (r1.ecc_i.there)
		return XK_GRANTED;
	if (c->kind == CALL_UPDATE)
		return XK_MALFORMED;
	if (c->kind != CALL_FIRST || !c->r2.there || !c->r2.ibake.there)
		return XK_NOT_REPRODUCIBLE;
	why = open_envelope(j, &c->r2.ibake, j->as, INNER_R_MESSAGE_2, &r2);
	if (why != XK_GRANTED)
		return why;
	j->xp = r2.ecc_i;
	j->has_sk = true;
	return inner_ids_equal(j, &r2, false);
}

/* Target answered: I_MESSAGE_2 has yP, I_MESSAGE_1 (or 2, resent) has xP. */
static enum xk_reason
points_for_responder(struct job *j)
{
	const struct call_exchange x = call_opened(j->in->call);
	struct inner i1, i2;
	enum xk_reason why;

	why = open_envelope(j, &x.i2->ibake, j->as, INNER_R_MESSAGE_1, &i2);
	if (why != XK_GRANTED)
		return why;
	if ((why = inner_ids_equal(j, &i2, true)) != XK_GRANTED)
		return why;
	j->yp = i2.ecc_r;
	j->xp = i2.ecc_i;
	if (i2.ecc_i.there)
		return XK_GRANTED;
	/* Never open what was sent to somebody else. */
	if (!is_of_target(j, &x.i1->idrr))
		return XK_NOT_REPRODUCIBLE;
	why = open_envelope(j, &x.i1->ibake, x.i1->idrr.data, INNER_I_MESSAGE_1,
	    &i1);
	if (why != XK_GRANTED)
		return why;
	j->xp = i1.ecc_i;
	if (!rd_equal(&i1.idri, &x.i1->idri.data) ||
	    !rd_equal(&i1.idrr, &x.i1->idrr.data))
		return XK_TARGET_MISMATCH;
	return XK_GRANTED;
}

/* Receiver of an update: only xP can be had; V proves y. */
static enum xk_reason
points_for_update_receiver(struct job *j)
{
	struct inner i1;
	enum xk_reason why;

	why = open_envelope(j, &j->in->call->i1.ibake, j->as, INNER_I_MESSAGE_1,
	    &i1);
	if (why != XK_GRANTED)
		return why;
	j->xp = i1.ecc_i;
	if ((why = inner_ids_equal(j, &i1, true)) != XK_GRANTED)
		return why;
	return reason_of(ec_check_point(j->g->ec, j->xp.curve, j->xp.octets));
}

/* Nothing in the call shows whether it is right: so it is asked for twice. */
static enum err
make_sk(struct job *j, const struct kdf_secret_in *in)
{
	uint8_t again[KDF_SK_LEN];
	enum err rc;

	rc = kdf_sk(&j->in->seed, in, j->s->sk);
	if (rc == ERR_OK)
		rc = kdf_sk(&j->in->seed, in, again);
	if (rc == ERR_OK && !ct_equal(j->s->sk, again, sizeof(again)))
		rc = ERR_HSM;
	explicit_bzero(again, sizeof(again));
	return rc;
}

/* x or y from the seed into the scratch; SK too where one belongs. */
static enum xk_reason
regenerate(struct job *j, enum call_role role, uint8_t curve)
{
	const struct mikey_msg *i1 = call_opened(j->in->call).i1;
	struct kdf_secret_in in = {.id = j->as,
	    .csb_id = i1->csb_id,
	    .c = i1->ts,
	    .label = j->in->label};
	enum err rc;

	in.role =
	    role == CALL_INITIATOR ? KDF_ROLE_INITIATOR : KDF_ROLE_RESPONDER;
	rc = kdf_secret(&j->in->seed, &in, curve, j->s->secret);
	if (rc == ERR_OK && j->has_sk) {
		in.role = KDF_ROLE_SK;
		rc = make_sk(j, &in);
	}
	return reason_of(rc);
}

/* V of R_MESSAGE_2, or of an update's R_MESSAGE_1, with keys of K_SESSION. */
static enum err
check_v(struct job *j, struct rd k_session)
{
	const struct call *c = j->in->call;
	const struct mikey_msg *m = c->kind == CALL_FIRST ? &c->r2 : &c->r1;
	struct rd mpk, idi, idr;
	enum err rc;

	if (!m->there)
		return ERR_OK;
	call_parties(c, &idi, &idr);
	rc = kdf_mpk(j->g->kdf, m->prf, k_session, call_rand(c), j->s->mpk);
	if (rc != ERR_OK)
		return rc;
	rd_init(&mpk, j->s->mpk, kdf_prf_octets(m->prf));
	return kdf_check_v(j->g->kdf, m, mpk, call_rand(c), idi, idr);
}

/* K_SESSION = [secret]other, then V where there is one, then TGK. */
static enum err
session_key(struct job *j, const struct inner_point *other)
{
	const struct call *c = j->in->call;
	struct rd k;
	enum err rc;

	rc = ec_mul(j->g->ec, other->curve, j->s->secret, other->octets,
	    j->s->k_session);
	if (rc != ERR_OK)
		return rc;
	rd_init(&k, j->s->k_session, ec_point_octets(other->curve));
	if ((rc = check_v(j, k)) != ERR_OK)
		return rc;
	rc = kdf_tgk(j->g->kdf, c->r1.prf, k, call_rand(c), j->s->tgk);
	if (rc == ERR_OK)
		rd_init(&j->tgk, j->s->tgk, kdf_prf_octets(c->r1.prf));
	return rc;
}

static enum xk_reason
for_party(struct job *j, enum call_role role)
{
	const bool blind =
	    j->in->call->kind == CALL_UPDATE && role == CALL_RESPONDER;
	const struct inner_point *mine, *other;
	enum xk_reason why;

	why = blind		     ? points_for_update_receiver(j)
	    : role == CALL_INITIATOR ? points_for_initiator(j)
				     : points_for_responder(j);
	if (why != XK_GRANTED)
		return why;
	if (!blind && (why = check_points(j)) != XK_GRANTED)
		return why;
	mine = role == CALL_INITIATOR ? &j->xp : &j->yp;
	other = role == CALL_INITIATOR ? &j->yp : &j->xp;
	why = regenerate(j, role, other->curve);
	if (why != XK_GRANTED)
		return why;
	if (!blind) {
		why = reason_of(ec_check_secret(j->g->ec, mine->curve,
		    j->s->secret, mine->octets));
		if (why != XK_GRANTED)
			return why;
	}
	return reason_of(session_key(j, other));
}

/* With two ESKs that of I_MESSAGE_2 counts; both are to the one called. */
static enum xk_reason
for_recipient(struct job *j)
{
	const struct call *c = j->in->call;
	struct inner esk;
	enum xk_reason why;

	why = open_envelope(j, c->i2.esk.there ? &c->i2.esk : &c->i1.esk, j->as,
	    INNER_ESK, &esk);
	if (why != XK_GRANTED)
		return why;
	j->tgk = esk.sk;
	return inner_ids_equal(j, &esk, false);
}

static enum xk_reason
fill_answer(struct job *j, struct xk_get_keys_response *out)
{
	const struct mikey_msg *r1 = &j->in->call->r1;
	const struct rd mki = j->yp.mki.left > 0 ? j->yp.mki : j->xp.mki;
	enum err rc;

	out->n_keys = r1->n_cs;
	out->has_sk = j->has_sk;
	memcpy(out->sk, j->s->sk, sizeof(out->sk));
	for (unsigned i = 0; i < r1->n_cs; i++) {
		struct xk_session_key *k = &out->key[i];
		struct wr w;

		wr_init(&w, k->crypto_session_id, sizeof(k->crypto_session_id));
		wr_u32(&w, r1->csb_id);
		wr_u8(&w, (uint8_t)(i + 1));
		rc = kdf_srtp(j->g->kdf, r1->prf, j->tgk, (uint8_t)(i + 1),
		    r1->csb_id, call_rand(j->in->call), k->session_key,
		    k->salt);
		if (rc != ERR_OK)
			return reason_of(rc);
		k->has_ssrc = k->has_roc = true;
		k->ssrc = r1->cs[i].ssrc;
		k->roc = r1->cs[i].roc;
		k->policy = call_policy(j->in->call, r1->cs[i].policy_no);
		k->mki = mki;
	}
	return XK_GRANTED;
}

enum xk_reason
regen_keys(struct regen *g, const struct regen_in *in,
    struct xk_get_keys_response *out)
{
	struct job j = {.g = g,
	    .in = in,
	    .s = (struct scratch *)(void *)secret_data(g->scratch)};
	enum call_role role;
	enum xk_reason why;

	explicit_bzero(out, sizeof(*out));
	if (call_check(in->call, &in->target, &role, &j.as) != ERR_OK)
		return XK_TARGET_MISMATCH;
	if (in->call->kind == CALL_UPDATE_OLD_KEYS) {
		j.idi = in->call->first_i1.idri.data;
		j.idr = in->call->first_r1.idrr.data;
	} else
		call_parties(in->call, &j.idi, &j.idr);
	why = role == CALL_RECIPIENT ? for_recipient(&j) : for_party(&j, role);
	if (why == XK_GRANTED)
		why = fill_answer(&j, out);
	if (why != XK_GRANTED)
		explicit_bzero(out, sizeof(*out));
	return why;
}
