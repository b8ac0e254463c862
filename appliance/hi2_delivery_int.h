/* hi2_delivery_int: delivery as its own files see it. */
#ifndef APPLIANCE_HI2_DELIVERY_INT_H
#define APPLIANCE_HI2_DELIVERY_INT_H

#include "appliance/hi2_delivery.h"
#include "hi2/deliver.h"

/* Given, and not delivered. */
struct given {
	uint64_t number;
	uint32_t octets;
};

enum drop_state {
	DROP_NONE,
	DROP_ASKED, /* the log is to have it first */
	DROP_GRANTED /* with the next transaction */
};

struct line {
	char name[MAX_NAME + 1];
	int at; /* in the spool; -1: no record has been for it yet */
	int slot; /* of its process; -1: none is connected to it */
	bool known; /* in the configuration */
	uint64_t most_octets; /* 0: no bound */
	int64_t most_seconds; /* 0: no bound */
	int64_t dead_ms;

	/* the connection */
	enum link_state state;
	uint32_t epoch; /* 0: records are not taken */
	int64_t since; /* UTC, of the state */
	bool proved; /* something was delivered on it */
	int64_t away; /* ms, since when it is missed; -1: it is not */
	char text[MAX_LINK_TEXT + 1];

	/* what it has: given[first] to given[end - 1], modulo their number */
	struct given *given; /* DELIVER_WINDOW_RECORDS; NULL: none yet */
	uint64_t first, sent, end;
	uint64_t octets;
	uint64_t next; /* number of the record that is given next */
	uint64_t needs; /* a data key; 0: none */
	bool full; /* it took no more, until something changes */
	bool paused; /* until the next tick, after a failure */

	/* what is to leave the queue, with the next transaction */
	uint64_t done, done_octets, done_from, done_upto;
	int64_t done_since; /* ms */
	enum drop_state drop;
	uint64_t drop_from;
	struct spool_extent dropping;
	bool dropped; /* some of it, and perhaps not enough */
	bool damage;
	uint64_t damage_from;
	struct spool_extent damaged;

	/* for the log, and for people */
	unsigned wanted; /* bits 1 << enum hi2_note_kind */
	uint32_t noting; /* id of the note that is not answered; 0: none */
	enum hi2_note_kind note;
	uint64_t set_aside; /* not in the log yet */
	bool dead, nearly_full;
	int64_t oldest; /* UTC */
};

#define ASKS_MAX 2 /* data keys asked for at once */

struct delivery {
	struct spool *spool;
	const struct delivery_ops *ops;
	void *ctx;
	struct line **line;
	unsigned n, cap;
	unsigned n_placed; /* LEMFs of the queue that have their lines */
	unsigned turn; /* who is first */
	int64_t remove_at; /* ms; not before, after a failure */
	uint64_t asked[ASKS_MAX]; /* 0: none */
	int64_t ask_at, backoff; /* ms; 0: the last one came */
	uint32_t note_id;
};

/* What was given as the ith of all on this connection. */
static inline struct given *
delivery_at(const struct line *l, uint64_t i)
{
	return &l->given[i % DELIVER_WINDOW_RECORDS];
}

/* How the line stands in the queue; all 0 if it has none. */
void delivery_standing(const struct delivery *, const struct line *,
    struct spool_lemf *out);
/* Those that the queue knows get lines, and lines their places; ERR_NOMEM. */
enum err delivery_find_places(struct delivery *, struct moment) MUST_CHECK;
/* The first number that is not delivered. */
uint64_t delivery_first(const struct line *);

/* hi2_delivery_bounds.c */
void delivery_miss(struct delivery *, struct line *, struct moment);
void delivery_want(struct line *, enum hi2_note_kind);
void delivery_say(struct delivery *, struct line *);
enum err delivery_bound(struct delivery *, struct line *, struct moment,
    struct why *why) MUST_CHECK;

#endif
