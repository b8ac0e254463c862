#include <string.h>

#include "appliance/proto.h"

/* Every get function ends here: all read, nothing left. */
static enum err
whole(const struct rd *r, enum err rc)
{
	if (rc != ERR_OK)
		return ERR_MALFORMED;
	return rd_end(r);
}

static enum err
get_reason(struct rd *r, enum xk_reason *out)
{
	uint8_t v;

	if (rd_u8(r, &v) != ERR_OK || v >= XK_REASON__MAX)
		return ERR_MALFORMED;
	*out = (enum xk_reason)v;
	return ERR_OK;
}

static enum err
get_err(struct rd *r, enum err *out)
{
	uint8_t v;

	if (rd_u8(r, &v) != ERR_OK || v >= ERR__MAX)
		return ERR_MALFORMED;
	*out = (enum err)v;
	return ERR_OK;
}

void
msg_ask_put(struct wr *w, const struct msg_ask *m)
{
	wr_u64(w, m->epoch);
	wr_copy(w, m->client, sizeof(m->client));
	wr_u8(w, (uint8_t)m->role_reason);
	wr_u8(w, (uint8_t)m->call_reason);
	wr_view8(w, m->target.p, m->target.left);
	wr_view8(w, m->liid.p, m->liid.left);
	wr_view32(w, m->call.p, m->call.left);
}

enum err
msg_ask_get(struct rd r, struct msg_ask *m)
{
	enum err rc;

	if ((rc = rd_u64(&r, &m->epoch)) == ERR_OK &&
	    (rc = rd_copy(&r, m->client, sizeof(m->client))) == ERR_OK &&
	    (rc = get_reason(&r, &m->role_reason)) == ERR_OK &&
	    (rc = get_reason(&r, &m->call_reason)) == ERR_OK &&
	    (rc = rd_view8(&r, &m->target)) == ERR_OK &&
	    (rc = rd_view8(&r, &m->liid)) == ERR_OK)
		rc = rd_view32(&r, &m->call);
	return whole(&r, rc);
}

void
msg_refuse_put(struct wr *w, const struct msg_refuse *m)
{
	wr_u64(w, m->epoch);
	wr_u8(w, (uint8_t)m->reason);
	wr_view8(w, m->text.p, m->text.left);
}

enum err
msg_refuse_get(struct rd r, struct msg_refuse *m)
{
	enum err rc;

	if ((rc = rd_u64(&r, &m->epoch)) == ERR_OK &&
	    (rc = get_reason(&r, &m->reason)) == ERR_OK)
		rc = rd_view8(&r, &m->text);
	if (rc == ERR_OK && m->reason == XK_GRANTED)
		rc = ERR_MALFORMED;
	return whole(&r, rc);
}

void
msg_note_put(struct wr *w, const struct msg_note *m)
{
	wr_copy(w, m->client, sizeof(m->client));
	wr_u32(w, m->count);
	wr_view8(w, m->text.p, m->text.left);
}

enum err
msg_note_get(struct rd r, struct msg_note *m)
{
	enum err rc;

	if ((rc = rd_copy(&r, m->client, sizeof(m->client))) == ERR_OK &&
	    (rc = rd_u32(&r, &m->count)) == ERR_OK)
		rc = rd_view8(&r, &m->text);
	return whole(&r, rc);
}

size_t
msg_work_max(const struct msg_work *m)
{
	return 8 + 4 + 2 + MAX_AUDIT_LEAF + 4 + m->warrant.left + 2 +
	    m->subscriber.left + 4 + m->call.left;
}

void
msg_work_put(struct wr *w, const struct msg_work *m)
{
	wr_u64(w, m->ticket.epoch);
	wr_u32(w, m->ticket.id);
	wr_view16(w, m->intent.p, m->intent.left);
	wr_view32(w, m->warrant.p, m->warrant.left);
	wr_view16(w, m->subscriber.p, m->subscriber.left);
	wr_view32(w, m->call.p, m->call.left);
}

enum err
msg_work_get(struct rd r, struct msg_work *m)
{
	enum err rc;

	if ((rc = rd_u64(&r, &m->ticket.epoch)) == ERR_OK &&
	    (rc = rd_u32(&r, &m->ticket.id)) == ERR_OK &&
	    (rc = rd_view16(&r, &m->intent)) == ERR_OK &&
	    (rc = rd_view32(&r, &m->warrant)) == ERR_OK &&
	    (rc = rd_view16(&r, &m->subscriber)) == ERR_OK)
		rc = rd_view32(&r, &m->call);
	return whole(&r, rc);
}

