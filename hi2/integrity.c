#include <stdlib.h>
#include <string.h>

#include "hi2/integrity_table.h"

#define ASKED_MAX 8 /* signatures that are asked for at a time */
#define AGAIN_MS \
	1000 /* before one that could not be had is asked for again \
	      */

struct integrity {
	struct integrity_config c;
	EVP_MD *md;
	size_t value_len;
	struct group_table t;
	struct {
		uint64_t number; /* 0: free */
		struct group *group;
	} asked[ASKED_MAX];
	uint64_t numbers; /* the last one used */
	bool held; /* no signature is asked for before `again` */
	int64_t again;
	uint8_t scratch[INTEGRITY_SIGN_MAX];
};

/* ---- made and reset ---- */

static const char *
hash_name(enum tri_hash hash)
{
	switch (hash) {
	case TRI_SHA256:
		return "SHA256";
	case TRI_SHA384:
		return "SHA384";
	case TRI_SHA512:
		return "SHA512";
	case TRI_HASH_NONE:
	case TRI_SHA1:
		break;
	}
	return NULL;
}

static bool
config_good(const struct integrity_config *c, uint32_t slots)
{
	return iri_profile_check(&c->profile, NULL) == ERR_OK &&
	    hash_name(c->hash) != NULL && slots > 0 &&
	    slots <= INTEGRITY_SLOTS_MAX && c->hash_pdus > 0 &&
	    c->hash_ms > 0 &&
	    (!c->sign ||
		(c->sign_hashes > 0 &&
		    c->sign_hashes <= INTEGRITY_SIGN_HASHES_MAX &&
		    c->sign_ms > 0));
}

enum err
integrity_new(const struct integrity_config *c, uint32_t slots,
    struct integrity **out)
{
	struct integrity *i = NULL;
	enum err rc;

	if (!config_good(c, slots))
		return ERR_MALFORMED;
	if ((i = calloc(1, sizeof(*i))) == NULL)
		return ERR_NOMEM;
	i->c = *c;
	if ((rc = group_table_init(&i->t, slots, c->key)) != ERR_OK)
		goto out;
	rc = ERR_CRYPTO;
	if ((i->md = EVP_MD_fetch(NULL, hash_name(c->hash), NULL)) == NULL)
		goto out;
	i->value_len = (size_t)EVP_MD_get_size(i->md);
	*out = i;
	i = NULL;
	rc = ERR_OK;
out:
	integrity_free(&i);
	return rc;
}

void
integrity_free(struct integrity **ip)
{
	struct integrity *i = *ip;

	if (i == NULL)
		return;
	group_table_done(&i->t);
	EVP_MD_free(i->md);
	free(i);
	*ip = NULL;
}

void
integrity_reset(struct integrity *i)
{
	group_table_reset(&i->t);
	for (unsigned n = 0; n < ASKED_MAX; n++)
		i->asked[n].number = 0;
	i->held = false;
}

/* ---- records ---- */

static struct group *
group_of(struct integrity *i, const struct ps_pdu *p)
{
	if (p->liid.left == 0 || p->liid.left > MAX_LIID || !p->has_cin)
		return NULL;
	return group_find(&i->t, p->liid, p->cin);
}

static void
open_is_due(struct integrity *i, struct group *g)
{
	if (!group_in(g, LIST_OPEN))
		return;
	group_drop(&i->t, LIST_OPEN, g);
	group_push(&i->t, LIST_HASH, g);
}

static enum err
open_group(struct integrity *i, struct group *g, int64_t now)
{
	if ((g->md = EVP_MD_CTX_new()) == NULL)
		return ERR_NOMEM;
	if (EVP_DigestInit_ex2(g->md, i->md, NULL) != 1)
		return ERR_CRYPTO;
	g->opened = now;
	if (group_in(g, LIST_IDLE))
		group_drop(&i->t, LIST_IDLE, g);
	group_push(&i->t, LIST_OPEN, g);
	return ERR_OK;
}

enum err
integrity_add(struct integrity *i, const struct ps_pdu *p, struct rd pdu,
    uint32_t slot, int64_t now)
{
	struct group *g = group_of(i, p);
	enum err rc;

	if (p->liid.left == 0 || p->liid.left > MAX_LIID || !p->has_cin)
		return ERR_MALFORMED;
	if (g == NULL)
		g = group_new(&i->t, p->liid, p->cin);
	if (g->md == NULL && (rc = open_group(i, g, now)) != ERR_OK)
		return rc;
	if (EVP_DigestUpdate(g->md, pdu.p, pdu.left) != 1)
		return ERR_CRYPTO;
	i->t.slots[slot].sequence = p->sequence;
	i->t.slots[slot].hashed = false;
	slots_add(&i->t, &g->open, slot);
	if (++g->n_open >= i->c.hash_pdus)
		open_is_due(i, g);
	return ERR_OK;
}

void
integrity_cut(struct integrity *i, const struct ps_pdu *p)
{
	struct group *g = group_of(i, p);

	if (g != NULL)
		open_is_due(i, g);
}

