/* The Initiator's half of the exchange. */
#include <string.h>

#include <openssl/rand.h>

#define LAB_CALL_INTERNAL
#include "lab_call.h"

#define RAND_LEN 16

enum err
lab_call_i1(struct lab_call *c, struct wr *out, struct why *why)
{
	struct env env = {.n = 3};
	struct mikey m;
	enum err rc;

	c->caller = true;
	c->idi = c->own;
	c->idr = c->peer;
	c->t1 = lab_ntp_now();
	c->rand_len = RAND_LEN;
	if (RAND_bytes((unsigned char *)&c->csb_id, sizeof(c->csb_id)) != 1 ||
	    RAND_bytes(c->rand, RAND_LEN) != 1)
		return why_set(why, ERR_CRYPTO, "no random numbers");
	c->cs[0] = (struct mikey_cs){.ssrc = c->ssrc};
	c->cs[1] = (struct mikey_cs){.ssrc = 0}; /* the callee's to fill */
	if ((rc = lab_call_draw(c, LAB_ROLE_X, why)) != ERR_OK)
		return rc;
	env.item[0] = lab_item_id(c, 1);
	env.item[1] = lab_item_point(c, c->own_point);
	env.item[2] = lab_item_id(c, 2);
	lab_call_fill(c, &m, MIKEY_I_MESSAGE_1, c->t1);
	return lab_call_seal(c, &m, &env, &c->idr, out, why);
}

/* IDRr may be another's: who answered may be a device or a new target. */
static enum err
take_answerer(struct lab_call *c, const struct mikey *m, struct why *why)
{
	if (m->idi.p == NULL || m->idr.p == NULL ||
	    !rd_is(&m->idi, c->idi.text, c->idi.len))
		return why_set(why, ERR_MISMATCH, "IDRi is not ours");
	if (m->idr.left > LAB_ID_MAX || memchr(m->idr.p, 0, m->idr.left))
		return why_set(why, ERR_MALFORMED, "IDRr is no URI");
	memcpy(c->idr.text, m->idr.p, m->idr.left);
	c->idr.text[m->idr.left] = '\0';
	c->idr.len = m->idr.left;
	return ERR_OK;
}

static enum err
take_map(struct lab_call *c, const struct mikey *m, struct why *why)
{
	if (m->cs[0].ssrc != c->ssrc || m->cs[1].ssrc == 0 ||
	    m->cs[1].ssrc == c->ssrc || m->cs[0].roc != 0 || m->cs[1].roc != 0)
		return why_set(why, ERR_MISMATCH,
		    "the SSRCs of the CS ID map are not usable");
	memcpy(c->cs, m->cs, sizeof(c->cs));
	return ERR_OK;
}

enum err
lab_call_take_r1(struct lab_call *c, struct rd in, struct why *why)
{
	static const enum env_kind shape[] = {ENV_ID, ENV_POINT, ENV_ID,
	    ENV_POINT};
	uint8_t plain[LAB_IBE_PLAIN_MAX];
	struct env env;
	struct mikey m;
	enum err rc;

	if ((rc = mikey_parse(in.p, in.left, &m)) != ERR_OK)
		return why_set(why, rc, "R_MESSAGE_1 does not parse: %s",
		    err_str(rc));
	if ((rc = lab_call_same(c, &m, MIKEY_R_MESSAGE_1, c->t1, why)) !=
		ERR_OK ||
	    (rc = take_answerer(c, &m, why)) != ERR_OK ||
	    (rc = take_map(c, &m, why)) != ERR_OK)
		return rc;
	/* Without our point the callee could not open: a mailbox, no phone. */
	if ((rc = lab_call_open(c, m.ibake, lab_ident_rd(&c->idi), shape, 4,
		 plain, &env, why)) != ERR_OK ||
	    (rc = lab_call_returned(c, &env.item[1], why)) != ERR_OK ||
	    (rc = lab_call_peer_point(c, &env.item[3], why)) != ERR_OK)
		goto out;
	rc = lab_call_derive(c, why);
out:
	explicit_bzero(plain, sizeof(plain));
	return rc;
}

enum err
lab_call_i2(struct lab_call *c, struct wr *out, struct why *why)
{
	struct env env = {.n = 3};
	struct mikey m;

	c->t2 = lab_ntp_now();
	if (c->t2 <= c->t1)
		c->t2 = c->t1 + 1; /* the clock was set back */
	env.item[0] = lab_item_id(c, 1);
	env.item[1] = lab_item_id(c, 2);
	env.item[2] = lab_item_point(c, c->peer_point);
	lab_call_fill(c, &m, MIKEY_I_MESSAGE_2, c->t2);
	return lab_call_seal(c, &m, &env, &c->idr, out, why);
}

enum err
lab_call_take_r2(struct lab_call *c, struct rd in, struct why *why)
{
	uint8_t mac[LAB_PRF_MAX];
	struct mikey m;
	enum err rc;

	if ((rc = mikey_parse(in.p, in.left, &m)) != ERR_OK)
		return why_set(why, rc, "R_MESSAGE_2 does not parse: %s",
		    err_str(rc));
	if ((rc = lab_call_same(c, &m, MIKEY_R_MESSAGE_2, c->t2, why)) !=
	    ERR_OK)
		return rc;
	/* Identities SHOULD be there; if so they are the exchange's. */
	if ((m.idi.p != NULL && !rd_is(&m.idi, c->idi.text, c->idi.len)) ||
	    (m.idr.p != NULL && !rd_is(&m.idr, c->idr.text, c->idr.len)))
		return why_set(why, ERR_MISMATCH,
		    "the identities of R_MESSAGE_2 are another exchange's");
	if (m.v.p == NULL || m.v.left != lab_prf_len(c->prf))
		return why_set(why, ERR_MALFORMED, "no V of the right length");
	if ((rc = lab_call_mac(c, m.covered, mac)) != ERR_OK)
		return why_set(why, rc, "cannot compute V");
	if (!ct_equal(mac, m.v.p, m.v.left))
		return why_set(why, ERR_MISMATCH, "V is wrong");
	return ERR_OK;
}
