#include <string.h>

#include "appliance/proto_hi2.h"
#include "fuzz.h"
#include "help.h"
#include "policy_world.h"
#include "worker_audit.h"
#include "worker_stand.h"
#include "worker_told.h"
#include "xk/call.h"

/* As proc_hsm.c has them. */
static const struct ipc_rule rules[] = {
    {MSG_WORK, 32, MAX_IPC_BODY, 1, hsm_on_work},
    {MSG_DURABLE, 0, 0, 1, hsm_on_durable},
    {MSG_LEARN, 9, MAX_IPC_BODY, 1, hsm_on_learn},
    {MSG_DO_TASK, 8, MAX_IPC_BODY, 1, hsm_on_task},
    {MSG_DO_HI2_TASK, 18, 17 + MAX_SIGN_DATA, 1, hsm_on_hi2_task},
};

static uint8_t octets_of_body[MAX_IPC_BODY];

struct wr
new_body(void)
{
	struct wr w;

	wr_init(&w, octets_of_body, sizeof(octets_of_body));
	return w;
}

static bool
say(uint16_t type, uint32_t id, const struct wr *w)
{
	struct rd own = own_copy(view(w->p, w->len));
	const struct ipc_frame f = {.type = type, .id = id, .body = own};
	enum err rc;

	MUST(w->rc == ERR_OK);
	rc = ipc_dispatch(rules, sizeof(rules) / sizeof(rules[0]), 1, &process,
	    &f);
	own_free(&own);
	hear();
	return rc == ERR_OK;
}

/* The entry for a job by that warrant, with a fault. */
static struct rd
intent(const struct change *c, enum route route, uint8_t fault, uint8_t *out)
{
	static const char *const liids[] = {"L1", "L2", "L3"};
	struct audit_entry e = {.type = AUDIT_KEY_INTENT,
	    .client = str(route == ROUTE_HI2 ? AUDIT_SELF : "df2"),
	    .target = str(fault == 1 ? WORLD_BOB : WORLD_ALICE),
	    .liid = str(liids[(c->number / 2 - 1) % 3]),
	    .test = c->number == 6 || fault == 2};
	struct rd wire = world_call();
	struct call call;
	size_t len;

	MUST(call_get(&wire, &call) == ERR_OK);
	MUST(digest_of(world_call(), e.digest) == ERR_OK);
	memcpy(e.warrant, c->hash, WARRANT_ID_LEN);
	e.digest[0] ^= fault == 3;
	e.csb_id = call.r1.csb_id ^ (fault == 4);
	e.ts_type = (uint8_t)call_key_time(&call, &e.ts);
	MUST(audit_entry_encode(&e, out, &len) == ERR_OK);
	return view(out, len);
}

bool
audit_work(uint8_t what)
{
	static uint8_t leaf[MAX_AUDIT_LEAF];
	/* Warrants are the changes 2, 4 and 6. */
	const struct change c = world_change(1 + 2 * (what % 4 % 3));
	const enum route route = what & 4 ? ROUTE_HI2 : ROUTE_XK;
	const uint32_t id = ++told.next_id;
	const struct msg_work m = {.route = route,
	    .ticket = {EPOCH, id},
	    .intent = intent(&c, route, what >> 4, leaf),
	    .number = what >> 4 == 5 ? 3 : c.number,
	    .warrant = c.request,
	    .evidence = what >> 4 == 6 ? str("none") : c.evidence,
	    .subscriber = world_record(what & 8 ? 5 : 3, str(WORLD_ALICE)),
	    .call = world_call()};
	struct wr w = new_body();

	if (told.n_jobs == JOBS ||
	    (hsm_run_free(NULL) == NULL &&
		process.n_waiting == MAX_WORKER_JOBS))
		return true;
	told.job[told.n_jobs++] = (struct given){id, id, route, c.number, false,
	    process.taker[route] == NULL};
	msg_work_put(&w, &m);
	MUST(w.len <= sizeof(told.work));
	memcpy(told.work, w.p, told.work_len = w.len);
	return say(MSG_WORK, id, &w);
}

bool
audit_durable(uint8_t which)
{
	const struct wr none = new_body();
	unsigned i = 0;
	bool alive;

	while (i < told.n_jobs && (!told.job[i].outcome || which-- % 4 > 0))
		i++;
	if (i == told.n_jobs)
		return true;
	told.durable = &told.job[i];
	told.closed = false;
	alive = say(MSG_DURABLE, told.job[i].id, &none);
	MUST(!alive || told.closed);
	told.durable = NULL;
	told.job[i] = told.job[--told.n_jobs];
	return alive;
}

