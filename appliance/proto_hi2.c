#include "appliance/proto_hi2.h"
#include "appliance/proto_int.h"

/* ---- the queue and a connection ---- */

size_t
msg_deliver_max(const struct msg_deliver *m)
{
	return 4 + 8 + m->pdu.left;
}

void
msg_deliver_put(struct wr *w, const struct msg_deliver *m)
{
	wr_u32(w, m->epoch);
	wr_u64(w, m->number);
	wr_copy(w, m->pdu.p, m->pdu.left);
}

enum err
msg_deliver_get(struct rd r, struct msg_deliver *m)
{
	if (rd_u32(&r, &m->epoch) != ERR_OK || m->epoch == 0 ||
	    rd_u64(&r, &m->number) != ERR_OK || r.left == 0)
		return ERR_MALFORMED;
	m->pdu = r;
	return ERR_OK;
}

void
msg_link_put(struct wr *w, const struct msg_link *m)
{
	wr_u8(w, (uint8_t)m->state);
	wr_u32(w, m->epoch);
	wr_view8(w, m->text.p, m->text.left);
}

static enum err
get_state(struct rd *r, enum link_state *out)
{
	uint8_t v;

	if (rd_u8(r, &v) != ERR_OK || v >= LINK__MAX)
		return ERR_MALFORMED;
	*out = (enum link_state)v;
	return ERR_OK;
}

enum err
msg_link_get(struct rd r, struct msg_link *m)
{
	enum err rc;

	if ((rc = get_state(&r, &m->state)) == ERR_OK &&
	    (rc = rd_u32(&r, &m->epoch)) == ERR_OK)
		rc = rd_view8(&r, &m->text);
	if (rc == ERR_OK && m->epoch == 0)
		rc = ERR_MALFORMED;
	return proto_whole(&r, rc);
}

void
msg_upto_put(struct wr *w, const struct msg_upto *m)
{
	wr_u32(w, m->epoch);
	wr_u64(w, m->number);
}

enum err
msg_upto_get(struct rd r, struct msg_upto *m)
{
	enum err rc;

	if ((rc = rd_u32(&r, &m->epoch)) == ERR_OK)
		rc = rd_u64(&r, &m->number);
	if (rc == ERR_OK && m->epoch == 0)
		rc = ERR_MALFORMED;
	return proto_whole(&r, rc);
}

/* ---- work of the token for the queue ---- */

size_t
msg_hi2_task_max(const struct msg_hi2_task *m)
{
	return 1 + 8 + 4 + m->octets.left;
}

void
msg_hi2_task_put(struct wr *w, const struct msg_hi2_task *m)
{
	wr_u8(w, (uint8_t)m->kind);
	wr_u64(w, m->key);
	wr_view32(w, m->octets.p, m->octets.left);
}

static enum err
get_task(struct rd *r, struct msg_hi2_task *m)
{
	uint8_t kind;
	enum err rc;

	if (rd_u8(r, &kind) != ERR_OK || kind >= HI2_TASK__MAX)
		return ERR_MALFORMED;
	m->kind = (enum hi2_task_kind)kind;
	if ((rc = rd_u64(r, &m->key)) == ERR_OK)
		rc = rd_view32(r, &m->octets);
	if (rc == ERR_OK &&
	    (m->octets.left == 0 || m->octets.left > MAX_SIGN_DATA))
		rc = ERR_MALFORMED;
	return rc;
}

enum err
msg_hi2_task_get(struct rd r, struct msg_hi2_task *m)
{
	const enum err rc = get_task(&r, m);

	return proto_whole(&r, rc);
}

size_t
msg_do_hi2_task_max(const struct msg_do_hi2_task *m)
{
	return 4 + msg_hi2_task_max(&m->task);
}

void
msg_do_hi2_task_put(struct wr *w, const struct msg_do_hi2_task *m)
{
	wr_u32(w, m->hi2_id);
	msg_hi2_task_put(w, &m->task);
}

