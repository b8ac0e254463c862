/*
 * policy_x2: the DF2/MF's questions.  x2 names an XID, policy finds the
 * warrants in force for it; what may be delivered is told to hi2, by policy
 * where no key is in it, by a worker where one is.  x2 learns how many
 * warrants there are, and nothing else of them.
 */
#ifndef APPLIANCE_POLICY_X2_H
#define APPLIANCE_POLICY_X2_H

#include "appliance/policy_proc.h"

extern const struct peer_ops policy_x2_ops, policy_hi2_ops;

/* One warrant that an ask of x2 concerns. */
struct leg {
	struct held_warrant *warrant;
	unsigned target; /* which of its targets */
	struct warrant_state state;
};

/*
 * The warrants for an XID that grant all of `products` over HI2 and are in
 * force; `again`: also those on the same targets that name other XIDs.  At
 * most MAX_LEGS; how many.
 */
unsigned policy_legs(struct policy *, const uint8_t xid[XID_LEN],
    unsigned products, bool again, struct leg out[MAX_LEGS]);

/* Is this warrant still in force for HI2? */
bool policy_leg_stands(struct policy *, const struct held_warrant *,
    unsigned target);

/* To x2, if there is one; what it does not take is lost, and it asks again. */
void policy_send_x2(struct policy *, uint16_t type, uint32_t id,
    const void *body, size_t len);

/* Warrants may have come into force or gone out of it: x2 is told. */
void policy_x2_look(struct policy *);
/* Look at each boundary of a warrant's period. */
void policy_x2_start(struct policy *);

/* Audit's word on a leg; interrupted: it has gone. */
void policy_leg_done(struct policy *, const struct pending *,
    const struct msg_done *);
void policy_leg_recorded(struct policy *, const struct pending *, enum err);
void policy_leg_interrupted(struct policy *, const struct pending *);

#endif
