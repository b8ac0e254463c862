/*
 * x2_asks: the tickets of x2.  A ticket is one thing that was seen and of
 * which warrants want a record: a set of MIKEY messages, or a SIP message.
 * hi2 gets its content, policy is asked, and the ticket ends when each leg has
 * its record on disk, or never will.
 *
 * No clock and no socket: time comes in, messages go out through functions.
 */
#ifndef APPLIANCE_X2_ASKS_H
#define APPLIANCE_X2_ASKS_H

#include "appliance/proto_df2.h"
#include "appliance/x2_told.h"

#define X2_TICKETS 65536
#define X2_WORD_MS 10000 /* how long a leg may be silent */
#define X2_BACKOFF_FIRST_MS 500
#define X2_BACKOFF_MOST_MS 10000

struct x2_asks;

/* What a ticket is for.  The views are copied. */
struct x2_matter {
	enum x2_ask_kind kind;
	uint8_t xid[XID_LEN];
	uint64_t exchange; /* KEYS: its number in the table of calls */
	uint8_t same[X2_SAME_LEN]; /* KEYS: digest of its messages */
	bool again; /* KEYS: asked before; later warrants are meant too */
	enum xk_reason call_reason; /* KEYS, as in msg_x2_ask */
	struct rd call;
	/* KEYS that another appliance makes: their msg_mikey, as put; else
	 * empty. */
	struct rd mikey;
	struct msg_content content; /* its epoch is filled in */
	unsigned n_done; /* legs that have their record from an x2 before */
	const uint64_t *done;
};

/*
 * Messages out.  False: not now (there is nobody, or he does not read), and it
 * will be tried again.
 */
struct x2_asks_ops {
	bool (*content)(void *ctx, uint32_t id, const struct msg_content *);
	bool (*ask)(void *ctx, uint32_t id, const struct msg_x2_ask *);
	bool (*gone)(void *ctx, uint32_t id);
	/* Of the call that the content names in the journal, if it does. */
	void (*hold)(void *ctx, uint64_t call);
	void (*release)(void *ctx, uint64_t call);
	/* Is it in the table of calls still? */
	bool (*lives)(void *ctx, uint64_t exchange);
	/*
	 * Begin a ticket for it again, unless its call is over.  False: it is
	 * there no longer.
	 */
	bool (*again)(void *ctx, uint64_t exchange);
	/*
	 * To xkc, if there are tickets with messages: a msg_mikey.  If it
	 * does not get them the keys are unavailable, and asked for again.
	 */
	void (*mikey)(void *ctx, uint32_t id, struct rd body);
	void (*mikey_gone)(void *ctx, uint32_t id);
};

struct x2_asks_limits {
	size_t octets; /* of all tickets, with what is needed to hold them */
	int64_t retry_ms; /* how long a service is looked for */
};

struct x2_asks_counts {
	uint64_t waiting; /* tickets now */
	uint64_t stored, refused, given_up; /* legs */
};

/* `exchanges`: how many are remembered when their ticket has ended. */
enum err x2_asks_new(const struct x2_asks_limits *, unsigned exchanges,
    uint64_t epoch, const struct x2_asks_ops *, void *ctx,
    struct x2_asks **out) MUST_CHECK;
void x2_asks_free(struct x2_asks **);
void x2_asks_limit(struct x2_asks *, const struct x2_asks_limits *);
void x2_asks_count(const struct x2_asks *, struct x2_asks_counts *out);

/*
 * Is there room for what the next PDU may bring?  If not, none is taken, and
 * x2_asks_begin() is not called.
 */
bool x2_asks_room(const struct x2_asks *);

/*
 * A new ticket: its messages leave at once where they can.  KEYS of an
 * exchange that has a ticket are asked again after that.  ERR_FULL, ERR_NOMEM
 * change nothing.
 */
enum err x2_asks_begin(struct x2_asks *, const struct x2_matter *,
    int64_t now) MUST_CHECK;

/* What is said of a ticket; of another epoch, or of none: nothing happens. */
void x2_asks_legs(struct x2_asks *, uint32_t id, const struct msg_x2_legs *,
    int64_t now);
void x2_asks_ended(struct x2_asks *, uint32_t id, const struct msg_x2_ended *,
    int64_t now);
void x2_asks_stored(struct x2_asks *, uint32_t id, const struct msg_stored *,
    int64_t now);

/* What is not done waits for the next policy. */
void x2_asks_policy_left(struct x2_asks *);
/* A new policy: everything is asked again, exchanges that are up too. */
void x2_asks_policy_joined(struct x2_asks *, int64_t now);
/* Contents are lost; what is not done waits for the next hi2. */
void x2_asks_hi2_left(struct x2_asks *);
/* A new hi2: contents are sent again, and what is not done is asked again. */
void x2_asks_hi2_joined(struct x2_asks *, int64_t now);

/* A new xkc: it gets the messages of what is not done. */
void x2_asks_xkc_joined(struct x2_asks *);

/*
 * A warrant came later for this XID (NULL: for any): its exchanges are asked
 * again, when there is room, for what is not done of them.
 */
void x2_asks_again(struct x2_asks *, const uint8_t *xid);

/* A few times a second. */
void x2_asks_tick(struct x2_asks *, int64_t now);

#endif
