#include <stdlib.h>
#include <string.h>

#include "appliance/hi2_records.h"
#include "base/secret.h"
#include "hi2/iri.h"
#include "hi2/tri.h"

/* The longest record that hi2/iri.h promises. */
#define PDU_MAX (SIP_MAX + 32768 + HI2_SEALED_MAX)

/* X2 payload direction, TS 103 221-2 clause 5.2.6. */
#define X2_TO_TARGET 2
#define X2_FROM_TARGET 3

/* What holds keys while a record is made, in locked memory. */
struct scratch {
	struct xk_get_keys_response answer;
	struct iri_key key[MAX_CS], sealed[MAX_CS];
	uint8_t pdu[PDU_MAX];
};

struct told {
	uint32_t ticket;
	struct msg_stored m;
};

struct hi2_records {
	struct spool *spool;
	struct spool_intake *journal;
	const struct hi2_profiles *profiles;
	hi2_stored_fn *stored;
	void *ctx;
	struct contents *contents;
	struct secret *secret;
	struct scratch *s;

	struct told *turn; /* to be told after the commit */
	size_t n_turn, cap_turn;
	enum err failed; /* of this turn */
	struct why why;
	uint64_t count[HI2_COUNT__MAX], in_turn[HI2_COUNT__MAX];
};

enum err
hi2_records_new(struct spool *spool, const struct hi2_profiles *profiles,
    hi2_stored_fn *stored, void *ctx, struct hi2_records **out)
{
	struct hi2_records *r = calloc(1, sizeof(*r));
	void *p;

	if (r == NULL || contents_new(&r->contents) != ERR_OK ||
	    secret_new(sizeof(struct scratch), &r->secret) != ERR_OK) {
		hi2_records_free(&r);
		return ERR_NOMEM;
	}
	p = secret_data(r->secret);
	r->s = p;
	r->spool = spool;
	r->profiles = profiles;
	r->stored = stored;
	r->ctx = ctx;
	*out = r;
	return ERR_OK;
}

void
hi2_records_free(struct hi2_records **rp)
{
	struct hi2_records *r = *rp;

	if (r == NULL)
		return;
	contents_free(&r->contents);
	secret_free(&r->secret);
	free(r->turn);
	free(r);
	*rp = NULL;
}

void
hi2_records_journal(struct hi2_records *r, struct spool_intake *t)
{
	r->journal = t;
}

/* ---- x2 ---- */

enum err
hi2_records_content(struct hi2_records *r, uint32_t ticket,
    const struct msg_content *m)
{
	return m->sip.left > SIP_MAX ? ERR_TOOBIG
				     : contents_put(r->contents, ticket, m);
}

void
hi2_records_gone(struct hi2_records *r, uint32_t ticket)
{
	contents_drop(r->contents, ticket);
}

/* ---- one leg ---- */

struct leg {
	struct content *content;
	struct msg_stored m;
	uint32_t ticket;
	const struct destination *to;
	struct iri_record record;
	int64_t now;
	const struct msg_hi2_keys *keys; /* NULL: there are none for anybody */
	unsigned n_clear; /* of scratch.key */
};

static uint32_t
cin_of(const struct content *c)
{
	uint32_t cin = 0;
	struct rd r;

	rd_init(&r, c->correlation + 4, 4);
	return rd_u32(&r, &cin) == ERR_OK ? cin : 0;
}

static void
fill_record(struct leg *l, enum iri_event event)
{
	const struct content *c = l->content;

	l->record = (struct iri_record){.event = event,
	    .liid = l->to->liid,
	    .targets = l->to->target,
	    .n_targets = l->to->n_targets,
	    .seconds = c->seconds,
	    .nanoseconds = c->nanoseconds,
	    .initiator = c->direction == X2_FROM_TARGET ? IRI_ORIGINATING
		: c->direction == X2_TO_TARGET		? IRI_TERMINATING
							: IRI_INITIATOR_NA};
	memcpy(l->record.correlation, c->correlation,
	    sizeof(l->record.correlation));
	rd_init(&l->record.sip, c->sip, c->sip_len);
}

