#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "appliance/policy_proc.h"
#include "base/log.h"

/* FNV-1a: the names in the table are signed or sealed, not an attacker's. */
static uint32_t
bucket(struct rd key)
{
	uint32_t h = 2166136261U;

	for (size_t i = 0; i < key.left; i++)
		h = (h ^ key.p[i]) * 16777619U;
	return h & (POLICY_BUCKETS - 1);
}

static struct rd
text_view(const char *s)
{
	struct rd r;

	rd_init(&r, s, strlen(s));
	return r;
}

struct warrant_link *
policy_warrants_for(struct policy *p, struct rd identity)
{
	return p->by_id[bucket(identity)];
}

struct held_warrant *
policy_warrant_by_id(struct policy *p, const uint8_t id[WARRANT_ID_LEN])
{
	for (size_t i = 0; i < p->n_warrants; i++)
		if (memcmp(p->warrant[i]->w->id, id, WARRANT_ID_LEN) == 0)
			return p->warrant[i];
	return NULL;
}

struct held_subscriber *
policy_subscriber(struct policy *p, struct rd identity)
{
	struct held_subscriber *s = p->subscriber[bucket(identity)];

	while (s != NULL && !rd_equal(&s->s.identity, &identity))
		s = s->next;
	return s;
}

void
policy_free_warrant(struct held_warrant **hp)
{
	struct held_warrant *h = *hp;

	if (h == NULL)
		return;
	warrant_free(&h->w);
	free(h->cms);
	free(h->revocation);
	free(h);
	*hp = NULL;
}

static uint8_t *
copy(struct rd v)
{
	uint8_t *p = malloc(v.left > 0 ? v.left : 1);

	if (p != NULL && v.left > 0)
		memcpy(p, v.p, v.left);
	return p;
}

static void
name_signers(const struct officers *o, const struct signed_doc *d,
    char out[SIGNERS_MAX])
{
	size_t n = 0;

	out[0] = '\0';
	for (unsigned i = 0; i < d->n_signers && n < SIGNERS_MAX; i++)
		n += (size_t)snprintf(out + n, SIGNERS_MAX - n, "%s%s",
		    i == 0 ? "" : ", ", officers_name(o, d->signer[i]));
}

enum err
policy_read_warrant(struct policy *p, struct rd cms, int64_t now,
    struct held_warrant **out, struct why *why)
{
	struct signed_doc doc = {.payload = NULL};
	struct held_warrant *h;
	struct rd payload;
	enum err rc;

	rc = officers_verify(p->officers, cms, now, 2, &doc, why);
	if (rc != ERR_OK)
		return rc;
	rd_init(&payload, doc.payload, doc.payload_len);
	if ((h = calloc(1, sizeof(*h))) == NULL ||
	    (h->cms = copy(cms)) == NULL) {
		rc = why_set(why, ERR_NOMEM, "out of memory");
		goto out;
	}
	h->cms_len = cms.left;
	h->entered = now;
	h->revoke_cli = NO_CLI;
	name_signers(p->officers, &doc, h->signers);
	if ((rc = warrant_parse(payload, &h->w, why)) != ERR_OK)
		goto out;
	*out = h;
	h = NULL;
out:
	policy_free_warrant(&h);
	signed_doc_done(&doc);
	return rc;
}

enum err
policy_read_revocation(struct policy *p, struct rd cms, int64_t now,
    struct revocation *out, char signers[SIGNERS_MAX], struct why *why)
{
	struct signed_doc doc = {.payload = NULL};
	struct rd payload;
	enum err rc;

	rc = officers_verify(p->officers, cms, now, 1, &doc, why);
	if (rc != ERR_OK)
		return rc;
	rd_init(&payload, doc.payload, doc.payload_len);
	rc = revocation_parse(payload, out, why);
	name_signers(p->officers, &doc, signers);
	signed_doc_done(&doc);
	return rc;
}

/* Into the list and the index. */
static enum err
insert(struct policy *p, struct held_warrant *h)
{
	if (p->n_warrants == MAX_WARRANTS)
		return ERR_FULL;
	if (p->n_warrants == p->cap_warrants) {
		const size_t cap =
		    p->cap_warrants == 0 ? 64 : 2 * p->cap_warrants;
		void *list = realloc(p->warrant, cap * sizeof(*p->warrant));

		if (list == NULL)
			return ERR_NOMEM;
		p->warrant = list;
		p->cap_warrants = cap;
	}
	for (unsigned i = 0; i < h->w->n_ids; i++) {
		struct warrant_link *l = malloc(sizeof(*l));
		struct warrant_link **at =
		    &p->by_id[bucket(text_view(h->w->ids[i]))];

		if (l == NULL)
			fatal("out of memory");
		*l = (struct warrant_link){*at, h};
		*at = l;
	}
	p->warrant[p->n_warrants++] = h;
	return ERR_OK;
}

