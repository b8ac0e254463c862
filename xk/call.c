#include <string.h>

#include "xk/call.h"

static struct rd
none(void)
{
	struct rd r;

	rd_init(&r, NULL, 0);
	return r;
}

/* Malformed stands above unsupported (docs/PROTOCOL.md, order of checks). */
static void
worse(enum xk_reason *sum, enum err rc)
{
	if (rc == ERR_UNSUPPORTED && *sum == XK_GRANTED)
		*sum = XK_UNSUPPORTED;
	else if (rc != ERR_OK && rc != ERR_UNSUPPORTED)
		*sum = XK_MALFORMED;
}

static void
parse(enum xk_reason *sum, struct rd in, enum mikey_kind kind, bool must,
    struct mikey_msg *out)
{
	out->there = false;
	if (in.left > 0)
		worse(sum, mikey_parse(in, kind, out));
	else if (must)
		*sum = XK_MALFORMED;
}

enum xk_reason
call_from_request(const struct xk_get_keys *k, struct call *out)
{
	const bool first = k->i_message2.left > 0;
	enum xk_reason sum = XK_GRANTED;

	out->kind = CALL_FIRST;
	parse(&sum, k->i_message1,
	    first ? MIKEY_I_MESSAGE_1 : MIKEY_UPDATE_I_MESSAGE_1, true,
	    &out->i1);
	parse(&sum, k->r_message1,
	    first ? MIKEY_R_MESSAGE_1 : MIKEY_UPDATE_R_MESSAGE_1, true,
	    &out->r1);
	parse(&sum, k->i_message2, MIKEY_I_MESSAGE_2, false, &out->i2);
	parse(&sum, k->r_message2, MIKEY_R_MESSAGE_2, false, &out->r2);
	parse(&sum, k->first_i_message1, MIKEY_I_MESSAGE_1, !first,
	    &out->first_i1);
	parse(&sum, k->first_r_message1, MIKEY_R_MESSAGE_1, false,
	    &out->first_r1);
	parse(&sum, k->first_i_message2, MIKEY_I_MESSAGE_2, false,
	    &out->first_i2);
	if (sum == XK_MALFORMED || first)
		return sum;
	/* Both messages of an update carry EC values, or neither does. */
	if (out->i1.ibake.there != out->r1.ibake.there)
		return XK_MALFORMED;
	out->kind = out->i1.ibake.there ? CALL_UPDATE : CALL_UPDATE_OLD_KEYS;
	if (out->kind == CALL_UPDATE_OLD_KEYS &&
	    (!out->first_r1.there || !out->first_i2.there))
		return XK_MALFORMED;
	return sum;
}

struct call_exchange
call_opened(const struct call *c)
{
	if (c->kind == CALL_UPDATE_OLD_KEYS)
		return (struct call_exchange){&c->first_i1, &c->first_r1,
		    &c->first_i2};
	return (struct call_exchange){&c->i1, &c->r1,
	    c->kind == CALL_FIRST ? &c->i2 : NULL};
}

void
call_times(const struct call *c, int64_t t[2], size_t *n)
{
	*n = 0;
	if (mikey_unix_time(c->i1.ts_type, c->i1.ts, &t[*n]) == ERR_OK)
		(*n)++;
	if (c->kind == CALL_UPDATE_OLD_KEYS &&
	    mikey_unix_time(c->first_i1.ts_type, c->first_i1.ts, &t[*n]) ==
		ERR_OK)
		(*n)++;
}

enum mikey_ts
call_key_time(const struct call *c, uint64_t *ts)
{
	const struct mikey_msg *m = call_opened(c).i1;

	*ts = m->ts;
	return m->ts_type;
}

struct rd
call_rand(const struct call *c)
{
	return c->kind == CALL_FIRST ? c->i1.rand : c->first_i1.rand;
}

static bool
id_equal(const struct mikey_id *a, const struct mikey_id *b)
{
	return rd_equal(&a->data, &b->data);
}

/* An identity that may be left out must be right where it stands. */
static bool
id_fits(const struct mikey_id *a, struct rd want)
{
	return !a->there || rd_equal(&a->data, &want);
}

static bool
same_bundle(const struct mikey_msg *a, const struct mikey_msg *b)
{
	return a->csb_id == b->csb_id && a->prf == b->prf &&
	    a->ts_type == b->ts_type;
}

/* The answer to `q` repeats its timestamp (RFC 3830 clause 5.2). */
static bool
answers(const struct mikey_msg *a, const struct mikey_msg *q)
{
	return same_bundle(a, q) && a->ts == q->ts;
}

/* RFC 6267 clause 4.2 with the rules of docs/PROTOCOL.md. */
static bool
first_exchange_fits(const struct mikey_msg *i1, const struct mikey_msg *r1,
    const struct mikey_msg *i2, const struct mikey_msg *r2)
{
	if (r1->there && (!answers(r1, i1) || !id_equal(&r1->idri, &i1->idri)))
		return false;
	if (i2->there &&
	    (!same_bundle(i2, i1) ||
		!mikey_ts_after(i1->ts_type, i1->ts, i2->ts) ||
		!rd_equal(&i2->rand, &i1->rand) ||
		!id_equal(&i2->idri, &i1->idri) ||
		(r1->there && !id_equal(&i2->idrr, &r1->idrr))))
		return false;
	if (r2 != NULL && r2->there && i2->there &&
	    (!answers(r2, i2) || !id_fits(&r2->idri, i1->idri.data) ||
		!id_fits(&r2->idrr, r1->idrr.data)))
		return false;
	return true;
}