bool
integrity_covered(const struct integrity *i, struct integrity_covered *c,
    uint32_t *slot)
{
	if (c->next == NO_SLOT)
		return false;
	*slot = c->next;
	c->next = i->t.slots[c->next].next;
	return true;
}

static void
rest_if_idle(struct integrity *i, struct group *g)
{
	if (g->md == NULL && g->batch.n == 0 && g->flight.n == 0 &&
	    !group_in(g, LIST_IDLE)) {
		group_push(&i->t, LIST_IDLE, g);
	}
}

/* ---- hashes that gather, and go to be signed ---- */

/* At most as many of the batch as one signature PDU takes. */
static void
take_off(struct integrity *i, struct group *g)
{
	struct hashes *b = &g->batch, *f = &g->flight;
	uint32_t at = b->records.first, last = NO_SLOT;

	f->number = b->number;
	f->n = 0;
	for (; at != NO_SLOT; last = at, at = i->t.slots[at].next)
		if (i->t.slots[at].hashed && f->n++ == i->c.sign_hashes)
			break;
	if (at != NO_SLOT) {
		f->n--;
		f->records.first = b->records.first;
		f->records.last = last;
		i->t.slots[last].next = NO_SLOT;
		b->records.first = at;
	} else {
		slots_join(&i->t, &f->records, &b->records);
	}
	b->number += f->n;
	b->n -= f->n;
}

/* Whatever is due of the batch goes on, unless something is under way. */
static void
move_batch(struct integrity *i, struct group *g, int64_t now)
{
	const bool due = g->batch.n > 0 &&
	    (g->hurry || g->batch.n >= i->c.sign_hashes ||
		now - g->batch.since >= i->c.sign_ms);
	const bool listed = group_in(g, LIST_BATCH);

	if (g->flight.n == 0 && due) {
		take_off(i, g);
		group_push(&i->t, LIST_SIGN, g);
		g->hurry = g->batch.n > 0 || g->md != NULL;
	}
	if (listed && g->flight.n > 0)
		group_drop(&i->t, LIST_BATCH, g);
	else if (!listed && g->batch.n > 0 && g->flight.n == 0)
		group_push(&i->t, LIST_BATCH, g);
}

void
integrity_flush(struct integrity *i)
{
	struct group *g, *next;

	for (unsigned n = 0; n < ASKED_MAX; n++)
		if (i->asked[n].number != 0)
			i->asked[n].group->hurry = true;
	for (g = group_first(&i->t, LIST_SIGN); g != NULL;
	     g = group_after(g, LIST_SIGN))
		g->hurry = true;
	for (g = group_first(&i->t, LIST_HASH); g != NULL;
	     g = group_after(g, LIST_HASH))
		g->hurry = true;
	for (g = group_first(&i->t, LIST_BATCH); g != NULL; g = next) {
		next = group_after(g, LIST_BATCH);
		g->hurry = true;
		move_batch(i, g, g->batch.since);
	}
	while ((g = group_first(&i->t, LIST_OPEN)) != NULL) {
		g->hurry = true;
		open_is_due(i, g);
	}
}

static void
look_at_clock(struct integrity *i, int64_t now)
{
	struct group *g;

	while ((g = group_first(&i->t, LIST_OPEN)) != NULL &&
	    now - g->opened >= i->c.hash_ms)
		open_is_due(i, g);
	while ((g = group_first(&i->t, LIST_BATCH)) != NULL &&
	    now - g->batch.since >= i->c.sign_ms)
		move_batch(i, g, now);
	if (i->held && now >= i->again)
		i->held = false;
}

int64_t
integrity_due(const struct integrity *i)
{
	const struct group *open = group_first(&i->t, LIST_OPEN);
	const struct group *batch = group_first(&i->t, LIST_BATCH);
	int64_t due = INT64_MAX;

	if (group_first(&i->t, LIST_HASH) != NULL)
		return INT64_MIN;
	if (open != NULL)
		due = open->opened + i->c.hash_ms;
	if (batch != NULL && batch->batch.since + i->c.sign_ms < due)
		due = batch->batch.since + i->c.sign_ms;
	if (i->held && group_first(&i->t, LIST_SIGN) != NULL && i->again < due)
		due = i->again;
	return due;
}

/* ---- PDUs ---- */

static enum err
encode(const struct integrity *i, const struct group *g, uint32_t sequence,
    int64_t wall, const struct tri_integrity *check, uint8_t *out, size_t *len)
{
	const struct tri t = {.kind = TRI_INTEGRITY_CHECK,
	    .u.integrity = *check};
	const struct ps_header h = {.liid = {g->liid, g->liid_len},
	    .cin = g->cin,
	    .sequence = sequence,
	    .seconds = wall};

	return tri_encode(&i->c.profile, &h, &t, out, INTEGRITY_PDU_MAX, len);
}

