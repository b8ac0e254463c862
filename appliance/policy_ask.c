/*
 * Requests of xk, in the order of checks of docs/PROTOCOL.md: authorisation
 * first, so that nobody without it learns anything else.  A refusal is told
 * once it is in the log; a grant goes to audit, and what comes of it is told
 * by the hsm worker.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "appliance/policy_proc.h"
#include "base/clock.h"
#include "base/log.h"
#include "xk/call.h"

struct pending *
policy_pending(struct policy *p, enum pending_kind kind, uint32_t *id)
{
	struct pending *d = slots_take(p->pending, id);

	if (d != NULL)
		d->kind = kind;
	return d;
}

enum err
policy_record(struct policy *p, const struct audit_entry *e, uint32_t pending)
{
	uint8_t leaf[MAX_AUDIT_LEAF];
	size_t len;
	enum err rc;

	if (p->audit == NULL)
		return ERR_CLOSED;
	if ((rc = audit_entry_encode(e, leaf, &len)) != ERR_OK)
		return rc;
	return peer_send(p->audit, MSG_RECORD, pending, leaf, len);
}

static void
tell(struct policy *p, struct ticket t, enum xk_reason reason)
{
	const char *text = xk_reason_text(reason);
	struct msg_refuse m = {.epoch = t.epoch, .reason = reason};
	struct wr w;

	if (p->xk == NULL)
		return;
	rd_init(&m.text, text, strlen(text));
	if (peer_begin(p->xk, MSG_REFUSE, t.id, 512, &w) != ERR_OK) {
		log_warning("xk does not take what it is sent");
		return;
	}
	msg_refuse_put(&w, &m);
	if (peer_commit(p->xk, &w) != ERR_OK)
		log_warning("a refusal could not be sent");
}

/* ---- one request ---- */

struct request {
	struct policy *p;
	struct ticket ticket;
	struct msg_ask m;
	struct rd client; /* enrolled name; left = 0: unknown */
	struct ask ask;
	struct held_warrant *warrant;
	struct held_subscriber *subscriber;
};

/* A client that is not enrolled is known by its certificate. */
static void
name_client(struct audit_entry *e, const uint8_t fingerprint[32], char hex[65])
{
	if (e->client.left > 0)
		return;
	hex_put(fingerprint, 32, hex);
	rd_init(&e->client, hex, 64);
}

/* Into the log, then to the asker; `detail` is for the auditor alone. */
static void
refuse(struct request *q, enum xk_reason reason, const char *detail)
{
	struct audit_entry e = {.type = AUDIT_KEY_REFUSED,
	    .reason = (uint8_t)reason,
	    .client = q->client,
	    .target = q->m.target,
	    .liid = q->m.liid};
	struct pending *d;
	char hex[65];
	uint32_t id;

	name_client(&e, q->m.client, hex);
	rd_init(&e.text, detail, strlen(detail));
	d = policy_pending(q->p, PENDING_REFUSAL, &id);
	if (d == NULL) {
		tell(q->p, q->ticket, XK_OVERLOADED);
		return;
	}
	d->ticket = q->ticket;
	d->reason = reason;
	if (policy_record(q->p, &e, id) != ERR_OK) {
		slots_drop(q->p->pending, id);
		tell(q->p, q->ticket, XK_UNAVAILABLE);
	}
}

static struct rd
client_name(const struct policy *p, const uint8_t fingerprint[32])
{
	struct rd r;

	rd_init(&r, NULL, 0);
	for (unsigned i = 0; i < p->n_clients; i++)
		if (memcmp(p->client[i].fingerprint, fingerprint, 32) == 0)
			rd_init(&r, p->client[i].name,
			    strlen(p->client[i].name));
	return r;
}

