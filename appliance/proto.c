#include <string.h>

#include "appliance/proto_int.h"

enum err
proto_get_reason(struct rd *r, enum xk_reason *out)
{
	uint8_t v;

	if (rd_u8(r, &v) != ERR_OK || v >= XK_REASON__MAX)
		return ERR_MALFORMED;
	*out = (enum xk_reason)v;
	return ERR_OK;
}

void
msg_ask_put(struct wr *w, const struct msg_ask *m)
{
	wr_u64(w, m->epoch);
	wr_u32(w, m->connection);
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
	    (rc = rd_u32(&r, &m->connection)) == ERR_OK &&
	    (rc = proto_get_reason(&r, &m->role_reason)) == ERR_OK &&
	    (rc = proto_get_reason(&r, &m->call_reason)) == ERR_OK &&
	    (rc = rd_view8(&r, &m->target)) == ERR_OK &&
	    (rc = rd_view8(&r, &m->liid)) == ERR_OK)
		rc = rd_view32(&r, &m->call);
	return proto_whole(&r, rc);
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
	    (rc = proto_get_reason(&r, &m->reason)) == ERR_OK)
		rc = rd_view8(&r, &m->text);
	if (rc == ERR_OK && m->reason == XK_GRANTED)
		rc = ERR_MALFORMED;
	return proto_whole(&r, rc);
}

void
msg_note_put(struct wr *w, const struct msg_note *m)
{
	wr_u32(w, m->connection);
	wr_u32(w, m->count);
	wr_view8(w, m->text.p, m->text.left);
}

enum err
msg_note_get(struct rd r, struct msg_note *m)
{
	enum err rc;

	if ((rc = rd_u32(&r, &m->connection)) == ERR_OK &&
	    (rc = rd_u32(&r, &m->count)) == ERR_OK)
		rc = rd_view8(&r, &m->text);
	return proto_whole(&r, rc);
}

size_t
msg_client_max(const struct client_proof *m)
{
	return MSG_CLIENT_LEAST + m->signature.left + m->cert.left +
	    m->transcript.left;
}

void
msg_client_put(struct wr *w, const struct client_proof *m)
{
	wr_u8(w, (uint8_t)m->hash);
	wr_u16(w, m->scheme);
	wr_view16(w, m->signature.p, m->signature.left);
	wr_view32(w, m->cert.p, m->cert.left);
	wr_view32(w, m->transcript.p, m->transcript.left);
}

enum err
msg_client_get(struct rd r, struct client_proof *m)
{
	uint8_t hash = 0;
	enum err rc;

	if ((rc = rd_u8(&r, &hash)) == ERR_OK &&
	    (rc = rd_u16(&r, &m->scheme)) == ERR_OK &&
	    (rc = rd_view16(&r, &m->signature)) == ERR_OK &&
	    (rc = rd_view32(&r, &m->cert)) == ERR_OK)
		rc = rd_view32(&r, &m->transcript);
	if (hash >= CLIENT_HASH__MAX)
		rc = ERR_MALFORMED;
	m->hash = (enum client_hash)hash;
	return proto_whole(&r, rc);
}

size_t
msg_work_max(const struct msg_work *m)
{
	return 1 + 8 + 4 + 2 + MAX_AUDIT_LEAF + 8 + 4 + m->warrant.left + 4 +
	    m->evidence.left + 2 + m->subscriber.left + 4 + m->call.left;
}

void
msg_work_put(struct wr *w, const struct msg_work *m)
{
	wr_u8(w, (uint8_t)m->route);
	wr_u64(w, m->ticket.epoch);
	wr_u32(w, m->ticket.id);
	wr_view16(w, m->intent.p, m->intent.left);
	wr_u64(w, m->number);
	wr_view32(w, m->warrant.p, m->warrant.left);
	wr_view32(w, m->evidence.p, m->evidence.left);
	wr_view16(w, m->subscriber.p, m->subscriber.left);
	wr_view32(w, m->call.p, m->call.left);
}

enum err
msg_work_get(struct rd r, struct msg_work *m)
{
	uint8_t route = 0;
	enum err rc;

	if ((rc = rd_u8(&r, &route)) == ERR_OK && route >= ROUTE__MAX)
		rc = ERR_MALFORMED;
	m->route = (enum route)route;
	if (rc == ERR_OK && (rc = rd_u64(&r, &m->ticket.epoch)) == ERR_OK &&
	    (rc = rd_u32(&r, &m->ticket.id)) == ERR_OK &&
	    (rc = rd_view16(&r, &m->intent)) == ERR_OK &&
	    (rc = rd_u64(&r, &m->number)) == ERR_OK &&
	    (rc = rd_view32(&r, &m->warrant)) == ERR_OK &&
	    (rc = rd_view32(&r, &m->evidence)) == ERR_OK &&
	    (rc = rd_view16(&r, &m->subscriber)) == ERR_OK)
		rc = rd_view32(&r, &m->call);
	return proto_whole(&r, rc);
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
		rc = proto_get_reason(&r, &m->reason);
	return proto_whole(&r, rc);
}

void
msg_service_put(struct wr *w, const struct msg_service *m)
{
	wr_u32(w, m->workers);
	wr_bool(w, m->log_has_room);
	wr_bool(w, m->test_token);
	wr_bool(w, m->state_old);
	wr_i64(w, m->floor);
}

enum err
msg_service_get(struct rd r, struct msg_service *m)
{
	enum err rc;

	if ((rc = rd_u32(&r, &m->workers)) == ERR_OK &&
	    (rc = rd_bool(&r, &m->log_has_room)) == ERR_OK &&
	    (rc = rd_bool(&r, &m->test_token)) == ERR_OK &&
	    (rc = rd_bool(&r, &m->state_old)) == ERR_OK)
		rc = rd_i64(&r, &m->floor);
	return proto_whole(&r, rc);
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

	if ((rc = proto_get_reason(&r, &m->reason)) == ERR_OK)
		rc = rd_u32(&r, &m->n_keys);
	return proto_whole(&r, rc);
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
	return proto_whole(&r, rc);
}

enum err
view_text(struct rd v, char *out, size_t cap)
{
	if (v.left >= cap)
		return ERR_TOOBIG;
	if (v.left > 0)
		memcpy(out, v.p, v.left);
	out[v.left] = '\0';
	return ERR_OK;
}
