/*
 * The random secret: what the seed's MAC gives is secret, and so is every step
 * to x, y and SK.
 */
#include <string.h>

#include "ct.h"
#include "xk/ec.h"
#include "xk/kdf.h"

static enum err
mac(void *ctx, const uint8_t *data, size_t len, uint8_t out[32])
{
	(void)ctx;
	for (size_t i = 0; i < 32; i++)
		out[i] = (uint8_t)(data[i % len] + 7 * i);
	CT_SECRET(out, 32);
	return ERR_OK;
}

int
main(void)
{
	static const uint8_t curves[] = {8, 11, 14};
	const struct kdf_seed seed = {mac, NULL};
	struct kdf_secret_in in = {.role = KDF_ROLE_INITIATOR,
	    .csb_id = 1,
	    .c = 2};
	uint8_t out[MAX_SCALAR], sk[KDF_SK_LEN];

	MUST_BE_UNDER_VALGRIND;
	rd_init(&in.id, "sip:a@example.com", 17);
	for (unsigned i = 0; i < sizeof(curves); i++)
		MUST(kdf_secret(&seed, &in, curves[i], out) == ERR_OK);
	in.role = KDF_ROLE_SK;
	MUST(kdf_sk(&seed, &in, sk) == ERR_OK);
	return 0;
}
