/*
 * Approved requests on their way to become changes: one at a time with audit,
 * each on disk here before it goes there.  A suspension or revocation holds
 * from the moment it is accepted and waits for nothing; those that are on disk
 * without audit's word stand in front of all others.
 */
#include <stdlib.h>
#include <string.h>

#include "appliance/policy_cli.h"
#include "appliance/policy_x2.h"
#include "base/log.h"

struct job {
	struct job *next;
	struct waiting *w;
	uint64_t number; /* under which it is on disk; 0: it is not */
	int64_t time; /* 0: it was never sent */
	bool resent; /* audit may have had it before */
	bool told; /* keywarden(1) was told that it holds */
	uint32_t cli;
};

static bool
is_urgent(enum request_kind k)
{
	return k == REQUEST_WARRANT_SUSPEND || k == REQUEST_WARRANT_REVOKE;
}

/* Until it is in effect everywhere it is here. */
static void
hold(struct policy *p, const struct request *q, bool on)
{
	struct held_warrant *h;

	if (!is_urgent(q->kind) ||
	    (h = warrants_by_id(&p->warrants, q->on)) == NULL)
		return;
	if (q->kind == REQUEST_WARRANT_REVOKE)
		h->revoked = on;
	else
		h->suspended = on;
	p->holds++;
}

static struct change
change_of(const struct job *j)
{
	struct change c = {.number = j->number,
	    .time = j->time,
	    .kind = j->w->q->kind,
	    .request = octets_view(&j->w->request),
	    .evidence = octets_view(&j->w->evidence)};

	memcpy(c.hash, j->w->q->hash, sizeof(c.hash));
	return c;
}

/* Behind those that are on disk, or behind all. */
static void
enqueue(struct policy *p, struct job *j)
{
	struct job **at = &p->jobs;

	while (*at != NULL && (j->number == 0 || (*at)->number != 0))
		at = &(*at)->next;
	j->next = *at;
	*at = j;
}

static void
free_job(struct job *j)
{
	waiting_free(&j->w);
	free(j);
}

bool
policy_change_under_way(const struct policy *p, const uint8_t hash[DIGEST_LEN])
{
	for (const struct job *j = p->jobs; j != NULL; j = j->next)
		if (memcmp(j->w->q->hash, hash, DIGEST_LEN) == 0)
			return true;
	return false;
}

bool
policy_change_alike(const struct policy *p, const struct request *q)
{
	for (const struct job *j = p->jobs; j != NULL; j = j->next)
		if (is_urgent(q->kind) && j->w->q->kind == q->kind &&
		    memcmp(j->w->q->on, q->on, sizeof(q->on)) == 0)
			return true;
	return false;
}

/* ---- the end of one that is not taken ---- */

static void
told_and_refused(struct policy *p, const char *text)
{
	struct audit_entry e = {.type = AUDIT_ALARM};
	struct why why;

	(void)why_set(&why, ERR_DENIED,
	    "a suspension or revocation holds in policy until it ends, and "
	    "nowhere else: %s",
	    text);
	log_error("%s", why.text);
	rd_init(&e.text, why.text, strlen(why.text));
	policy_note(p, &e);
}

/* The first one is not to be: nothing has changed. */
static void
refuse_first(struct policy *p, enum err rc, const char *text)
{
	struct job *j = p->jobs;
	struct why why = {""};

	p->jobs = j->next;
	if (j->number != 0) {
		if (db_drop_change(p->db, j->number, &why) != ERR_OK)
			fatal("%s", why.text);
		for (struct job *k = p->jobs; k != NULL && k->number != 0;
		     k = k->next)
			k->number--;
	}
	if (j->told)
		told_and_refused(p, text);
	else
		hold(p, j->w->q, false);
	cli_error(p, j->cli, rc, text);
	free_job(j);
}

/* ---- sending ---- */

enum err
policy_can_change(struct policy *p, struct why *why)
{
	if (p->audit != NULL && p->chain_next == 0)
		return why_set(why, ERR_DENIED,
		    "the audit log knows another warrant state: nothing is "
		    "taken before that is mended");
	if (!p->joined)
		return why_set(why, ERR_CLOSED,
		    "the audit process is out of service: nothing was done, "
		    "try again");
	if (p->service.workers == 0)
		return why_set(why, ERR_CLOSED,
		    "no hsm worker is ready: nothing was done, try again");
	return p->service.log_has_room
	    ? ERR_OK
	    : why_set(why, ERR_FULL,
		  "the audit log is full or unwritable: nothing was done");
}

