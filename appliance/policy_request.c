/*
 * Requests as persons hand them in, signed.  One that has all its approvals
 * goes on to be a change; the others are kept, with the signatures they have,
 * until they have them, are rejected, or expire.  Each step is in the log
 * before it is told.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "appliance/policy_cli.h"
#include "appliance/policy_request.h"
#include "base/log.h"

enum act { ACT_KEEP, ACT_REJECT, ACT_EXPIRE };

/* What is done when its entry is in the log. */
struct submission {
	enum act act;
	uint8_t hash[DIGEST_LEN];
	struct waiting *made; /* ACT_KEEP: owned */
};

/* Is an entry about it on its way? */
static bool
being_written(struct policy *p, const uint8_t hash[DIGEST_LEN])
{
	const struct pending *d;
	unsigned at = 0;
	uint32_t id;

	while ((d = slots_next(p->pending, &at, &id)) != NULL)
		if (d->kind == PENDING_REQUEST &&
		    memcmp(d->submission->hash, hash, DIGEST_LEN) == 0)
			return true;
	return false;
}

static void
request_entry(struct audit_entry *e, const uint8_t hash[DIGEST_LEN],
    const char *text)
{
	*e = (struct audit_entry){.type = AUDIT_REQUEST};
	memcpy(e->digest, hash, DIGEST_LEN);
	rd_init(&e->text, text, strlen(text));
}

/* The entry, then what it is about.  Takes `made` over. */
static enum err
write_then(struct policy *p, enum act act, const uint8_t hash[DIGEST_LEN],
    struct waiting *made, const char *text, uint32_t cli)
{
	struct submission *s = calloc(1, sizeof(*s));
	struct audit_entry e;
	struct pending *d;
	uint32_t id;
	enum err rc = ERR_FULL;

	if (s == NULL)
		fatal("out of memory");
	*s = (struct submission){.act = act, .made = made};
	memcpy(s->hash, hash, DIGEST_LEN);
	request_entry(&e, hash, text);
	if ((d = policy_pending(p, PENDING_REQUEST, &id)) != NULL) {
		d->cli = cli;
		d->submission = s;
		if ((rc = policy_record_entry(p, &e, id)) == ERR_OK)
			return ERR_OK;
		slots_drop(p->pending, id);
	}
	waiting_free(&s->made);
	free(s);
	return rc;
}

static void
unavailable(struct cli *c)
{
	cli_error(c->p, c->id, ERR_CLOSED,
	    "the audit process is out of service: nothing was done, try "
	    "again");
}

/* ---- a request ---- */

enum err
policy_request_may_come(struct policy *p, const struct request *q,
    struct why *why)
{
	if (p->service.state_old)
		return why_set(why, ERR_DENIED,
		    "a later warrant state than this one was seen: nothing "
		    "is taken before that is mended");
	if (policy_change_under_way(p, q->hash) || being_written(p, q->hash))
		return why_set(why, ERR_EXISTS,
		    "it is just being written: look again in a moment");
	(void)policy_now(p);
	if (p->clock.stopped && !request_rule(q->kind)->at_any_time)
		return why_set(why, ERR_DENIED,
		    "the clock is behind: until clock.accept only suspensions "
		    "and revocations are taken");
	return ERR_OK;
}

enum err
policy_request_judge(struct policy *p, const struct request *q,
    struct rd octets, struct rd cms, struct waiting **out, bool *complete,
    struct why *why)
{
	const int64_t now = policy_now_for(p, q->kind);
	const struct waiting *before = waiting_find(&p->waiting, q->hash);
	struct waiting *w = NULL;
	enum err rc;

	rc = waiting_merge(p->authority, before, octets, cms, now, &w, complete,
	    why);
	if (rc == ERR_OK)
		rc = authority_fits(p->authority, q, now, why);
	if (rc == ERR_OK)
		rc = policy_fits(p, q, why);
	if (rc == ERR_OK && before == NULL && !*complete)
		rc = waiting_room(&p->waiting, q->requester, why);
	if (rc != ERR_OK)
		waiting_free(&w);
	else
		*out = w;
	return rc;
}

static void
name_signers(const struct persons *s, const struct signed_doc *d, char *out,
    size_t cap)
{
	size_t n = 0;

	out[0] = '\0';
	for (unsigned i = 0; i < d->n_signers && n < cap; i++)
		n += (size_t)snprintf(out + n, cap - n, "%s%s",
		    i == 0 ? "" : ", ", persons_get(s, d->signer[i]).name);
}

