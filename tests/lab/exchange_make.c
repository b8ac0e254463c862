/* The four messages of a first exchange. */
#include <stdlib.h>
#include <string.h>

#include "exchange_int.h"

#define UPDATE_AFTER 10 /* seconds, unless it is said */
#define COUNTER_STEP 4 /* an exchange uses up three */

void
exchange_spec_init(struct exchange_spec *s)
{
	memset(s, 0, sizeof(*s));
	s->ec = lab_ec_by_name("P-256");
	s->prf = 1;
	s->ts_type = MIKEY_T_NTP_UTC;
	s->n_cs = 1;
	s->rand_len = 16;
}

static enum err
check_spec(const struct exchange_spec *s, struct why *why)
{
	if (s->initiator.identity == NULL || s->responder.identity == NULL ||
	    s->initiator.seed == NULL || s->responder.seed == NULL ||
	    (s->answering.identity != NULL && s->answering.seed == NULL))
		return why_set(why, ERR_MALFORMED,
		    "identities and seeds of both parties are needed");
	if (strlen(s->initiator.identity) > LAB_ID_MAX ||
	    strlen(s->responder.identity) > LAB_ID_MAX ||
	    (s->answering.identity != NULL &&
		strlen(s->answering.identity) > LAB_ID_MAX))
		return why_set(why, ERR_TOOBIG, "an identity is too long");
	if (s->ec == NULL || lab_prf_len(s->prf) == 0 || s->n_cs == 0 ||
	    s->n_cs > LAB_CS_MAX || s->update_cs > LAB_CS_MAX ||
	    s->rand_len < 16 || s->rand_len > 255 ||
	    s->n_sp_i > EXCHANGE_SP_MAX || s->n_sp_r > EXCHANGE_SP_MAX)
		return why_set(why, ERR_UNSUPPORTED,
		    "curve, PRF, RAND, SP or number of crypto sessions");
	/* A mailbox cannot know the caller's curve. */
	if (s->deferred && strcmp(s->ec->name, "P-256") != 0)
		return why_set(why, ERR_UNSUPPORTED,
		    "deferred delivery is on P-256");
	return ERR_OK;
}

enum err
exchange_maker_new(const struct exchange_spec *spec,
    struct exchange_maker **out, struct why *why)
{
	struct exchange_maker *m = NULL;
	enum err rc;

	if ((rc = check_spec(spec, why)) != ERR_OK)
		return rc;
	if ((m = calloc(1, sizeof(*m))) == NULL)
		return why_set(why, ERR_NOMEM, "no memory");
	m->spec = *spec;
	if ((rc = exchange_rng_init(&m->rng, spec->seeded,
		 spec->random_seed)) != ERR_OK ||
	    (rc = exchange_ibe_new(spec->kms_i.params, &m->kms_i)) != ERR_OK) {
		rc = why_set(why, rc, "no sound public parameters: %s",
		    err_str(rc));
		goto out;
	}
	m->kms_r = m->kms_i;
	if (!rd_equal(&spec->kms_i.params, &spec->kms_r.params) &&
	    (rc = exchange_ibe_new(spec->kms_r.params, &m->kms_r)) != ERR_OK) {
		rc = why_set(why, rc,
		    "no sound public parameters of the responder's KMS: %s",
		    err_str(rc));
		goto out;
	}
	*out = m;
	m = NULL; /* now the caller's */
out:
	exchange_maker_free(&m);
	return rc;
}

void
exchange_maker_free(struct exchange_maker **mp)
{
	struct exchange_maker *m = *mp;

	if (m == NULL)
		return;
	if (m->kms_r != m->kms_i)
		exchange_ibe_free(&m->kms_r);
	exchange_ibe_free(&m->kms_i);
	free(m);
	*mp = NULL;
}

/* ---- what an exchange begins with ---- */

static struct rd
text_rd(const char *s)
{
	struct rd r;

	rd_init(&r, s, strlen(s));
	return r;
}

/* `seconds` as the upper half of an NTP time, from unix time. */
static uint64_t
ntp(int64_t unix_s, uint32_t fraction)
{
	const int64_t since_1900 = unix_s + INT64_C(2208988800);

	return ((uint64_t)since_1900 & 0xffffffff) << 32 | fraction;
}

uint64_t
exchange_later(const struct exchange_spec *s, uint64_t t)
{
	if (s->ts_type == MIKEY_T_COUNTER)
		return (t + 1) & 0xffffffff;
	return t + (UINT64_C(1) << 32);
}

