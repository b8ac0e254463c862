/*
 * Keys that another appliance makes: this worker verifies the warrant as
 * always, and where it would use its token it has the other one asked over Xk.
 * What comes back is judged, logged and released like keys of its own.
 *
 * The process that asks faces the network.  What it says wrongly ends its
 * channel, not this worker.
 */
#include <string.h>

#include "appliance/hsm_proc.h"
#include "base/clock.h"
#include "base/log.h"

enum err
hsm_fetch(struct hsm_proc *p, struct pending *d)
{
	const struct msg_fetch m = {d->ticket, d->ask.target};
	struct wr w;
	enum err rc;

	if (p->xkc == NULL)
		return ERR_CLOSED;
	/* Not audit's number: the next audit starts again from the first. */
	d->fetch_id = ++p->fetch_id;
	rc = ipc_begin(p->xkc, MSG_FETCH, d->fetch_id, 32 + m.target.left, &w);
	if (rc != ERR_OK)
		return rc;
	msg_fetch_put(&w, &m);
	return ipc_commit(p->xkc, &w);
}

static bool
is_open(const struct pending *d)
{
	return d->used && d->fetched && !d->ended;
}

static void
end(struct hsm_proc *p, struct pending *d, enum xk_reason reason)
{
	d->ended = true;
	d->reason = reason;
	if (p->audit != NULL &&
	    hsm_send_outcome(p, MSG_OUTCOME, d->audit_id, reason, d->n_keys) !=
		ERR_OK)
		fatal("a job's end cannot be told to audit");
}

static void
end_all(struct hsm_proc *p)
{
	for (unsigned i = 0; i < HSM_PENDING; i++)
		if (is_open(&p->pending[i]))
			end(p, &p->pending[i], XK_UNAVAILABLE);
}

void
hsm_fetch_via(struct hsm_proc *p, struct ipc_chan *c)
{
	end_all(p);
	ipc_chan_free(&p->xkc);
	p->xkc = c;
}

/* A copy in memory of our own; ERR_MALFORMED: they are no keys for x2. */
static enum err
keep(struct pending *d, struct rd answer)
{
	static struct xk_get_keys_response keys;
	uint64_t epoch;
	enum err rc = msg_answer_get(answer, &epoch, &keys);

	if (rc == ERR_OK && epoch != d->ticket.epoch)
		rc = ERR_MALFORMED;
	if (rc == ERR_OK)
		rc = secret_new(answer.left, &d->answer);
	if (rc == ERR_OK) {
		memcpy(secret_data(d->answer), answer.p, answer.left);
		d->n_keys = keys.n_keys;
	}
	explicit_bzero(&keys, sizeof(keys));
	return rc;
}

static struct pending *
find(struct hsm_proc *p, uint32_t fetch_id)
{
	for (unsigned i = 0; i < HSM_PENDING; i++)
		if (is_open(&p->pending[i]) &&
		    p->pending[i].fetch_id == fetch_id)
			return &p->pending[i];
	return NULL;
}

static enum err
on_fetched(void *ctx, const struct ipc_frame *f)
{
	struct hsm_proc *p = ctx;
	struct pending *d = find(p, f->id);
	struct msg_fetched m;

	if (msg_fetched_get(f->body, &m) != ERR_OK)
		return ERR_MALFORMED;
	if (d == NULL)
		return ERR_OK; /* too late, or of an audit that has gone */
	if (m.reason == XK_GRANTED && keep(d, m.answer) != ERR_OK)
		return ERR_MALFORMED;
	/*
	 * That the other appliance does not authorise it is for its operator
	 * to mend; here the warrant holds, and its LEMFs learn that there are
	 * no keys.
	 */
	end(p, d,
	    m.reason == XK_NO_AUTHORISATION ? XK_NOT_REPRODUCIBLE : m.reason);
	return ERR_OK;
}

static const struct ipc_rule rules[] = {
    {MSG_FETCHED, 5, MAX_IPC_BODY, 1, on_fetched},
};

void
hsm_fetch_serve(struct hsm_proc *p)
{
	struct ipc_frame f;
	enum err rc = ipc_fill(p->xkc);

	while (rc == ERR_OK && (rc = ipc_next(p->xkc, &f)) == ERR_OK)
		rc = ipc_dispatch(rules, sizeof(rules) / sizeof(rules[0]), 1, p,
		    &f);
	if (rc == ERR_AGAIN)
		return;
	if (rc != ERR_CLOSED)
		log_error("xkc sent a message that is not permitted: %s",
		    err_str(rc));
	hsm_fetch_via(p, NULL);
}

int64_t
hsm_fetch_tick(struct hsm_proc *p)
{
	const int64_t now = clock_uptime_ms();
	int64_t first = -1;

	for (unsigned i = 0; i < HSM_PENDING; i++) {
		struct pending *d = &p->pending[i];

		if (!is_open(d))
			continue;
		if (d->deadline_ms <= now)
			end(p, d, XK_UNAVAILABLE);
		else if (first == -1 || d->deadline_ms < first)
			first = d->deadline_ms;
	}
	return first;
}
