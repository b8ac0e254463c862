/*
 * x2_seen: what hi2's table of calls is told of an intercepted message, and
 * what is asked of one of its exchanges.  hi2 and xk do not know each other:
 * this is where they meet.
 */
#ifndef APPLIANCE_X2_SEEN_H
#define APPLIANCE_X2_SEEN_H

#include "appliance/x2_told.h"
#include "hi2/calls.h"
#include "hi2/x2_pdu.h"
#include "xk/call.h"

/*
 * The summary of one MIKEY message by its data type.  One that does not parse
 * as any message of its type is not sound; type and CSB ID are then what its
 * header says, if there is one.
 */
void x2_seen_mikey(struct rd octets, struct mikey_seen *out);

/* One SIP message, ready for calls_put(). */
struct x2_seen {
	struct sip_seen sip; /* points at the other two */
	struct sip_event event;
	struct mikey_seen mikey[SIP_MIKEY_MAX];
};

/*
 * Of a PDU whose payload is SIP; the time of one that has none is left 0.
 * Views live until the next call, and as long as the PDU.  As
 * sip_event_read() fails, and then *out is undefined.
 */
enum err x2_seen_read(const struct x2_pdu *, struct x2_seen *out) MUST_CHECK;

/*
 * Step (4) of the order of checks (docs/PROTOCOL.md) for the messages of an
 * exchange, as for a getKeys that has them.  *out is filled unless
 * XK_MALFORMED; it has views into the messages.
 */
enum xk_reason x2_seen_call(const struct call_exchange_view *,
    struct call *out) MUST_CHECK;

/*
 * A digest of the messages that make it the exchange that it is, whatever XID
 * they came by.  False: the library failed.
 */
bool x2_seen_same(const struct call_exchange_view *,
    uint8_t out[X2_SAME_LEN]) MUST_CHECK;

/*
 * What marks it in the journal (appliance/proto_intake.h), so that no other has
 * the same mark: of XID, Call-ID, and its messages, or the one that names it
 * where it lacks others.  And of a SIP message that goes out by itself.
 */
bool x2_seen_mark(const struct call_exchange_view *, bool has_keys,
    uint8_t out[INTAKE_MARK_LEN]) MUST_CHECK;
bool x2_seen_mark_sip(const struct sip_seen *,
    uint8_t out[INTAKE_MARK_LEN]) MUST_CHECK;

#endif
