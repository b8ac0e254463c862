#include <stdbool.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "policy/client_proof.h"

/* RFC 8446 clause 4.2.3: the scheme fixes key, curve and digest. */
struct scheme {
	uint16_t code;
	const char *key, *curve, *digest; /* as the library names them */
};
static const struct scheme schemes[] = {
    {0x0403, "EC", "prime256v1", "SHA256"},
    {0x0503, "EC", "secp384r1", "SHA384"},
    {0x0603, "EC", "secp521r1", "SHA512"},
    {0x0804, "RSA", NULL, "SHA256"},
    {0x0805, "RSA", NULL, "SHA384"},
    {0x0806, "RSA", NULL, "SHA512"},
    {0x0807, "ED25519", NULL, NULL},
    {0x0809, "RSA-PSS", NULL, "SHA256"},
    {0x080a, "RSA-PSS", NULL, "SHA384"},
    {0x080b, "RSA-PSS", NULL, "SHA512"},
};

/* RFC 8446 clause 4.4.3: what is signed, up to the transcript's hash. */
#define SPACES 64
static const char context[] = "TLS 1.3, client CertificateVerify";
#define MAX_CONTENT (SPACES + sizeof(context) + EVP_MAX_MD_SIZE)

static const struct scheme *
find_scheme(uint16_t code)
{
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (schemes[i].code == code)
			return &schemes[i];
	return NULL;
}

static bool
fits(EVP_PKEY *key, const struct scheme *s)
{
	char curve[64];

	if (EVP_PKEY_is_a(key, s->key) != 1)
		return false;
	return s->curve == NULL ||
	    (EVP_PKEY_get_group_name(key, curve, sizeof(curve), NULL) == 1 &&
		strcmp(curve, s->curve) == 0);
}

static enum err
put_content(struct wr *w, const struct client_proof *p)
{
	static const char *const names[CLIENT_HASH__MAX] = {"SHA256", "SHA384"};
	uint8_t hash[EVP_MAX_MD_SIZE];
	size_t n = 0;

	if (EVP_Q_digest(NULL, names[p->hash], NULL, p->transcript.p,
		p->transcript.left, hash, &n) != 1)
		return ERR_CRYPTO;
	for (unsigned i = 0; i < SPACES; i++)
		wr_u8(w, 0x20);
	wr_copy(w, context, sizeof(context)); /* with the octet 0 behind it */
	wr_copy(w, hash, n);
	return w->rc;
}

/* RFC 8446 clause 4.2.3: RSASSA-PSS, MGF1 and salt by the same digest. */
static bool
set_pss(EVP_PKEY_CTX *c)
{
	return EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_PSS_PADDING) == 1 &&
	    EVP_PKEY_CTX_set_rsa_pss_saltlen(c, RSA_PSS_SALTLEN_DIGEST) == 1;
}

static bool
verifies(EVP_PKEY *key, const struct scheme *s, struct rd signature,
    const struct wr *content)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	EVP_PKEY_CTX *c = NULL;
	bool ok;

	ok = md != NULL &&
	    EVP_DigestVerifyInit_ex(md, &c, s->digest, NULL, NULL, key, NULL) ==
		1 &&
	    (strncmp(s->key, "RSA", 3) != 0 || set_pss(c)) &&
	    EVP_DigestVerify(md, signature.p, signature.left, content->p,
		content->len) == 1;
	EVP_MD_CTX_free(md);
	return ok;
}

enum err
client_proof_check(const struct client_proof *p,
    const uint8_t nonce[CLIENT_NONCE_LEN], struct why *why)
{
	const struct scheme *s = find_scheme(p->scheme);
	const unsigned char *der = p->cert.p;
	uint8_t buf[MAX_CONTENT];
	X509 *x = NULL;
	EVP_PKEY *key;
	struct wr content;
	enum err rc;

	if (s == NULL)
		return why_set(why, ERR_DENIED, "signature scheme 0x%04x",
		    p->scheme);
	if (memmem(p->transcript.p, p->transcript.left, nonce,
		CLIENT_NONCE_LEN) == NULL)
		return why_set(why, ERR_DENIED,
		    "the nonce is not in what was signed");
	wr_init(&content, buf, sizeof(buf));
	if ((rc = put_content(&content, p)) != ERR_OK)
		return why_set(why, rc, "the transcript is not hashed");
	x = d2i_X509(NULL, &der, (long)p->cert.left);
	key = x == NULL ? NULL : X509_get0_pubkey(x);
	if (key == NULL || !fits(key, s))
		rc = why_set(why, ERR_DENIED,
		    "the signature scheme is not one for the key");
	else if (!verifies(key, s, p->signature, &content))
		rc = why_set(why, ERR_DENIED, "the signature does not verify");
	X509_free(x);
	ERR_clear_error();
	return rc;
}
