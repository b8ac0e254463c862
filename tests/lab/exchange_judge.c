/* The outer rules of profile section 4, step 7. */
#include <string.h>

#define EXCHANGE_JUDGE_INTERNAL
#include "exchange_judge.h"

enum exchange_outcome
judge_no(struct judge_case *c, enum exchange_outcome o, const char *because)
{
	c->out->because = because;
	return o;
}

static bool
later(uint8_t type, uint64_t before, uint64_t t)
{
	if (type == MIKEY_T_COUNTER || lab_ntp_unix(t) == lab_ntp_unix(before))
		return t > before;
	return lab_ntp_unix(t) > lab_ntp_unix(before);
}

static bool
same_csb(const struct mikey *a, const struct mikey *b)
{
	return a->csb_id == b->csb_id && a->prf == b->prf &&
	    a->t_type == b->t_type;
}

static bool
same_or_missing(struct rd id, struct rd want)
{
	return id.p == NULL || rd_equal(&id, &want);
}

static bool
first_fits(const struct judge_message *m)
{
	const struct mikey *i1 = &m[EXCHANGE_I1].m, *r1 = &m[EXCHANGE_R1].m;
	const struct mikey *i2 = &m[EXCHANGE_I2].m, *r2 = &m[EXCHANGE_R2].m;

	if (!same_csb(r1, i1) || r1->t != i1->t ||
	    !rd_equal(&r1->idi, &i1->idi))
		return false;
	if (!same_csb(i2, i1) || !later(i1->t_type, i1->t, i2->t) ||
	    !rd_equal(&i2->rand, &i1->rand) || !rd_equal(&i2->idi, &i1->idi) ||
	    !rd_equal(&i2->idr, &r1->idr))
		return false;
	return !m[EXCHANGE_R2].there ||
	    (same_csb(r2, i1) && r2->t == i2->t &&
		same_or_missing(r2->idi, i1->idi) &&
		same_or_missing(r2->idr, r1->idr));
}

/* Its parties are those of the first exchange, in either order. */
static bool
update_fits(struct judge_case *c)
{
	const struct judge_message *m = c->message;
	const struct mikey *i1 = &m[EXCHANGE_I1].m, *r1 = &m[EXCHANGE_R1].m;
	const struct mikey *u1 = &m[EXCHANGE_U_I1].m, *u2 = &m[EXCHANGE_U_R1].m;
	const bool all = u1->idi.p != NULL && u1->idr.p != NULL &&
	    u2->idi.p != NULL && u2->idr.p != NULL;
	const bool forked = !rd_equal(&r1->idr, &i1->idr);

	c->idi = u1->idi.p != NULL ? u1->idi : i1->idi;
	c->idr = u1->idr.p != NULL ? u1->idr : r1->idr;
	if (!same_csb(u1, i1) || !same_csb(u2, i1) || u2->t != u1->t ||
	    !later(i1->t_type, m[EXCHANGE_I2].m.t, u1->t) ||
	    u1->rand.p != NULL || u2->rand.p != NULL ||
	    !same_or_missing(u2->idi, c->idi) ||
	    !same_or_missing(u2->idr, c->idr))
		return false;
	if (rd_equal(&c->idi, &i1->idi))
		return rd_equal(&c->idr, &r1->idr) && (all || !forked);
	return all && rd_equal(&c->idi, &r1->idr) &&
	    rd_equal(&c->idr, &i1->idi);
}

bool
judge_is_target(const struct judge_in *in, struct rd id)
{
	for (size_t i = 0; i < in->n_target; i++)
		if (rd_equal(&in->target[i], &id))
			return true;
	return false;
}

void
judge(const struct judge_in *in, struct judge_out *out)
{
	static struct judge_case c;
	const struct mikey *i1 = &c.message[EXCHANGE_I1].m;
	const struct mikey *i2 = &c.message[EXCHANGE_I2].m;
	struct rd began, answered;

	memset(out, 0, sizeof(*out));
	memset(&c, 0, sizeof(c));
	c.in = in;
	c.out = out;
	if ((out->outcome = judge_parse(&c)) != EXCHANGE_KEYS)
		return;
	c.idi = i1->idi;
	c.idr = c.message[EXCHANGE_R1].m.idr;
	began = c.idi;
	answered = c.idr;
	if (!first_fits(c.message) || (in->update && !update_fits(&c)))
		out->outcome = judge_no(&c, EXCHANGE_TARGET_MISMATCH,
		    "the messages do not belong together");
	/* Without new points the roles are those of the first exchange. */
	if (out->outcome != EXCHANGE_KEYS)
		return;
	if (c.message[EXCHANGE_U_I1].m.ibake.p != NULL) {
		began = c.idi;
		answered = c.idr;
	}
	if (judge_is_target(in, began))
		out->outcome = judge_open(&c, JUDGE_INITIATOR);
	else if (judge_is_target(in, answered))
		out->outcome = judge_open(&c, JUDGE_RESPONDER);
	else if (!in->update && (i1->esk.p != NULL || i2->esk.p != NULL) &&
	    judge_is_target(in, i1->idr))
		out->outcome = judge_open(&c, JUDGE_RECIPIENT);
	else
		out->outcome = judge_no(&c, EXCHANGE_TARGET_MISMATCH,
		    "the target is no party");
}
