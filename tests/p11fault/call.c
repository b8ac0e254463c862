/* call: what happens to a call before and after the real module has it. */
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "p11fault.h"
#include "state.h"

#define EXIT_STATUS 1
#define DER_SEQUENCE 0x30

/* The environment may name other files at each C_Initialize. */
static enum err
settings_read(struct why *why)
{
	static struct script script; /* too big for the stack of a thread */
	const char *path = getenv("KW_P11_SCRIPT");
	const char *state = getenv("KW_P11_STATE");
	enum err rc;

	if ((rc = server_set(getenv("KW_P11_SERVER"), why)) != ERR_OK)
		return rc;
	if ((rc = trace_open(getenv("KW_P11_TRACE"), why)) != ERR_OK)
		return rc;
	pin_set_path(state);
	script.n = 0;
	if (path != NULL && *path != '\0')
		rc = script_read(path, &script, why);
	if (rc != ERR_OK)
		script.n = 0;
	rules_set(&script);
	if (rules_any(ACT_PIN_LOCK) && (state == NULL || *state == '\0'))
		rc = why_set(why, ERR_NOTFOUND,
		    "%s: pin-lock needs KW_P11_STATE", path);
	return rc;
}

/*
 * The script is read for the first call of all, so that it can have rules for
 * C_GetFunctionList, and at each C_Initialize, which then says what is wrong.
 */
static CK_RV
wake(enum fn fn)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static bool awake;
	const bool init = fn == FN_C_Initialize && !state_initialized();
	struct why why = {""};
	enum err rc = ERR_OK;

	pthread_mutex_lock(&lock);
	if (!awake || init)
		rc = settings_read(&why);
	awake = true;
	if (init) {
		state_reset();
		if (rc == ERR_OK)
			rc = real_open(getenv("KW_P11_REAL"), &why);
	}
	pthread_mutex_unlock(&lock);
	if (init && rc != ERR_OK) {
		(void)fprintf(stderr, "p11fault: %s\n", why.text);
		return CKR_GENERAL_ERROR;
	}
	if (real_list == NULL && fn != FN_C_GetFunctionList)
		return CKR_CRYPTOKI_NOT_INITIALIZED;
	return CKR_OK;
}

/* By poll(2), which a filter that lets a process wait at all lets through. */
static void
sleep_ms(unsigned long ms)
{
	struct timespec t;
	long long left = (long long)ms, until;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	until = left + t.tv_sec * 1000LL + t.tv_nsec / 1000000;
	while (left > 0) {
		(void)poll(NULL, 0, left < INT_MAX ? (int)left : INT_MAX);
		(void)clock_gettime(CLOCK_MONOTONIC, &t);
		left = until - t.tv_sec * 1000LL - t.tv_nsec / 1000000;
	}
}

static bool
play_rv(struct call *c, const struct rule *r, CK_RV *rv)
{
	(void)c;
	*rv = r->arg;
	return false;
}

static bool
play_after(struct call *c, const struct rule *r, CK_RV *rv)
{
	(void)rv;
	c->has_after = true;
	c->after = r->arg;
	return true;
}

static bool
play_hang(struct call *c, const struct rule *r, CK_RV *rv)
{
	if (r->arg == RULE_NO_ARG) {
		trace_line(c, "hang"); /* there will be no other line */
		for (;;)
			(void)poll(NULL, 0, -1);
	}
	sleep_ms(r->arg);
	*rv = CKR_DEVICE_ERROR; /* what a driver says when it gives up */
	return false;
}

static bool
play_exit(struct call *c, const struct rule *r, CK_RV *rv)
{
	(void)r;
	(void)rv;
	trace_line(c, "exit");
	_exit(EXIT_STATUS);
}

static bool
play_slow(struct call *c, const struct rule *r, CK_RV *rv)
{
	(void)c;
	(void)rv;
	sleep_ms(r->arg);
	return true;
}

