/* What the supervisor tells each process before it starts. */
#include "appliance/proto_int.h"

void
admission_settings_put(struct wr *w, const struct admission_settings *s)
{
	wr_u32(w, s->address_rate);
	wr_u32(w, s->address_connections);
	wr_u32(w, s->max_handshakes);
	wr_u32(w, s->client_rate);
	wr_u32(w, s->client_connections);
	wr_u32(w, s->client_requests);
}

enum err
admission_settings_get(struct rd *r, struct admission_settings *s)
{
	uint32_t *const f[] = {&s->address_rate, &s->address_connections,
	    &s->max_handshakes, &s->client_rate, &s->client_connections,
	    &s->client_requests};
	enum err rc = ERR_OK;

	for (size_t i = 0; i < sizeof(f) / sizeof(f[0]) && rc == ERR_OK; i++)
		rc = rd_u32(r, f[i]);
	return rc;
}

void
xk_settings_put(struct wr *w, const struct xk_settings *s)
{
	wr_u32(w, s->max_connections);
	wr_u32(w, s->max_outstanding);
	wr_u32(w, s->max_outstanding_each);
	wr_u32(w, s->max_outstanding_client);
	wr_u32(w, s->max_queued);
	wr_u32(w, s->handshake_seconds);
	wr_u32(w, s->idle_seconds);
	wr_u32(w, s->request_seconds);
	admission_settings_put(w, &s->admission);
}

enum err
xk_settings_get(struct rd r, struct xk_settings *s)
{
	uint32_t *const f[] = {&s->max_connections, &s->max_outstanding,
	    &s->max_outstanding_each, &s->max_outstanding_client,
	    &s->max_queued, &s->handshake_seconds, &s->idle_seconds,
	    &s->request_seconds};
	enum err rc = ERR_OK;

	for (size_t i = 0; i < sizeof(f) / sizeof(f[0]) && rc == ERR_OK; i++)
		rc = rd_u32(&r, f[i]);
	if (rc == ERR_OK)
		rc = admission_settings_get(&r, &s->admission);
	return proto_whole(&r, rc);
}

void
msg_crl_put(struct wr *w, const struct msg_crl *m)
{
	wr_u8(w, (uint8_t)m->state);
	wr_i64(w, m->ends);
}

static enum err
get_crl(struct rd *r, struct msg_crl *m)
{
	uint8_t state = 0;
	enum err rc;

	if ((rc = rd_u8(r, &state)) == ERR_OK)
		rc = rd_i64(r, &m->ends);
	m->state = (enum crl_state)state;
	return rc == ERR_OK && state >= CRL_STATE__MAX ? ERR_MALFORMED : rc;
}

enum err
msg_crl_get(struct rd r, struct msg_crl *m)
{
	const enum err rc = get_crl(&r, m);

	return proto_whole(&r, rc);
}

void
msg_crls_put(struct wr *w, const struct msg_crls *m)
{
	for (unsigned i = 0; i < m->n; i++) {
		wr_view8(w, m->of[i].section.p, m->of[i].section.left);
		msg_crl_put(w, &m->of[i].is);
	}
}

enum err
msg_crls_get(struct rd r, struct msg_crls *m)
{
	enum err rc = ERR_OK;

	for (m->n = 0; rc == ERR_OK && r.left > 0; m->n++) {
		if (m->n == MAX_CRLS)
			return ERR_TOOBIG;
		if ((rc = rd_view8(&r, &m->of[m->n].section)) == ERR_OK)
			rc = get_crl(&r, &m->of[m->n].is);
	}
	return proto_whole(&r, rc);
}

void
policy_settings_put(struct wr *w, const struct policy_settings *s)
{
	wr_view16(w, s->database.p, s->database.left);
	wr_view16(w, s->config.p, s->config.left);
	wr_bool(w, s->df2);
	wr_bool(w, s->remote);
	wr_bool(w, s->production);
	wr_u32(w, s->owner);
}

enum err
policy_settings_get(struct rd r, struct policy_settings *s)
{
	enum err rc;

	if ((rc = rd_view16(&r, &s->database)) == ERR_OK &&
	    (rc = rd_view16(&r, &s->config)) == ERR_OK &&
	    (rc = rd_bool(&r, &s->df2)) == ERR_OK &&
	    (rc = rd_bool(&r, &s->remote)) == ERR_OK &&
	    (rc = rd_bool(&r, &s->production)) == ERR_OK)
		rc = rd_u32(&r, &s->owner);
	return proto_whole(&r, rc);
}

void
hsm_settings_put(struct wr *w, const struct hsm_settings *s)
{
	wr_u32(w, s->index);
	wr_u32(w, s->call_seconds);
	wr_u32(w, s->job_seconds);
	wr_u32(w, s->threads);
	wr_bool(w, s->remote);
	wr_bool(w, s->production);
	wr_view16(w, s->module.p, s->module.left);
	wr_view8(w, s->label.p, s->label.left);
}

enum err
hsm_settings_get(struct rd r, struct hsm_settings *s)
{
	enum err rc;

	if ((rc = rd_u32(&r, &s->index)) == ERR_OK &&
	    (rc = rd_u32(&r, &s->call_seconds)) == ERR_OK &&
	    (rc = rd_u32(&r, &s->job_seconds)) == ERR_OK &&
	    (rc = rd_u32(&r, &s->threads)) == ERR_OK &&
	    (rc = rd_bool(&r, &s->remote)) == ERR_OK &&
	    (rc = rd_bool(&r, &s->production)) == ERR_OK &&
	    (rc = rd_view16(&r, &s->module)) == ERR_OK)
		rc = rd_view8(&r, &s->label);
	return proto_whole(&r, rc);
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
	return proto_whole(&r, rc);
}

void
init_order_put(struct wr *w, const struct init_order *m)
{
	wr_bool(w, m->make_token);
	wr_bool(w, m->production);
	wr_view16(w, m->module.p, m->module.left);
	wr_view8(w, m->label.p, m->label.left);
}

enum err
init_order_get(struct rd r, struct init_order *m)
{
	enum err rc;

	if ((rc = rd_bool(&r, &m->make_token)) == ERR_OK &&
	    (rc = rd_bool(&r, &m->production)) == ERR_OK &&
	    (rc = rd_view16(&r, &m->module)) == ERR_OK)
		rc = rd_view8(&r, &m->label);
	return proto_whole(&r, rc);
}
