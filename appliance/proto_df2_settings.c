/* What the DF2/MF's processes count, and what the supervisor tells them. */
#include "appliance/proto_df2.h"
#include "appliance/proto_int.h"

/* ---- counts ---- */

const char *
x2_count_name(enum x2_count c)
{
	static const char *const names[X2_COUNT__MAX] = {"connections", "pdus",
	    "malformed", "otherType", "otherFormat", "noWarrant", "noSip",
	    "sip", "calls", "evicted", "waiting", "stored", "refused",
	    "givenUp"};

	return names[c];
}

const char *
hi2_count_name(enum hi2_count c)
{
	static const char *const names[HI2_COUNT__MAX] = {"keys", "noKeys",
	    "sip", "waiting", "octets", "unknownLemf", "unfit", "journal"};

	return names[c];
}

void
msg_counts_put(struct wr *w, const struct msg_counts *m)
{
	wr_u8(w, (uint8_t)m->n);
	for (unsigned i = 0; i < m->n; i++)
		wr_u64(w, m->v[i]);
}

enum err
msg_counts_get(struct rd r, struct msg_counts *m)
{
	uint8_t n = 0;
	enum err rc;

	if ((rc = rd_u8(&r, &n)) == ERR_OK && n > MAX_COUNTS)
		rc = ERR_MALFORMED;
	for (unsigned i = 0; rc == ERR_OK && i < n; i++)
		rc = rd_u64(&r, &m->v[i]);
	m->n = n;
	return proto_whole(&r, rc);
}

/* ---- settings ---- */

void
x2_settings_put(struct wr *w, const struct x2_settings *s)
{
	wr_u32(w, s->max_connections);
	wr_u32(w, s->handshake_seconds);
	wr_u32(w, s->idle_seconds);
	wr_u32(w, s->max_calls);
	wr_u32(w, s->max_mib);
	wr_u32(w, s->call_idle_seconds);
	wr_u32(w, s->wait_ms);
	wr_u32(w, s->retry_seconds);
	wr_bool(w, s->remote);
	admission_settings_put(w, &s->admission);
}

enum err
x2_settings_get(struct rd r, struct x2_settings *s)
{
	uint32_t *const f[] = {&s->max_connections, &s->handshake_seconds,
	    &s->idle_seconds, &s->max_calls, &s->max_mib, &s->call_idle_seconds,
	    &s->wait_ms, &s->retry_seconds};
	enum err rc = ERR_OK;

	for (size_t i = 0; i < sizeof(f) / sizeof(f[0]) && rc == ERR_OK; i++)
		rc = rd_u32(&r, f[i]);
	if (rc == ERR_OK)
		rc = rd_bool(&r, &s->remote);
	if (rc == ERR_OK)
		rc = admission_settings_get(&r, &s->admission);
	return proto_whole(&r, rc);
}

#define MIB 1048576ULL

uint64_t
x2_stored_most(const struct x2_settings *s)
{
	return 2 * s->max_mib * MIB;
}

uint64_t
x2_intake_most(const struct x2_settings *s)
{
	return x2_stored_most(s) + 320 * MIB;
}

void
xkc_settings_put(struct wr *w, const struct xkc_settings *s)
{
	wr_view8(w, s->address.p, s->address.left);
	wr_view8(w, s->name.p, s->name.left);
	wr_u32(w, s->request_seconds);
	wr_u32(w, s->keep_alive_seconds);
}

enum err
xkc_settings_get(struct rd r, struct xkc_settings *s)
{
	enum err rc;

	if ((rc = rd_view8(&r, &s->address)) == ERR_OK &&
	    (rc = rd_view8(&r, &s->name)) == ERR_OK &&
	    (rc = rd_u32(&r, &s->request_seconds)) == ERR_OK)
		rc = rd_u32(&r, &s->keep_alive_seconds);
	return proto_whole(&r, rc);
}

void
lemf_settings_put(struct wr *w, const struct lemf_settings *l)
{
	wr_view8(w, l->name.p, l->name.left);
	wr_view8(w, l->profile.p, l->profile.left);
	wr_u8(w, (uint8_t)l->n_options);
	for (unsigned k = 0; k < l->n_options; k++) {
		const struct lemf_option *o = &l->option[k];

		wr_view8(w, o->name.p, o->name.left);
		wr_view8(w, o->value.p, o->value.left);
	}
	wr_u32(w, l->queue_mib);
	wr_u32(w, l->queue_days);
	wr_bool(w, l->linked);
	wr_u8(w, l->slot);
	wr_u32(w, l->dead_seconds);
}

enum err
lemf_settings_get(struct rd *r, struct lemf_settings *l)
{
	uint8_t n = 0;
	enum err rc;

	if ((rc = rd_view8(r, &l->name)) != ERR_OK ||
	    (rc = rd_view8(r, &l->profile)) != ERR_OK ||
	    (rc = rd_u8(r, &n)) != ERR_OK)
		return rc;
	if (n > MAX_LEMF_OPTIONS)
		return ERR_MALFORMED;
	for (unsigned k = 0; k < n; k++)
		if ((rc = rd_view8(r, &l->option[k].name)) != ERR_OK ||
		    (rc = rd_view8(r, &l->option[k].value)) != ERR_OK)
			return rc;
	l->n_options = n;
	if ((rc = rd_u32(r, &l->queue_mib)) != ERR_OK ||
	    (rc = rd_u32(r, &l->queue_days)) != ERR_OK ||
	    (rc = rd_bool(r, &l->linked)) != ERR_OK ||
	    (rc = rd_u8(r, &l->slot)) != ERR_OK ||
	    (rc = rd_u32(r, &l->dead_seconds)) != ERR_OK)
		return rc;
	return l->slot < MAX_LEMFS ? ERR_OK : ERR_MALFORMED;
}

void
hi2_settings_put(struct wr *w, const struct hi2_settings *s)
{
	wr_view16(w, s->spool.p, s->spool.left);
	wr_u64(w, s->intake_most);
	wr_u8(w, (uint8_t)s->n_lemfs);
	for (unsigned i = 0; i < s->n_lemfs; i++)
		lemf_settings_put(w, &s->lemf[i]);
}

enum err
hi2_settings_get(struct rd r, struct hi2_settings *s)
{
	uint8_t n = 0;
	enum err rc;

	if ((rc = rd_view16(&r, &s->spool)) == ERR_OK &&
	    (rc = rd_u64(&r, &s->intake_most)) == ERR_OK)
		rc = rd_u8(&r, &n);
	if (rc == ERR_OK && n > MAX_LEMFS)
		rc = ERR_MALFORMED;
	for (unsigned i = 0; rc == ERR_OK && i < n; i++)
		rc = lemf_settings_get(&r, &s->lemf[i]);
	s->n_lemfs = n;
	return proto_whole(&r, rc);
}
