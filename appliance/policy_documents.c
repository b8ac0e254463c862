/*
 * Signed documents that officers bring: warrants and revocations.  Each act is
 * in the log before it takes effect; a document that is refused is noted too.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "appliance/policy_cli.h"
#include "base/log.h"

const char *
policy_warrant_state(const struct held_warrant *h, int64_t now)
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
	json_object_set_new(j, "state",
	    json_string(policy_warrant_state(h, policy_now())));
	json_object_set_new(j, "identities", ids);
	json_object_set_new(j, "clients", cl);
	json_object_set_new(j, "issued", cli_time(w->issued));
	json_object_set_new(j, "start", cli_time(w->start));
	json_object_set_new(j, "end", cli_time(w->end));
	json_object_set_new(j, "graceAfterEnd", json_integer(w->grace));
	json_object_set_new(j, "callsFrom", cli_time(w->calls_from));
	json_object_set_new(j, "signedBy", json_string(h->signers));
	return j;
}

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
		cli_error(c->p, c->id, rc, why->text);
		return;
	}
	d->cli = c->id;
	d->rc = rc;
	d->why = *why;
	if (policy_record(c->p, &e, id) != ERR_OK) {
		slots_drop(c->p->pending, id);
		cli_error(c->p, c->id, rc, why->text);
	}
}

/* Is it with audit already? */
static bool
being_entered(struct policy *p, const uint8_t id[WARRANT_ID_LEN])
{
	const struct pending *d;
	unsigned at = 0;
	uint32_t slot;

	while ((d = slots_next(p->pending, &at, &slot)) != NULL)
		if (d->kind == PENDING_WARRANT &&
		    memcmp(d->held->w->id, id, WARRANT_ID_LEN) == 0)
			return true;
	return false;
}

/* What a warrant needs beyond its signatures to be taken. */
static enum err
check_new_warrant(struct policy *p, const struct held_warrant *h, int64_t now,
    struct why *why)
{
	if (policy_warrant_by_id(p, h->w->id) != NULL ||
	    being_entered(p, h->w->id))
		return why_set(why, ERR_EXISTS,
		    "this warrant has been entered already (a new one needs "
		    "another \"issued\" or \"reference\")");
	if (h->w->end + h->w->grace <= now)
		return why_set(why, ERR_DENIED, "its period has ended");
	return ERR_OK;
}

enum err
cli_on_warrant_add(void *ctx, const struct ipc_frame *f)
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
		cli_unavailable(c);
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
		cli_unavailable(c);
	}
	return ERR_OK;
}

enum err
cli_on_warrant_check(void *ctx, const struct ipc_frame *f)
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
		cli_error(c->p, c->id, rc, why.text);
	else {
		j = warrant_json(h);
		cli_json(c->p, c->id, j);
	}
	policy_free_warrant(&h);
	return ERR_OK;
}

enum err
cli_on_warrant_list(void *ctx, const struct ipc_frame *f)
{
	struct cli *c = ctx;
	json_t *j = json_array();

	(void)f;
	for (size_t i = 0; i < c->p->n_warrants; i++)
		json_array_append_new(j, warrant_json(c->p->warrant[i]));
	cli_json(c->p, c->id, j);
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

enum err
cli_on_warrant_revoke(void *ctx, const struct ipc_frame *f)
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
		cli_error(c->p, c->id, ERR_CLOSED,
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
		cli_json(p, d->cli, warrant_json(d->held));
}

void
policy_warrant_recorded(struct policy *p, struct pending *d)
{
	struct why why = {""};
	struct held_warrant *h = d->held;

	if (policy_hold_warrant(p, h, &why) != ERR_OK) {
		log_error("%s: a warrant is in the log and not in force",
		    why.text);
		cli_error(p, d->cli, ERR_IO, why.text);
		policy_free_warrant(&h);
		return;
	}
	cli_json(p, d->cli, warrant_json(h));
}
