/*
 * proto_intake: the messages of the journal of what was intercepted, between
 * x2 and hi2.  What x2 has taken in and still needs is on disk at hi2, so that
 * the next x2 gets it back.  Numbers of messages are in proto.h,
 * docs/PROTOCOL.md has the list.
 *
 * x2 numbers the PDUs that it keeps, one after the other; a call has the number
 * of the PDU that began it.  A number that was never on disk may be given again
 * by the next x2.  What it says, INTAKE and INTAKE_GONE, it counts
 * too (`act`, from 1, anew in each x2); hi2 answers with the last one that is
 * on disk, and x2 says again to the next hi2 what was not answered.
 */
#ifndef APPLIANCE_PROTO_INTAKE_H
#define APPLIANCE_PROTO_INTAKE_H

#include "appliance/proto_df2.h"

/* Octets of acts that are not answered; x2 takes nothing in beyond that. */
#define MAX_INTAKE_ACTS (8 * 1024 * 1024)
#define INTAKE_ACT_COST 128 /* of each, beside the octets of its PDU */

/* What x2 makes of a PDU. */
enum intake_kind {
	INTAKE_CALL, /* part of a call, for its keys */
	INTAKE_SIP, /* a SIP message that goes out by itself */
	INTAKE__MAX
};

#define MAX_INTAKE_PDU 262144 /* octets: X2_PDU_MAX */

/* MSG_INTAKE, x2 -> hi2 */
struct msg_intake {
	uint64_t act;
	uint64_t number; /* not 0 */
	uint64_t call; /* not 0; of INTAKE_SIP its own number */
	enum intake_kind kind;
	int64_t came; /* seconds, UTC: the time of one that has none */
	struct rd pdu; /* whole, of X2 */
};
#define MSG_INTAKE_LEAST (8 + 8 + 8 + 1 + 8 + 4 + 1)
#define MSG_INTAKE_MOST (MSG_INTAKE_LEAST - 1 + MAX_INTAKE_PDU)
size_t msg_intake_max(const struct msg_intake *);
void msg_intake_put(struct wr *, const struct msg_intake *);
enum err msg_intake_get(struct rd, struct msg_intake *) MUST_CHECK;

/* MSG_INTAKE_STORED, hi2 -> x2: u64, the last act that is on disk. */

/* MSG_INTAKE_GONE, x2 -> hi2: it is needed no longer. */
struct msg_intake_gone {
	uint64_t act;
	uint64_t call; /* not 0 */
	uint64_t number; /* of it; 0: all, and what was marked done of it */
};
#define MSG_INTAKE_GONE_LEN (8 + 8 + 8)
void msg_intake_gone_put(struct wr *, const struct msg_intake_gone *);
enum err msg_intake_gone_get(struct rd, struct msg_intake_gone *) MUST_CHECK;

/*
 * MSG_INTAKE_MORE, x2 -> hi2: u64, the last number that has come back, 0 at
 * first.  hi2 answers with a few MSG_INTAKE_BACK in the order of their numbers,
 * of which the last says so, or with MSG_INTAKE_END when there is none: u64,
 * the number to begin with.
 */
struct intake_done {
	uint8_t mark[INTAKE_MARK_LEN];
	uint64_t leg; /* has its record of this exchange */
};
#define MAX_INTAKE_DONE 4096 /* that are told of one call */

struct msg_intake_back {
	struct msg_intake it; /* act: 0 */
	bool last;
	unsigned n_done; /* with the first PDU of its call */
	struct rd done; /* n_done * (mark, u64 leg): intake_done_get() */
};
size_t msg_intake_back_max(const struct msg_intake_back *);
void msg_intake_back_put(struct wr *, const struct msg_intake_back *);
enum err msg_intake_back_get(struct rd, struct msg_intake_back *) MUST_CHECK;
void intake_done_put(struct wr *, const struct intake_done *);
enum err intake_done_get(struct rd *, struct intake_done *) MUST_CHECK;
#define INTAKE_DONE_LEN (INTAKE_MARK_LEN + 8)
#define MSG_INTAKE_BACK_MOST \
	(1 + 2 + INTAKE_DONE_LEN * MAX_INTAKE_DONE + MSG_INTAKE_MOST)

#endif
