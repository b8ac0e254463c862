/* type1_jac: Jacobian coordinates, for public points; inside hsm/ only. */
#ifndef HSM_TYPE1_JAC_H
#define HSM_TYPE1_JAC_H

#include "hsm/type1.h"

struct t1_jac {
	struct fp x, y, z; /* (x/z^2, y/z^3); z = 0 is infinity */
};

/* Z of the result is 2 Y Z; r may be a. */
void t1_jac_double(struct t1_jac *r, const struct t1_jac *a,
    const struct fp_field *f);

/* Z of the result is Z (x_b Z^2 - X) unless a = b or a = infinity. */
void t1_jac_add_affine(struct t1_jac *r, const struct t1_jac *a,
    const struct t1_point *b, const struct fp_field *f);

/*
 * n points and their 1/z with a single inversion; ERR_MISMATCH if one is
 * infinity.
 */
enum err t1_jac_to_affine_vartime(struct t1_point *r, struct fp *zinv,
    const struct t1_jac *a, size_t n, const struct fp_field *f) MUST_CHECK;

#endif
