/*
 * lab_mikey: the four messages of MIKEY-IBAKE (RFC 6267) and what stands
 * inside their envelopes, bytes to structs and back.  No cryptography.
 */
#ifndef TESTS_LAB_MIKEY_H
#define TESTS_LAB_MIKEY_H

#include <stdbool.h>

#include "base/bytes.h"
#include "lab_ec.h"

#define LAB_MIKEY_MAX 8192 /* octets of a message that we print */
#define LAB_CS_MAX 255
#define LAB_ID_TYPE_URI 1

enum mikey_type {
	MIKEY_I_MESSAGE_1 = 22,
	MIKEY_R_MESSAGE_1 = 23,
	MIKEY_I_MESSAGE_2 = 24,
	MIKEY_R_MESSAGE_2 = 25
};

/* "I_MESSAGE_1" and so on. */
const char *mikey_type_name(enum mikey_type);

/* Timestamp kinds; the value is `t_len` octets. */
enum mikey_t {
	MIKEY_T_NTP_UTC = 0,
	MIKEY_T_NTP = 1,
	MIKEY_T_COUNTER = 2,
	MIKEY_T_NTP_UTC_32 = 3
};

struct mikey_cs {
	uint8_t policy;
	uint32_t ssrc, roc;
};

/*
 * One message.  Views point into the octets it was read from; a view with
 * p == NULL is a payload that is not there.
 */
struct mikey {
	enum mikey_type type;
	bool v_flag;
	uint8_t prf;
	uint32_t csb_id;
	size_t n_cs;
	struct mikey_cs cs[LAB_CS_MAX]; /* cs_id is the index plus 1 */
	uint8_t t_type;
	uint64_t t; /* as 64 bit: C of the profile, section 3 */
	struct rd rand, idi, idr, ibake, esk;
	uint8_t v_alg;
	struct rd v;
	struct rd covered; /* what V is over: everything before it */
	size_t n_skipped; /* SP and General Extension payloads let through */
};

/* ERR_MALFORMED, ERR_TRUNCATED, ERR_UNSUPPORTED; *m is undefined then. */
enum err mikey_parse(const void *p, size_t len, struct mikey *m) MUST_CHECK;

/*
 * Print a message whose payloads are those set in *m.  With `v_len` not 0 it
 * ends in a V payload whose MAC of that length the caller appends over what
 * was written.
 */
void mikey_print(struct wr *w, const struct mikey *m, size_t v_len);

/* Inside an envelope: identities, points and SK in the order they stand. */
enum env_kind { ENV_ID, ENV_POINT, ENV_SK };
struct env_item {
	enum env_kind kind;
	uint8_t role; /* identity: 1, 2, or 0 from a plain ID payload */
	const struct lab_ec *ec; /* point: NULL for a curve not known */
	struct rd data; /* identity, uncompressed point or SK */
	struct rd mki; /* KV SPI; p == NULL when there is none */
};
#define ENV_ITEMS_MAX 8
struct env {
	size_t n;
	struct env_item item[ENV_ITEMS_MAX];
};

/* As starting with IDR, else as starting with ID; to the last octet. */
enum err env_parse(struct rd plain, struct env *) MUST_CHECK;
void env_print(struct wr *w, const struct env *);

/* Are these kinds, in this order, all there is? */
bool env_is(const struct env *, const enum env_kind *kinds, size_t n);

#endif
