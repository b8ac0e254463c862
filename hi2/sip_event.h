/*
 * sip_event: one intercepted SIP message (RFC 3261): what it is, to which call
 * it belongs, and the MIKEY messages in it, as RFC 4567 and docs/PROTOCOL.md
 * put them there: a=key-mgmt:mikey lines at session or media level of any SDP
 * body.  Octets from the network.
 */
#ifndef HI2_SIP_EVENT_H
#define HI2_SIP_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/limits.h"

#define SIP_MAX 262144 /* octets of one SIP message: the X2 contract */
#define SIP_CALL_ID_MAX 255 /* octets; RFC 3261 has no limit, phones do */
#define SIP_MIKEY_MAX 16 /* key-mgmt lines looked at */

/*
 * Headers that GNU oSIP is given: it takes a time that grows with the square
 * of how many headers and parameters there are (229 s for 262144 octets of
 * them, 3 ms for these).
 */
#define SIP_HEADERS_MAX 65536 /* octets */
#define SIP_HEADER_PARTS_MAX 1024 /* lines, and any of ; , & in them */

/* Methods that say something about a call. */
enum sip_method {
	SIP_OTHER,
	SIP_INVITE,
	SIP_ACK,
	SIP_BYE,
	SIP_CANCEL,
	SIP_PRACK,
	SIP_UPDATE
};

/* Tags are left 0 when there are none. */
struct sip_event {
	uint16_t status; /* of a response, 100 to 699; 0 for a request */
	enum sip_method method; /* of the request, or that of CSeq */
	uint32_t cseq;
	struct rd call_id, from_tag, to_tag;
	unsigned n_mikey;
	struct rd mikey[SIP_MIKEY_MAX]; /* each a whole MIKEY message */
};

/*
 * Once per process, before anything else; one thread may read.  ERR_NOMEM.
 * sip_event_stop() gives the memory back, for tests.
 */
enum err sip_event_start(void) MUST_CHECK;
void sip_event_stop(void);

/*
 * Read one message.  Views in *out live until the next call.  On failure *out
 * is unchanged.  ERR_MALFORMED: not SIP, or a body shorter than its
 * Content-Length.  ERR_TOOBIG: over SIP_MAX or a limit above.  A message
 * without key-mgmt gives n_mikey = 0; a line that is not base64 of a MIKEY
 * message is left out, equal copies count once.
 */
enum err sip_event_read(struct rd sip, struct sip_event *out) MUST_CHECK;

#endif
