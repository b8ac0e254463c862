/*
 * Changes on their way to audit, and those that took effect while the log was
 * full: their entries are sent again when it has room.
 */
#include <stdlib.h>
#include <string.h>

#include "appliance/policy_proc.h"
#include "base/log.h"

static void
about_warrant(struct policy *p, const struct request *q, struct audit_entry *e)
{
	const struct held_warrant *h;
	const struct warrant *w = q->warrant;

	memcpy(e->warrant, w != NULL ? q->hash : q->on, WARRANT_ID_LEN);
	h = warrants_by_id(&p->warrants, e->warrant);
	if (w == NULL && h != NULL)
		w = h->w;
	if (w != NULL)
		rd_init(&e->liid, w->liid, strlen(w->liid));
}

enum err
policy_change_entry(struct policy *p, const struct change *c,
    const struct request *q, const struct head *head, const char *signers,
    uint8_t leaf[MAX_AUDIT_LEAF], size_t *len)
{
	struct audit_entry e = {.type = AUDIT_CHANGE,
	    .ref = c->number,
	    .reason = (uint8_t)c->kind};
	const char *target = q->identity != NULL ? q->identity : q->name;

	if (target != NULL)
		rd_init(&e.target, target, strlen(target));
	if (c->kind <= REQUEST_WARRANT_REVOKE)
		about_warrant(p, q, &e);
	memcpy(e.digest, head->hash, sizeof(e.digest));
	rd_init(&e.text, signers, strlen(signers));
	return audit_entry_encode(&e, leaf, len);
}

enum err
policy_change_send(struct policy *p, const struct change *c,
    const uint8_t *leaf, size_t len)
{
	struct msg_change m;
	uint8_t *octets;
	struct wr w;
	size_t cap = CHANGE_FIXED_LEN + c->request.left + c->evidence.left, n;
	uint32_t id;
	enum err rc;

	if ((octets = malloc(cap)) == NULL)
		return ERR_NOMEM;
	wr_init(&w, octets, cap);
	change_put(&w, c);
	if ((rc = wr_finish(&w, &n)) != ERR_OK ||
	    policy_pending(p, PENDING_CHANGE, &id) == NULL) {
		free(octets);
		return rc != ERR_OK ? rc : ERR_FULL;
	}
	rd_init(&m.entry, leaf, len);
	rd_init(&m.change, octets, n);
	rc = peer_begin(p->audit, MSG_CHANGE, id, len + n + 2, &w);
	if (rc == ERR_OK) {
		msg_change_put(&w, &m);
		rc = peer_commit(p->audit, &w);
	}
	free(octets);
	if (rc != ERR_OK)
		slots_drop(p->pending, id);
	p->change_sent = rc == ERR_OK;
	return rc;
}

void
policy_unlogged(struct policy *p, uint64_t number, struct head head)
{
	struct unlogged *list =
	    realloc(p->unlogged, (p->n_unlogged + 1) * sizeof(*list));

	if (list == NULL)
		fatal("out of memory");
	p->unlogged = list;
	list[p->n_unlogged++] = (struct unlogged){number, head};
}

/* The first of them, from the database. */
static enum err
send_entry(struct policy *p, struct db_octets *o, struct why *why)
{
	const struct unlogged *u = &p->unlogged[0];
	uint8_t leaf[MAX_AUDIT_LEAF];
	struct change_known known;
	struct approval a;
	struct change c;
	size_t len;
	enum err rc;

	if ((rc = db_read_change(p->db, u->number, o, why)) != ERR_OK ||
	    (rc = authority_change(p->authority, u->number, &known)) !=
		ERR_OK ||
	    (rc = authority_review(p->authority, o->request, o->evidence,
		 PERSONS_AT_ANY_TIME, u->number, &a, why)) != ERR_OK)
		return rc;
	c = (struct change){.number = u->number,
	    .time = known.time,
	    .kind = known.kind,
	    .request = o->request,
	    .evidence = o->evidence};
	memcpy(c.hash, known.hash, sizeof(c.hash));
	rc = policy_change_entry(p, &c, a.request, &u->head, a.names, leaf,
	    &len);
	if (rc == ERR_OK)
		rc = policy_change_send(p, &c, leaf, len);
	approval_done(&a);
	return rc;
}

void
policy_relog(struct policy *p)
{
	struct db_octets o = {.memory = NULL};
	struct why why = {""};

	if (p->n_unlogged == 0 || p->log_was_full || !p->service.log_has_room)
		return;
	if (send_entry(p, &o, &why) == ERR_OK)
		p->relogging = true;
	else {
		p->log_was_full = true; /* at audit's next word */
		log_error("the entry of a change could not be sent: %s",
		    why.text);
	}
	free(o.memory);
}

void
policy_relogged(struct policy *p, const struct msg_changed *m)
{
	struct why why = {""};

	p->relogging = false;
	if (m->rc != ERR_OK || !m->logged) {
		p->log_was_full = true;
		return;
	}
	if (db_log_change(p->db, p->unlogged[0].number, &why) != ERR_OK)
		fatal("%s", why.text);
	p->n_unlogged--;
	memmove(&p->unlogged[0], &p->unlogged[1],
	    p->n_unlogged * sizeof(p->unlogged[0]));
}
