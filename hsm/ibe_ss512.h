/* ibe_ss512: the making of ss512 parameters; inside hsm/ only. */
#ifndef HSM_IBE_SS512_H
#define HSM_IBE_SS512_H

#include "base/bytes.h"

#define SS512_P_BITS 512
#define SS512_Q_BITS 160
#define SS512_COORD 64

enum err ss512_setup_new(void **out) MUST_CHECK;
void ss512_setup_free(void *);
struct rd ss512_setup_ec_params(const void *);
struct rd ss512_setup_subgroup_params(const void *);

/* G as 04 || x || y: what a master secret of 1 would give (bench). */
void ss512_setup_base_point(const void *, uint8_t point[1 + 2 * SS512_COORD]);
enum err ss512_setup_finish(const void *, struct rd point, uint8_t *der,
    size_t *len) MUST_CHECK;

#endif
