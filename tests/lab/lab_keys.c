#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "lab_keys.h"

#define PRF_SHA1 0
#define PRF_SHA256 1

/* RFC 3830 4.1.3 and 4.1.4, RFC 6267 5.1. */
#define CONST_TEK 0x2ad01c64
#define CONST_SALT 0x39a2c14b
#define CONST_AUTH 0x2d22ac75
#define CONST_MPK 0x220e99a2
#define CONST_TGK 0x1f4d675b

#define NO_CS 0xff /* in the place of a CS ID */
#define LABEL_MAX (4 + 1 + 4 + 255)

size_t
lab_prf_len(uint8_t prf)
{
	if (prf == PRF_SHA1)
		return 20;
	return prf == PRF_SHA256 ? 32 : 0;
}

static enum err
hmac(uint8_t prf, struct rd key, struct rd data, uint8_t *out)
{
	const EVP_MD *md = prf == PRF_SHA1 ? EVP_sha1() : EVP_sha256();

	if (HMAC(md, key.p, (int)key.left, data.p, data.left, out, NULL) ==
	    NULL)
		return ERR_CRYPTO;
	return ERR_OK;
}

/* out ^= P(s, label, m) of RFC 3830 4.1.2, cut to len. */
static enum err
p_function(uint8_t prf, struct rd s, struct rd label, uint8_t *out, size_t len)
{
	const size_t h = lab_prf_len(prf);
	uint8_t a[LAB_PRF_MAX + LABEL_MAX], block[LAB_PRF_MAX];
	struct rd in;
	enum err rc;

	/* a holds A_i || label; A_1 = HMAC(s, label). */
	memcpy(a + h, label.p, label.left);
	if ((rc = hmac(prf, s, label, a)) != ERR_OK)
		goto out;
	for (size_t done = 0; done < len; done += h) {
		rd_init(&in, a, h + label.left);
		if ((rc = hmac(prf, s, in, block)) != ERR_OK)
			goto out;
		for (size_t i = 0; i < h && done + i < len; i++)
			out[done + i] ^= block[i];
		rd_init(&in, a, h);
		if ((rc = hmac(prf, s, in, block)) != ERR_OK)
			goto out;
		memcpy(a, block, h);
	}
out:
	explicit_bzero(a, sizeof(a));
	explicit_bzero(block, sizeof(block));
	return rc;
}

enum err
lab_prf(uint8_t prf, struct rd key, struct rd label, uint8_t *out, size_t len)
{
	struct rd part;
	enum err rc;

	if (lab_prf_len(prf) == 0)
		return ERR_UNSUPPORTED;
	if (key.left == 0 || label.left > LABEL_MAX)
		return ERR_TOOBIG;
	memset(out, 0, len);
	while (key.left > 0) { /* blocks of 256 bit, the last may be shorter */
		size_t n = key.left < 32 ? key.left : 32;

		if ((rc = rd_view(&key, n, &part)) != ERR_OK ||
		    (rc = p_function(prf, part, label, out, len)) != ERR_OK)
			return rc;
	}
	return ERR_OK;
}

/* constant || cs_id || csb_id || RAND */
static enum err
derive(const struct lab_csb *csb, struct rd key, uint32_t constant,
    uint8_t cs_id, uint8_t *out, size_t len)
{
	uint8_t buf[LABEL_MAX];
	struct rd label;
	struct wr w;
	size_t n;
	enum err rc;

	wr_init(&w, buf, sizeof(buf));
	wr_u32(&w, constant);
	wr_u8(&w, cs_id);
	wr_u32(&w, csb->id);
	wr_copy(&w, csb->rand.p, csb->rand.left);
	if ((rc = wr_finish(&w, &n)) != ERR_OK)
		return rc;
	rd_init(&label, buf, n);
	return lab_prf(csb->prf, key, label, out, len);
}

/* MPK and TGK have 0xFFFFFFFF where the other labels have the CSB ID. */
static enum err
derive_first(const struct lab_csb *csb, struct rd key, uint32_t constant,
    uint8_t *out)
{
	struct lab_csb any = *csb;

	any.id = 0xffffffff;
	return derive(&any, key, constant, NO_CS, out, lab_prf_len(csb->prf));
}

enum err
lab_mpk(const struct lab_csb *csb, struct rd k_session, uint8_t *out)
{
	return derive_first(csb, k_session, CONST_MPK, out);
}

enum err
lab_tgk(const struct lab_csb *csb, struct rd k_session, uint8_t *out)
{
	return derive_first(csb, k_session, CONST_TGK, out);
}

enum err
lab_auth_key(const struct lab_csb *csb, const uint8_t *mpk, uint8_t *out)
{
	const size_t len = lab_prf_len(csb->prf);
	struct rd key;

	rd_init(&key, mpk, len);
	return derive(csb, key, CONST_AUTH, NO_CS, out, len);
}