/* The keys as they are sealed for a LEMF; their form was checked. */
static unsigned
read_sealed(const struct msg_hi2_keys *m, unsigned lemf,
    struct iri_key key[MAX_CS])
{
	struct rd ids = m->ids, run = m->sealed[lemf];
	unsigned n = 0;

	while (n < MAX_CS && rd_u32(&ids, &key[n].csb_id) == ERR_OK &&
	    rd_u8(&ids, &key[n].cs_id) == ERR_OK &&
	    rd_view16(&run, &key[n].sealed) == ERR_OK)
		n++;
	return n;
}

/* What of the record differs from LEMF to LEMF. */
static void
fill_keys(struct hi2_records *r, struct leg *l, unsigned lemf)
{
	if (l->keys == NULL)
		return;
	l->record.event =
	    l->keys->how[lemf] == HI2_KEYS_NONE ? IRI_NO_KEYS : IRI_KEYS;
	l->record.n_keys = 0;
	if (l->keys->how[lemf] == HI2_KEYS_CLEAR) {
		l->record.keys = r->s->key;
		l->record.n_keys = l->n_clear;
	} else if (l->keys->how[lemf] == HI2_KEYS_SEALED) {
		l->record.keys = r->s->sealed;
		l->record.n_keys = read_sealed(l->keys, lemf, r->s->sealed);
	}
}

/*
 * Which of its LEMFs can be told: a profile may have no way to say the time.
 * The others are told all the same.
 */
static unsigned
choose(struct hi2_records *r, struct leg *l, bool can[MAX_WARRANT_LEMFS])
{
	unsigned n = 0;
	bool known;

	for (unsigned i = 0; i < l->to->n_lemfs; i++) {
		const struct iri_profile *p =
		    hi2_profile_of(r->profiles, l->to->lemf[i], &known);

		fill_keys(r, l, i);
		can[i] = iri_max(p, &l->record) > 0;
		n += can[i];
	}
	return n;
}

/* In front of the first record whose number is not known to go on. */
static enum err
put_reset(struct hi2_records *r, const struct leg *l,
    const struct iri_profile *p, const struct spool_place *at)
{
	const struct ps_header h = {.liid = l->to->liid,
	    .cin = at->row.cin,
	    .sequence = at->row.sequence,
	    .seconds = l->now};
	const struct tri t = {.kind = TRI_CIN_RESET};
	struct rd pdu;
	size_t len = 0;

	if (tri_encode(p, &h, &t, r->s->pdu, sizeof(r->s->pdu), &len) != ERR_OK)
		return why_set(&r->why, ERR_INTERNAL,
		    "a cINReset could not be encoded");
	rd_init(&pdu, r->s->pdu, len);
	return spool_put(r->spool, at, pdu, &r->why);
}

static enum err
find_place(struct hi2_records *r, const struct leg *l, struct rd lemf,
    const struct iri_profile *p, struct spool_place *at)
{
	enum err rc;

	do {
		rc = spool_place(r->spool, lemf, l->to->liid,
		    cin_of(l->content), l->now, at, &r->why);
		if (rc != ERR_OK || !at->reset)
			return rc;
	} while ((rc = put_reset(r, l, p, at)) == ERR_OK);
	return rc;
}

static enum err
put_one(struct hi2_records *r, struct leg *l, struct rd lemf)
{
	const struct iri_profile *p;
	struct spool_place at;
	struct rd pdu;
	bool known;
	size_t len = 0;
	enum err rc;

	p = hi2_profile_of(r->profiles, lemf, &known);
	if ((rc = find_place(r, l, lemf, p, &at)) != ERR_OK)
		return rc;
	l->record.sequence = at.row.sequence;
	rc = iri_encode(p, &l->record, r->s->pdu, sizeof(r->s->pdu), &len);
	if (rc != ERR_OK)
		return why_set(&r->why, ERR_INTERNAL,
		    "a record that could be encoded could not");
	rd_init(&pdu, r->s->pdu, len);
	rc = spool_put(r->spool, &at, pdu, &r->why);
	explicit_bzero(r->s->pdu, len);
	if (rc == ERR_OK && !known)
		r->in_turn[HI2_COUNT_UNKNOWN_LEMF]++;
	return rc;
}

