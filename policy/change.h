/*
 * change: one step of the warrant state, and the chain that the steps form.
 * A step is an approved request with its number, the time at which it took
 * effect, and the signatures.  The head is the number and the hash of the last
 * step; who knows a head knows all that lies before it.
 */
#ifndef POLICY_CHANGE_H
#define POLICY_CHANGE_H

#include <stdint.h>

#include "base/bytes.h"
#include "policy/request.h"

struct change {
	uint64_t number; /* from 1 */
	int64_t time;
	enum request_kind kind;
	uint8_t hash[DIGEST_LEN]; /* of the request */
	struct rd request; /* its octets, or none: change_is_light() */
	struct rd evidence; /* of evidence_put(), or none */
};

/* A view is read with the octets it stands in; ERR_MALFORMED. */
void change_put(struct wr *, const struct change *);
enum err change_get(struct rd *, struct change *out) MUST_CHECK;
#define CHANGE_FIXED_LEN (8 + 8 + 1 + DIGEST_LEN + 4 + 4)
#define CHANGE_TIME_MAX 253402300799LL /* the end of the year 9999 */

/*
 * The kinds that the state only counts: their requests are shown again when
 * they are used, so a replay does without their octets.
 */
bool change_is_light(enum request_kind);

/*
 * The kinds that only take away, and so hold at once: with a full log, and
 * with no hsm worker to judge them.
 */
bool change_is_stop(enum request_kind);

struct head {
	uint64_t number;
	uint8_t hash[DIGEST_LEN];
};

/* The head behind a change: SHA-256 over the head before it and the change. */
enum err head_after(const struct head *before, const struct change *,
    struct head *out) MUST_CHECK;
bool head_equal(const struct head *, const struct head *);

/*
 * The signatures of a request: CMS documents, each with the request's octets
 * inside and one or more signers.
 */
struct evidence {
	unsigned n;
	struct rd cms[MAX_APPROVALS];
};
void evidence_put(struct wr *, const struct evidence *);
enum err evidence_get(struct rd, struct evidence *out) MUST_CHECK;
size_t evidence_size(const struct evidence *);

#endif
