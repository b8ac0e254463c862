/* How things stand: for people, from what is held in memory. */
#include <string.h>

#include "appliance/policy_cli.h"
#include "appliance/policy_delivery.h"
#include "appliance/sandbox.h"
#include "base/clock.h"
#include "version.h"

static size_t
count_in_force(struct policy *p)
{
	const int64_t now = policy_now(p);
	size_t n = 0;

	for (size_t i = 0; i < p->warrants.n; i++) {
		const struct held_warrant *h = p->warrants.w[i];
		const struct warrant_state s = warrants_state(p->authority, h);

		n += strcmp(cli_warrant_state(h->w, &s, now), "in force") == 0;
	}
	return n;
}

static void
put_bool(json_t *j, const char *name, bool v)
{
	json_object_set_new(j, name, json_boolean(v));
}

/* Is every process there that has to be? */
static bool
is_serving(struct policy *p)
{
	return policy_stopped(p) == NULL && p->xk != NULL &&
	    p->service.workers > 0 && p->service.log_has_room &&
	    (!p->df2 || (p->x2 != NULL && p->hi2 != NULL));
}

/* What the DF2/MF has counted since its processes began; null: they are not
 * there. */
static void
put_df2(json_t *j, const struct policy *p)
{
	json_t *x2 = json_object(), *hi2 = json_object();

	for (unsigned i = 0; i < X2_COUNT__MAX && i < p->x2_counts.n; i++)
		cli_put_count(x2, x2_count_name((enum x2_count)i),
		    p->x2_counts.v[i]);
	for (unsigned i = 0; i < HI2_COUNT__MAX && i < p->hi2_counts.n; i++)
		cli_put_count(hi2, hi2_count_name((enum hi2_count)i),
		    p->hi2_counts.v[i]);
	put_bool(x2, "up", p->x2 != NULL);
	put_bool(hi2, "up", p->hi2 != NULL);
	cli_put_count(hi2, "alarms", policy_delivery_alarms(p));
	json_object_set_new(j, "x2", x2);
	json_object_set_new(j, "hi2", hi2);
}

static void
put_crls(json_t *j, const struct policy *p)
{
	static const char *const names[CRL_STATE__MAX] = {"none", "inForce",
	    "endsSoon", "ended", "missing"};
	json_t *a = json_array();

	for (unsigned i = 0; i < p->crls.n; i++) {
		const struct msg_crl *is = &p->crls.of[i].is;
		const struct rd s = p->crls.of[i].section;
		json_t *o = json_object();

		json_object_set_new(o, "section",
		    json_stringn((const char *)s.p, s.left));
		json_object_set_new(o, "state", json_string(names[is->state]));
		json_object_set_new(o, "ends",
		    is->ends == 0 ? json_null() : cli_time(is->ends));
		json_array_append_new(a, o);
	}
	json_object_set_new(j, "crls", a);
}

static json_t *
pin_json(uint8_t pin)
{
	static const char *const names[] = {"wasLow", "countLow", "finalTry",
	    "locked", "toBeChanged"}; /* by the bits of HEALTH_PIN_ */
	json_t *a = json_array();

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if ((pin >> i & 1) != 0)
			json_array_append_new(a, json_string(names[i]));
	return a;
}

static json_t *
worker_json(const struct worker_health *w)
{
	const int64_t wait = w->next_ms - clock_uptime_ms();
	const bool serves = w->state == WORKER_SERVING;
	const struct health *h = &w->health;
	json_t *j = json_object();

	json_object_set_new(j, "process",
	    w->signer ? json_string("signer")
		      : json_sprintf("hsm %u", (unsigned)w->index));
	json_object_set_new(j, "state",
	    json_string(worker_state_name(w->state)));
	cli_put_count(j, "restarts", w->restarts);
	if (w->next_ms != 0)
		cli_put_count(j, "nextInMs", wait > 0 ? (uint64_t)wait : 0);
	json_object_set_new(j, "cause",
	    w->cause.left == 0
		? json_null()
		: json_stringn((const char *)w->cause.p, w->cause.left));
	json_object_set_new(j, "selfTest",
	    serves && h->tested != 0 ? cli_time(h->tested) : json_null());
	cli_put_count(j, "calls", h->calls);
	cli_put_count(j, "p50Us", h->p50_us);
	cli_put_count(j, "maxUs", h->max_us);
	json_object_set_new(j, "pin", pin_json(h->pin));
	return j;
}

