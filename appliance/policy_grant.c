#include <stdlib.h>
#include <string.h>

#include "appliance/policy_grant.h"
#include "base/log.h"

void
policy_put_call(struct audit_entry *e, const struct call *c)
{
	e->csb_id = c->r1.csb_id;
	e->ts_type = (uint8_t)call_key_time(c, &e->ts);
}

bool
policy_takes_part(const struct subscriber *s, const struct call *c)
{
	struct rd ids[1 + MAX_DEVICES], as;
	struct call_target t = {ids, 1 + s->n_devices};
	enum call_role role;

	ids[0] = s->identity;
	memcpy(&ids[1], s->device, s->n_devices * sizeof(ids[0]));
	return call_check(c, &t, &role, &as) == ERR_OK;
}

static enum err
pass_on(struct policy *p, const struct grant *g, const struct db_octets *o,
    uint32_t id)
{
	const struct held_warrant *h = g->warrant;
	uint8_t leaf[MAX_AUDIT_LEAF];
	struct audit_entry e = {.type = AUDIT_KEY_INTENT,
	    .client = g->client,
	    .target = g->target,
	    .test = h->w->test};
	struct msg_work m = {.route = g->route,
	    .ticket = g->ticket,
	    .number = h->number,
	    .warrant = o->request,
	    .evidence = o->evidence,
	    .call = g->octets};
	struct wr w;
	size_t len;
	enum err rc;

	policy_put_call(&e, g->call);
	memcpy(e.warrant, h->w->id, sizeof(e.warrant));
	rd_init(&e.liid, h->w->liid, strlen(h->w->liid));
	if ((rc = audit_entry_encode(&e, leaf, &len)) != ERR_OK)
		return rc;
	rd_init(&m.intent, leaf, len);
	rd_init(&m.subscriber, NULL, 0);
	if (g->subscriber != NULL)
		rd_init(&m.subscriber, g->subscriber->record,
		    g->subscriber->len);
	rc = peer_begin(p->audit, MSG_GRANT, id, msg_work_max(&m), &w);
	if (rc != ERR_OK)
		return rc;
	msg_work_put(&w, &m);
	return peer_commit(p->audit, &w);
}

enum err
policy_grant(struct policy *p, const struct grant *g, uint32_t id)
{
	struct db_octets o = {.memory = NULL};
	struct why why = {""};
	enum err rc;

	if (p->audit == NULL)
		return ERR_CLOSED;
	if (db_read_change(p->db, g->warrant->number, &o, &why) != ERR_OK) {
		log_error("a warrant's octets cannot be read: %s", why.text);
		rc = ERR_IO;
	} else
		rc = pass_on(p, g, &o, id);
	free(o.memory);
	return rc;
}
