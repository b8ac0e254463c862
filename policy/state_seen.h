/*
 * state_seen: what the entries of the audit log tell about the warrant state
 * and the time.  Pure; the same for entries that are read at the start and for
 * those that are written.
 */
#ifndef POLICY_STATE_SEEN_H
#define POLICY_STATE_SEEN_H

#include "policy/audit_entry.h"
#include "policy/change.h"

/*
 * A suspension or revocation that the log has and no worker has judged.  It
 * holds for its warrant, whatever policy says, until policy's chain has it.
 */
struct seen_stop {
	struct head head; /* behind it */
	uint8_t warrant[WARRANT_ID_LEN];
};

struct state_seen {
	struct head first; /* of the KMS state */
	struct head head; /* the last that a worker has sealed */
	struct seen_stop *stop;
	size_t n_stops, cap_stops;
	int64_t
	    latest; /* it has been this late, s; clock.accept sets it back */
	struct head accepting; /* clock.accept without its head; 0: none */
	uint8_t (*logged)[DIGEST_LEN]; /* by number: the head behind the change
					* that the last entry is about */
	size_t cap;
};

/* ERR_NOMEM. */
enum err state_seen_entry(struct state_seen *,
    const struct audit_entry *) MUST_CHECK;

/*
 * Has the change with this head behind it an entry?  Its number alone would
 * not tell: one that a worker refused has an entry too.
 */
bool state_seen_logged(const struct state_seen *, const struct head *behind);

/* Is the warrant stopped by the log alone? */
bool state_seen_stopped(const struct state_seen *,
    const uint8_t warrant[WARRANT_ID_LEN]);

/* policy's chain has the change with this head behind it. */
void state_seen_told(struct state_seen *, const struct head *behind);

void state_seen_done(struct state_seen *);

#endif