static enum err
remember(struct hi2_records *r, const struct leg *l)
{
	struct told *t;

	if (r->n_turn == r->cap_turn) {
		const size_t cap = r->cap_turn == 0 ? 64 : 2 * r->cap_turn;

		if ((t = realloc(r->turn, cap * sizeof(*t))) == NULL)
			return ERR_NOMEM;
		r->turn = t;
		r->cap_turn = cap;
	}
	r->turn[r->n_turn++] = (struct told){l->ticket, l->m};
	return ERR_OK;
}

/* False: it is there already, or the turn has failed. */
static bool
is_new(struct hi2_records *r, const struct leg *l)
{
	const struct content *c = l->content;
	bool had = false;

	if (c->call == 0 || r->journal == NULL)
		return true;
	r->failed = spool_intake_done(r->journal, c->call, c->mark, l->m.leg,
	    &had, &r->why);
	return r->failed == ERR_OK && !had;
}

/* What the spool says now is the turn's end; commit tells it. */
static enum err
put_all(struct hi2_records *r, struct leg *l)
{
	static const enum hi2_count counts[IRI_EVENT__MAX] =
	    {[IRI_KEYS] = HI2_COUNT_KEYS,
		[IRI_NO_KEYS] = HI2_COUNT_NO_KEYS,
		[IRI_SIP] = HI2_COUNT_SIP};
	bool can[MAX_WARRANT_LEMFS];
	unsigned n;
	enum err rc;

	if (r->failed != ERR_OK)
		return ERR_OK;
	if ((n = choose(r, l, can)) == 0)
		return ERR_UNSUPPORTED;
	if ((rc = content_set_leg(l->content, l->m.leg, LEG_IN_TURN)) != ERR_OK)
		return rc;
	if ((rc = remember(r, l)) != ERR_OK) {
		(void)(content_set_leg(l->content, l->m.leg, LEG_NONE) ==
		    ERR_OK);
		return rc;
	}
	if (!is_new(r, l))
		return ERR_OK;
	r->in_turn[HI2_COUNT_UNFIT] += l->to->n_lemfs - n;
	for (unsigned i = 0; i < l->to->n_lemfs; i++) {
		if (!can[i])
			continue;
		fill_keys(r, l, i);
		r->failed = put_one(r, l, l->to->lemf[i]);
		if (r->failed != ERR_OK)
			return ERR_OK;
		r->in_turn[counts[l->record.event]]++;
	}
	return ERR_OK;
}

/* *done: it is there already, or its content is not. */
static enum err
find(struct hi2_records *r, struct leg *l, uint64_t epoch, uint32_t ticket,
    const struct destination *to, int64_t now, bool *done)
{
	*l = (struct leg){.content = contents_find(r->contents, epoch, ticket),
	    .m = {.epoch = epoch, .leg = to->leg},
	    .ticket = ticket,
	    .to = to,
	    .now = now};
	*done = true;
	if (l->content == NULL)
		return ERR_NOTFOUND;
	switch (content_leg(l->content, to->leg)) {
	case LEG_STORED:
		r->stored(r->ctx, ticket, &l->m);
		return ERR_OK;
	case LEG_IN_TURN:
		return ERR_OK;
	case LEG_NONE:
		break;
	}
	*done = false;
	return ERR_OK;
}

/* ---- a worker's word ---- */

static enum err
take_keys(struct hi2_records *r, const struct msg_hi2_keys *m, unsigned *n)
{
	struct scratch *s = r->s;
	uint64_t epoch = 0;
	enum err rc;

	rc = msg_answer_get(m->answer, &epoch, &s->answer);
	if (rc != ERR_OK)
		return rc;
	if (epoch != m->epoch)
		return ERR_MALFORMED;
	for (unsigned i = 0; i < s->answer.n_keys; i++) {
		const struct xk_session_key *from = &s->answer.key[i];
		struct iri_key *to = &s->key[i];
		struct rd id;

		rd_init(&id, from->crypto_session_id,
		    sizeof(from->crypto_session_id));
		if (rd_u32(&id, &to->csb_id) != ERR_OK ||
		    rd_u8(&id, &to->cs_id) != ERR_OK)
			return ERR_MALFORMED;
		memcpy(to->tek, from->session_key, sizeof(to->tek));
		memcpy(to->salt, from->salt, sizeof(to->salt));
	}
	*n = s->answer.n_keys;
	return ERR_OK;
}