static enum err
set_times(struct exchange_run *x)
{
	const struct exchange_spec *s = x->spec;
	uint32_t fraction;
	enum err rc;

	if ((rc = exchange_rng_u32(&x->m->rng, &fraction)) != ERR_OK)
		return rc;
	x->date = s->has_time ? s->time : lab_ntp_unix(lab_ntp_now());
	if (s->ts_type == MIKEY_T_NTP_UTC_32) {
		x->date += x->m->made; /* nothing else tells them apart */
		fraction = 0;
	}
	x->update_date =
	    s->has_update_time ? s->update_time : x->date + UPDATE_AFTER;
	if (s->ts_type == MIKEY_T_COUNTER) {
		x->t1 = fraction & 0x7fffffff;
		if (s->has_counter)
			x->t1 = s->counter + COUNTER_STEP * x->m->made;
		x->t1 &= 0xffffffff;
		x->t3 = (x->t1 + 2) & 0xffffffff;
	} else {
		x->t1 = ntp(x->date, fraction);
		x->t3 = ntp(x->update_date, fraction);
	}
	x->t2 = exchange_later(s, x->t1);
	if (exchange_fault_at(s, FAULT_T_NOT_LATER, EXCHANGE_I2))
		x->t2 = x->t1;
	if (exchange_fault_at(s, FAULT_T_NOT_LATER, EXCHANGE_U_I1))
		x->t3 = x->t1;
	return ERR_OK;
}

static uint8_t
policy_number(const struct exchange_spec *s, size_t i)
{
	const struct rd *sp = s->n_sp_i > 0 ? s->sp_i : s->sp_r;
	const size_t n = s->n_sp_i > 0 ? s->n_sp_i : s->n_sp_r;
	struct rd r;
	uint8_t no = 0;

	if (n == 0)
		return 0;
	r = sp[i % n];
	return rd_u8(&r, &no) == ERR_OK ? no : 0;
}

/* The caller's streams have odd numbers; who answers chooses the others. */
static enum err
set_map(struct exchange_run *x)
{
	enum err rc;

	for (size_t i = 0; i < LAB_CS_MAX; i++) {
		struct mikey_cs cs = {.policy = policy_number(x->spec, i)};

		if ((rc = exchange_rng_u32(&x->m->rng, &cs.ssrc)) != ERR_OK)
			return rc;
		cs.ssrc |= 1;
		x->offered[i] = x->chosen[i] = cs;
		x->chosen[i].roc = x->spec->roc;
		if (i % 2 != 0)
			x->offered[i].ssrc = 0;
	}
	return ERR_OK;
}

static enum err
begin(struct exchange_run *x)
{
	const struct exchange_spec *s = x->spec;
	enum err rc;

	x->answering =
	    s->answering.identity != NULL ? s->answering : s->responder;
	x->idi = text_rd(s->initiator.identity);
	x->called = text_rd(s->responder.identity);
	x->idr = text_rd(x->answering.identity);
	rd_init(&x->rand, x->rand_octets, s->rand_len);
	if ((rc = exchange_rng_u32(&x->m->rng, &x->csb_id)) != ERR_OK ||
	    (rc = exchange_rng_bytes(&x->m->rng, x->rand_octets,
		 s->rand_len)) != ERR_OK ||
	    (rc = set_times(x)) != ERR_OK)
		return rc;
	if (s->has_csb)
		x->csb_id = s->csb_id;
	return set_map(x);
}

/* ---- messages ---- */

enum err
exchange_envelope(struct exchange_run *x, unsigned place,
    const struct exchange_inner *inner, const struct exchange_to *to,
    struct wr *out)
{
	const struct exchange_seal how = {x->spec, place, &x->m->rng};
	int64_t start = lab_period_start(to->period, to->date);
	uint8_t plain[LAB_IBE_PLAIN_MAX], id[LAB_ID_STRING_MAX];
	struct rd identity = to->identity, r;
	struct wr w;
	enum err rc;

	wr_init(&w, plain, sizeof(plain));
	if ((rc = exchange_inner_put(inner, &how, &w)) != ERR_OK)
		return rc;
	if (exchange_fault_at(x->spec, FAULT_OTHER_ID, place))
		identity = text_rd(EXCHANGE_STRANGER);
	if (exchange_fault_at(x->spec, FAULT_OTHER_DAY, place))
		start = lab_period_end(to->period, to->date);
	rd_init(&r, plain, w.len);
	return exchange_ibe_seal(to->kms, lab_id_string(identity, start, id), r,
	    &how, out);
}

/* ESK for the one who was called. */
static enum err
put_esk(struct exchange_run *x, struct wr *out)
{
	const struct exchange_to to = {x->m->kms_r, x->spec->kms_r.period,
	    x->called, x->date};
	const struct exchange_inner inner = {.idi = x->idi, .sk = x->sk};

	return exchange_envelope(x, EXCHANGE_ESK, &inner, &to, out);
}

