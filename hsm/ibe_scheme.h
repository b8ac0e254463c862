/* ibe_scheme: what a scheme gives to hsm/ibe.c; inside hsm/ only. */
#ifndef HSM_IBE_SCHEME_H
#define HSM_IBE_SCHEME_H

#include "hsm/ibe.h"

struct ibe_scheme {
	struct ibe_strength strength;

	enum err (*setup_new)(void **out);
	void (*setup_free)(void *);
	struct rd (*setup_ec_params)(const void *);
	struct rd (*setup_subgroup_params)(const void *);
	enum err (*setup_finish)(const void *, struct rd point, uint8_t *der,
	    size_t *len);

	enum err (*load)(struct rd der, void **out, struct why *why);
	void (*free)(void *);
	size_t (*coordinate_octets)(const void *);
	size_t (*v_octets)(const void *);
	void (*known_product)(const void *, uint8_t *point, uint8_t *x);
	enum err (*open)(void *, const struct ibe_token *, const struct rd *ids,
	    size_t n_ids, const struct ibe_envelope *, uint8_t *plain,
	    size_t *which);
	enum err (*encrypt)(void *, struct rd id, const uint8_t *plain,
	    size_t len, uint8_t *u, uint8_t *v, uint8_t *w);
	enum err (*private_key)(void *, const struct ibe_token *, struct rd id,
	    uint8_t *der, size_t *len);
	void (*forget_ids)(void *);
};

extern const struct ibe_scheme ibe_ss512;

#endif