/* Takes the request over. */
static void
go_on(struct cli *c, struct waiting *w, bool complete,
    const struct signed_doc *d)
{
	const struct request_rule *rule = request_rule(w->q->kind);
	char who[SIGNERS_MAX], text[SIGNERS_MAX + 128];
	struct why why = {""};
	struct audit_entry e;
	enum err rc;

	name_signers(authority_persons(c->p->authority), d, who, sizeof(who));
	(void)snprintf(text, sizeof(text), "submitted by %s: %s, %u of %u", who,
	    rule->name, w->approvers, rule->need);
	if (!complete) {
		if (write_then(c->p, ACT_KEEP, w->q->hash, w, text, c->id) !=
		    ERR_OK)
			unavailable(c);
		return;
	}
	/* A suspension or revocation waits for nothing. */
	if (w->q->kind != REQUEST_WARRANT_SUSPEND &&
	    w->q->kind != REQUEST_WARRANT_REVOKE &&
	    (rc = policy_can_change(c->p, &why)) != ERR_OK) {
		cli_error(c->p, c->id, rc, why.text);
		waiting_free(&w);
		return;
	}
	request_entry(&e, w->q->hash, text);
	policy_note(c->p, &e); /* before the change's own on the same way */
	policy_change_begin(c->p, w, c->id);
}

/* It is in the chain: its record may be what is missing. */
static enum err
in_effect(struct cli *c, uint64_t number, const struct request *q,
    struct rd octets, struct why *why)
{
	struct policy *p = c->p;
	struct waiting *w = NULL;
	json_t *answer;
	enum err rc;

	if ((q->kind != REQUEST_SUBSCRIBER_ADD &&
		q->kind != REQUEST_SUBSCRIBER_DEVICES) ||
	    policy_record(p, number) != NULL ||
	    !authority_record_stands(p->authority, number) ||
	    policy_task_under_way(p, number))
		return why_set(why, ERR_EXISTS,
		    "this request has taken effect already, as change %llu",
		    (unsigned long long)number);
	if ((rc = policy_can_change(p, why)) != ERR_OK ||
	    (rc = policy_request_known(p, number, &w, why)) != ERR_OK)
		return rc;
	answer = cli_request_json(p, w, "inEffect");
	json_object_set_new(answer, "number", json_integer((json_int_t)number));
	policy_task_subscriber(p, number, q, octets, c->id, answer);
	waiting_free(&w);
	return ERR_OK;
}

static enum err
take_request(struct cli *c, struct rd cms, const struct signed_doc *d,
    struct rd octets, struct why *why)
{
	struct policy *p = c->p;
	struct request *q = NULL;
	struct waiting *w = NULL;
	bool complete = false;
	uint64_t number;
	enum err rc;

	if ((rc = request_parse(octets, &q, why)) != ERR_OK)
		return rc;
	if ((rc = policy_request_may_come(p, q, why)) != ERR_OK)
		goto out;
	if ((number = authority_number_of(p->authority, q->hash)) != 0)
		rc = in_effect(c, number, q, octets, why);
	else if ((rc = policy_request_judge(p, q, octets, cms, &w, &complete,
		      why)) == ERR_OK)
		go_on(c, w, complete, d);
out:
	request_free(&q);
	return rc;
}

/* ---- a rejection ---- */

/* Who could approve it, or who asked, has signed the no. */
static enum err
may_reject(struct policy *p, const struct rejection *r, const struct request *q,
    struct rd cms, struct why *why)
{
	const uint64_t next = authority_head(p->authority).number + 1;
	const struct persons *s = authority_persons(p->authority);
	const unsigned who = persons_find(s, r->person, next);
	bool has_signed = false;
	struct signed_doc d;
	enum err rc;

	if ((rc = persons_verify(s, cms, policy_now(p), next, &d, why)) !=
	    ERR_OK)
		return rc;
	for (unsigned i = 0; i < d.n_signers; i++)
		has_signed |= d.signer[i] == who;
	signed_doc_done(&d);
	if (who == PERSON_NONE || !has_signed)
		return why_set(why, ERR_DENIED,
		    "the person that it names has not signed it");
	return persons_get(s, who).role == request_rule(q->kind)->approver ||
		strcmp(r->person, q->requester) == 0
	    ? ERR_OK
	    : why_set(why, ERR_DENIED, "%s may not reject %s", r->person,
		  request_rule(q->kind)->name);
}

