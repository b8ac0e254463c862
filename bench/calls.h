/*
 * calls: intercepted MIKEY-IBAKE exchanges for bench_getkeys, made before the
 * clock runs, each with the request for its keys and the keys to expect.
 */
#ifndef BENCH_CALLS_H
#define BENCH_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct calls_parties {
	const char *params; /* files: DER; 64 hex digits */
	const char *alice, *alice_seed;
	const char *bob, *bob_seed;
};

struct call_order {
	uint8_t *der; /* a getKeys PDU, its requestId = its index */
	size_t len;
	uint8_t key[16]; /* of the first crypto session */
};

struct calls {
	size_t n;
	struct call_order *order;
};

/*
 * `n` calls of Alice to Bob, asked for as hers if `initiator`, else as his.
 * With `a_day_each`, call i was i days ago: public keys are of a day, so each
 * Q_id is a new one, and with more calls than the workers keep it stays so
 * round after round.  Ends the program when it cannot.
 */
void calls_make(struct calls *, const struct calls_parties *, size_t n,
    bool initiator, bool a_day_each);
void calls_free(struct calls *);

#endif