/* The token, by its workers, as the supervisor has told. */
static json_t *
token_json(const struct policy *p)
{
	json_t *a = json_array();

	for (unsigned i = 0; i < p->workers.n; i++)
		json_array_append_new(a, worker_json(&p->workers.w[i]));
	return a;
}

/* What the supervisor wants around each process; this one was told as all. */
static void
put_confinement(json_t *j)
{
	static const char *const namespaces[CONFINE_NAMESPACES__MAX] = {"none",
	    "own", "own, unprivileged"};
	const struct confine *c = sandbox_confinement();
	json_t *o = json_object();

	put_bool(o, "filter", sandbox_is_built());
	cli_put_count(o, "landlock", c->landlock);
	json_object_set_new(o, "namespaces",
	    json_string(namespaces[c->namespaces]));
	put_bool(o, "users", c->own_user);
	put_bool(o, "memoryLocked", c->memory_locked);
	json_object_set_new(j, "confinement", o);
}

enum err
cli_on_status(void *ctx, const struct ipc_frame *f)
{
	struct cli *c = ctx;
	struct policy *p = c->p;
	json_t *j = json_object();

	(void)f;
	json_object_set_new(j, "version", json_string(KEYWARDEN_VERSION));
	put_bool(j, "xk", p->xk != NULL);
	put_bool(j, "audit", p->audit != NULL);
	cli_put_count(j, "workers", p->service.workers);
	put_bool(j, "logHasRoom", p->service.log_has_room);
	put_bool(j, "serving", is_serving(p));
	put_bool(j, "production", p->production);
	put_bool(j, "testToken", p->service.test_token);
	put_bool(j, "stateOld", p->service.state_old);
	put_bool(j, "configApproved", p->config_approved);
	put_bool(j, "clockStopped", p->clock.stopped);
	put_bool(j, "clockSynchronised", !p->alarm[ALARM_SYNC]);
	put_crls(j, p);
	json_object_set_new(j, "token", token_json(p));
	cli_put_count(j, "head", authority_head(p->authority).number);
	cli_put_count(j, "warrants", p->warrants.n);
	cli_put_count(j, "warrantsInForce", count_in_force(p));
	cli_put_count(j, "subscribers", p->n_subscribers);
	cli_put_count(j, "clients", authority_clients(p->authority));
	cli_put_count(j, "requests", p->waiting.n);
	put_confinement(j);
	if (p->df2)
		put_df2(j, p);
	cli_json(p, c->id, j);
	return ERR_OK;
}

/* ---- state ---- */

/* When a change was; that of number 0 is init. */
static json_t *
time_of(const struct policy *p, uint64_t number)
{
	struct change_known k;

	if (number == 0)
		return cli_time(p->state.created);
	return authority_change(p->authority, number, &k) == ERR_OK
	    ? cli_time(k.time)
	    : json_null();
}

static json_t *
persons_json(const struct policy *p)
{
	const struct persons *s = authority_persons(p->authority);
	json_t *a = json_array();

	for (unsigned i = 0; i < persons_count(s); i++) {
		const struct person who = persons_get(s, i);
		json_t *o = json_object();

		json_object_set_new(o, "name", json_string(who.name));
		json_object_set_new(o, "role",
		    json_string(role_name(who.role)));
		json_object_set_new(o, "since", time_of(p, who.from));
		json_object_set_new(o, "sinceChange",
		    json_integer((json_int_t)who.from));
		json_object_set_new(o, "until",
		    who.until == PERSON_STAYS ? json_null()
					      : time_of(p, who.until));
		put_bool(o, "signaturesVoid", who.voided);
		cli_put_certificate(o, who.cert);
		json_array_append_new(a, o);
	}
	return a;
}

static void
put_enrolled(json_t *list, const struct cert_entry *e)
{
	json_t *o = json_object();

	json_object_set_new(o, "name", json_string(e->name));
	cli_put_certificate(o, e->cert);
	json_array_append_new(list, o);
}

static json_t *
clients_json(const struct policy *p)
{
	json_t *a = json_array();

	for (unsigned i = 0; i < authority_clients(p->authority); i++) {
		const struct cert_entry e = authority_client(p->authority, i);

		put_enrolled(a, &e);
	}
	return a;
}

static json_t *
lemfs_json(const struct policy *p)
{
	json_t *a = json_array();

	for (unsigned i = 0; i < authority_lemfs(p->authority); i++) {
		const struct cert_entry e = authority_lemf(p->authority, i);

		put_enrolled(a, &e);
	}
	return a;
}

