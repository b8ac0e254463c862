/* hsm_proc: what the files of the hsm worker process share. */
#ifndef APPLIANCE_HSM_PROC_H
#define APPLIANCE_HSM_PROC_H

#include "appliance/kms_state.h"
#include "appliance/hsm_login.h"
#include "appliance/hsm_run.h"
#include "appliance/proto_df2.h"
#include "base/ipc.h"
#include "hsm/hsm.h"
#include "hsm/hsm_known.h"
#include "policy/subscriber.h"
#include "policy/authority.h"
#include "policy/clock_guard.h"

#define HSM_PENDING 64
#define HSM_WARRANTS_KEPT 64

/* A warrant whose signatures this worker has verified itself. */
struct known_warrant {
	uint64_t number; /* of the change by which it was entered */
	uint8_t evidence[DIGEST_LEN]; /* SHA-256 of what was verified */
	struct warrant *w; /* NULL: free */
	unsigned voidings; /* how often signatures had been declared void */
	unsigned users; /* pending releases that still judge by it */
	uint64_t used;
};

/* A finished job that waits for word that its outcome is on disk. */
struct pending {
	bool used;
	bool ended; /* its OUTCOME is sent: DURABLE may come */
	uint32_t audit_id;
	enum route route;
	struct ticket ticket;
	unsigned taker; /* generation of who gets the answer */
	enum xk_reason reason;
	uint32_t n_keys;
	struct secret *answer; /* body of MSG_ANSWER; NULL when refused */
	struct known_warrant *warrant;
	uint64_t number; /* of its change */
	uint64_t record; /* number of the subscriber's */
	bool fetched; /* another appliance makes the keys */
	uint32_t fetch_id; /* of that, never used twice by this process */
	int64_t deadline_ms; /* of that: CLOCK_MONOTONIC */
	uint8_t client[MAX_NAME], target[MAX_PUBLIC_ID], liid[MAX_LIID];
	struct ask ask; /* views into the three above */
};

/* A WORK that no thread is free for. */
struct job_body {
	uint32_t audit_id;
	unsigned taker[ROUTE__MAX]; /* generations when it came */
	uint8_t *body;
	size_t len;
};

struct hsm_proc {
	struct hsm_place at;
	int state_fd, pin_fd, so_pin_fd, new_state_fd, head_fd;
	bool serving;
	struct hsm *token;
	struct ibe *ibe; /* the loop's own: self-test, private keys */
	struct hsm_known *known_answers; /* of the self-test */
	int64_t tested_ms; /* when it passed last: CLOCK_MONOTONIC */
	struct hsm_run *run;
	uint8_t *state_octets;
	size_t state_len;
	struct kms_state state;
	struct authority *authority;
	bool current; /* it reaches the head that was sealed last */
	unsigned voidings;
	struct clock_guard time;
	int64_t head_time; /* when the sealed head was written last */
	struct ipc_chan *audit;
	/* who gets keys: xk, hi2; which one of them it is */
	struct ipc_chan *taker[ROUTE__MAX];
	unsigned taker_generation[ROUTE__MAX];
	unsigned audit_generation;
	struct ipc_chan *xkc; /* asks another appliance for keys; may be NULL */
	uint32_t fetch_id; /* the last one */
	struct job_body waiting[MAX_WORKER_JOBS];
	unsigned n_waiting;
	struct known_warrant known[HSM_WARRANTS_KEPT];
	uint64_t clock;
	struct pending pending[HSM_PENDING];
};

/* ---- hsm_ends.c ---- */

/*
 * End the process: audit and the supervisor hear why.  ERR_PIN stops all login,
 * ERR_MISMATCH is an alarm in the log, ERR_OK is by request.
 */
_Noreturn void hsm_end(struct hsm_proc *, enum err, const struct why *);

/* The token has failed in `doing`, and is not to be trusted any longer. */
_Noreturn void hsm_token_failed(struct hsm_proc *, const char *doing);

/* Try the token with what is known; ends the process if it does not pass. */
void hsm_self_test(struct hsm_proc *);
/* The same, of what a request for keys uses. */
void hsm_doubt_token(struct hsm_proc *);
/* When the next one is due: CLOCK_MONOTONIC. */
int64_t hsm_self_test_due(const struct hsm_proc *);

