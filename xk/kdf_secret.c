/*
 * The random secret: SP 800-108r1 in counter mode with HMAC-SHA-256 under the
 * subscriber's seed, which is in the token.
 */
#include <string.h>

#include "base/ctmod.h"
#include "base/secret.h"
#include "xk/ec.h"
#include "xk/kdf.h"

#define PURPOSE "MIKEY-IBAKE ephemeral" /* with its NUL: the 00 between */
#define K_MAX 74 /* 585 bit */
#define CONTEXT_MAX (MAX_MIKEY + MAX_SEED_LABEL + 64)

/*
 * The leftmost `bits` of block 1 || block 2 || .., right-aligned in the octets
 * that hold them: a number as it is used, SK as it is sent.
 */
static enum err
expand(const struct kdf_seed *seed, const struct kdf_secret_in *in,
    uint32_t bits, uint8_t *out)
{
	const size_t len = (bits + 7) / 8;
	const unsigned spare = (unsigned)(8 * len - bits);
	uint8_t data[CONTEXT_MAX], block[32];
	unsigned carry = 0;
	enum err rc = ERR_OK;
	struct wr w;
	size_t n;

	if (in->label.left > MAX_SEED_LABEL || in->id.left > MAX_MIKEY)
		return ERR_TOOBIG;
	for (size_t at = 0; at < len && rc == ERR_OK; at += sizeof(block)) {
		wr_init(&w, data, sizeof(data));
		wr_u32(&w, (uint32_t)(at / sizeof(block) + 1));
		wr_copy(&w, PURPOSE, sizeof(PURPOSE));
		wr_u8(&w, (uint8_t)in->role);
		wr_view16(&w, in->id.p, in->id.left);
		wr_u32(&w, in->csb_id);
		wr_u64(&w, in->c);
		wr_copy(&w, in->label.p, in->label.left);
		wr_u32(&w, bits);
		if ((rc = wr_finish(&w, &n)) != ERR_OK ||
		    (rc = seed->mac(seed->ctx, data, n, block)) != ERR_OK)
			break;
		memcpy(out + at, block,
		    len - at < sizeof(block) ? len - at : sizeof(block));
	}
	if (rc == ERR_OK && spare > 0)
		for (size_t i = 0; i < len; i++) {
			const unsigned v = out[i];

			out[i] = (uint8_t)(carry << (8 - spare) | v >> spare);
			carry = v & ((1U << spare) - 1);
		}
	explicit_bzero(block, sizeof(block));
	return rc;
}

/* n - 1: the orders are odd */
static void
order_less_one(uint8_t *out, uint8_t curve)
{
	const size_t len = ec_order_octets(curve);

	memcpy(out, ec_order(curve), len);
	out[len - 1] = (uint8_t)(out[len - 1] - 1);
}

enum err
kdf_secret(const struct kdf_seed *seed, const struct kdf_secret_in *in,
    uint8_t curve, uint8_t *out)
{
	const uint32_t bits = ec_order_bits(curve) + 64;
	const size_t len = ec_order_octets(curve);
	uint8_t k[K_MAX], m[MAX_SCALAR];
	enum err rc;

	if (len == 0)
		return ERR_UNSUPPORTED;
	if (in->role != KDF_ROLE_INITIATOR && in->role != KDF_ROLE_RESPONDER)
		return ERR_INTERNAL;
	if ((rc = expand(seed, in, bits, k)) != ERR_OK)
		goto out;
	order_less_one(m, curve);
	if ((rc = ct_mod(out, k, (bits + 7) / 8, m, len)) == ERR_OK)
		ct_add_one(out, out, len);
out:
	explicit_bzero(k, sizeof(k));
	return rc;
}

enum err
kdf_sk(const struct kdf_seed *seed, const struct kdf_secret_in *in,
    uint8_t sk[KDF_SK_LEN])
{
	if (in->role != KDF_ROLE_SK)
		return ERR_INTERNAL;
	return expand(seed, in, 8 * KDF_SK_LEN, sk);
}
