/*
 * sip_mikey: the MIKEY messages in an intercepted SIP message, as RFC 4567 and
 * docs/PROTOCOL.md put them there: a=key-mgmt:mikey lines at session or media
 * level of any SDP body.  Octets from the network.
 */
#ifndef HI2_SIP_MIKEY_H
#define HI2_SIP_MIKEY_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/limits.h"

#define SIP_MAX 262144 /* octets of one SIP message: the X2 contract */
#define SIP_MIKEY_MAX 16 /* key-mgmt lines looked at */

struct sip_mikey {
	char call_id[256];
	unsigned n;
	struct {
		uint8_t *octets; /* the whole MIKEY message */
		size_t len;
	} message[SIP_MIKEY_MAX];
};

/*
 * Once per process before anything else.  ERR_NOMEM.
 */
enum err sip_mikey_start(void) MUST_CHECK;

/*
 * ERR_MALFORMED: not SIP, or a body shorter than its Content-Length (the
 * parser would lose it in silence).  A message without key-mgmt gives n = 0.
 * Lines that are not base64 of a MIKEY message are left out.  *out is the
 * caller's to sip_mikey_done().
 */
enum err sip_mikey_extract(struct rd sip, struct sip_mikey *out) MUST_CHECK;
void sip_mikey_done(struct sip_mikey *);

#endif