enum err
lab_v(uint8_t prf, const uint8_t *auth_key, struct rd message, struct rd idi,
    struct rd idr, uint8_t *out)
{
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *ctx = mac != NULL ? EVP_MAC_CTX_new(mac) : NULL;
	char sha1[] = "SHA1", sha256[] = "SHA256";
	OSSL_PARAM params[2];
	size_t len = lab_prf_len(prf);
	enum err rc = ERR_CRYPTO;

	params[0] = OSSL_PARAM_construct_utf8_string("digest",
	    prf == PRF_SHA1 ? sha1 : sha256, 0);
	params[1] = OSSL_PARAM_construct_end();
	if (ctx != NULL && EVP_MAC_init(ctx, auth_key, len, params) == 1 &&
	    EVP_MAC_update(ctx, message.p, message.left) == 1 &&
	    EVP_MAC_update(ctx, idi.p, idi.left) == 1 &&
	    EVP_MAC_update(ctx, idr.p, idr.left) == 1 &&
	    EVP_MAC_final(ctx, out, &len, len) == 1)
		rc = ERR_OK;
	EVP_MAC_CTX_free(ctx);
	EVP_MAC_free(mac);
	return rc;
}

enum err
lab_tek(const struct lab_csb *csb, struct rd tgk, uint8_t cs_id, uint8_t *tek,
    uint8_t *salt)
{
	enum err rc;

	if ((rc = derive(csb, tgk, CONST_TEK, cs_id, tek, LAB_TEK_LEN)) !=
	    ERR_OK)
		return rc;
	return derive(csb, tgk, CONST_SALT, cs_id, salt, LAB_SALT_LEN);
}

#define DRAW_MAX 96 /* octets of K, whole blocks of HMAC-SHA-256 */

/* SP 800-108r1 in counter mode: whole blocks, at least `bits` of them. */
static enum err
draw(const struct lab_draw *d, enum lab_role role, uint32_t bits, uint8_t *k)
{
	static const char purpose[] = "MIKEY-IBAKE ephemeral"; /* and its 00 */
	uint8_t in[1024];
	struct rd key, data;
	struct wr w;
	size_t len;
	enum err rc;

	if (d->label.left > LAB_LABEL_MAX || d->identity.left > 0xffff)
		return ERR_TOOBIG;
	rd_init(&key, d->seed, LAB_SEED_LEN);
	for (uint32_t i = 1; (i - 1) * 256 < bits; i++) {
		wr_init(&w, in, sizeof(in));
		wr_u32(&w, i);
		wr_copy(&w, purpose, sizeof(purpose));
		wr_u8(&w, (uint8_t)role);
		wr_view16(&w, d->identity.p, d->identity.left);
		wr_u32(&w, d->csb_id);
		wr_u64(&w, d->counter);
		wr_copy(&w, d->label.p, d->label.left);
		wr_u32(&w, bits);
		if ((rc = wr_finish(&w, &len)) != ERR_OK)
			return rc;
		rd_init(&data, in, len);
		if ((rc = hmac(PRF_SHA256, key, data,
			 k + (size_t)(i - 1) * 32)) != ERR_OK)
			return rc;
	}
	return ERR_OK;
}

enum err
lab_secret(const struct lab_draw *d, enum lab_role role,
    const struct lab_ec *ec, BIGNUM **out)
{
	const uint32_t bits = ec->order_bits + 64;
	const uint32_t octets = (bits + 7) / 8;
	BIGNUM *n = NULL, *k = NULL;
	BN_CTX *ctx = BN_CTX_secure_new();
	uint8_t buf[DRAW_MAX];
	enum err rc;

	if ((rc = draw(d, role, bits, buf)) != ERR_OK ||
	    (rc = lab_ec_order(ec, &n)) != ERR_OK)
		goto out;
	rc = ERR_CRYPTO;
	/* Leftmost bits: what is over in the last octet falls off. */
	if (ctx == NULL || (k = BN_bin2bn(buf, (int)octets, NULL)) == NULL ||
	    !BN_rshift(k, k, (int)(8 * octets - bits)) || !BN_sub_word(n, 1) ||
	    !BN_nnmod(k, k, n, ctx) || !BN_add_word(k, 1))
		goto out;
	*out = k;
	k = NULL; /* now the caller's */
	rc = ERR_OK;
out:
	BN_free(n);
	BN_clear_free(k);
	BN_CTX_free(ctx);
	explicit_bzero(buf, sizeof(buf));
	return rc;
}

enum err
lab_sk(const struct lab_draw *d, uint8_t *out)
{
	uint8_t buf[DRAW_MAX];
	enum err rc;

	if ((rc = draw(d, LAB_ROLE_SK, 8 * LAB_TEK_LEN, buf)) == ERR_OK)
		memcpy(out, buf, LAB_TEK_LEN);
	explicit_bzero(buf, sizeof(buf));
	return rc;
}