static enum err
take_rejection(struct cli *c, struct rd cms, struct rd octets, struct why *why)
{
	struct policy *p = c->p;
	const struct waiting *w;
	struct rejection r;
	char text[256];
	enum err rc;

	if ((rc = rejection_parse(octets, &r, why)) != ERR_OK)
		return rc;
	if ((w = waiting_find(&p->waiting, r.request)) == NULL)
		return why_set(why, ERR_NOTFOUND,
		    "no such request waits for approval");
	if ((rc = policy_request_may_come(p, w->q, why)) != ERR_OK ||
	    (rc = may_reject(p, &r, w->q, cms, why)) != ERR_OK)
		return rc;
	(void)snprintf(text, sizeof(text), "rejected by %s: %s", r.person,
	    request_rule(w->q->kind)->name);
	if (write_then(p, ACT_REJECT, r.request, NULL, text, c->id) != ERR_OK)
		unavailable(c);
	return ERR_OK;
}

enum err
cli_on_submit(void *ctx, const struct ipc_frame *f)
{
	struct cli *c = ctx;
	const struct authority *a = c->p->authority;
	struct why why = {""};
	struct signed_doc d;
	struct rd octets;
	enum err rc;

	/* Of what time the signatures must be depends on what it is. */
	rc = persons_verify(authority_persons(a), f->body, PERSONS_AT_ANY_TIME,
	    authority_head(a).number + 1, &d, &why);
	if (rc == ERR_OK) {
		rd_init(&octets, d.payload, d.payload_len);
		rc = request_is_rejection(octets)
		    ? take_rejection(c, f->body, octets, &why)
		    : take_request(c, f->body, &d, octets, &why);
		signed_doc_done(&d);
	}
	if (rc != ERR_OK)
		cli_refuse_document(c, f->body, rc, &why);
	return ERR_OK;
}

/* ---- expiry ---- */

void
policy_requests_expire(struct policy *p)
{
	const int64_t now = policy_now(p);

	for (unsigned i = 0; i < p->waiting.n && p->audit != NULL; i++) {
		const struct waiting *w = p->waiting.w[i];
		const struct request_rule *rule = request_rule(w->q->kind);
		char text[256];

		if (now < w->q->expires || being_written(p, w->q->hash) ||
		    policy_change_under_way(p, w->q->hash))
			continue;
		(void)snprintf(text, sizeof(text),
		    "expired: %s of %s, %u of %u", rule->name, w->q->requester,
		    w->approvers, rule->need);
		if (write_then(p, ACT_EXPIRE, w->q->hash, NULL, text, NO_CLI) !=
		    ERR_OK)
			return; /* at the next tick */
	}
}

/* ---- audit's word ---- */

static enum err
keep(struct policy *p, struct submission *s, struct why *why)
{
	struct waiting *w = s->made;
	struct db_request r = {.request = octets_view(&w->request),
	    .evidence = octets_view(&w->evidence),
	    .entered = w->entered};
	enum err rc;

	rd_init(&r.hash, s->hash, sizeof(s->hash));
	if ((rc = db_put_request(p->db, &r, why)) == ERR_OK &&
	    (rc = waiting_put(&p->waiting, w, why)) == ERR_OK)
		s->made = NULL;
	return rc;
}

static void
do_it(struct policy *p, struct submission *s, uint32_t cli)
{
	struct why why = {""};
	struct waiting *w;
	json_t *j;
	enum err rc;

	rc = s->act == ACT_KEEP ? keep(p, s, &why)
				: db_drop_request(p->db, s->hash, &why);
	w = waiting_find(&p->waiting, s->hash);
	if (rc != ERR_OK || w == NULL) {
		log_error("%s: it is in the audit log and not done", why.text);
		cli_error(p, cli, ERR_IO, why.text);
		return;
	}
	j = cli_request_json(p, w, s->act == ACT_KEEP ? "waiting" : "rejected");
	if (s->act != ACT_KEEP)
		waiting_drop(&p->waiting, s->hash);
	cli_json(p, cli, j);
}

void
policy_request_recorded(struct policy *p, struct pending *d, enum err rc)
{
	struct submission *s = d->submission;

	if (rc == ERR_OK)
		do_it(p, s, d->cli);
	else
		cli_error(p, d->cli, rc,
		    rc == ERR_CLOSED
			? "the audit process went out of service meanwhile: "
			  "nothing was done, try again"
			: "the audit log is full or unwritable: nothing was "
			  "done");
	waiting_free(&s->made);
	free(s);
}
