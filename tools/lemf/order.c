#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "lemf/order_int.h"

#define TABLE 65536 /* a power of two */

static const struct {
	const char *name;
	bool wrong;
} whats[ORDER__MAX] = {
    [ORDER_NEW] = {"new", false},
    [ORDER_GAP] = {"gap", true},
    [ORDER_LATE] = {"late", true},
    [ORDER_AGAIN] = {"again", false},
    [ORDER_OTHER] = {"other-octets", true},
    [ORDER_OLD] = {"old", false},
    [ORDER_RESET] = {"reset", false},
    [ORDER_RESET_AGAIN] = {"reset-again", false},
    [ORDER_HASH] = {"hash", false},
    [ORDER_HASH_BAD] = {"hash-bad", true},
    [ORDER_HASH_OPEN] = {"hash-open", true},
    [ORDER_HASH_KIND] = {"hash-kind", true},
    [ORDER_SIGNED] = {"signed", false},
    [ORDER_SIGNATURE_BAD] = {"signature-bad", true},
    [ORDER_SIGNATURE_OPEN] = {"signature-open", true},
    [ORDER_SIGNATURE_KIND] = {"signature-kind", true},
    [ORDER_SIGNATURE_NO_KEY] = {"signature-no-key", false},
};

bool
order_is_wrong(enum order_what w)
{
	return whats[w].wrong;
}

const char *
order_name(enum order_what w)
{
	return whats[w].name;
}

const struct order_counts *
order_counts(const struct order *o)
{
	return &o->counts;
}

void
order_say(struct order *o, const struct record *r, enum order_what what,
    uint32_t number, uint32_t count)
{
	const struct order_event e = {what, r, number, count};

	o->counts.of[what] += what == ORDER_GAP ? count : 1;
	o->ops.event(o->ops.ctx, &e);
}

/* ---- streams ---- */

static struct stream **
place_of(const struct order *o, struct rd liid, uint32_t cin)
{
	uint8_t octets[4 + MAX_LIID];
	struct rd all;
	struct wr w;

	wr_init(&w, octets, sizeof(octets));
	wr_u32(&w, cin);
	wr_copy(&w, liid.p, liid.left);
	rd_init(&all, octets, w.len);
	return &o->table[siphash(o->key, all) & (TABLE - 1)];
}

static void
unlink_age(struct order *o, struct stream *s)
{
	*(s->newer != NULL ? &s->newer->older : &o->newest) = s->older;
	*(s->older != NULL ? &s->older->newer : &o->oldest) = s->newer;
}

static void
link_newest(struct order *o, struct stream *s)
{
	s->newer = NULL;
	s->older = o->newest;
	*(o->newest != NULL ? &o->newest->newer : &o->oldest) = s;
	o->newest = s;
}

static void
era_free(struct order *o, struct era *e)
{
	o->n_numbers -= e->cap;
	free(e->seen);
	*e = (struct era){.serial = e->serial};
}

static void
forget(struct order *o, struct stream *s)
{
	struct rd liid;
	struct stream **at;

	rd_init(&liid, s->liid, s->liid_len);
	at = place_of(o, liid, s->cin);
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	unlink_age(o, s);
	o->n_streams--;
	era_free(o, &s->now);
	era_free(o, &s->before);
	order_drop_hashes(o, s, s->n_hashes);
	free(s->hashes);
	free(s);
}

/* The stream of a PDU, which becomes the newest; NULL: no memory. */
static struct stream *
stream_of(struct order *o, const struct record *r)
{
	struct stream **at = place_of(o, r->liid, r->cin), *s;

	for (s = *at; s != NULL; s = s->next)
		if (s->cin == r->cin && rd_is(&r->liid, s->liid, s->liid_len))
			break;
	if (s != NULL) {
		unlink_age(o, s);
		link_newest(o, s);
		return s;
	}
	if ((s = calloc(1, sizeof(*s))) == NULL)
		return NULL;
	memcpy(s->liid, r->liid.p, r->liid.left);
	s->liid_len = r->liid.left;
	s->cin = r->cin;
	s->next = *at;
	*at = s;
	link_newest(o, s);
	o->n_streams++;
	return s;
}

/* ---- numbers ---- */

struct seen *
order_find(const struct era *e, uint32_t number)
{
	struct seen *s;

	if (number < e->first || number - e->first >= e->n)
		return NULL;
	s = &e->seen[number - e->first];
	return s->where.len > 0 ? s : NULL;
}

/* Room for one number more; the oldest ones go where there are too many. */
static enum err
era_grow(struct order *o, struct era *e)
{
	const uint32_t cap = e->cap == 0 ? 4 : 2 * e->cap;
	struct seen *p;

	if (e->n < e->cap)
		return ERR_OK;
	if (e->n == ORDER_ERA) {
		e->n = ORDER_KEPT;
		memmove(e->seen, e->seen + e->n, e->n * sizeof(*e->seen));
		e->first += e->n;
		return ERR_OK;
	}
	if ((p = realloc(e->seen, cap * sizeof(*p))) == NULL)
		return ERR_NOMEM;
	o->n_numbers += cap - e->cap;
	e->seen = p;
	e->cap = cap;
	return ERR_OK;
}

