/*
 * Requests as persons see them before they sign: decoded here, from the very
 * octets that count.
 */
#include <stdlib.h>
#include <string.h>

#include "appliance/policy_cli.h"
#include "appliance/policy_request.h"

static json_t *
row(const struct waiting *w, const char *state)
{
	const struct request_rule *rule = request_rule(w->q->kind);
	json_t *j = json_object();

	json_object_set_new(j, "request", cli_hex(w->q->hash, DIGEST_LEN));
	json_object_set_new(j, "kind", json_string(rule->name));
	json_object_set_new(j, "requester", json_string(w->q->requester));
	json_object_set_new(j, "state", json_string(state));
	json_object_set_new(j, "approvers", json_integer(w->approvers));
	json_object_set_new(j, "needed", json_integer(rule->need));
	json_object_set_new(j, "signedBy", json_string(w->signers));
	json_object_set_new(j, "expires", cli_time(w->q->expires));
	return j;
}

/* ---- what it says ---- */

/* In place of the octets: what a person can compare. */
static void
show_certificate(json_t *body, const struct request *q)
{
	json_t *o;
	struct rd der;

	if (q->cert.len == 0)
		return;
	o = json_object();
	rd_init(&der, q->cert.p, q->cert.len);
	cli_put_certificate(o, der);
	json_object_set_new(body, "certificate", o);
}

static void
show_on_warrant(struct policy *p, json_t *body, const struct request *q)
{
	const struct held_warrant *h = warrants_by_id(&p->warrants, q->on);
	struct warrant_state s;

	if (h == NULL)
		return;
	s = warrants_state(p->authority, h);
	json_object_set_new(body, "liid", json_string(h->w->liid));
	json_object_set_new(body, "targets", cli_targets(h->w));
	json_object_set_new(body, "stateNow",
	    json_string(cli_warrant_state(h->w, &s, policy_now(p))));
	json_object_set_new(body, "endNow", cli_time(s.end));
}

/* With what holds where it says nothing. */
static void
show_warrant(struct policy *p, json_t *body, const struct request *q)
{
	const struct held_warrant *h = warrants_by_id(&p->warrants, q->hash);
	const struct warrant *w = q->warrant != NULL ? q->warrant
	    : h != NULL				     ? h->w
						     : NULL;

	if (w == NULL)
		return;
	json_object_set_new(body, "test", json_boolean(w->test));
	json_object_set_new(body, "callsFrom", cli_time(w->calls_from));
	json_object_set_new(body, "graceAfterEnd", json_integer(w->grace));
}

static void
show_person(struct policy *p, json_t *body, const struct request *q)
{
	const struct persons *s = authority_persons(p->authority);
	const unsigned i =
	    persons_find(s, q->name, authority_head(p->authority).number + 1);

	if (q->kind != REQUEST_PERSON_ADD && i != PERSON_NONE)
		json_object_set_new(body, "role",
		    json_string(role_name(persons_get(s, i).role)));
}

static void
show_seed(json_t *body, const struct request *q)
{
	(void)json_object_del(body, "wrappedSeed");
	json_object_set_new(body, "seed",
	    json_string(q->seed.len > 0 ? "imported" : "made in the token"));
	json_object_set_new(body, "test", json_boolean(q->test));
}

json_t *
cli_shows(struct policy *p, const struct request *q, struct rd octets)
{
	struct why why;
	json_t *root = jr_load(octets, &why);
	json_t *body = json_incref(json_object_get(root, "body"));
	struct rd text;

	json_decref(root);
	if (body == NULL)
		return json_object();
	show_certificate(body, q);
	if (q->kind == REQUEST_WARRANT_ADD)
		show_warrant(p, body, q);
	else if (q->kind <= REQUEST_WARRANT_REVOKE)
		show_on_warrant(p, body, q);
	else if (q->kind <= REQUEST_PERSON_CERTIFICATE)
		show_person(p, body, q);
	else if (q->kind == REQUEST_SUBSCRIBER_ADD)
		show_seed(body, q);
	else if (q->kind == REQUEST_CONFIG_SET) {
		text = octets_view(&p->config);
		json_object_set_new(body, "isInUse",
		    json_boolean(rd_is(&text, q->text.p, q->text.len)));
	}
	return body;
}

json_t *
cli_request_json(struct policy *p, const struct waiting *w, const char *state)
{
	json_t *j = row(w, state);

	json_object_set_new(j, "shows",
	    cli_shows(p, w->q, octets_view(&w->request)));
	return j;
}

/* ---- looking ---- */

enum err
cli_on_request_list(void *ctx, const struct ipc_frame *f)
{
	struct cli *c = ctx;
	const struct waiting_list *l = &c->p->waiting;
	const int64_t now = policy_now(c->p);
	struct rd r = f->body;
	json_t *rows;
	uint32_t from, i;
	enum err rc;

	if ((rc = rd_u32(&r, &from)) != ERR_OK)
		return rc;
	rows = json_array();
	for (i = from; i < l->n && i - from < CLI_PAGE; i++)
		json_array_append_new(rows,
		    row(l->w[i], waiting_state(l->w[i], c->p->authority, now)));
	cli_page(c, rows, i < l->n ? (int64_t)i : -1);
	return ERR_OK;
}

enum err
policy_request_known(struct policy *p, uint64_t number, struct waiting **out,
    struct why *why)
{
	struct db_octets o = {.memory = NULL};
	struct change_known k;
	enum err rc;

	if ((rc = authority_change(p->authority, number, &k)) != ERR_OK)
		return why_set(why, rc, "no such change");
	if ((rc = db_read_change(p->db, number, &o, why)) != ERR_OK)
		return rc;
	rc = waiting_restore(p->authority, o.request, o.evidence, k.time,
	    number, out, why);
	free(o.memory);
	return rc;
}

static void
show(struct cli *c, const struct waiting *w, const char *state, uint64_t number)
{
	json_t *j = cli_request_json(c->p, w, state);

	json_object_set_new(j, "issued", cli_time(w->q->issued));
	json_object_set_new(j, "policyVersion",
	    json_integer((json_int_t)w->q->policy_version));
	json_object_set_new(j, "octets", cli_base64(octets_view(&w->request)));
	if (number != 0)
		json_object_set_new(j, "number",
		    json_integer((json_int_t)number));
	cli_json(c->p, c->id, j);
}

enum err
cli_on_request_show(void *ctx, const struct ipc_frame *f)
{
	struct cli *c = ctx;
	struct policy *p = c->p;
	const struct waiting *w = waiting_find(&p->waiting, f->body.p);
	struct waiting *known = NULL;
	struct why why = {""};
	uint64_t number;
	enum err rc;

	if (w != NULL) {
		show(c, w, waiting_state(w, p->authority, policy_now(p)), 0);
		return ERR_OK;
	}
	number = authority_number_of(p->authority, f->body.p);
	if (number == 0)
		cli_error(p, c->id, ERR_NOTFOUND, "no such request");
	else if ((rc = policy_request_known(p, number, &known, &why)) != ERR_OK)
		cli_error(p, c->id, rc, why.text);
	else
		show(c, known, "inEffect", number);
	waiting_free(&known);
	return ERR_OK;
}
