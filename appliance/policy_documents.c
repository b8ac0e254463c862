/*
 * Warrants that officers bring.  Each is in the log before it is in force; a
 * document that is refused is noted too.
 */
#include <stdlib.h>
#include <string.h>

#include "appliance/policy_cli.h"
#include "base/clock.h"
#include "base/log.h"
#include "policy/digest.h"

const char *
policy_warrant_state(const struct held_warrant *h, int64_t now)
{
	if (h->revoked)
		return "revoked";
	if (now < h->w->start)
		return "not yet in force";
	if (now < h->w->end)
		return "in force";
	return now < h->w->end + h->w->grace ? "ended, in grace" : "ended";
}

json_t *
cli_warrant_json(const struct held_warrant *h)
{
	const struct warrant *w = h->w;
	json_t *j = json_object(), *ids = json_array(), *cl = json_array();
	char id[2 * WARRANT_ID_LEN + 1];

	hex_put(w->id, WARRANT_ID_LEN, id);
	for (unsigned i = 0; i < w->n_ids; i++)
		json_array_append_new(ids, json_string(w->ids[i]));
	for (unsigned i = 0; i < w->n_clients; i++)
		json_array_append_new(cl, json_string(w->clients[i]));
	json_object_set_new(j, "warrant", json_string(id));
	json_object_set_new(j, "liid", json_string(w->liid));
	json_object_set_new(j, "state",
	    json_string(policy_warrant_state(h, clock_seconds())));
	json_object_set_new(j, "identities", ids);
	json_object_set_new(j, "clients", cl);
	json_object_set_new(j, "issued", cli_time(w->issued));
	json_object_set_new(j, "start", cli_time(w->start));
	json_object_set_new(j, "end", cli_time(w->end));
	json_object_set_new(j, "graceAfterEnd", json_integer(w->grace));
	json_object_set_new(j, "callsFrom", cli_time(w->calls_from));
	json_object_set_new(j, "signedBy", json_string(h->signers));
	return j;
}

void
policy_digest(struct rd v, uint8_t out[32])
{
	if (digest_of(v, out) != ERR_OK)
		fatal("SHA-256 failed");
}

void
cli_refuse_document(struct cli *c, struct rd cms, enum err rc,
    const struct why *why)
{
	struct audit_entry e = {.type = AUDIT_DOCUMENT_REFUSED};
	struct pending *d;
	uint32_t id;

	policy_digest(cms, e.digest);
	rd_init(&e.text, why->text, strlen(why->text));
	if ((d = policy_pending(c->p, PENDING_DOCUMENT, &id)) == NULL) {
		cli_error(c->p, c->id, rc, why->text);
		return;
	}
	d->cli = c->id;
	d->rc = rc;
	d->why = *why;
	if (policy_record(c->p, &e, id) != ERR_OK) {
		slots_drop(c->p->pending, id);
		cli_error(c->p, c->id, rc, why->text);
	}
}

/* Is it with audit already? */
static bool
being_entered(struct policy *p, const uint8_t id[WARRANT_ID_LEN])
{
	const struct pending *d;
	unsigned at = 0;
	uint32_t slot;

	while ((d = slots_next(p->pending, &at, &slot)) != NULL)
		if (d->kind == PENDING_WARRANT &&
		    memcmp(d->held->w->id, id, WARRANT_ID_LEN) == 0)
			return true;
	return false;
}

/* What a warrant needs beyond its signatures to be taken. */
static enum err
check_new_warrant(struct policy *p, const struct held_warrant *h, int64_t now,
    struct why *why)
{
	if (policy_warrant_by_id(p, h->w->id) != NULL ||
	    being_entered(p, h->w->id))
		return why_set(why, ERR_EXISTS,
		    "this warrant has been entered already (a new one needs "
		    "another \"issued\" or \"reference\")");
	if (h->w->end + h->w->grace <= now)
		return why_set(why, ERR_DENIED, "its period has ended");
	return ERR_OK;
}

enum err
cli_on_warrant_add(void *ctx, const struct ipc_frame *f)
{
	struct cli *c = ctx;
	const int64_t now = clock_seconds();
	struct audit_entry e = {.type = AUDIT_WARRANT_ADDED};
	struct held_warrant *h = NULL;
	struct why why = {""};
	struct pending *d;
	uint32_t id;
	enum err rc;

	rc = policy_read_warrant(c->p, f->body, now, &h, &why);
	if (rc == ERR_OK)
		rc = check_new_warrant(c->p, h, now, &why);
	if (rc != ERR_OK) {
		policy_free_warrant(&h);
		cli_refuse_document(c, f->body, rc, &why);
		return ERR_OK;
	}
	if ((d = policy_pending(c->p, PENDING_WARRANT, &id)) == NULL) {
		policy_free_warrant(&h);
		cli_unavailable(c);
		return ERR_OK;
	}
	d->cli = c->id;
	d->held = h;
	rd_init(&e.liid, h->w->liid, strlen(h->w->liid));
	memcpy(e.warrant, h->w->id, sizeof(e.warrant));
	policy_digest(f->body, e.digest);
	rd_init(&e.text, h->signers, strlen(h->signers));
	if (policy_record(c->p, &e, id) != ERR_OK) {
		policy_free_warrant(&h);
		slots_drop(c->p->pending, id);
		cli_unavailable(c);
	}
	return ERR_OK;
}

enum err
cli_on_warrant_check(void *ctx, const struct ipc_frame *f)
{
	struct cli *c = ctx;
	struct held_warrant *h = NULL;
	struct why why = {""};
	json_t *j;
	enum err rc;

	rc = policy_read_warrant(c->p, f->body, clock_seconds(), &h, &why);
	if (rc == ERR_OK)
		rc = check_new_warrant(c->p, h, clock_seconds(), &why);
	if (rc != ERR_OK)
		cli_error(c->p, c->id, rc, why.text);
	else {
		j = cli_warrant_json(h);
		cli_json(c->p, c->id, j);
	}
	policy_free_warrant(&h);
	return ERR_OK;
}

enum err
cli_on_warrant_list(void *ctx, const struct ipc_frame *f)
{
	struct cli *c = ctx;
	json_t *rows = json_array();
	struct rd r = f->body;
	uint32_t from;
	size_t i;
	enum err rc;

	if ((rc = rd_u32(&r, &from)) != ERR_OK) {
		json_decref(rows);
		return rc;
	}
	for (i = from; i < c->p->n_warrants && i - from < CLI_PAGE; i++)
		json_array_append_new(rows, cli_warrant_json(c->p->warrant[i]));
	cli_page(c, rows, i < c->p->n_warrants ? (int64_t)i : -1);
	return ERR_OK;
}

void
policy_warrant_recorded(struct policy *p, struct pending *d)
{
	struct why why = {""};
	struct held_warrant *h = d->held;

	if (policy_hold_warrant(p, h, &why) != ERR_OK) {
		log_error("%s: a warrant is in the log and not in force",
		    why.text);
		cli_error(p, d->cli, ERR_IO, why.text);
		policy_free_warrant(&h);
		return;
	}
	cli_json(p, d->cli, cli_warrant_json(h));
}
