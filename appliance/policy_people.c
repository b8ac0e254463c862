/*
 * Subscribers: enrolment, removal, and private keys for their devices.  What
 * needs the token is a task of a worker; audit writes it down first.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "appliance/policy_cli.h"
#include "base/log.h"

static enum err
send_task(struct cli *c, enum task_kind kind, struct rd target,
    const char *text, struct rd body)
{
	struct audit_entry e = {.type = AUDIT_SUBSCRIBER_INTENT,
	    .target = target};
	uint8_t leaf[MAX_AUDIT_LEAF];
	struct msg_task m = {.kind = kind, .body = body};
	struct pending *d;
	uint32_t id;
	size_t len;
	struct wr w;
	enum err rc;

	if (c->p->audit == NULL)
		return ERR_CLOSED;
	rd_init(&e.text, text, strlen(text));
	if ((rc = audit_entry_encode(&e, leaf, &len)) != ERR_OK)
		return rc;
	if ((d = policy_pending(c->p, PENDING_TASK, &id)) == NULL)
		return ERR_FULL;
	d->cli = c->id;
	d->task = kind;
	if (view_text(target, d->identity, sizeof(d->identity)) != ERR_OK) {
		slots_drop(c->p->pending, id);
		return ERR_TOOBIG;
	}
	rd_init(&m.entry, leaf, len);
	rc = peer_begin(c->p->audit, MSG_TASK, id, len + body.left + 16, &w);
	if (rc == ERR_OK) {
		msg_task_put(&w, &m);
		rc = peer_commit(c->p->audit, &w);
	}
	if (rc != ERR_OK)
		slots_drop(c->p->pending, id);
	return rc;
}

static bool
is_device_of(const struct subscriber *s, struct rd identity)
{
	for (unsigned i = 0; i < s->n_devices; i++)
		if (rd_equal(&s->device[i], &identity))
			return true;
	return false;
}

/* An identity is one subscriber's or one device's. */
static bool
is_taken(struct policy *p, struct rd identity)
{
	if (policy_subscriber(p, identity) != NULL)
		return true;
	for (size_t b = 0; b < POLICY_BUCKETS; b++)
		for (const struct held_subscriber *s = p->subscriber[b];
		     s != NULL; s = s->next)
			if (is_device_of(&s->s, identity))
				return true;
	return false;
}

static bool
any_taken(struct policy *p, const struct subscriber *s)
{
	bool taken = is_taken(p, s->identity);

	for (unsigned i = 0; i < s->n_devices; i++)
		taken |= is_taken(p, s->device[i]);
	return taken;
}

static enum err
check_new_identities(struct policy *p, const struct task_subscriber *t,
    struct why *why)
{
	char text[64];
	enum err rc = identity_check(t->identity, why);

	if (rc == ERR_OK && is_taken(p, t->identity))
		return why_set(why, ERR_EXISTS, "enrolled already");
	for (unsigned i = 0; i < t->n_devices && rc == ERR_OK; i++) {
		bool twice = rd_equal(&t->device[i], &t->identity);

		for (unsigned k = 0; k < i; k++)
			twice |= rd_equal(&t->device[i], &t->device[k]);
		rc = identity_check(t->device[i], why);
		if (rc == ERR_OK && (twice || is_taken(p, t->device[i])))
			rc = why_set(why, ERR_EXISTS,
			    "the identity of device %u, %s, is enrolled "
			    "already",
			    i + 1,
			    log_escape((const char *)t->device[i].p,
				t->device[i].left, text, sizeof(text)));
	}
	return rc;
}

enum err
cli_on_subscriber_add(void *ctx, const struct ipc_frame *f)
{
	struct cli *c = ctx;
	struct task_subscriber t;
	struct why why = {""};
	enum err rc;

	if (task_subscriber_get(f->body, &t) != ERR_OK)
		return ERR_MALFORMED;
	if ((rc = check_new_identities(c->p, &t, &why)) != ERR_OK) {
		cli_error(c->p, c->id, rc, why.text);
		return ERR_OK;
	}
	if (send_task(c, TASK_SUBSCRIBER_ADD, t.identity,
		t.wrapped_seed.left > 0 ? "enrol, seed imported"
					: "enrol, seed made in the token",
		f->body) != ERR_OK)
		cli_unavailable(c);
	return ERR_OK;
}

static json_t *
subscriber_json(const struct subscriber *s)
{
	json_t *o = json_object(), *dev = json_array();

	for (unsigned i = 0; i < s->n_devices; i++)
		json_array_append_new(dev,
		    json_stringn((const char *)s->device[i].p,
			s->device[i].left));
	json_object_set_new(o, "identity",
	    json_stringn((const char *)s->identity.p, s->identity.left));
	json_object_set_new(o, "devices", dev);
	json_object_set_new(o, "enrolled", cli_time(s->created));
	json_object_set_new(o, "hasDeviceCertificate",
	    json_boolean(s->device_cert.left > 0));
	return o;
}

