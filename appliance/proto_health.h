/*
 * proto_health: how the token does.  A worker tells the supervisor, which
 * tells policy of all workers, for `keywarden status`; and with its last words
 * it tells audit.  Numbers of messages are in proto.h, docs/PROTOCOL.md has the
 * list.
 */
#ifndef APPLIANCE_PROTO_HEALTH_H
#define APPLIANCE_PROTO_HEALTH_H

#include "appliance/proto.h"

/* A worker says how it is this often; one that is silent for long is ended. */
#define HEALTH_MS 2000
#define HEALTH_SILENCE_MS 30000

/* MSG_CTL_HEALTH, hsm -> supervisor */
struct health {
	uint32_t calls; /* into the token, in the last minute or two */
	uint32_t p50_us, max_us; /* how long they took */
	int64_t tested; /* when the self-test passed last: seconds, UTC */
	uint8_t pin; /* HEALTH_PIN_, as the token said then */
};
#define HEALTH_PIN_WAS_LOW 1 /* a wrong one was tried before its login */
#define HEALTH_PIN_COUNT_LOW 2 /* a wrong one was tried since */
#define HEALTH_PIN_FINAL_TRY 4
#define HEALTH_PIN_LOCKED 8
#define HEALTH_PIN_TO_BE_CHANGED 16
#define HEALTH_LEN 21
void health_put(struct wr *, const struct health *);
enum err health_get(struct rd, struct health *) MUST_CHECK;

enum worker_state {
	WORKER_NONE, /* waits for the first worker to show that the PIN is right
		      */
	WORKER_STARTING,
	WORKER_SERVING,
	WORKER_WAITING, /* it has ended and is started again */
	WORKER_WRONG, /* the same, and the token had answered wrongly */
	WORKER_PIN_REFUSED, /* not started before a person acts */
	WORKER_HELD, /* the same, for another reason */
	WORKER__MAX
};
/* "serving"; never NULL. */
const char *worker_state_name(enum worker_state);

/* A worker, or the signer, which logs in as they do. */
struct worker_health {
	bool signer;
	uint8_t index; /* of a worker */
	enum worker_state state;
	uint32_t restarts; /* since keywardend was started */
	int64_t next_ms; /* when it is started again: CLOCK_MONOTONIC */
	struct health health; /* of one that serves; else zeros */
	struct rd cause; /* why the last one ended; empty: none has */
};

/* MSG_CTL_WORKERS, supervisor -> policy */
#define MAX_TOKEN_USERS (MAX_WORKERS + 1)
struct msg_workers {
	unsigned n;
	struct worker_health w[MAX_TOKEN_USERS];
};
#define MSG_WORKER_MOST (1 + 1 + 1 + 4 + 8 + HEALTH_LEN + 1 + WHY_MAX)
#define MSG_WORKERS_MOST (1 + MAX_TOKEN_USERS * MSG_WORKER_MOST)
void msg_workers_put(struct wr *, const struct msg_workers *);
enum err msg_workers_get(struct rd, struct msg_workers *) MUST_CHECK;

#endif