enum err
policy_hold_warrant(struct policy *p, struct held_warrant *h, struct why *why)
{
	struct rd cms;
	enum err rc;

	if (p->n_warrants == MAX_WARRANTS)
		return why_set(why, ERR_FULL, "more than %d warrants",
		    MAX_WARRANTS);
	rd_init(&cms, h->cms, h->cms_len);
	rc = db_add_warrant(p->db, h->w->id, cms, h->entered, why);
	return rc == ERR_OK ? insert(p, h) : rc;
}

/* A sealed record; the seal is for the hsm worker to check. */
static enum err
insert_subscriber(struct policy *p, struct rd record)
{
	struct held_subscriber *s = calloc(1, sizeof(*s)), **at;
	struct rd sealed, seal, view;

	if (s == NULL || (s->record = copy(record)) == NULL) {
		free(s);
		return ERR_NOMEM;
	}
	s->len = record.left;
	rd_init(&view, s->record, s->len);
	if (subscriber_parse(view, &s->s, &sealed, &seal) != ERR_OK) {
		free(s->record);
		free(s);
		return ERR_MALFORMED;
	}
	at = &p->subscriber[bucket(s->s.identity)];
	s->next = *at;
	*at = s;
	p->n_subscribers++;
	return ERR_OK;
}

enum err
policy_hold_subscriber(struct policy *p, struct rd record, bool new_one,
    struct why *why)
{
	struct subscriber s;
	struct rd sealed, seal;
	enum err rc;

	if (subscriber_parse(record, &s, &sealed, &seal) != ERR_OK)
		return why_set(why, ERR_MALFORMED,
		    "not a record of the registry");
	if (new_one &&
	    (rc = db_put_subscriber(p->db, s.identity, record, why)) != ERR_OK)
		return rc;
	return insert_subscriber(p, record);
}

enum err
policy_drop_subscriber(struct policy *p, struct rd identity, struct why *why)
{
	struct held_subscriber **at = &p->subscriber[bucket(identity)], *s;
	enum err rc;

	if ((rc = db_delete_subscriber(p->db, identity, why)) != ERR_OK)
		return rc;
	while ((s = *at) != NULL && !rd_equal(&s->s.identity, &identity))
		at = &s->next;
	if (s == NULL)
		return ERR_OK;
	*at = s->next;
	free(s->record);
	free(s);
	p->n_subscribers--;
	return ERR_OK;
}

/*
 * What stands in the database need not be true.  A revocation that does not
 * verify is nothing to teach others, and no reason to serve the warrant.
 */
static void
load_revocation(struct policy *p, struct held_warrant *h,
    const struct db_warrant *d)
{
	struct revocation r;
	struct why why = {""};
	enum err rc;

	h->revoked = true;
	h->revocation_logged = true;
	rc = policy_read_revocation(p, d->revocation, OFFICERS_AT_ANY_TIME, &r,
	    h->revoker, &why);
	if (rc == ERR_OK && memcmp(r.warrant, h->w->id, WARRANT_ID_LEN) != 0)
		rc = why_set(&why, ERR_MISMATCH, "it is another warrant's");
	if (rc != ERR_OK) {
		log_warning("a revocation in the database is no true one; its "
			    "warrant is not served: %s",
		    why.text);
		return;
	}
	h->revocation_logged = d->revocation_logged;
	p->n_unlogged += !d->revocation_logged;
	if ((h->revocation = copy(d->revocation)) == NULL)
		fatal("out of memory");
	h->revocation_len = d->revocation.left;
}

static void
load_warrant(void *ctx, const struct db_warrant *d)
{
	struct policy *p = ctx;
	struct held_warrant *h = NULL;
	struct why why = {""};

	/* The hsm worker asks whether the certificates are valid now. */
	if (policy_read_warrant(p, d->cms, OFFICERS_AT_ANY_TIME, &h, &why) !=
	    ERR_OK) {
		log_warning("a warrant in the database is left out: %s",
		    why.text);
		return;
	}
	h->entered = d->entered;
	if (d->revocation.left > 0)
		load_revocation(p, h, d);
	if (insert(p, h) != ERR_OK)
		fatal("out of memory, or more warrants than can be held");
}

static void
load_subscriber(void *ctx, struct rd record)
{
	if (insert_subscriber(ctx, record) != ERR_OK)
		log_warning("a subscriber's record in the database is left "
			    "out: it is none");
}

void
policy_load(struct policy *p)
{
	struct why why = {""};

	if (db_each_warrant(p->db, load_warrant, p, &why) != ERR_OK ||
	    db_each_subscriber(p->db, load_subscriber, p, &why) != ERR_OK)
		fatal("%s", why.text);
	log_info("%zu warrants, %zu subscribers", p->n_warrants,
	    p->n_subscribers);
}
