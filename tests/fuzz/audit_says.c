/* How neighbours of keywarden-audit speak to it; policy and hi2. */
#include <string.h>

#include "appliance/proto_hi2.h"
#include "audit_says.h"

/* ---- frames ---- */

struct seen {
	uint64_t next;
	size_t chain;
	unsigned items;
	enum change_state change;
};

static struct seen
see(void)
{
	return (struct seen){.next = process.log.next,
	    .chain = process.chain.n,
	    .items = slots_used(process.items),
	    .change = process.change.state};
}

bool
say(const struct peer_ops *ops, void *ctx, uint16_t type, uint32_t id,
    struct rd body)
{
	const struct seen before = see();
	const enum err rc = channel_give(ops, ctx, type, id, body);
	const struct seen after = see();

	MUST(rc == ERR_OK ||
	    (before.next == after.next && before.chain == after.chain &&
		before.items == after.items && before.change == after.change));
	return rc == ERR_OK;
}

static uint8_t octets_of_body[MAX_IPC_BODY];

struct wr
body(void)
{
	struct wr w;

	wr_init(&w, octets_of_body, sizeof(octets_of_body));
	return w;
}

struct rd
written(const struct wr *w)
{
	struct rd r;
	size_t len;

	MUST(wr_finish(w, &len) == ERR_OK);
	rd_init(&r, w->p, len);
	return r;
}