/* Changes from one on, as many; of the last some are of other persons. */
bool
audit_learn(uint8_t what, uint8_t how)
{
	const uint64_t head = authority_head(process.authority).number;
	const unsigned from = what & 8 ? 0 : (unsigned)head;
	struct msg_learn m = {.floor = what & 128 ? now + 1000 : 0,
	    .fresh = (what & 16) != 0};
	static uint8_t octets_of_changes[65536];
	struct change c;
	struct wr w;

	wr_init(&w, octets_of_changes, sizeof(octets_of_changes));
	for (unsigned i = from, n = what % 8; n > 0; i++, n--) {
		if (i < WORLD_BASE)
			c = world_change(i);
		else {
			const struct world_document *d = world_document(how);
			static uint8_t signed_by[65536];
			struct evidence e = {.n = 1, .cms = {d->cms[how >> 6]}};
			struct wr v;

			wr_init(&v, signed_by, sizeof(signed_by));
			evidence_put(&v, &e);
			c = paper_change(&d->paper, i + 1,
			    view(signed_by, v.len));
		}
		change_put(&w, &c);
		if (w.rc != ERR_OK || i >= WORLD_BASE)
			break;
	}
	m.changes = view(octets_of_changes, w.len);
	w = new_body();
	msg_learn_put(&w, &m);
	return say(MSG_LEARN, 0, &w);
}

bool
audit_task(uint8_t what)
{
	static uint8_t leaf[MAX_AUDIT_LEAF];
	const struct change c = world_change(what & 4 ? 2 : 4);
	const bool subscriber = (what & 1) != 0;
	const char *const who = what & 4 ? WORLD_ALICE : WORLD_BOB;
	const struct task_subscriber s = {.number = c.number,
	    .request = c.request};
	struct rd record = world_record(3, str(WORLD_ALICE));
	const struct task_key k = {.subscriber = record,
	    .identity = str(who),
	    .at = now};
	struct audit_entry e = {.type = AUDIT_SUBSCRIBER_INTENT,
	    .target = str(who)};
	struct msg_task m = {
	    .kind = subscriber ? TASK_SUBSCRIBER : TASK_KEY_ISSUE};
	static uint8_t octets_of_task[32768];
	size_t len;
	struct wr w;

	stand.token_refuses = (what & 2) != 0;
	wr_init(&w, octets_of_task, sizeof(octets_of_task));
	if (subscriber)
		task_subscriber_put(&w, &s);
	else
		task_key_put(&w, &k);
	m.body = view(octets_of_task, w.len);
	MUST(digest_of(m.body, e.digest) == ERR_OK);
	e.digest[3] ^= what >> 7;
	MUST(audit_entry_encode(&e, leaf, &len) == ERR_OK);
	m.entry = view(leaf, len);
	w = new_body();
	msg_task_put(&w, &m);
	told.tasks++;
	return say(MSG_DO_TASK, ++told.next_task, &w);
}

bool
audit_hi2_task(uint8_t what)
{
	const struct msg_do_hi2_task m = {.hi2_id = what,
	    .task = {.kind = what & 1 ? HI2_TASK_SIGN : HI2_TASK_UNWRAP,
		.octets = str("octets")}};
	struct wr w = new_body();

	stand.token_refuses = (what & 2) != 0;
	msg_do_hi2_task_put(&w, &m);
	told.hi2_tasks++;
	return say(MSG_DO_HI2_TASK, ++told.next_task, &w);
}

/* Whatever stands there is a job of this audit if it can be read. */
static bool
any_work(const struct wr *w)
{
	struct msg_work m;
	const uint32_t id = ++told.next_id;

	if (told.n_jobs == JOBS || hsm_run_free(NULL) == NULL)
		return true; /* what waits is read later */
	if (msg_work_get(view(w->p, w->len), &m) == ERR_OK)
		told.job[told.n_jobs++] = (struct given){id, m.ticket.id,
		    m.route, m.number, false, process.taker[m.route] == NULL};
	return say(MSG_WORK, id, w);
}

/* The last one with an octet changed. */
static bool
changed_work(struct rd *in)
{
	const size_t at = take_u16(in);
	struct wr w = new_body();

	wr_copy(&w, told.work, told.work_len);
	if (told.work_len == 0)
		return true;
	w.p[at % told.work_len] ^= take_u8(in);
	return any_work(&w);
}

/* Of a job that has no outcome, or is none: audit is not to be trusted. */
static bool
any_durable(uint32_t id, const struct wr *w)
{
	for (unsigned i = 0; i < told.n_jobs; i++)
		if (told.job[i].id == id && told.job[i].outcome)
			return true; /* see audit_durable() */
	MUST(!say(MSG_DURABLE, id, w));
	return false;
}

/* Any frame: its questions have no answer that is known. */
bool
audit_any(uint8_t what, struct rd *in)
{
	const struct ipc_rule *r =
	    &rules[what % (sizeof(rules) / sizeof(rules[0]))];
	struct wr w = new_body();
	struct rd octets_of_frame;

	if (what == 255)
		return changed_work(in);
	octets_of_frame = take_view16(in);
	wr_copy(&w, octets_of_frame.p, octets_of_frame.left);
	if (r->type == MSG_WORK)
		return any_work(&w);
	if (r->type == MSG_DURABLE)
		return any_durable(take_u8(in), &w);
	told.tasks += r->type == MSG_DO_TASK;
	told.hi2_tasks += r->type == MSG_DO_HI2_TASK;
	return say(r->type, 0, &w);
}
