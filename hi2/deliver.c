#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "hi2/deliver_int.h"

static_assert(DELIVER_WINDOW_RECORDS <= INTEGRITY_SLOTS_MAX,
    "each record of the window has a slot");

#define DAY_MS 86400000

/* ---- made ---- */

static bool
integrity_config_good(const struct deliver_config *c)
{
	if (c->integrity == DELIVER_NO_INTEGRITY)
		return true;
	if (c->hash_pdus < 1 || c->hash_pdus > DELIVER_WINDOW_RECORDS ||
	    c->hash_ms < 1 || c->hash_ms > DAY_MS)
		return false;
	return c->integrity == DELIVER_HASH ||
	    (c->sign_hashes >= 1 &&
		c->sign_hashes <= INTEGRITY_SIGN_HASHES_MAX &&
		c->sign_ms >= 1 && c->sign_ms <= DAY_MS);
}

static bool
config_good(const struct deliver_config *c)
{
	const bool asks = c->rule != DELIVER_SENT || c->time1 > 0;

	return iri_profile_check(&c->profile, NULL) == ERR_OK &&
	    c->rule >= DELIVER_SENT && c->rule <= DELIVER_ACKNOWLEDGED &&
	    c->integrity >= DELIVER_NO_INTEGRITY &&
	    c->integrity <= DELIVER_SIGNATURE && c->hash >= DELIVER_SHA256 &&
	    c->hash <= DELIVER_SHA512 && c->time1 >= 0 && c->time1 <= DAY_MS &&
	    c->time2 >= (asks ? 1 : 0) && c->time3 >= c->time2 &&
	    c->time3 <= DAY_MS && integrity_config_good(c);
}

static enum err
make_integrity(struct deliver *d)
{
	static const enum tri_hash hash[] = {[DELIVER_SHA256] = TRI_SHA256,
	    [DELIVER_SHA384] = TRI_SHA384,
	    [DELIVER_SHA512] = TRI_SHA512};
	struct integrity_config c = {.profile = d->c.profile,
	    .hash = hash[d->c.hash],
	    .hash_pdus = d->c.hash_pdus,
	    .hash_ms = d->c.hash_ms,
	    .sign = d->c.integrity == DELIVER_SIGNATURE,
	    .sign_hashes = d->c.sign_hashes,
	    .sign_ms = d->c.sign_ms};

	if (d->c.integrity == DELIVER_NO_INTEGRITY)
		return ERR_OK;
	memcpy(c.key, d->c.key, sizeof(c.key));
	return integrity_new(&c, DELIVER_WINDOW_RECORDS, &d->integrity);
}

enum err
deliver_new(const struct deliver_config *c, struct deliver **out)
{
	struct deliver *d = NULL;
	enum err rc;

	if (!config_good(c))
		return ERR_MALFORMED;
	if ((d = calloc(1, sizeof(*d))) == NULL)
		return ERR_NOMEM;
	d->c = *c;
	if ((rc = make_integrity(d)) != ERR_OK)
		goto out;
	*out = d;
	d = NULL;
	rc = ERR_OK;
out:
	deliver_free(&d);
	return rc;
}

void
deliver_free(struct deliver **dp)
{
	struct deliver *d = *dp;

	if (d == NULL)
		return;
	fifo_clear(&d->out);
	integrity_free(&d->integrity);
	free(d);
	*dp = NULL;
}

/* ---- the connection ---- */

void
deliver_down(struct deliver *d)
{
	fifo_clear(&d->out);
	if (d->integrity != NULL)
		integrity_reset(d->integrity);
	d->up = d->asking = d->any = d->silent = false;
	d->tell_declined = d->tell_silent = false;
	d->queued = d->written = d->octets = 0;
	d->head = d->n = d->sent = 0;
	d->puts = d->flushed = d->covered = d->safe = 0;
	d->n_asked = d->answers = 0;
	d->next_number = 0;
	d->barrier = d->barrier_puts = d->answers_end = 0;
	d->frame = (struct ber_frame){.at = 0};
	d->in_len = 0;
}

enum err
deliver_up(struct deliver *d, int64_t now, int64_t wall)
{
	deliver_down(d);
	d->tell_sent = d->tell_delivered = false;
	d->up = true;
	d->rule = d->c.rule;
	d->asking = d->rule == DELIVER_ACKNOWLEDGED;
	d->moved = now;
	d->barrier_at = INT64_MIN;
	return d->asking ? deliver_ask(d, TRI_OPTION_REQUEST, now, wall)
			 : ERR_OK;
}

bool
deliver_open(const struct deliver *d)
{
	return d->up && !d->asking;
}

/* ---- the window ---- */

static struct record *
record_at(struct deliver *d, uint32_t i)
{
	return &d->ring[(d->head + i) % DELIVER_WINDOW_RECORDS];
}

