#include <string.h>

#include "appliance/policy_x2.h"
#include "channel.h"
#include "papers.h"
#include "policy_told.h"

struct told told;

void
told_asker(uint32_t ticket)
{
	MUST(ticket < TOLD_IDS);
	if (told.owed[ticket] > 0) {
		told.owed[ticket]--;
		return;
	}
	MUST(told.before[ticket] > 0);
	told.before[ticket]--;
}

void
told_xk_left(void)
{
	for (unsigned i = 0; i < TOLD_IDS; i++) {
		told.before[i] += told.owed[i];
		told.owed[i] = 0;
	}
}

void
told_audit_left(void)
{
	told.n_sent = 0;
	told.chained = 0;
}

bool
told_take(uint32_t id, uint16_t type, struct sent *out)
{
	for (unsigned i = 0; i < told.n_sent; i++) {
		if (told.sent[i].id != id || told.sent[i].type != type)
			continue;
		*out = told.sent[i];
		told.sent[i] = told.sent[--told.n_sent];
		return true;
	}
	return false;
}

static struct sent *
sent(uint16_t type, uint32_t id)
{
	struct sent *s = &told.sent[told.n_sent];

	MUST(told.n_sent < TOLD_SENT);
	for (unsigned i = 0; i < told.n_sent; i++)
		MUST(told.sent[i].id != id ||
		    (told.sent[i].type == MSG_CHAIN) != (type == MSG_CHAIN));
	told.n_sent++;
	*s = (struct sent){.type = type, .id = id};
	return s;
}

/* ---- to audit ---- */

static const struct held_warrant *
warrant_of(uint64_t number)
{
	const struct warrants *w = &told.p->warrants;

	for (size_t i = 0; i < w->n; i++)
		if (w->w[i]->number == number)
			return w->w[i];
	must_failed("a grant has a warrant", __FILE__, __LINE__);
}

static bool
is_proven(struct rd client)
{
	const struct policy *p = told.p;

	for (unsigned i = 0; i < MAX_CONNECTIONS; i++) {
		const struct connection *c = &p->connection[i];
		const struct rd name = policy_connection_client(p, c);

		if (c->state == CONNECTION_PROVEN && rd_equal(&name, &client))
			return true;
	}
	return false;
}

/* Nothing is granted but by a warrant that is in force, to who may have it. */
static void
to_be_granted(uint32_t id, struct rd body)
{
	struct sent *s = sent(MSG_GRANT, id);
	const struct held_warrant *h;
	struct warrant_state state;
	struct audit_entry e;
	struct msg_work m;
	struct ask a = {.now = policy_now(told.p)};

	MUST(msg_work_get(body, &m) == ERR_OK);
	MUST(audit_entry_decode(m.intent, &e) == ERR_OK);
	MUST(e.type == AUDIT_KEY_INTENT && policy_stopped(told.p) == NULL);
	s->route = m.route;
	s->asker = m.ticket.id;
	h = warrant_of(m.number);
	state = warrants_state(told.p->authority, h);
	a.over_hi2 = m.route == ROUTE_HI2;
	a.target = e.target;
	a.client = e.client;
	MUST(warrant_is_for(h->w, &state, &a) == WARRANT_ALLOWS);
	MUST(rd_is(&e.liid, h->w->liid, strlen(h->w->liid)));
	MUST(e.test == h->w->test);
	if (a.over_hi2)
		MUST(rd_is(&e.client, AUDIT_SELF, strlen(AUDIT_SELF)));
	else
		MUST(is_proven(e.client));
}

/* All of the chain, in order, to where policy is and no further. */
static void
to_be_chained(uint32_t id, struct rd body)
{
	struct msg_chain m;
	struct change c;

	(void)sent(MSG_CHAIN, id);
	MUST(msg_chain_get(body, &m) == ERR_OK);
	while (m.changes.left > 0) {
		MUST(change_get(&m.changes, &c) == ERR_OK);
		MUST(c.number == ++told.chained);
	}
	if (m.last)
		MUST(told.chained == authority_head(told.p->authority).number);
}

/* One at a time: the next, or one whose entry is missing. */
static void
to_be_changed(uint32_t id, struct rd body)
{
	const uint64_t head = authority_head(told.p->authority).number;
	struct audit_entry e;
	struct msg_change m;
	struct change c;

	for (unsigned i = 0; i < told.n_sent; i++)
		MUST(told.sent[i].type != MSG_CHANGE);
	(void)sent(MSG_CHANGE, id);
	MUST(told.p->joined && msg_change_get(body, &m) == ERR_OK);
	MUST(audit_entry_decode(m.entry, &e) == ERR_OK);
	MUST(change_get(&m.change, &c) == ERR_OK && m.change.left == 0);
	MUST(e.type == AUDIT_CHANGE && e.ref == c.number);
	MUST(c.number == head + 1 ||
	    (told.p->n_unlogged > 0 && c.number == told.p->unlogged[0].number));
	MUST(c.time > 0);
}

