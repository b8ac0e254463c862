/* Changes of the warrant state on their way to audit and the workers. */
#include "appliance/proto_int.h"

static void
rest(struct wr *w, struct rd v)
{
	if (v.left > 0)
		wr_copy(w, v.p, v.left);
}

/* What is left are changes, to the last octet. */
static enum err
get_changes(struct rd r, struct rd *out)
{
	struct change c;
	struct rd at = r;

	while (at.left > 0)
		if (change_get(&at, &c) != ERR_OK)
			return ERR_MALFORMED;
	*out = r;
	return ERR_OK;
}

void
msg_chain_put(struct wr *w, const struct msg_chain *m)
{
	wr_bool(w, m->last);
	rest(w, m->changes);
}

enum err
msg_chain_get(struct rd r, struct msg_chain *m)
{
	return rd_bool(&r, &m->last) == ERR_OK ? get_changes(r, &m->changes)
					       : ERR_MALFORMED;
}

void
msg_change_put(struct wr *w, const struct msg_change *m)
{
	wr_view16(w, m->entry.p, m->entry.left);
	rest(w, m->change);
}

enum err
msg_change_get(struct rd r, struct msg_change *m)
{
	struct change c;

	if (rd_view16(&r, &m->entry) != ERR_OK)
		return ERR_MALFORMED;
	m->change = r;
	return proto_whole(&r, change_get(&r, &c));
}

void
msg_changed_put(struct wr *w, const struct msg_changed *m)
{
	wr_u8(w, (uint8_t)m->rc);
	wr_bool(w, m->logged);
	wr_view16(w, m->text.p, m->text.left);
}

enum err
msg_changed_get(struct rd r, struct msg_changed *m)
{
	enum err rc;

	if ((rc = proto_get_err(&r, &m->rc)) == ERR_OK &&
	    (rc = rd_bool(&r, &m->logged)) == ERR_OK)
		rc = rd_view16(&r, &m->text);
	return proto_whole(&r, rc);
}

void
msg_learn_put(struct wr *w, const struct msg_learn *m)
{
	wr_i64(w, m->floor);
	wr_bool(w, m->fresh);
	rest(w, m->changes);
}

enum err
msg_learn_get(struct rd r, struct msg_learn *m)
{
	return rd_i64(&r, &m->floor) == ERR_OK && m->floor >= 0 &&
		m->floor <= CHANGE_TIME_MAX && rd_bool(&r, &m->fresh) == ERR_OK
	    ? get_changes(r, &m->changes)
	    : ERR_MALFORMED;
}

void
msg_learnt_put(struct wr *w, const struct msg_learnt *m)
{
	wr_u8(w, (uint8_t)m->rc);
	wr_bool(w, m->current);
	wr_u64(w, m->head.number);
	wr_copy(w, m->head.hash, sizeof(m->head.hash));
	wr_view8(w, m->seal.p, m->seal.left);
	wr_view16(w, m->text.p, m->text.left);
}

enum err
msg_learnt_get(struct rd r, struct msg_learnt *m)
{
	enum err rc;

	if ((rc = proto_get_err(&r, &m->rc)) == ERR_OK &&
	    (rc = rd_bool(&r, &m->current)) == ERR_OK &&
	    (rc = rd_u64(&r, &m->head.number)) == ERR_OK &&
	    (rc = rd_copy(&r, m->head.hash, sizeof(m->head.hash))) == ERR_OK &&
	    (rc = rd_view8(&r, &m->seal)) == ERR_OK)
		rc = rd_view16(&r, &m->text);
	return proto_whole(&r, rc);
}
