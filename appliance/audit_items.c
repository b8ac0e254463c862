/*
 * Items: jobs between intent and outcome.  They wait for a worker that has
 * room; what no worker will finish ends as unavailable, in the log and for the
 * asker.
 */
#include <stdlib.h>
#include <string.h>

#include "appliance/audit_proc.h"
#include "base/log.h"

/* ---- to policy ---- */

void
audit_tell_done(struct audit *a, uint32_t asker, uint32_t id, bool told,
    enum xk_reason reason)
{
	const struct msg_done m = {told, reason};
	uint8_t body[8];
	struct wr w;
	size_t len;

	if (a->policy == NULL || asker != a->policy_epoch)
		return; /* whoever asked has gone */
	wr_init(&w, body, sizeof(body));
	msg_done_put(&w, &m);
	if (wr_finish(&w, &len) == ERR_OK)
		audit_after_sync(a, a->policy, MSG_DONE, id, body, len);
}

void
audit_tell_task_done(struct audit *a, uint32_t asker, uint32_t id, enum err rc,
    struct rd result)
{
	const struct msg_result m = {rc, result};
	uint8_t *body;
	struct wr w;
	size_t len;

	if (a->policy == NULL || asker != a->policy_epoch)
		return;
	if ((body = malloc(result.left + 16)) == NULL)
		fatal("out of memory");
	wr_init(&w, body, result.left + 16);
	msg_result_put(&w, &m);
	if (wr_finish(&w, &len) == ERR_OK)
		audit_after_sync(a, a->policy, MSG_TASK_DONE, id, body, len);
	free(body);
}

static void
fail_item(struct audit *a, const struct item *it)
{
	static const char text[] = "the token is out of service";
	struct rd r;

	rd_init(&r, text, strlen(text));
	if (it->kind == ITEM_KEY)
		audit_tell_done(a, it->asker, it->asker_id, false,
		    XK_UNAVAILABLE);
	else if (it->kind == ITEM_TASK)
		audit_tell_task_done(a, it->asker, it->asker_id, ERR_HSM, r);
	else
		audit_hi2_failed(a, it->asker, it->asker_id, ERR_HSM);
}

/* Knows all there is to know, and is not behind what it knew before. */
static bool
usable(const struct audit *a, unsigned i)
{
	const struct worker *w = &a->worker[i];

	return w->ready && w->current && !w->refused && !w->asked &&
	    a->chain.complete && w->taught == a->chain.n;
}

unsigned
audit_usable_workers(const struct audit *a)
{
	unsigned n = 0;

	for (unsigned i = 0; i < MAX_WORKERS; i++)
		n += usable(a, i);
	return n;
}

void
audit_tell_service(struct audit *a)
{
	struct msg_service m = {.workers = audit_usable_workers(a),
	    .log_has_room = audit_has_room(a),
	    .state_old = audit_state_old(a),
	    .floor = a->seen.latest};
	uint8_t body[MSG_SERVICE_LEN];
	struct wr w;
	size_t len;

	for (unsigned i = 0; i < MAX_WORKERS; i++)
		m.test_token |= a->worker[i].ready && a->worker[i].test_token;
	wr_init(&w, body, sizeof(body));
	msg_service_put(&w, &m);
	a->told_room = m.log_has_room;
	a->told_old = m.state_old;
	a->told_workers = m.workers;
	if (a->policy != NULL && wr_finish(&w, &len) == ERR_OK &&
	    peer_send(a->policy, MSG_SERVICE, 0, body, len) != ERR_OK)
		log_warning("policy does not take what it is sent");
}

/* ---- items ---- */

struct item *
audit_new_item(struct audit *a, enum item_kind kind, enum item_queue_of queue,
    uint32_t asker_id, uint8_t *job, size_t len, uint32_t *id)
{
	const size_t most =
	    queue == QUEUE_HI2 ? AUDIT_ITEM_OCTETS / 2 : AUDIT_ITEM_OCTETS;
	struct item *it;

	if (a->item_octets + len > most ||
	    (it = slots_take(a->items, id)) == NULL) {
		free(job);
		return NULL;
	}
	*it = (struct item){.kind = kind,
	    .queue = queue,
	    .asker_id = asker_id,
	    .asker = kind == ITEM_HI2 ? a->hi2_epoch : a->policy_epoch,
	    .worker = -1,
	    .job = job,
	    .job_len = len};
	a->item_octets += len;
	return it;
}

void
audit_drop_item(struct audit *a, uint32_t id)
{
	struct item *it = slots_find(a->items, id);

	if (it == NULL)
		return;
	if (it->kind == ITEM_HI2)
		audit_hi2_ended(a, it);
	a->item_octets -= it->job_len;
	free(it->job);
	slots_drop(a->items, id);
}

void
audit_queue_item(struct audit *a, uint32_t id)
{
	const struct item *it = slots_find(a->items, id);

	if (it == NULL) /* given up before it was on disk */
		return;
	turns_put(a->waiting[it->queue], it->who, id);
}

