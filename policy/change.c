#include <string.h>

#include "policy/change.h"

void
change_put(struct wr *w, const struct change *c)
{
	wr_u64(w, c->number);
	wr_i64(w, c->time);
	wr_u8(w, (uint8_t)c->kind);
	wr_copy(w, c->hash, sizeof(c->hash));
	wr_view32(w, c->request.p, c->request.left);
	wr_view32(w, c->evidence.p, c->evidence.left);
}

enum err
change_get(struct rd *r, struct change *out)
{
	struct rd at = *r;
	struct change c;
	uint8_t kind;

	if (rd_u64(&at, &c.number) != ERR_OK ||
	    rd_i64(&at, &c.time) != ERR_OK || c.time < 0 ||
	    c.time > CHANGE_TIME_MAX || rd_u8(&at, &kind) != ERR_OK ||
	    kind >= REQUEST__MAX ||
	    rd_copy(&at, c.hash, sizeof(c.hash)) != ERR_OK ||
	    rd_view32(&at, &c.request) != ERR_OK ||
	    rd_view32(&at, &c.evidence) != ERR_OK || c.number == 0 ||
	    c.number > MAX_CHANGES || c.request.left > MAX_REQUEST ||
	    c.evidence.left > MAX_EVIDENCE)
		return ERR_MALFORMED;
	c.kind = (enum request_kind)kind;
	*out = c;
	*r = at;
	return ERR_OK;
}

bool
change_is_light(enum request_kind k)
{
	return k == REQUEST_WARRANT_ADD || k == REQUEST_SUBSCRIBER_ADD;
}

bool
change_is_stop(enum request_kind k)
{
	return k == REQUEST_WARRANT_SUSPEND || k == REQUEST_WARRANT_REVOKE;
}

enum err
head_after(const struct head *before, const struct change *c, struct head *out)
{
	static const char label[] = "keywarden change";
	uint8_t octets[sizeof(label) + 2 * DIGEST_LEN + 8 + 8 + 1];
	struct head h = {.number = c->number};
	struct rd all;
	struct wr w;
	size_t len;
	enum err rc;

	wr_init(&w, octets, sizeof(octets));
	wr_copy(&w, label, sizeof(label)); /* with its NUL */
	wr_copy(&w, before->hash, sizeof(before->hash));
	wr_u64(&w, c->number);
	wr_i64(&w, c->time);
	wr_u8(&w, (uint8_t)c->kind);
	wr_copy(&w, c->hash, sizeof(c->hash));
	if ((rc = wr_finish(&w, &len)) != ERR_OK)
		return rc;
	rd_init(&all, octets, len);
	if ((rc = digest_of(all, h.hash)) != ERR_OK)
		return rc;
	*out = h;
	return ERR_OK;
}

bool
head_equal(const struct head *a, const struct head *b)
{
	return a->number == b->number &&
	    memcmp(a->hash, b->hash, sizeof(a->hash)) == 0;
}

void
evidence_put(struct wr *w, const struct evidence *e)
{
	wr_u8(w, (uint8_t)e->n);
	for (unsigned i = 0; i < e->n; i++)
		wr_view32(w, e->cms[i].p, e->cms[i].left);
}

enum err
evidence_get(struct rd r, struct evidence *out)
{
	struct evidence e;
	uint8_t n;

	if (r.left > MAX_EVIDENCE || rd_u8(&r, &n) != ERR_OK ||
	    n > MAX_APPROVALS)
		return ERR_MALFORMED;
	e.n = n;
	for (unsigned i = 0; i < e.n; i++)
		if (rd_view32(&r, &e.cms[i]) != ERR_OK)
			return ERR_MALFORMED;
	if (rd_end(&r) != ERR_OK)
		return ERR_MALFORMED;
	*out = e;
	return ERR_OK;
}

size_t
evidence_size(const struct evidence *e)
{
	size_t n = 1;

	for (unsigned i = 0; i < e->n; i++)
		n += 4 + e->cms[i].left;
	return n;
}
