/*
 * hsm_watch: a thread beside one that calls the token, which may not come
 * back.  It ends the process when a call, or what the loop does, takes too
 * long: the supervisor hears why and starts a fresh one.  And it tells the
 * supervisor every other second how the token does, so that a process that
 * stands still as a whole is noticed there.
 */
#ifndef APPLIANCE_HSM_WATCH_H
#define APPLIANCE_HSM_WATCH_H

#include <stdint.h>

/*
 * Once, before the process's filter, and after what must have a process of one
 * thread: until then an alarm() is the deadline.
 */
void hsm_watch_start(uint32_t call_seconds, uint32_t job_seconds);

/*
 * Between these two the loop does something that must end in job_seconds; what
 * is nested counts for the outermost.
 */
void hsm_watch_work(void);
void hsm_watch_done(void);

/* So often the token is tried, by whoever has it open. */
#define HSM_SELF_TEST_MS 60000

/* The self-test has passed; `pin`: HSM_PIN_.  Calls are counted anew. */
void hsm_watch_tested(uint8_t pin);

/* It is READY: from now on it tells how the token does. */
void hsm_watch_ready(void);

#endif
