/* The list of faults. */
#include <stdio.h>
#include <string.h>

#include "exchange_fault.h"

#define AT(message) (1u << (message))
#define I1 AT(EXCHANGE_I1)
#define R1 AT(EXCHANGE_R1)
#define I2 AT(EXCHANGE_I2)
#define R2 AT(EXCHANGE_R2)
#define UI1 AT(EXCHANGE_U_I1)
#define UR1 AT(EXCHANGE_U_R1)
#define ESK AT(EXCHANGE_ESK)
#define FIRST (I1 | R1 | I2 | R2)
#define MESSAGES (FIRST | UI1 | UR1)
#define SEALED (MESSAGES | ESK)

#define KEYS EXCHANGE_KEYS
#define MALF EXCHANGE_MALFORMED
#define UNSUP EXCHANGE_UNSUPPORTED
#define MISM EXCHANGE_TARGET_MISMATCH
#define NOREP EXCHANGE_NOT_REPRODUCIBLE

/* What is seen by whom, and what else it takes. */
#define CALL(i, r) EXCHANGE_NEEDS_NOTHING, i, r, EXCHANGE_NOT_ASKED
#define UPD(i, r) EXCHANGE_NEEDS_UPDATE, i, r, EXCHANGE_NOT_ASKED
#define DEFER(i, r, m) EXCHANGE_NEEDS_DEFERRED, i, r, m

