/*
 * inner: the plaintext of an opened IBAKE or ESK payload (RFC 6267 clauses
 * 4.2 and 6.4, 6.5).  The one piece of foreign octets that is read in a
 * process with keys: fixed-length fields, no allocation, no recursion.
 */
#ifndef XK_INNER_H
#define XK_INNER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

/* What the sub-payloads of an envelope must be. */
enum inner_kind {
	INNER_I_MESSAGE_1, /* IDRi ECCPTi IDRr */
	INNER_R_MESSAGE_1, /* IDRi [ECCPTi] IDRr ECCPTr; I_MESSAGE_2 alike */
	INNER_R_MESSAGE_2, /* IDRi ECCPTi */
	INNER_ESK /* IDRi SK */
};

/* An ECCPT sub-payload; the point is uncompressed, not yet checked. */
struct inner_point {
	bool there;
	uint8_t curve;
	struct rd octets;
	struct rd mki; /* KV SPI; left = 0 for none */
};

struct inner {
	struct rd idri, idrr; /* identity data; left = 0 where there is none */
	struct inner_point ecc_i, ecc_r;
	struct rd sk;
};

/*
 * Views into `plain`, which holds secrets: wipe what is copied from there.
 * ERR_MALFORMED; ERR_UNSUPPORTED for a curve that is not served, as its point
 * has no length we know.
 */
enum err inner_parse(struct rd plain, enum inner_kind kind,
    struct inner *out) MUST_CHECK;

#endif