/* A page is whole buckets; the next begins at a bucket. */
enum err
cli_on_subscriber_list(void *ctx, const struct ipc_frame *f)
{
	struct cli *c = ctx;
	json_t *rows = json_array();
	struct rd r = f->body;
	uint32_t b;
	enum err rc;

	if ((rc = rd_u32(&r, &b)) != ERR_OK) {
		json_decref(rows);
		return rc;
	}
	for (; b < POLICY_BUCKETS && json_array_size(rows) < CLI_PAGE; b++)
		for (const struct held_subscriber *s = c->p->subscriber[b];
		     s != NULL; s = s->next)
			json_array_append_new(rows, subscriber_json(&s->s));
	cli_page(c, rows, b < POLICY_BUCKETS ? (int64_t)b : -1);
	return ERR_OK;
}

enum err
cli_on_subscriber_remove(void *ctx, const struct ipc_frame *f)
{
	struct cli *c = ctx;
	struct audit_entry e = {.type = AUDIT_SUBSCRIBER_REMOVED,
	    .target = f->body};
	struct pending *d;
	uint32_t id;

	if (policy_subscriber(c->p, f->body) == NULL) {
		cli_error(c->p, c->id, ERR_NOTFOUND, "no such subscriber");
		return ERR_OK;
	}
	if ((d = policy_pending(c->p, PENDING_REMOVE, &id)) == NULL) {
		cli_unavailable(c);
		return ERR_OK;
	}
	d->cli = c->id;
	if (view_text(f->body, d->identity, sizeof(d->identity)) != ERR_OK ||
	    policy_record(c->p, &e, id) != ERR_OK) {
		slots_drop(c->p->pending, id);
		cli_unavailable(c);
	}
	return ERR_OK;
}

enum err
cli_on_key_issue(void *ctx, const struct ipc_frame *f)
{
	struct cli *c = ctx;
	struct cli_key_issue m;
	struct held_subscriber *s;
	struct task_key t;
	uint8_t *body;
	struct rd v;
	struct wr w;
	size_t len;
	enum err rc;

	if (cli_key_issue_get(f->body, &m) != ERR_OK)
		return ERR_MALFORMED;
	if ((s = policy_subscriber(c->p, m.subscriber)) == NULL) {
		cli_error(c->p, c->id, ERR_NOTFOUND, "no such subscriber");
		return ERR_OK;
	}
	rd_init(&t.subscriber, s->record, s->len);
	t.identity = m.identity;
	t.at = m.at;
	if ((body = malloc(s->len + MAX_PUBLIC_ID + 32)) == NULL)
		return ERR_NOMEM;
	wr_init(&w, body, s->len + MAX_PUBLIC_ID + 32);
	task_key_put(&w, &t);
	if ((rc = wr_finish(&w, &len)) == ERR_OK) {
		rd_init(&v, body, len);
		rc = send_task(c, TASK_KEY_ISSUE, m.identity,
		    "issue a private key to the device", v);
	}
	free(body);
	if (rc != ERR_OK)
		cli_unavailable(c);
	return ERR_OK;
}

static json_t *
base64_json(struct rd v)
{
	const size_t cap = 4 * ((v.left + 2) / 3) + 1;
	char *text = malloc(cap);
	json_t *j;

	if (text == NULL || v.left > INT32_MAX / 2)
		fatal("out of memory");
	(void)EVP_EncodeBlock((unsigned char *)text, v.p, (int)v.left);
	j = json_string(text);
	free(text);
	return j;
}

static void
enrolled(struct policy *p, struct pending *d, const struct msg_result *m)
{
	struct task_subscriber_result r;
	struct why why = {""};
	struct rd sealed, seal;
	struct subscriber s;
	json_t *j;

	if (task_subscriber_result_get(m->result, &r) != ERR_OK ||
	    subscriber_parse(r.record, &s, &sealed, &seal) != ERR_OK)
		fatal("a task's result that is none");
	if (any_taken(p, &s)) { /* by one that was under way beside it */
		cli_error(p, d->cli, ERR_EXISTS, "enrolled meanwhile");
		return;
	}
	if (policy_hold_subscriber(p, r.record, true, &why) != ERR_OK) {
		cli_error(p, d->cli, ERR_IO, why.text);
		return;
	}
	j = json_object();
	json_object_set_new(j, "identity", json_string(d->identity));
	if (r.for_device.left > 0)
		json_object_set_new(j, "wrappedSeed",
		    base64_json(r.for_device));
	cli_json(p, d->cli, j);
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
	json_object_set_new(j, "enveloped", base64_json(r.enveloped));
	cli_json(p, d->cli, j);
}

void
policy_cli_task_done(struct policy *p, struct pending *d,
    const struct msg_result *m)
{
	char text[WHY_MAX] = "";

	if (m->rc != ERR_OK) {
		if (view_text(m->result, text, sizeof(text)) != ERR_OK)
			text[0] = '\0';
		cli_error(p, d->cli, m->rc, text);
		return;
	}
	switch (d->task) {
	case TASK_SUBSCRIBER_ADD:
		enrolled(p, d, m);
		return;
	case TASK_KEY_ISSUE:
		key_issued(p, d, m);
		return;
	case TASK__MAX:
		break;
	}
	fatal("a task that is none");
}

void
policy_removal_recorded(struct policy *p, struct pending *d)
{
	struct why why = {""};
	struct rd id;

	rd_init(&id, d->identity, strlen(d->identity));
	if (policy_drop_subscriber(p, id, &why) != ERR_OK)
		cli_error(p, d->cli, ERR_IO, why.text);
	else
		cli_json(p, d->cli, json_object());
}