static const struct row {
	struct exchange_fault fault;
	enum fault kind;
	unsigned where, may;
} rows[] = {
    {{"own-secret-i", "x is not from the seed", CALL(NOREP, KEYS)},
	FAULT_OWN_SECRET, I1, I1 | UI1},
    {{"own-secret-r", "y is not from the seed", CALL(KEYS, NOREP)},
	FAULT_OWN_SECRET, R1, R1 | UR1},
    {{"inner-idi", "another IDRi in the envelope", CALL(MISM, KEYS)},
	FAULT_INNER_IDI, R1, SEALED},
    {{"inner-idr", "another IDRr in the envelope", CALL(MISM, KEYS)},
	FAULT_INNER_IDR, R1, I1 | R1 | I2 | UI1 | UR1},
    {{"inner-id-i1", "another IDRi in that envelope", CALL(KEYS, MISM)},
	FAULT_INNER_IDI, I1, I1},
    {{"inner-id-r1", "another IDRr in that envelope", CALL(MISM, KEYS)},
	FAULT_INNER_IDR, R1, R1},
    {{"inner-id-i2", "another IDRi in that envelope", CALL(KEYS, MISM)},
	FAULT_INNER_IDI, I2, I2},
    {{"inner-id-r2", "another IDRi in that envelope", DEFER(MISM, KEYS, KEYS)},
	FAULT_INNER_IDI, R2, R2},
    {{"inner-roles", "the roles of the inner identities are exchanged",
	 CALL(MALF, KEYS)},
	FAULT_INNER_ROLES, R1, SEALED},
    {{"inner-id-type-nai", "the inner IDRi is of type NAI", CALL(MALF, KEYS)},
	FAULT_INNER_NAI, R1, SEALED},
    {{"inner-truncated", "the plaintext lacks its last octet",
	 CALL(MALF, KEYS)},
	FAULT_INNER_TRUNCATED, R1, SEALED},
    {{"inner-trailing-octet", "an octet follows the sub-payloads",
	 CALL(MALF, KEYS)},
	FAULT_INNER_TRAILING, R1, SEALED},
    {{"inner-extra-payload", "one identity more", CALL(MALF, KEYS)},
	FAULT_INNER_EXTRA, R1, SEALED},
    {{"inner-unknown-payload", "a sub-payload of number 77 more",
	 CALL(MALF, KEYS)},
	FAULT_INNER_UNKNOWN, R1, SEALED},
    {{"inner-missing-eccpt", "the sender's new point (of I2: yP) is missing",
	 CALL(MALF, KEYS)},
	FAULT_INNER_MISSING, R1, MESSAGES},
    {{"inner-empty", "a plaintext of no octets", CALL(MALF, KEYS)},
	FAULT_INNER_EMPTY, R1, SEALED},
    {{"curve-unknown", "the points are on ECC curve 5 (P-224)",
	 CALL(UNSUP, UNSUP)},
	FAULT_CURVE_UNKNOWN, FIRST, MESSAGES},
    {{"curves-differ", "xP and yP are on different curves", CALL(UNSUP, UNSUP)},
	FAULT_CURVES_DIFFER, R1, R1 | UR1},
    {{"point-off-curve", "yP (of I1, R2: xP) is not on its curve",
	 CALL(MALF, MALF)},
	FAULT_POINT_OFF_CURVE, R1 | I2, MESSAGES},
    {{"point-infinity-like", "coordinates of that point are zeros",
	 CALL(MALF, MALF)},
	FAULT_POINT_ZERO, R1 | I2, MESSAGES},
    {{"point-compressed", "that point is in compressed form", CALL(MALF, MALF)},
	FAULT_POINT_COMPRESSED, R1 | I2, MESSAGES},
    {{"point-pad-nonzero", "the padding of that point is not zero",
	 CALL(MALF, MALF)},
	FAULT_POINT_PAD, R1 | I2, MESSAGES},
    {{"point-unreduced", "x of that point, on the curve, is over the prime",
	 CALL(MALF, MALF)},
	FAULT_POINT_UNREDUCED, R1 | I2, MESSAGES},
    {{"returned-point",
	 "the point that comes back (R1, R2: xP, I2: yP) is"
	 " another one",
	 CALL(NOREP, KEYS)},
	FAULT_POINT_RETURNED, R1, R1 | I2 | R2 | UR1},
    {{"returned-point-i2", "yP of I2 is not that of R1", CALL(KEYS, NOREP)},
	FAULT_POINT_RETURNED, I2, I2},
    {{"returned-point-r2", "xP of R2 is not that of I2",
	 DEFER(NOREP, KEYS, KEYS)},
	FAULT_POINT_RETURNED, R2, R2},
    {{"kv-unknown", "a point has KV 3", CALL(MALF, KEYS)}, FAULT_KV_UNKNOWN, R1,
	SEALED},
    {{"envelope-bit", "one bit of W is flipped", CALL(NOREP, KEYS)},
	FAULT_ENVELOPE_BIT, R1, SEALED},
    {{"envelope-bit-v", "one bit of V is flipped", CALL(NOREP, KEYS)},
	FAULT_ENVELOPE_BIT_V, R1, SEALED},
    {{"envelope-bit-u", "one bit of x of U is flipped", CALL(NOREP, KEYS)},
	FAULT_ENVELOPE_BIT_U, R1, SEALED},
    {{"envelope-not-der", "no DER at all", CALL(NOREP, KEYS)},
	FAULT_ENVELOPE_NOT_DER, R1, SEALED},
    {{"envelope-ber", "a length that is not the shortest", CALL(NOREP, KEYS)},
	FAULT_ENVELOPE_BER, R1, SEALED},
    {{"envelope-trailing", "an octet follows the BFCiphertextBlock",
	 CALL(NOREP, KEYS)},
	FAULT_ENVELOPE_TRAILING, R1, SEALED},
    {{"envelope-version", "BFCiphertextBlock of version 3", CALL(NOREP, KEYS)},
	FAULT_ENVELOPE_VERSION, R1, SEALED},
    {{"envelope-v-short", "V lacks an octet", CALL(NOREP, KEYS)},
	FAULT_ENVELOPE_V_SHORT, R1, SEALED},
    {{"envelope-u-off-curve", "U is not on the curve", CALL(NOREP, KEYS)},
	FAULT_U_OFF_CURVE, R1, SEALED},
    {{"envelope-u-unreduced", "x of U is over p", CALL(NOREP, KEYS)},
	FAULT_U_UNREDUCED, R1, SEALED},
    {{"envelope-u-negated", "-U in the place of U", CALL(NOREP, KEYS)},
	FAULT_U_NEGATED, R1, SEALED},
    {{"envelope-u-order2", "U of order 2, the rest as for a pairing of 1",
	 CALL(NOREP, KEYS)},
	FAULT_U_ORDER2, R1, SEALED},
    {{"envelope-u-order3", "U of order 3, the rest as for a pairing of 1",
	 CALL(NOREP, KEYS)},
	FAULT_U_ORDER3, R1, SEALED},
    {{"envelope-u-plus2", "a point of order 2 is added to U",
	 CALL(NOREP, KEYS)},
	FAULT_U_PLUS2, R1, SEALED},
    {{"envelope-u-plus3", "a point of order 3 is added to U",
	 CALL(NOREP, KEYS)},
	FAULT_U_PLUS3, R1, SEALED},
    {{"envelope-u-whole-group", "a point of the whole group is added to U",
	 CALL(NOREP, KEYS)},
	FAULT_U_WHOLE, R1, SEALED},
    {{"envelope-other-id", "encrypted to another identity", CALL(NOREP, KEYS)},
	FAULT_OTHER_ID, R1, SEALED},
    {{"envelope-other-day", "encrypted to the next key period",
	 CALL(NOREP, KEYS)},
	FAULT_OTHER_DAY, R1, SEALED},
    {{"version", "MIKEY version 2", CALL(MALF, MALF)}, FAULT_VERSION, R1,
	MESSAGES},
    {{"data-type", "data type 21", CALL(MALF, MALF)}, FAULT_DATA_TYPE, R1,
	MESSAGES},
    {{"csb-r1", "another CSB ID in R1", CALL(MISM, MISM)}, FAULT_CSB, R1,
	MESSAGES},
    {{"csb-i2", "another CSB ID in I2", CALL(MISM, MISM)}, FAULT_CSB, I2,
	MESSAGES},
    {{"csb-r2", "another CSB ID in R2", CALL(MISM, MISM)}, FAULT_CSB, R2,
	MESSAGES},
    {{"prf-r1", "the other PRF in R1", CALL(MISM, MISM)}, FAULT_PRF_OTHER, R1,
	MESSAGES},
    {{"prf-unknown", "PRF 2", CALL(UNSUP, UNSUP)}, FAULT_PRF_UNKNOWN, FIRST,
	MESSAGES},
    {{"v-flag", "the V flag is the wrong one", CALL(KEYS, KEYS)}, FAULT_V_FLAG,
	FIRST, MESSAGES},
    {{"map-type", "CS ID map of type 1, empty", CALL(MALF, MALF)},
	FAULT_MAP_TYPE, FIRST, MESSAGES},
    {{"cs-zero", "no crypto session", CALL(MALF, MALF)}, FAULT_CS_ZERO, R1,
	MESSAGES},
    {{"t-r1", "T of R1 is not that of I1", CALL(MISM, MISM)}, FAULT_T_OTHER, R1,
	R1 | R2 | UR1},
    {{"t-r2", "T of R2 is not that of I2", CALL(MISM, MISM)}, FAULT_T_OTHER, R2,
	R1 | R2 | UR1},
    {{"t-i2-not-later", "T of I2 is that of I1", CALL(MISM, MISM)},
	FAULT_T_NOT_LATER, I2, I2 | UI1},
    {{"t-missing", "no T payload", CALL(MALF, MALF)}, FAULT_T_MISSING, R1,
	MESSAGES},
    {{"ts-type-mixed", "T of another type in I2 and R2", CALL(MISM, MISM)},
	FAULT_TS_MIXED, I2 | R2, MESSAGES},
    {{"ts-type-unknown", "T of type 5", CALL(MALF, MALF)}, FAULT_TS_UNKNOWN, R1,
	MESSAGES},
    {{"rand-i2", "RAND of I2 is not that of I1", CALL(MISM, MISM)},
	FAULT_RAND_OTHER, I2, I2},
    {{"rand-short", "RAND of 8 octets", CALL(MALF, MALF)}, FAULT_RAND_SHORT,
	I1 | I2, I1 | I2},
    {{"rand-missing", "no RAND in I1", CALL(MALF, MALF)}, FAULT_RAND_MISSING,
	I1, I1 | I2},
    {{"outer-idi", "another IDRi outside", CALL(MISM, MISM)}, FAULT_IDI_OTHER,
	R1, MESSAGES},
    {{"outer-idr", "another IDRr outside", CALL(MISM, MISM)}, FAULT_IDR_OTHER,
	I2, MESSAGES},
    {{"idi-missing", "no IDRi", CALL(MALF, MALF)}, FAULT_IDI_MISSING, R1,
	MESSAGES},
    {{"idr-missing", "no IDRr", CALL(MALF, MALF)}, FAULT_IDR_MISSING, R1,
	MESSAGES},
    {{"id-type-nai", "IDRr of type NAI", CALL(MALF, MALF)}, FAULT_ID_NAI, R1,
	MESSAGES},
    {{"id-role", "IDRr with role 3", CALL(MALF, MALF)}, FAULT_ID_ROLE, R1,
	MESSAGES},
    {{"ibake-missing", "no IBAKE payload", CALL(MALF, MALF)},
	FAULT_IBAKE_MISSING, R1, MESSAGES},
    {{"ibake-twice", "two IBAKE payloads", CALL(MALF, MALF)}, FAULT_IBAKE_TWICE,
	R1, MESSAGES},
    {{"unknown-payload", "a payload of number 77", CALL(MALF, MALF)},
	FAULT_UNKNOWN_PAYLOAD, R1, MESSAGES},
    {{"trailing-octet", "an octet follows the message", CALL(MALF, MALF)},
	FAULT_TRAILING, R1, I1 | R1 | I2 | UI1},
    {{"truncated", "the message lacks its last octet", CALL(MALF, MALF)},
	FAULT_TRUNCATED, R1, I1 | R1 | I2 | UI1},
    {{"sp-key-32", "SP with a session key of 32 octets", CALL(UNSUP, UNSUP)},
	FAULT_SP_KEY, I1, I1 | R1 | UI1 | UR1},
    {{"sp-salt-16", "SP with a salt of 16 octets", CALL(UNSUP, UNSUP)},
	FAULT_SP_SALT, I1, I1 | R1 | UI1 | UR1},
    {{"sp-unknown-prot", "SP for protocol 7", CALL(UNSUP, UNSUP)},
	FAULT_SP_PROT, I1, I1 | R1 | UI1 | UR1},
    {{"sp-malformed", "SP whose last parameter is cut", CALL(MALF, MALF)},
	FAULT_SP_MALFORMED, I1, I1 | R1 | UI1 | UR1},
    {{"sp-twice", "two SP with one Policy no", CALL(MALF, MALF)},
	FAULT_SP_TWICE, I1, I1 | R1 | UI1 | UR1},
    {{"v-wrong", "one bit of V of R2 is flipped", CALL(NOREP, NOREP)},
	FAULT_V_WRONG, R2, R2 | UR1},
    {{"v-null", "V with the NULL algorithm", CALL(NOREP, NOREP)}, FAULT_V_NULL,
	R2, R2 | UR1},
    {{"v-other-alg", "V by the other PRF's algorithm", CALL(NOREP, NOREP)},
	FAULT_V_OTHER_ALG, R2, R2 | UR1},
    {{"v-short", "V lacks an octet", CALL(NOREP, NOREP)}, FAULT_V_SHORT, R2,
	R2 | UR1},
    {{"v-missing", "R2 without V", CALL(MALF, MALF)}, FAULT_V_MISSING, R2,
	R2 | UR1},
    {{"v-over-called", "V over the identity called, not who answered",
	 DEFER(NOREP, NOREP, KEYS)},
	FAULT_V_CALLED, R2, R2},
    {{"eccpt-missing-r1-no-r2", "deferred delivery, and R2 never came",
	 CALL(NOREP, KEYS)},
	FAULT_R2_MISSING, R2, R2},
    {{"r2-without-ibake", "deferred delivery, R2 without IBAKE",
	 DEFER(NOREP, KEYS, KEYS)},
	FAULT_IBAKE_MISSING, R2, R2},
    {{"own-sk", "SK in the ESK is not from the seed", DEFER(KEYS, KEYS, KEYS)},
	FAULT_OWN_SK, ESK, ESK},
    {{"esk-missing", "I2 without ESK", DEFER(KEYS, KEYS, MISM)},
	FAULT_ESK_MISSING, I2, I1 | I2},
    {{"esk-inner-id", "another identity in the ESK", DEFER(KEYS, KEYS, MISM)},
	FAULT_INNER_IDI, ESK, ESK},
    {{"esk-other-id", "the ESK is encrypted to another identity",
	 DEFER(KEYS, KEYS, NOREP)},
	FAULT_OTHER_ID, ESK, ESK},
    {{"esk-bit", "one bit of the ESK's W is flipped", DEFER(KEYS, KEYS, NOREP)},
	FAULT_ENVELOPE_BIT, ESK, ESK},
    {{"sk-short", "SK of 15 octets", DEFER(KEYS, KEYS, MALF)}, FAULT_SK_SHORT,
	ESK, ESK},
    {{"sk-type", "SK of type 2", DEFER(KEYS, KEYS, MALF)}, FAULT_SK_TYPE, ESK,
	ESK},
    {{"update-own-secret-i", "x of the update is not from the seed",
	 UPD(NOREP, KEYS)},
	FAULT_OWN_SECRET, UI1, UI1},
    {{"update-own-secret-r", "y of the update is not from the seed",
	 UPD(KEYS, NOREP)},
	FAULT_OWN_SECRET, UR1, UR1},
    {{"update-with-rand", "a RAND in the update's I1", UPD(MISM, MISM)},
	FAULT_RAND_EXTRA, UI1, UI1 | UR1},
    {{"update-csb", "another CSB ID in the update", UPD(MISM, MISM)}, FAULT_CSB,
	UI1 | UR1, UI1 | UR1},
    {{"update-prf", "the other PRF in the update", UPD(MISM, MISM)},
	FAULT_PRF_OTHER, UI1 | UR1, UI1 | UR1},
    {{"update-ts-type", "T of another type in the update", UPD(MISM, MISM)},
	FAULT_TS_MIXED, UI1 | UR1, UI1 | UR1},
    {{"update-t-not-later", "T of the update is that of I1", UPD(MISM, MISM)},
	FAULT_T_NOT_LATER, UI1, UI1},
    {{"update-t-r1", "T of the update's R1 is not that of its I1",
	 UPD(MISM, MISM)},
	FAULT_T_OTHER, UR1, UR1},
    {{"update-outer-idr", "another IDRr outside", UPD(MISM, MISM)},
	FAULT_IDR_OTHER, UI1 | UR1, UI1 | UR1},
    {{"update-inner-id", "another IDRi in the envelope of the update's I1",
	 UPD(KEYS, MISM)},
	FAULT_INNER_IDI, UI1, UI1 | UR1},
    {{"update-ibake-one-side", "the update's R1 lacks IBAKE", UPD(MALF, MALF)},
	FAULT_IBAKE_MISSING, UR1, UI1 | UR1},
    {{"update-v-wrong", "one bit of the update's V is flipped",
	 UPD(NOREP, NOREP)},
	FAULT_V_WRONG, UR1, UR1},
    {{"update-v-missing", "the update's R1 lacks V", UPD(MALF, MALF)},
	FAULT_V_MISSING, UR1, UR1},
};
#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