/* Step (3), and with the call's times step (5): the warrant, or none. */
static struct held_warrant *
find_warrant(struct policy *p, const struct ask *a, bool with_call)
{
	struct held_warrant *best = NULL;

	for (struct warrant_link *l = policy_warrants_for(p, a->target);
	     l != NULL; l = l->next)
		if (!l->held->revoked && warrant_is_for(l->held->w, a) &&
		    (!with_call || warrant_covers_call(l->held->w, a)) &&
		    (best == NULL || l->held->w->end > best->w->end))
			best = l->held;
	return best;
}

static enum err
send_grant(struct request *q, const struct call *c, uint32_t id)
{
	const struct held_warrant *h = q->warrant;
	uint8_t leaf[MAX_AUDIT_LEAF];
	struct audit_entry e = {.type = AUDIT_KEY_INTENT,
	    .client = q->client,
	    .target = q->m.target,
	    .csb_id = c->r1.csb_id};
	struct msg_work m = {.ticket = q->ticket, .call = q->m.call};
	struct wr w;
	size_t len;
	enum err rc;

	e.ts_type = (uint8_t)call_key_time(c, &e.ts);
	memcpy(e.warrant, h->w->id, sizeof(e.warrant));
	rd_init(&e.liid, h->w->liid, strlen(h->w->liid));
	if ((rc = audit_entry_encode(&e, leaf, &len)) != ERR_OK)
		return rc;
	rd_init(&m.intent, leaf, len);
	rd_init(&m.warrant, h->cms, h->cms_len);
	rd_init(&m.subscriber, q->subscriber->record, q->subscriber->len);
	rc = peer_begin(q->p->audit, MSG_GRANT, id, msg_work_max(&m), &w);
	if (rc != ERR_OK)
		return rc;
	msg_work_put(&w, &m);
	return peer_commit(q->p->audit, &w);
}

static void
grant(struct request *q, const struct call *c)
{
	struct pending *d;
	uint32_t id;

	if (q->p->audit == NULL) {
		tell(q->p, q->ticket, XK_UNAVAILABLE);
		return;
	}
	if ((d = policy_pending(q->p, PENDING_GRANT, &id)) == NULL) {
		tell(q->p, q->ticket, XK_OVERLOADED);
		return;
	}
	d->ticket = q->ticket;
	if (send_grant(q, c, id) != ERR_OK) {
		slots_drop(q->p->pending, id);
		tell(q->p, q->ticket, XK_UNAVAILABLE);
	}
}

/* Step (7): the messages fit and the target takes part. */
static bool
target_takes_part(const struct held_subscriber *s, const struct call *c)
{
	struct rd ids[1 + MAX_DEVICES], as;
	struct call_target t = {ids, 1 + s->s.n_devices};
	enum call_role role;

	ids[0] = s->s.identity;
	memcpy(&ids[1], s->s.device, s->s.n_devices * sizeof(ids[0]));
	return call_check(c, &t, &role, &as) == ERR_OK;
}

static void
decide(struct request *q)
{
	static struct call call;
	struct rd wire = q->m.call;

	if (q->m.role_reason != XK_GRANTED) {
		refuse(q, q->m.role_reason,
		    "a request for another server role");
		return;
	}
	q->ask = (struct ask){.target = q->m.target,
	    .client = q->client,
	    .liid = q->m.liid,
	    .now = clock_seconds()};
	if (find_warrant(q->p, &q->ask, false) == NULL) {
		refuse(q, XK_NO_AUTHORISATION,
		    q->client.left == 0
			? "the client is not enrolled"
			: "no warrant in force for this client and target");
		return;
	}
	if (q->m.call_reason != XK_GRANTED) {
		refuse(q, q->m.call_reason, "a MIKEY message");
		return;
	}
	if (call_get(&wire, &call) != ERR_OK || rd_end(&wire) != ERR_OK)
		fatal("xk sent a call that is none");
	call_times(&call, q->ask.t, &q->ask.n_t);
	if ((q->warrant = find_warrant(q->p, &q->ask, true)) == NULL) {
		refuse(q, XK_NO_AUTHORISATION,
		    "the call is outside the period of every warrant");
		return;
	}
	q->subscriber = policy_subscriber(q->p, q->m.target);
	if (q->subscriber == NULL) {
		refuse(q, XK_UNKNOWN_SUBSCRIBER, "not enrolled");
		return;
	}
	if (!target_takes_part(q->subscriber, &call)) {
		refuse(q, XK_TARGET_MISMATCH,
		    "the messages do not belong together, or the target does "
		    "not take part");
		return;
	}
	grant(q, &call);
}