enum err
msg_do_hi2_task_get(struct rd r, struct msg_do_hi2_task *m)
{
	enum err rc;

	if ((rc = rd_u32(&r, &m->hi2_id)) == ERR_OK)
		rc = get_task(&r, &m->task);
	return proto_whole(&r, rc);
}

void
msg_hi2_done_put(struct wr *w, const struct msg_hi2_done *m)
{
	wr_u8(w, (uint8_t)m->rc);
	wr_copy(w, m->octets.p, m->octets.left);
}

enum err
msg_hi2_done_get(struct rd r, struct msg_hi2_done *m)
{
	if (proto_get_err(&r, &m->rc) != ERR_OK || r.left > MAX_HI2_SECRET ||
	    (m->rc != ERR_OK && r.left > 0))
		return ERR_MALFORMED;
	m->octets = r;
	return ERR_OK;
}

void
msg_hi2_ended_put(struct wr *w, enum err rc)
{
	wr_u8(w, (uint8_t)rc);
}

enum err
msg_hi2_ended_get(struct rd r, enum err *out)
{
	const enum err rc = proto_get_err(&r, out);

	return proto_whole(&r, rc);
}

/* ---- what the log and policy are told ---- */

size_t
msg_hi2_note_max(const struct msg_hi2_note *m)
{
	return 1 + 1 + m->lemf.left + 8 + 1 + m->text.left;
}

void
msg_hi2_note_put(struct wr *w, const struct msg_hi2_note *m)
{
	wr_u8(w, (uint8_t)m->kind);
	wr_view8(w, m->lemf.p, m->lemf.left);
	wr_u64(w, m->n);
	wr_view8(w, m->text.p, m->text.left);
}

enum err
msg_hi2_note_get(struct rd r, struct msg_hi2_note *m)
{
	uint8_t kind = 0;
	enum err rc;

	if ((rc = rd_u8(&r, &kind)) == ERR_OK && kind >= HI2_NOTE__MAX)
		rc = ERR_MALFORMED;
	if (rc == ERR_OK && (rc = rd_view8(&r, &m->lemf)) == ERR_OK &&
	    (rc = rd_u64(&r, &m->n)) == ERR_OK)
		rc = rd_view8(&r, &m->text);
	m->kind = (enum hi2_note_kind)kind;
	if (rc == ERR_OK && (m->lemf.left == 0 || m->lemf.left > MAX_NAME))
		rc = ERR_MALFORMED;
	return proto_whole(&r, rc);
}

void
msg_delivery_put(struct wr *w, const struct msg_delivery *m)
{
	wr_view8(w, m->lemf.p, m->lemf.left);
	wr_bool(w, m->configured);
	wr_u8(w, (uint8_t)m->state);
	wr_i64(w, m->since);
	wr_view8(w, m->text.p, m->text.left);
	wr_u64(w, m->waiting);
	wr_u64(w, m->sent);
	wr_u64(w, m->delivered);
	wr_u64(w, m->dropped);
	wr_u64(w, m->damaged);
	wr_u64(w, m->octets);
	wr_i64(w, m->oldest);
	wr_u64(w, m->most_octets);
	wr_bool(w, m->alarm);
}

enum err
msg_delivery_get(struct rd r, struct msg_delivery *m)
{
	uint64_t *const n[] = {&m->waiting, &m->sent, &m->delivered,
	    &m->dropped, &m->damaged, &m->octets};
	enum err rc;

	if ((rc = rd_view8(&r, &m->lemf)) == ERR_OK &&
	    (rc = rd_bool(&r, &m->configured)) == ERR_OK &&
	    (rc = get_state(&r, &m->state)) == ERR_OK &&
	    (rc = rd_i64(&r, &m->since)) == ERR_OK)
		rc = rd_view8(&r, &m->text);
	for (size_t i = 0; i < sizeof(n) / sizeof(n[0]) && rc == ERR_OK; i++)
		rc = rd_u64(&r, n[i]);
	if (rc == ERR_OK && (rc = rd_i64(&r, &m->oldest)) == ERR_OK &&
	    (rc = rd_u64(&r, &m->most_octets)) == ERR_OK)
		rc = rd_bool(&r, &m->alarm);
	if (rc == ERR_OK && (m->lemf.left == 0 || m->lemf.left > MAX_NAME))
		rc = ERR_MALFORMED;
	return proto_whole(&r, rc);
}

