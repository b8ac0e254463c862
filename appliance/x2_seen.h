/*
 * x2_seen: what hi2's table of calls is told of a MIKEY message, and what is
 * asked of one of its exchanges.  hi2 and xk do not know each other: this is
 * where they meet.
 */
#ifndef APPLIANCE_X2_SEEN_H
#define APPLIANCE_X2_SEEN_H

#include "hi2/calls.h"
#include "xk/call.h"

/*
 * The summary of one MIKEY message by its data type.  One that does not parse
 * as any message of its type is not sound; type and CSB ID are then what its
 * header says, if there is one.
 */
void x2_seen_mikey(struct rd octets, struct mikey_seen *out);

/*
 * Step (4) of the order of checks (docs/PROTOCOL.md) for the messages of an
 * exchange, as for a getKeys that has them.  *out is filled unless
 * XK_MALFORMED; it has views into the messages.
 */
enum xk_reason x2_seen_call(const struct call_exchange_view *,
    struct call *out) MUST_CHECK;

#endif
