/*
 * allowance: how often somebody may do something, and how often at once.  Who
 * it is are octets of his own choice (an address, a certificate), so the table
 * has a bound and a keyed hash: nobody can make it grow, or fill the places of
 * somebody else by choice.
 *
 * Time is an argument and never goes back.  The rate is a bucket that fills
 * evenly (the virtual scheduling of ITU-T I.371): in each span of time s there
 * are at most burst + rate * s.
 */
#ifndef APPLIANCE_ALLOWANCE_H
#define APPLIANCE_ALLOWANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/siphash.h"

#define ALLOWANCE_WHO 32 /* octets; who has fewer fills them up with zeros */
#define ALLOWANCE_WAYS 8 /* that share a place of the table */
#define ALLOWANCE_RATE_MOST 1000000

struct allowance_limit {
	uint32_t rate; /* a second, at most ALLOWANCE_RATE_MOST; 0: any */
	uint32_t burst; /* at once after a rest: 1 or more */
	uint32_t places; /* held at the same time; 0: any */
};

struct allowance;

/* For `most` of them, at least ALLOWANCE_WAYS; ERR_NOMEM. */
enum err allowance_new(unsigned most, const uint8_t key[SIPHASH_KEY],
    struct allowance **out) MUST_CHECK;
void allowance_free(struct allowance **);

/*
 * May he, once more?  Then it is counted.  Whoever has no place and has been
 * at rest for longest is forgotten when there is no room; where nobody can be,
 * the answer is no.
 */
bool allowance_take(struct allowance *, const uint8_t who[ALLOWANCE_WHO],
    const struct allowance_limit *, int64_t now_ms) MUST_CHECK;

/* The same, with a place that is his until he leaves it. */
bool allowance_enter(struct allowance *, const uint8_t who[ALLOWANCE_WHO],
    const struct allowance_limit *, int64_t now_ms) MUST_CHECK;
void allowance_leave(struct allowance *, const uint8_t who[ALLOWANCE_WHO]);

/* What was entered just now by that limit counts for nothing. */
void allowance_undo(struct allowance *, const uint8_t who[ALLOWANCE_WHO],
    const struct allowance_limit *);

#endif
