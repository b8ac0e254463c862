/*
 * Requests of xk, in the order of checks of docs/PROTOCOL.md: authorisation
 * first, so that nobody without it learns anything else.  A refusal is told
 * once it is in the log; a grant goes to audit, and what comes of it is told
 * by the hsm worker.
 */
#include <stdlib.h>
#include <string.h>

#include "appliance/policy_grant.h"
#include "base/log.h"

void
policy_tell(struct policy *p, struct ticket t, enum xk_reason reason)
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

/* A key request on its way through the checks. */
struct asked {
	struct policy *p;
	struct ticket ticket;
	struct msg_ask m;
	const struct connection *connection;
	struct rd client; /* enrolled name; left = 0: nobody */
	const struct call *call; /* NULL: not known */
	struct ask ask;
	struct held_warrant *warrant;
	struct held_subscriber *subscriber;
};

/* A client that is not enrolled is known by its certificate. */
static void
name_client(struct audit_entry *e, const struct connection *c, char hex[65])
{
	if (e->client.left > 0)
		return;
	hex_put(c->fingerprint, sizeof(c->fingerprint), hex);
	rd_init(&e->client, hex, 64);
}

/* Into the log, then to the asker; `detail` is for the auditor alone. */
static void
refuse(struct asked *q, enum xk_reason reason, const char *detail)
{
	struct audit_entry e = {.type = AUDIT_KEY_REFUSED,
	    .reason = (uint8_t)reason,
	    .client = q->client,
	    .target = q->m.target,
	    .liid = q->m.liid};
	struct pending *d;
	char hex[65];
	uint32_t id;

	name_client(&e, q->connection, hex);
	if (q->call != NULL)
		policy_put_call(&e, q->call);
	rd_init(&e.text, detail, strlen(detail));
	d = policy_pending(q->p, PENDING_REFUSAL, &id);
	if (d == NULL) {
		policy_tell(q->p, q->ticket, XK_OVERLOADED);
		return;
	}
	d->ticket = q->ticket;
	d->reason = reason;
	if (policy_record_entry(q->p, &e, id) != ERR_OK) {
		slots_drop(q->p->pending, id);
		policy_tell(q->p, q->ticket, XK_UNAVAILABLE);
	}
}

struct rd
policy_client_name(const struct policy *p, const uint8_t fingerprint[32])
{
	struct rd r;

	rd_init(&r, NULL, 0);
	for (unsigned i = 0; i < authority_clients(p->authority); i++) {
		const struct cert_entry c = authority_client(p->authority, i);

		if (memcmp(c.fingerprint, fingerprint, 32) == 0)
			rd_init(&r, c.name, strlen(c.name));
	}
	return r;
}

/* ---- the warrant ---- */

static struct found
find_warrant(const struct policy *p, const struct ask *a, bool with_call,
    enum for_whom whom)
{
	return warrants_find(&p->warrants, p->authority, a, with_call, whom);
}

static void
refuse_by_warrant(struct asked *q, const struct found *f)
{
	char text[128];

	if (q->client.left == 0)
		refuse(q, XK_NO_AUTHORISATION,
		    policy_connection_refused(q->p, q->connection));
	else if (f->nearest == NULL)
		refuse(q, XK_NO_AUTHORISATION, "no warrant names this target");
	else
		refuse(q, XK_NO_AUTHORISATION,
		    warrant_explain(f->verdict, f->nearest->w, &f->state,
			&q->ask, text, sizeof(text)));
}

/* ---- granting ---- */

static void
grant(struct asked *q)
{
	const struct grant g = {.route = ROUTE_XK,
	    .ticket = q->ticket,
	    .client = q->client,
	    .target = q->m.target,
	    .call = q->call,
	    .octets = q->m.call,
	    .warrant = q->warrant,
	    .subscriber = q->subscriber};
	struct pending *d;
	uint32_t id;
	enum err rc;

	if (q->p->audit == NULL) {
		policy_tell(q->p, q->ticket, XK_UNAVAILABLE);
		return;
	}
	if ((d = policy_pending(q->p, PENDING_GRANT, &id)) == NULL) {
		policy_tell(q->p, q->ticket, XK_OVERLOADED);
		return;
	}
	d->ticket = q->ticket;
	if ((rc = policy_grant(q->p, &g, id)) == ERR_OK)
		return;
	slots_drop(q->p->pending, id);
	if (rc == ERR_IO)
		refuse(q, XK_UNAVAILABLE, "the warrant cannot be read");
	else
		policy_tell(q->p, q->ticket, XK_UNAVAILABLE);
}

/* ---- the checks ---- */