void
deliver_settle(struct deliver *d)
{
	while (d->n > 0 && record_at(d, 0)->need <= d->safe) {
		const struct record *r = record_at(d, 0);

		d->delivered_to = r->number;
		d->tell_delivered = true;
		d->octets -= r->len;
		d->head = (d->head + 1) % DELIVER_WINDOW_RECORDS;
		d->n--;
		d->sent--;
	}
}

enum err
deliver_queue(struct deliver *d, struct rd octets, int64_t now)
{
	enum err rc;

	if (d->out.len == 0)
		d->moved = now;
	if ((rc = fifo_put(&d->out, octets)) == ERR_OK)
		d->queued += octets.left;
	return rc;
}

/* An integrity PDU goes out; what it covers is safe when it is. */
static enum err
queue_check(struct deliver *d, size_t len, struct integrity_covered c,
    int64_t now)
{
	struct rd pdu;
	uint32_t slot;
	enum err rc;

	rd_init(&pdu, d->scratch, len);
	if ((rc = deliver_queue(d, pdu, now)) != ERR_OK)
		return rc;
	while (integrity_covered(d->integrity, &c, &slot)) {
		d->ring[slot].need = d->queued;
		d->covered = d->queued;
	}
	return ERR_OK;
}

static enum err
queue_hashes(struct deliver *d, int64_t now, int64_t wall)
{
	struct integrity_covered c;
	size_t len;
	enum err rc;

	while ((rc = integrity_hash(d->integrity, now, wall, d->scratch, &len,
		    &c)) == ERR_OK)
		if ((rc = queue_check(d, len, c, now)) != ERR_OK)
			return rc;
	return rc == ERR_AGAIN ? ERR_OK : rc;
}

/*
 * A window that fills while its first record waits for an integrity PDU would
 * stand still until the time for one has come: all are made at once.  Those
 * after this flush wait for their time again, until one of them is the first.
 */
static void
flush_if_full(struct deliver *d)
{
	const bool full = d->n >= DELIVER_WINDOW_RECORDS / 2 ||
	    d->octets >= DELIVER_WINDOW_OCTETS / 2;
	const uint64_t first = d->puts - d->n;

	if (!full || first < d->flushed || record_at(d, 0)->need != NOT_COVERED)
		return;
	integrity_flush(d->integrity);
	d->flushed = d->puts;
}

static enum err
go_on(struct deliver *d, int64_t now, int64_t wall)
{
	enum err rc;

	if (d->integrity != NULL) {
		flush_if_full(d);
		if ((rc = queue_hashes(d, now, wall)) != ERR_OK)
			return rc;
	}
	return deliver_ask_due(d, now, wall);
}

/* The octets of a record, in their place in the stream and in the hashes. */
static enum err
queue_record(struct deliver *d, const struct ps_pdu *p, struct rd pdu,
    struct record *r, int64_t now, int64_t wall)
{
	const bool checked = d->integrity != NULL && p->kind == PS_IRI;
	struct tri t;
	enum err rc;

	if (d->integrity != NULL && p->kind == PS_TRI &&
	    tri_read(p->payload, &t) == ERR_OK && t.kind == TRI_CIN_RESET) {
		integrity_cut(d->integrity, p);
		if ((rc = queue_hashes(d, now, wall)) != ERR_OK)
			return rc;
	}
	if ((rc = deliver_queue(d, pdu, now)) != ERR_OK)
		return rc;
	r->end = d->queued;
	r->need = checked ? NOT_COVERED : d->queued;
	if (!checked) {
		d->covered = d->queued;
		return ERR_OK;
	}
	return integrity_add(d->integrity, p, pdu, (uint32_t)(r - d->ring),
	    now);
}

enum err
deliver_put(struct deliver *d, uint64_t number, struct rd pdu, int64_t now,
    int64_t wall)
{
	struct record *r;
	struct ps_pdu p;
	enum err rc;

	if (!deliver_open(d))
		return ERR_AGAIN;
	if ((d->any && number <= d->last) || ps_pdu_read(pdu, &p) != ERR_OK ||
	    (p.kind == PS_IRI &&
		(p.liid.left == 0 || p.liid.left > MAX_LIID || !p.has_cin)))
		return ERR_MALFORMED;
	if (d->n == DELIVER_WINDOW_RECORDS ||
	    pdu.left > DELIVER_WINDOW_OCTETS - d->octets)
		return ERR_FULL;
	r = record_at(d, d->n);
	*r = (struct record){.number = number, .len = pdu.left};
	if ((rc = queue_record(d, &p, pdu, r, now, wall)) != ERR_OK)
		return rc;
	d->n++;
	d->puts++;
	d->octets += pdu.left;
	d->last = number;
	d->any = true;
	return go_on(d, now, wall);
}

/* ---- octets out and in ---- */