enum err
cli_on_state(void *ctx, const struct ipc_frame *f)
{
	struct cli *c = ctx;
	struct policy *p = c->p;
	const struct head h = authority_head(p->authority);
	json_t *j = json_object(), *head = json_object(),
	       *config = json_object();

	(void)f;
	cli_put_count(head, "number", h.number);
	json_object_set_new(head, "hash", cli_hex(h.hash, sizeof(h.hash)));
	json_object_set_new(config, "inUse", cli_text(octets_view(&p->config)));
	put_bool(config, "approved", p->config_approved);
	json_object_set_new(config, "approvedDigest",
	    cli_hex(authority_config(p->authority), DIGEST_LEN));
	json_object_set_new(j, "kms", json_string(authority_kms(p->authority)));
	cli_put_count(j, "policyVersion",
	    authority_policy_version(p->authority));
	json_object_set_new(j, "head", head);
	json_object_set_new(j, "persons", persons_json(p));
	json_object_set_new(j, "clients", clients_json(p));
	json_object_set_new(j, "lemfs", lemfs_json(p));
	json_object_set_new(j, "config", config);
	cli_json(p, c->id, j);
	return ERR_OK;
}

/* ---- lists ---- */

static json_t *
warrant_json(struct policy *p, const struct held_warrant *h)
{
	const struct warrant_state s = warrants_state(p->authority, h);
	const struct warrant *w = h->w;
	json_t *j = json_object();

	json_object_set_new(j, "warrant", cli_hex(w->id, WARRANT_ID_LEN));
	json_object_set_new(j, "liid", json_string(w->liid));
	json_object_set_new(j, "state",
	    json_string(cli_warrant_state(w, &s, policy_now(p))));
	put_bool(j, "test", w->test);
	json_object_set_new(j, "targets", cli_targets(w));
	json_object_set_new(j, "clients", cli_words(&w->clients));
	if (w->agency != NULL)
		json_object_set_new(j, "agency", json_string(w->agency));
	json_object_set_new(j, "lemfs", cli_words(&w->lemfs));
	cli_put_delivery(j, w);
	json_object_set_new(j, "start", cli_time(w->start));
	json_object_set_new(j, "end", cli_time(s.end));
	json_object_set_new(j, "graceAfterEnd", json_integer(w->grace));
	json_object_set_new(j, "callsFrom", cli_time(w->calls_from));
	cli_put_count(j, "number", h->number);
	return j;
}

enum err
cli_on_warrant_list(void *ctx, const struct ipc_frame *f)
{
	struct cli *c = ctx;
	struct policy *p = c->p;
	struct rd r = f->body;
	json_t *rows;
	uint32_t from;
	size_t i;
	enum err rc;

	if ((rc = rd_u32(&r, &from)) != ERR_OK)
		return rc;
	rows = json_array();
	for (i = from; i < p->warrants.n && i - from < CLI_PAGE; i++)
		json_array_append_new(rows, warrant_json(p, p->warrants.w[i]));
	cli_page(c, rows, i < p->warrants.n ? (int64_t)i : -1);
	return ERR_OK;
}

static json_t *
subscriber_json(struct policy *p, const struct held_subscriber *h)
{
	const struct subscriber s = policy_read_record(h);
	json_t *o = json_object(), *dev = json_array();

	for (unsigned i = 0; i < s.n_devices; i++)
		json_array_append_new(dev, cli_text(s.device[i]));
	json_object_set_new(o, "identity", cli_text(s.identity));
	json_object_set_new(o, "devices", dev);
	json_object_set_new(o, "enrolled", cli_time(s.created));
	put_bool(o, "hasDeviceCertificate", s.device_cert.left > 0);
	put_bool(o, "test", s.test);
	cli_put_count(o, "record", h->number);
	put_bool(o, "stands", authority_record_stands(p->authority, h->number));
	return o;
}

/* In order of their records' numbers: a page begins at a number. */
enum err
cli_on_subscriber_list(void *ctx, const struct ipc_frame *f)
{
	struct cli *c = ctx;
	struct policy *p = c->p;
	struct rd r = f->body;
	json_t *rows;
	uint32_t from;
	size_t i = 0;
	enum err rc;

	if ((rc = rd_u32(&r, &from)) != ERR_OK)
		return rc;
	rows = json_array();
	while (i < p->n_subscribers && p->subscriber[i]->number < from)
		i++;
	for (; i < p->n_subscribers && json_array_size(rows) < CLI_PAGE; i++)
		json_array_append_new(rows,
		    subscriber_json(p, p->subscriber[i]));
	cli_page(c, rows,
	    i < p->n_subscribers ? (int64_t)p->subscriber[i]->number : -1);
	return ERR_OK;
}
