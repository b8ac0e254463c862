/* decrypt: the delivered keys as lab-decrypt holds them. */
#ifndef TESTS_LAB_DECRYPT_H
#define TESTS_LAB_DECRYPT_H

#include "base/secret.h"
#include "lab_rtp.h"

#define DECRYPT_KEYS_MAX 256
#define DECRYPT_MKI_MAX 255
#define DECRYPT_ID_LEN 10 /* hex digits: CSB ID || CS ID */

struct decrypt_key {
	char id[DECRYPT_ID_LEN + 1];
	uint8_t tek[LAB_TEK_LEN], salt[LAB_SALT_LEN];
	uint32_t ssrc, roc; /* ssrc 0: not known */
	size_t tag_len;
	bool encrypted;
	uint8_t mki[DECRYPT_MKI_MAX];
	size_t mki_len;
};

struct decrypt_keys {
	size_t n;
	struct decrypt_key key[DECRYPT_KEYS_MAX];
};

/*
 * {"keys": [{"cryptoSessionId", "sessionKey", "salt", "ssrc", "roc",
 * "policy", "mki"} ...]}; all but the first three may be missing.  The secret
 * holds a struct decrypt_keys.
 */
enum err decrypt_keys_load(const char *path, struct secret **out,
    struct why *) MUST_CHECK;

#endif
