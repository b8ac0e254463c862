#include "appliance/proto_intake.h"
#include "appliance/proto_int.h"

size_t
msg_intake_max(const struct msg_intake *m)
{
	return MSG_INTAKE_LEAST - 1 + m->pdu.left;
}

void
msg_intake_put(struct wr *w, const struct msg_intake *m)
{
	wr_u64(w, m->act);
	wr_u64(w, m->number);
	wr_u64(w, m->call);
	wr_u8(w, (uint8_t)m->kind);
	wr_i64(w, m->came);
	wr_view32(w, m->pdu.p, m->pdu.left);
}

static enum err
get(struct rd *r, struct msg_intake *m)
{
	uint8_t kind;

	if (rd_u64(r, &m->act) != ERR_OK || rd_u64(r, &m->number) != ERR_OK ||
	    rd_u64(r, &m->call) != ERR_OK || rd_u8(r, &kind) != ERR_OK ||
	    rd_i64(r, &m->came) != ERR_OK || kind >= INTAKE__MAX ||
	    rd_view32(r, &m->pdu) != ERR_OK || m->pdu.left == 0 ||
	    m->pdu.left > MAX_INTAKE_PDU || m->number == 0 || m->call == 0 ||
	    m->call > m->number)
		return ERR_MALFORMED;
	m->kind = (enum intake_kind)kind;
	return m->kind == INTAKE_SIP && m->call != m->number ? ERR_MALFORMED
							     : ERR_OK;
}

enum err
msg_intake_get(struct rd r, struct msg_intake *m)
{
	return proto_whole(&r, get(&r, m));
}

void
msg_intake_gone_put(struct wr *w, const struct msg_intake_gone *m)
{
	wr_u64(w, m->act);
	wr_u64(w, m->call);
	wr_u64(w, m->number);
}

enum err
msg_intake_gone_get(struct rd r, struct msg_intake_gone *m)
{
	enum err rc;

	if ((rc = rd_u64(&r, &m->act)) == ERR_OK &&
	    (rc = rd_u64(&r, &m->call)) == ERR_OK)
		rc = rd_u64(&r, &m->number);
	if (rc == ERR_OK && m->call == 0)
		rc = ERR_MALFORMED;
	return proto_whole(&r, rc);
}

/* ---- what comes back ---- */

void
intake_done_put(struct wr *w, const struct intake_done *d)
{
	wr_copy(w, d->mark, sizeof(d->mark));
	wr_u64(w, d->leg);
}

enum err
intake_done_get(struct rd *r, struct intake_done *d)
{
	enum err rc;

	if ((rc = rd_copy(r, d->mark, sizeof(d->mark))) == ERR_OK)
		rc = rd_u64(r, &d->leg);
	return rc;
}

size_t
msg_intake_back_max(const struct msg_intake_back *m)
{
	return 1 + 2 + m->done.left + msg_intake_max(&m->it);
}

void
msg_intake_back_put(struct wr *w, const struct msg_intake_back *m)
{
	wr_bool(w, m->last);
	wr_u16(w, (uint16_t)m->n_done);
	wr_copy(w, m->done.p, m->done.left);
	msg_intake_put(w, &m->it);
}

enum err
msg_intake_back_get(struct rd r, struct msg_intake_back *m)
{
	uint16_t n = 0;
	enum err rc;

	if ((rc = rd_bool(&r, &m->last)) == ERR_OK &&
	    (rc = rd_u16(&r, &n)) == ERR_OK)
		rc = n > MAX_INTAKE_DONE
		    ? ERR_MALFORMED
		    : rd_view(&r, (size_t)n * INTAKE_DONE_LEN, &m->done);
	m->n_done = n;
	if (rc == ERR_OK)
		rc = get(&r, &m->it);
	return proto_whole(&r, rc);
}