/* Judge the first one as it would be now, and put that on disk. */
static enum err
date_first(struct policy *p, struct job *j, struct why *why)
{
	const enum request_kind kind = j->w->q->kind;
	const uint64_t was = j->number;
	struct approval a;
	struct change c;
	enum err rc;

	if (!is_urgent(kind) && (rc = policy_can_change(p, why)) != ERR_OK)
		return rc;
	c = change_of(j);
	c.number = authority_head(p->authority).number + 1;
	c.time = policy_now_for(p, kind);
	rc = authority_check(p->authority, &c, c.time, &a, why);
	if (rc != ERR_OK)
		return rc;
	approval_done(&a);
	/* what holds here already fits: it is held because of this */
	if (!is_urgent(kind) && (rc = policy_fits(p, j->w->q, why)) != ERR_OK)
		return rc;
	rc = was == 0 ? db_add_change(p->db, &c, why)
		      : db_date_change(p->db, was, c.time, why);
	if (rc == ERR_OK) {
		j->number = c.number;
		j->time = c.time;
	}
	return rc;
}

static enum err
send_first(struct policy *p, const struct job *j)
{
	const struct head before = authority_head(p->authority);
	const struct change c = change_of(j);
	uint8_t leaf[MAX_AUDIT_LEAF];
	struct head head;
	size_t len;
	enum err rc;

	if ((rc = head_after(&before, &c, &head)) != ERR_OK ||
	    (rc = policy_change_entry(p, &c, j->w->q, &head, j->w->signers,
		 leaf, &len)) != ERR_OK)
		return rc;
	return policy_change_send(p, &c, leaf, len);
}

void
policy_change_next(struct policy *p)
{
	struct why why = {""};
	struct job *j;
	enum err rc;

	p->change_due = false;
	if (!p->joined || p->change_sent || p->change_waits)
		return;
	policy_relog(p);
	while (!p->change_sent && (j = p->jobs) != NULL) {
		/* What is missing may be the very one that audit had. */
		if (p->service.state_old && !j->resent)
			return;
		if (j->time == 0 && (rc = date_first(p, j, &why)) != ERR_OK) {
			refuse_first(p, rc, why.text);
			continue;
		}
		if (send_first(p, j) != ERR_OK) {
			p->change_due = true; /* no room: when there is */
			return;
		}
	}
}

/* ---- beginning ---- */

static void
begin_urgent(struct policy *p, struct job *j)
{
	struct why why = {""};
	struct change c;

	j->number = authority_head(p->authority).number + 1;
	for (const struct job *k = p->jobs; k != NULL && k->number != 0;
	     k = k->next)
		j->number++;
	hold(p, j->w->q, true);
	c = change_of(j);
	if (db_add_change(p->db, &c, &why) != ERR_OK) {
		log_error("%s: a suspension or revocation holds here until a "
			  "restart and nowhere else",
		    why.text);
		cli_error(p, j->cli, ERR_IO,
		    "it could not be written: it holds here until a restart, "
		    "hand it in again");
		free_job(j);
		return;
	}
	enqueue(p, j);
}

static void
tell_that_it_holds(struct policy *p, struct job *j)
{
	cli_error(p, j->cli, ERR_CLOSED,
	    "it holds here; the log and the hsm workers follow when audit is "
	    "back");
	j->cli = NO_CLI;
	j->told = true;
}

void
policy_change_begin(struct policy *p, struct waiting *w, uint32_t cli)
{
	struct job *j = calloc(1, sizeof(*j));

	if (j == NULL)
		fatal("out of memory");
	*j = (struct job){.w = w, .cli = cli};
	if (is_urgent(w->q->kind))
		begin_urgent(p, j);
	else
		enqueue(p, j);
	policy_change_next(p);
	if (p->joined)
		return;
	for (j = p->jobs; j != NULL; j = j->next)
		if (j->cli != NO_CLI && is_urgent(j->w->q->kind))
			tell_that_it_holds(p, j);
}

enum err
policy_change_restore(struct policy *p, const struct change *c, struct why *why)
{
	struct job *j = calloc(1, sizeof(*j));
	enum err rc;

	if (j == NULL)
		return why_set(why, ERR_NOMEM, "out of memory");
	*j = (struct job){.number = c->number,
	    .time = c->time,
	    .resent = c->time != 0,
	    .cli = NO_CLI};
	rc = waiting_restore(p->authority, c->request, c->evidence, c->time,
	    c->number, &j->w, why);
	if (rc != ERR_OK) {
		free(j);
		return rc;
	}
	j->told = is_urgent(j->w->q->kind);
	hold(p, j->w->q, true);
	enqueue(p, j);
	return ERR_OK;
}

/* ---- audit's word ---- */