/* The rest change what the token knows; refusal() then looks at this call. */
static bool
play_state(struct call *c, const struct rule *r, CK_RV *rv)
{
	(void)c;
	(void)rv;
	if (!state_initialized() && r->action != ACT_REMOVE_DEVICE)
		return true; /* nothing there to forget */
	if (r->action == ACT_DROP_SESSIONS)
		state_drop_sessions(0);
	else if (r->action == ACT_REMOVE_DEVICE)
		state_remove_device();
	else if (r->action == ACT_NOT_LOGGED_IN)
		state_log_out();
	else
		state_make_stale();
	return true;
}

/* False when the event has answered the call itself. */
static bool (*const play[ACT__TRAITS])(struct call *, const struct rule *,
    CK_RV *) = {
    [ACT_RV] = play_rv,
    [ACT_AFTER] = play_after,
    [ACT_HANG] = play_hang,
    [ACT_EXIT] = play_exit,
    [ACT_SLOW] = play_slow,
    [ACT_DROP_SESSIONS] = play_state,
    [ACT_REMOVE_DEVICE] = play_state,
    [ACT_NOT_LOGGED_IN] = play_state,
    [ACT_STALE_HANDLES] = play_state,
};

/* The library stays when the device goes. */
static bool
needs_no_device(enum fn fn)
{
	return fn == FN_C_Initialize || fn == FN_C_Finalize ||
	    fn == FN_C_GetFunctionList;
}

static bool
has_explicit_params(const struct call *c)
{
	for (CK_ULONG i = 0; c->params_t != NULL && i < c->params_n; i++) {
		const CK_ATTRIBUTE *a = &c->params_t[i];

		if (a->type == CKA_EC_PARAMS && a->pValue != NULL &&
		    a->ulValueLen > 0 &&
		    *(const CK_BYTE *)a->pValue == DER_SEQUENCE)
			return true;
	}
	return false;
}

/* What the token as it now is answers without doing anything, or CKR_OK. */
static CK_RV
refusal(const struct call *c)
{
	unsigned long unused;

	if (state_removed() && !needs_no_device(c->fn))
		return CKR_DEVICE_REMOVED;
	if (c->has_session && state_session_dead(c->session))
		return CKR_SESSION_HANDLE_INVALID;
	if (c->uses_key && state_logged_out())
		return CKR_USER_NOT_LOGGED_IN;
	for (size_t i = 0; i < 2; i++)
		if (c->object[i].handle != CK_INVALID_HANDLE &&
		    state_stale(c->object[i].handle))
			return c->object[i].stale;
	if (c->has_mech && rules_no_mechanism(c->fn, c->mech))
		return CKR_MECHANISM_INVALID;
	if (has_explicit_params(c) &&
	    rules_trait(ACT_NO_EXPLICIT_PARAMS, c->fn, &unused))
		return CKR_DOMAIN_PARAMS_INVALID;
	return CKR_OK;
}

bool
call_begin(struct call *c, CK_RV *rv)
{
	unsigned long idle_ms;
	struct rule r;

	if ((*rv = wake(c->fn)) != CKR_OK)
		return false;
	rules_count(c->fn);
	/* Before an event: the time of a slow= is not time of idleness. */
	if (state_initialized() && rules_trait(ACT_IDLE_DROP, c->fn, &idle_ms))
		state_drop_sessions(idle_ms);
	if (rules_event(c->fn, &r) && !play[r.action](c, &r, rv))
		return false;
	*rv = c->uses_key && !server_lets() ? CKR_DEVICE_ERROR : refusal(c);
	c->asked = *rv == CKR_OK;
	return c->asked;
}

CK_RV
call_end(struct call *c, CK_RV rv)
{
	char buf[NAMES_BUF];

	if (c->asked && c->has_session)
		state_used(c->session);
	for (size_t i = 0; i < 2 && c->asked && rv == CKR_OK; i++)
		if (c->made[i] != NULL)
			state_made(*c->made[i], NULL);
	if (c->asked && rv == CKR_OK && c->opened != NULL) {
		c->has_session = true;
		c->session = *c->opened;
	}
	if (c->has_after && c->asked)
		rv = c->after;
	trace_line(c, names_of_rv(rv, buf));
	return rv;
}
