/* x2_asks_int: what the files of x2_asks share. */
#ifndef APPLIANCE_X2_ASKS_INT_H
#define APPLIANCE_X2_ASKS_INT_H

#include "appliance/slots.h"
#include "appliance/x2_asks.h"

enum state {
	TICKET_DUE, /* to be asked, not before `at` */
	TICKET_ASKED, /* words are awaited until `at` */
	TICKET_ENDED /* hi2 has not been told so yet */
};

struct x2_ticket {
	struct x2_matter m; /* views into `octets` */
	uint8_t *octets;
	enum state state;
	enum x2_ask_kind kind; /* KEYS become NO_KEYS when they are given up */
	bool with_hi2; /* the hi2 that is there has the content */
	bool has_legs; /* policy has answered the last ask */
	int64_t at, since; /* since: retries are counted from then */
	int64_t backoff;
	unsigned n_done, n_open;
	uint64_t done[MAX_LEGS]; /* need nothing any more; oldest first */
	uint64_t open[MAX_LEGS];
	uint64_t failed; /* a bit for each of open[]: may be asked again */
};

struct x2_asks {
	struct slots *tickets;
	struct x2_told *told;
	struct x2_asks_limits limits;
	struct x2_asks_counts counts;
	const struct x2_asks_ops *ops;
	void *ctx;
	uint64_t epoch;
	size_t octets;
	unsigned sweep_at, again_at; /* in told */
	bool again_left; /* what is asked again waits for its own ticket */
};

/* Nothing more is to be said of a ticket. */
void x2_ticket_finish(struct x2_asks *, uint32_t id, struct x2_ticket *);

/* No service: asked again after `wait`, and not for ever. */
void x2_ticket_retry(struct x2_asks *, uint32_t id, struct x2_ticket *,
    int64_t wait, int64_t now);

#endif
