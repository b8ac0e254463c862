/*
 * The warrant state, change by change, to an audit that has joined.  It knows
 * the log and says whether this is the log's.
 */
#include <stdlib.h>

#include "appliance/policy_proc.h"
#include "base/log.h"

struct batch {
	struct policy *p;
	uint8_t *octets;
	struct wr w;
	uint64_t next; /* the first that is not in it */
	uint64_t heavy; /* its octets must be read first; 0: none */
};

static size_t
size_of(const struct change *c)
{
	return CHANGE_FIXED_LEN + c->request.left + c->evidence.left;
}

static bool
has_room(const struct batch *b, const struct change *c)
{
	return b->w.cap - b->w.len >= size_of(c);
}

/* Light ones as they are; one that is not ends the walk. */
static bool
add_light(void *ctx, const struct db_change *d)
{
	struct batch *b = ctx;
	struct change c = d->c;

	if (!d->confirmed || c.number > authority_head(b->p->authority).number)
		return false;
	if (!change_is_light(c.kind)) {
		b->heavy = c.number;
		return false;
	}
	rd_init(&c.request, NULL, 0);
	rd_init(&c.evidence, NULL, 0);
	if (!has_room(b, &c))
		return false;
	change_put(&b->w, &c);
	b->next++;
	return true;
}

/* *full: it did not fit in. */
static enum err
add_heavy(struct batch *b, bool *full, struct why *why)
{
	struct db_octets o = {.memory = NULL};
	struct change_known known;
	struct change c;
	enum err rc;

	if ((rc = db_read_change(b->p->db, b->heavy, &o, why)) != ERR_OK)
		return rc;
	rc = authority_change(b->p->authority, b->heavy, &known);
	if (rc == ERR_OK) {
		c = (struct change){.number = b->heavy,
		    .time = known.time,
		    .kind = known.kind,
		    .request = o.request,
		    .evidence = o.evidence};
		for (unsigned i = 0; i < DIGEST_LEN; i++)
			c.hash[i] = known.hash[i];
		*full = !has_room(b, &c);
		if (!*full) {
			change_put(&b->w, &c);
			b->next++;
		} else if (b->w.len == 0)
			rc = why_set(why, ERR_TOOBIG,
			    "change %llu fits into no message",
			    (unsigned long long)c.number);
	}
	free(o.memory);
	return rc;
}

static enum err
fill(struct batch *b, struct why *why)
{
	bool full = false;
	enum err rc = ERR_OK;

	do {
		b->heavy = 0;
		rc = db_each_change(b->p->db, b->next, add_light, b, why);
		if (rc == ERR_OK && b->heavy != 0)
			rc = add_heavy(b, &full, why);
	} while (rc == ERR_OK && b->heavy != 0 && !full);
	return rc;
}

static enum err
send_batch(struct policy *p, const struct batch *b)
{
	struct msg_chain m = {.last = p->chain_last};
	struct wr w;
	enum err rc;

	rd_init(&m.changes, b->octets, b->w.len);
	rc = peer_begin(p->audit, MSG_CHAIN, 0, m.changes.left + 1, &w);
	if (rc != ERR_OK)
		return rc;
	msg_chain_put(&w, &m);
	return peer_commit(p->audit, &w);
}

void
policy_chain_send(struct policy *p)
{
	struct batch b = {.p = p, .next = p->chain_next};
	struct why why = {""};

	if (p->audit == NULL)
		return;
	if ((b.octets = malloc(CHAIN_BATCH)) == NULL)
		fatal("out of memory");
	wr_init(&b.w, b.octets, CHAIN_BATCH);
	if (fill(&b, &why) != ERR_OK)
		fatal("the warrant state cannot be read again: %s", why.text);
	p->chain_next = b.next;
	p->chain_last = b.next > authority_head(p->authority).number;
	if (send_batch(p, &b) != ERR_OK)
		fatal("audit does not take the warrant state");
	free(b.octets);
}
