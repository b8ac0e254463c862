/* A CSB update: whoever sends its I_MESSAGE_1 is IDRi and draws x. */
#include "exchange_int.h"

/* Who is who in the update. */
struct roles {
	struct rd idi, idr;
	struct exchange_to to_i, to_r;
};

static struct roles
roles_of(const struct exchange_run *x)
{
	const struct exchange_to caller = {x->m->kms_i, x->spec->kms_i.period,
	    x->idi, x->update_date};
	const struct exchange_to answerer = {x->m->kms_r, x->spec->kms_r.period,
	    x->idr, x->update_date};

	if (x->spec->update == EXCHANGE_BY_INITIATOR)
		return (struct roles){x->idi, x->idr, caller, answerer};
	return (struct roles){x->idr, x->idi, answerer, caller};
}

static size_t
sessions(const struct exchange_spec *s)
{
	return s->update_cs > 0 ? s->update_cs : s->n_cs;
}

static enum err
put_message(struct exchange_run *x, enum exchange_message which,
    const struct roles *r, const struct exchange_inner *inner)
{
	const bool answer = which == EXCHANGE_U_R1;
	struct exchange_draft d = {.which = which,
	    .csb_id = x->csb_id,
	    .t = x->t3,
	    .cs = x->chosen,
	    .n_cs = sessions(x->spec)};
	uint8_t ibake[LAB_IBE_CIPHER_MAX];
	struct wr w;
	enum err rc;

	if (exchange_fault_at(x->spec, FAULT_T_OTHER, which))
		d.t = exchange_later(x->spec, d.t);
	if (!x->spec->update_no_ids) {
		d.idi = r->idi;
		d.idr = r->idr;
	}
	wr_init(&w, ibake, sizeof(ibake));
	if (!x->spec->update_no_ibake) {
		if ((rc = exchange_envelope(x, which, inner,
			 answer ? &r->to_i : &r->to_r, &w)) != ERR_OK)
			return rc;
		rd_init(&d.ibake, ibake, w.len);
	}
	if (answer) {
		d.auth =
		    x->spec->update_no_ibake ? x->first.auth : x->update.auth;
		d.mac_idi = r->idi;
		d.mac_idr = r->idr;
	}
	return exchange_message_put(x->spec, &d, &x->out->message[which]);
}

enum err
exchange_update_make(struct exchange_run *x)
{
	const struct roles r = roles_of(x);
	const bool by_initiator = x->spec->update == EXCHANGE_BY_INITIATOR;
	const bool old = x->spec->update_no_ibake;
	struct exchange_pair *p = &x->update;
	struct exchange_inner i1 = {.idi = r.idi, .idr = r.idr, .x = p->x};
	struct exchange_inner r1 = {.idi = r.idi,
	    .idr = r.idr,
	    .x = p->x,
	    .y = p->y};
	struct rd tgk;
	enum err rc;

	p->party_x = by_initiator ? &x->spec->initiator : &x->answering;
	p->party_y = by_initiator ? &x->answering : &x->spec->initiator;
	if ((rc = exchange_pair_make(x, p, x->t3, EXCHANGE_U_I1,
		 EXCHANGE_U_R1)) != ERR_OK)
		return rc;
	i1.ec_x = r1.ec_x = p->ec_x;
	r1.ec_y = p->ec_y;
	if ((rc = put_message(x, EXCHANGE_U_I1, &r, &i1)) != ERR_OK ||
	    (rc = put_message(x, EXCHANGE_U_R1, &r, &r1)) != ERR_OK)
		return rc;
	rd_init(&tgk, old ? x->first.tgk : p->tgk, lab_prf_len(x->spec->prf));
	return exchange_keys_make(x, tgk, x->chosen, sessions(x->spec), true,
	    &x->out->update);
}
