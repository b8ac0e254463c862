/*
 * What a request would do, before anybody hands it in: nothing changes and
 * nothing is written.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "appliance/policy_cli.h"
#include "appliance/policy_request.h"
#include "policy/rfc3339.h"

static void PRINTF_LIKE(2, 3) say(json_t *list, const char *fmt, ...)
{
	char text[2 * MAX_PUBLIC_ID + 256];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	json_array_append_new(list, json_string(text));
}

/* ---- what a warrant would cover ---- */

static void
say_identity(struct policy *p, json_t *list, const struct warrant *w,
    const char *identity)
{
	char from[RFC3339_LEN], until[RFC3339_LEN];
	const struct held_subscriber *h;
	struct subscriber s;
	struct rd id;

	rd_init(&id, identity, strlen(identity));
	if ((h = policy_subscriber(p, id)) == NULL) {
		say(list,
		    "%s: not enrolled: its requests will be refused "
		    "unknownSubscriber",
		    identity);
		return;
	}
	s = policy_read_record(h);
	if (s.test != w->test)
		say(list,
		    "%s: %s: its requests will be refused noAuthorisation",
		    identity,
		    s.test ? "a test subscriber, and this is no test warrant"
			   : "no test subscriber, and this is a test warrant");
	else if (!authority_record_stands(p->authority, h->number))
		say(list,
		    "%s: its record is not the last one approved: its requests "
		    "will be refused unavailable",
		    identity);
	else
		say(list,
		    "%s: enrolled, %u device%s: calls from %s to %s are "
		    "covered",
		    identity, s.n_devices, s.n_devices == 1 ? "" : "s",
		    rfc3339_print(w->calls_from, from),
		    rfc3339_print(w->end, until));
}

/* Once for each other warrant that is not over. */
static void
say_others(struct policy *p, json_t *list, const struct warrant *w)
{
	const int64_t now = policy_now(p);

	for (size_t i = 0; i < p->warrants.n; i++) {
		const struct held_warrant *h = p->warrants.w[i];
		const struct warrant_state s = warrants_state(p->authority, h);
		char id[2 * WARRANT_ID_LEN + 1];
		bool same = false;
		struct rd v;

		for (unsigned t = 0; t < h->w->n_targets && !same; t++)
			for (unsigned k = 0; k < h->w->target[t].ids.n; k++) {
				const char *name = h->w->target[t].ids.w[k];

				rd_init(&v, name, strlen(name));
				for (unsigned u = 0; u < w->n_targets; u++)
					same |=
					    words_have(&w->target[u].ids, v);
			}
		if (!same || s.revoked || now >= s.end + h->w->grace)
			continue;
		hex_put(h->w->id, WARRANT_ID_LEN, id);
		say(list, "also under warrant %s", id);
	}
}

static void
say_clients(const struct policy *p, json_t *list, const struct warrant *w)
{
	for (unsigned i = 0; i < w->clients.n; i++) {
		bool known = false;

		for (unsigned k = 0; k < authority_clients(p->authority); k++)
			known |= strcmp(authority_client(p->authority, k).name,
				     w->clients.w[i]) == 0;
		say(list, "client %s: %s", w->clients.w[i],
		    known ? "enrolled" : "not enrolled");
	}
}

/* Whether calls can be reported for it at all. */
static void
say_lemfs(const struct policy *p, json_t *list, const struct warrant *w)
{
	unsigned n_xids = 0;
	struct rd name, cert;

	for (unsigned i = 0; i < w->lemfs.n; i++) {
		rd_init(&name, w->lemfs.w[i], strlen(w->lemfs.w[i]));
		say(list, "records over HI2 to %s, keys %s", w->lemfs.w[i],
		    authority_lemf_named(p->authority, name, &cert)
			? "sealed to its certificate"
			: "in clear: it has no certificate");
	}
	for (unsigned t = 0; t < w->n_targets; t++)
		n_xids += w->target[t].n_xids;
	if (n_xids == 0)
		say(list, "no record over HI2: no target has xids");
	if (!p->df2)
		say(list, "no record over HI2: this appliance is no DF2/MF");
}