static void
erase_keys(struct scratch *s)
{
	explicit_bzero(&s->answer, sizeof(s->answer));
	explicit_bzero(s->key, sizeof(s->key));
}

enum err
hi2_records_keys(struct hi2_records *r, uint32_t ticket,
    const struct msg_hi2_keys *m, int64_t now)
{
	struct leg l;
	bool done;
	enum err rc;

	rc = find(r, &l, m->epoch, ticket, &m->to, now, &done);
	if (rc != ERR_OK || done)
		return rc;
	if (m->reason != XK_GRANTED) {
		fill_record(&l, IRI_NO_KEYS);
		return put_all(r, &l);
	}
	fill_record(&l, IRI_KEYS);
	l.keys = m;
	if (m->answer.left == 0 || (rc = take_keys(r, m, &l.n_clear)) == ERR_OK)
		rc = put_all(r, &l);
	erase_keys(r->s);
	return rc;
}

/* ---- policy's word ---- */

enum err
hi2_records_order(struct hi2_records *r, uint32_t ticket,
    const struct msg_hi2_order *m, int64_t now)
{
	struct leg l;
	bool done;
	enum err rc;

	rc = find(r, &l, m->epoch, ticket, &m->to, now, &done);
	if (rc != ERR_OK || done)
		return rc;
	fill_record(&l, m->kind == X2_ASK_SIP ? IRI_SIP : IRI_NO_KEYS);
	return put_all(r, &l);
}

/* ---- the end of a turn ---- */

static void
end_turn(struct hi2_records *r, enum leg_state state)
{
	for (size_t i = 0; i < r->n_turn; i++) {
		const struct told *t = &r->turn[i];
		struct content *c =
		    contents_find(r->contents, t->m.epoch, t->ticket);

		/* The leg is there: that cannot fail. */
		if (c != NULL && content_leg(c, t->m.leg) == LEG_IN_TURN)
			(void)(content_set_leg(c, t->m.leg, state) == ERR_OK);
		if (state == LEG_STORED)
			r->stored(r->ctx, t->ticket, &t->m);
	}
	r->n_turn = 0;
	for (unsigned i = 0; i < HI2_COUNT__MAX; i++) {
		if (state == LEG_STORED)
			r->count[i] += r->in_turn[i];
		r->in_turn[i] = 0;
	}
}

bool
hi2_records_pending(const struct hi2_records *r)
{
	return r->n_turn > 0;
}

enum err
hi2_records_commit(struct hi2_records *r, struct why *why)
{
	enum err rc = r->failed;

	if (r->n_turn == 0)
		return ERR_AGAIN;
	if (rc == ERR_OK)
		rc = spool_commit(r->spool, &r->why);
	if (rc != ERR_OK) {
		spool_give_up(r->spool);
		*why = r->why;
	}
	end_turn(r, rc == ERR_OK ? LEG_STORED : LEG_NONE);
	r->failed = ERR_OK;
	return rc;
}

void
hi2_records_counts(const struct hi2_records *r, struct msg_counts *out)
{
	struct spool_intake_counts j;
	struct spool_counts c;

	spool_counts(r->spool, &c);
	out->n = HI2_COUNT__MAX;
	memcpy(out->v, r->count, sizeof(r->count));
	out->v[HI2_COUNT_WAITING] = c.records;
	out->v[HI2_COUNT_OCTETS] = c.octets;
	if (r->journal != NULL) {
		spool_intake_count(r->journal, &j);
		out->v[HI2_COUNT_JOURNAL] = j.rows;
	}
}
