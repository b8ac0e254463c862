/*
 * Work of the token: the records of approved subscribers, and private keys for
 * their devices.  Audit writes it down first.
 */
#include <stdlib.h>
#include <string.h>

#include "appliance/policy_cli.h"
#include "base/log.h"

/* Takes nothing over; `d` is filled by who asked. */
static enum err
send_task(struct policy *p, enum task_kind kind, struct rd target,
    const char *text, struct rd body, struct pending **d)
{
	struct audit_entry e = {.type = AUDIT_SUBSCRIBER_INTENT,
	    .target = target};
	uint8_t leaf[MAX_AUDIT_LEAF];
	struct msg_task m = {.kind = kind, .body = body};
	uint32_t id;
	size_t len;
	struct wr w;
	enum err rc;

	if (p->audit == NULL)
		return ERR_CLOSED;
	rd_init(&e.text, text, strlen(text));
	if ((rc = audit_entry_encode(&e, leaf, &len)) != ERR_OK)
		return rc;
	if ((*d = policy_pending(p, PENDING_TASK, &id)) == NULL)
		return ERR_FULL;
	(*d)->task = kind;
	rd_init(&m.entry, leaf, len);
	rc = view_text(target, (*d)->identity, sizeof((*d)->identity));
	if (rc == ERR_OK)
		rc = peer_begin(p->audit, MSG_TASK, id, len + body.left + 16,
		    &w);
	if (rc == ERR_OK) {
		msg_task_put(&w, &m);
		rc = peer_commit(p->audit, &w);
	}
	if (rc != ERR_OK)
		slots_drop(p->pending, id);
	return rc;
}

bool
policy_task_under_way(struct policy *p, uint64_t number)
{
	const struct pending *d;
	unsigned at = 0;
	uint32_t id;

	while ((d = slots_next(p->pending, &at, &id)) != NULL)
		if (d->kind == PENDING_TASK && d->task == TASK_SUBSCRIBER &&
		    d->number == number)
			return true;
	return false;
}

/* ---- records ---- */

static void
not_made(struct policy *p, uint32_t cli, uint64_t number, enum err rc,
    const char *text)
{
	struct why why;

	(void)why_set(&why, rc,
	    "change %llu is in effect, its record is not made: hand in the "
	    "same request again: %s",
	    (unsigned long long)number, text);
	cli_error(p, cli, rc, why.text);
}

/* The record that it takes the place of; empty for a new one. */
static enum err
record_before(struct policy *p, const struct request *q, struct rd *out,
    struct why *why)
{
	const struct held_subscriber *h;

	rd_init(out, NULL, 0);
	if (q->kind == REQUEST_SUBSCRIBER_ADD)
		return ERR_OK;
	if ((h = policy_record(p, q->record)) == NULL)
		return why_set(why, ERR_NOTFOUND,
		    "the record before is not there");
	rd_init(out, h->record, h->len);
	return ERR_OK;
}

static enum err
send_subscriber(struct policy *p, uint64_t number, const struct request *q,
    struct rd octets, struct pending **d, struct why *why)
{
	const char *text = q->kind == REQUEST_SUBSCRIBER_DEVICES ? "devices"
	    : q->seed.len > 0 ? "enrol, seed imported"
			      : "enrol, seed made in the token";
	struct task_subscriber t = {.number = number, .request = octets};
	struct rd identity, body;
	uint8_t *p_body;
	struct wr w;
	size_t cap, len;
	enum err rc;

	if ((rc = policy_fits_identities(p, q, why)) != ERR_OK ||
	    (rc = record_before(p, q, &t.record, why)) != ERR_OK)
		return rc;
	cap = 8 + 4 + t.request.left + 2 + t.record.left;
	if ((p_body = malloc(cap)) == NULL)
		return why_set(why, ERR_NOMEM, "out of memory");
	wr_init(&w, p_body, cap);
	task_subscriber_put(&w, &t);
	if ((rc = wr_finish(&w, &len)) == ERR_OK) {
		rd_init(&body, p_body, len);
		rd_init(&identity, q->identity, strlen(q->identity));
		rc = send_task(p, TASK_SUBSCRIBER, identity, text, body, d);
	}
	free(p_body);
	if (rc != ERR_OK)
		(void)why_set(why, rc, "the audit process is out of service");
	return rc;
}

