/*
 * The control socket: what officers and engineers do with keywarden(1).  Each
 * act is in the log before it takes effect; a document that is refused is
 * noted too.
 */
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>
#include <openssl/evp.h>

#include "appliance/policy_proc.h"
#include "base/log.h"
#include "policy/rfc3339.h"
#include "version.h"

/* ---- answers ---- */

static void
answer_error(struct policy *p, uint32_t cli, enum err rc, const char *text)
{
	struct cli *c = slots_find(p->clis, cli);
	struct wr w;

	if (c == NULL)
		return;
	if (peer_begin(c->peer, MSG_CLI_ERROR, 0, WHY_MAX + 8, &w) != ERR_OK)
		return;
	msg_error_put(&w, rc, text);
	if (peer_commit(c->peer, &w) != ERR_OK)
		log_warning("an answer to keywarden(1) could not be sent");
}

/* Takes the JSON over. */
static void
answer_json(struct policy *p, uint32_t cli, json_t *j)
{
	struct cli *c = slots_find(p->clis, cli);
	char *text = j == NULL ? NULL : json_dumps(j, JSON_COMPACT);

	json_decref(j);
	if (c == NULL) {
		free(text);
		return;
	}
	if (text == NULL ||
	    peer_send(c->peer, MSG_CLI_OK, 0, text, strlen(text)) != ERR_OK)
		log_warning("an answer to keywarden(1) could not be sent");
	free(text);
}

static json_t *
time_json(int64_t t)
{
	char s[RFC3339_LEN];

	return json_string(rfc3339_print(t, s));
}

static const char *
state_of(const struct held_warrant *h, int64_t now)
{
	if (h->revoked)
		return "revoked";
	if (now < h->w->start)
		return "not yet in force";
	if (now < h->w->end)
		return "in force";
	return now < h->w->end + h->w->grace ? "ended, in grace" : "ended";
}

static json_t *
warrant_json(const struct held_warrant *h)
{
	const struct warrant *w = h->w;
	json_t *j = json_object(), *ids = json_array(), *cl = json_array();
	char id[2 * WARRANT_ID_LEN + 1];

	hex_put(w->id, WARRANT_ID_LEN, id);
	for (unsigned i = 0; i < w->n_ids; i++)
		json_array_append_new(ids, json_string(w->ids[i]));
	for (unsigned i = 0; i < w->n_clients; i++)
		json_array_append_new(cl, json_string(w->clients[i]));
	json_object_set_new(j, "warrant", json_string(id));
	json_object_set_new(j, "liid", json_string(w->liid));
	json_object_set_new(j, "state", json_string(state_of(h, policy_now())));
	json_object_set_new(j, "identities", ids);
	json_object_set_new(j, "clients", cl);
	json_object_set_new(j, "issued", time_json(w->issued));
	json_object_set_new(j, "start", time_json(w->start));
	json_object_set_new(j, "end", time_json(w->end));
	json_object_set_new(j, "graceAfterEnd", json_integer(w->grace));
	json_object_set_new(j, "callsFrom", time_json(w->calls_from));
	json_object_set_new(j, "signedBy", json_string(h->signers));
	return j;
}

/* ---- documents ---- */

static void
digest_of(struct rd v, uint8_t out[32])
{
	if (EVP_Q_digest(NULL, "SHA256", NULL, v.p, v.left, out, NULL) != 1)
		fatal("SHA-256 failed");
}

/* A document that is not taken: noted, then answered. */
static void
refuse_document(struct cli *c, struct rd cms, enum err rc,
    const struct why *why)
{
	struct audit_entry e = {.type = AUDIT_DOCUMENT_REFUSED};
	struct pending *d;
	uint32_t id;

	digest_of(cms, e.digest);
	rd_init(&e.text, why->text, strlen(why->text));
	if ((d = policy_pending(c->p, PENDING_DOCUMENT, &id)) == NULL) {
		answer_error(c->p, c->id, rc, why->text);
		return;
	}
	d->cli = c->id;
	d->rc = rc;
	d->why = *why;
	if (policy_record(c->p, &e, id) != ERR_OK) {
		slots_drop(c->p->pending, id);
		answer_error(c->p, c->id, rc, why->text);
	}
}

static void
unavailable(struct cli *c)
{
	answer_error(c->p, c->id, ERR_CLOSED,
	    "the audit process is out of service: nothing was done, try "
	    "again");
}

