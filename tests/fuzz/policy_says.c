/* How neighbours of keywarden-policy speak to it; audit and keywarden(1). */
#include <string.h>

#include "appliance/policy_cli.h"
#include "channel.h"
#include "help.h"
#include "policy_says.h"
#include "policy_told.h"
#include "policy_world.h"

/* ---- what a frame may do ---- */

struct seen {
	uint64_t head;
	size_t warrants, subscribers, unlogged;
	unsigned waiting, pending, clis;
	bool sent, joined;
	struct job *jobs;
};

static struct seen
see(void)
{
	return (struct seen){.head = authority_head(process.authority).number,
	    .warrants = process.warrants.n,
	    .subscribers = process.n_subscribers,
	    .unlogged = process.n_unlogged,
	    .waiting = process.waiting.n,
	    .pending = slots_used(process.pending),
	    .clis = slots_used(process.clis),
	    .sent = process.change_sent,
	    .joined = process.joined,
	    .jobs = process.jobs};
}

bool
say(const struct peer_ops *ops, uint16_t type, uint32_t id, struct rd body)
{
	const struct seen before = see();
	const enum err rc = channel_give(ops, &process, type, id, body);
	const struct seen after = see();

	if (rc != ERR_OK) {
		MUST(memcmp(&before, &after, sizeof(before)) == 0);
		return false;
	}
	MUST(after.head == before.head ||
	    (type == MSG_CHANGED && before.sent &&
		after.head == before.head + 1));
	MUST(after.joined == before.joined || type == MSG_CHAINED);
	return true;
}

struct rd
written(const struct wr *w)
{
	size_t len;

	MUST(wr_finish(w, &len) == ERR_OK);
	return view(w->p, len);
}

static uint8_t octets_of_body[MAX_IPC_BODY];

struct wr
body(void)
{
	struct wr w;

	wr_init(&w, octets_of_body, sizeof(octets_of_body));
	return w;
}

struct frame
any_frame(const struct peer_ops *ops, struct rd *in)
{
	const uint8_t which = take_u8(in);
	struct frame f;

	f.type = which < ops->n_rules ? ops->table[which].type : take_u16(in);
	f.id = take_u8(in);
	f.body = take_view16(in);
	return f;
}

bool
any(const struct peer_ops *ops, struct rd *in)
{
	const struct frame f = any_frame(ops, in);

	return say(ops, f.type, f.id, f.body);
}

/* ---- audit ---- */

static const struct {
	uint16_t question, answer;
} answers[] = {{MSG_RECORD, MSG_RECORDED}, {MSG_CHAIN, MSG_CHAINED},
    {MSG_GRANT, MSG_DONE}, {MSG_CHANGE, MSG_CHANGED}, {MSG_TASK, MSG_TASK_DONE},
    {0, 0}};

static uint16_t
answered_by(uint16_t answer)
{
	unsigned i = 0;

	while (answers[i].answer != answer && answers[i].answer != 0)
		i++;
	return answers[i].question;
}

static uint16_t
answer_to(uint16_t question)
{
	unsigned i = 0;

	while (answers[i].question != question)
		i++;
	return answers[i].answer;
}

/* What follows from its word, beside what policy says then. */
static bool
audit_tells(uint16_t type, uint32_t id, struct rd words)
{
	struct sent s = {.type = 0};
	struct msg_done done;

	(void)told_take(id, answered_by(type), &s);
	if (!say(&policy_audit_ops, type, id, words))
		return false;
	if (s.type != MSG_GRANT)
		return true;
	MUST(msg_done_get(words, &done) == ERR_OK);
	if (s.route == ROUTE_XK && done.told)
		told_asker(s.asker);
	if (s.route == ROUTE_HI2 && done.told &&
	    done.reason != XK_NO_AUTHORISATION && done.reason != XK_OVERLOADED)
		told.legs--;
	return true;
}

bool
audit_serves(uint8_t what)
{
	const struct msg_service m = {.workers = what & 3,
	    .log_has_room = (what & 4) != 0,
	    .test_token = (what & 8) != 0,
	    .state_old = (what & 16) != 0,
	    .floor = (what & 32) != 0 ? now + 100000 : 0};
	struct wr w = body();

	msg_service_put(&w, &m);
	return audit_tells(MSG_SERVICE, TOLD_IDS << 20, written(&w));
}

/* The result of a task as a worker makes it. */
static struct rd
result_of(const struct sent *s, struct wr *w)
{
	static uint8_t octets_of_result[SUBSCRIBER_MAX + 64];
	struct task_key_result k = {.not_before = now,
	    .not_after = now + 1,
	    .enveloped = str("cms")};
	struct task_subscriber_result r = {.for_device = str("")};

	wr_init(w, octets_of_result, sizeof(octets_of_result));
	if (s->task == TASK_KEY_ISSUE)
		task_key_result_put(w, &k);
	else {
		r.record = world_record(s->number, str(s->identity));
		r.for_device = s->number % 2 == 0 ? str("seed") : str("");
		task_subscriber_result_put(w, &r);
	}
	return written(w);
}

