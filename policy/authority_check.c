/* Whether a change may be the next one: everything about it is asked here. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/x509.h>

#include "policy/authority_int.h"
#include "policy/lemf_cert.h"

/* ---- approvals ---- */

void
approval_done(struct approval *p)
{
	request_free(&p->request);
}

static void
count_signers(struct approval *p, const struct signed_doc *d)
{
	for (unsigned i = 0; i < d->n_signers; i++) {
		unsigned k = 0;

		while (k < p->n_signers && p->signer[k] != d->signer[i])
			k++;
		if (k == p->n_signers && p->n_signers < MAX_SIGNERS)
			p->signer[p->n_signers++] = d->signer[i];
	}
}

/* Every CMS holds, and is over these very octets. */
static enum err
collect(const struct authority *a, struct rd request, struct rd evidence,
    int64_t now, uint64_t at, struct approval *p, struct why *why)
{
	struct evidence e;
	struct signed_doc d;
	enum err rc;

	if (evidence_get(evidence, &e) != ERR_OK)
		return why_set(why, ERR_MALFORMED, "signatures unreadable");
	for (unsigned i = 0; i < e.n; i++) {
		rc = persons_verify(a->persons, e.cms[i], now, at, &d, why);
		if (rc != ERR_OK)
			return rc;
		if (!rd_is(&request, d.payload, d.payload_len))
			rc = why_set(why, ERR_DENIED,
			    "a signature is over something else");
		else
			count_signers(p, &d);
		signed_doc_done(&d);
		if (rc != ERR_OK)
			return rc;
	}
	return ERR_OK;
}

static void
name_signers(const struct authority *a, struct approval *p)
{
	size_t n = 0;

	p->names[0] = '\0';
	for (unsigned i = 0; i < p->n_signers && n < sizeof(p->names); i++)
		n += (size_t)snprintf(p->names + n, sizeof(p->names) - n,
		    "%s%s", i == 0 ? "" : ", ",
		    persons_get(a->persons, p->signer[i]).name);
}

/* The requester has signed and may ask; those who count are counted. */
static enum err
judge_signers(const struct authority *a, struct approval *p, struct why *why)
{
	const struct request_rule *rule = request_rule(p->request->kind);
	bool asked = false;

	for (unsigned i = 0; i < p->n_signers; i++) {
		const struct person who = persons_get(a->persons, p->signer[i]);
		const bool is_requester =
		    strcmp(who.name, p->request->requester) == 0;

		if (is_requester && !(rule->requesters & 1U << who.role))
			return why_set(why, ERR_DENIED,
			    "%s is %s and may not ask for %s", who.name,
			    role_name(who.role), rule->name);
		asked |= is_requester;
		if (!is_requester && who.role != rule->approver)
			return why_set(why, ERR_DENIED,
			    "%s is %s and may not approve %s", who.name,
			    role_name(who.role), rule->name);
		p->approvers += who.role == rule->approver &&
		    (!is_requester || rule->requester_counts);
	}
	if (!asked)
		return why_set(why, ERR_DENIED,
		    "the requester has not signed it");
	p->complete = p->approvers >= rule->need;
	return ERR_OK;
}

enum err
authority_review(const struct authority *a, struct rd request,
    struct rd evidence, int64_t now, uint64_t at, struct approval *out,
    struct why *why)
{
	struct approval p = {.request = NULL};
	enum err rc;

	/* What nobody in office has signed is not read. */
	if ((rc = collect(a, request, evidence, now, at, &p, why)) == ERR_OK &&
	    p.n_signers == 0)
		rc =
		    why_set(why, ERR_DENIED, "the requester has not signed it");
	if (rc == ERR_OK &&
	    (rc = request_parse(request, &p.request, why)) == ERR_OK &&
	    (rc = judge_signers(a, &p, why)) == ERR_OK) {
		name_signers(a, &p);
		*out = p;
		return ERR_OK;
	}
	approval_done(&p);
	return rc;
}

/* ---- does it fit the state? ---- */

/*
 * What was written before somebody suspended a warrant, or changed its end,
 * knew nothing of that: one that was signed and kept back undoes neither.
 */
static bool
is_overtaken(const struct altered *m, const struct request *q)
{
	const bool of_end =
	    q->kind == REQUEST_WARRANT_EXTEND || q->kind == REQUEST_WARRANT_END;

	if (q->kind == REQUEST_WARRANT_RESUME)
		return q->issued < m->suspended_at;
	return of_end && q->issued < m->end_at;
}

static enum err
fits_warrant(const struct authority *a, const struct request *q,
    struct why *why)
{
	const uint64_t number = authority_number_of(a, q->on);
	const struct altered *m = authority_find_altered(a, q->on);

