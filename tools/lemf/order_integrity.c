/* Hash PDUs and signature PDUs against what has come. */
#include <stdlib.h>
#include <string.h>

#include "hi2/integrity.h"
#include "lemf/order_int.h"

/* The numbers of includedSequenceNumbers, at most ORDER_KEPT. */
struct numbers {
	uint32_t *p;
	uint32_t n;
};

void
order_drop_hashes(struct order *o, struct stream *s, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		o->n_numbers -= s->hashes[i].n;
		free(s->hashes[i].numbers);
	}
	s->n_hashes -= n;
	if (s->n_hashes > 0)
		memmove(s->hashes, s->hashes + n,
		    s->n_hashes * sizeof(*s->hashes));
}

static enum err
read_numbers(struct rd in, struct numbers *out)
{
	uint32_t *p = malloc(ORDER_KEPT * sizeof(*p));
	uint32_t n = 0;
	enum err rc = ERR_OK;

	if (p == NULL)
		return ERR_NOMEM;
	while (in.left > 0 && n < ORDER_KEPT &&
	    (rc = tri_included_get(&in, &p[n])) == ERR_OK)
		n++;
	if (rc != ERR_OK || in.left > 0 || n == 0) {
		free(p);
		return ERR_MALFORMED;
	}
	*out = (struct numbers){p, n};
	return ERR_OK;
}

/* ---- hashes ---- */

/* The octets of the records, which were somewhere put. */
struct octets {
	uint8_t *p;
	size_t len;
	struct rd *pdus;
};

static void
octets_free(struct octets *o)
{
	if (o->p != NULL)
		explicit_bzero(o->p, o->len);
	free(o->p);
	free(o->pdus);
}

/* ERR_NOTFOUND: one is not there, or cannot be read. */
static enum err
fetch(const struct order *o, const struct era *e, const struct numbers *n,
    struct octets *out)
{
	uint8_t *p;

	*out = (struct octets){.p = NULL};
	for (uint32_t i = 0; i < n->n; i++) {
		const struct seen *s = order_find(e, n->p[i]);

		if (s == NULL || s->where.len > ORDER_HASH_OCTETS - out->len)
			return ERR_NOTFOUND;
		out->len += s->where.len;
	}
	out->p = malloc(out->len);
	out->pdus = calloc(n->n, sizeof(*out->pdus));
	if (out->p == NULL || out->pdus == NULL)
		return ERR_NOMEM;
	p = out->p;
	for (uint32_t i = 0; i < n->n; i++) {
		const struct seen *s = order_find(e, n->p[i]);

		if (o->ops.read(o->ops.ctx, &s->where, p) != ERR_OK)
			return ERR_NOTFOUND;
		rd_init(&out->pdus[i], p, s->where.len);
		p += s->where.len;
	}
	return ERR_OK;
}

static enum err
judge_hash(const struct order *o, const struct era *e, const struct numbers *n,
    const struct tri_integrity *check)
{
	struct octets octets;
	enum err rc;

	if ((rc = fetch(o, e, n, &octets)) == ERR_OK)
		rc = integrity_verify_hash(check, octets.pdus, n->n);
	octets_free(&octets);
	return rc;
}

/* It is remembered for a signature; n->p is taken over. */
static enum err
keep_hash(struct order *o, struct stream *s, const struct record *r,
    struct numbers *n, uint32_t era, bool good)
{
	struct rd value = r->tri.u.integrity.value;
	struct hash *h;

	if (s->hashes == NULL &&
	    (s->hashes = calloc(ORDER_HASHES, sizeof(*s->hashes))) == NULL)
		return ERR_NOMEM;
	if (s->n_hashes == ORDER_HASHES)
		order_drop_hashes(o, s, ORDER_HASHES / 2);
	h = &s->hashes[s->n_hashes];
	*h = (struct hash){.number = r->sequence, .era = era, .good = good};
	h->value_len = value.left;
	if (value.left > sizeof(h->value) ||
	    rd_copy(&value, h->value, value.left) != ERR_OK)
		return ERR_OK; /* no hash: nothing signs it */
	h->n = n->n;
	h->numbers = realloc(n->p, n->n * sizeof(*n->p)); /* it is shorter */
	if (h->numbers == NULL)
		h->numbers = n->p;
	n->p = NULL;
	o->n_numbers += h->n;
	s->n_hashes++;
	return ERR_OK;
}

