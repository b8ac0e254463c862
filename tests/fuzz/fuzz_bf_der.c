/*
 * BFPublicParameters: what decodes is encoded as the same octets; what can be
 * loaded with them hashes an identity to a point of the subgroup.
 */
#include "der_mutate.h"
#include "hsm/bf.h"
#include "hsm/bf_der.h"
#include "hsm/ibe.h"

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size,
    unsigned int seed)
{
	return der_mutate(data, size, max_size, seed);
}

static void
check_loaded(struct rd der)
{
	static const uint8_t id[] = "sip:bob@example.net20240229";
	static const uint8_t plain[] = "plain";
	uint8_t u[IBE_POINT_MAX], v[64], w[sizeof(plain)];
	struct ibe *ibe = NULL;
	struct why why;
	struct rd r;

	if (ibe_load("ss512", der, &ibe, &why) != ERR_OK) {
		MUST(ibe == NULL);
		return;
	}
	rd_init(&r, id, sizeof(id) - 1);
	MUST(ibe_coordinate_octets(ibe) == 64 && ibe_v_octets(ibe) == 20);
	MUST(ibe_encrypt(ibe, r, plain, sizeof(plain), u, v, w) == ERR_OK);
	ibe_free(&ibe);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t again[8192];
	struct bf_public b;
	struct why why;
	struct rd in, out;
	size_t len;
	enum err rc;

	rd_init(&in, data, size);
	bf_public_init(&b);
	if (bf_public_decode(in, &b, &why) == ERR_OK) {
		rc = bf_public_encode(&b, again, sizeof(again), &len);
		MUST(rc == ERR_OK || rc == ERR_TOOBIG);
		rd_init(&out, again, len);
		if (rc == ERR_OK)
			MUST(rd_equal(&in, &out));
		check_loaded(in);
	}
	bf_public_clear(&b);
	return 0;
}
