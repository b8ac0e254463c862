/* What policy says to audit, and what comes back. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policy_play.h"

static uint8_t out[MAX_IPC_BODY];
static uint32_t last_id;
static size_t last_len;

static void
send(uint16_t type, const struct wr *w)
{
	if (w->rc != ERR_OK)
		rig_stop("a message", "too long");
	last_len = w->len;
	rig_send(&play.rig, type, ++last_id, w->p, w->len);
}

struct rd
last_said(void)
{
	struct rd r;

	rd_init(&r, out, last_len);
	return r;
}

static struct rd
answer(void)
{
	struct rd r;

	rd_init(&r, play.rig.body, play.rig.len);
	return r;
}

static void
copy_text(struct rd from, char to[WHY_MAX])
{
	const size_t n = from.left < WHY_MAX - 1 ? from.left : WHY_MAX - 1;

	if (n > 0)
		memcpy(to, from.p, n);
	to[n] = '\0';
}

/* ---- the chain ---- */

static void
put_as_in_chain(struct wr *w, const struct change *c)
{
	struct change x = *c;

	if (change_is_light(c->kind)) {
		x.request.left = 0;
		x.evidence.left = 0;
	}
	change_put(w, &x);
}

struct verdict
say_chain(const struct change *c, unsigned n)
{
	struct verdict v = {.rc = ERR_OK};
	unsigned i = 0;
	struct wr w;

	do {
		wr_init(&w, out, sizeof(out));
		wr_bool(&w, false);
		while (i < n && w.len < CHAIN_BATCH / 8)
			put_as_in_chain(&w, &c[i++]);
		out[0] = i == n;
		send(MSG_CHAIN, &w);
		v.heard = rig_await(&play.rig, MSG_CHAINED);
		if (v.heard != HEARD || play.rig.len != 1)
			return v;
		v.rc = (enum err)play.rig.body[0];
	} while (i < n);
	return v;
}

/* ---- one change ---- */

void
say_change_send(const struct change *c)
{
	struct audit_entry e = {.type = AUDIT_CHANGE,
	    .ref = c->number,
	    .reason = (uint8_t)c->kind,
	    .text = text_of("somebody")};
	uint8_t leaf[MAX_AUDIT_LEAF];
	struct request *q = NULL;
	size_t len;
	struct wr w;

	if (change_is_stop(c->kind) &&
	    request_parse_known(c->request, &q, NULL) == ERR_OK)
		memcpy(e.warrant, q->on, sizeof(e.warrant));
	request_free(&q);
	if (audit_entry_encode(&e, leaf, &len) != ERR_OK)
		rig_stop("an entry", "is none");
	wr_init(&w, out, sizeof(out));
	wr_view16(&w, leaf, len);
	change_put(&w, c);
	send(MSG_CHANGE, &w);
}

struct verdict
say_change_result(void)
{
	struct verdict v = {.heard = rig_await(&play.rig, MSG_CHANGED)};
	struct msg_changed m;

	if (v.heard != HEARD)
		return v;
	if (msg_changed_get(answer(), &m) != ERR_OK)
		rig_stop("CHANGED", "is none");
	v.rc = m.rc;
	v.logged = m.logged;
	copy_text(m.text, v.text);
	return v;
}

struct verdict
say_change(const struct change *c)
{
	say_change_send(c);
	return say_change_result();
}

void
world_take(const struct change *c)
{
	struct world *w = &play.world;

	if (w->n == PLAY_CHANGES || head_after(&w->head, c, &w->head) != ERR_OK)
		rig_stop("the world", "is full");
	w->change[w->n++] = *c;
	if (c->kind == REQUEST_PERSON_ADD || c->kind == REQUEST_PERSON_REMOVE ||
	    c->kind == REQUEST_PERSON_CERTIFICATE)
		w->version = c->number;
}

bool
enter(const struct change *c)
{
	const struct verdict v = say_change(c);

	if (v.heard != HEARD || v.rc != ERR_OK)
		return false;
	world_take(c);
	return true;
}

/* ---- tasks ---- */