/* What a warrant needs beyond its signatures to be taken. */
static enum err
check_new_warrant(struct policy *p, const struct held_warrant *h, int64_t now,
    struct why *why)
{
	if (policy_warrant_by_id(p, h->w->id) != NULL)
		return why_set(why, ERR_EXISTS,
		    "this warrant has been entered already (a new one needs "
		    "another \"issued\" or \"reference\")");
	if (h->w->end + h->w->grace <= now)
		return why_set(why, ERR_DENIED, "its period has ended");
	return ERR_OK;
}

static enum err
on_warrant_add(void *ctx, const struct ipc_frame *f)
{
	struct cli *c = ctx;
	const int64_t now = policy_now();
	struct audit_entry e = {.type = AUDIT_WARRANT_ADDED};
	struct held_warrant *h = NULL;
	struct why why = {""};
	struct pending *d;
	uint32_t id;
	enum err rc;

	rc = policy_read_warrant(c->p, f->body, now, &h, &why);
	if (rc == ERR_OK)
		rc = check_new_warrant(c->p, h, now, &why);
	if (rc != ERR_OK) {
		policy_free_warrant(&h);
		refuse_document(c, f->body, rc, &why);
		return ERR_OK;
	}
	if ((d = policy_pending(c->p, PENDING_WARRANT, &id)) == NULL) {
		policy_free_warrant(&h);
		unavailable(c);
		return ERR_OK;
	}
	d->cli = c->id;
	d->held = h;
	rd_init(&e.liid, h->w->liid, strlen(h->w->liid));
	memcpy(e.warrant, h->w->id, sizeof(e.warrant));
	digest_of(f->body, e.digest);
	rd_init(&e.text, h->signers, strlen(h->signers));
	if (policy_record(c->p, &e, id) != ERR_OK) {
		policy_free_warrant(&h);
		slots_drop(c->p->pending, id);
		unavailable(c);
	}
	return ERR_OK;
}

static enum err
on_warrant_check(void *ctx, const struct ipc_frame *f)
{
	struct cli *c = ctx;
	struct held_warrant *h = NULL;
	struct why why = {""};
	json_t *j;
	enum err rc;

	rc = policy_read_warrant(c->p, f->body, policy_now(), &h, &why);
	if (rc == ERR_OK)
		rc = check_new_warrant(c->p, h, policy_now(), &why);
	if (rc != ERR_OK)
		answer_error(c->p, c->id, rc, why.text);
	else {
		j = warrant_json(h);
		answer_json(c->p, c->id, j);
	}
	policy_free_warrant(&h);
	return ERR_OK;
}

static enum err
on_warrant_list(void *ctx, const struct ipc_frame *f)
{
	struct cli *c = ctx;
	json_t *j = json_array();

	(void)f;
	for (size_t i = 0; i < c->p->n_warrants; i++)
		json_array_append_new(j, warrant_json(c->p->warrant[i]));
	answer_json(c->p, c->id, j);
	return ERR_OK;
}

/* ---- revocation: at once, whatever the state of the rest ---- */

static uint8_t *
copy(struct rd v)
{
	uint8_t *p = malloc(v.left > 0 ? v.left : 1);

	if (p == NULL)
		fatal("out of memory");
	memcpy(p, v.p, v.left);
	return p;
}

static void
send_revocation(struct policy *p, struct held_warrant *h, uint32_t cli,
    bool with_cli)
{
	struct audit_entry e = {.type = AUDIT_WARRANT_REVOKED};
	uint8_t leaf[MAX_AUDIT_LEAF];
	struct msg_revoke m;
	struct pending *d;
	size_t len;
	uint32_t id;
	struct wr w;

	rd_init(&m.cms, h->revocation, h->revocation_len);
	rd_init(&e.liid, h->w->liid, strlen(h->w->liid));
	memcpy(e.warrant, h->w->id, sizeof(e.warrant));
	digest_of(m.cms, e.digest);
	if (audit_entry_encode(&e, leaf, &len) != ERR_OK ||
	    (d = policy_pending(p, PENDING_REVOKE, &id)) == NULL)
		return;
	d->held = h;
	d->cli = with_cli ? cli : UINT32_MAX;
	rd_init(&m.entry, leaf, len);
	if (peer_begin(p->audit, MSG_REVOKE, id, len + m.cms.left + 8, &w) !=
	    ERR_OK) {
		slots_drop(p->pending, id);
		return;
	}
	msg_revoke_put(&w, &m);
	if (peer_commit(p->audit, &w) == ERR_OK)
		p->revoking = true;
}

