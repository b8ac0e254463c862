#include <stdlib.h>
#include <string.h>

#include "appliance/tls_files.h"
#include "appliance/xk_proof.h"
#include "base/limits.h"

#define HEADER 4 /* type, and a length of 24 bit: RFC 8446 clause 4 */

/* RFC 8446 clause 4: types of handshake messages. */
enum { SERVER_HELLO = 2, CERTIFICATE_VERIFY = 15, MESSAGE_HASH = 254 };

/* RFC 8446 clause 4.1.3: the Random of a HelloRetryRequest. */
static const uint8_t retry[32] = {0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61,
    0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11,
    0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33,
    0x9c};

/* ---- the extension ---- */

static int
add_nonce(SSL *ssl, unsigned type, unsigned where, const unsigned char **out,
    size_t *len, X509 *x, size_t index, int *alert, void *arg)
{
	const struct xk_proof *k = SSL_get_app_data(ssl);

	(void)type;
	(void)where;
	(void)x;
	(void)index;
	(void)arg;
	if (k == NULL) {
		*alert = SSL_AD_INTERNAL_ERROR;
		return -1;
	}
	*out = k->nonce;
	*len = sizeof(k->nonce);
	return 1;
}

bool
xk_proof_profile(SSL_CTX *c)
{
	/* The last line is for a client's chain: RFC 8446 forbids to sign a
	 * handshake with it. */
	char schemes[] =
	    "ecdsa_secp256r1_sha256:ecdsa_secp384r1_sha384:"
	    "ecdsa_secp521r1_sha512:ed25519:"
	    "rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:"
	    "rsa_pss_pss_sha256:rsa_pss_pss_sha384:rsa_pss_pss_sha512:"
	    "rsa_pkcs1_sha256:rsa_pkcs1_sha384:rsa_pkcs1_sha512";

	/* Policy looks for the certificate in the transcript, as it is. */
	(void)SSL_CTX_set_options(c, TLS_NO_COMPRESSION);
	return SSL_CTX_set1_client_sigalgs_list(c, schemes) == 1 &&
	    SSL_CTX_add_custom_ext(c, XK_PROOF_EXTENSION,
		SSL_EXT_TLS1_3_CERTIFICATE_REQUEST, add_nonce, NULL, NULL, NULL,
		NULL) == 1;
}

/* ---- the record ---- */

static void
append(struct xk_proof *k, const void *p, size_t len)
{
	size_t cap = k->cap == 0 ? 4096 : k->cap;
	void *more;

	if (k->failed || len > MAX_TRANSCRIPT - k->len) {
		k->failed = true;
		return;
	}
	while (cap < k->len + len)
		cap *= 2;
	if (cap > k->cap) {
		if ((more = realloc(k->p, cap)) == NULL) {
			k->failed = true;
			return;
		}
		k->p = more;
		k->cap = cap;
	}
	memcpy(k->p + k->len, p, len);
	k->len += len;
}

static void
on_message(int sent, int version, int type, const void *p, size_t len, SSL *ssl,
    void *arg)
{
	struct xk_proof *k = arg;
	struct rd message, random;
	uint8_t kind;

	(void)version;
	(void)ssl;
	rd_init(&message, p, len);
	if (type != SSL3_RT_HANDSHAKE || k->verify > 0 ||
	    rd_u8(&message, &kind) != ERR_OK)
		return;
	if (sent && kind == SERVER_HELLO && k->hello1 == 0 &&
	    rd_view(&message, HEADER - 1 + 2, &random) == ERR_OK &&
	    rd_view(&message, sizeof(retry), &random) == ERR_OK &&
	    rd_is(&random, retry, sizeof(retry)))
		k->hello1 = k->len;
	else if (!sent && kind == CERTIFICATE_VERIFY)
		k->verify = k->len;
	append(k, p, len);
}

void
xk_proof_watch(SSL *ssl, struct xk_proof *k)
{
	SSL_set_app_data(ssl, k);
	SSL_set_msg_callback(ssl, on_message);
	SSL_set_msg_callback_arg(ssl, k);
}

void
xk_proof_done(SSL *ssl, struct xk_proof *k)
{
	SSL_set_msg_callback(ssl, NULL);
	SSL_set_app_data(ssl, NULL);
	free(k->p);
	*k = (struct xk_proof){.p = NULL};
}

/* ---- what came of it ---- */

static enum err
suite_hash(SSL *ssl, const EVP_MD **md, enum client_hash *out)
{
	const SSL_CIPHER *suite = SSL_get_current_cipher(ssl);

	*md = suite == NULL ? NULL : SSL_CIPHER_get_handshake_digest(suite);
	if (*md == NULL)
		return ERR_MALFORMED;
	if (EVP_MD_get_type(*md) == NID_sha256)
		*out = CLIENT_SHA256;
	else if (EVP_MD_get_type(*md) == NID_sha384)
		*out = CLIENT_SHA384;
	else
		return ERR_UNSUPPORTED;
	return ERR_OK;
}

/*
 * RFC 8446 clause 4.4.1: a first ClientHello that was sent back counts as a
 * message with its hash.  It is written over the end of that ClientHello; *at
 * is where the transcript begins then.
 */
static enum err
replace_hello1(struct xk_proof *k, const EVP_MD *md, size_t *at)
{
	uint8_t message[HEADER + EVP_MAX_MD_SIZE] = {MESSAGE_HASH};
	unsigned n = 0;

	*at = 0;
	if (k->hello1 == 0)
		return ERR_OK;
	if (EVP_Digest(k->p, k->hello1, message + HEADER, &n, md, NULL) != 1)
		return ERR_CRYPTO;
	message[HEADER - 1] = (uint8_t)n;
	if (k->hello1 < HEADER + n)
		return ERR_MALFORMED;
	*at = k->hello1 - (HEADER + n);
	memcpy(k->p + *at, message, HEADER + n);
	return ERR_OK;
}

enum err
xk_proof_get(SSL *ssl, struct xk_proof *k, struct client_proof *out)
{
	const EVP_MD *md;
	struct rd r, header;
	size_t at;
	enum err rc;

	if (k->failed)
		return ERR_TOOBIG;
	if (k->verify == 0)
		return ERR_MALFORMED;
	if ((rc = suite_hash(ssl, &md, &out->hash)) != ERR_OK ||
	    (rc = replace_hello1(k, md, &at)) != ERR_OK)
		return rc;
	rd_init(&out->transcript, k->p + at, k->verify - at);
	rd_init(&out->cert, NULL, 0);
	rd_init(&r, k->p + k->verify, k->len - k->verify);
	if (rd_view(&r, HEADER, &header) != ERR_OK ||
	    rd_u16(&r, &out->scheme) != ERR_OK ||
	    rd_view16(&r, &out->signature) != ERR_OK)
		return ERR_MALFORMED;
	return rd_end(&r);
}