static const char *const places[] = {[EXCHANGE_I1] = "i1",
    [EXCHANGE_R1] = "r1",
    [EXCHANGE_I2] = "i2",
    [EXCHANGE_R2] = "r2",
    [EXCHANGE_U_I1] = "u-i1",
    [EXCHANGE_U_R1] = "u-r1",
    [EXCHANGE_ESK] = "esk"};
#define N_PLACES (sizeof(places) / sizeof(places[0]))

const char *
exchange_message_name(enum exchange_message m)
{
	return places[m];
}

const char *
exchange_outcome_name(enum exchange_outcome o)
{
	static const char *const names[] = {[EXCHANGE_KEYS] = "keys",
	    [EXCHANGE_MALFORMED] = "malformed",
	    [EXCHANGE_UNSUPPORTED] = "unsupported",
	    [EXCHANGE_TARGET_MISMATCH] = "targetMismatch",
	    [EXCHANGE_NOT_REPRODUCIBLE] = "notReproducible",
	    [EXCHANGE_NOT_ASKED] = "-"};

	return names[o];
}

const char *
exchange_needs_name(enum exchange_needs n)
{
	static const char *const names[] = {[EXCHANGE_NEEDS_NOTHING] = "-",
	    [EXCHANGE_NEEDS_UPDATE] = "update",
	    [EXCHANGE_NEEDS_DEFERRED] = "deferred"};

	return names[n];
}

