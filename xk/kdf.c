#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "base/secret.h"
#include "xk/kdf.h"

#define BLOCK_OCTETS 32 /* inkey is cut every 256 bit: RFC 3830 4.1.2 */
#define LABEL_MAX (4 + 1 + 4 + 255)

/* RFC 3830 clause 4.1.3, 4.1.4; RFC 6267 clause 5.1. */
#define CONST_MPK 0x220E99A2U
#define CONST_TGK 0x1F4D675BU
#define CONST_TEK 0x2AD01C64U
#define CONST_SALT 0x39A2C14BU
#define CONST_AUTH 0x2D22AC75U
#define ALL_CS 0xFF
#define ALL_CSB 0xFFFFFFFFU

struct kdf {
	EVP_MAC_CTX *hmac[2]; /* by PRF */
};

static EVP_MAC_CTX *
hmac_new(EVP_MAC *mac, const char *digest)
{
	EVP_MAC_CTX *c = EVP_MAC_CTX_new(mac);
	char name[16];
	OSSL_PARAM p[2];

	if (c == NULL)
		return NULL;
	(void)snprintf(name, sizeof(name), "%s", digest);
	p[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0);
	p[1] = OSSL_PARAM_construct_end();
	if (EVP_MAC_CTX_set_params(c, p) != 1) {
		EVP_MAC_CTX_free(c);
		return NULL;
	}
	return c;
}

enum err
kdf_new(struct kdf **out)
{
	struct kdf *k = calloc(1, sizeof(*k));
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	enum err rc = ERR_CRYPTO;

	if (k == NULL || mac == NULL)
		goto out;
	k->hmac[MIKEY_PRF_SHA1] = hmac_new(mac, "SHA1");
	k->hmac[MIKEY_PRF_HMAC_SHA256] = hmac_new(mac, "SHA256");
	if (k->hmac[0] == NULL || k->hmac[1] == NULL)
		goto out;
	*out = k;
	k = NULL;
	rc = ERR_OK;
out:
	EVP_MAC_free(mac);
	kdf_free(&k);
	return rc;
}

void
kdf_free(struct kdf **kp)
{
	struct kdf *k = *kp;

	if (k == NULL)
		return;
	EVP_MAC_CTX_free(k->hmac[0]);
	EVP_MAC_CTX_free(k->hmac[1]);
	free(k);
	*kp = NULL;
}

size_t
kdf_prf_octets(uint8_t prf)
{
	return prf == MIKEY_PRF_SHA1 ? 20 : 32;
}

/* out = HMAC(key, a || b); out may be a. */
static enum err
hmac(struct kdf *k, uint8_t prf, struct rd key, struct rd a, struct rd b,
    struct rd c, uint8_t *out)
{
	EVP_MAC_CTX *m = k->hmac[prf];
	size_t n;

	if (EVP_MAC_init(m, key.p, key.left, NULL) != 1 ||
	    (a.left > 0 && EVP_MAC_update(m, a.p, a.left) != 1) ||
	    (b.left > 0 && EVP_MAC_update(m, b.p, b.left) != 1) ||
	    (c.left > 0 && EVP_MAC_update(m, c.p, c.left) != 1) ||
	    EVP_MAC_final(m, out, &n, KDF_KEY_MAX) != 1)
		return ERR_CRYPTO;
	return ERR_OK;
}

/* A new key is the only way to have a context forget the last one. */
void
kdf_forget(struct kdf *k)
{
	static const uint8_t zero[32];

	for (size_t i = 0; i < sizeof(k->hmac) / sizeof(k->hmac[0]); i++)
		(void)EVP_MAC_init(k->hmac[i], zero, sizeof(zero), NULL);
}

static struct rd
view(const void *p, size_t len)
{
	struct rd r;

	rd_init(&r, p, len);
	return r;
}

/* out ^= P(s, label, ceil(len / hash)), RFC 3830 clause 4.1.2 step 1. */
static enum err
xor_p(struct kdf *k, uint8_t prf, struct rd s, struct rd label, uint8_t *out,
    size_t len)
{
	const size_t hash = kdf_prf_octets(prf);
	const struct rd none = view(NULL, 0);
	uint8_t a[KDF_KEY_MAX], t[KDF_KEY_MAX];
	struct rd a_in = label;
	enum err rc = ERR_OK;

	for (size_t at = 0; at < len && rc == ERR_OK; at += hash) {
		const size_t n = len - at < hash ? len - at : hash;

		if ((rc = hmac(k, prf, s, a_in, none, none, a)) != ERR_OK)
			break;
		a_in = view(a, hash);
		if ((rc = hmac(k, prf, s, a_in, label, none, t)) != ERR_OK)
			break;
		for (size_t i = 0; i < n; i++)
			out[at + i] ^= t[i];
	}
	explicit_bzero(a, sizeof(a));
	explicit_bzero(t, sizeof(t));
	return rc;
}