/* ---- hsm_work.c ---- */
enum err hsm_on_work(void *ctx, const struct ipc_frame *);

/* Report what the threads have ended, and start what waits. */
enum err hsm_take_results(struct hsm_proc *) MUST_CHECK;
/* The outcome is on disk: what may go out goes (hsm_release.c). */
enum err hsm_on_durable(void *ctx, const struct ipc_frame *);
/* May it go out now?  Asked once before the token is used, once after. */
enum xk_reason hsm_covered(struct hsm_proc *, const struct pending *);
struct pending *hsm_find_pending(struct hsm_proc *, uint32_t audit_id);
void hsm_end_pending(struct pending *);
enum err hsm_send_outcome(struct hsm_proc *, uint16_t type, uint32_t id,
    enum xk_reason, uint32_t n_keys) MUST_CHECK;
/* How many there were. */
unsigned hsm_drop_pending(struct hsm_proc *);

/* ---- hsm_fetch.c: keys that another appliance makes ---- */

/* Ask for them; ERR_CLOSED: there is nobody to ask. */
enum err hsm_fetch(struct hsm_proc *, struct pending *) MUST_CHECK;
/* A new channel to the process that asks, or NULL. */
void hsm_fetch_via(struct hsm_proc *, struct ipc_chan *);
/* What has come in on it. */
void hsm_fetch_serve(struct hsm_proc *);
/* End what has taken too long; the earliest deadline of the others, or -1. */
int64_t hsm_fetch_tick(struct hsm_proc *);

/* ---- hsm_state.c ---- */

/*
 * Read kms-state, be sure that the token sealed it, and learn how the token
 * multiplies and what it is to answer.  Its keys have been found.
 * ERR_MALFORMED: they do not belong together, or it is damaged.
 */
enum err hsm_load_state(struct hsm_proc *, struct why *) MUST_CHECK;

/* ---- hsm_learn.c: the warrant state ---- */
enum err hsm_on_learn(void *ctx, const struct ipc_frame *);

/* Back to what init fixed; the process ends if that is not to be had. */
void hsm_forget_state(struct hsm_proc *);

/* The time to judge by; false: the clock has stepped back. */
bool hsm_now(struct hsm_proc *, int64_t *now);

/* ---- hsm_head.c: the highest head, sealed by a token key ---- */
struct sealed_head {
	struct head head;
	int64_t time; /* it was this late when it was written */
	uint8_t seal[HSM_SEAL_LEN];
};

/* The file's last; ERR_MALFORMED: none with this token's seal. */
enum err hsm_head_read(struct hsm_proc *, struct sealed_head *out,
    struct why *) MUST_CHECK;

/*
 * Seal a head and have it on disk.  One that is below the file's last is
 * ERR_MISMATCH.
 */
enum err hsm_head_write(struct hsm_proc *, const struct head *, int64_t time,
    struct sealed_head *out, struct why *) MUST_CHECK;

/* The first, into an empty file. */
enum err hsm_head_create(struct hsm_proc *, const struct head *, int64_t time,
    struct why *) MUST_CHECK;

/* ---- hsm_task.c ---- */
enum err hsm_on_task(void *ctx, const struct ipc_frame *);

/* ---- hsm_seal.c: keys for LEMFs ---- */

/*
 * How the keys of m->answer go to each LEMF of m->to, by the certificates of
 * the warrant state: fills the rest, and empties `answer` if nobody gets them
 * in clear.  `reason` becomes XK_UNSUPPORTED if nobody gets any.  The views
 * live until the next call.
 */
void hsm_seal_keys(struct hsm_proc *, struct msg_hi2_keys *m);

/* ---- hsm_queue.c: what delivery over HI2 asks of the token ---- */
enum err hsm_on_hi2_task(void *ctx, const struct ipc_frame *);

/* ---- hsm_init.c ---- */

/* `keywarden init`: make the keys, write the sealed state, and end. */
void hsm_ceremony(void *ctx, struct rd order);

/* ---- hsm_probe.c ---- */

/* `keywarden token probe`: try the token, tell what was seen, and end. */
void hsm_probe(void *ctx, struct rd order);

#endif