/*
 * Who answered in the first exchange as far as the request tells: without its
 * R_MESSAGE_1 or I_MESSAGE_2 only who was called.
 */
static const struct mikey_id *
first_answerer(const struct call *c)
{
	if (c->first_r1.there)
		return &c->first_r1.idrr;
	if (c->first_i2.there)
		return &c->first_i2.idrr;
	return NULL;
}

void
call_parties(const struct call *c, struct rd *idi, struct rd *idr)
{
	const struct mikey_id *who;

	if (c->kind == CALL_FIRST) {
		*idi = c->i1.idri.data;
		*idr = c->r1.idrr.data;
		return;
	}
	who = first_answerer(c);
	*idi = c->i1.idri.there ? c->i1.idri.data
	    : c->r1.idri.there	? c->r1.idri.data
				: c->first_i1.idri.data;
	*idr = c->i1.idrr.there ? c->i1.idrr.data
	    : c->r1.idrr.there	? c->r1.idrr.data
	    : who != NULL	? who->data
				: c->first_i1.idrr.data;
}

/* The two parties of an update are those of the first exchange. */
static bool
update_parties_fit(const struct call *c)
{
	const struct mikey_id *who = first_answerer(c);
	const struct rd caller = c->first_i1.idri.data;
	const bool lacks = !c->i1.idri.there || !c->i1.idrr.there ||
	    !c->r1.idri.there || !c->r1.idrr.there;
	struct rd idi, idr;

	call_parties(c, &idi, &idr);
	if (!id_fits(&c->i1.idri, idi) || !id_fits(&c->i1.idrr, idr) ||
	    !id_fits(&c->r1.idri, idi) || !id_fits(&c->r1.idrr, idr))
		return false;
	/* Identities are left out only by the first Initiator, unforked. */
	if (lacks &&
	    (!rd_equal(&idi, &caller) ||
		!rd_equal(&idr, &c->first_i1.idrr.data) ||
		(who != NULL && !id_equal(who, &c->first_i1.idrr))))
		return false;
	if (rd_equal(&idi, &caller))
		return who == NULL || rd_equal(&idr, &who->data);
	return rd_equal(&idr, &caller) &&
	    (who == NULL || rd_equal(&idi, &who->data));
}

/* RFC 6267 clause 5.3: same CSB and RAND, later T, the same two parties. */
static bool
update_fits(const struct call *c)
{
	const struct mikey_msg *before =
	    c->first_i2.there ? &c->first_i2 : &c->first_i1;

	if (!first_exchange_fits(&c->first_i1, &c->first_r1, &c->first_i2,
		NULL))
		return false;
	if (c->i1.rand.left > 0 || c->r1.rand.left > 0)
		return false;
	return same_bundle(&c->i1, &c->first_i1) && answers(&c->r1, &c->i1) &&
	    mikey_ts_after(c->i1.ts_type, before->ts, c->i1.ts) &&
	    update_parties_fit(c);
}

static bool
is_target(const struct call_target *t, const struct rd *id)
{
	for (size_t i = 0; i < t->n; i++)
		if (rd_equal(&t->id[i], id))
			return true;
	return false;
}

enum err
call_check(const struct call *c, const struct call_target *t,
    enum call_role *role, struct rd *as)
{
	const struct call_exchange x = call_opened(c);
	struct rd idi, idr;

	if (c->kind == CALL_FIRST
		? !first_exchange_fits(&c->i1, &c->r1, &c->i2, &c->r2)
		: !update_fits(c))
		return ERR_MISMATCH;
	/* Without new EC values the roles are those of the first exchange. */
	if (c->kind == CALL_UPDATE_OLD_KEYS) {
		idi = x.i1->idri.data;
		idr = x.r1->idrr.data;
	} else
		call_parties(c, &idi, &idr);
	if (is_target(t, &idi)) {
		*role = CALL_INITIATOR;
		*as = idi;
		return ERR_OK;
	}
	if (is_target(t, &idr)) {
		*role = CALL_RESPONDER;
		*as = idr;
		return ERR_OK;
	}
	if (c->kind == CALL_FIRST && (c->i1.esk.there || c->i2.esk.there) &&
	    is_target(t, &c->i1.idrr.data)) {
		*role = CALL_RECIPIENT;
		*as = c->i1.idrr.data;
		return ERR_OK;
	}
	return ERR_MISMATCH;
}

static struct rd
policy_in(const struct mikey_msg *m, uint8_t policy_no)
{
	uint8_t no;

	if (!m->there)
		return none();
	for (unsigned i = 0; i < m->n_sp; i++) {
		struct rd body = m->sp[i].body;

		if (rd_u8(&body, &no) == ERR_OK && no == policy_no)
			return m->sp[i].body;
	}
	return none();
}

struct rd
call_policy(const struct call *c, uint8_t policy_no)
{
	const struct mikey_msg *const order[] = {&c->r1, &c->i1, &c->first_r1,
	    &c->first_i1};
	/* In a first exchange the messages of another are not looked at. */
	const size_t n = c->kind == CALL_FIRST ? 2 : 4;
	struct rd found = none();

	for (size_t i = 0; i < n && found.left == 0; i++)
		found = policy_in(order[i], policy_no);
	return found;
}
