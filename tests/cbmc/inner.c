/*
 * xk/inner: the plaintext of an envelope, any octets up to N.  The lengths of
 * points come from xk/ec, which is OpenSSL's door; here they are any that a
 * curve could have.
 */
#include "proof.h"
#include "xk/inner.h"

size_t ec_point_octets(uint8_t curve);

size_t
ec_point_octets(uint8_t curve)
{
	return curve == 8 ? 5 : curve == 11 ? 7 : curve == 14 ? 8 : 0;
}

int
main(void)
{
	uint8_t room[N];
	const struct rd whole = any_octets(room);
	const uint8_t kind = nondet_u8();
	struct inner in;

	ASSUME(kind <= INNER_ESK);
	if (inner_parse(whole, (enum inner_kind)kind, &in) != ERR_OK)
		return 0;
	must_be_within(whole, in.idri);
	must_be_within(whole, in.idrr);
	must_be_within(whole, in.sk);
	must_be_within(whole, in.ecc_i.octets);
	must_be_within(whole, in.ecc_i.mki);
	must_be_within(whole, in.ecc_r.octets);
	must_be_within(whole, in.ecc_r.mki);
	MUST(in.idri.left > 0);
	MUST(kind != INNER_ESK || in.sk.left == 16);
	MUST(kind != INNER_R_MESSAGE_1 || in.ecc_r.there);
	return 0;
}
