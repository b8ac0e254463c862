/*
 * hi2_parked: words of workers and of policy that came before the content that
 * they are about.  x2 sends the content first, but over another channel, which
 * may be read later or be full.  Such a word waits here for a moment, in locked
 * memory, as it may carry keys.
 */
#ifndef APPLIANCE_HI2_PARKED_H
#define APPLIANCE_HI2_PARKED_H

#include "base/bytes.h"
#include "base/secret.h"

#define PARKED_MAX 256
#define PARKED_OCTETS_MAX (1024 * 1024) /* of all: RLIMIT_MEMLOCK is 8 MiB */
#define PARKED_MS 5000 /* x2 asks again after ten seconds */

struct parked_word {
	uint16_t type; /* of the message */
	uint32_t ticket;
	int64_t since; /* uptime, ms */
	struct secret *body;
};

struct parked {
	unsigned n;
	size_t octets;
	struct parked_word word[PARKED_MAX]; /* the oldest first */
};

/* Keeps a copy.  ERR_FULL: too many, or too many octets; ERR_NOMEM. */
enum err parked_put(struct parked *, uint16_t type, uint32_t ticket,
    struct rd body, int64_t now_ms) MUST_CHECK;

/* The oldest of that ticket; its body is then the caller's to free. */
bool parked_take(struct parked *, uint32_t ticket, struct parked_word *out);

/* Erases those that have waited for PARKED_MS; how many. */
unsigned parked_expire(struct parked *, int64_t now_ms);

#endif
