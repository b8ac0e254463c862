#include <string.h>

#include "authority_model.h"

/* ---- who ---- */

static bool
is_of_warrants(enum request_kind k)
{
	return k == REQUEST_WARRANT_ADD || k == REQUEST_WARRANT_EXTEND ||
	    k == REQUEST_WARRANT_END || k == REQUEST_WARRANT_SUSPEND ||
	    k == REQUEST_WARRANT_RESUME || k == REQUEST_WARRANT_REVOKE;
}

static bool
is_of_persons(enum request_kind k)
{
	return k == REQUEST_PERSON_ADD || k == REQUEST_PERSON_REMOVE ||
	    k == REQUEST_PERSON_CERTIFICATE;
}

bool
model_may_ask(enum request_kind k, char role)
{
	if (is_of_warrants(k))
		return role == 'O';
	if (is_of_persons(k))
		return role == 'S';
	return role == 'S' || role == 'E';
}

char
model_approver(enum request_kind k)
{
	return is_of_warrants(k) ? 'O' : 'S';
}

int
model_need(enum request_kind k)
{
	return k == REQUEST_WARRANT_SUSPEND || k == REQUEST_WARRANT_REVOKE ? 1
									   : 2;
}

/* The name that has a certificate now. */
static int
holder(const struct model *m, int cert)
{
	for (int i = 0; i < M_PEOPLE; i++)
		if (cert != M_NONE && m->cert[i] == cert)
			return i;
	return M_NONE;
}

static bool
signatures_hold(const struct model *m, const struct m_case *c,
    bool signed_by[M_PEOPLE])
{
	for (int d = 0; d < c->n_docs; d++) {
		if (c->doc[d].broken || c->doc[d].over != c->q ||
		    c->doc[d].n == 0)
			return false;
		for (int i = 0; i < c->doc[d].n; i++) {
			const int cert = c->doc[d].cert[i];
			const int who = holder(m, cert);

			if (who == M_NONE || c->time < m->from ||
			    c->time > m->until[cert])
				return false;
			signed_by[who] = true;
		}
	}
	return true;
}

static bool
approved(const struct model *m, const struct m_case *c)
{
	bool signed_by[M_PEOPLE] = {false};
	int n = 0;

	if (!signatures_hold(m, c, signed_by))
		return false;
	if (!signed_by[c->q->requester] ||
	    !model_may_ask(c->q->kind, m->role[c->q->requester]))
		return false;
	for (int i = 0; i < M_PEOPLE; i++) {
		if (!signed_by[i])
			continue;
		if (m->role[i] == model_approver(c->q->kind))
			n++;
		else if (i != c->q->requester)
			return false;
	}
	return n >= model_need(c->q->kind);
}

/* ---- what ---- */

static bool
valid(const struct model *m, int cert, int64_t time)
{
	return time >= m->from && time <= m->until[cert];
}

/* Two must remain, and two who can sign if one of these goes. */
static bool
two_remain(const struct model *m, int who, int64_t time)
{
	int all = 0, able = 0;

	for (int i = 0; i < M_PEOPLE; i++)
		if (i != who && m->cert[i] != M_NONE &&
		    m->role[i] == m->role[who]) {
			all++;
			able += valid(m, m->cert[i], time);
		}
	return valid(m, m->cert[who], time) ? able >= 2 : all >= 2;
}

bool
model_record_stands(const struct model *m, uint64_t number)
{
	const struct m_past *p;

	if (number < 1 || number > m->number)
		return false;
	p = &m->past[number - 1];
	return !p->dead &&
	    (p->kind == REQUEST_SUBSCRIBER_ADD ||
		p->kind == REQUEST_SUBSCRIBER_DEVICES);
}

struct m_past *
model_warrant(struct model *m, int id)
{
	for (uint64_t i = 0; i < m->number; i++)
		if (m->past[i].id == id &&
		    m->past[i].kind == REQUEST_WARRANT_ADD)
			return &m->past[i];
	return NULL;
}

static bool
person_fits(const struct model *m, const struct m_request *q, int64_t time)
{
	const bool is_there = m->cert[q->name] != M_NONE;
	const int other = holder(m, q->cert);

	if (q->kind == REQUEST_PERSON_ADD)
		return !is_there && other == M_NONE && valid(m, q->cert, time);
	if (!is_there)
		return false;
	if (q->kind == REQUEST_PERSON_CERTIFICATE)
		return (other == M_NONE || other == q->name) &&
		    valid(m, q->cert, time);
	return (m->role[q->name] != 'O' && m->role[q->name] != 'S') ||
	    two_remain(m, q->name, time);
}

