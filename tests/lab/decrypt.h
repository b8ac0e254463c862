/* decrypt: the delivered keys as lab-decrypt holds them. */
#ifndef TESTS_LAB_DECRYPT_H
#define TESTS_LAB_DECRYPT_H

#include "base/secret.h"
#include "media/media_key.h"

#define DECRYPT_KEYS_MAX 256
#define DECRYPT_MKI_MAX 255

struct decrypt_keys {
	size_t n;
	struct media_key key[DECRYPT_KEYS_MAX];
	uint8_t mki[DECRYPT_KEYS_MAX][DECRYPT_MKI_MAX];
};

/*
 * {"keys": [{"cryptoSessionId", "sessionKey", "salt", "ssrc", "roc",
 * "policy", "mki"} ...]}; all but the first three may be missing.  The secret
 * holds a struct decrypt_keys.
 */
enum err decrypt_keys_load(const char *path, struct secret **out,
    struct why *) MUST_CHECK;

#endif
