#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>

#include "base/secret.h"
#include "media/media_key.h"
#include "media/rtp.h"

#define LABEL_AUTH 1 /* RFC 3711 clause 4.3.2: session authentication key */
#define LABEL_AT 7 /* the octet of the salt that the label is added to */
#define SHA1_LEN 20

struct media_check {
	EVP_MAC_CTX *mac;
	const struct media_key *key;
};

/*
 * RFC 3711 clause 4.3.1 with a key derivation rate of 0: AES in counter mode,
 * from the salt with the label in it on.
 */
enum err
media_key_ready(struct media_key *k)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	uint8_t iv[16] = {0};
	int n;
	enum err rc = ERR_CRYPTO;

	memcpy(iv, k->salt, sizeof(k->salt));
	iv[LABEL_AT] ^= LABEL_AUTH;
	memset(k->auth, 0, sizeof(k->auth));
	if (c != NULL &&
	    EVP_EncryptInit_ex(c,
		k->rules.key_len == MEDIA_KEY_MAX ? EVP_aes_256_ctr()
						  : EVP_aes_128_ctr(),
		NULL, k->key, iv) == 1 &&
	    EVP_EncryptUpdate(c, k->auth, &n, k->auth, sizeof(k->auth)) == 1)
		rc = ERR_OK;
	EVP_CIPHER_CTX_free(c);
	explicit_bzero(iv, sizeof(iv));
	return rc;
}

enum err
media_check_new(struct media_check **out)
{
	char digest[] = "SHA1";
	const OSSL_PARAM params[] =
	    {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end()};
	struct media_check *c = calloc(1, sizeof(*c));
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);

	if (c != NULL && mac != NULL)
		c->mac = EVP_MAC_CTX_new(mac);
	EVP_MAC_free(mac);
	if (c == NULL || c->mac == NULL ||
	    EVP_MAC_CTX_set_params(c->mac, params) != 1) {
		media_check_free(&c);
		return ERR_CRYPTO;
	}
	*out = c;
	return ERR_OK;
}

void
media_check_free(struct media_check **cp)
{
	struct media_check *c = *cp;

	if (c == NULL)
		return;
	EVP_MAC_CTX_free(c->mac);
	free(c);
	*cp = NULL;
}

enum err
media_check_use(struct media_check *c, const struct media_key *k)
{
	c->key = k;
	return EVP_MAC_init(c->mac, k->auth, k->rules.auth_key_len, NULL) == 1
	    ? ERR_OK
	    : ERR_CRYPTO;
}

bool
media_check_fits(struct media_check *c, struct rd packet, uint32_t roc,
    size_t mki_len)
{
	const struct media_key *k = c->key;
	const size_t tail = mki_len + k->rules.tag_len;
	uint8_t tag[SHA1_LEN], counter[4];
	struct rd covered, mki;
	size_t n;
	struct wr w;

	if (packet.left < RTP_HEADER_LEN + tail ||
	    rd_view(&packet, packet.left - tail, &covered) != ERR_OK ||
	    rd_view(&packet, mki_len, &mki) != ERR_OK)
		return false;
	if (k->mki.left > 0 && !rd_equal(&mki, &k->mki))
		return false;
	wr_init(&w, counter, sizeof(counter));
	wr_u32(&w, roc);
	return EVP_MAC_init(c->mac, NULL, 0, NULL) == 1 &&
	    EVP_MAC_update(c->mac, covered.p, covered.left) == 1 &&
	    EVP_MAC_update(c->mac, counter, w.len) == 1 &&
	    EVP_MAC_final(c->mac, tag, &n, sizeof(tag)) == 1 &&
	    ct_equal(tag, packet.p, k->rules.tag_len);
}