struct rd
text(const char *s)
{
	struct rd r;

	rd_init(&r, s, strlen(s));
	return r;
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

/* ---- policy ---- */

static struct {
	struct change change[8]; /* of an honest policy */
	unsigned n;
	uint64_t told; /* to this audit */
	bool all;
} policy;

/* `to` is owed an answer if the question is taken. */
static bool
ask(unsigned owed[TOLD_IDS], const struct peer_ops *ops, const struct frame *f)
{
	const bool is = f->type != MSG_CHAIN;

	owed[f->id] += is;
	if (say(ops, &process, f->type, f->id, f->body))
		return true;
	owed[f->id] -= is;
	return false;
}

static bool
policy_asks(uint16_t type, uint32_t id, const struct wr *w)
{
	const struct frame f = {type, id, written(w)};

	return ask(told.owed, &audit_policy_ops, &f);
}

static uint8_t leaf_octets[MAX_AUDIT_LEAF];

static struct rd
leaf(enum audit_type type, uint8_t what)
{
	static const char *const clients[4] = {"df2", "mf", "",
	    "this appliance"};
	const struct audit_entry e = {.type = type,
	    .client = text(clients[what % 4]),
	    .target = text("sip:alice@example.com"),
	    .liid = text("L1"),
	    .warrant = {what >> 6},
	    .text = text("text")};
	struct rd r;
	size_t len;

	MUST(audit_entry_encode(&e, leaf_octets, &len) == ERR_OK);
	rd_init(&r, leaf_octets, len);
	return r;
}

static bool
policy_grants(uint8_t what, uint8_t id)
{
	const struct msg_work m = {.route = what & 4 ? ROUTE_HI2 : ROUTE_XK,
	    .ticket = {7, id},
	    .intent = leaf(AUDIT_KEY_INTENT, what),
	    .number = 1,
	    .warrant = text("warrant"),
	    .evidence = text("evidence"),
	    .subscriber = text("subscriber"),
	    .call = text("call")};
	struct wr w = body();

	msg_work_put(&w, &m);
	return policy_asks(MSG_GRANT, id, &w);
}

static bool
policy_has_task(uint8_t id)
{
	const struct msg_task m = {.kind = TASK_KEY_ISSUE,
	    .entry = leaf(AUDIT_SUBSCRIBER_INTENT, id),
	    .body = text("body")};
	struct wr w = body();

	msg_task_put(&w, &m);
	return policy_asks(MSG_TASK, id, &w);
}

static bool
policy_records(uint8_t what, uint8_t id)
{
	static const enum audit_type types[4] = {AUDIT_KEY_REFUSED,
	    AUDIT_CLIENT_EVENT, AUDIT_REQUEST, AUDIT_ALARM};
	const struct rd r = leaf(types[what % 4], what);
	struct wr w = body();

	wr_copy(&w, r.p, r.left);
	return policy_asks(MSG_RECORD, id, &w);
}

/* Change `number` as this policy has it; another if it lies. */
static struct change
change_of(uint64_t number, uint8_t what)
{
	struct change c = {.number = number,
	    .time = 1800000000,
	    .kind = (enum request_kind)(what % REQUEST__MAX),
	    .hash = {what >> 5},
	    .request = text("request"),
	    .evidence = text("evidence")};

	return c;
}

/* From what it has told, some more. */
static bool
policy_tells_chain(uint8_t what)
{
	const uint64_t upto = (what & 1) != 0 ? policy.n : policy.told + 1;
	struct wr w = body();

	if (process.policy == NULL || policy.all)
		return true;
	policy.all = upto >= policy.n || (what & 2) != 0;
	wr_bool(&w, policy.all);
	while (policy.told < upto && policy.told < policy.n)
		change_put(&w, &policy.change[policy.told++]);
	return policy_asks(MSG_CHAIN, 0, &w);
}

static bool
policy_changes(uint8_t what, uint8_t id)
{
	const uint64_t number =
	    (what & 128) != 0 && policy.n > 0 ? policy.n : policy.n + 1U;
	const struct change c = number == policy.n && (what & 64) != 0
	    ? policy.change[number - 1]
	    : change_of(number, what);
	struct msg_change m = {.entry = leaf(AUDIT_CHANGE, what)};
	uint8_t octets[256];
	struct wr w;

	wr_init(&w, octets, sizeof(octets));
	change_put(&w, &c);
	m.change = written(&w);
	w = body();
	msg_change_put(&w, &m);
	/* What takes effect, the next policy tells. */
	if (number == policy.n + 1U && policy.n < 8)
		policy.change[policy.n] = c;
	return policy_asks(MSG_CHANGE, id, &w);
}

void
policy_begins(void)
{
	memset(&policy, 0, sizeof(policy));
	policy_goes_or_comes();
}

void
policy_learns(void)
{
	if (policy.n < 8 && process.chain.head.number > policy.n)
		policy.n++;
}

void
policy_goes_or_comes(void)
{
	if (process.policy == NULL) {
		process.policy = channel_open();
		policy.told = 0;
		policy.all = false;
		audit_policy_joined(&process);
		return;
	}
	memset(told.owed, 0, sizeof(told.owed));
	audit_policy_ops.closed(&process, process.policy);
}

bool
by_policy(uint8_t what, struct rd *in)
{
	struct frame f;
	uint8_t how;

	if (process.policy == NULL || what == 0) {
		policy_goes_or_comes();
		return true;
	}
	if (what == 1) {
		f = any_frame(&audit_policy_ops, in);
		return ask(told.owed, &audit_policy_ops, &f);
	}
	how = take_u8(in);
	if (what % 8 == 7)
		return policy_tells_chain(how);
	if (what % 8 < 3)
		return policy_grants(how, take_u8(in));
	if (what % 8 < 4)
		return policy_has_task(how);
	if (what % 8 < 6)
		return policy_changes(how, take_u8(in));
	return policy_records(how, take_u8(in));
}

/* ---- hi2 ---- */

static bool
hi2_asks(uint16_t type, uint32_t id, const struct wr *w)
{
	const struct frame f = {type, id, written(w)};

	return ask(told.hi2_owed, &audit_hi2_ops, &f);
}

static bool
hi2_has_task(uint8_t what, uint8_t id)
{
	const struct msg_hi2_task m = {.kind = what & 1 ? HI2_TASK_SIGN
							: HI2_TASK_UNWRAP,
	    .key = what >> 1,
	    .octets = text("octets")};
	struct wr w = body();

	msg_hi2_task_put(&w, &m);
	return hi2_asks(MSG_HI2_TASK, id, &w);
}

static bool
hi2_notes(uint8_t what, uint8_t id)
{
	const struct msg_hi2_note m = {.kind = (enum hi2_note_kind)(
					   what % HI2_NOTE__MAX),
	    .lemf = text("police"),
	    .n = what,
	    .text = text((what & 16) != 0 ? "why" : "")};
	struct wr w = body();

	msg_hi2_note_put(&w, &m);
	return hi2_asks(MSG_HI2_NOTE, id, &w);
}

bool
by_hi2(uint8_t what, struct rd *in)
{
	struct frame f;
	uint8_t how;

	if (process.hi2 == NULL) {
		process.hi2 = channel_open();
		return true;
	}
	if (what == 0) {
		memset(told.hi2_owed, 0, sizeof(told.hi2_owed));
		audit_hi2_ops.closed(&process, process.hi2);
		return true;
	}
	if (what == 1) {
		f = any_frame(&audit_hi2_ops, in);
		return ask(told.hi2_owed, &audit_hi2_ops, &f);
	}
	how = take_u8(in);
	return what % 2 == 0 ? hi2_has_task(how, take_u8(in))
			     : hi2_notes(how, take_u8(in));
}