/* Numbers up to this one; those between are missing. */
static enum err
era_reach(struct order *o, struct era *e, uint32_t number)
{
	enum err rc;

	if (number >= e->first + e->n + ORDER_KEPT) {
		e->first = number;
		e->n = 0;
	}
	while (e->first + e->n <= number) {
		if ((rc = era_grow(o, e)) != ERR_OK)
			return rc;
		e->seen[e->n++] = (struct seen){.where = {0, 0, 0}};
	}
	return ERR_OK;
}

static bool
same(const struct seen *s, const uint8_t digest[ORDER_DIGEST])
{
	return s != NULL && memcmp(s->digest, digest, ORDER_DIGEST) == 0;
}

static enum err
take_record(struct order *o, struct stream *s, const struct record *r,
    const struct order_place *where, const uint8_t digest[ORDER_DIGEST])
{
	struct era *e = &s->now;
	struct seen *had = order_find(e, r->sequence);
	enum order_what what = ORDER_NEW;
	enum err rc;

	/* Perhaps it is of the time before numbers began anew. */
	if (!same(had, digest) &&
	    same(order_find(&s->before, r->sequence), digest))
		had = order_find(&s->before, r->sequence);
	if (had != NULL) {
		what = same(had, digest) ? ORDER_AGAIN : ORDER_OTHER;
		if (what == ORDER_AGAIN)
			had->where = *where;
	} else if (r->sequence < e->first) {
		what = ORDER_OLD;
	} else {
		const uint64_t next = e->first + e->n;

		if (r->sequence > next)
			order_say(o, r, ORDER_GAP, (uint32_t)next,
			    (uint32_t)(r->sequence - next));
		else if (r->sequence < next)
			what = ORDER_LATE;
		if ((rc = era_reach(o, e, r->sequence)) != ERR_OK)
			return rc;
		had = &e->seen[r->sequence - e->first];
		*had = (struct seen){.where = *where};
		memcpy(had->digest, digest, ORDER_DIGEST);
	}
	order_say(o, r, what, r->sequence, 1);
	return ERR_OK;
}

/* A cINReset that is repeated does not begin anything. */
static void
take_reset(struct order *o, struct stream *s, const struct record *r,
    const uint8_t digest[ORDER_DIGEST])
{
	if (s->was_reset && memcmp(s->reset, digest, ORDER_DIGEST) == 0) {
		order_say(o, r, ORDER_RESET_AGAIN, r->sequence, 1);
		return;
	}
	era_free(o, &s->before);
	s->before = s->now;
	s->now = (struct era){.serial = s->before.serial + 1};
	s->was_reset = true;
	memcpy(s->reset, digest, ORDER_DIGEST);
	order_say(o, r, ORDER_RESET, r->sequence, 1);
}

/* ---- all of it ---- */

static enum err
take(struct order *o, const struct record *r, const struct order_place *where)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	struct stream *s = stream_of(o, r);

	if (s == NULL ||
	    EVP_Digest(r->pdu.p, r->pdu.left, digest, NULL, EVP_sha256(),
		NULL) != 1)
		return ERR_NOMEM;
	if (r->event != RECORD_TRI)
		return take_record(o, s, r, where, digest);
	if (r->tri.kind == TRI_INTEGRITY_CHECK)
		return order_integrity(o, s, r);
	take_reset(o, s, r, digest);
	return ERR_OK;
}

enum err
order_take(struct order *o, const struct record *r,
    const struct order_place *where)
{
	enum err rc;

	if (r->event == RECORD_TRI && r->tri.kind != TRI_INTEGRITY_CHECK &&
	    r->tri.kind != TRI_CIN_RESET)
		return ERR_OK;
	rc = take(o, r, where);
	/* The stream at hand is the newest, and stays. */
	while (o->oldest != o->newest &&
	    (o->n_streams > ORDER_STREAMS || o->n_numbers > ORDER_NUMBERS))
		forget(o, o->oldest);
	return rc;
}

enum err
order_new(const struct order_ops *ops, struct order **out)
{
	struct order *o = calloc(1, sizeof(*o));

	if (o == NULL ||
	    (o->table = calloc(TABLE, sizeof(struct stream *))) == NULL) {
		order_free(&o);
		return ERR_NOMEM;
	}
	if (RAND_bytes(o->key, sizeof(o->key)) != 1) {
		order_free(&o);
		return ERR_CRYPTO;
	}
	o->ops = *ops;
	*out = o;
	return ERR_OK;
}

void
order_free(struct order **op)
{
	struct order *o = *op;

	if (o == NULL)
		return;
	while (o->oldest != NULL)
		forget(o, o->oldest);
	free(o->table);
	free(o);
	*op = NULL;
}
