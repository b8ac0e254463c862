/*
 * The warrant state on its way from policy to the workers.  A policy that has
 * just started tells all of it; each worker learns it batch by batch before it
 * gets any work.
 */
#include <stdlib.h>
#include <string.h>

#include "appliance/audit_proc.h"
#include "base/log.h"

/* A worker has sealed a later head than all that there is. */
static bool
any_behind(const struct audit *a)
{
	for (unsigned i = 0; i < MAX_WORKERS; i++) {
		const struct worker *w = &a->worker[i];

		if (w->greeted && !w->asked && !w->current &&
		    w->taught == a->chain.n)
			return true;
	}
	return false;
}

bool
audit_state_old(const struct audit *a)
{
	const struct chain *c = &a->chain;
	/* The entry of a change stands in the log before it is told of. */
	const bool under_way = a->change.state != CHANGE_NONE &&
	    head_equal(&a->change.head, &a->seen.head);

	return c->complete &&
	    (c->wrong || c->told.number < c->head.number ||
		c->told.number + under_way < a->seen.head.number ||
		any_behind(a));
}

enum err
audit_keep_batch(struct audit *a, struct rd changes)
{
	struct chain *c = &a->chain;
	uint8_t *copy;

	if (c->n == c->cap) {
		const size_t cap = c->cap == 0 ? 16 : 2 * c->cap;
		void *list = realloc(c->batch, cap * sizeof(*c->batch));

		if (list == NULL)
			return ERR_NOMEM;
		c->batch = list;
		c->cap = cap;
	}
	if ((copy = malloc(changes.left)) == NULL)
		return ERR_NOMEM;
	memcpy(copy, changes.p, changes.left);
	c->batch[c->n++] = (struct batch){copy, changes.left};
	return ERR_OK;
}

/* ---- to the workers ---- */

void
audit_send_changes(struct audit *a, unsigned index, struct rd changes,
    bool fresh)
{
	const struct msg_learn m = {a->seen.latest, fresh, changes};
	struct peer *to = a->worker[index].peer;
	uint8_t *body = malloc(changes.left + 16);
	struct wr w;
	size_t len;

	if (body == NULL)
		fatal("out of memory");
	wr_init(&w, body, changes.left + 16);
	msg_learn_put(&w, &m);
	if (wr_finish(&w, &len) != ERR_OK)
		fatal("changes longer than their own bound");
	if (peer_send(to, MSG_LEARN, a->chain.generation, body, len) != ERR_OK)
		fatal("a worker does not take the warrant state");
	free(body);
}

void
audit_teach(struct audit *a, unsigned index)
{
	struct worker *w = &a->worker[index];
	struct rd changes;

	if (w->peer == NULL || w->asked || w->refused || !a->chain.complete ||
	    a->chain.wrong || (w->greeted && w->taught == a->chain.n))
		return;
	/* Without a change there is an empty lesson: the worker says its head.
	 */
	rd_init(&changes, NULL, 0);
	if (w->taught < a->chain.n)
		rd_init(&changes, a->chain.batch[w->taught].p,
		    a->chain.batch[w->taught].len);
	w->asked = true;
	audit_send_changes(a, index, changes, false);
}

void
audit_teach_all(struct audit *a)
{
	for (unsigned i = 0; i < MAX_WORKERS; i++)
		audit_teach(a, i);
}

/* ---- from policy ---- */

/* A worker has it all, and it reaches the sealed head. */
static bool
is_sealed(const struct audit *a)
{
	for (unsigned i = 0; i < MAX_WORKERS; i++) {
		const struct worker *w = &a->worker[i];

		if (w->greeted && !w->asked && !w->refused && w->current &&
		    w->taught == a->chain.n)
			return true;
	}
	return false;
}

/* It is not the one: all of it must be told, and learnt, again. */
static void
drop(struct audit *a)
{
	struct chain *c = &a->chain;

	while (c->n > 0)
		free(c->batch[--c->n].p);
	c->refused = false;
	c->generation++;
	for (unsigned i = 0; i < MAX_WORKERS; i++)
		a->worker[i].taught = 0;
}

/* A policy that has just come begins to tell, from change 1 on. */
static void
begin(struct audit *a)
{
	struct chain *c = &a->chain;

	/* Whoever told it before may have been no honest policy. */
	if (a->change.state == CHANGE_NONE &&
	    (c->refused || ((c->wrong || audit_state_old(a)) && !is_sealed(a))))
		drop(a);
	if (c->n == 0)
		c->head = a->seen.first;
	c->n_before = c->n;
	c->head_before = c->head;
	c->told = a->seen.first;
	c->complete = false;
	c->wrong = false;
}

/* It was not the log's: what was kept of it goes again. */
static void
forget(struct chain *c)
{
	while (c->n > c->n_before)
		free(c->batch[--c->n].p);
	c->head = c->head_before;
}

/* Follow the chain, and keep what is new of it. */
static enum err
follow(struct audit *a, struct rd changes)
{
	struct chain *c = &a->chain;
	struct rd at = changes, fresh;
	struct change x;

	rd_init(&fresh, NULL, 0);
	while (at.left > 0) {
		const struct rd before = at;

		if (change_get(&at, &x) != ERR_OK)
			return ERR_MALFORMED;
		if (x.number != c->told.number + 1) {
			c->wrong = true;
			return ERR_OK;
		}
		if (head_after(&c->told, &x, &c->told) != ERR_OK)
			return ERR_CRYPTO;
		if ((c->told.number == c->head_before.number &&
			!head_equal(&c->told, &c->head_before)) ||
		    (c->told.number == a->seen.head.number &&
			!head_equal(&c->told, &a->seen.head))) {
			c->wrong = true;
			return ERR_OK;
		}
		state_seen_told(&a->seen, &c->told);
		if (c->told.number > c->head.number) {
			/* Not while one is judged that this policy knows not.
			 */
			if (a->change.state != CHANGE_NONE) {
				c->wrong = true;
				return ERR_OK;
			}
			if (fresh.left == 0)
				fresh = before;
			c->head = c->told;
		}
	}
	return fresh.left == 0 ? ERR_OK : audit_keep_batch(a, fresh);
}

static void
ended(struct audit *a)
{
	struct chain *c = &a->chain;

	c->complete = true;
	if (c->wrong)
		forget(c);
	for (unsigned i = 0; i < MAX_WORKERS; i++)
		a->worker[i].refused = false;
	audit_teach_all(a);
	audit_tell_service(a);
	audit_dispatch(a);
}

enum err
audit_on_chain(void *ctx, const struct ipc_frame *f)
{
	struct audit *a = ctx;
	struct chain *c = &a->chain;
	struct msg_chain m;
	uint8_t result;
	enum err rc;

	if (msg_chain_get(f->body, &m) != ERR_OK || c->complete)
		return ERR_MALFORMED;
	if (!c->wrong && (rc = follow(a, m.changes)) != ERR_OK)
		return rc;
	if (m.last)
		ended(a);
	result = c->wrong ? ERR_MISMATCH : ERR_OK;
	return peer_send(a->policy, MSG_CHAINED, f->id, &result, 1);
}

void
audit_policy_joined(struct audit *a)
{
	begin(a);
	a->alarmed_old = false;
	audit_tell_service(a);
}