/* What every message of the first exchange has; the rest is added. */
static struct exchange_draft
draft(const struct exchange_run *x, enum exchange_message which)
{
	struct exchange_draft d = {.which = which,
	    .csb_id = x->csb_id,
	    .t = which == EXCHANGE_I1 || which == EXCHANGE_R1 ? x->t1 : x->t2,
	    .cs = which == EXCHANGE_I1 ? x->offered : x->chosen,
	    .n_cs = x->spec->n_cs,
	    .idi = x->idi,
	    .idr = which == EXCHANGE_I1 ? x->called : x->idr};

	if (which == EXCHANGE_I1 || which == EXCHANGE_I2)
		d.rand = x->rand;
	if (which == EXCHANGE_I1) {
		d.sp = x->spec->sp_i;
		d.n_sp = x->spec->n_sp_i;
	} else if (which == EXCHANGE_R1) {
		d.sp = x->spec->sp_r;
		d.n_sp = x->spec->n_sp_r;
	}
	if (exchange_fault_at(x->spec, FAULT_T_OTHER, which))
		d.t = exchange_later(x->spec, d.t);
	return d;
}

/* Envelope, ESK where one belongs, and the message around them. */
static enum err
put_first(struct exchange_run *x, enum exchange_message which,
    const struct exchange_inner *inner)
{
	const bool to_i = which == EXCHANGE_R1 || which == EXCHANGE_R2;
	struct exchange_draft d = draft(x, which);
	const struct exchange_to to = {to_i ? x->m->kms_i : x->m->kms_r,
	    to_i ? x->spec->kms_i.period : x->spec->kms_r.period,
	    to_i ? d.idi : d.idr, x->date};
	uint8_t ibake[LAB_IBE_CIPHER_MAX], esk[LAB_IBE_CIPHER_MAX];
	struct wr w;
	enum err rc;

	wr_init(&w, ibake, sizeof(ibake));
	if (inner != NULL) {
		if ((rc = exchange_envelope(x, which, inner, &to, &w)) !=
		    ERR_OK)
			return rc;
		rd_init(&d.ibake, ibake, w.len);
	}
	wr_init(&w, esk, sizeof(esk));
	if ((which == EXCHANGE_I1 && x->spec->esk_in_i1) ||
	    (which == EXCHANGE_I2 && x->spec->deferred)) {
		if ((rc = put_esk(x, &w)) != ERR_OK)
			return rc;
		rd_init(&d.esk, esk, w.len);
	}
	if (which == EXCHANGE_R2) {
		d.auth = x->first.auth;
		d.mac_idi = x->idi;
		d.mac_idr =
		    exchange_fault_at(x->spec, FAULT_V_CALLED, EXCHANGE_R2)
		    ? x->called
		    : x->idr;
	}
	return exchange_message_put(x->spec, &d, &x->out->message[which]);
}

static enum err
first_exchange(struct exchange_run *x)
{
	const bool deferred = x->spec->deferred;
	const struct exchange_pair *p = &x->first;
	const struct exchange_inner i1 = {.idi = x->idi,
	    .idr = x->called,
	    .ec_x = p->ec_x,
	    .x = p->x};
	const struct exchange_inner r1 = {.idi = x->idi,
	    .idr = x->idr,
	    .ec_x = p->ec_x,
	    .ec_y = p->ec_y,
	    .x = deferred ? NULL : p->x,
	    .y = p->y};
	const struct exchange_inner i2 = {.idi = x->idi,
	    .idr = x->idr,
	    .ec_x = p->ec_x,
	    .ec_y = p->ec_y,
	    .x = deferred ? p->x : NULL,
	    .y = p->y};
	const struct exchange_inner r2 = {.idi = x->idi,
	    .ec_x = p->ec_x,
	    .x = p->x};
	enum err rc;

	if ((rc = put_first(x, EXCHANGE_I1, &i1)) != ERR_OK ||
	    (rc = put_first(x, EXCHANGE_R1, &r1)) != ERR_OK ||
	    (rc = put_first(x, EXCHANGE_I2, &i2)) != ERR_OK)
		return rc;
	if (exchange_fault_at(x->spec, FAULT_R2_MISSING, EXCHANGE_R2))
		return ERR_OK;
	return put_first(x, EXCHANGE_R2, deferred ? &r2 : NULL);
}

enum err
exchange_make(struct exchange_maker *m, struct exchange *out, struct why *why)
{
	struct exchange_run x = {.m = m, .spec = &m->spec, .out = out};
	enum err rc;

	memset(out, 0, sizeof(*out));
	if ((rc = begin(&x)) != ERR_OK)
		goto out;
	x.first.party_x = &m->spec.initiator;
	x.first.party_y = &x.answering;
	if ((rc = exchange_pair_make(&x, &x.first, x.t1, EXCHANGE_I1,
		 EXCHANGE_R1)) != ERR_OK ||
	    (rc = exchange_sk_make(&x)) != ERR_OK ||
	    (rc = first_exchange(&x)) != ERR_OK ||
	    (rc = exchange_keys_first(&x)) != ERR_OK)
		goto out;
	if (m->spec.update != EXCHANGE_NO_UPDATE)
		rc = exchange_update_make(&x);
	m->made++;
out:
	if (rc != ERR_OK)
		return why_set(why, rc, "cannot make an exchange: %s",
		    err_str(rc));
	return ERR_OK;
}
