/*
 * The workers, as they are: what each has said of its token, which state it is
 * in, and why the last one ended.  One that says nothing any more, or any
 * process that does not end, is ended here.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "appliance/supervisor.h"
#include "base/clock.h"
#include "base/ipc.h"
#include "base/log.h"

#define TELL_MS 500 /* policy is told no more often */
#define LOOK_MS 1000
#define END_MS 5000 /* from its last word, or from SIGKILL, to its end */

enum err
sup_health(struct supervisor *s, struct child *c, struct rd body)
{
	struct health h;

	if (!sup_logs_in(c->kind) || health_get(body, &h) != ERR_OK)
		return ERR_MALFORMED;
	c->health = h;
	c->heard = clock_uptime_ms();
	s->health_new = true;
	return ERR_OK;
}

/* ---- those that do not end ---- */

/* Its start, at which others wait, logs in and then tries the token. */
static int64_t
silence_most(const struct supervisor *s, const struct child *c)
{
	return HEALTH_SILENCE_MS +
	    (c->ready ? 0 : 2000LL * s->config->job_seconds);
}

static void
look_at(struct supervisor *s, struct child *c, int64_t now)
{
	if (c->pid == 0)
		return;
	if (sup_logs_in(c->kind) && c->ending == 0 &&
	    now - c->heard > silence_most(s, c)) {
		(void)snprintf(c->cause, sizeof(c->cause),
		    "it has said nothing for %d s",
		    (int)(silence_most(s, c) / 1000));
		log_error("%s: %s: it is ended", child_name(c), c->cause);
		c->ending = now - END_MS;
	}
	if (c->ending == 0 || now - c->ending < END_MS)
		return;
	if (now - c->ending >= 2 * END_MS)
		sup_leave(s, c);
	else
		(void)kill(c->pid, SIGKILL);
}

/* ---- for policy ---- */

static enum worker_state
state_of(const struct child *c)
{
	if (c->pid != 0)
		return c->ready ? WORKER_SERVING : WORKER_STARTING;
	if (c->held)
		return c->end == ERR_PIN ? WORKER_PIN_REFUSED : WORKER_HELD;
	if (!c->wanted)
		return WORKER_NONE;
	return c->end == ERR_MISMATCH ? WORKER_WRONG : WORKER_WAITING;
}

static void
describe(const struct child *c, struct worker_health *w)
{
	*w = (struct worker_health){.signer = c->kind != CTL_PEER_HSM,
	    .index = (uint8_t)c->index,
	    .state = state_of(c),
	    .restarts = c->starts > 0 ? c->starts - 1 : 0};
	if (c->pid == 0 && c->wanted && !c->held)
		w->next_ms = c->restart_at;
	if (w->state == WORKER_SERVING)
		w->health = c->health;
	rd_init(&w->cause, c->cause, strlen(c->cause));
}

/* What policy does not read now it is told of the next time. */
static void
tell_policy(struct supervisor *s)
{
	static uint8_t body[MSG_WORKERS_MOST];
	static struct msg_workers m;
	const struct child *policy = NULL;
	struct wr w;

	m.n = 0;
	for (unsigned i = 0; i < s->n_children; i++) {
		const struct child *c = &s->child[i];

		if (sup_logs_in(c->kind))
			describe(c, &m.w[m.n++]);
		else if (c->kind == CTL_PEER_POLICY && c->pid != 0 && c->ready)
			policy = c;
	}
	if (policy == NULL)
		return;
	wr_init(&w, body, sizeof(body));
	msg_workers_put(&w, &m);
	if (w.rc == ERR_OK &&
	    ipc_ctl_try(policy->ctl, MSG_CTL_WORKERS, body, w.len) == ERR_OK &&
	    sup_crl_tell(s, policy) == ERR_OK)
		s->health_new = false;
}

void
sup_look_at_workers(struct supervisor *s)
{
	const int64_t now = clock_uptime_ms();

	for (unsigned i = 0; i < s->n_children; i++)
		look_at(s, &s->child[i], now);
	if (!s->health_new || now - s->health_told < TELL_MS)
		return;
	s->health_told = now;
	tell_policy(s);
}

int
sup_next_look(const struct supervisor *s)
{
	const int64_t now = clock_uptime_ms();
	const int64_t left = s->health_told + TELL_MS - now;

	if (s->health_new)
		return left < 0 ? 0 : left > TELL_MS ? TELL_MS : (int)left;
	for (unsigned i = 0; i < s->n_children; i++)
		if (s->child[i].pid != 0 &&
		    (sup_logs_in(s->child[i].kind) || s->child[i].ending != 0))
			return LOOK_MS;
	return -1;
}
