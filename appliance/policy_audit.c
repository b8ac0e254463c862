/* To audit, and what it says: the end of all that policy waits for. */
#include <stdlib.h>
#include <string.h>

#include "appliance/policy_cli.h"
#include "appliance/policy_x2.h"
#include "base/log.h"

struct pending *
policy_pending(struct policy *p, enum pending_kind kind, uint32_t *id)
{
	struct pending *d = slots_take(p->pending, id);

	if (d != NULL) {
		d->kind = kind;
		d->cli = NO_CLI;
	}
	return d;
}

enum err
policy_record_entry(struct policy *p, const struct audit_entry *e,
    uint32_t pending)
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

void
policy_note(struct policy *p, const struct audit_entry *e)
{
	uint32_t id;

	if (policy_pending(p, PENDING_NOTE, &id) == NULL ||
	    policy_record_entry(p, e, id) == ERR_OK)
		return;
	slots_drop(p->pending, id);
	log_debug("an entry could not be written into the audit log: %s",
	    audit_type_name(e->type));
}

/* Its place may be the one that a change has been waiting for. */
static void
end_pending(struct policy *p, uint32_t id)
{
	slots_drop(p->pending, id);
	if (p->change_due)
		policy_change_next(p);
}

static enum err
on_done(void *ctx, const struct ipc_frame *f)
{
	struct policy *p = ctx;
	struct pending *d = slots_find(p->pending, f->id);
	struct msg_done m;

	if (d == NULL ||
	    (d->kind != PENDING_GRANT && d->kind != PENDING_LEG_GRANT) ||
	    msg_done_get(f->body, &m) != ERR_OK)
		return ERR_MALFORMED;
	if (d->kind == PENDING_LEG_GRANT)
		policy_leg_done(p, d, &m);
	else if (!m.told)
		policy_tell(p, d->ticket,
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
		policy_tell(p, d->ticket,
		    rc == ERR_OK ? d->reason : XK_UNAVAILABLE);
		break;
	case PENDING_LEG_REFUSAL:
		policy_leg_recorded(p, d, (enum err)rc);
		break;
	case PENDING_NOTE:
		break;
	case PENDING_ALARM:
		if (rc != ERR_OK) /* again at the next tick */
			p->alarm_told[d->alarm] = !p->alarm_told[d->alarm];
		break;
	case PENDING_DOCUMENT:
		cli_error(p, d->cli, d->rc, d->why.text);
		break;
	case PENDING_REQUEST:
		policy_request_recorded(p, d, (enum err)rc);
		break;
	case PENDING_GRANT:
	case PENDING_LEG_GRANT:
	case PENDING_CHANGE:
	case PENDING_TASK:
		return ERR_MALFORMED;
	}
	end_pending(p, f->id);
	return ERR_OK;
}

static enum err
on_chained(void *ctx, const struct ipc_frame *f)
{
	struct policy *p = ctx;
	struct rd r = f->body;
	uint8_t rc;

	if (rd_u8(&r, &rc) != ERR_OK || rc >= ERR__MAX || p->joined ||
	    p->chain_next == 0)
		return ERR_MALFORMED;
	if (rc != ERR_OK) {
		p->chain_next = 0;
		log_error("the warrant state is not the one that the audit log "
			  "knows: is registry.db another or an older one? "
			  "Nothing is released");
		return ERR_OK;
	}
	if (!p->chain_last) {
		policy_chain_send(p);
		return ERR_OK;
	}
	p->joined = true;
	log_debug("audit has the warrant state");
	policy_send_alarms(p);
	policy_requests_expire(p);
	policy_change_next(p);
	return ERR_OK;
}

static enum err
on_changed(void *ctx, const struct ipc_frame *f)
{
	struct policy *p = ctx;
	struct pending *d = slots_find(p->pending, f->id);
	struct msg_changed m;

	if (d == NULL || d->kind != PENDING_CHANGE ||
	    msg_changed_get(f->body, &m) != ERR_OK)
		return ERR_MALFORMED;
	slots_drop(p->pending, f->id);
	p->change_sent = false;
	if (p->relogging)
		policy_relogged(p, &m);
	else
		policy_changed(p, &m);
	policy_change_next(p);
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
	policy_task_done(p, d, &m);
	end_pending(p, f->id);
	return ERR_OK;
}

static enum err
on_service(void *ctx, const struct ipc_frame *f)
{
	struct policy *p = ctx;
	const bool was_old = p->service.state_old;

	if (msg_service_get(f->body, &p->service) != ERR_OK)
		return ERR_MALFORMED;
	if (p->service.state_old && !was_old)
		log_error("a later warrant state than this one was seen: was "
			  "registry.db put back to an older day? Nothing is "
			  "released, no change is taken");
	policy_clock_floor(p, p->service.floor);
	if (p->service.log_has_room)
		p->log_was_full = false;
	p->change_waits = false;
	policy_change_next(p);
	return ERR_OK;
}

/* ---- joining and leaving ---- */

void
policy_audit_joined(struct policy *p)
{
	p->joined = false;
	p->chain_next = 1;
	policy_chain_send(p);
}

static void
interrupt(struct policy *p, struct pending *d)
{
	static const char asked[] =
	    "the audit process went out of service meanwhile: see what was "
	    "done with 'keywarden audit show'";

	switch (d->kind) {
	case PENDING_GRANT:
	case PENDING_REFUSAL:
		policy_tell(p, d->ticket, XK_UNAVAILABLE);
		break;
	case PENDING_LEG_GRANT:
	case PENDING_LEG_REFUSAL:
		policy_leg_interrupted(p, d);
		break;
	case PENDING_ALARM:
		p->alarm_told[d->alarm] = !p->alarm_told[d->alarm];
		break;
	case PENDING_NOTE:
	case PENDING_CHANGE: /* policy_changes_interrupted() */
		break;
	case PENDING_DOCUMENT:
		cli_error(p, d->cli, d->rc, d->why.text);
		break;
	case PENDING_REQUEST:
		policy_request_recorded(p, d, ERR_CLOSED);
		break;
	case PENDING_TASK:
		json_decref(d->answer);
		cli_error(p, d->cli, ERR_CLOSED, asked);
		break;
	}
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
	p->joined = false;
	p->chain_next = 0;
	while ((d = slots_next(p->pending, &at, &id)) != NULL) {
		interrupt(p, d);
		slots_drop(p->pending, id);
	}
	policy_changes_interrupted(p);
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
    {MSG_CHAINED, 1, 1, 1, on_chained},
    {MSG_CHANGED, 4, 1024, 1, on_changed},
    {MSG_TASK_DONE, 5, MAX_IPC_BODY, 1, on_task_done},
    {MSG_SERVICE, MSG_SERVICE_LEN, MSG_SERVICE_LEN, 1, on_service},
};
const struct peer_ops policy_audit_ops = {.name = "audit",
    .table = audit_rules,
    .n_rules = sizeof(audit_rules) / sizeof(audit_rules[0]),
    .max_body = MAX_IPC_BODY,
    .max_queue = MAX_IPC_QUEUE,
    .closed = audit_closed};