void
policy_next_revocation(struct policy *p)
{
	if (p->audit == NULL || p->revoking)
		return;
	for (size_t i = 0; i < p->n_warrants; i++)
		if (p->warrant[i]->revoked &&
		    !p->warrant[i]->revocation_logged) {
			send_revocation(p, p->warrant[i], 0, false);
			return;
		}
}

static enum err
read_revocation(struct policy *p, struct rd cms, struct held_warrant **out,
    struct why *why)
{
	struct signed_doc doc = {.payload = NULL};
	struct revocation r;
	struct rd payload;
	enum err rc;

	rc = officers_verify(p->officers, cms, policy_now(), 1, &doc, why);
	if (rc != ERR_OK)
		return rc;
	rd_init(&payload, doc.payload, doc.payload_len);
	rc = revocation_parse(payload, &r, why);
	signed_doc_done(&doc);
	if (rc != ERR_OK)
		return rc;
	if ((*out = policy_warrant_by_id(p, r.warrant)) == NULL)
		return why_set(why, ERR_NOTFOUND, "no such warrant");
	if ((*out)->revoked)
		return why_set(why, ERR_EXISTS, "it is revoked already");
	return ERR_OK;
}

static enum err
on_warrant_revoke(void *ctx, const struct ipc_frame *f)
{
	struct cli *c = ctx;
	struct held_warrant *h = NULL;
	struct why why = {""};
	enum err rc;

	if ((rc = read_revocation(c->p, f->body, &h, &why)) != ERR_OK) {
		refuse_document(c, f->body, rc, &why);
		return ERR_OK;
	}
	h->revoked = true;
	h->revocation = copy(f->body);
	h->revocation_len = f->body.left;
	if ((rc = db_revoke(c->p->db, h->w->id, f->body, false, &why)) !=
	    ERR_OK)
		log_error("%s: the revocation holds until a restart", why.text);
	if (c->p->audit == NULL || c->p->revoking) {
		policy_next_revocation(c->p);
		answer_error(c->p, c->id, ERR_CLOSED,
		    "revoked here; the log and the hsm workers follow when "
		    "audit is back");
		return ERR_OK;
	}
	send_revocation(c->p, h, c->id, true);
	return ERR_OK;
}

void
policy_cli_revoked(struct policy *p, struct pending *d)
{
	struct why why = {""};
	struct rd cms;

	d->held->revocation_logged = true;
	rd_init(&cms, d->held->revocation, d->held->revocation_len);
	if (db_revoke(p->db, d->held->w->id, cms, true, &why) != ERR_OK)
		log_error("%s", why.text);
	if (d->cli != UINT32_MAX)
		answer_json(p, d->cli, warrant_json(d->held));
}

/* ---- subscribers ---- */

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

static enum err
on_subscriber_add(void *ctx, const struct ipc_frame *f)
{
	struct cli *c = ctx;
	struct task_subscriber t;
	struct why why = {""};
	enum err rc = ERR_OK;

	if (task_subscriber_get(f->body, &t) != ERR_OK)
		return ERR_MALFORMED;
	if ((rc = identity_check(t.identity, &why)) == ERR_OK &&
	    policy_subscriber(c->p, t.identity) != NULL)
		rc = why_set(&why, ERR_EXISTS, "enrolled already");
	if (rc != ERR_OK) {
		answer_error(c->p, c->id, rc, why.text);
		return ERR_OK;
	}
	if (send_task(c, TASK_SUBSCRIBER_ADD, t.identity,
		t.wrapped_seed.left > 0 ? "enrol, seed imported"
					: "enrol, seed made in the token",
		f->body) != ERR_OK)
		unavailable(c);
	return ERR_OK;
}

