/*
 * What policy asks of audit: a granted request becomes an intent on disk, then
 * a job for a worker; a task likewise; other entries are written as they come.
 */
#include <stdlib.h>
#include <string.h>

#include "appliance/audit_proc.h"
#include "base/log.h"
#include "policy/digest.h"

/* The entry as policy wishes it, of the one type that belongs here. */
enum err
audit_wished_entry(struct rd r, enum audit_type type, struct audit_entry *out)
{
	if (audit_entry_decode(r, out) != ERR_OK || out->type != type)
		return ERR_MALFORMED;
	return ERR_OK;
}

/* A granted request that cannot go on; policy says so to the asker. */
static void
refuse_grant(struct audit *a, uint32_t id, const struct audit_entry *e,
    enum xk_reason reason, const char *text)
{
	struct audit_entry r = {.type = AUDIT_KEY_REFUSED,
	    .reason = (uint8_t)reason,
	    .client = e->client,
	    .target = e->target,
	    .liid = e->liid};

	rd_init(&r.text, text, strlen(text));
	if (audit_has_room(a) && audit_write(a, &r, NULL, NULL) != ERR_OK)
		log_error("a refusal could not be written");
	audit_tell_done(a, a->policy_epoch, id, false, reason);
}

/* A client's turn is its own, whatever it is called. */
static uint64_t
who_of(struct rd name)
{
	uint8_t digest[DIGEST_LEN];
	struct rd r;
	uint64_t who = 0;

	if (digest_of(name, digest) != ERR_OK)
		fatal("SHA-256 failed");
	rd_init(&r, digest, sizeof(digest));
	return rd_u64(&r, &who) == ERR_OK ? who : 0;
}

static enum err
on_grant(void *ctx, const struct ipc_frame *f)
{
	struct audit *a = ctx;
	uint8_t leaf[MAX_AUDIT_LEAF], *job;
	struct audit_entry e;
	struct msg_work m;
	struct item *it;
	size_t leaf_len, len;
	uint32_t id;
	struct wr w;

	if (msg_work_get(f->body, &m) != ERR_OK ||
	    audit_wished_entry(m.intent, AUDIT_KEY_INTENT, &e) != ERR_OK)
		return ERR_MALFORMED;
	if (digest_of(m.call, e.digest) != ERR_OK)
		return ERR_CRYPTO;
	if (!a->chain.complete || audit_state_old(a)) {
		refuse_grant(a, f->id, &e, XK_UNAVAILABLE,
		    "the warrant state is older than the log's");
		return ERR_OK;
	}
	if (state_seen_stopped(&a->seen, e.warrant)) {
		refuse_grant(a, f->id, &e, XK_NO_AUTHORISATION,
		    "the log has a suspension or revocation of this warrant "
		    "that policy does not know");
		return ERR_OK;
	}
	if (!audit_any_worker(a, QUEUE_XK)) {
		refuse_grant(a, f->id, &e, XK_UNAVAILABLE,
		    "no hsm worker is ready");
		return ERR_OK;
	}
	if (!audit_has_room(a) ||
	    audit_write(a, &e, leaf, &leaf_len) != ERR_OK) {
		log_error("the audit log is full or unwritable: nothing is "
			  "released");
		audit_tell_done(a, a->policy_epoch, f->id, false,
		    XK_UNAVAILABLE);
		return ERR_OK;
	}
	rd_init(&m.intent, leaf, leaf_len);
	if ((job = malloc(msg_work_max(&m))) == NULL)
		return ERR_NOMEM;
	wr_init(&w, job, msg_work_max(&m));
	msg_work_put(&w, &m);
	if (wr_finish(&w, &len) != ERR_OK)
		fatal("a job longer than its own bound");
	it = audit_new_item(a, ITEM_KEY,
	    m.route == ROUTE_HI2 ? QUEUE_HI2 : QUEUE_XK, f->id, job, len, &id);
	if (it == NULL) {
		audit_unworked(a, ITEM_KEY, e.number);
		audit_tell_done(a, a->policy_epoch, f->id, false,
		    XK_UNAVAILABLE);
		return ERR_OK;
	}
	it->ref = e.number;
	it->who = who_of(e.client);
	audit_after_sync(a, NULL, 0, id, NULL, 0);
	return ERR_OK;
}

