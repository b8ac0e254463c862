#include "appliance/proto_hi2.h"
#include "fuzz.h"
#include "help.h"
#include "worker_says.h"

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
body(void)
{
	struct wr w;

	wr_init(&w, octets_of_body, sizeof(octets_of_body));
	return w;
}

bool
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
	struct wr w = body();

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
			return true; /* see durable() */
	MUST(!say(MSG_DURABLE, id, w));
	return false;
}

bool
any(uint8_t what, struct rd *in)
{
	const struct ipc_rule *r =
	    &rules[what % (sizeof(rules) / sizeof(rules[0]))];
	struct wr w = body();
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
