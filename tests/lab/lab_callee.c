/* The Responder's half of the exchange. */
#include <string.h>

#define LAB_CALL_INTERNAL
#include "lab_call.h"

static enum err
keep_ident(struct lab_ident *id, struct rd r)
{
	if (r.p == NULL || r.left > LAB_ID_MAX ||
	    memchr(r.p, '\0', r.left) != NULL)
		return ERR_MALFORMED;
	memcpy(id->text, r.p, r.left);
	id->text[r.left] = '\0';
	id->len = r.left;
	return ERR_OK;
}

/* Everything outside the envelope. */
static enum err
take_outside(struct lab_call *c, const struct mikey *m, struct why *why)
{
	if (m->type != MIKEY_I_MESSAGE_1)
		return why_set(why, ERR_MISMATCH,
		    "%s where I_MESSAGE_1 should"
		    " be",
		    mikey_type_name(m->type));
	if (lab_prf_len(m->prf) == 0)
		return why_set(why, ERR_UNSUPPORTED, "an unknown PRF");
	if (m->t_type != MIKEY_T_NTP_UTC || m->rand.p == NULL)
		return why_set(why, ERR_UNSUPPORTED,
		    "no RAND, or T is not NTP-UTC");
	if (m->n_cs != LAB_CALL_CS || m->cs[0].ssrc == 0 ||
	    m->cs[1].ssrc != 0 || m->n_skipped > 0)
		return why_set(why, ERR_UNSUPPORTED,
		    "not the two crypto sessions of a call with SRTP defaults");
	if (keep_ident(&c->idi, m->idi) != ERR_OK ||
	    keep_ident(&c->idr, m->idr) != ERR_OK)
		return why_set(why, ERR_MALFORMED, "IDRi or IDRr is no URI");
	c->prf = m->prf;
	c->csb_id = m->csb_id;
	c->t1 = m->t;
	memcpy(c->rand, m->rand.p, m->rand.left);
	c->rand_len = m->rand.left;
	memcpy(c->cs, m->cs, sizeof(c->cs));
	if (c->ssrc == c->cs[0].ssrc)
		c->ssrc ^= 1; /* two streams need two numbers */
	c->cs[1].ssrc = c->ssrc;
	return ERR_OK;
}

enum err
lab_call_take_i1(struct lab_call *c, struct rd in, struct why *why)
{
	static const enum env_kind shape[] = {ENV_ID, ENV_POINT, ENV_ID};
	uint8_t plain[LAB_IBE_PLAIN_MAX];
	struct env env;
	struct mikey m;
	enum err rc;

	if ((rc = mikey_parse(in.p, in.left, &m)) != ERR_OK)
		return why_set(why, rc, "I_MESSAGE_1 does not parse: %s",
		    err_str(rc));
	if ((rc = take_outside(c, &m, why)) != ERR_OK ||
	    (rc = lab_call_open(c, m.ibake, lab_ident_rd(&c->idr), shape, 3,
		 plain, &env, why)) != ERR_OK)
		goto out;
	c->ec = env.item[1].ec;
	rc = lab_call_peer_point(c, &env.item[1], why);
out:
	explicit_bzero(plain, sizeof(plain));
	return rc;
}

enum err
lab_call_r1(struct lab_call *c, struct wr *out, struct why *why)
{
	struct env env = {.n = 4};
	struct mikey m;
	enum err rc;

	if (c->answer_as.len > 0)
		c->idr = c->answer_as;
	if ((rc = lab_call_draw(c, LAB_ROLE_Y, why)) != ERR_OK)
		return rc;
	env.item[0] = lab_item_id(c, 1);
	env.item[1] = lab_item_point(c, c->peer_point);
	env.item[2] = lab_item_id(c, 2);
	env.item[3] = lab_item_point(c, c->own_point);
	lab_call_fill(c, &m, MIKEY_R_MESSAGE_1, c->t1);
	return lab_call_seal(c, &m, &env, &c->idi, out, why);
}

static enum err
same_map(const struct lab_call *c, const struct mikey *m)
{
	for (size_t i = 0; i < LAB_CALL_CS; i++)
		if (m->cs[i].policy != c->cs[i].policy ||
		    m->cs[i].ssrc != c->cs[i].ssrc ||
		    m->cs[i].roc != c->cs[i].roc)
			return ERR_MISMATCH;
	return ERR_OK;
}

enum err
lab_call_take_i2(struct lab_call *c, struct rd in, struct why *why)
{
	static const enum env_kind shape[] = {ENV_ID, ENV_ID, ENV_POINT};
	uint8_t plain[LAB_IBE_PLAIN_MAX];
	struct env env;
	struct mikey m;
	enum err rc;

	if ((rc = mikey_parse(in.p, in.left, &m)) != ERR_OK)
		return why_set(why, rc, "I_MESSAGE_2 does not parse: %s",
		    err_str(rc));
	if ((rc = lab_call_same(c, &m, MIKEY_I_MESSAGE_2, m.t, why)) != ERR_OK)
		return rc;
	if (m.t <= c->t1)
		return why_set(why, ERR_MISMATCH,
		    "T of I_MESSAGE_2 is not"
		    " greater than that of I_MESSAGE_1");
	if (m.rand.p == NULL || !rd_is(&m.rand, c->rand, c->rand_len) ||
	    same_map(c, &m) != ERR_OK)
		return why_set(why, ERR_MISMATCH,
		    "RAND or the CS ID map have changed");
	if (!rd_is(&m.idi, c->idi.text, c->idi.len) ||
	    !rd_is(&m.idr, c->idr.text, c->idr.len))
		return why_set(why, ERR_MISMATCH,
		    "the identities of I_MESSAGE_2 are another exchange's");
	c->t2 = m.t;
	if ((rc = lab_call_open(c, m.ibake, lab_ident_rd(&c->idr), shape, 3,
		 plain, &env, why)) != ERR_OK ||
	    (rc = lab_call_returned(c, &env.item[2], why)) != ERR_OK)
		goto out;
	rc = lab_call_derive(c, why);
out:
	explicit_bzero(plain, sizeof(plain));
	return rc;
}

enum err
lab_call_r2(struct lab_call *c, struct wr *out, struct why *why)
{
	const size_t len = lab_prf_len(c->prf);
	uint8_t mac[LAB_PRF_MAX];
	struct mikey m;
	struct rd covered;
	size_t n;
	enum err rc;

	lab_call_fill(c, &m, MIKEY_R_MESSAGE_2, c->t2);
	mikey_print(out, &m, len);
	if ((rc = wr_finish(out, &n)) != ERR_OK)
		return why_set(why, rc, "cannot make R_MESSAGE_2");
	rd_init(&covered, out->p, n);
	if ((rc = lab_call_mac(c, covered, mac)) != ERR_OK)
		return why_set(why, rc, "cannot compute V");
	wr_copy(out, mac, len);
	return wr_finish(out, &n);
}