void
msg_done_put(struct wr *w, const struct msg_done *m)
{
	wr_bool(w, m->told);
	wr_u8(w, (uint8_t)m->reason);
}

enum err
msg_done_get(struct rd r, struct msg_done *m)
{
	enum err rc;

	if ((rc = rd_bool(&r, &m->told)) == ERR_OK)
		rc = get_reason(&r, &m->reason);
	return whole(&r, rc);
}

void
msg_revoke_put(struct wr *w, const struct msg_revoke *m)
{
	wr_view16(w, m->entry.p, m->entry.left);
	wr_view32(w, m->cms.p, m->cms.left);
}

enum err
msg_revoke_get(struct rd r, struct msg_revoke *m)
{
	enum err rc;

	if ((rc = rd_view16(&r, &m->entry)) == ERR_OK)
		rc = rd_view32(&r, &m->cms);
	return whole(&r, rc);
}

void
msg_outcome_put(struct wr *w, const struct msg_outcome *m)
{
	wr_u8(w, (uint8_t)m->reason);
	wr_u32(w, m->n_keys);
}

enum err
msg_outcome_get(struct rd r, struct msg_outcome *m)
{
	enum err rc;

	if ((rc = get_reason(&r, &m->reason)) == ERR_OK)
		rc = rd_u32(&r, &m->n_keys);
	return whole(&r, rc);
}

void
msg_task_put(struct wr *w, const struct msg_task *m)
{
	wr_u8(w, (uint8_t)m->kind);
	wr_view16(w, m->entry.p, m->entry.left);
	wr_view32(w, m->body.p, m->body.left);
}

enum err
msg_task_get(struct rd r, struct msg_task *m)
{
	uint8_t kind;
	enum err rc;

	if ((rc = rd_u8(&r, &kind)) == ERR_OK &&
	    (rc = rd_view16(&r, &m->entry)) == ERR_OK)
		rc = rd_view32(&r, &m->body);
	if (rc == ERR_OK && kind >= TASK__MAX)
		rc = ERR_MALFORMED;
	if (rc == ERR_OK)
		m->kind = (enum task_kind)kind;
	return whole(&r, rc);
}

void
msg_result_put(struct wr *w, const struct msg_result *m)
{
	wr_u8(w, (uint8_t)m->rc);
	wr_view32(w, m->result.p, m->result.left);
}

enum err
msg_result_get(struct rd r, struct msg_result *m)
{
	enum err rc;

	if ((rc = get_err(&r, &m->rc)) == ERR_OK)
		rc = rd_view32(&r, &m->result);
	return whole(&r, rc);
}

void
task_subscriber_put(struct wr *w, const struct task_subscriber *m)
{
	wr_view8(w, m->identity.p, m->identity.left);
	wr_u8(w, (uint8_t)m->n_devices);
	for (unsigned i = 0; i < m->n_devices; i++)
		wr_view8(w, m->device[i].p, m->device[i].left);
	wr_view8(w, m->label.p, m->label.left);
	wr_view16(w, m->device_cert.p, m->device_cert.left);
	wr_view16(w, m->wrapped_seed.p, m->wrapped_seed.left);
}

enum err
task_subscriber_get(struct rd r, struct task_subscriber *m)
{
	uint8_t n = 0;
	enum err rc;

	if ((rc = rd_view8(&r, &m->identity)) == ERR_OK)
		rc = rd_u8(&r, &n);
	if (rc == ERR_OK && n > MAX_DEVICES)
		rc = ERR_MALFORMED;
	for (unsigned i = 0; rc == ERR_OK && i < n; i++)
		rc = rd_view8(&r, &m->device[i]);
	m->n_devices = n;
	if (rc == ERR_OK && (rc = rd_view8(&r, &m->label)) == ERR_OK &&
	    (rc = rd_view16(&r, &m->device_cert)) == ERR_OK)
		rc = rd_view16(&r, &m->wrapped_seed);
	return whole(&r, rc);
}

void
task_subscriber_result_put(struct wr *w, const struct task_subscriber_result *m)
{
	wr_view16(w, m->record.p, m->record.left);
	wr_view16(w, m->for_device.p, m->for_device.left);
}

enum err
task_subscriber_result_get(struct rd r, struct task_subscriber_result *m)
{
	enum err rc;

	if ((rc = rd_view16(&r, &m->record)) == ERR_OK)
		rc = rd_view16(&r, &m->for_device);
	return whole(&r, rc);
}