struct verdict
say_task(enum task_kind kind, const char *target, struct rd body,
    struct rd *result)
{
	struct audit_entry e = {.type = AUDIT_SUBSCRIBER_INTENT,
	    .target = text_of(target),
	    .text = text_of("a task")};
	uint8_t leaf[MAX_AUDIT_LEAF];
	struct msg_task t = {.kind = kind, .body = body};
	struct verdict v = {.rc = ERR_INTERNAL};
	struct msg_result m;
	struct wr w;

	if (audit_entry_encode(&e, leaf, &t.entry.left) != ERR_OK)
		rig_stop("an entry", "is none");
	t.entry.p = leaf;
	wr_init(&w, out, sizeof(out));
	msg_task_put(&w, &t);
	send(MSG_TASK, &w);
	if ((v.heard = rig_await(&play.rig, MSG_TASK_DONE)) != HEARD)
		return v;
	if (msg_result_get(answer(), &m) != ERR_OK)
		rig_stop("TASK_DONE", "is none");
	v.rc = m.rc;
	if (m.rc == ERR_OK)
		*result = keep(m.result.p, m.result.left);
	else
		copy_text(m.result, v.text);
	return v;
}

struct verdict
say_record(uint64_t number, struct rd before, struct rd *record)
{
	const struct change *c = &play.world.change[number - 1];
	struct task_subscriber t = {.number = number,
	    .request = c->request,
	    .record = before};
	struct task_subscriber_result made;
	static uint8_t body[MAX_IPC_BODY / 2];
	struct request *q = NULL;
	struct why why = {""};
	struct rd order, result;
	struct verdict v;
	struct wr w;

	wr_init(&w, body, sizeof(body));
	task_subscriber_put(&w, &t);
	if (w.rc != ERR_OK || request_parse(c->request, &q, &why) != ERR_OK)
		rig_stop("a record", why.text);
	rd_init(&order, body, w.len);
	v = say_task(TASK_SUBSCRIBER, q->identity != NULL ? q->identity : ALICE,
	    order, &result);
	request_free(&q);
	if (v.heard == HEARD && v.rc == ERR_OK) {
		if (task_subscriber_result_get(result, &made) != ERR_OK)
			rig_stop("a record", "is none");
		*record = made.record;
	}
	return v;
}

/* ---- calls ---- */

struct grant
grant_of(const struct paper_warrant *w, struct rd record,
    const struct call_at_hand *call)
{
	const struct change *c = &play.world.change[w->number - 1];
	struct grant g = {.work = {.ticket = {.epoch = 1, .id = 1},
			      .number = w->number,
			      .warrant = c->request,
			      .evidence = c->evidence,
			      .subscriber = record,
			      .call = call->octets},
	    .entry = {.type = AUDIT_KEY_INTENT,
		.client = text_of(w->client),
		.target = text_of(w->target),
		.liid = text_of(w->liid),
		.csb_id = call->csb_id,
		.ts_type = call->ts_type,
		.ts = call->ts,
		.test = w->test}};

	memcpy(g.entry.warrant, c->hash, sizeof(g.entry.warrant));
	return g;
}

void
say_grant_send(const struct grant *g)
{
	uint8_t leaf[MAX_AUDIT_LEAF];
	struct msg_work m = g->work;
	size_t len;
	struct wr w;

	if (audit_entry_encode(&g->entry, leaf, &len) != ERR_OK)
		rig_stop("an entry", "is none");
	rd_init(&m.intent, leaf, len);
	wr_init(&w, out, sizeof(out));
	msg_work_put(&w, &m);
	send(MSG_GRANT, &w);
}

enum asked
say_grant_result(enum xk_reason *why)
{
	const unsigned before = play.rig.answers;
	struct msg_done d;

	switch (rig_await(&play.rig, MSG_DONE)) {
	case HEARD:
		break;
	case AUDIT_ENDED:
		return ENDED;
	case STOPPED_THERE:
	case SILENCE:
		return play.rig.answers == before ? NO_WORD : KEYS;
	}
	if (msg_done_get(answer(), &d) != ERR_OK)
		rig_stop("DONE", "is none");
	rig_turn(&play.rig, 0); /* the answer was sent before this word */
	*why = d.reason;
	return play.rig.answers != before || d.reason == XK_GRANTED ? KEYS
								    : REFUSED;
}

enum asked
say_grant(const struct grant *g)
{
	enum xk_reason why;

	say_grant_send(g);
	return say_grant_result(&why);
}
