/*
 * bf_block: BFCiphertextBlock of RFC 5091 clause 7, strict DER, read without
 * a parser of more than it needs: SEQUENCE { INTEGER 2, SEQUENCE { INTEGER x,
 * INTEGER y }, OCTET STRING v, OCTET STRING w }.
 */
#ifndef XK_BF_BLOCK_H
#define XK_BF_BLOCK_H

#include "base/bytes.h"

/*
 * Views into `der`; the coordinates without a leading zero octet.  Only
 * ERR_MALFORMED.  Whether the point is one is for who knows the curve.
 */
enum err bf_block_parse(struct rd der, struct rd *u_x, struct rd *u_y,
    struct rd *v, struct rd *w) MUST_CHECK;

#endif
