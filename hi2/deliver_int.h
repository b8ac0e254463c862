/* deliver_int: what deliver.c and deliver_ask.c share. */
#ifndef HI2_DELIVER_INT_H
#define HI2_DELIVER_INT_H

#include "hi2/deliver.h"
#include "hi2/fifo.h"
#include "hi2/integrity.h"
#include "hi2/tri.h"

/*
 * Everything that goes out has a place in the stream of octets of this
 * connection, counted from its start.  A record is safe when all before the
 * place `need` is: behind itself, or behind the integrity PDU that covers it.
 */
#define NOT_COVERED UINT64_MAX

struct record {
	uint64_t number;
	uint64_t end, need;
	size_t len;
};

/*
 * What was asked of the LEMF and is not answered.  `passed`: a later one was,
 * or it is waited for no more; a late answer does no harm.
 */
#define ASKED_MAX 8
struct asked {
	enum tri_kind kind;
	uint32_t number;
	uint64_t from, end; /* its place in the stream */
	int64_t since; /* written; NEVER: not yet */
	bool passed;
};
#define NEVER INT64_MAX

struct deliver {
	struct deliver_config c;
	struct integrity *integrity; /* NULL: none */
	bool up, asking; /* asking: an option is not answered */
	enum deliver_rule rule; /* of this connection */

	struct fifo out;
	uint64_t queued, written; /* places in the stream */
	int64_t moved; /* when octets last went, or came to an empty stream */

	/* The window, a ring: what is not delivered, `sent` of them written. */
	struct record ring[DELIVER_WINDOW_RECORDS];
	uint32_t head, n, sent;
	uint64_t octets, last; /* of them; the last number that was put */
	uint64_t puts, flushed; /* records put, and when the last flush was */
	bool any;
	uint64_t covered; /* place behind the last that covers something */
	uint64_t safe; /* the LEMF has all before this place */

	struct asked asked[ASKED_MAX];
	unsigned n_asked;
	uint32_t next_number;
	uint64_t barrier; /* place of the last that confirms */
	uint64_t barrier_puts; /* and records put before it */
	int64_t barrier_at;
	unsigned answers; /* to the LEMF, since it has read the last */
	uint64_t answers_end;

	struct ber_frame frame;
	size_t in_len;
	uint8_t in[DELIVER_IN_MAX];

	/* What deliver_next() has to tell. */
	bool tell_sent, tell_delivered, tell_declined, tell_silent;
	bool silent; /* TIME2 has passed, by what was told */
	uint64_t sent_to, delivered_to;

	uint8_t scratch[INTEGRITY_PDU_MAX];
};

/* Octets behind those before. */
enum err deliver_queue(struct deliver *, struct rd, int64_t now) MUST_CHECK;

/* Records of the window that are safe leave it. */
void deliver_settle(struct deliver *);

/* ---- deliver_ask.c ---- */

enum err deliver_ask(struct deliver *, enum tri_kind, int64_t now,
    int64_t wall) MUST_CHECK;

/* Whatever is due to be asked. */
enum err deliver_ask_due(struct deliver *, int64_t now,
    int64_t wall) MUST_CHECK;
int64_t deliver_ask_next(const struct deliver *);

/* ERR_CLOSED: TIME3 has passed. */
enum err deliver_given_up(const struct deliver *, int64_t now,
    struct why *) MUST_CHECK;

/* Octets went: questions among them are asked from now on. */
void deliver_asked(struct deliver *, int64_t now);

/* One PDU of the LEMF. */
enum err deliver_answer(struct deliver *, struct rd pdu, int64_t now,
    int64_t wall, struct why *) MUST_CHECK;

#endif
