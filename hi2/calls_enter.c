#include <string.h>

#include "hi2/calls_table.h"

static bool
is_ours(const struct mikey_seen *m)
{
	return !m->sound || (m->type >= I_MESSAGE_1 && m->type <= R_MESSAGE_2);
}

static struct message *
copy_of(struct message *first, const struct mikey_seen *m, uint64_t hash)
{
	for (; first != NULL; first = first->next)
		if (first->hash == hash &&
		    rd_is(&m->octets, first->octets, first->len))
			return first;
	return NULL;
}

/* An offer that is made again, with credentials or after a while. */
static bool
made_again(struct message *m, const struct message *sip)
{
	if (!sip->request || (m->request && sip->cseq <= m->cseq))
		return false;
	m->request = true;
	m->cseq = sip->cseq;
	m->method = sip->method;
	m->tags = sip->tags;
	return true;
}

/* `sip` has what is the same for all MIKEY messages of one SIP message. */
static struct message *
new_message(struct calls *t, struct call *c, const struct message *sip,
    const struct mikey_seen *m, uint64_t hash)
{
	struct message *out = calls_take(t, c, sizeof(*out) + m->octets.left);

	if (out == NULL)
		return NULL;
	*out = *sip;
	out->call = c;
	out->sound = m->sound;
	out->type = m->type;
	out->csb_id = m->csb_id;
	out->hash = hash;
	out->len = m->octets.left;
	if (m->octets.left > 0)
		memcpy(out->octets, m->octets.p, m->octets.left);
	if (!m->sound)
		return out;
	out->update = m->update;
	out->has_ibake = m->has_ibake;
	out->has_esk = m->has_esk;
	out->ts_type = m->ts_type;
	out->ts = m->ts;
	out->idrr = calls_hash(t, m->idrr);
	return out;
}

static struct sip_text *
new_text(struct calls *t, struct call *c, const struct sip_seen *s)
{
	struct sip_text *x = calls_take(t, c, sizeof(*x) + s->sip.left);

	if (x == NULL)
		return NULL;
	x->direction = s->direction;
	x->len = s->sip.left;
	if (s->sip.left > 0)
		memcpy(x->octets, s->sip.p, s->sip.left);
	return x;
}

/* The messages of one SIP message that are new to the call. */
struct arrival {
	struct message *first, **end;
	unsigned n;
	struct sip_text *text;
	struct kept *kept;
};

static void
arrival_drop(struct calls *t, struct call *c, struct arrival *a)
{
	calls_forget(t, a->kept);
	if (a->text != NULL)
		calls_give(t, c, a->text, sizeof(*a->text) + a->text->len);
	while (a->first != NULL) {
		struct message *m = a->first;

		a->first = m->next;
		calls_give(t, c, m, sizeof(*m) + m->len);
	}
}

static enum err
arrival_take(struct calls *t, struct call *c, const struct sip_seen *s,
    const struct message *sip, struct arrival *a)
{
	for (unsigned i = 0; i < s->n_mikey; i++) {
		const struct mikey_seen *m = &s->mikey[i];
		const uint64_t hash = calls_hash(t, m->octets);
		struct message *new;

		if (!is_ours(m) || copy_of(c->first, m, hash) != NULL ||
		    copy_of(a->first, m, hash) != NULL)
			continue;
		if ((new = new_message(t, c, sip, m, hash)) == NULL)
			return ERR_NOMEM;
		*a->end = new;
		a->end = &new->next;
		a->n++;
	}
	if (a->n > 0 && (a->text = new_text(t, c, s)) == NULL)
		return ERR_NOMEM;
	if (a->n > 0 && s->stored > 0 && c->kept != NULL &&
	    (a->kept = calls_keep(t, c->kept->call, s->number, s->stored)) ==
		NULL)
		return ERR_NOMEM;
	return ERR_OK;
}

static void
arrival_link(struct call *c, struct arrival *a)
{
	for (struct message *m = a->first; m != NULL; m = m->next) {
		m->number = ++c->numbers;
		m->sip = a->text;
		a->text->refs++;
		if ((m->kept = a->kept) != NULL)
			a->kept->refs++;
	}
	if (a->n == 0)
		return;
	*c->end = a->first;
	c->end = a->end;
	c->n += a->n;
	a->first = NULL;
	a->text = NULL;
	a->kept = NULL;
}

/* ---- room in a call ---- */

static bool
is_pending(const struct message *m)
{
	return m->pending[CALL_KEYS_DUE].queue.next != NULL ||
	    m->pending[CALL_NO_KEYS].queue.next != NULL;
}

static bool
is_first_i1(const struct message *m)
{
	return m->sound && m->type == I_MESSAGE_1 && !m->update;
}

/* Everything that there is to say of it was said and fetched. */
static bool
is_settled(const struct call *c, const struct message *m)
{
	if (is_pending(m) || (m->lead != NULL && is_pending(m->lead)))
		return false;
	if (is_first_i1(m))
		return false; /* an update may need it */
	if (m->lead == NULL)
		return true;
	if (calls_gather(c, m->lead).complete)
		return m->lead->told[CALL_KEYS_DUE] && m->lead->update;
	return m->told[CALL_NO_KEYS];
}