bool
audit_answers(const struct sent *s, enum err rc, uint8_t what)
{
	const struct msg_done done = {(what & 1) != 0,
	    (enum xk_reason)((what >> 1) % XK_REASON__MAX)};
	const struct msg_changed changed = {rc, (what & 1) != 0, str("why")};
	struct msg_result result = {rc, str("why")};
	struct wr w, own;

	if (s->type == MSG_TASK && rc == ERR_OK)
		result.result = result_of(s, &own);
	w = body();
	if (s->type == MSG_GRANT)
		msg_done_put(&w, &done);
	else if (s->type == MSG_CHANGE)
		msg_changed_put(&w, &changed);
	else if (s->type == MSG_TASK)
		msg_result_put(&w, &result);
	else
		wr_u8(&w, (uint8_t)rc);
	return audit_tells(answer_to(s->type), s->id, written(&w));
}

void
audit_goes_or_comes(void)
{
	if (process.audit != NULL) {
		told_audit_left();
		policy_audit_ops.closed(&process, process.audit);
		return;
	}
	process.audit = channel_open();
	policy_audit_joined(&process);
}

static bool
audit_says(unsigned which, uint8_t what)
{
	const struct sent s = told.sent[which % told.n_sent];

	return audit_answers(&s,
	    what % 4 == 3 ? (enum err)((what >> 2) % ERR__MAX) : ERR_OK, what);
}

bool
audit(uint8_t what, struct rd *in)
{
	struct frame f;

	if (process.audit == NULL || what >> 2 == 0) {
		audit_goes_or_comes();
		return true;
	}
	switch (what % 4) {
	case 0:
		f = any_frame(&policy_audit_ops, in);
		return audit_tells(f.type, f.id, f.body);
	case 1:
		return audit_serves(take_u8(in));
	case 2:
		if (process.joined)
			channel_full(process.audit, what >> 3);
		return true;
	default:
		return told.n_sent == 0 || audit_says(what >> 2, take_u8(in));
	}
}

/* ---- keywarden(1) ---- */

static void
cli_comes(unsigned i)
{
	struct cli *c;
	unsigned at = 0;
	bool known;
	uint32_t id;

	policy_cli_accept(&process);
	while ((c = slots_next(process.clis, &at, &id)) != NULL) {
		known = false;
		for (unsigned k = 0; k < TOLD_CLIS; k++)
			known |= told.cli[k].peer == c->peer;
		if (!known)
			told.cli[i].peer = c->peer;
	}
	MUST(told.cli[i].peer != NULL);
	told.cli[i].owed = 0;
}

void
cli_goes(unsigned i)
{
	if (told.cli[i].peer != NULL)
		channel_ends(told.cli[i].peer);
	told.cli[i].peer = NULL;
}

/* A bad frame closes its channel, and nothing else. */
static void
cli_asks(unsigned i, uint16_t type, struct rd what)
{
	const struct seen before = see();
	struct seen after;

	told.cli[i].owed++;
	if (channel_hears(told.cli[i].peer, type, 0, what) == ERR_OK)
		return;
	after = see();
	MUST(memcmp(&before, &after, sizeof(before)) == 0);
	cli_goes(i);
}

static void
cli_hands_in(unsigned i, struct rd *in)
{
	const uint8_t which = take_u8(in), how = take_u8(in);
	const struct world_document *d = world_document(which);
	struct rd hash = view(d->paper.hash, DIGEST_LEN);

	switch (how >> 4) {
	case 0:
		cli_asks(i, MSG_CLI_WARRANT_CHECK, paper_view(&d->paper));
		break;
	case 1:
		cli_asks(i, MSG_CLI_WARRANT_CHECK, d->cms[how % WORLD_FORMS]);
		break;
	case 2:
		cli_asks(i, MSG_CLI_REQUEST_SHOW, hash);
		break;
	default:
		cli_asks(i, MSG_CLI_SUBMIT, d->cms[how % WORLD_FORMS]);
	}
}

static void
cli_wants_key(unsigned i, uint8_t what)
{
	const char *const who = (what & 1) != 0 ? WORLD_ALICE : WORLD_BOB;
	const struct cli_key_issue m = {.subscriber = str(who),
	    .identity = str(who),
	    .at = now};
	struct wr w = body();

	cli_key_issue_put(&w, &m);
	cli_asks(i, MSG_CLI_KEY_ISSUE, written(&w));
}

void
cli(uint8_t what, struct rd *in)
{
	static const uint16_t lists[8] = {MSG_CLI_STATUS, MSG_CLI_STATE,
	    MSG_CLI_WARRANT_LIST, MSG_CLI_REQUEST_LIST, MSG_CLI_SUBSCRIBER_LIST,
	    MSG_CLI_DELIVERY, MSG_CLI_KEY_ISSUE, MSG_CLI_WARRANT_CHECK};
	static const uint8_t from[4];
	const unsigned i = what % TOLD_CLIS;

	if (told.cli[i].peer == NULL)
		cli_comes(i);
	switch (what >> 2) {
	case 0:
		cli_goes(i);
		break;
	case 1:
		cli_asks(i, lists[take_u8(in) % 8], take_view16(in));
		break;
	case 2:
		what = take_u8(in);
		cli_asks(i, lists[what % 6],
		    view(from, what % 6 < 2 ? 0 : sizeof(from)));
		break;
	case 3:
		cli_wants_key(i, take_u8(in));
		break;
	default:
		cli_hands_in(i, in);
	}
}
