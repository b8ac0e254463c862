#include <stdlib.h>
#include <string.h>

#include "hi2/sip_event.h"
#include "lemf/calls_int.h"

#define EXCHANGES_MAX 4096 /* of one call */

static bool
same_exchange(const struct call_exchange *a, const struct call_exchange *b)
{
	return a->csb_id == b->csb_id && a->ts_type == b->ts_type &&
	    a->ts == b->ts;
}

static bool
is_known(const struct call *c, const struct call_exchange *e)
{
	for (size_t i = 0; i < c->n_exchanges; i++)
		if (same_exchange(&c->exchange[i], e))
			return true;
	return false;
}

/* The SRTP policies, and which of them can be decrypted. */
static void
read_policies(const struct mikey_msg *m, struct call_exchange *e)
{
	for (unsigned i = 0; i < m->n_sp; i++) {
		struct rd body = m->sp[i].body;

		rules_default(&e->sp[i].rules);
		e->sp[i].served = rules_read(body, &e->sp[i].rules) == ERR_OK;
		if (rd_u8(&body, &e->sp[i].number) == ERR_OK)
			e->n_sp++;
	}
}

/* Which streams; all else in the message is of the key server's interest. */
static enum err
keep(struct call *c, const struct mikey_msg *m, size_t record, bool known,
    bool *added)
{
	struct call_exchange e = {.record = record,
	    .csb_id = m->csb_id,
	    .answer = m->kind == MIKEY_R_MESSAGE_1 ||
		m->kind == MIKEY_UPDATE_R_MESSAGE_1,
	    .ts_type = m->ts_type,
	    .ts = m->ts,
	    .n_cs = m->n_cs};
	struct call_exchange *more;

	if ((known && !is_known(c, &e)) || c->n_exchanges == EXCHANGES_MAX)
		return ERR_OK;
	more = reallocarray(c->exchange, c->n_exchanges + 1, sizeof(*more));
	if (more == NULL)
		return ERR_NOMEM;
	c->exchange = more;
	if ((e.cs = calloc(m->n_cs, sizeof(*e.cs))) == NULL)
		return ERR_NOMEM;
	memcpy(e.cs, m->cs, m->n_cs * sizeof(*e.cs));
	read_policies(m, &e);
	c->exchange[c->n_exchanges++] = e;
	*added = true;
	return ERR_OK;
}

/* One of those kinds; a policy that the key server refuses may be one here. */
static bool
parse(struct rd in, struct mikey_msg *m)
{
	static const enum mikey_kind kinds[] = {MIKEY_I_MESSAGE_1,
	    MIKEY_R_MESSAGE_1, MIKEY_UPDATE_I_MESSAGE_1,
	    MIKEY_UPDATE_R_MESSAGE_1};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const enum err rc = mikey_parse(in, kinds[i], m);

		if (rc == ERR_OK || rc == ERR_UNSUPPORTED)
			return true;
	}
	return false;
}

enum err
calls_exchanges(struct call *const *call, size_t n, struct rd sip,
    size_t record, bool known)
{
	static struct mikey_msg m; /* it is long */
	struct sip_event e;
	enum err rc;

	if (sip_event_start() != ERR_OK)
		return ERR_NOMEM;
	if (sip_event_read(sip, &e) != ERR_OK)
		return ERR_OK;
	for (unsigned i = 0; i < e.n_mikey; i++) {
		if (!parse(e.mikey[i], &m))
			continue;
		for (size_t k = 0; k < n; k++) {
			bool added = false;

			rc = keep(call[k], &m, record, known, &added);
			if (rc != ERR_OK)
				return rc;
			if (added)
				sdp_types_read(sip, &call[k]->types);
		}
	}
	return ERR_OK;
}

void
calls_exchanges_done(struct call *c)
{
	for (size_t i = 0; i < c->n_exchanges; i++)
		free(c->exchange[i].cs);
	free(c->exchange);
}

/* ---- which stream ---- */

/* The I_MESSAGE_1 that a record of keys carries. */
static const struct call_exchange *
offer_of(const struct call *c, size_t record, uint32_t csb_id)
{
	for (size_t i = 0; i < c->n_exchanges; i++)
		if (c->exchange[i].record == record && !c->exchange[i].answer &&
		    c->exchange[i].csb_id == csb_id)
			return &c->exchange[i];
	return NULL;
}

/*
 * The answer to it.  Where a call was forked there are several, and which of
 * them the keys are of is not said: then *several.
 */
static const struct call_exchange *
answer_to(const struct call *c, const struct call_exchange *offer,
    unsigned cs_id, bool *several)
{
	const struct call_exchange *first = NULL;

	*several = false;
	for (size_t i = 0; i < c->n_exchanges; i++) {
		const struct call_exchange *e = &c->exchange[i];

		if (!e->answer || !same_exchange(e, offer) || cs_id > e->n_cs)
			continue;
		if (first == NULL)
			first = e;
		else if (first->cs[cs_id - 1].ssrc != e->cs[cs_id - 1].ssrc)
			*several = true;
	}
	return first;
}

/* The policy of that number, if the message has it. */
static bool
policy(const struct call_exchange *e, uint8_t number, struct media_key *k,
    enum err *rc)
{
	for (unsigned i = 0; e != NULL && i < e->n_sp; i++) {
		if (e->sp[i].number != number)
			continue;
		k->rules = e->sp[i].rules;
		*rc = e->sp[i].served ? ERR_OK : ERR_UNSUPPORTED;
		return true;
	}
	return false;
}

/*
 * SSRC and ROC of R_MESSAGE_1's map before I_MESSAGE_1's, which cannot know the
 * callee's; so its policy, too (docs/PROTOCOL.md).
 */
enum err
calls_stream_of(const struct call *c, size_t record, struct media_key *k)
{
	const struct call_exchange *offer, *answer;
	const struct mikey_cs *cs;
	enum err rc = ERR_OK;
	uint32_t csb_id;
	bool several;
	uint8_t cs_id;
	struct rd id;

	rules_default(&k->rules);
	rd_init(&id, k->id, sizeof(k->id));
	if (rd_u32(&id, &csb_id) != ERR_OK || rd_u8(&id, &cs_id) != ERR_OK ||
	    cs_id == 0 || (offer = offer_of(c, record, csb_id)) == NULL)
		return ERR_OK;
	answer = answer_to(c, offer, cs_id, &several);
	if (answer == NULL && cs_id > offer->n_cs)
		return ERR_OK;
	cs = answer != NULL ? &answer->cs[cs_id - 1] : &offer->cs[cs_id - 1];
	k->ssrc = several ? 0 : cs->ssrc;
	k->roc = cs->roc;
	if (!policy(answer, cs->policy_no, k, &rc))
		(void)policy(offer, cs->policy_no, k, &rc);
	return rc;
}
