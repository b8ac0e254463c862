#include "appliance/proto_int.h"
#include "appliance/proto_probe.h"

void
probe_order_put(struct wr *w, const struct probe_order *m)
{
	wr_bool(w, m->clean);
	wr_bool(w, m->quick);
	wr_bool(w, m->by_slot);
	wr_u64(w, m->slot);
	wr_u32(w, m->idle_ms);
	wr_view16(w, m->module.p, m->module.left);
	wr_view8(w, m->label.p, m->label.left);
}

enum err
probe_order_get(struct rd r, struct probe_order *m)
{
	enum err rc;

	if ((rc = rd_bool(&r, &m->clean)) == ERR_OK &&
	    (rc = rd_bool(&r, &m->quick)) == ERR_OK &&
	    (rc = rd_bool(&r, &m->by_slot)) == ERR_OK &&
	    (rc = rd_u64(&r, &m->slot)) == ERR_OK &&
	    (rc = rd_u32(&r, &m->idle_ms)) == ERR_OK &&
	    (rc = rd_view16(&r, &m->module)) == ERR_OK)
		rc = rd_view8(&r, &m->label);
	if (rc == ERR_OK && m->idle_ms > MAX_PROBE_IDLE_MS)
		rc = ERR_MALFORMED;
	return proto_whole(&r, rc);
}

void
probe_token_put(struct wr *w, const struct probe_token *m)
{
	wr_u64(w, m->slot);
	wr_bool(w, m->test_token);
	wr_view8(w, m->manufacturer.p, m->manufacturer.left);
	wr_view8(w, m->model.p, m->model.left);
	wr_view8(w, m->serial.p, m->serial.left);
	wr_view8(w, m->label.p, m->label.left);
}

enum err
probe_token_get(struct rd r, struct probe_token *m)
{
	enum err rc;

	if ((rc = rd_u64(&r, &m->slot)) == ERR_OK &&
	    (rc = rd_bool(&r, &m->test_token)) == ERR_OK &&
	    (rc = rd_view8(&r, &m->manufacturer)) == ERR_OK &&
	    (rc = rd_view8(&r, &m->model)) == ERR_OK &&
	    (rc = rd_view8(&r, &m->serial)) == ERR_OK)
		rc = rd_view8(&r, &m->label);
	return proto_whole(&r, rc);
}

static enum err
get_cap(struct rd *r, enum cap *out)
{
	uint8_t v;
	const enum err rc = rd_u8(r, &v);

	if (rc != ERR_OK || v >= CAP__MAX)
		return ERR_MALFORMED;
	*out = (enum cap)v;
	return ERR_OK;
}

enum err
probe_begins_get(struct rd r, enum cap *out)
{
	return proto_whole(&r, get_cap(&r, out));
}

void
probe_ended_put(struct wr *w, const struct probe_ended *m)
{
	wr_u8(w, (uint8_t)m->cap);
	wr_u8(w, (uint8_t)m->state);
	wr_u32(w, m->tenths);
	wr_view8(w, m->text.p, m->text.left);
}

enum err
probe_ended_get(struct rd r, struct probe_ended *m)
{
	uint8_t state = 0;
	enum err rc;

	if ((rc = get_cap(&r, &m->cap)) == ERR_OK &&
	    (rc = rd_u8(&r, &state)) == ERR_OK &&
	    (rc = rd_u32(&r, &m->tenths)) == ERR_OK)
		rc = rd_view8(&r, &m->text);
	if (rc == ERR_OK && state >= CAP_STATE__MAX)
		rc = ERR_MALFORMED;
	m->state = (enum cap_state)state;
	return proto_whole(&r, rc);
}