bool
exchange_fault_get(size_t n, struct exchange_fault *out)
{
	if (n >= N_ROWS)
		return false;
	*out = rows[n].fault;
	return true;
}

bool
exchange_fault_at(const struct exchange_spec *s, enum fault f, unsigned place)
{
	return (s->fault[f] & 1u << place) != 0;
}

static enum err
place_of(const char *name, unsigned *out)
{
	for (unsigned i = 0; i < N_PLACES; i++) {
		if (strcmp(places[i], name) == 0) {
			*out = 1u << i;
			return ERR_OK;
		}
	}
	return ERR_NOTFOUND;
}

enum err
exchange_fault_add(struct exchange_spec *s, const char *text, struct why *why)
{
	const size_t n = strcspn(text, "@");
	unsigned where = 0;

	if (text[n] != '\0' && place_of(text + n + 1, &where) != ERR_OK)
		return why_set(why, ERR_NOTFOUND, "%s: no such message", text);
	for (size_t i = 0; i < N_ROWS; i++) {
		const struct row *r = &rows[i];

		if (strlen(r->fault.name) != n ||
		    strncmp(r->fault.name, text, n) != 0)
			continue;
		if ((where & ~r->may) != 0)
			return why_set(why, ERR_UNSUPPORTED,
			    "%s: the fault cannot be in that message", text);
		s->fault[r->kind] |= where != 0 ? where : r->where;
		if (r->kind == FAULT_R2_MISSING)
			s->deferred = true;
		return ERR_OK;
	}
	return why_set(why, ERR_NOTFOUND, "%s: no such fault", text);
}