static enum err
close_group(struct integrity *i, struct group *g, int64_t wall, uint8_t *out,
    size_t *len)
{
	struct slot *first = &i->t.slots[g->open.first];
	struct tri_integrity check = {.check = TRI_CHECK_HASH,
	    .data = TRI_DATA_IRI,
	    .value = {first->value, i->value_len},
	    .hash = i->c.hash};
	struct wr w;

	if (EVP_DigestFinal_ex(g->md, first->value, NULL) != 1)
		return ERR_CRYPTO;
	EVP_MD_CTX_free(g->md);
	g->md = NULL;
	g->n_open = 0;
	first->hashed = true;
	wr_init(&w, i->scratch, sizeof(i->scratch));
	for (uint32_t s = g->open.first; s != NO_SLOT; s = i->t.slots[s].next)
		tri_included_put(&w, i->t.slots[s].sequence);
	if (w.rc != ERR_OK)
		return w.rc;
	rd_init(&check.included, i->scratch, w.len);
	return encode(i, g, g->next_hash, wall, &check, out, len);
}

/* Hashed and to be signed, or hashed and done. */
static void
gather(struct integrity *i, struct group *g, int64_t now)
{
	if (g->batch.n++ == 0) {
		g->batch.number = g->next_hash;
		g->batch.since = now;
	}
	slots_join(&i->t, &g->batch.records, &g->open);
	move_batch(i, g, now);
}

enum err
integrity_hash(struct integrity *i, int64_t now, int64_t wall,
    uint8_t out[INTEGRITY_PDU_MAX], size_t *len, struct integrity_covered *c)
{
	struct group *g;
	enum err rc;

	look_at_clock(i, now);
	if ((g = group_first(&i->t, LIST_HASH)) == NULL)
		return ERR_AGAIN;
	if ((rc = close_group(i, g, wall, out, len)) != ERR_OK)
		return rc;
	group_drop(&i->t, LIST_HASH, g);
	c->next = NO_SLOT;
	if (i->c.sign) {
		gather(i, g, now);
	} else {
		c->next = g->open.first;
		slots_init(&g->open);
	}
	g->next_hash++;
	rest_if_idle(i, g);
	return ERR_OK;
}

/* ---- signatures ---- */

bool
integrity_to_sign(struct integrity *i, uint64_t *number, struct rd *octets)
{
	struct group *g = group_first(&i->t, LIST_SIGN);
	unsigned n = 0;
	struct wr w;

	while (n < ASKED_MAX && i->asked[n].number != 0)
		n++;
	if (g == NULL || i->held || n == ASKED_MAX)
		return false;
	wr_init(&w, i->scratch, sizeof(i->scratch));
	for (uint32_t s = g->flight.records.first; s != NO_SLOT;
	     s = i->t.slots[s].next)
		if (i->t.slots[s].hashed)
			wr_copy(&w, i->t.slots[s].value, i->value_len);
	group_drop(&i->t, LIST_SIGN, g);
	i->asked[n].number = ++i->numbers;
	i->asked[n].group = g;
	*number = i->numbers;
	rd_init(octets, i->scratch, w.len);
	return true;
}

static enum err
encode_signature(struct integrity *i, struct group *g, struct rd sig,
    int64_t wall, uint8_t *out, size_t *len)
{
	struct tri_integrity check = {.check = TRI_CHECK_SIGNATURE,
	    .data = TRI_DATA_IRI,
	    .value = sig,
	    .signature = TRI_ECDSA};
	struct wr w;

	wr_init(&w, i->scratch, sizeof(i->scratch));
	for (unsigned n = 0; n < g->flight.n; n++)
		tri_included_put(&w, g->flight.number + n);
	rd_init(&check.included, i->scratch, w.len);
	return encode(i, g, g->next_signature++, wall, &check, out, len);
}

enum err
integrity_signature(struct integrity *i, uint64_t number, struct rd sig,
    int64_t now, int64_t wall, uint8_t out[INTEGRITY_PDU_MAX], size_t *len,
    struct integrity_covered *c)
{
	struct group *g;
	unsigned n = 0;
	enum err rc;

	while (n < ASKED_MAX && i->asked[n].number != number)
		n++;
	if (number == 0 || number > i->numbers)
		return ERR_MISMATCH;
	if (n == ASKED_MAX)
		return ERR_AGAIN;
	if (sig.left > INTEGRITY_SIGNATURE_MAX)
		return ERR_TOOBIG;
	g = i->asked[n].group;
	i->asked[n].number = 0;
	if (sig.left == 0) {
		i->held = true;
		i->again = now + AGAIN_MS;
		group_push(&i->t, LIST_SIGN, g);
		return ERR_AGAIN;
	}
	if ((rc = encode_signature(i, g, sig, wall, out, len)) != ERR_OK)
		return rc;
	i->held = false; /* there is room again */
	c->next = g->flight.records.first;
	slots_init(&g->flight.records);
	g->flight.n = 0;
	move_batch(i, g, now);
	rest_if_idle(i, g);
	return ERR_OK;
}
