/* lab_der: the few DER forms of RFC 5091, strictly read. */
#ifndef TESTS_LAB_DER_H
#define TESTS_LAB_DER_H

#include <openssl/bn.h>

#include "base/bytes.h"

#define DER_INTEGER 0x02
#define DER_OCTETS 0x04
#define DER_OID 0x06
#define DER_SEQUENCE 0x30

/* Carve the content of the next element, which must have this tag. */
enum err der_open(struct rd *in, uint8_t tag, struct rd *out) MUST_CHECK;

/* A number of 0 or more; the caller frees it. */
enum err der_number(struct rd *in, BIGNUM **out) MUST_CHECK;

/* The INTEGER that must have this value. */
enum err der_small(struct rd *in, uint8_t value) MUST_CHECK;

/* The object identifier with exactly these content octets. */
enum err der_oid(struct rd *in, const void *oid, size_t len) MUST_CHECK;

/* Append an element; failures latch in the writer. */
void der_put(struct wr *w, uint8_t tag, const void *p, size_t len);
void der_put_number(struct wr *w, const BIGNUM *n);

#endif