	if (number == 0 || a->change[number - 1].kind != REQUEST_WARRANT_ADD)
		return why_set(why, ERR_NOTFOUND, "no such warrant");
	if (m != NULL && m->revoked)
		return why_set(why, ERR_EXISTS,
		    q->kind == REQUEST_WARRANT_REVOKE
			? "it is revoked already"
			: "it is revoked, and that is for good");
	if (q->kind == REQUEST_WARRANT_SUSPEND && m != NULL && m->suspended)
		return why_set(why, ERR_EXISTS, "it is suspended already");
	if (q->kind == REQUEST_WARRANT_RESUME && (m == NULL || !m->suspended))
		return why_set(why, ERR_EXISTS, "it is not suspended");
	if (m != NULL && is_overtaken(m, q))
		return why_set(why, ERR_DENIED,
		    "it was written before the warrant was changed last: write "
		    "and sign it anew");
	return ERR_OK;
}

/* Two must remain in the roles without whom nothing can be changed. */
#define MIN_IN_ROLE 2

/*
 * Who has no valid certificate can sign nothing and is none of the two, unless
 * the one who goes could not sign either.
 */
static bool
would_leave_too_few(const struct authority *a, const struct person *who,
    uint64_t next, int64_t now)
{
	if (who->role != ROLE_OFFICER && who->role != ROLE_SECURITY_OFFICER)
		return false;
	if (!persons_cert_valid(who->cert, now))
		now = PERSONS_AT_ANY_TIME;
	return persons_in_role(a->persons, who->role, next, now) <= MIN_IN_ROLE;
}

static enum err
fits_person(const struct authority *a, const struct request *q, int64_t now,
    struct why *why)
{
	const uint64_t next = a->head.number + 1;
	const unsigned i = persons_find(a->persons, q->name, next);
	struct person who;
	struct rd cert;
	enum err rc;

	if (q->kind != REQUEST_PERSON_ADD && i == PERSON_NONE)
		return why_set(why, ERR_NOTFOUND, "no such person");
	if (q->kind == REQUEST_PERSON_REMOVE) {
		who = persons_get(a->persons, i);
		return would_leave_too_few(a, &who, next, now)
		    ? why_set(why, ERR_DENIED,
			  "only %d persons are %s: enrol another one first",
			  MIN_IN_ROLE, role_name(who.role))
		    : ERR_OK;
	}
	rd_init(&cert, q->cert.p, q->cert.len);
	rc = persons_may_add(a->persons, q->name, cert, next,
	    q->kind == REQUEST_PERSON_ADD ? PERSON_NONE : i, why);
	/* It takes the place of one that is: its owner could not sign. */
	return rc != ERR_OK || persons_cert_valid(cert, now)
	    ? rc
	    : why_set(why, ERR_DENIED,
		  "certificate: not valid now: its owner could sign nothing");
}

static enum err
check_certificate(struct octets der, struct why *why)
{
	const unsigned char *p = der.p;
	X509 *x = d2i_X509(NULL, &p, (long)der.len);
	const bool good =
	    x != NULL && p == der.p + der.len && X509_get0_pubkey(x) != NULL;

	X509_free(x);
	return good ? ERR_OK
		    : why_set(why, ERR_MALFORMED,
			  "certificate: not the DER of one with a usable key");
}

/* What is to be removed is there. */
static enum err
fits_drop(const struct enrolled *e, const struct request *q, struct why *why)
{
	struct rd name;

	rd_init(&name, q->name, strlen(q->name));
	return enrolled_find(e, name) != NULL
	    ? ERR_OK
	    : why_set(why, ERR_NOTFOUND, "no such %s", e->what);
}

static enum err
fits_client(const struct authority *a, const struct request *q, struct why *why)
{
	struct rd cert;
	enum err rc;

	if ((rc = check_certificate(q->cert, why)) != ERR_OK)
		return rc;
	rd_init(&cert, q->cert.p, q->cert.len);
	return enrolled_may_put(&a->clients, q->name, cert, why);
}

static enum err
fits_lemf(const struct authority *a, const struct request *q, int64_t now,
    struct why *why)
{
	struct rd cert;
	enum err rc;

	rd_init(&cert, q->cert.p, q->cert.len);
	if ((rc = lemf_cert_check(cert, now, why)) != ERR_OK)
		return rc;
	return enrolled_may_put(&a->lemfs, q->name, cert, why);
}