/* ---- settings of hi2c ---- */

static void
put_link(struct wr *w, const struct link_settings *s)
{
	wr_bool(w, s->tls12);
	wr_u8(w, (uint8_t)s->rule);
	wr_u8(w, (uint8_t)s->integrity);
	wr_u8(w, (uint8_t)s->hash);
	wr_u32(w, s->keep_alive_seconds);
	wr_u32(w, s->answer_seconds);
	wr_u32(w, s->dead_seconds);
	wr_u32(w, s->hash_records);
	wr_u32(w, s->hash_ms);
	wr_u32(w, s->sign_hashes);
	wr_u32(w, s->sign_seconds);
}

static enum err
get_link(struct rd *r, struct link_settings *s)
{
	uint32_t *const n[] = {&s->keep_alive_seconds, &s->answer_seconds,
	    &s->dead_seconds, &s->hash_records, &s->hash_ms, &s->sign_hashes,
	    &s->sign_seconds};
	uint8_t rule = 0, integrity = 0, hash = 0;
	enum err rc;

	if ((rc = rd_bool(r, &s->tls12)) == ERR_OK &&
	    (rc = rd_u8(r, &rule)) == ERR_OK &&
	    (rc = rd_u8(r, &integrity)) == ERR_OK)
		rc = rd_u8(r, &hash);
	if (rc == ERR_OK &&
	    (rule >= LINK_RULE__MAX || integrity >= LINK_INTEGRITY__MAX ||
		hash >= LINK_HASH__MAX))
		rc = ERR_MALFORMED;
	s->rule = (enum link_rule)rule;
	s->integrity = (enum link_integrity)integrity;
	s->hash = (enum link_hash)hash;
	for (size_t i = 0; i < sizeof(n) / sizeof(n[0]) && rc == ERR_OK; i++)
		rc = rd_u32(r, n[i]);
	return rc;
}

void
hi2c_settings_put(struct wr *w, const struct hi2c_settings *s)
{
	lemf_settings_put(w, &s->lemf);
	wr_view8(w, s->address.p, s->address.left);
	wr_view8(w, s->name.p, s->name.left);
	wr_bool(w, s->has_ca);
	wr_bool(w, s->has_crl);
	wr_u8(w, (uint8_t)s->n_pins);
	for (unsigned i = 0; i < s->n_pins; i++)
		wr_copy(w, s->pin[i], DIGEST_LEN);
	put_link(w, &s->how);
}

enum err
hi2c_settings_get(struct rd r, struct hi2c_settings *s)
{
	uint8_t n = 0;
	enum err rc;

	if ((rc = lemf_settings_get(&r, &s->lemf)) == ERR_OK &&
	    (rc = rd_view8(&r, &s->address)) == ERR_OK &&
	    (rc = rd_view8(&r, &s->name)) == ERR_OK &&
	    (rc = rd_bool(&r, &s->has_ca)) == ERR_OK &&
	    (rc = rd_bool(&r, &s->has_crl)) == ERR_OK)
		rc = rd_u8(&r, &n);
	/* Any certificate would be taken for the LEMF's. */
	if (rc == ERR_OK && (n > MAX_LEMF_PINS || (n == 0 && !s->has_ca)))
		rc = ERR_MALFORMED;
	for (unsigned i = 0; i < n && rc == ERR_OK; i++)
		rc = rd_copy(&r, s->pin[i], DIGEST_LEN);
	s->n_pins = n;
	if (rc == ERR_OK)
		rc = get_link(&r, &s->how);
	return proto_whole(&r, rc);
}
