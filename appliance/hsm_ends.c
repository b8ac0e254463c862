/* Whether the token may be gone on with, and how a worker ends if not. */
#include <assert.h>
#include <string.h>
#include <unistd.h>

#include "appliance/ctl.h"
#include "appliance/hsm_proc.h"
#include "appliance/hsm_watch.h"
#include "appliance/proto_health.h"
#include "base/clock.h"
#include "base/log.h"

/* One layout for the two. */
static_assert(HSM_PIN_WAS_LOW == HEALTH_PIN_WAS_LOW &&
	HSM_PIN_COUNT_LOW == HEALTH_PIN_COUNT_LOW &&
	HSM_PIN_FINAL_TRY == HEALTH_PIN_FINAL_TRY &&
	HSM_PIN_LOCKED == HEALTH_PIN_LOCKED &&
	HSM_PIN_TO_BE_CHANGED == HEALTH_PIN_TO_BE_CHANGED,
    "what a token says of its PIN");

/* As far as it can be sent at once: audit sees in any case that it has gone. */
static void
tell_audit(struct hsm_proc *p, enum err rc, const struct why *why)
{
	struct wr w;

	if (p->audit == NULL ||
	    ipc_begin(p->audit, MSG_WORKER_ENDS, 0, sizeof(why->text) + 8,
		&w) != ERR_OK)
		return;
	msg_error_put(&w, rc, why->text);
	if (ipc_commit(p->audit, &w) != ERR_OK || ipc_flush(p->audit) != ERR_OK)
		log_debug("audit is not told why");
}

_Noreturn void
hsm_end(struct hsm_proc *p, enum err rc, const struct why *why)
{
	(void)hsm_drop_pending(p);
	tell_audit(p, rc, why);
	if (rc == ERR_OK)
		_exit(0);
	ctl_fail(rc, why);
}

_Noreturn void
hsm_token_failed(struct hsm_proc *p, const char *doing)
{
	struct why why;
	const enum err rc = hsm_failed(doing, &why);

	hsm_end(p, rc, &why);
}

/* ---- the self-test ---- */

void
hsm_self_test(struct hsm_proc *p)
{
	struct why why = {""};
	enum err rc;

	hsm_watch_work();
	rc = hsm_known_try(p->known_answers, p->token, &why);
	if (rc != ERR_OK)
		hsm_end(p, rc, &why);
	if (hsm_look_at_pin(p->token) != ERR_OK)
		hsm_token_failed(p, "the self-test");
	hsm_watch_done();
	hsm_watch_tested(hsm_info(p->token)->pin);
	p->tested_ms = clock_uptime_ms();
}

void
hsm_doubt_token(struct hsm_proc *p)
{
	struct why why = {""};
	enum err rc;

	hsm_watch_work();
	rc = hsm_known_doubt(p->known_answers, p->token, &why);
	if (rc != ERR_OK)
		hsm_end(p, rc, &why);
	hsm_watch_done();
}

int64_t
hsm_self_test_due(const struct hsm_proc *p)
{
	return p->tested_ms + HSM_SELF_TEST_MS;
}