static enum err
fits_kind(const struct authority *a, const struct request *q, int64_t now,
    struct why *why)
{
	switch (q->kind) {
	case REQUEST_WARRANT_ADD:
		return q->warrant->end + q->warrant->grace > now
		    ? ERR_OK
		    : why_set(why, ERR_DENIED, "its period has ended");
	case REQUEST_WARRANT_EXTEND:
	case REQUEST_WARRANT_END:
	case REQUEST_WARRANT_SUSPEND:
	case REQUEST_WARRANT_RESUME:
	case REQUEST_WARRANT_REVOKE:
		return fits_warrant(a, q, why);
	case REQUEST_PERSON_ADD:
	case REQUEST_PERSON_REMOVE:
	case REQUEST_PERSON_CERTIFICATE:
		return fits_person(a, q, now, why);
	case REQUEST_CLIENT_ADD:
		return fits_client(a, q, why);
	case REQUEST_CLIENT_REMOVE:
		return fits_drop(&a->clients, q, why);
	case REQUEST_LEMF_ADD:
		return fits_lemf(a, q, now, why);
	case REQUEST_LEMF_REMOVE:
		return fits_drop(&a->lemfs, q, why);
	case REQUEST_SUBSCRIBER_ADD:
		return q->cert.len == 0 ? ERR_OK
					: check_certificate(q->cert, why);
	case REQUEST_SUBSCRIBER_DEVICES:
	case REQUEST_SUBSCRIBER_REMOVE:
		return authority_record_stands(a, q->record)
		    ? ERR_OK
		    : why_set(why, ERR_NOTFOUND,
			  "record: not that of a subscriber now");
	case REQUEST_CLOCK_ACCEPT:
		return q->time >= now - CHANGE_FRESH &&
			q->time <= now + CHANGE_FRESH
		    ? ERR_OK
		    : why_set(why, ERR_DENIED,
			  "time: not within %d minutes of the clock",
			  CHANGE_FRESH / 60);
	case REQUEST_CONFIG_SET:
		return ERR_OK;
	case REQUEST__MAX:
		break;
	}
	return ERR_INTERNAL;
}

enum err
authority_fits(const struct authority *a, const struct request *q, int64_t now,
    struct why *why)
{
	if (strcmp(q->kms, a->kms) != 0)
		return why_set(why, ERR_DENIED, "it is for another KMS");
	if (q->policy_version != a->policy_version)
		return why_set(why, ERR_DENIED,
		    "it was written for version %llu of the rules, they are "
		    "at %llu: write and sign it anew",
		    (unsigned long long)q->policy_version,
		    (unsigned long long)a->policy_version);
	if (now < q->issued - WARRANT_SKEW)
		return why_set(why, ERR_DENIED, "issued: in the future");
	if (now >= q->expires)
		return why_set(why, ERR_DENIED, "it has expired");
	if (authority_number_of(a, q->hash) != 0)
		return why_set(why, ERR_EXISTS,
		    "this request has taken effect already");
	return fits_kind(a, q, now, why);
}

enum err
authority_check(const struct authority *a, const struct change *c, int64_t now,
    struct approval *out, struct why *why)
{
	struct approval p;
	enum err rc;

	if (c->number != a->head.number + 1)
		return why_set(why, ERR_DENIED,
		    "change %llu does not follow %llu",
		    (unsigned long long)c->number,
		    (unsigned long long)a->head.number);
	if (c->number > MAX_CHANGES)
		return why_set(why, ERR_FULL, "more than %d changes",
		    MAX_CHANGES);
	if (c->time > now + WARRANT_SKEW || c->time < now - CHANGE_FRESH)
		return why_set(why, ERR_DENIED,
		    "the change is dated otherwise than now");
	rc = authority_review(a, c->request, c->evidence, c->time, c->number,
	    &p, why);
	if (rc != ERR_OK)
		return rc;
	if (p.request->kind != c->kind ||
	    memcmp(p.request->hash, c->hash, sizeof(c->hash)) != 0)
		rc = why_set(why, ERR_MISMATCH,
		    "a change has not the request that its hash says");
	else if (!p.complete)
		rc = why_set(why, ERR_DENIED,
		    "signed by %u who may approve it, %u needed", p.approvers,
		    request_rule(c->kind)->need);
	else
		rc = authority_fits(a, p.request, c->time, why);
	if (rc != ERR_OK) {
		approval_done(&p);
		return rc;
	}
	*out = p;
	return ERR_OK;
}

enum err
authority_open_warrant(const struct authority *a, uint64_t number,
    struct rd request, struct rd evidence, struct warrant **out,
    struct why *why)
{
	struct change_known c;
	struct approval p;
	enum err rc;

	if (authority_change(a, number, &c) != ERR_OK ||
	    c.kind != REQUEST_WARRANT_ADD)
		return why_set(why, ERR_DENIED,
		    "no warrant was entered by this change");
	rc = authority_review(a, request, evidence, PERSONS_AT_ANY_TIME, number,
	    &p, why);
	if (rc != ERR_OK)
		return rc;
	if (!p.complete || p.request->kind != REQUEST_WARRANT_ADD ||
	    memcmp(p.request->hash, c.hash, sizeof(c.hash)) != 0)
		rc = why_set(why, ERR_DENIED,
		    "it is not the warrant that was entered");
	else {
		*out = p.request->warrant;
		p.request->warrant = NULL;
	}
	approval_done(&p);
	return rc;
}