static void
say_warrant(struct policy *p, json_t *list, const struct warrant *w)
{
	for (unsigned t = 0; t < w->n_targets; t++)
		for (unsigned i = 0; i < w->target[t].ids.n; i++)
			say_identity(p, list, w, w->target[t].ids.w[i]);
	say_clients(p, list, w);
	if (!(w->deliveries & DELIVERY_XK))
		say(list, "no key leaves over Xk: delivery does not name it");
	if (w->deliveries & DELIVERY_HI2)
		say_lemfs(p, list, w);
	if (!(w->products & PRODUCT_KEYS))
		say(list, "no key leaves: products do not name them");
	say_others(p, list, w);
}

/* ---- what a change to a warrant would do ---- */

static void
say_on_warrant(struct policy *p, json_t *list, const struct request *q)
{
	const struct held_warrant *h = warrants_by_id(&p->warrants, q->on);
	char now_end[RFC3339_LEN], end[RFC3339_LEN];
	struct warrant_state s;

	if (h == NULL)
		return;
	s = warrants_state(p->authority, h);
	rfc3339_print(s.end, now_end);
	rfc3339_print(q->end, end);
	if (q->kind == REQUEST_WARRANT_SUSPEND)
		say(list, "nothing is released under it until it is resumed");
	else if (q->kind == REQUEST_WARRANT_RESUME)
		say(list, "it is as before: it ends %s", now_end);
	else if (q->kind == REQUEST_WARRANT_REVOKE)
		say(list, "nothing is released under it any more, for good");
	else
		say(list, "it ends %s instead of %s", end, now_end);
}

/* ---- what the others would do ---- */

static void
say_client(const struct policy *p, json_t *list, const struct request *q)
{
	for (unsigned i = 0; i < authority_clients(p->authority); i++)
		if (strcmp(authority_client(p->authority, i).name, q->name) ==
		    0) {
			say(list,
			    "%s is enrolled: this certificate takes the place "
			    "of the one it has",
			    q->name);
			return;
		}
	say(list, "%s: a new client", q->name);
}

static void
say_lemf(const struct policy *p, json_t *list, const struct request *q)
{
	struct rd name, cert;
	bool has;

	rd_init(&name, q->name, strlen(q->name));
	has = authority_lemf_named(p->authority, name, &cert);
	if (q->kind == REQUEST_LEMF_REMOVE)
		say(list,
		    "%s gets keys in clear from then on, under every warrant "
		    "that names it",
		    q->name);
	else
		say(list, "keys for %s are sealed to this certificate, %s",
		    q->name,
		    has ? "in place of the one it has"
			: "and do not go in clear any more");
}

static void
say_other(const struct policy *p, json_t *list, const struct request *q)
{
	if (q->kind <= REQUEST_PERSON_CERTIFICATE)
		say(list,
		    "the version of the rules changes: requests that wait now "
		    "must be written and signed anew");
	else if (q->kind == REQUEST_CLIENT_ADD)
		say_client(p, list, q);
	else if (q->kind == REQUEST_LEMF_ADD || q->kind == REQUEST_LEMF_REMOVE)
		say_lemf(p, list, q);
	else if (q->kind == REQUEST_SUBSCRIBER_REMOVE)
		say(list,
		    "the seed is gone for good, and with it the keys of this "
		    "subscriber's calls");
	else if (q->kind == REQUEST_CLOCK_ACCEPT)
		say(list, "%s",
		    p->clock.stopped
			? "the clock is believed again, as it is"
			: "the clock is in order: there is nothing to accept");
}

static json_t *
would(struct policy *p, const struct request *q)
{
	json_t *list = json_array();

	if (q->kind == REQUEST_WARRANT_ADD)
		say_warrant(p, list, q->warrant);
	else if (q->kind <= REQUEST_WARRANT_REVOKE)
		say_on_warrant(p, list, q);
	else
		say_other(p, list, q);
	return list;
}

