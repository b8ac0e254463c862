/*
 * The bodies of all messages between processes: the first octet tells which.
 * What is read is written again as the same octets.
 */
#include <stdlib.h>
#include <string.h>

#include "appliance/proto_health.h"
#include "appliance/proto_hi2.h"
#include "appliance/proto_intake.h"
#include "appliance/proto_probe.h"
#include "fuzz.h"

/* Read into memory that holds no zeros by chance; false if malformed. */
#define AGAIN(name) \
	static bool name##_again(struct rd in, struct wr *w) \
	{ \
		static struct name m; \
		memset(&m, 0xa5, sizeof(m)); \
		if (name##_get(in, &m) != ERR_OK) \
			return false; \
		name##_put(w, &m); \
		return true; \
	}

AGAIN(msg_ask)
AGAIN(msg_refuse)
AGAIN(msg_note)
AGAIN(msg_done)
AGAIN(msg_changed)
AGAIN(msg_learnt)
AGAIN(msg_outcome)
AGAIN(msg_task)
AGAIN(msg_result)
AGAIN(task_subscriber)
AGAIN(task_subscriber_result)
AGAIN(task_key)
AGAIN(task_key_result)
AGAIN(cli_key_issue)
AGAIN(xk_settings)
AGAIN(policy_settings)
AGAIN(hsm_settings)
AGAIN(init_order)
AGAIN(audit_settings)
AGAIN(msg_service)
AGAIN(msg_x2_legs)
AGAIN(msg_x2_ended)
AGAIN(msg_stored)
AGAIN(msg_counts)
AGAIN(x2_settings)
AGAIN(hi2_settings)
AGAIN(msg_link)
AGAIN(msg_upto)
AGAIN(msg_hi2_done)
AGAIN(msg_delivery)
AGAIN(hi2c_settings)
AGAIN(msg_intake_gone)
AGAIN(health)
AGAIN(msg_workers)
AGAIN(probe_order)
AGAIN(probe_token)
AGAIN(probe_ended)
AGAIN(msg_crl)
AGAIN(msg_crls)
AGAIN(xkc_settings)
AGAIN(msg_fetch)

/* The same for those that say beforehand how long they are. */
#define AGAIN_MEASURED(name) \
	static bool name##_again(struct rd in, struct wr *w) \
	{ \
		static struct name m; \
		memset(&m, 0xa5, sizeof(m)); \
		if (name##_get(in, &m) != ERR_OK) \
			return false; \
		MUST(name##_max(&m) == in.left); \
		name##_put(w, &m); \
		return true; \
	}

AGAIN_MEASURED(msg_x2_ask)
AGAIN_MEASURED(msg_content)
AGAIN_MEASURED(msg_hi2_keys)
AGAIN_MEASURED(msg_hi2_order)
AGAIN_MEASURED(msg_deliver)
AGAIN_MEASURED(msg_hi2_task)
AGAIN_MEASURED(msg_do_hi2_task)
AGAIN_MEASURED(msg_hi2_note)
AGAIN_MEASURED(msg_intake)
AGAIN_MEASURED(msg_intake_back)
AGAIN_MEASURED(msg_mikey)
AGAIN_MEASURED(msg_fetched)

static bool
msg_work_again(struct rd in, struct wr *w)
{
	struct msg_work m;

	if (msg_work_get(in, &m) != ERR_OK)
		return false;
	MUST(m.intent.left > MAX_AUDIT_LEAF || msg_work_max(&m) >= in.left);
	msg_work_put(w, &m);
	return true;
}

/* Changes to the last octet; how many. */
static unsigned
count_changes(struct rd whole, struct rd in)
{
	struct change c;
	unsigned n = 0;

	must_be_within(whole, in);
	for (; in.left > 0; n++) {
		MUST(change_get(&in, &c) == ERR_OK);
		MUST(c.number > 0 && c.kind < REQUEST__MAX);
		must_be_within(whole, c.request);
		must_be_within(whole, c.evidence);
	}
	return n;
}

static bool
msg_chain_again(struct rd in, struct wr *w)
{
	struct msg_chain m;

	if (msg_chain_get(in, &m) != ERR_OK)
		return false;
	(void)count_changes(in, m.changes);
	msg_chain_put(w, &m);
	return true;
}

static bool
msg_learn_again(struct rd in, struct wr *w)
{
	struct msg_learn m;

	if (msg_learn_get(in, &m) != ERR_OK)
		return false;
	(void)count_changes(in, m.changes);
	msg_learn_put(w, &m);
	return true;
}

static bool
msg_change_again(struct rd in, struct wr *w)
{
	struct msg_change m;

	if (msg_change_get(in, &m) != ERR_OK)
		return false;
	MUST(count_changes(in, m.change) == 1);
	msg_change_put(w, &m);
	return true;
}

/* The changes themselves, written field by field. */
static bool
changes_again(struct rd in, struct wr *w)
{
	struct change c;

	while (in.left > 0) {
		if (change_get(&in, &c) != ERR_OK)
			return false;
		change_put(w, &c);
	}
	return true;
}

static bool
msg_client_again(struct rd in, struct wr *w)
{
	struct client_proof m;

	memset(&m, 0xa5, sizeof(m));
	if (msg_client_get(in, &m) != ERR_OK)
		return false;
	MUST(m.hash < CLIENT_HASH__MAX);
	MUST(msg_client_max(&m) == in.left);
	msg_client_put(w, &m);
	return true;
}

static bool
msg_answer_again(struct rd in, struct wr *w)
{
	static struct xk_get_keys_response k;
	uint64_t epoch;

	if (msg_answer_get(in, &epoch, &k) != ERR_OK)
		return false;
	MUST(k.n_keys >= 1 && k.n_keys <= MAX_CS);
	MUST(msg_answer_max(&k) >= in.left);
	msg_answer_put(w, epoch, &k);
	return true;
}

static bool
msg_hi2_ended_again(struct rd in, struct wr *w)
{
	enum err e;

	if (msg_hi2_ended_get(in, &e) != ERR_OK)
		return false;
	MUST(e < ERR__MAX);
	msg_hi2_ended_put(w, e);
	return true;
}

/* One behind the other, to the last octet. */
static bool
intake_done_again(struct rd in, struct wr *w)
{
	struct intake_done d;

	while (in.left > 0) {
		if (intake_done_get(&in, &d) != ERR_OK)
			return false;
		intake_done_put(w, &d);
	}
	return true;
}

static bool
msg_error_again(struct rd in, struct wr *w)
{
	struct rd text;
	enum err e;
	char *s;

	if (msg_error_get(in, &e, &text) != ERR_OK)
		return false;
	MUST(err_str(e) != NULL);
	s = take_text(text);
	/* The writer takes C strings. */
	if (strlen(s) != text.left) {
		free(s);
		return false;
	}
	msg_error_put(w, e, s);
	free(s);
	return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool (*const again[])(struct rd, struct wr *) = {msg_ask_again,
	    msg_refuse_again, msg_note_again, msg_work_again, msg_done_again,
	    msg_change_again, msg_outcome_again, msg_task_again,
	    msg_result_again, task_subscriber_again,
	    task_subscriber_result_again, task_key_again, task_key_result_again,
	    cli_key_issue_again, msg_answer_again, msg_error_again,
	    xk_settings_again, policy_settings_again, hsm_settings_again,
	    init_order_again, audit_settings_again, msg_service_again,
	    msg_client_again, msg_changed_again, msg_chain_again,
	    msg_learn_again, msg_learnt_again, changes_again, msg_x2_ask_again,
	    msg_x2_legs_again, msg_x2_ended_again, msg_content_again,
	    msg_stored_again, msg_hi2_keys_again, msg_hi2_order_again,
	    msg_counts_again, x2_settings_again, hi2_settings_again,
	    msg_link_again, msg_upto_again, msg_hi2_done_again,
	    msg_delivery_again, hi2c_settings_again, msg_deliver_again,
	    msg_hi2_task_again, msg_do_hi2_task_again, msg_hi2_note_again,
	    msg_intake_again, msg_intake_gone_again, msg_intake_back_again,
	    msg_crl_again, msg_crls_again, health_again, msg_workers_again,
	    probe_order_again, probe_token_again, probe_ended_again,
	    xkc_settings_again, msg_fetch_again, msg_mikey_again,
	    msg_fetched_again, msg_hi2_ended_again, intake_done_again};
	static uint8_t buf[1 << 20];
	struct rd in;
	struct wr w;
	size_t which;

	rd_init(&in, data, size);
	which = take_u8(&in) % (sizeof(again) / sizeof(again[0]));
	wr_init(&w, buf, sizeof(buf));
	if (again[which](in, &w))
		must_have_written(&w, in);
	return 0;
}