/* Steps (6) and (7), and that test warrants are for test subscribers alone. */
static void
decide_on_subscriber(struct asked *q)
{
	struct subscriber s;
	struct found f;

	q->subscriber = policy_subscriber(q->p, q->m.target);
	if (q->subscriber == NULL) {
		refuse(q, XK_UNKNOWN_SUBSCRIBER, "not enrolled");
		return;
	}
	s = policy_read_record(q->subscriber);
	f = find_warrant(q->p, &q->ask, true, s.test ? FOR_TEST : FOR_REAL);
	if ((q->warrant = f.allows) == NULL) {
		refuse(q, XK_NO_AUTHORISATION,
		    s.test ? "a test subscriber, and no test warrant"
			   : "a test warrant, and no test subscriber");
		return;
	}
	if (!authority_record_stands(q->p->authority, q->subscriber->number)) {
		refuse(q, XK_UNAVAILABLE,
		    "the subscriber's record is not the last one approved");
		return;
	}
	if (!policy_takes_part(&s, q->call)) {
		refuse(q, XK_TARGET_MISMATCH,
		    "the messages do not belong together, or the target does "
		    "not take part");
		return;
	}
	grant(q);
}

static void
decide(struct asked *q)
{
	const char *stopped = policy_stopped(q->p);
	struct found f;

	if (q->m.role_reason != XK_GRANTED) {
		refuse(q, q->m.role_reason,
		    "a request for another server role");
		return;
	}
	if (stopped != NULL) {
		refuse(q, XK_UNAVAILABLE, stopped);
		return;
	}
	q->ask = (struct ask){.target = q->m.target,
	    .client = q->client,
	    .liid = q->m.liid,
	    .products = PRODUCT_KEYS,
	    .now = policy_now(q->p)};
	f = find_warrant(q->p, &q->ask, false, FOR_ANYBODY);
	if (f.allows == NULL) {
		refuse_by_warrant(q, &f);
		return;
	}
	if (q->m.call_reason != XK_GRANTED) {
		refuse(q, q->m.call_reason, "a MIKEY message");
		return;
	}
	call_times(q->call, q->ask.t, &q->ask.n_t);
	f = find_warrant(q->p, &q->ask, true, FOR_ANYBODY);
	if (f.allows == NULL)
		refuse_by_warrant(q, &f);
	else
		decide_on_subscriber(q);
}

static enum err
on_ask(void *ctx, const struct ipc_frame *f)
{
	static struct call call;
	struct asked q = {.p = ctx};
	struct rd wire;

	if (msg_ask_get(f->body, &q.m) != ERR_OK ||
	    (q.m.role_reason != XK_GRANTED &&
		q.m.role_reason != XK_UNSUPPORTED) ||
	    (q.m.call_reason != XK_GRANTED &&
		q.m.call_reason != XK_UNSUPPORTED &&
		q.m.call_reason != XK_MALFORMED))
		return ERR_MALFORMED;
	wire = q.m.call;
	if (q.m.role_reason == XK_GRANTED && q.m.call_reason == XK_GRANTED) {
		if (call_get(&wire, &call) != ERR_OK || rd_end(&wire) != ERR_OK)
			return ERR_MALFORMED;
		q.call = &call;
	}
	q.ticket = (struct ticket){q.m.epoch, f->id};
	q.connection = policy_connection(q.p, q.m.connection);
	if (q.connection == NULL)
		return ERR_MALFORMED;
	q.client = policy_connection_client(q.p, q.connection);
	decide(&q);
	return ERR_OK;
}

static enum err
on_note(void *ctx, const struct ipc_frame *f)
{
	struct policy *p = ctx;
	struct audit_entry e = {.type = AUDIT_CLIENT_EVENT};
	const struct connection *c;
	struct msg_note m;
	char hex[65];

	if (msg_note_get(f->body, &m) != ERR_OK ||
	    (c = policy_connection(p, m.connection)) == NULL)
		return ERR_MALFORMED;
	e.client = policy_connection_client(p, c);
	name_client(&e, c, hex);
	e.n_keys = m.count;
	e.text = m.text;
	policy_note(p, &e);
	return ERR_OK;
}

static void
xk_closed(void *ctx, struct peer *peer)
{
	struct policy *p = ctx;

	(void)peer;
	log_debug("xk has gone");
	peer_free(&p->xk);
	policy_forget_connections(p);
}

static const struct ipc_rule xk_rules[] = {
    {MSG_ASK, 20, MAX_IPC_BODY, 1, on_ask},
    {MSG_NOTE, 9, 300, 1, on_note},
    {MSG_CONN, 0, 0, 1, policy_on_conn},
    {MSG_CLIENT, MSG_CLIENT_LEAST, MAX_IPC_BODY, 1, policy_on_client},
    {MSG_CONN_GONE, 0, 0, 1, policy_on_conn_gone},
};
const struct peer_ops policy_xk_ops = {.name = "xk",
    .table = xk_rules,
    .n_rules = sizeof(xk_rules) / sizeof(xk_rules[0]),
    .max_body = MAX_IPC_BODY,
    .max_queue = MAX_IPC_QUEUE,
    .closed = xk_closed};
