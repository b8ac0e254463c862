/*
 * A getKeys in the hsm worker.  Nothing that came along is believed: the
 * warrant's signatures, its period, the call's place in it, the seal of the
 * subscriber's record and what the log says about the request are all checked
 * here again, once before the token is used and once more before release.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "appliance/hsm_proc.h"
#include "base/clock.h"
#include "base/log.h"
#include "policy/digest.h"

/* ---- warrants ---- */

/* A place in the cache: a free one, or that of the one used longest ago. */
static struct known_warrant *
place(struct hsm_proc *p)
{
	struct known_warrant *best = NULL;

	for (unsigned i = 0; i < HSM_WARRANTS_KEPT; i++) {
		struct known_warrant *k = &p->known[i];

		if (k->users == 0 && (best == NULL || k->used < best->used))
			best = k;
	}
	if (best != NULL)
		warrant_free(&best->w);
	return best;
}

static bool
is_known(const struct hsm_proc *p, const struct known_warrant *k,
    uint64_t number, const uint8_t evidence[DIGEST_LEN])
{
	return k->w != NULL && k->number == number &&
	    k->voidings == p->voidings &&
	    memcmp(k->evidence, evidence, DIGEST_LEN) == 0;
}

/*
 * The warrant of that change of the state, with the signatures of two officers
 * who were in office when it was entered.  The work is done once for each and
 * remembered by the hash of what was verified for the life of the worker.
 */
static enum err
verify_warrant(struct hsm_proc *p, const struct msg_work *m,
    struct known_warrant **out, struct why *why)
{
	uint8_t evidence[DIGEST_LEN];
	struct change_known c;
	struct known_warrant *k;
	enum err rc;

	if (digest_of(m->warrant, evidence) != ERR_OK ||
	    authority_change(p->authority, m->number, &c) != ERR_OK ||
	    memcmp(c.hash, evidence, DIGEST_LEN) != 0)
		return why_set(why, ERR_DENIED,
		    "it is not the warrant of change %llu",
		    (unsigned long long)m->number);
	if (digest_of(m->evidence, evidence) != ERR_OK)
		return why_set(why, ERR_CRYPTO, "SHA-256 failed");
	for (unsigned i = 0; i < HSM_WARRANTS_KEPT; i++)
		if (is_known(p, &p->known[i], m->number, evidence)) {
			*out = &p->known[i];
			(*out)->used = ++p->clock;
			return ERR_OK;
		}
	if ((k = place(p)) == NULL)
		return why_set(why, ERR_FULL, "too many warrants in use");
	rc = authority_open_warrant(p->authority, m->number, m->warrant,
	    m->evidence, &k->w, why);
	if (rc != ERR_OK)
		return rc;
	memcpy(k->evidence, evidence, sizeof(evidence));
	k->number = m->number;
	k->voidings = p->voidings;
	k->used = ++p->clock;
	*out = k;
	return ERR_OK;
}

/* The one question, asked twice: may this go out now? */
enum xk_reason
hsm_covered(struct hsm_proc *p, const struct pending *d)
{
	const struct known_warrant *k = d->warrant;
	struct ask ask = d->ask;
	struct warrant_state s;

	if (!hsm_now(p, &ask.now) || !p->current)
		return XK_UNAVAILABLE;
	s = authority_warrant(p->authority, k->w->id, k->w->end);
	if (k->voidings != p->voidings ||
	    warrant_is_for(k->w, &s, &ask) != WARRANT_ALLOWS ||
	    warrant_covers_call(k->w, &s, &ask) != WARRANT_ALLOWS)
		return XK_NO_AUTHORISATION;
	/* That of another appliance is judged there. */
	return d->fetched || authority_record_stands(p->authority, d->record)
	    ? XK_GRANTED
	    : XK_UNKNOWN_SUBSCRIBER;
}

/* ---- the request ---- */

/*
 * What is on disk about this request must be this request: else whoever sits
 * in policy could have one thing written and another one done.
 */
static bool
log_tells_truth(const struct audit_entry *e, const struct msg_work *m,
    const struct call *c, const struct warrant *w)
{
	uint64_t ts;
	const enum mikey_ts type = call_key_time(c, &ts);

	return e->type == AUDIT_KEY_INTENT && audit_has_digest(e, m->call) &&
	    /* over Xk an enrolled client must stand there: fill_ask() */
	    (m->route == ROUTE_XK ||
		rd_is(&e->client, AUDIT_SELF, strlen(AUDIT_SELF))) &&
	    memcmp(e->warrant, w->id, WARRANT_ID_LEN) == 0 &&
	    rd_is(&e->liid, w->liid, strlen(w->liid)) && e->test == w->test &&
	    e->csb_id == c->r1.csb_id && e->ts_type == (uint8_t)type &&
	    e->ts == ts;
}

