/*
 * rules: how SRTP protects a stream, as a security policy payload of MIKEY
 * says it (RFC 3830 clause 6.10.1).  Octets from outside.
 */
#ifndef MEDIA_RULES_H
#define MEDIA_RULES_H

#include <stdbool.h>

#include "base/bytes.h"

#define RULES_TAG_MAX 16 /* octets: what libsrtp2 has room for */
#define RULES_AUTH_KEY_MAX 20

struct rules {
	bool encrypted; /* false: NULL cipher, authentication alone */
	size_t key_len, salt_len; /* of the master key */
	size_t auth_key_len, tag_len;
};

/* AES_CM_128_HMAC_SHA1_80, what holds without a policy. */
void rules_default(struct rules *);

/*
 * An SP payload from Policy no on; what it leaves out is as above.
 * ERR_UNSUPPORTED: sound, but nothing that is decrypted here: other
 * transforms, no authentication, keys derived again and again, a prefix.
 * ERR_TRUNCATED, ERR_MALFORMED: no such payload.  On failure *out is
 * unchanged.
 */
enum err rules_read(struct rd sp, struct rules *out) MUST_CHECK;

#endif