struct rd
deliver_out(const struct deliver *d)
{
	return fifo_front(&d->out);
}

void
deliver_wrote(struct deliver *d, size_t n, int64_t now)
{
	if (n > d->out.len)
		n = d->out.len;
	if (n == 0)
		return;
	fifo_drop(&d->out, n);
	d->written += n;
	d->moved = now;
	while (d->sent < d->n && record_at(d, d->sent)->end <= d->written) {
		d->sent_to = record_at(d, d->sent++)->number;
		d->tell_sent = true;
	}
	deliver_asked(d, now);
	if (d->rule == DELIVER_SENT) {
		d->safe = d->written;
		deliver_settle(d);
	}
}

/* Whole PDUs from the front; what is left is moved there. */
static enum err
take_whole(struct deliver *d, int64_t now, int64_t wall, struct why *why)
{
	struct rd have, pdu;
	size_t len;
	enum err rc;

	rd_init(&have, d->in, d->in_len);
	while ((rc = ps_pdu_frame(&d->frame, have, DELIVER_IN_MAX, &len)) ==
	    ERR_OK)
		if ((rc = rd_view(&have, len, &pdu)) != ERR_OK ||
		    (rc = deliver_answer(d, pdu, now, wall, why)) != ERR_OK)
			return rc;
	if (rc == ERR_TOOBIG)
		return why_set(why, rc, "it sent a PDU of more than %d octets",
		    DELIVER_IN_MAX);
	if (rc != ERR_AGAIN)
		return why_set(why, rc, "it sent octets that are no PS-PDU");
	if (have.left < d->in_len) {
		memmove(d->in, have.p, have.left);
		d->in_len = have.left;
	}
	return ERR_OK;
}

enum err
deliver_take(struct deliver *d, struct rd in, int64_t now, int64_t wall,
    struct why *why)
{
	enum err rc;

	if (!d->up)
		return ERR_CLOSED;
	while (in.left > 0) {
		size_t n = sizeof(d->in) - d->in_len;

		/* A PDU as long as may be, of which no end is in sight. */
		if (n == 0)
			return why_set(why, ERR_TOOBIG,
			    "it sent a PDU of more than %d octets",
			    DELIVER_IN_MAX);
		if (n > in.left)
			n = in.left;
		if ((rc = rd_copy(&in, d->in + d->in_len, n)) != ERR_OK)
			return rc;
		d->in_len += n;
		if ((rc = take_whole(d, now, wall, why)) != ERR_OK)
			return rc;
	}
	return go_on(d, now, wall);
}

/* ---- time ---- */

enum err
deliver_tick(struct deliver *d, int64_t now, int64_t wall, struct why *why)
{
	enum err rc;

	if (!d->up)
		return ERR_OK;
	if ((rc = go_on(d, now, wall)) != ERR_OK)
		return rc;
	return deliver_given_up(d, now, why);
}

int64_t
deliver_due(const struct deliver *d)
{
	int64_t due, checks;

	if (!d->up)
		return INT64_MAX;
	due = deliver_ask_next(d);
	checks = d->integrity == NULL ? INT64_MAX : integrity_due(d->integrity);
	return checks < due ? checks : due;
}

/* ---- what has followed ---- */

/* Takes back what is to be told. */
static bool
told(bool *tell)
{
	const bool is = *tell;

	*tell = false;
	return is;
}

bool
deliver_next(struct deliver *d, struct deliver_event *out)
{
	struct deliver_event e = {.number = 0};

	if (told(&d->tell_sent)) {
		e.what = DELIVER_SENT_TO;
		e.number = d->sent_to;
	} else if (told(&d->tell_delivered)) {
		e.what = DELIVER_DELIVERED_TO;
		e.number = d->delivered_to;
	} else if (told(&d->tell_declined)) {
		e.what = DELIVER_DECLINED;
	} else if (told(&d->tell_silent)) {
		e.what = d->silent ? DELIVER_SILENT : DELIVER_ANSWERS;
	} else if (d->integrity != NULL &&
	    integrity_to_sign(d->integrity, &e.number, &e.octets)) {
		e.what = DELIVER_SIGN;
	} else {
		return false;
	}
	*out = e;
	return true;
}

enum err
deliver_signature(struct deliver *d, uint64_t number, struct rd sig,
    int64_t now, int64_t wall)
{
	struct integrity_covered c;
	size_t len;
	enum err rc;

	if (d->integrity == NULL)
		return ERR_MISMATCH;
	rc = integrity_signature(d->integrity, number, sig, now, wall,
	    d->scratch, &len, &c);
	if (rc == ERR_AGAIN)
		return ERR_OK;
	if (rc != ERR_OK || (rc = queue_check(d, len, c, now)) != ERR_OK)
		return rc;
	return go_on(d, now, wall);
}
