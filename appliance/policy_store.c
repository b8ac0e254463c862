/*
 * What the database says, in memory: the authority from its changes, the
 * warrants that they entered, the requests that wait.
 */
#include <stdlib.h>
#include <string.h>

#include "appliance/policy_proc.h"
#include "base/log.h"

void
policy_hold_warrant(struct policy *p, struct warrant *w, uint64_t number)
{
	if (warrants_hold(&p->warrants, w, number) != ERR_OK)
		fatal("out of memory");
}

/* ---- loading ---- */

struct loading {
	struct policy *p;
	struct why why;
	enum err rc;
	uint64_t to_be; /* changes that are not confirmed */
};

/*
 * The chain knows the hash alone: octets of another warrant are none of the
 * chain's, and the hsm worker would refuse them.
 */
static void
load_warrant(struct policy *p, const struct change *c)
{
	struct why why = {""};
	const enum err rc = warrants_load(&p->warrants, c, &why);

	if (rc == ERR_NOMEM)
		fatal("out of memory");
	if (rc != ERR_OK)
		log_error("the warrant of change %llu is left out: %s",
		    (unsigned long long)c->number, why.text);
}

static enum err
load_removal(struct policy *p, const struct change *c, struct why *why)
{
	struct request *q = NULL;
	const enum err rc = request_parse_known(c->request, &q, why);
	struct rd identity;

	if (rc == ERR_OK) {
		rd_init(&identity, q->identity, strlen(q->identity));
		policy_forget_record(p, identity, c->number);
		request_free(&q);
	}
	return rc;
}

static enum err
load_confirmed(struct policy *p, const struct db_change *d, struct why *why)
{
	const struct change *c = &d->c;
	uint8_t hash[DIGEST_LEN];
	enum err rc;

	if ((rc = authority_apply(p->authority, c, why)) != ERR_OK)
		return rc;
	if (!d->logged)
		policy_unlogged(p, c->number, authority_head(p->authority));
	if (c->kind == REQUEST_WARRANT_ADD)
		load_warrant(p, c);
	if (c->kind == REQUEST_SUBSCRIBER_ADD &&
	    (digest_of(c->request, hash) != ERR_OK ||
		memcmp(hash, c->hash, DIGEST_LEN) != 0))
		log_error("the request of change %llu is not the one of its "
			  "hash",
		    (unsigned long long)c->number);
	return c->kind == REQUEST_SUBSCRIBER_REMOVE ? load_removal(p, c, why)
						    : ERR_OK;
}

static bool
load_change(void *ctx, const struct db_change *d)
{
	struct loading *l = ctx;
	const uint64_t head = authority_head(l->p->authority).number;

	if (d->c.number != head + l->to_be + 1)
		l->rc = why_set(&l->why, ERR_MALFORMED,
		    "registry database: change %llu does not follow",
		    (unsigned long long)d->c.number);
	else if (!d->confirmed) {
		l->to_be++;
		l->rc = policy_change_restore(l->p, &d->c, &l->why);
	} else
		l->rc = load_confirmed(l->p, d, &l->why);
	return l->rc == ERR_OK;
}

static void
load_request(void *ctx, const struct db_request *d)
{
	struct policy *p = ctx;
	struct waiting *w = NULL;
	struct why why = {""};
	enum err rc;

	rc = waiting_restore(p->authority, d->request, d->evidence, d->entered,
	    authority_head(p->authority).number + 1, &w, &why);
	if (rc == ERR_OK && !rd_is(&d->hash, w->q->hash, DIGEST_LEN))
		rc = why_set(&why, ERR_MISMATCH, "not the one of its hash");
	if (rc == ERR_OK)
		rc = waiting_put(&p->waiting, w, &why);
	if (rc == ERR_OK)
		return;
	log_warning("a request in the database is left out: %s", why.text);
	waiting_free(&w);
}

void
policy_load(struct policy *p)
{
	struct loading l = {.p = p, .rc = ERR_OK};
	enum err rc;

	policy_load_subscribers(p);
	rc = db_each_change(p->db, 1, load_change, &l, &l.why);
	if (rc == ERR_OK)
		rc = l.rc;
	if (rc == ERR_OK)
		rc = db_each_request(p->db, load_request, p, &l.why);
	if (rc != ERR_OK) {
		/* Starting again would not mend it: a person must look. */
		log_error("the warrant state cannot be read: %s", l.why.text);
		ctl_fail(rc == ERR_IO ? ERR_IO : ERR_MALFORMED, &l.why);
	}
	log_info("change %llu, %zu warrants, %zu subscribers",
	    (unsigned long long)authority_head(p->authority).number,
	    p->warrants.n, p->n_subscribers);
}