static enum err
on_ask(void *ctx, const struct ipc_frame *f)
{
	struct request q = {.p = ctx};

	if (msg_ask_get(f->body, &q.m) != ERR_OK ||
	    (q.m.role_reason != XK_GRANTED &&
		q.m.role_reason != XK_UNSUPPORTED) ||
	    (q.m.call_reason != XK_GRANTED &&
		q.m.call_reason != XK_UNSUPPORTED &&
		q.m.call_reason != XK_MALFORMED))
		return ERR_MALFORMED;
	q.ticket = (struct ticket){q.m.epoch, f->id};
	q.client = client_name(q.p, q.m.client);
	decide(&q);
	return ERR_OK;
}

static enum err
on_note(void *ctx, const struct ipc_frame *f)
{
	struct policy *p = ctx;
	struct audit_entry e = {.type = AUDIT_CLIENT_EVENT};
	struct pending *d;
	struct msg_note m;
	char hex[65];
	uint32_t id;

	if (msg_note_get(f->body, &m) != ERR_OK)
		return ERR_MALFORMED;
	e.client = client_name(p, m.client);
	name_client(&e, m.client, hex);
	e.n_keys = m.count;
	e.text = m.text;
	if ((d = policy_pending(p, PENDING_NOTE, &id)) != NULL &&
	    policy_record(p, &e, id) != ERR_OK)
		slots_drop(p->pending, id);
	return ERR_OK;
}

static void
xk_closed(void *ctx, struct peer *peer)
{
	struct policy *p = ctx;

	(void)peer;
	log_debug("xk has gone");
	peer_free(&p->xk);
}

static const struct ipc_rule xk_rules[] = {
    {MSG_ASK, 48, MAX_IPC_BODY, 1, on_ask},
    {MSG_NOTE, 37, 300, 1, on_note},
};
const struct peer_ops policy_xk_ops = {.name = "xk",
    .table = xk_rules,
    .n_rules = sizeof(xk_rules) / sizeof(xk_rules[0]),
    .max_body = MAX_IPC_BODY,
    .max_queue = MAX_IPC_QUEUE,
    .closed = xk_closed};

/* ---- audit's word ---- */

/* Its place may be the one that a revocation has been waiting for. */
static void
end_pending(struct policy *p, uint32_t id)
{
	slots_drop(p->pending, id);
	if (p->revocation_due)
		policy_next_revocation(p);
}

static enum err
on_done(void *ctx, const struct ipc_frame *f)
{
	struct policy *p = ctx;
	struct pending *d = slots_find(p->pending, f->id);
	struct msg_done m;

	if (d == NULL || d->kind != PENDING_GRANT ||
	    msg_done_get(f->body, &m) != ERR_OK)
		return ERR_MALFORMED;
	if (!m.told)
		tell(p, d->ticket,
		    m.reason == XK_GRANTED ? XK_UNAVAILABLE : m.reason);
	end_pending(p, f->id);
	return ERR_OK;
}

