#include <string.h>

#include "hi2/deliver_int.h"

/*
 * What confirms records is sent behind them: at once when all before it has
 * been confirmed, but not more often than BARRIER_MS, so that an LEMF is not
 * asked behind each record; without waiting for an answer when so much has
 * gone out since the last that a window would fill on a long way.
 */
#define BARRIER_MS 100
#define BARRIER_OCTETS (256 * 1024)
#define BARRIER_PUTS (DELIVER_WINDOW_RECORDS / 8)

#define ANSWERS_MAX 64 /* answers of ours that an LEMF has not read */

/* ---- what is asked ---- */

static enum err
queue_tri(struct deliver *d, const struct tri *t, uint32_t number, int64_t now,
    int64_t wall)
{
	struct ps_header h = {.sequence = number, .seconds = wall};
	uint8_t b[TRI_MAX];
	struct rd pdu;
	size_t len;
	enum err rc;

	rd_init(&h.liid, TRI_LIID, strlen(TRI_LIID));
	/* A clock that is wrong is no reason not to deliver. */
	if (wall < 0 || wall > PS_SECONDS_MAX)
		h.seconds = 0;
	rc = tri_encode(&d->c.profile, &h, t, b, sizeof(b), &len);
	if (rc != ERR_OK)
		return rc;
	rd_init(&pdu, b, len);
	return deliver_queue(d, pdu, now);
}

static void
forget(struct deliver *d, unsigned i)
{
	memmove(&d->asked[i], &d->asked[i + 1],
	    (--d->n_asked - i) * sizeof(d->asked[0]));
}

static unsigned
n_waiting(const struct deliver *d)
{
	unsigned n = 0;

	for (unsigned i = 0; i < d->n_asked; i++)
		n += d->asked[i].passed ? 0 : 1;
	return n;
}

enum err
deliver_ask(struct deliver *d, enum tri_kind kind, int64_t now, int64_t wall)
{
	const struct tri t = {.kind = kind,
	    .u.asks = kind == TRI_OPTION_REQUEST};
	struct asked a = {.kind = kind,
	    .number = d->next_number,
	    .from = d->queued,
	    .since = NEVER};
	enum err rc;

	for (unsigned i = 0; d->n_asked == ASKED_MAX && i < d->n_asked; i++)
		if (d->asked[i].passed)
			forget(d, i);
	if (d->n_asked == ASKED_MAX)
		return ERR_INTERNAL;
	if ((rc = queue_tri(d, &t, d->next_number, now, wall)) != ERR_OK)
		return rc;
	d->next_number++;
	a.end = d->queued;
	d->asked[d->n_asked++] = a;
	return ERR_OK;
}

static enum tri_kind
barrier_kind(const struct deliver *d)
{
	return d->rule == DELIVER_ACKNOWLEDGED ? TRI_ACKNOWLEDGEMENT_REQUEST
					       : TRI_KEEP_ALIVE;
}

/* ---- when ---- */

/* Since when nothing has come that should have; NEVER: nothing is due. */
static int64_t
waiting_since(const struct deliver *d)
{
	int64_t since = d->out.len > 0 ? d->moved : NEVER;

	for (unsigned i = 0; i < d->n_asked; i++)
		if (!d->asked[i].passed && d->asked[i].since < since)
			since = d->asked[i].since;
	return since;
}

/* When the next barrier is to go out; NEVER: not before something changes. */
static int64_t
barrier_due(const struct deliver *d)
{
	const unsigned waiting = n_waiting(d);
	const bool much = d->queued - d->barrier >= BARRIER_OCTETS ||
	    d->puts - d->barrier_puts >= BARRIER_PUTS;

	if (d->rule == DELIVER_SENT || d->asking || d->covered <= d->barrier)
		return NEVER;
	if (much && waiting < ASKED_MAX)
		return INT64_MIN;
	if (waiting > 0)
		return NEVER;
	return d->barrier_at == INT64_MIN ? INT64_MIN
					  : d->barrier_at + BARRIER_MS;
}

static int64_t
idle_due(const struct deliver *d)
{
	if (d->c.time1 == 0 || d->asking || d->out.len > 0 || n_waiting(d) > 0)
		return NEVER;
	return d->moved + d->c.time1;
}

static int64_t
silence_due(const struct deliver *d)
{
	const int64_t since = waiting_since(d);

	if (d->c.time2 == 0 || since == NEVER)
		return NEVER;
	return since + (d->silent ? d->c.time3 : d->c.time2);
}

int64_t
deliver_ask_next(const struct deliver *d)
{
	const int64_t all[] = {barrier_due(d), idle_due(d), silence_due(d)};
	int64_t due = NEVER;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i] < due)
			due = all[i];
	return due;
}

/*
 * An LEMF that does not know the option may never answer; then keep-alives
 * rule, by which one that is dead is found.
 */
static void
end_asking(struct deliver *d)
{
	d->asking = false;
	d->rule = DELIVER_KEEPALIVE;
	d->tell_declined = true;
}

static enum err
give_up_option(struct deliver *d, int64_t now, int64_t wall)
{
	const int64_t since = d->asked[0].since;

	if (!d->asking || since == NEVER || now - since < d->c.time2)
		return ERR_OK;
	d->asked[0].passed = true;
	end_asking(d);
	return deliver_ask(d, TRI_KEEP_ALIVE, now, wall);
}

