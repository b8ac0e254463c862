/* The frames between them, and what comes of them. */
#include <sys/wait.h>

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policy_rig.h"

#define PATIENCE_MS 15000
#define SETTLE_MS 250

static void
must(enum err rc, const char *what)
{
	if (rc != ERR_OK)
		rig_stop(what, err_str(rc));
}

static int64_t
now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- what they say ---- */

static void
to_policy(struct rig *g, const struct ipc_frame *f)
{
	if (f->type == MSG_SERVICE) {
		must(msg_service_get(f->body, &g->service), "a SERVICE");
		return;
	}
	free(g->body);
	if ((g->body = malloc(f->body.left + 1)) == NULL)
		rig_stop("a frame", "out of memory");
	memcpy(g->body, f->body.p, f->body.left);
	g->len = f->body.left;
	g->type = f->type;
	g->id = f->id;
}

static void
to_xk(struct rig *g, const struct ipc_frame *f)
{
	static struct xk_get_keys_response k;
	uint64_t epoch;

	if (f->type == MSG_NO_ANSWER) {
		g->no_answers++;
		return;
	}
	/* Whatever it is: from here on it counts as a key that got out. */
	g->answers++;
	if (f->type == MSG_ANSWER &&
	    msg_answer_get(f->body, &epoch, &k) == ERR_OK)
		memcpy(g->key, k.key[0].session_key, sizeof(g->key));
}

static void
flush(struct ipc_chan *c)
{
	/* What cannot be written shows where it is read. */
	if (c != NULL && ipc_queued(c) > 0 && ipc_flush(c) != ERR_OK)
		return;
}

static void
pass(struct ipc_chan *to, const struct ipc_frame *f)
{
	if (to != NULL)
		must(ipc_send(to, f->type, f->id, f->body.p, f->body.left),
		    "queue");
}

static void
pump_wire(struct rig_wire *w, enum rig_side s)
{
	struct rig_held *h = &w->held[s];
	struct ipc_frame f;

	if (w->end[s] == NULL || h->is)
		return;
	if (ipc_fill(w->end[s]) != ERR_OK) {
		/* The other one sees that it has gone when we let go. */
		while (ipc_next(w->end[s], &f) == ERR_OK)
			pass(w->end[!s], &f);
		flush(w->end[!s]);
		rig_cut_wire(w);
		return;
	}
	while (!h->is && ipc_next(w->end[s], &f) == ERR_OK) {
		if (h->at == 0 || f.type != h->at) {
			pass(w->end[!s], &f);
			continue;
		}
		h->is = true;
		h->frame = f;
		if ((h->body = malloc(f.body.left + 1)) == NULL)
			rig_stop("a frame", "out of memory");
		memcpy(h->body, f.body.p, f.body.left);
		rd_init(&h->frame.body, h->body, f.body.left);
	}
}

static void
hear(struct rig *g, struct ipc_chan **c,
    void (*what)(struct rig *, const struct ipc_frame *))
{
	struct ipc_frame f;
	enum err rc;

	if (*c == NULL)
		return;
	rc = ipc_fill(*c);
	while (ipc_next(*c, &f) == ERR_OK)
		what(g, &f);
	if (rc != ERR_OK)
		ipc_chan_free(c);
}

/* The exit status of fatal(). */
#define SOFTWARE_ERROR 70

static void
reap(struct rig *g, struct rig_proc *p)
{
	if (p->pid == 0 || waitpid(p->pid, &p->status, WNOHANG) != p->pid)
		return;
	rig_forget_proc(p);
	g->crashed +=
	    !WIFEXITED(p->status) || WEXITSTATUS(p->status) != SOFTWARE_ERROR;
}

static void
watch(struct pollfd *p, nfds_t *n, const struct ipc_chan *c)
{
	if (c != NULL)
		p[(*n)++] = (struct pollfd){ipc_chan_fd(c),
		    (short)(POLLIN | (ipc_queued(c) > 0 ? POLLOUT : 0)), 0};
}

void
rig_turn(struct rig *g, int ms)
{
	struct pollfd p[1 + 3 * RIG_WORKERS];
	nfds_t n = 0;

	flush(g->policy);
	watch(p, &n, g->policy);
	for (unsigned i = 0; i < g->n_workers; i++) {
		struct rig_wire *w = &g->wire[i];

		for (int s = 0; s < 2; s++) {
			flush(w->end[s]);
			if (!w->held[s].is)
				watch(p, &n, w->end[s]);
		}
		watch(p, &n, g->xk[i]);
	}
	(void)poll(p, n, ms);
	for (unsigned i = 0; i < g->n_workers; i++) {
		pump_wire(&g->wire[i], FROM_WORKER);
		pump_wire(&g->wire[i], FROM_AUDIT);
		hear(g, &g->xk[i], to_xk);
		reap(g, &g->worker[i]);
	}
	hear(g, &g->policy, to_policy);
	reap(g, &g->audit);
}

static bool
stopped(struct rig *g)
{
	bool is = false;

	for (unsigned i = 0; i < g->n_workers; i++)
		for (int s = 0; s < 2; s++) {
			struct rig_held *h = &g->wire[i].held[s];

			is |= h->is && !h->was_told;
			h->was_told = h->is;
		}
	return is;
}

enum heard
rig_await(struct rig *g, uint16_t type)
{
	const int64_t until = now_ms() + PATIENCE_MS;

	while (now_ms() < until) {
		if (g->type != 0 && (type == 0 || g->type == type))
			return HEARD;
		if (stopped(g))
			return STOPPED_THERE;
		if (g->audit.pid == 0)
			return AUDIT_ENDED;
		rig_turn(g, 50);
	}
	return SILENCE;
}

bool
rig_await_workers(struct rig *g, unsigned n)
{
	const int64_t until = now_ms() + PATIENCE_MS;

	while (g->service.workers != n || g->service.state_old) {
		if (now_ms() > until || g->audit.pid == 0)
			return false;
		rig_turn(g, 50);
	}
	return true;
}

void
rig_settle(struct rig *g)
{
	const int64_t until = now_ms() + SETTLE_MS;

	while (now_ms() < until)
		rig_turn(g, 20);
}

void
rig_send(struct rig *g, uint16_t type, uint32_t id, const void *body,
    size_t len)
{
	g->type = 0;
	if (g->policy == NULL)
		return; /* audit has ended: rig_await() tells */
	must(ipc_send(g->policy, type, id, body, len), "queue");
	flush(g->policy);
}

void
rig_hold(struct rig *g, unsigned i, enum rig_side s, uint16_t type)
{
	g->wire[i].held[s].at = type;
}

void
rig_release(struct rig *g, unsigned i, enum rig_side s)
{
	struct rig_held *h = &g->wire[i].held[s];

	if (h->is)
		pass(g->wire[i].end[!s], &h->frame);
	free(h->body);
	*h = (struct rig_held){.at = 0};
}