/* ---- the answer ---- */

/* Nobody has signed yet: whether the requester may ask at all. */
static void
say_requester(const struct policy *p, json_t *list, const struct request *q)
{
	const struct persons *s = authority_persons(p->authority);
	const unsigned i = persons_find(s, q->requester,
	    authority_head(p->authority).number + 1);
	const struct request_rule *rule = request_rule(q->kind);

	if (i == PERSON_NONE)
		say(list, "the requester: nobody in office is called %s",
		    q->requester);
	else if (!(rule->requesters & 1U << persons_get(s, i).role))
		say(list, "another requester: %s is %s and may not ask for %s",
		    q->requester, role_name(persons_get(s, i).role),
		    rule->name);
	else
		say(list, "the signature of the requester, %s", q->requester);
}

static json_t *
missing(const struct policy *p, const struct waiting *w)
{
	const struct request_rule *rule = request_rule(w->q->kind);
	json_t *list = json_array();

	if (w->n_signers == 0)
		say_requester(p, list, w->q);
	if (w->approvers < rule->need)
		say(list, "%u of role %s", rule->need - w->approvers,
		    role_name(rule->approver));
	return list;
}

static void
answer(struct cli *c, const struct waiting *w)
{
	json_t *j = cli_request_json(c->p, w, "checked");

	json_object_set_new(j, "missing", missing(c->p, w));
	json_object_set_new(j, "would", would(c->p, w->q));
	cli_json(c->p, c->id, j);
}

/* Without signatures of its own; those that it has here count. */
static enum err
check_octets(struct cli *c, struct rd octets, struct why *why)
{
	struct policy *p = c->p;
	struct waiting plain = {.q = NULL};
	const struct waiting *w = &plain;
	enum err rc;

	if ((rc = request_parse(octets, &plain.q, why)) != ERR_OK)
		return rc;
	if ((rc = policy_request_may_come(p, plain.q, why)) == ERR_OK &&
	    (rc = authority_fits(p->authority, plain.q,
		 policy_now_for(p, plain.q->kind), why)) == ERR_OK &&
	    (rc = policy_fits(p, plain.q, why)) == ERR_OK &&
	    (rc = octets_of(octets, &plain.request)) == ERR_OK) {
		if (waiting_find(&p->waiting, plain.q->hash) != NULL)
			w = waiting_find(&p->waiting, plain.q->hash);
		answer(c, w);
	}
	octets_done(&plain.request);
	request_free(&plain.q);
	return rc;
}

static enum err
check_cms(struct cli *c, struct rd cms, struct why *why)
{
	struct policy *p = c->p;
	struct request *q = NULL;
	struct waiting *w = NULL;
	struct signed_doc d;
	bool complete;
	struct rd octets;
	enum err rc;

	rc = persons_verify(authority_persons(p->authority), cms,
	    PERSONS_AT_ANY_TIME, authority_head(p->authority).number + 1, &d,
	    why);
	if (rc != ERR_OK)
		return rc;
	rd_init(&octets, d.payload, d.payload_len);
	if ((rc = request_parse(octets, &q, why)) == ERR_OK &&
	    (rc = policy_request_may_come(p, q, why)) == ERR_OK &&
	    (rc = policy_request_judge(p, q, octets, cms, &w, &complete,
		 why)) == ERR_OK)
		answer(c, w);
	waiting_free(&w);
	request_free(&q);
	signed_doc_done(&d);
	return rc;
}

enum err
cli_on_warrant_check(void *ctx, const struct ipc_frame *f)
{
	struct cli *c = ctx;
	struct why why = {""};
	/* DER starts with a SEQUENCE, a request with its brace. */
	const enum err rc = f->body.p[0] == '{' ? check_octets(c, f->body, &why)
						: check_cms(c, f->body, &why);

	if (rc != ERR_OK)
		cli_error(c->p, c->id, rc, why.text);
	return ERR_OK;
}
