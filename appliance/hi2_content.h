/*
 * hi2_content: what x2 has told of each of its tickets, until nothing more
 * will be asked for it, and which legs have their record.
 */
#ifndef APPLIANCE_HI2_CONTENT_H
#define APPLIANCE_HI2_CONTENT_H

#include "appliance/proto_df2.h"

#define CONTENTS_MAX 65536 /* tickets of x2 */
#define CONTENT_OCTETS_MAX (256ULL * 1024 * 1024) /* of their SIP messages */
#define CONTENT_LEGS_MAX 256 /* records of one; x2 has MAX_LEGS at once */

enum leg_state { LEG_NONE, LEG_IN_TURN, LEG_STORED };

struct content {
	struct content *next;
	uint32_t ticket;
	uint64_t call; /* in the journal; 0: none */
	uint8_t mark[INTAKE_MARK_LEN];
	uint8_t correlation[8];
	int64_t seconds;
	uint32_t nanoseconds;
	uint8_t direction;
	uint8_t *sip;
	size_t sip_len;
	unsigned n_legs, cap_legs;
	struct content_leg {
		uint64_t leg;
		enum leg_state state;
	} * leg;
};

struct contents;

enum err contents_new(struct contents **out) MUST_CHECK;
void contents_free(struct contents **);

/*
 * Keep a copy; what was there of another epoch goes.  The same ticket again
 * gets the new content and keeps its legs.  ERR_TOOBIG: x2 has more than
 * CONTENTS_MAX or CONTENT_OCTETS_MAX; ERR_NOMEM.
 */
enum err contents_put(struct contents *, uint32_t ticket,
    const struct msg_content *) MUST_CHECK;

/* NULL: none, or of another epoch.  Lives until the next put or drop. */
struct content *contents_find(struct contents *, uint64_t epoch,
    uint32_t ticket);

/* Of the epoch that is; one that is not there is let through. */
void contents_drop(struct contents *, uint32_t ticket);

unsigned contents_used(const struct contents *);

enum leg_state content_leg(const struct content *, uint64_t leg);

/*
 * LEG_NONE forgets it.  ERR_TOOBIG: more than CONTENT_LEGS_MAX; ERR_NOMEM; a
 * leg that is there never fails.
 */
enum err content_set_leg(struct content *, uint64_t leg,
    enum leg_state) MUST_CHECK;

#endif