/* Of two answers with one T, from two dialogs. */
static bool
is_shared(const struct call *c, const struct message *m)
{
	for (const struct message *o = c->first; o != NULL; o = o->next)
		if (o->lead == o && calls_gather(c, o).i1 == m)
			return true;
	return false;
}

static void
drop_exchange(struct calls *t, struct call *c, struct message *lead)
{
	struct message *next;

	for (struct message *m = c->first; m != NULL; m = next) {
		next = m->next;
		if (m->lead != lead || m == lead)
			continue;
		m->lead = NULL;
		if (m->type != I_MESSAGE_1)
			calls_drop_message(t, m);
	}
	calls_drop_message(t, lead);
	for (struct message *m = c->first; m != NULL; m = next) {
		next = m->next;
		if (m->lead == NULL && m->type == I_MESSAGE_1 &&
		    !is_first_i1(m) && !is_pending(m) && !is_shared(c, m))
			calls_drop_message(t, m);
	}
	calls_match(c, t->limits.wait_ms);
}

static bool
is_full(const struct calls *t, const struct call *c, unsigned n, size_t octets)
{
	return c->n + n > CALLS_MESSAGES || c->octets + octets > t->call_limit;
}

/*
 * A long call goes through many updates: the oldest that were told give way.
 * A first exchange stays, for updates need it.
 */
static enum err
make_way(struct calls *t, struct call *c, unsigned n, size_t octets)
{
	struct message *m = c->first;

	while (m != NULL && is_full(t, c, n, octets)) {
		if (!is_settled(c, m)) {
			m = m->next;
			continue;
		}
		if (m->lead == NULL)
			calls_drop_message(t, m);
		else
			drop_exchange(t, c, m->lead);
		m = c->first;
	}
	return is_full(t, c, n, octets) ? ERR_FULL : ERR_OK;
}

/* ---- what a message changes ---- */

static bool
signs(struct call *c, const struct sip_seen *s, const struct sign *sign,
    const struct message *sip)
{
	bool changed = calls_sign_apply(c, sign);

	for (unsigned i = 0; i < s->n_mikey; i++) {
		const struct mikey_seen *m = &s->mikey[i];
		const struct sign likely = {.kind = SIGN_LIKELY,
		    .tags = sip->tags,
		    .at_ms = sip->came_ms};

		if (m->type == I_MESSAGE_2 || m->type == R_MESSAGE_2 ||
		    (m->sound && m->update))
			changed = calls_sign_apply(c, &likely) || changed;
	}
	return changed;
}

/* Of those whose exchange has its I_MESSAGE_1, another message is shown. */
static void
drop_texts(struct calls *t, struct call *c)
{
	for (struct message *m = c->first; m != NULL; m = m->next) {
		struct parts p;

		if (m->sip == NULL || (m->sound && m->type == I_MESSAGE_1))
			continue;
		if (m->lead == NULL) {
			calls_drop_text(t, m);
			continue;
		}
		p = calls_gather(c, m->lead);
		if (p.shown_by != m)
			calls_drop_text(t, m);
	}
}

/* What its messages need, and how many there are, with copies. */
size_t
calls_needed(const struct sip_seen *s, unsigned *n)
{
	size_t octets = 0;

	*n = 0;
	for (unsigned i = 0; i < s->n_mikey; i++)
		if (is_ours(&s->mikey[i])) {
			octets += sizeof(struct message) +
			    s->mikey[i].octets.left + CALLS_OVERHEAD;
			++*n;
		}
	if (*n > 0)
		octets += sizeof(struct sip_text) + s->sip.left +
		    sizeof(struct kept) + 2 * CALLS_OVERHEAD;
	return octets;
}

/* Those that are not there yet; the others may tell something too. */
static unsigned
sort_copies(struct calls *t, struct call *c, const struct sip_seen *s,
    const struct message *sip, bool *changed)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->n_mikey; i++) {
		const struct mikey_seen *m = &s->mikey[i];
		struct message *copy;

		if (!is_ours(m))
			continue;
		copy = copy_of(c->first, m, calls_hash(t, m->octets));
		if (copy == NULL) {
			n++;
			continue;
		}
		t->counts.copies++;
		*changed = made_again(copy, sip) || *changed;
	}
	return n;
}

enum err
calls_enter(struct calls *t, struct call *c, const struct sip_seen *s,
    const struct message *sip, const struct sign *sign, bool *changed)
{
	const unsigned n = sort_copies(t, c, s, sip, changed);
	struct arrival a = {.first = NULL};
	enum err rc = ERR_OK;
	unsigned all;

	a.end = &a.first;
	if (n > 0 &&
	    (rc = make_way(t, c, n, calls_needed(s, &all))) == ERR_OK &&
	    (rc = arrival_take(t, c, s, sip, &a)) != ERR_OK) {
		arrival_drop(t, c, &a);
		return rc;
	}
	if (rc != ERR_OK)
		t->counts.full += n;
	*changed = signs(c, s, sign, sip) || a.n > 0 || *changed;
	arrival_link(c, &a);
	if (n > 0) {
		calls_match(c, t->limits.wait_ms);
		drop_texts(t, c);
	}
	calls_spoke(t, c);
	calls_look(t, c);
	return rc;
}
