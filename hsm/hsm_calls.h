/*
 * hsm_calls: which call into the token is under way, and how long the last ones
 * took.  One for the process, as the token has one caller at a time; each
 * function may be called by any thread and waits for no call.
 */
#ifndef HSM_HSM_CALLS_H
#define HSM_HSM_CALLS_H

#include <stdint.h>

/* `name` is a literal: "C_Sign". */
void hsm_call_begins(const char *name);
void hsm_call_ended(void);

/*
 * The call that is under way since since_ms (CLOCK_MONOTONIC), or NULL.  The
 * view is good for ever.
 */
const char *hsm_call_now(int64_t *since_ms);

/* Calls of this time and of the one before, as hsm_calls_turn() parts them. */
struct hsm_latency {
	uint32_t n; /* how many */
	uint32_t p50_us; /* half of them took no longer; within a quarter */
	uint32_t max_us;
};
void hsm_calls_latency(struct hsm_latency *out);
/* A new time begins; the one before the last is forgotten. */
void hsm_calls_turn(void);

#endif
