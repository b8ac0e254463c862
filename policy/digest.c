#include <openssl/evp.h>

#include "policy/digest.h"

enum err
digest_of(struct rd v, uint8_t out[DIGEST_LEN])
{
	return EVP_Q_digest(NULL, "SHA256", NULL, v.p, v.left, out, NULL) == 1
	    ? ERR_OK
	    : ERR_CRYPTO;
}