enum err
kdf_prf(struct kdf *k, uint8_t prf, struct rd inkey, struct rd label,
    uint8_t *out, size_t len)
{
	enum err rc = ERR_OK;

	if (prf > MIKEY_PRF_HMAC_SHA256)
		return ERR_UNSUPPORTED;
	memset(out, 0, len);
	while (inkey.left > 0 && rc == ERR_OK) {
		const size_t n =
		    inkey.left < BLOCK_OCTETS ? inkey.left : BLOCK_OCTETS;
		struct rd s;

		if ((rc = rd_view(&inkey, n, &s)) == ERR_OK)
			rc = xor_p(k, prf, s, label, out, len);
	}
	if (rc != ERR_OK)
		explicit_bzero(out, len);
	return rc;
}

/* PRF(inkey, constant || cs_id || csb_id || RAND) */
static enum err
derive(struct kdf *k, uint8_t prf, struct rd inkey, uint32_t constant,
    uint8_t cs_id, uint32_t csb_id, struct rd rand, uint8_t *out, size_t len)
{
	uint8_t label[LABEL_MAX];
	struct wr w;
	size_t n;
	enum err rc;

	wr_init(&w, label, sizeof(label));
	wr_u32(&w, constant);
	wr_u8(&w, cs_id);
	wr_u32(&w, csb_id);
	wr_copy(&w, rand.p, rand.left);
	if ((rc = wr_finish(&w, &n)) != ERR_OK)
		return rc;
	return kdf_prf(k, prf, inkey, view(label, n), out, len);
}

enum err
kdf_mpk(struct kdf *k, uint8_t prf, struct rd k_session, struct rd rand,
    uint8_t *mpk)
{
	return derive(k, prf, k_session, CONST_MPK, ALL_CS, ALL_CSB, rand, mpk,
	    kdf_prf_octets(prf));
}

enum err
kdf_tgk(struct kdf *k, uint8_t prf, struct rd k_session, struct rd rand,
    uint8_t *tgk)
{
	return derive(k, prf, k_session, CONST_TGK, ALL_CS, ALL_CSB, rand, tgk,
	    kdf_prf_octets(prf));
}

enum err
kdf_srtp(struct kdf *k, uint8_t prf, struct rd tgk, uint8_t cs_id,
    uint32_t csb_id, struct rd rand, uint8_t tek[KDF_TEK_LEN],
    uint8_t salt[KDF_SALT_LEN])
{
	enum err rc;

	rc = derive(k, prf, tgk, CONST_TEK, cs_id, csb_id, rand, tek,
	    KDF_TEK_LEN);
	if (rc == ERR_OK)
		rc = derive(k, prf, tgk, CONST_SALT, cs_id, csb_id, rand, salt,
		    KDF_SALT_LEN);
	return rc;
}

enum err
kdf_check_v(struct kdf *k, const struct mikey_msg *m, struct rd mpk,
    struct rd rand, struct rd idi, struct rd idr)
{
	/* MAC algorithms: RFC 3830 clause 6.2, RFC 6043 clause 6.1. */
	static const uint8_t alg_of_prf[] = {1, 2};
	const size_t len = kdf_prf_octets(m->prf);
	uint8_t auth_key[KDF_KEY_MAX], mac[KDF_KEY_MAX];
	enum err rc;

	if (m->prf > MIKEY_PRF_HMAC_SHA256)
		return ERR_UNSUPPORTED;
	if (!m->v.there || m->v.alg != alg_of_prf[m->prf] ||
	    m->v.mac.left != len)
		return ERR_MISMATCH;
	rc = derive(k, m->prf, mpk, CONST_AUTH, ALL_CS, m->csb_id, rand,
	    auth_key, len);
	if (rc == ERR_OK)
		rc = hmac(k, m->prf, view(auth_key, len), m->v.covered, idi,
		    idr, mac);
	if (rc == ERR_OK && !ct_equal(mac, m->v.mac.p, len))
		rc = ERR_MISMATCH;
	explicit_bzero(auth_key, sizeof(auth_key));
	explicit_bzero(mac, sizeof(mac));
	return rc;
}