static enum err
take_hash(struct order *o, struct stream *s, const struct record *r)
{
	const struct tri_integrity *check = &r->tri.u.integrity;
	struct era *e = &s->now;
	struct numbers n;
	enum err rc;

	if ((rc = read_numbers(check->included, &n)) != ERR_OK) {
		if (rc == ERR_NOMEM)
			return rc;
		order_say(o, r, ORDER_HASH_BAD, r->sequence, 0);
		return ERR_OK;
	}
	rc = judge_hash(o, e, &n, check);
	/* Behind a cINReset there may be the hash of what was before it. */
	if ((rc == ERR_NOTFOUND || rc == ERR_CRYPTO) &&
	    judge_hash(o, &s->before, &n, check) == ERR_OK) {
		e = &s->before;
		rc = ERR_OK;
	}
	for (uint32_t i = 0; rc == ERR_OK && i < n.n; i++) {
		struct seen *one = order_find(e, n.p[i]);

		o->counts.hashed += one->hashed ? 0 : 1;
		one->hashed = true;
	}
	if (rc != ERR_NOMEM)
		order_say(o, r,
		    rc == ERR_OK		? ORDER_HASH
			: rc == ERR_NOTFOUND	? ORDER_HASH_OPEN
			: rc == ERR_UNSUPPORTED ? ORDER_HASH_KIND
						: ORDER_HASH_BAD,
		    r->sequence, n.n);
	if (rc != ERR_NOMEM)
		rc = keep_hash(o, s, r, &n, e->serial, rc == ERR_OK);
	free(n.p);
	return rc;
}

/* ---- signatures ---- */

/* The last hash PDU of that number: they begin anew with a connection. */
static const struct hash *
find_hash(const struct stream *s, uint32_t number)
{
	for (unsigned i = s->n_hashes; i-- > 0;)
		if (s->hashes[i].number == number)
			return &s->hashes[i];
	return NULL;
}

static void
mark_signed(struct order *o, struct stream *s, const struct hash *h)
{
	const struct era *e = h->era == s->now.serial ? &s->now
	    : h->era == s->before.serial	      ? &s->before
						      : NULL;

	for (uint32_t i = 0; e != NULL && h->good && i < h->n; i++) {
		struct seen *one = order_find(e, h->numbers[i]);

		if (one == NULL || one->attested)
			continue;
		one->attested = true;
		o->counts.attested++;
	}
}

static enum order_what
judge_signature(const struct order *o, const struct stream *s,
    const struct numbers *n, const struct tri_integrity *check,
    struct rd *values)
{
	enum err rc;

	for (uint32_t i = 0; i < n->n; i++) {
		const struct hash *h = find_hash(s, n->p[i]);

		if (h == NULL)
			return ORDER_SIGNATURE_OPEN;
		rd_init(&values[i], h->value, h->value_len);
	}
	if (o->ops.verify_key.left == 0)
		return ORDER_SIGNATURE_NO_KEY;
	rc = integrity_verify_signature(check, o->ops.verify_key, values, n->n);
	return rc == ERR_OK	    ? ORDER_SIGNED
	    : rc == ERR_UNSUPPORTED ? ORDER_SIGNATURE_KIND
				    : ORDER_SIGNATURE_BAD;
}

static enum err
take_signature(struct order *o, struct stream *s, const struct record *r)
{
	enum order_what what;
	unsigned last = 0;
	struct rd *values;
	struct numbers n;
	enum err rc;

	if ((rc = read_numbers(r->tri.u.integrity.included, &n)) != ERR_OK) {
		if (rc == ERR_NOMEM)
			return rc;
		order_say(o, r, ORDER_SIGNATURE_BAD, r->sequence, 0);
		return ERR_OK;
	}
	if ((values = calloc(n.n, sizeof(*values))) == NULL) {
		free(n.p);
		return ERR_NOMEM;
	}
	what = judge_signature(o, s, &n, &r->tri.u.integrity, values);
	free(values);
	for (uint32_t i = 0; what == ORDER_SIGNED && i < n.n; i++) {
		const struct hash *h = find_hash(s, n.p[i]);

		mark_signed(o, s, h);
		if ((unsigned)(h - s->hashes) >= last)
			last = (unsigned)(h - s->hashes) + 1;
	}
	order_drop_hashes(o, s, last);
	order_say(o, r, what, r->sequence, n.n);
	free(n.p);
	return ERR_OK;
}

enum err
order_integrity(struct order *o, struct stream *s, const struct record *r)
{
	return r->tri.u.integrity.check == TRI_CHECK_HASH
	    ? take_hash(o, s, r)
	    : take_signature(o, s, r);
}
