#include <stdlib.h>
#include <string.h>

#include "appliance/policy_waiting.h"

enum err
octets_of(struct rd v, struct octets *out)
{
	uint8_t *p = malloc(v.left > 0 ? v.left : 1);

	if (p == NULL)
		return ERR_NOMEM;
	if (v.left > 0)
		memcpy(p, v.p, v.left);
	*out = (struct octets){p, v.left};
	return ERR_OK;
}

struct rd
octets_view(const struct octets *o)
{
	struct rd r;

	rd_init(&r, o->p, o->len);
	return r;
}

void
octets_done(struct octets *o)
{
	free(o->p);
	*o = (struct octets){NULL, 0};
}

static unsigned
place_of(const struct waiting_list *l, const uint8_t hash[DIGEST_LEN])
{
	unsigned i = 0;

	while (i < l->n && memcmp(l->w[i]->q->hash, hash, DIGEST_LEN) != 0)
		i++;
	return i;
}

struct waiting *
waiting_find(const struct waiting_list *l, const uint8_t hash[DIGEST_LEN])
{
	const unsigned i = place_of(l, hash);

	return i < l->n ? l->w[i] : NULL;
}

void
waiting_free(struct waiting **wp)
{
	struct waiting *w = *wp;

	if (w == NULL)
		return;
	request_free(&w->q);
	octets_done(&w->request);
	octets_done(&w->evidence);
	free(w);
	*wp = NULL;
}

/* Takes over what the review found. */
static void
take_review(struct waiting *w, struct approval *a)
{
	w->approvers = a->approvers;
	w->n_signers = a->n_signers;
	memcpy(w->signers, a->names, sizeof(w->signers));
	if (w->q == NULL) {
		w->q = a->request;
		a->request = NULL;
	}
	approval_done(a);
}

/* The evidence of before, and one more. */
static enum err
add_evidence(const struct waiting *before, struct rd cms, struct octets *out,
    struct why *why)
{
	struct evidence e = {.n = 0};
	struct wr w;

	if (before != NULL &&
	    evidence_get(octets_view(&before->evidence), &e) != ERR_OK)
		return why_set(why, ERR_MALFORMED,
		    "its signatures of before are unreadable");
	if (e.n == MAX_APPROVALS)
		return why_set(why, ERR_FULL,
		    "a request has at most %d signed documents", MAX_APPROVALS);
	e.cms[e.n++] = cms;
	if (evidence_size(&e) > MAX_EVIDENCE)
		return why_set(why, ERR_TOOBIG,
		    "a request's signatures have at most %d octets",
		    MAX_EVIDENCE);
	if ((out->p = malloc(evidence_size(&e))) == NULL)
		return why_set(why, ERR_NOMEM, "out of memory");
	wr_init(&w, out->p, evidence_size(&e));
	evidence_put(&w, &e);
	return wr_finish(&w, &out->len);
}

enum err
waiting_merge(const struct authority *a, const struct waiting *before,
    struct rd request, struct rd cms, int64_t now, struct waiting **out,
    bool *complete, struct why *why)
{
	struct waiting *w = calloc(1, sizeof(*w));
	struct approval p;
	enum err rc;

	if (w == NULL)
		return why_set(why, ERR_NOMEM, "out of memory");
	if ((rc = add_evidence(before, cms, &w->evidence, why)) != ERR_OK ||
	    (rc = authority_review(a, request, octets_view(&w->evidence), now,
		 authority_head(a).number + 1, &p, why)) != ERR_OK)
		goto out;
	*complete = p.complete;
	take_review(w, &p);
	if (before != NULL && w->n_signers <= before->n_signers) {
		rc = why_set(why, ERR_EXISTS,
		    "they have signed it already: nothing new in it");
		goto out;
	}
	w->entered = before != NULL ? before->entered : now;
	if ((rc = octets_of(request, &w->request)) != ERR_OK) {
		(void)why_set(why, rc, "out of memory");
		goto out;
	}
	*out = w;
	w = NULL;
out:
	waiting_free(&w);
	return rc;
}

enum err
waiting_restore(const struct authority *a, struct rd request,
    struct rd evidence, int64_t entered, uint64_t at, struct waiting **out,
    struct why *why)
{
	struct waiting *w = calloc(1, sizeof(*w));
	struct why unheard;
	struct approval p;
	enum err rc;

	if (w == NULL)
		return why_set(why, ERR_NOMEM, "out of memory");
	w->entered = entered;
	if ((rc = request_parse(request, &w->q, why)) != ERR_OK)
		goto out;
	if ((rc = octets_of(request, &w->request)) != ERR_OK ||
	    (rc = octets_of(evidence, &w->evidence)) != ERR_OK) {
		(void)why_set(why, rc, "out of memory");
		goto out;
	}
	if (authority_review(a, request, evidence, PERSONS_AT_ANY_TIME, at, &p,
		&unheard) == ERR_OK)
		take_review(w, &p);
	*out = w;
	w = NULL;
out:
	waiting_free(&w);
	return rc;
}

enum err
waiting_room(const struct waiting_list *l, const char *requester,
    struct why *why)
{
	unsigned of_one = 0;

	for (unsigned i = 0; i < l->n; i++)
		of_one += strcmp(l->w[i]->q->requester, requester) == 0;
	if (l->n >= MAX_REQUESTS)
		return why_set(why, ERR_FULL,
		    "%d requests wait for approval: end some of them",
		    MAX_REQUESTS);
	return of_one < MAX_REQUESTS_OF_ONE
	    ? ERR_OK
	    : why_set(why, ERR_FULL,
		  "%d requests of %s wait for approval: end some of them",
		  MAX_REQUESTS_OF_ONE, requester);
}

enum err
waiting_put(struct waiting_list *l, struct waiting *w, struct why *why)
{
	const unsigned i = place_of(l, w->q->hash);

	if (i == MAX_REQUESTS)
		return why_set(why, ERR_FULL,
		    "%d requests wait for approval: end some of them",
		    MAX_REQUESTS);
	if (i < l->n)
		waiting_free(&l->w[i]);
	else
		l->n++;
	l->w[i] = w;
	return ERR_OK;
}

void
waiting_drop(struct waiting_list *l, const uint8_t hash[DIGEST_LEN])
{
	const unsigned i = place_of(l, hash);

	if (i == l->n)
		return;
	waiting_free(&l->w[i]);
	memmove(&l->w[i], &l->w[i + 1], (--l->n - i) * sizeof(l->w[0]));
}

const char *
waiting_state(const struct waiting *w, const struct authority *a, int64_t now)
{
	if (now >= w->q->expires)
		return "expired";
	return w->q->policy_version == authority_policy_version(a) ? "waiting"
								   : "outdated";
}