static enum err
on_task(void *ctx, const struct ipc_frame *f)
{
	static const char none[] = "no hsm worker is ready, or the audit log "
				   "is full";
	struct audit *a = ctx;
	uint8_t leaf[MAX_AUDIT_LEAF], *job;
	struct audit_entry e;
	struct msg_task m;
	struct item *it;
	size_t leaf_len, len;
	uint32_t id;
	struct rd why;
	struct wr w;

	if (msg_task_get(f->body, &m) != ERR_OK ||
	    audit_wished_entry(m.entry, AUDIT_SUBSCRIBER_INTENT, &e) != ERR_OK)
		return ERR_MALFORMED;
	if (digest_of(m.body, e.digest) != ERR_OK)
		return ERR_CRYPTO;
	rd_init(&why, none, strlen(none));
	if (!audit_any_worker(a, QUEUE_XK) || !audit_has_room(a) ||
	    audit_write(a, &e, leaf, &leaf_len) != ERR_OK) {
		audit_tell_task_done(a, a->policy_epoch, f->id, ERR_HSM, why);
		return ERR_OK;
	}
	if ((job = malloc(f->body.left + leaf_len)) == NULL)
		return ERR_NOMEM;
	wr_init(&w, job, f->body.left + leaf_len);
	rd_init(&m.entry, leaf, leaf_len);
	msg_task_put(&w, &m);
	if (wr_finish(&w, &len) != ERR_OK)
		fatal("a task longer than its own bound");
	it = audit_new_item(a, ITEM_TASK, QUEUE_XK, f->id, job, len, &id);
	if (it == NULL) {
		audit_unworked(a, ITEM_TASK, e.number);
		audit_tell_task_done(a, a->policy_epoch, f->id, ERR_HSM, why);
		return ERR_OK;
	}
	it->ref = e.number;
	audit_after_sync(a, NULL, 0, id, NULL, 0);
	return ERR_OK;
}

/* Entries that policy may have written without any work behind them. */
static bool
may_record(enum audit_type t)
{
	return t == AUDIT_KEY_REFUSED || t == AUDIT_DOCUMENT_REFUSED ||
	    t == AUDIT_CLIENT_EVENT || t == AUDIT_CONFIG ||
	    t == AUDIT_REQUEST || t == AUDIT_ALARM;
}

static enum err
on_record(void *ctx, const struct ipc_frame *f)
{
	struct audit *a = ctx;
	struct audit_entry e;
	uint8_t result;
	enum err rc;

	if (audit_entry_decode(f->body, &e) != ERR_OK || !may_record(e.type))
		return ERR_MALFORMED;
	rc = audit_has_room(a) ? audit_write(a, &e, NULL, NULL) : ERR_FULL;
	result = (uint8_t)rc;
	audit_after_sync(a, a->policy, MSG_RECORDED, f->id, &result, 1);
	return ERR_OK;
}

static const struct ipc_rule policy_rules[] = {
    {MSG_GRANT, 32, MAX_IPC_BODY, 1, on_grant},
    {MSG_RECORD, 16, MAX_AUDIT_LEAF, 1, on_record},
    {MSG_CHAIN, 1, 1 + CHAIN_BATCH, 1, audit_on_chain},
    {MSG_CHANGE, 2, MAX_IPC_BODY, 1, audit_on_change},
    {MSG_TASK, 8, MAX_IPC_BODY, 1, on_task},
};

static void
policy_closed(void *ctx, struct peer *p)
{
	struct audit *a = ctx;

	(void)p;
	log_debug("policy has gone");
	audit_policy_left(a);
}

const struct peer_ops audit_policy_ops = {.name = "policy",
    .table = policy_rules,
    .n_rules = sizeof(policy_rules) / sizeof(policy_rules[0]),
    .max_body = MAX_IPC_BODY,
    .max_queue = MAX_IPC_QUEUE,
    .closed = policy_closed};

/* Nobody waits for what is under way: the next policy knows nothing of it. */
void
audit_policy_left(struct audit *a)
{
	a->policy_epoch++;
	audit_drop_after_sync(a, a->policy);
	peer_free(&a->policy);
}
