/* ctmod: a secret number modulo a public one. */
#ifndef BASE_CTMOD_H
#define BASE_CTMOD_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define CTMOD_MAX 72 /* octets of the modulus */

/*
 * out = in mod m, all big-endian; `out` has m_len octets, as the modulus.  The
 * time depends on the two lengths alone.  ERR_TOOBIG for m_len of 0 or over
 * CTMOD_MAX.  The top bit of m need not be set; m must not be 0.
 */
enum err ct_mod(uint8_t *out, const uint8_t *in, size_t in_len,
    const uint8_t *m, size_t m_len) MUST_CHECK;

/* out = a + 1 over `len` big-endian octets; the carry out is dropped. */
void ct_add_one(uint8_t *out, const uint8_t *a, size_t len);

#endif