static enum err
on_subscriber_list(void *ctx, const struct ipc_frame *f)
{
	struct cli *c = ctx;
	json_t *j = json_array();

	(void)f;
	for (size_t b = 0; b < POLICY_BUCKETS; b++)
		for (const struct held_subscriber *s = c->p->subscriber[b];
		     s != NULL; s = s->next) {
			json_t *o = json_object(), *dev = json_array();

			for (unsigned i = 0; i < s->s.n_devices; i++)
				json_array_append_new(dev,
				    json_stringn((const char *)s->s.device[i].p,
					s->s.device[i].left));
			json_object_set_new(o, "identity",
			    json_stringn((const char *)s->s.identity.p,
				s->s.identity.left));
			json_object_set_new(o, "devices", dev);
			json_object_set_new(o, "enrolled",
			    time_json(s->s.created));
			json_object_set_new(o, "hasDeviceCertificate",
			    json_boolean(s->s.device_cert.left > 0));
			json_array_append_new(j, o);
		}
	answer_json(c->p, c->id, j);
	return ERR_OK;
}

static enum err
on_subscriber_remove(void *ctx, const struct ipc_frame *f)
{
	struct cli *c = ctx;
	struct audit_entry e = {.type = AUDIT_SUBSCRIBER_REMOVED,
	    .target = f->body};
	struct pending *d;
	uint32_t id;

	if (policy_subscriber(c->p, f->body) == NULL) {
		answer_error(c->p, c->id, ERR_NOTFOUND, "no such subscriber");
		return ERR_OK;
	}
	if ((d = policy_pending(c->p, PENDING_REMOVE, &id)) == NULL) {
		unavailable(c);
		return ERR_OK;
	}
	d->cli = c->id;
	if (view_text(f->body, d->identity, sizeof(d->identity)) != ERR_OK ||
	    policy_record(c->p, &e, id) != ERR_OK) {
		slots_drop(c->p->pending, id);
		unavailable(c);
	}
	return ERR_OK;
}

static enum err
on_key_issue(void *ctx, const struct ipc_frame *f)
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
		answer_error(c->p, c->id, ERR_NOTFOUND, "no such subscriber");
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
		unavailable(c);
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
	json_t *j;

	if (task_subscriber_result_get(m->result, &r) != ERR_OK)
		fatal("a task's result that is none");
	if (policy_hold_subscriber(p, r.record, true, &why) != ERR_OK) {
		answer_error(p, d->cli, ERR_IO, why.text);
		return;
	}
	j = json_object();
	json_object_set_new(j, "identity", json_string(d->identity));
	if (r.for_device.left > 0)
		json_object_set_new(j, "wrappedSeed",
		    base64_json(r.for_device));
	answer_json(p, d->cli, j);
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
	json_object_set_new(j, "notBefore", time_json(r.not_before));
	json_object_set_new(j, "notAfter", time_json(r.not_after));
	json_object_set_new(j, "enveloped", base64_json(r.enveloped));
	answer_json(p, d->cli, j);
}