void
task_key_put(struct wr *w, const struct task_key *m)
{
	wr_view16(w, m->subscriber.p, m->subscriber.left);
	wr_view8(w, m->identity.p, m->identity.left);
	wr_i64(w, m->at);
}

enum err
task_key_get(struct rd r, struct task_key *m)
{
	enum err rc;

	if ((rc = rd_view16(&r, &m->subscriber)) == ERR_OK &&
	    (rc = rd_view8(&r, &m->identity)) == ERR_OK)
		rc = rd_i64(&r, &m->at);
	return whole(&r, rc);
}

void
task_key_result_put(struct wr *w, const struct task_key_result *m)
{
	wr_i64(w, m->not_before);
	wr_i64(w, m->not_after);
	wr_view16(w, m->enveloped.p, m->enveloped.left);
}

enum err
task_key_result_get(struct rd r, struct task_key_result *m)
{
	enum err rc;

	if ((rc = rd_i64(&r, &m->not_before)) == ERR_OK &&
	    (rc = rd_i64(&r, &m->not_after)) == ERR_OK)
		rc = rd_view16(&r, &m->enveloped);
	return whole(&r, rc);
}

void
cli_key_issue_put(struct wr *w, const struct cli_key_issue *m)
{
	wr_view8(w, m->subscriber.p, m->subscriber.left);
	wr_view8(w, m->identity.p, m->identity.left);
	wr_i64(w, m->at);
}

enum err
cli_key_issue_get(struct rd r, struct cli_key_issue *m)
{
	enum err rc;

	if ((rc = rd_view8(&r, &m->subscriber)) == ERR_OK &&
	    (rc = rd_view8(&r, &m->identity)) == ERR_OK)
		rc = rd_i64(&r, &m->at);
	return whole(&r, rc);
}

size_t
msg_answer_max(const struct xk_get_keys_response *k)
{
	size_t n = 8 + 1 + 1 + sizeof(k->sk);

	for (unsigned i = 0; i < k->n_keys; i++)
		n += 5 + 16 + 14 + 1 + 8 + 2 + k->key[i].policy.left + 1 +
		    k->key[i].mki.left;
	return n;
}

void
msg_answer_put(struct wr *w, uint64_t epoch,
    const struct xk_get_keys_response *k)
{
	wr_u64(w, epoch);
	wr_u8(w, (uint8_t)k->n_keys);
	for (unsigned i = 0; i < k->n_keys; i++) {
		const struct xk_session_key *s = &k->key[i];

		wr_copy(w, s->crypto_session_id, sizeof(s->crypto_session_id));
		wr_copy(w, s->session_key, sizeof(s->session_key));
		wr_copy(w, s->salt, sizeof(s->salt));
		wr_u8(w, (uint8_t)(s->has_ssrc | s->has_roc << 1));
		wr_u32(w, s->ssrc);
		wr_u32(w, s->roc);
		wr_view16(w, s->policy.p, s->policy.left);
		wr_view8(w, s->mki.p, s->mki.left);
	}
	wr_bool(w, k->has_sk);
	if (k->has_sk)
		wr_copy(w, k->sk, sizeof(k->sk));
}

static enum err
get_session_key(struct rd *r, struct xk_session_key *s)
{
	uint8_t has;
	enum err rc;

	if ((rc = rd_copy(r, s->crypto_session_id,
		 sizeof(s->crypto_session_id))) != ERR_OK ||
	    (rc = rd_copy(r, s->session_key, sizeof(s->session_key))) !=
		ERR_OK ||
	    (rc = rd_copy(r, s->salt, sizeof(s->salt))) != ERR_OK ||
	    (rc = rd_u8(r, &has)) != ERR_OK ||
	    (rc = rd_u32(r, &s->ssrc)) != ERR_OK ||
	    (rc = rd_u32(r, &s->roc)) != ERR_OK ||
	    (rc = rd_view16(r, &s->policy)) != ERR_OK ||
	    (rc = rd_view8(r, &s->mki)) != ERR_OK)
		return rc;
	s->has_ssrc = (has & 1) != 0;
	s->has_roc = (has & 2) != 0;
	return has > 3 || s->policy.left > MAX_SP_LEN ? ERR_MALFORMED : ERR_OK;
}

enum err
msg_answer_get(struct rd r, uint64_t *epoch, struct xk_get_keys_response *k)
{
	uint8_t n = 0;
	enum err rc;

	if ((rc = rd_u64(&r, epoch)) == ERR_OK)
		rc = rd_u8(&r, &n);
	if (rc == ERR_OK && n == 0)
		rc = ERR_MALFORMED;
	for (unsigned i = 0; rc == ERR_OK && i < n; i++)
		rc = get_session_key(&r, &k->key[i]);
	k->n_keys = n;
	if (rc == ERR_OK && (rc = rd_bool(&r, &k->has_sk)) == ERR_OK &&
	    k->has_sk)
		rc = rd_copy(&r, k->sk, sizeof(k->sk));
	return whole(&r, rc);
}

