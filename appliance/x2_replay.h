/*
 * x2_replay: what comes back to an x2 that has started anew, from the journal
 * at hi2 (appliance/proto_intake.h).  It is asked for, some at a time, and
 * taken as there is room; until all of it is, nothing new is taken in.
 *
 * No clock and no socket.
 */
#ifndef APPLIANCE_X2_REPLAY_H
#define APPLIANCE_X2_REPLAY_H

#include "appliance/proto_intake.h"

struct x2_replay;

enum err x2_replay_new(struct x2_replay **out) MUST_CHECK;
void x2_replay_free(struct x2_replay **);

/* All is taken. */
bool x2_replay_over(const struct x2_replay *);

/* hi2 is to be asked for what is behind *after; and that it was. */
bool x2_replay_wants(const struct x2_replay *, uint64_t *after);
void x2_replay_asked(struct x2_replay *);
/* The one that was asked has gone. */
void x2_replay_hi2_left(struct x2_replay *);

/*
 * What hi2 says; copied.  ERR_MALFORMED: it was not asked for, or does not come
 * behind what came before.  ERR_TOOBIG: more than MAX_INTAKE_ACTS at once;
 * ERR_NOMEM.
 */
enum err x2_replay_back(struct x2_replay *,
    const struct msg_intake_back *) MUST_CHECK;
enum err x2_replay_end(struct x2_replay *, uint64_t number) MUST_CHECK;

/* The oldest that is not taken, until x2_replay_taken(); NULL: none. */
const struct msg_intake *x2_replay_first(const struct x2_replay *);
void x2_replay_taken(struct x2_replay *);

/* Which legs have their record already, the last MAX_LEGS of them; how many. */
unsigned x2_replay_done(const struct x2_replay *, uint64_t call,
    const uint8_t mark[INTAKE_MARK_LEN], uint64_t leg[MAX_LEGS]);
/* The call has gone. */
void x2_replay_forget(struct x2_replay *, uint64_t call);

#endif