static int64_t
waited(const struct deliver *d, int64_t now)
{
	const int64_t since = waiting_since(d);

	return since == NEVER || since > now ? 0 : now - since;
}

/* Whether an answer is overdue, and whether that is news. */
static void
look_for_silence(struct deliver *d, int64_t now)
{
	const bool silent = d->c.time2 > 0 && waited(d, now) >= d->c.time2;

	if (silent == d->silent)
		return;
	d->silent = silent;
	d->tell_silent = !d->tell_silent;
}

void
deliver_asked(struct deliver *d, int64_t now)
{
	for (unsigned i = 0; i < d->n_asked; i++)
		if (d->asked[i].since == NEVER && d->asked[i].end <= d->written)
			d->asked[i].since = now;
	look_for_silence(d, now);
}

enum err
deliver_ask_due(struct deliver *d, int64_t now, int64_t wall)
{
	enum err rc;

	if ((rc = give_up_option(d, now, wall)) != ERR_OK)
		return rc;
	look_for_silence(d, now);
	if (barrier_due(d) <= now) {
		const uint64_t at = d->queued;

		d->barrier_at = now;
		d->barrier_puts = d->puts;
		rc = deliver_ask(d, barrier_kind(d), now, wall);
		d->barrier = at;
	} else if (idle_due(d) <= now) {
		rc = deliver_ask(d, TRI_KEEP_ALIVE, now, wall);
	}
	return rc;
}

enum err
deliver_given_up(const struct deliver *d, int64_t now, struct why *why)
{
	if (!d->silent || waited(d, now) < d->c.time3)
		return ERR_OK;
	return why_set(why, ERR_CLOSED, "it has not answered for %lld s",
	    (long long)(waited(d, now) / 1000));
}

/* ---- what the LEMF says ---- */

/* The index of what this answers; n_asked: nothing that has been asked. */
static unsigned
find_asked(const struct deliver *d, enum tri_kind kind, uint32_t number)
{
	unsigned i = 0;

	/* There is one option request, so its number does not matter. */
	while (i < d->n_asked &&
	    (d->asked[i].since == NEVER || d->asked[i].kind != kind ||
		(d->asked[i].number != number && kind != TRI_OPTION_REQUEST)))
		i++;
	return i;
}

/* *awaited: it was still waited for. */
static enum err
answered(struct deliver *d, enum tri_kind kind, uint32_t number, bool *awaited,
    struct why *why)
{
	const unsigned i = find_asked(d, kind, number);

	if (i == d->n_asked)
		return why_set(why, ERR_MISMATCH,
		    "it answered what it had not been asked");
	*awaited = !d->asked[i].passed;
	if (*awaited && kind == barrier_kind(d) && d->asked[i].from > d->safe)
		d->safe = d->asked[i].from;
	for (unsigned n = 0; *awaited && n < i; n++)
		d->asked[n].passed = true;
	forget(d, i);
	return ERR_OK;
}

static enum err
take_option(struct deliver *d, const struct tri *t, int64_t now, int64_t wall,
    struct why *why)
{
	const struct tri complete = {.kind = TRI_OPTION_COMPLETE};
	bool awaited;
	enum err rc;

	rc = answered(d, TRI_OPTION_REQUEST, 0, &awaited, why);
	if (rc != ERR_OK || !awaited)
		return rc;
	if (t->u.answer.accepted && !t->u.answer.declined)
		d->asking = false;
	else
		end_asking(d);
	return queue_tri(d, &complete, d->next_number++, now, wall);
}

/* Clause 6.3.4 the other way round: the same number comes back. */
static enum err
take_keep_alive(struct deliver *d, uint32_t number, int64_t now, int64_t wall,
    struct why *why)
{
	const struct tri t = {.kind = TRI_KEEP_ALIVE_RESPONSE};
	enum err rc;

	if (d->answers_end <= d->written)
		d->answers = 0;
	if (d->answers++ == ANSWERS_MAX)
		return why_set(why, ERR_TOOBIG,
		    "it asks for answers and does not read them");
	rc = queue_tri(d, &t, number, now, wall);
	d->answers_end = d->queued;
	return rc;
}

enum err
deliver_answer(struct deliver *d, struct rd pdu, int64_t now, int64_t wall,
    struct why *why)
{
	enum err rc = ERR_OK;
	struct ps_pdu p;
	struct tri t;
	bool awaited;

	if (ps_pdu_read(pdu, &p) != ERR_OK ||
	    (p.kind == PS_TRI && tri_read(p.payload, &t) != ERR_OK))
		return why_set(why, ERR_MALFORMED,
		    "it sent a PS-PDU that is malformed");
	if (p.kind != PS_TRI)
		return ERR_OK;
	if (t.kind == TRI_KEEP_ALIVE)
		rc = take_keep_alive(d, p.sequence, now, wall, why);
	else if (t.kind == TRI_OPTION_RESPONSE)
		rc = take_option(d, &t, now, wall, why);
	else if (t.kind == TRI_KEEP_ALIVE_RESPONSE)
		rc = answered(d, TRI_KEEP_ALIVE, p.sequence, &awaited, why);
	else if (t.kind == TRI_ACKNOWLEDGEMENT_RESPONSE)
		rc = answered(d, TRI_ACKNOWLEDGEMENT_REQUEST, p.sequence,
		    &awaited, why);
	if (rc == ERR_OK)
		deliver_settle(d);
	return rc;
}