void
msg_error_put(struct wr *w, enum err e, const char *text)
{
	wr_u8(w, (uint8_t)e);
	wr_view16(w, text, strlen(text));
}

enum err
msg_error_get(struct rd r, enum err *e, struct rd *text)
{
	enum err rc;

	if ((rc = get_err(&r, e)) == ERR_OK)
		rc = rd_view16(&r, text);
	return whole(&r, rc);
}

/* ---- settings ---- */

void
xk_settings_put(struct wr *w, const struct xk_settings *s)
{
	wr_u32(w, s->max_connections);
	wr_u32(w, s->max_outstanding);
	wr_u32(w, s->max_outstanding_each);
	wr_u32(w, s->max_queued);
	wr_u32(w, s->handshake_seconds);
	wr_u32(w, s->idle_seconds);
	wr_u32(w, s->request_seconds);
}

enum err
xk_settings_get(struct rd r, struct xk_settings *s)
{
	uint32_t *const f[] = {&s->max_connections, &s->max_outstanding,
	    &s->max_outstanding_each, &s->max_queued, &s->handshake_seconds,
	    &s->idle_seconds, &s->request_seconds};
	enum err rc = ERR_OK;

	for (size_t i = 0; i < sizeof(f) / sizeof(f[0]) && rc == ERR_OK; i++)
		rc = rd_u32(&r, f[i]);
	return whole(&r, rc);
}

void
policy_settings_put(struct wr *w, const struct policy_settings *s)
{
	wr_view16(w, s->database.p, s->database.left);
	wr_u16(w, (uint16_t)s->n_clients);
	for (unsigned i = 0; i < s->n_clients; i++) {
		wr_view8(w, s->client[i].name.p, s->client[i].name.left);
		wr_copy(w, s->client[i].fingerprint,
		    sizeof(s->client[i].fingerprint));
	}
}

enum err
policy_settings_get(struct rd r, struct policy_settings *s)
{
	uint16_t n = 0;
	enum err rc;

	if ((rc = rd_view16(&r, &s->database)) == ERR_OK)
		rc = rd_u16(&r, &n);
	if (rc == ERR_OK && n > MAX_CLIENTS)
		rc = ERR_MALFORMED;
	for (unsigned i = 0; rc == ERR_OK && i < n; i++)
		if ((rc = rd_view8(&r, &s->client[i].name)) == ERR_OK)
			rc = rd_copy(&r, s->client[i].fingerprint,
			    sizeof(s->client[i].fingerprint));
	s->n_clients = n;
	return whole(&r, rc);
}

void
hsm_settings_put(struct wr *w, const struct hsm_settings *s)
{
	wr_u32(w, s->index);
	wr_u32(w, s->job_seconds);
	wr_view16(w, s->module.p, s->module.left);
	wr_view8(w, s->label.p, s->label.left);
}

enum err
hsm_settings_get(struct rd r, struct hsm_settings *s)
{
	enum err rc;

	if ((rc = rd_u32(&r, &s->index)) == ERR_OK &&
	    (rc = rd_u32(&r, &s->job_seconds)) == ERR_OK &&
	    (rc = rd_view16(&r, &s->module)) == ERR_OK)
		rc = rd_view8(&r, &s->label);
	return whole(&r, rc);
}

void
audit_settings_put(struct wr *w, const struct audit_settings *s)
{
	wr_u64(w, s->chunk);
	wr_u64(w, s->most);
}

enum err
audit_settings_get(struct rd r, struct audit_settings *s)
{
	enum err rc;

	if ((rc = rd_u64(&r, &s->chunk)) == ERR_OK)
		rc = rd_u64(&r, &s->most);
	return whole(&r, rc);
}

void
init_order_put(struct wr *w, const struct init_order *m)
{
	wr_bool(w, m->make_token);
	wr_view16(w, m->module.p, m->module.left);
	wr_view8(w, m->label.p, m->label.left);
}

enum err
init_order_get(struct rd r, struct init_order *m)
{
	enum err rc;

	if ((rc = rd_bool(&r, &m->make_token)) == ERR_OK &&
	    (rc = rd_view16(&r, &m->module)) == ERR_OK)
		rc = rd_view8(&r, &m->label);
	return whole(&r, rc);
}
