/*
 * Revocations: in force here at once, then written by audit and learnt by
 * every worker.  Audit has them one at a time: first those that are not in the
 * log, then, for an audit that has just started, the others.
 */
#include <stdlib.h>
#include <string.h>

#include "appliance/policy_cli.h"
#include "base/clock.h"
#include "base/log.h"

static const char here[] =
    "revoked here; the log and the hsm workers follow when audit is back";

static enum err
encode_entry(const struct held_warrant *h, uint8_t leaf[MAX_AUDIT_LEAF],
    size_t *len)
{
	struct audit_entry e = {.type = AUDIT_WARRANT_REVOKED};
	struct rd cms;

	rd_init(&cms, h->revocation, h->revocation_len);
	rd_init(&e.liid, h->w->liid, strlen(h->w->liid));
	memcpy(e.warrant, h->w->id, sizeof(e.warrant));
	policy_digest(cms, e.digest);
	rd_init(&e.text, h->revoker, strlen(h->revoker));
	return audit_entry_encode(&e, leaf, len);
}

static enum err
send_to_audit(struct policy *p, struct held_warrant *h)
{
	uint8_t leaf[MAX_AUDIT_LEAF];
	struct msg_revoke m;
	struct pending *d;
	size_t len = 0;
	uint32_t id;
	struct wr w;
	enum err rc;

	if (!h->revocation_logged &&
	    (rc = encode_entry(h, leaf, &len)) != ERR_OK)
		return rc;
	if ((d = policy_pending(p, PENDING_REVOKE, &id)) == NULL)
		return ERR_FULL;
	d->held = h;
	rd_init(&m.entry, leaf, len);
	rd_init(&m.cms, h->revocation, h->revocation_len);
	rc = peer_begin(p->audit, MSG_REVOKE, id, len + m.cms.left + 8, &w);
	if (rc == ERR_OK) {
		msg_revoke_put(&w, &m);
		rc = peer_commit(p->audit, &w);
	}
	if (rc != ERR_OK) {
		slots_drop(p->pending, id);
		return rc;
	}
	p->revoking = true;
	return ERR_OK;
}

static struct held_warrant *
next_unlogged(struct policy *p)
{
	for (size_t i = 0; p->n_unlogged > 0 && i < p->n_warrants; i++) {
		struct held_warrant *h = p->warrant[i];

		if (h->revoked && !h->revocation_logged && !h->log_was_full)
			return h;
	}
	return NULL;
}

static struct held_warrant *
next_known(struct policy *p)
{
	while (p->next_known < p->n_warrants) {
		struct held_warrant *h = p->warrant[p->next_known++];

		if (h->revocation != NULL && h->revocation_logged)
			return h;
	}
	return NULL;
}

void
policy_next_revocation(struct policy *p)
{
	const size_t from = p->next_known;
	struct held_warrant *h;

	if (p->audit == NULL || p->revoking)
		return;
	if ((h = next_unlogged(p)) == NULL)
		h = next_known(p);
	p->revocation_due = h != NULL && send_to_audit(p, h) != ERR_OK;
	if (p->revocation_due)
		p->next_known = from; /* no room: when a request is done */
}

/* The workers must know what is revoked. */
void
policy_audit_joined(struct policy *p)
{
	p->next_known = 0;
	policy_log_has_room(p);
}

void
policy_log_has_room(struct policy *p)
{
	for (size_t i = 0; p->n_unlogged > 0 && i < p->n_warrants; i++)
		p->warrant[i]->log_was_full = false;
	policy_next_revocation(p);
}

/* Who waits is told; the revocations follow when audit is back. */
void
policy_revocations_interrupted(struct policy *p)
{
	p->revoking = false;
	for (size_t i = 0; p->n_unlogged > 0 && i < p->n_warrants; i++) {
		struct held_warrant *h = p->warrant[i];

		if (h->revoked && !h->revocation_logged)
			cli_error(p, h->revoke_cli, ERR_CLOSED, here);
		h->revoke_cli = NO_CLI;
	}
}

/* Mark the warrant that an officer's document ends. */
static enum err
take_revocation(struct policy *p, struct rd cms, struct held_warrant **out,
    struct why *why)
{
	char revoker[SIGNERS_MAX];
	struct revocation r;
	struct held_warrant *h;
	enum err rc;

	rc = policy_read_revocation(p, cms, clock_seconds(), &r, revoker, why);
	if (rc != ERR_OK)
		return rc;
	if ((h = policy_warrant_by_id(p, r.warrant)) == NULL)
		return why_set(why, ERR_NOTFOUND, "no such warrant");
	/* What stood in the database may have been no true one. */
	if (h->revoked && h->revocation != NULL)
		return why_set(why, ERR_EXISTS, "it is revoked already");
	if ((h->revocation = malloc(cms.left)) == NULL)
		return why_set(why, ERR_NOMEM, "out of memory");
	memcpy(h->revocation, cms.p, cms.left);
	h->revocation_len = cms.left;
	h->revoked = true;
	h->revocation_logged = false;
	p->n_unlogged++;
	memcpy(h->revoker, revoker, sizeof(h->revoker));
	*out = h;
	return ERR_OK;
}

enum err
cli_on_warrant_revoke(void *ctx, const struct ipc_frame *f)
{
	struct cli *c = ctx;
	struct held_warrant *h = NULL;
	struct why why = {""};
	enum err rc;

	if ((rc = take_revocation(c->p, f->body, &h, &why)) != ERR_OK) {
		cli_refuse_document(c, f->body, rc, &why);
		return ERR_OK;
	}
	if (db_revoke(c->p->db, h->w->id, f->body, false, &why) != ERR_OK)
		log_error("%s: the revocation holds until a restart", why.text);
	h->revoke_cli = c->id;
	if (c->p->audit == NULL)
		policy_revocations_interrupted(c->p);
	else
		policy_next_revocation(c->p);
	return ERR_OK;
}

/* Audit has it on disk, or has no room for it; the workers know it. */
void
policy_revoked(struct policy *p, struct held_warrant *h, bool logged)
{
	struct why why = {""};
	struct rd cms;

	p->revoking = false;
	if (logged && !h->revocation_logged) {
		h->revocation_logged = true;
		p->n_unlogged--;
		rd_init(&cms, h->revocation, h->revocation_len);
		if (db_revoke(p->db, h->w->id, cms, true, &why) != ERR_OK)
			log_error("%s", why.text);
	}
	h->log_was_full = !logged;
	if (logged)
		cli_json(p, h->revoke_cli, cli_warrant_json(h));
	else
		cli_error(p, h->revoke_cli, ERR_FULL,
		    "revoked, and the hsm workers know it; the audit log is "
		    "full: the entry follows when it has room");
	h->revoke_cli = NO_CLI;
	policy_next_revocation(p);
}
