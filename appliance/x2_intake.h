/*
 * x2_intake: x2's end of the journal of what was intercepted
 * (appliance/proto_intake.h): what hi2 is told of it and has not answered yet,
 * and which calls are needed by tickets though their table has them no longer.
 *
 * No clock and no socket: messages go out through a function.
 */
#ifndef APPLIANCE_X2_INTAKE_H
#define APPLIANCE_X2_INTAKE_H

#include "appliance/proto_intake.h"
#include "hi2/calls.h"

struct x2_intake;

/* False: not now, and it will be tried again. */
typedef bool x2_intake_send_fn(void *ctx, uint16_t type, struct rd body);

/* `tickets`: how many calls are held at once, a power of two. */
enum err x2_intake_new(unsigned tickets, x2_intake_send_fn *, void *ctx,
    struct x2_intake **out) MUST_CHECK;
void x2_intake_free(struct x2_intake **);

/* Octets that are kept for tickets alone, before nothing more is taken in. */
void x2_intake_limit(struct x2_intake *, size_t octets);

/*
 * Is there room for what the next PDU may bring?  Messages are taken without
 * it too, but PDUs must not be then.
 */
bool x2_intake_room(const struct x2_intake *);

/* The number of the next PDU; 0 until x2_intake_start() has told. */
uint64_t x2_intake_number(const struct x2_intake *);
void x2_intake_start(struct x2_intake *, uint64_t number);

/*
 * To be kept: the PDU with the next number (x2_intake_put), or one that has
 * come back, which is another call's now (x2_intake_move).  `call`: of what
 * call; 0: its own number.  ERR_NOMEM.
 */
enum err x2_intake_put(struct x2_intake *, enum intake_kind, uint64_t call,
    int64_t came, struct rd pdu) MUST_CHECK;
enum err x2_intake_move(struct x2_intake *, const struct msg_intake *,
    uint64_t call) MUST_CHECK;

/* A ticket needs the call; as often as x2_intake_release().  ERR_FULL. */
enum err x2_intake_hold(struct x2_intake *, uint64_t call) MUST_CHECK;
enum err x2_intake_release(struct x2_intake *, uint64_t call) MUST_CHECK;

/*
 * Needed by nobody else any longer: gone, but for a call that is held, which
 * goes when it is not.  ERR_NOMEM.
 */
enum err x2_intake_gone(struct x2_intake *,
    const struct calls_gone *) MUST_CHECK;

/* The last act; and whether all up to one is on disk. */
uint64_t x2_intake_last(const struct x2_intake *);
bool x2_intake_is_stored(const struct x2_intake *, uint64_t act);

/* hi2 says so; false: of an act that it was not told. */
bool x2_intake_stored(struct x2_intake *, uint64_t act) MUST_CHECK;

/* Another hi2 is told everything that is not answered; left: nobody is. */
void x2_intake_hi2_joined(struct x2_intake *);
void x2_intake_hi2_left(struct x2_intake *);

/* Sends what could not be sent. */
void x2_intake_tick(struct x2_intake *);

#endif