static void
fill_ask(struct pending *d, const struct audit_entry *e, const struct call *c)
{
	size_t n = e->client.left < sizeof(d->client) ? e->client.left
						      : sizeof(d->client);

	memcpy(d->client, e->client.p, n);
	rd_init(&d->ask.client, d->client, n);
	n = e->target.left < sizeof(d->target) ? e->target.left
					       : sizeof(d->target);
	memcpy(d->target, e->target.p, n);
	rd_init(&d->ask.target, d->target, n);
	n = e->liid.left < sizeof(d->liid) ? e->liid.left : sizeof(d->liid);
	memcpy(d->liid, e->liid.p, n);
	rd_init(&d->ask.liid, d->liid, n);
	d->ask.over_hi2 = d->route == ROUTE_HI2;
	d->ask.products = PRODUCT_KEYS;
	call_times(c, d->ask.t, &d->ask.n_t);
}

/* Its seal is for a thread to check. */
static bool
read_record(const struct msg_work *m, struct subscriber *out)
{
	struct rd sealed, seal;

	return subscriber_parse(m->subscriber, out, &sealed, &seal) == ERR_OK;
}

/*
 * Authorise: the job of a request that may be worked on.  Any other reason
 * than XK_GRANTED ends it here.
 */
static enum xk_reason
prepare(struct hsm_proc *p, const struct msg_work *m, struct pending *d,
    struct hsm_job *j)
{
	struct rd wire = m->call;
	struct subscriber record = {.n_devices = 0};
	struct audit_entry e;
	struct why why = {""};
	enum xk_reason reason;

	if (audit_entry_decode(m->intent, &e) != ERR_OK ||
	    call_get(&wire, &j->call) != ERR_OK || rd_end(&wire) != ERR_OK ||
	    (!d->fetched && !read_record(m, &record))) {
		log_error("a job that is not one: policy or xk is broken");
		return XK_UNAVAILABLE;
	}
	/* Longer names would be cut to what a warrant can hold. */
	if (e.client.left > MAX_NAME || e.target.left > MAX_PUBLIC_ID ||
	    e.liid.left > MAX_LIID)
		return XK_NO_AUTHORISATION;
	fill_ask(d, &e, &j->call);
	d->record = record.number; /* sealed: a thread looks at that */
	if (verify_warrant(p, m, &d->warrant, &why) != ERR_OK) {
		log_warning("a warrant does not verify here: %s", why.text);
		return XK_NO_AUTHORISATION;
	}
	d->warrant->users++;
	if (!log_tells_truth(&e, m, &j->call, d->warrant->w) ||
	    (!d->fetched && record.test != d->warrant->w->test)) {
		log_warning("a request is refused that policy had granted");
		return XK_NO_AUTHORISATION;
	}
	if ((reason = hsm_covered(p, d)) != XK_GRANTED) {
		log_warning("a request is refused that policy had granted: %s",
		    xk_reason_name(reason));
		return reason;
	}
	j->epoch = m->ticket.epoch;
	j->record = m->subscriber;
	j->target = e.target; /* a view into the body, as the others */
	j->now = p->time.real;
	return XK_GRANTED;
}

/* ---- pending answers ---- */

struct pending *
hsm_find_pending(struct hsm_proc *p, uint32_t id)
{
	for (unsigned i = 0; i < HSM_PENDING; i++)
		if (p->pending[i].used && p->pending[i].audit_id == id)
			return &p->pending[i];
	return NULL;
}

void
hsm_end_pending(struct pending *d)
{
	if (d->warrant != NULL)
		d->warrant->users--;
	secret_free(&d->answer);
	*d = (struct pending){.used = false};
}

unsigned
hsm_drop_pending(struct hsm_proc *p)
{
	unsigned n = 0;

	p->audit_generation++; /* what threads still do is nobody's */
	while (p->n_waiting > 0)
		free(p->waiting[--p->n_waiting].body);
	for (unsigned i = 0; i < HSM_PENDING; i++)
		if (p->pending[i].used) {
			hsm_end_pending(&p->pending[i]);
			n++;
		}
	return n;
}

enum err
hsm_send_outcome(struct hsm_proc *p, uint16_t type, uint32_t id,
    enum xk_reason reason, uint32_t n_keys)
{
	const struct msg_outcome m = {reason, n_keys};
	uint8_t body[8];
	struct wr w;
	size_t len;

	wr_init(&w, body, sizeof(body));
	msg_outcome_put(&w, &m);
	if (wr_finish(&w, &len) != ERR_OK)
		return ERR_INTERNAL;
	return ipc_send(p->audit, type, id, body, len);
}