/* What hi2 asks for is no question of warrants: any token will do. */
static bool
fits(const struct audit *a, unsigned i, enum item_queue_of queue)
{
	return queue == QUEUE_DELIVERY ? a->worker[i].ready : usable(a, i);
}

/* Jobs of a client; what comes for another one need not wait for all of them.
 */
static bool
has_share(const struct worker *w, uint64_t who)
{
	unsigned n = 0;

	for (unsigned i = 0; who != 0 && i < MAX_WORKER_JOBS; i++)
		n += w->who[i] == who;
	return n >= MAX_CLIENT_JOBS;
}

static int
free_worker(const struct audit *a, enum item_queue_of queue, uint64_t who)
{
	int best = -1;

	for (int i = 0; i < MAX_WORKERS; i++)
		if (fits(a, (unsigned)i, queue) &&
		    a->worker[i].jobs < MAX_WORKER_JOBS &&
		    !has_share(&a->worker[i], who) &&
		    (best == -1 || a->worker[i].jobs < a->worker[best].jobs))
			best = i;
	return best;
}

bool
audit_any_worker(const struct audit *a, enum item_queue_of queue)
{
	/* One that is still learning will come to be of use. */
	for (unsigned i = 0; i < MAX_WORKERS; i++)
		if (a->worker[i].ready &&
		    (queue == QUEUE_DELIVERY ||
			(!a->worker[i].refused &&
			    (a->worker[i].current || a->worker[i].asked))))
			return true;
	return false;
}

/* One of this queue that can go on: to *worker, or to nobody any more. */
static bool
can_go_on(struct audit *a, enum item_queue_of queue, uint32_t *id, int *worker)
{
	struct turns *q = a->waiting[queue];

	for (unsigned n = turns_waiting(q); n > 0; n--) {
		const struct item *it =
		    turns_first(q, id) ? slots_find(a->items, *id) : NULL;

		*worker = free_worker(a, queue, it == NULL ? 0 : it->who);
		if (*worker != -1 || it == NULL || !audit_any_worker(a, queue))
			return true;
		turns_skip(q);
	}
	return false;
}

/*
 * In turn, so that many calls for HI2, for which x2 asks again, keep no client
 * waiting, nor the other way round, nor delivery.
 */
static struct turns *
next_queue(struct audit *a, uint32_t *id, int *worker)
{
	for (unsigned i = 0; i < QUEUE__MAX; i++) {
		const unsigned at = (a->turn + i) % QUEUE__MAX;

		if (!can_go_on(a, (enum item_queue_of)at, id, worker))
			continue;
		a->turn = at + 1;
		return a->waiting[at];
	}
	return NULL;
}

void
audit_unworked(struct audit *a, enum item_kind kind, uint64_t ref)
{
	static const enum audit_type type[ITEM__MAX] = {[ITEM_KEY] =
							    AUDIT_KEY_OUTCOME,
	    [ITEM_TASK] = AUDIT_SUBSCRIBER_OUTCOME,
	    [ITEM_HI2] = AUDIT_QUEUE_KEY_OUTCOME};
	struct audit_entry e = {.type = type[kind],
	    .ref = ref,
	    .reason = kind == ITEM_KEY ? XK_UNAVAILABLE : ERR_HSM};

	if (audit_write(a, &e, NULL, NULL) != ERR_OK)
		log_error("an outcome could not be written");
}

void
audit_give_up(struct audit *a, uint32_t id, struct item *it)
{
	if (!it->logged)
		audit_unworked(a, it->kind, it->ref);
	fail_item(a, it);
	audit_drop_item(a, id);
}

static void
replace_who(struct worker *w, uint64_t from, uint64_t to)
{
	unsigned i = 0;

	while (i < MAX_WORKER_JOBS && w->who[i] != from)
		i++;
	if (i < MAX_WORKER_JOBS)
		w->who[i] = to;
}

static void
give_out(struct audit *a, uint32_t id, struct item *it, int to)
{
	static const uint16_t type[ITEM__MAX] = {[ITEM_KEY] = MSG_WORK,
	    [ITEM_TASK] = MSG_DO_TASK,
	    [ITEM_HI2] = MSG_DO_HI2_TASK};

	if (to == -1 ||
	    peer_send(a->worker[to].peer, type[it->kind], id, it->job,
		it->job_len) != ERR_OK) {
		audit_give_up(a, id, it);
		return;
	}
	it->worker = to;
	a->worker[to].jobs++;
	replace_who(&a->worker[to], 0, it->who);
	a->item_octets -= it->job_len;
	free(it->job);
	it->job = NULL;
	it->job_len = 0;
}

void
audit_dispatch(struct audit *a)
{
	struct turns *q;
	struct item *it;
	uint32_t id;
	int to;

	while ((q = next_queue(a, &id, &to)) != NULL) {
		turns_next(q);
		if ((it = slots_find(a->items, id)) != NULL)
			give_out(a, id, it, to);
	}
}

void
audit_release_worker(struct audit *a, const struct item *it)
{
	if (it->worker < 0 || a->worker[it->worker].jobs == 0)
		return;
	a->worker[it->worker].jobs--;
	replace_who(&a->worker[it->worker], it->who, 0);
}