void
policy_task_subscriber(struct policy *p, uint64_t number,
    const struct request *q, struct rd octets, uint32_t cli, json_t *answer)
{
	struct pending *d = NULL;
	struct why why = {""};
	const enum err rc = send_subscriber(p, number, q, octets, &d, &why);

	if (rc != ERR_OK) {
		json_decref(answer);
		not_made(p, cli, number, rc, why.text);
		return;
	}
	d->cli = cli;
	d->number = number;
	d->answer = answer;
}

static void
record_made(struct policy *p, struct pending *d, const struct msg_result *m)
{
	struct task_subscriber_result r;
	struct why why = {""};
	struct rd sealed, seal;
	struct subscriber s;
	enum err rc;

	if (task_subscriber_result_get(m->result, &r) != ERR_OK ||
	    subscriber_parse(r.record, &s, &sealed, &seal) != ERR_OK ||
	    s.number != d->number ||
	    !rd_is(&s.identity, d->identity, strlen(d->identity)))
		fatal("a task's result that is none");
	if ((rc = policy_put_record(p, r.record, &why)) != ERR_OK) {
		not_made(p, d->cli, d->number, rc, why.text);
		return;
	}
	if (r.for_device.left > 0)
		json_object_set_new(d->answer, "wrappedSeed",
		    cli_base64(r.for_device));
	cli_json(p, d->cli, json_incref(d->answer));
}

/* ---- keys ---- */

static enum err
send_key(struct policy *p, const struct held_subscriber *s,
    const struct cli_key_issue *k, struct pending **d)
{
	const size_t cap = s->len + MAX_PUBLIC_ID + 32;
	struct task_key t = {.identity = k->identity, .at = k->at};
	uint8_t *body;
	struct rd v;
	struct wr w;
	size_t len;
	enum err rc;

	rd_init(&t.subscriber, s->record, s->len);
	if ((body = malloc(cap)) == NULL)
		return ERR_NOMEM;
	wr_init(&w, body, cap);
	task_key_put(&w, &t);
	if ((rc = wr_finish(&w, &len)) == ERR_OK) {
		rd_init(&v, body, len);
		rc = send_task(p, TASK_KEY_ISSUE, k->identity,
		    "issue a private key to the device", v, d);
	}
	free(body);
	return rc;
}

enum err
cli_on_key_issue(void *ctx, const struct ipc_frame *f)
{
	struct cli *c = ctx;
	const char *stopped = policy_stopped(c->p);
	const struct held_subscriber *s;
	struct pending *d = NULL;
	struct cli_key_issue m;

	if (cli_key_issue_get(f->body, &m) != ERR_OK)
		return ERR_MALFORMED;
	if (stopped != NULL)
		cli_error(c->p, c->id, ERR_CLOSED, stopped);
	else if ((s = policy_subscriber(c->p, m.subscriber)) == NULL)
		cli_error(c->p, c->id, ERR_NOTFOUND, "no such subscriber");
	else if (!authority_record_stands(c->p->authority, s->number))
		cli_error(c->p, c->id, ERR_DENIED,
		    "the subscriber's record is not the last one approved: "
		    "hand in its last request again");
	else if (send_key(c->p, s, &m, &d) != ERR_OK)
		cli_error(c->p, c->id, ERR_CLOSED,
		    "the audit process is out of service: nothing was done, "
		    "try again");
	else
		d->cli = c->id;
	return ERR_OK;
}

static void
key_issued(struct policy *p, struct pending *d, const struct msg_result *m)
{
	struct task_key_result r;
	json_t *j;

	if (task_key_result_get(m->result, &r) != ERR_OK)
		fatal("a task's result that is none");
	j = json_object();
	json_object_set_new(j, "identity", json_string(d->identity));
	json_object_set_new(j, "notBefore", cli_time(r.not_before));
	json_object_set_new(j, "notAfter", cli_time(r.not_after));
	json_object_set_new(j, "enveloped", cli_base64(r.enveloped));
	cli_json(p, d->cli, j);
}

/* ---- audit's word ---- */

void
policy_task_done(struct policy *p, struct pending *d,
    const struct msg_result *m)
{
	const bool record = d->task == TASK_SUBSCRIBER;
	char text[WHY_MAX] = "";
	struct rd v = m->result;

	if (m->rc == ERR_OK && record)
		record_made(p, d, m);
	else if (m->rc == ERR_OK)
		key_issued(p, d, m);
	else {
		if (v.left >= sizeof(text))
			v.left = sizeof(text) - 1;
		if (view_text(v, text, sizeof(text)) != ERR_OK)
			fatal("a text longer than it is");
		if (record)
			not_made(p, d->cli, d->number, m->rc, text);
		else
			cli_error(p, d->cli, m->rc, text);
	}
	json_decref(d->answer);
}