static bool
client_fits(const struct model *m, const struct m_request *q)
{
	if (q->kind == REQUEST_CLIENT_REMOVE)
		return m->client[q->name] != M_NONE;
	for (int i = 0; i < M_CLIENTS; i++)
		if (i != q->name && m->client[i] == q->cert)
			return false;
	return true;
}

static bool
warrant_fits(const struct model *m, const struct m_request *q)
{
	struct model copy = *m;
	const struct m_past *w = model_warrant(&copy, q->on);

	if (w == NULL || w->revoked)
		return false;
	if (q->kind == REQUEST_WARRANT_SUSPEND)
		return !w->suspended;
	if (q->kind == REQUEST_WARRANT_RESUME)
		return w->suspended && q->issued >= w->suspended_at;
	if (q->kind == REQUEST_WARRANT_REVOKE)
		return true;
	return !w->has_end || q->issued >= w->end_at;
}

static bool
fits(const struct model *m, const struct m_request *q, int64_t time)
{
	if (q->kind == REQUEST_WARRANT_ADD)
		return time < q->over;
	if (is_of_warrants(q->kind))
		return warrant_fits(m, q);
	if (is_of_persons(q->kind))
		return person_fits(m, q, time);
	if (q->kind == REQUEST_CLIENT_ADD || q->kind == REQUEST_CLIENT_REMOVE)
		return client_fits(m, q);
	if (q->kind == REQUEST_LEMF_ADD)
		return valid(m, q->cert, time);
	if (q->kind == REQUEST_LEMF_REMOVE)
		return m->lemf[q->name] != M_NONE;
	if (q->kind == REQUEST_SUBSCRIBER_DEVICES ||
	    q->kind == REQUEST_SUBSCRIBER_REMOVE)
		return model_record_stands(m, q->record);
	if (q->kind == REQUEST_CLOCK_ACCEPT)
		return q->time - time <= 600 && time - q->time <= 600;
	return true;
}

bool
model_accepts(const struct model *m, const struct m_case *c)
{
	if (c->number != m->number + 1 || c->time - c->now > 120 ||
	    c->now - c->time > 600)
		return false;
	if (c->broken_request || c->broken_evidence || c->other_kind ||
	    c->other_hash)
		return false;
	if (c->q->other_kms || c->q->version != m->version ||
	    c->time < c->q->issued - 120 || c->time >= c->q->expires)
		return false;
	for (uint64_t i = 0; i < m->number; i++)
		if (m->past[i].id == c->q->id)
			return false;
	return approved(m, c) && fits(m, c->q, c->time);
}

/* ---- then ---- */

static void
apply_warrant(struct model *m, const struct m_request *q, int64_t time)
{
	struct m_past *w = model_warrant(m, q->on);

	if (q->kind == REQUEST_WARRANT_REVOKE)
		w->revoked = true;
	else if (q->kind == REQUEST_WARRANT_SUSPEND ||
	    q->kind == REQUEST_WARRANT_RESUME) {
		w->suspended = q->kind == REQUEST_WARRANT_SUSPEND;
		w->suspended_at = time;
	} else {
		w->has_end = true;
		w->end = q->end;
		w->end_at = time;
	}
}

void
model_apply(struct model *m, const struct m_case *c)
{
	const struct m_request *q = c->q;

	if (is_of_warrants(q->kind) && q->kind != REQUEST_WARRANT_ADD)
		apply_warrant(m, q, c->time);
	if (q->kind == REQUEST_PERSON_ADD)
		m->role[q->name] = q->role;
	if (is_of_persons(q->kind))
		m->cert[q->name] =
		    q->kind == REQUEST_PERSON_REMOVE ? M_NONE : q->cert;
	if (q->kind == REQUEST_CLIENT_ADD)
		m->client[q->name] = q->cert;
	if (q->kind == REQUEST_CLIENT_REMOVE)
		m->client[q->name] = M_NONE;
	if (q->kind == REQUEST_LEMF_ADD)
		m->lemf[q->name] = q->cert;
	if (q->kind == REQUEST_LEMF_REMOVE)
		m->lemf[q->name] = M_NONE;
	if (q->kind == REQUEST_CONFIG_SET)
		m->text = q->text;
	if (q->kind == REQUEST_SUBSCRIBER_DEVICES ||
	    q->kind == REQUEST_SUBSCRIBER_REMOVE)
		m->past[q->record - 1].dead = true;
	m->past[m->number] = (struct m_past){.id = q->id, .kind = q->kind};
	m->number++;
	m->time = c->time;
	if (is_of_persons(q->kind))
		m->version = m->number;
}