void
policy_cli_task_done(struct policy *p, struct pending *d,
    const struct msg_result *m)
{
	char text[WHY_MAX] = "";

	if (m->rc != ERR_OK) {
		if (view_text(m->result, text, sizeof(text)) != ERR_OK)
			text[0] = '\0';
		answer_error(p, d->cli, m->rc, text);
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

/* ---- audit's word on a record ---- */

static void
warrant_recorded(struct policy *p, struct pending *d)
{
	struct why why = {""};
	struct held_warrant *h = d->held;

	if (policy_hold_warrant(p, h, &why) != ERR_OK) {
		log_error("%s: a warrant is in the log and not in force",
		    why.text);
		answer_error(p, d->cli, ERR_IO, why.text);
		policy_free_warrant(&h);
		return;
	}
	answer_json(p, d->cli, warrant_json(h));
}

static void
removal_recorded(struct policy *p, struct pending *d)
{
	struct why why = {""};
	struct rd id;

	rd_init(&id, d->identity, strlen(d->identity));
	if (policy_drop_subscriber(p, id, &why) != ERR_OK)
		answer_error(p, d->cli, ERR_IO, why.text);
	else
		answer_json(p, d->cli, json_object());
}

void
policy_cli_recorded(struct policy *p, struct pending *d, enum err rc)
{
	if (d->kind == PENDING_DOCUMENT) {
		answer_error(p, d->cli, d->rc, d->why.text);
		return;
	}
	if (rc != ERR_OK) {
		answer_error(p, d->cli, rc,
		    "the audit log is full or unwritable: nothing was done");
		if (d->kind == PENDING_WARRANT)
			policy_free_warrant(&d->held);
		return;
	}
	if (d->kind == PENDING_WARRANT)
		warrant_recorded(p, d);
	else
		removal_recorded(p, d);
}

void
policy_cli_failed(struct policy *p, struct pending *d)
{
	if (d->kind == PENDING_WARRANT)
		policy_free_warrant(&d->held);
	if (d->kind == PENDING_REVOKE && d->cli == UINT32_MAX)
		return;
	answer_error(p, d->cli, ERR_CLOSED,
	    d->kind == PENDING_REVOKE
		? "revoked here; the log and the hsm workers follow when audit "
		  "is back"
		: "the audit process went out of service meanwhile: see what "
		  "was done with 'keywarden audit show'");
}

/* ---- status ---- */

static enum err
on_status(void *ctx, const struct ipc_frame *f)
{
	struct cli *c = ctx;
	const struct policy *p = c->p;
	json_t *j = json_object();
	size_t in_force = 0;

	(void)f;
	for (size_t i = 0; i < p->n_warrants; i++)
		in_force += strcmp(state_of(p->warrant[i], policy_now()),
				"in force") == 0;
	json_object_set_new(j, "version", json_string(KEYWARDEN_VERSION));
	json_object_set_new(j, "xk", json_boolean(p->xk != NULL));
	json_object_set_new(j, "audit", json_boolean(p->audit != NULL));
	json_object_set_new(j, "workers", json_integer(p->workers));
	json_object_set_new(j, "serving",
	    json_boolean(p->xk != NULL && p->audit != NULL && p->workers > 0));
	json_object_set_new(j, "warrants",
	    json_integer((json_int_t)p->n_warrants));
	json_object_set_new(j, "warrantsInForce",
	    json_integer((json_int_t)in_force));
	json_object_set_new(j, "subscribers",
	    json_integer((json_int_t)p->n_subscribers));
	json_object_set_new(j, "clients", json_integer(p->n_clients));
	answer_json(c->p, c->id, j);
	return ERR_OK;
}

/* ---- connections ---- */

static const struct ipc_rule cli_rules[] = {
    {MSG_CLI_STATUS, 0, 0, 1, on_status},
    {MSG_CLI_WARRANT_ADD, 1, MAX_WARRANT_CMS, 1, on_warrant_add},
    {MSG_CLI_WARRANT_LIST, 0, 0, 1, on_warrant_list},
    {MSG_CLI_WARRANT_REVOKE, 1, MAX_WARRANT_CMS, 1, on_warrant_revoke},
    {MSG_CLI_WARRANT_CHECK, 1, MAX_WARRANT_CMS, 1, on_warrant_check},
    {MSG_CLI_SUBSCRIBER_ADD, 8, 32768, 1, on_subscriber_add},
    {MSG_CLI_SUBSCRIBER_LIST, 0, 0, 1, on_subscriber_list},
    {MSG_CLI_SUBSCRIBER_REMOVE, 1, MAX_PUBLIC_ID, 1, on_subscriber_remove},
    {MSG_CLI_KEY_ISSUE, 10, 1024, 1, on_key_issue},
};

static void
cli_closed(void *ctx, struct peer *peer)
{
	struct cli *c = ctx;

	(void)peer;
	peer_free(&c->peer);
	slots_drop(c->p->clis, c->id);
}

static const struct peer_ops cli_ops = {.name = "keywarden(1)",
    .table = cli_rules,
    .n_rules = sizeof(cli_rules) / sizeof(cli_rules[0]),
    .max_body = MAX_WARRANT_CMS,
    .max_queue = MAX_IPC_QUEUE,
    .closed = cli_closed,
    .foreign = true};

/* The socket's mode lets in who may; this is the second lock. */
static bool
may_speak(int fd)
{
	struct ucred u;
	socklen_t len = sizeof(u);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &u, &len) == 0 &&
	    (u.uid == 0 || u.uid == geteuid());
}

void
policy_cli_accept(struct policy *p)
{
	const int fd =
	    accept4(p->control_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct cli *c;
	uint32_t id;

	if (fd == -1)
		return;
	if (!may_speak(fd) || (c = slots_take(p->clis, &id)) == NULL) {
		close(fd);
		return;
	}
	c->p = p;
	c->id = id;
	if (peer_new(&p->loop, fd, &cli_ops, c, &c->peer) != ERR_OK)
		slots_drop(p->clis, id);
}