static void
take_effect(struct policy *p, struct job *j)
{
	struct request *q = j->w->q;
	struct rd identity;

	hold(p, q, false);
	switch (q->kind) {
	case REQUEST_WARRANT_ADD:
		policy_hold_warrant(p, q->warrant, j->number);
		q->warrant = NULL;
		break;
	case REQUEST_SUBSCRIBER_REMOVE:
		rd_init(&identity, q->identity, strlen(q->identity));
		policy_drop_record(p, identity);
		break;
	case REQUEST_CONFIG_SET:
		policy_config_judge(p);
		break;
	case REQUEST_CLOCK_ACCEPT:
		policy_clock_accept(p);
		break;
	case REQUEST_LEMF_ADD:
	case REQUEST_LEMF_REMOVE:
		policy_lemfs_judge(p);
		break;
	case REQUEST_WARRANT_EXTEND:
	case REQUEST_WARRANT_END:
	case REQUEST_WARRANT_SUSPEND:
	case REQUEST_WARRANT_RESUME:
	case REQUEST_WARRANT_REVOKE:
	case REQUEST_PERSON_ADD:
	case REQUEST_PERSON_REMOVE:
	case REQUEST_PERSON_CERTIFICATE:
	case REQUEST_CLIENT_ADD:
	case REQUEST_CLIENT_REMOVE:
	case REQUEST_SUBSCRIBER_ADD: /* its record is the token's work */
	case REQUEST_SUBSCRIBER_DEVICES:
	case REQUEST__MAX:
		break;
	}
}

static void
answer(struct policy *p, struct job *j, bool logged)
{
	const enum request_kind kind = j->w->q->kind;
	json_t *json;

	if (!logged) {
		cli_error(p, j->cli, ERR_FULL,
		    "it is in effect, and the hsm workers know it; the audit "
		    "log is full: the entry follows when it has room");
		return;
	}
	json = cli_request_json(p, j->w, "inEffect");
	json_object_set_new(json, "number",
	    json_integer((json_int_t)j->number));
	if (kind == REQUEST_SUBSCRIBER_ADD ||
	    kind == REQUEST_SUBSCRIBER_DEVICES)
		policy_task_subscriber(p, j->number, j->w->q,
		    octets_view(&j->w->request), j->cli, json);
	else
		cli_json(p, j->cli, json);
}

/* A worker may have sealed it, or has before: it is sent again. */
static bool
must_wait(const struct job *j, enum err rc)
{
	return rc == ERR_AGAIN ||
	    (j->resent && (rc == ERR_CLOSED || rc == ERR_FULL));
}

static void
wait_for_service(struct policy *p, struct job *j, const char *text)
{
	cli_error(p, j->cli, ERR_AGAIN, text);
	j->cli = NO_CLI;
	j->resent = true;
	p->change_waits = true;
}

/* Audit has it, so the workers have: here too, or this process ends. */
static void
confirm_first(struct policy *p, bool logged)
{
	struct job *j = p->jobs;
	const struct change c = change_of(j);
	struct why why = {""};

	p->jobs = j->next;
	if (db_confirm_change(p->db, &c, logged, &why) != ERR_OK ||
	    authority_apply(p->authority, &c, &why) != ERR_OK)
		fatal("change %llu is in effect and cannot be taken over "
		      "here: %s",
		    (unsigned long long)c.number, why.text);
	if (!logged)
		policy_unlogged(p, c.number, authority_head(p->authority));
	waiting_drop(&p->waiting, c.hash);
	log_info("change %llu: %s", (unsigned long long)c.number,
	    request_rule(c.kind)->name);
	take_effect(p, j);
	policy_x2_look(p);
	answer(p, j, logged);
	free_job(j);
}

void
policy_changed(struct policy *p, const struct msg_changed *m)
{
	char text[WHY_MAX] = "";
	struct rd v = m->text;
	struct job *j = p->jobs;

	if (j == NULL)
		fatal("audit's word on a change that is none");
	if (m->rc == ERR_OK) {
		confirm_first(p, m->logged);
		return;
	}
	if (v.left >= sizeof(text))
		v.left = sizeof(text) - 1;
	if (view_text(v, text, sizeof(text)) != ERR_OK)
		fatal("a text longer than it is");
	if (must_wait(j, m->rc)) {
		wait_for_service(p, j, text);
		return;
	}
	/* It was for another day: as one of today then. */
	if (j->resent && is_urgent(j->w->q->kind)) {
		j->resent = false;
		j->time = 0;
		return;
	}
	if (j->resent)
		log_warning("a change that was under way when audit or this "
			    "process ended was not taken: %s",
		    text);
	refuse_first(p, m->rc, text);
}

/* What is on disk is sent again; who waits for anything is told. */
void
policy_changes_interrupted(struct policy *p)
{
	struct job **at = &p->jobs, *j;

	p->change_sent = false;
	p->change_waits = false;
	p->relogging = false;
	while ((j = *at) != NULL) {
		if (is_urgent(j->w->q->kind))
			tell_that_it_holds(p, j);
		else
			cli_error(p, j->cli, ERR_CLOSED,
			    j->number != 0
				? "the audit process went out of service "
				  "meanwhile: see with 'keywarden request "
				  "show' whether it took effect"
				: "the audit process went out of service: "
				  "nothing was done, try again");
		j->cli = NO_CLI;
		j->resent = j->time != 0;
		if (j->number != 0) {
			at = &j->next;
			continue;
		}
		*at = j->next;
		free_job(j);
	}
}