static void
to_be_done(uint32_t id, struct rd body)
{
	struct sent *s = sent(MSG_TASK, id);
	struct task_subscriber t;
	struct audit_entry e;
	struct task_key k;
	struct msg_task m;

	MUST(msg_task_get(body, &m) == ERR_OK);
	MUST(audit_entry_decode(m.entry, &e) == ERR_OK);
	MUST(e.type == AUDIT_SUBSCRIBER_INTENT);
	MUST(view_text(e.target, s->identity, sizeof(s->identity)) == ERR_OK);
	s->task = m.kind;
	if (m.kind == TASK_SUBSCRIBER) {
		MUST(task_subscriber_get(m.body, &t) == ERR_OK);
		MUST(t.number <= authority_head(told.p->authority).number);
		s->number = t.number;
	} else
		MUST(task_key_get(m.body, &k) == ERR_OK &&
		    policy_stopped(told.p) == NULL);
}

static void
to_audit(uint16_t type, uint32_t id, struct rd body)
{
	struct audit_entry e;

	switch (type) {
	case MSG_GRANT:
		to_be_granted(id, body);
		break;
	case MSG_CHAIN:
		to_be_chained(id, body);
		break;
	case MSG_CHANGE:
		to_be_changed(id, body);
		break;
	case MSG_TASK:
		to_be_done(id, body);
		break;
	default:
		MUST(type == MSG_RECORD);
		MUST(audit_entry_decode(body, &e) == ERR_OK);
		(void)sent(type, id);
	}
}

/* ---- to the others ---- */

static void
to_xk(uint16_t type, uint32_t id, struct rd body)
{
	struct msg_refuse m;

	if (type == MSG_CONN_NONCE) {
		MUST(body.left == CLIENT_NONCE_LEN);
		return;
	}
	MUST(type == MSG_REFUSE && msg_refuse_get(body, &m) == ERR_OK);
	MUST(m.reason != XK_GRANTED);
	told_asker(id);
}

static void
to_x2(uint16_t type, struct rd body)
{
	static struct msg_x2_legs legs;
	struct msg_x2_ended ended;

	switch (type) {
	case MSG_XID_IS:
		MUST(body.left == 1 && *body.p <= 3);
		break;
	case MSG_X2_LEGS:
		MUST(msg_x2_legs_get(body, &legs) == ERR_OK);
		told.legs += (int)legs.n;
		break;
	case MSG_X2_ENDED:
		MUST(msg_x2_ended_get(body, &ended) == ERR_OK);
		told.legs--;
		break;
	case MSG_X2_AGAIN:
		MUST(body.left == XID_LEN);
		break;
	default:
		MUST(type == MSG_XIDS_CHANGED && body.left == 0);
	}
}

/* A record without keys goes out only under a warrant in force. */
static void
to_hi2(uint16_t type, struct rd body)
{
	struct msg_hi2_order m;

	MUST(type == MSG_HI2_ORDER && msg_hi2_order_get(body, &m) == ERR_OK);
	MUST(policy_leg_stands(told.p, warrant_of(m.to.leg), 0));
	told.legs--;
}

static void
to_cli(struct peer *peer, uint16_t type, struct rd body)
{
	struct rd text;
	json_t *j;
	enum err rc;

	if (type == MSG_CLI_OK) {
		j = json_loadb((const char *)body.p, body.left, 0, NULL);
		MUST(json_is_object(j));
		json_decref(j);
	} else
		MUST(type == MSG_CLI_ERROR &&
		    msg_error_get(body, &rc, &text) == ERR_OK);
	for (unsigned i = 0; i < TOLD_CLIS; i++)
		if (told.cli[i].peer == peer) {
			MUST(told.cli[i].owed > 0);
			told.cli[i].owed--;
			return;
		}
	must_failed("an answer is for who has asked", __FILE__, __LINE__);
}

void
channel_sent(struct peer *to, uint16_t type, uint32_t id, struct rd body)
{
	const struct policy *p = told.p;

	if (to == p->audit)
		to_audit(type, id, body);
	else if (to == p->xk)
		to_xk(type, id, body);
	else if (to == p->x2)
		to_x2(type, body);
	else if (to == p->hi2)
		to_hi2(type, body);
	else
		to_cli(to, type, body);
}