static enum err
on_recorded(void *ctx, const struct ipc_frame *f)
{
	struct policy *p = ctx;
	struct pending *d = slots_find(p->pending, f->id);
	struct rd r = f->body;
	uint8_t rc;

	if (d == NULL || rd_u8(&r, &rc) != ERR_OK || rc >= ERR__MAX)
		return ERR_MALFORMED;
	switch (d->kind) {
	case PENDING_REFUSAL:
		tell(p, d->ticket, rc == ERR_OK ? d->reason : XK_UNAVAILABLE);
		break;
	case PENDING_NOTE:
		break;
	case PENDING_CONFIG:
		policy_config_recorded(p, d, (enum err)rc);
		break;
	case PENDING_WARRANT:
	case PENDING_REMOVE:
	case PENDING_DOCUMENT:
		policy_cli_recorded(p, d, (enum err)rc);
		break;
	case PENDING_GRANT:
	case PENDING_REVOKE:
	case PENDING_TASK:
		return ERR_MALFORMED;
	}
	end_pending(p, f->id);
	return ERR_OK;
}

static enum err
on_revoked(void *ctx, const struct ipc_frame *f)
{
	struct policy *p = ctx;
	struct pending *d = slots_find(p->pending, f->id);
	struct rd r = f->body;
	struct held_warrant *h;
	bool logged;

	if (d == NULL || d->kind != PENDING_REVOKE ||
	    rd_bool(&r, &logged) != ERR_OK)
		return ERR_MALFORMED;
	h = d->held;
	slots_drop(p->pending, f->id);
	policy_revoked(p, h, logged);
	return ERR_OK;
}

static enum err
on_task_done(void *ctx, const struct ipc_frame *f)
{
	struct policy *p = ctx;
	struct pending *d = slots_find(p->pending, f->id);
	struct msg_result m;

	if (d == NULL || d->kind != PENDING_TASK ||
	    msg_result_get(f->body, &m) != ERR_OK)
		return ERR_MALFORMED;
	policy_cli_task_done(p, d, &m);
	end_pending(p, f->id);
	return ERR_OK;
}

static enum err
on_service(void *ctx, const struct ipc_frame *f)
{
	struct policy *p = ctx;
	const bool had_room = p->service.log_has_room;

	if (msg_service_get(f->body, &p->service) != ERR_OK)
		return ERR_MALFORMED;
	if (p->service.log_has_room && !had_room)
		policy_log_has_room(p);
	return ERR_OK;
}

/* Everything that waited for audit ends here, never in silence. */
void
policy_audit_left(struct policy *p)
{
	struct pending *d;
	unsigned at = 0;
	uint32_t id;

	peer_free(&p->audit);
	p->service = (struct msg_service){.workers = 0};
	while ((d = slots_next(p->pending, &at, &id)) != NULL) {
		switch (d->kind) {
		case PENDING_GRANT:
		case PENDING_REFUSAL:
			tell(p, d->ticket, XK_UNAVAILABLE);
			break;
		case PENDING_NOTE:
			break;
		case PENDING_CONFIG:
			policy_config_recorded(p, d, ERR_CLOSED);
			break;
		case PENDING_REVOKE:
			break; /* below, with those that were not sent yet */
		case PENDING_WARRANT:
		case PENDING_REMOVE:
		case PENDING_TASK:
		case PENDING_DOCUMENT:
			policy_cli_failed(p, d);
			break;
		}
		slots_drop(p->pending, id);
	}
	policy_revocations_interrupted(p);
}

static void
audit_closed(void *ctx, struct peer *peer)
{
	(void)peer;
	log_warning("audit has gone: what was under way is unavailable");
	policy_audit_left(ctx);
}

static const struct ipc_rule audit_rules[] = {
    {MSG_DONE, 2, 2, 1, on_done},
    {MSG_RECORDED, 1, 1, 1, on_recorded},
    {MSG_REVOKED, 1, 1, 1, on_revoked},
    {MSG_TASK_DONE, 5, MAX_IPC_BODY, 1, on_task_done},
    {MSG_SERVICE, MSG_SERVICE_LEN, MSG_SERVICE_LEN, 1, on_service},
};
const struct peer_ops policy_audit_ops = {.name = "audit",
    .table = audit_rules,
    .n_rules = sizeof(audit_rules) / sizeof(audit_rules[0]),
    .max_body = MAX_IPC_BODY,
    .max_queue = MAX_IPC_QUEUE,
    .closed = audit_closed};
