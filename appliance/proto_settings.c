/* What the supervisor tells each process before it starts. */
#include "appliance/proto_int.h"

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
	return proto_whole(&r, rc);
}

void
policy_settings_put(struct wr *w, const struct policy_settings *s)
{
	wr_view16(w, s->database.p, s->database.left);
	wr_view16(w, s->config.p, s->config.left);
	wr_bool(w, s->df2);
	wr_bool(w, s->remote);
	wr_u32(w, s->owner);
}

enum err
policy_settings_get(struct rd r, struct policy_settings *s)
{
	enum err rc;

	if ((rc = rd_view16(&r, &s->database)) == ERR_OK &&
	    (rc = rd_view16(&r, &s->config)) == ERR_OK &&
	    (rc = rd_bool(&r, &s->df2)) == ERR_OK &&
	    (rc = rd_bool(&r, &s->remote)) == ERR_OK)
		rc = rd_u32(&r, &s->owner);
	return proto_whole(&r, rc);
}

void
hsm_settings_put(struct wr *w, const struct hsm_settings *s)
{
	wr_u32(w, s->index);
	wr_u32(w, s->job_seconds);
	wr_u32(w, s->threads);
	wr_bool(w, s->remote);
	wr_view16(w, s->module.p, s->module.left);
	wr_view8(w, s->label.p, s->label.left);
}

enum err
hsm_settings_get(struct rd r, struct hsm_settings *s)
{
	enum err rc;

	if ((rc = rd_u32(&r, &s->index)) == ERR_OK &&
	    (rc = rd_u32(&r, &s->job_seconds)) == ERR_OK &&
	    (rc = rd_u32(&r, &s->threads)) == ERR_OK &&
	    (rc = rd_bool(&r, &s->remote)) == ERR_OK &&
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
	return proto_whole(&r, rc);
}
