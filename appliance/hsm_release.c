/*
 * The last step of a getKeys: the outcome is on disk, and what a job has made
 * leaves for who is to have it, if it still may.
 */
#include <string.h>

#include "appliance/hsm_proc.h"
#include "base/log.h"

/* To xk, for the client that asked. */
static enum err
answer_xk(struct hsm_proc *p, const struct pending *d, enum xk_reason reason)
{
	const char *text = xk_reason_text(reason);
	struct msg_refuse m = {.epoch = d->ticket.epoch, .reason = reason};
	struct ipc_chan *xk = p->taker[ROUTE_XK];
	struct wr w;
	enum err rc;

	if (reason == XK_GRANTED)
		return ipc_send(xk, MSG_ANSWER, d->ticket.id,
		    secret_data(d->answer), secret_len(d->answer));
	rd_init(&m.text, text, strlen(text));
	if ((rc = ipc_begin(xk, MSG_NO_ANSWER, d->ticket.id, 512, &w)) !=
	    ERR_OK)
		return rc;
	msg_refuse_put(&w, &m);
	return ipc_commit(xk, &w);
}

/*
 * To hi2, for the LEMFs that the verified warrant names: nobody else's word
 * counts for where a key goes.  Without authorisation nothing is said, not
 * even that there are no keys.
 */
static enum err
answer_hi2(struct hsm_proc *p, const struct pending *d, enum xk_reason *reason)
{
	struct msg_hi2_keys m = {.epoch = d->ticket.epoch, .reason = *reason};
	struct ipc_chan *hi2 = p->taker[ROUTE_HI2];
	struct wr w;
	enum err rc;

	if (*reason == XK_NO_AUTHORISATION || *reason == XK_UNAVAILABLE ||
	    *reason == XK_OVERLOADED)
		return ERR_OK; /* policy says so to who asked */
	destination_of(d->warrant->w, d->number, d->ask.target, &m.to);
	if (*reason == XK_GRANTED) {
		rd_init(&m.answer, secret_data(d->answer),
		    secret_len(d->answer));
		hsm_seal_keys(p, &m);
		*reason = m.reason;
	}
	rc = ipc_begin(hi2, MSG_HI2_KEYS, d->ticket.id, msg_hi2_keys_max(&m),
	    &w);
	if (rc != ERR_OK)
		return rc;
	msg_hi2_keys_put(&w, &m);
	return ipc_commit(hi2, &w);
}

/*
 * How it stands now.  A refusal over Xk goes to who asked, whatever became of
 * the warrant; to LEMFs nothing goes without one, nor from a worker that does
 * not know.
 */
static enum xk_reason
look_again(struct hsm_proc *p, const struct pending *d)
{
	enum xk_reason now;

	if (d->warrant == NULL ||
	    (d->reason != XK_GRANTED && d->route == ROUTE_XK))
		return d->reason;
	now = hsm_covered(p, d);
	return d->reason == XK_GRANTED || now == XK_NO_AUTHORISATION ||
		now == XK_UNAVAILABLE
	    ? now
	    : d->reason;
}

/* The outcome is on disk: look once more, then let it go. */
enum err
hsm_on_durable(void *ctx, const struct ipc_frame *f)
{
	struct hsm_proc *p = ctx;
	struct pending *d = hsm_find_pending(p, f->id);
	enum xk_reason reason;
	enum err rc = ERR_OK;
	uint32_t n_keys;

	if (d == NULL || !d->ended)
		return ERR_MALFORMED;
	reason = look_again(p, d);
	n_keys = d->n_keys;
	if (p->taker[d->route] == NULL ||
	    d->taker != p->taker_generation[d->route])
		reason = XK_UNAVAILABLE; /* who asked has gone */
	else if (d->route == ROUTE_XK)
		rc = answer_xk(p, d, reason);
	else
		rc = answer_hi2(p, d, &reason);
	if (rc != ERR_OK) { /* it does not read: as if it had gone */
		reason = XK_UNAVAILABLE;
		log_warning("%s does not take an answer: %s",
		    d->route == ROUTE_XK ? "xk" : "hi2", err_str(rc));
	}
	hsm_end_pending(d);
	return hsm_send_outcome(p, MSG_CLOSED, f->id, reason, n_keys);
}