/* Give a job to a thread, or end it at once. */
static enum err
start(struct hsm_proc *p, struct hsm_job *j, const struct job_body *b)
{
	struct pending *d = NULL;
	struct msg_work m;
	struct rd body;

	rd_init(&body, b->body, b->len);
	if (msg_work_get(body, &m) != ERR_OK) {
		free(b->body);
		return ERR_MALFORMED;
	}
	for (unsigned i = 0; i < HSM_PENDING && d == NULL; i++)
		if (!p->pending[i].used)
			d = &p->pending[i];
	if (d == NULL || hsm_find_pending(p, b->audit_id) != NULL) {
		free(b->body);
		return ERR_FULL;
	}
	*d = (struct pending){.used = true,
	    .audit_id = b->audit_id,
	    .route = m.route,
	    .ticket = m.ticket,
	    .taker = b->taker[m.route],
	    .number = m.number,
	    .fetched = p->at.settings.remote && m.route == ROUTE_HI2};
	d->reason = prepare(p, &m, d, j);
	if (d->reason == XK_GRANTED && d->fetched && hsm_fetch(p, d) != ERR_OK)
		d->reason = XK_UNAVAILABLE;
	if (d->reason != XK_GRANTED) {
		d->ended = true;
		free(b->body);
		return hsm_send_outcome(p, MSG_OUTCOME, b->audit_id, d->reason,
		    0);
	}
	if (d->fetched) { /* no thread is needed */
		d->deadline_ms =
		    clock_uptime_ms() + 1000LL * p->at.settings.job_seconds;
		free(b->body);
		return ERR_OK;
	}
	j->body = b->body;
	j->audit_id = b->audit_id;
	j->audit_generation = p->audit_generation;
	j->deadline_ms =
	    clock_uptime_ms() + 1000LL * p->at.settings.job_seconds;
	hsm_run_start(p->run, j);
	return ERR_OK;
}

enum err
hsm_on_work(void *ctx, const struct ipc_frame *f)
{
	struct hsm_proc *p = ctx;
	struct hsm_job *j = hsm_run_free(p->run);
	struct job_body b = {.audit_id = f->id, .len = f->body.left};

	if (j == NULL && p->n_waiting == MAX_WORKER_JOBS)
		return ERR_FULL; /* audit gives a few at a time */
	if ((b.body = malloc(b.len)) == NULL)
		return ERR_NOMEM;
	memcpy(b.body, f->body.p, b.len);
	memcpy(b.taker, p->taker_generation, sizeof(b.taker));
	if (j != NULL)
		return start(p, j, &b);
	p->waiting[p->n_waiting++] = b;
	return ERR_OK;
}

static enum err
start_waiting(struct hsm_proc *p)
{
	struct hsm_job *j;
	struct job_body b;
	enum err rc = ERR_OK;

	while (rc == ERR_OK && p->n_waiting > 0 &&
	    (j = hsm_run_free(p->run)) != NULL) {
		b = p->waiting[0];
		p->n_waiting--;
		memmove(&p->waiting[0], &p->waiting[1],
		    p->n_waiting * sizeof(p->waiting[0]));
		rc = start(p, j, &b);
	}
	return rc;
}

/* A thread has ended a job: its result waits for DURABLE. */
static enum err
take_result(struct hsm_proc *p, struct hsm_job *j)
{
	struct pending *d = NULL;

	if (j->failed != ERR_OK)
		hsm_end(p, j->failed, &j->why);
	if (j->differs)
		hsm_end(p, ERR_MISMATCH,
		    &(struct why){"the token has computed two results of one "
				  "call"});
	/* Before it is said of the request, be sure that it is not the token.
	 */
	if (j->wrong != NULL || j->reason == XK_NOT_REPRODUCIBLE)
		hsm_doubt_token(p);
	if (j->wrong != NULL)
		log_error("%s", j->wrong);
	free(j->body);
	j->body = NULL;
	if (p->audit != NULL && j->audit_generation == p->audit_generation)
		d = hsm_find_pending(p, j->audit_id);
	if (d == NULL || d->ended) {
		secret_free(&j->answer);
		return ERR_OK;
	}
	d->ended = true;
	d->reason = j->reason;
	d->n_keys = j->n_keys;
	d->answer = j->answer;
	j->answer = NULL;
	return hsm_send_outcome(p, MSG_OUTCOME, d->audit_id, d->reason,
	    d->n_keys);
}

enum err
hsm_take_results(struct hsm_proc *p)
{
	struct hsm_job *j;
	enum err rc = ERR_OK;

	while (rc == ERR_OK && (j = hsm_run_next(p->run)) != NULL)
		rc = take_result(p, j);
	return rc == ERR_OK ? start_waiting(p) : rc;
}
