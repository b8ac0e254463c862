/*
 * xk/xk.asn1 read by two compilers: our codec and the one that asn1c makes of
 * the module agree on what is a message and on what it says.
 */
#include <stdlib.h>
#include <string.h>

#include <XkMessage.h>

#include "help.h"
#include "xk/xk_pdu.h"

#define ROUNDS 60 /* random messages of each kind */

/* A generator of our own, so that a failure can be repeated. */
static uint64_t seed;

static uint64_t
random_u64(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static size_t
random_below(size_t n)
{
	return (size_t)(random_u64() % n);
}

/*
 * Every value of a random message is drawn through one of the functions below.
 * One of them may be told to leave its range: the spoil_at-th.
 */
static enum { GOOD, UNDER, OVER } spoil;
static int spoil_at, drawn;

static bool
spoiled(void)
{
	return drawn++ == spoil_at && spoil != GOOD;
}

/* The bounds oftener than what is between. */
static uint64_t
draw(uint64_t min, uint64_t max)
{
	if (spoiled())
		return spoil == UNDER && min > 0 ? min - 1 : max + 1;
	switch (random_below(5)) {
	case 0:
		return min;
	case 1:
		return max;
	default:
		return min + random_u64() % (max - min + 1);
	}
}

static size_t
draw_size(size_t min, size_t max)
{
	size_t n = (size_t)draw(min, max);

	/* Long ones are seldom, so that the whole is not too long. */
	if (n > 300 && n < max && spoil == GOOD)
		n = 300;
	return n;
}

static bool
present(void)
{
	return spoil != GOOD || random_below(3) != 0;
}

static void
set_octets(OCTET_STRING_t *s, size_t min, size_t max, bool text)
{
	const size_t n = draw_size(min, max);
	char *p = malloc(n + 1);

	assert_non_null(p);
	for (size_t i = 0; i < n; i++)
		p[i] = text ? (char)(' ' + (int)random_below(95))
			    : (char)random_u64();
	assert_int_equal(OCTET_STRING_fromBuf(s, p, (int)n), 0);
	free(p);
}

static void *
fresh(size_t size)
{
	void *p = calloc(1, size);

	assert_non_null(p);
	return p;
}

static OCTET_STRING_t *
optional_octets(size_t min, size_t max, bool text)
{
	OCTET_STRING_t *s;

	if (!present())
		return NULL;
	s = fresh(sizeof(*s));
	set_octets(s, min, max, text);
	return s;
}

static long *
optional_number(long min, long max)
{
	long *n;

	if (!present())
		return NULL;
	n = fresh(sizeof(*n));
	*n = (long)draw((uint64_t)min, (uint64_t)max);
	return n;
}

static unsigned long *
optional_u32(void)
{
	unsigned long *n;

	if (!present())
		return NULL;
	n = fresh(sizeof(*n));
	*n = (unsigned long)draw(0, UINT32_MAX);
	return n;
}

static void
set_time(GeneralizedTime_t *t)
{
	char s[16];

	(void)snprintf(s, sizeof(s), "%04u%02u%02u%02u%02u%02uZ",
	    (unsigned)(1970 + random_below(200)), (unsigned)draw(1, 12),
	    (unsigned)(1 + random_below(28)), (unsigned)random_below(24),
	    (unsigned)random_below(60), (unsigned)random_below(60));
	assert_int_equal(OCTET_STRING_fromBuf(t, s, 15), 0);
}

static void
fill_get_keys(GetKeys_t *k)
{
	set_octets(&k->publicKmsIdentity, 1, 255, true);
	set_octets(&k->iMessage1, 1, 16384, false);
	set_octets(&k->rMessage1, 1, 16384, false);
	k->iMessage2 = optional_octets(1, 16384, false);
	k->firstIMessage1 = optional_octets(1, 16384, false);
	k->liid = optional_octets(1, 25, false);
	k->rMessage2 = optional_octets(1, 16384, false);
	k->firstRMessage1 = optional_octets(1, 16384, false);
	k->firstIMessage2 = optional_octets(1, 16384, false);
	k->curve = optional_number(1, 255);
}

static SessionKey_t *
new_session_key(void)
{
	SessionKey_t *k = fresh(sizeof(*k));

	set_octets(&k->cryptoSessionId, 5, 5, false);
	set_octets(&k->sessionKey, 16, 16, false);
	set_octets(&k->salt, 14, 14, false);
	k->ssrc = optional_u32();
	k->roc = optional_u32();
	k->policy = optional_octets(1, 1024, false);
	k->mki = optional_octets(1, 255, false);
	return k;
}

static void
fill_keys(GetKeysResponse_t *r)
{
	size_t n = draw(1, 255);

	/* 255 of the longest would not fit a PDU. */
	if (n > 60 && n <= 255)
		n = 60;
	for (size_t i = 0; i < n; i++)
		assert_int_equal(ASN_SEQUENCE_ADD(&r->keys, new_session_key()),
		    0);
	r->sk = optional_octets(16, 16, false);
}

static PrivateKey_t *
new_private_key(void)
{
	PrivateKey_t *k = fresh(sizeof(*k));

	set_octets(&k->identity, 1, 255, true);
	set_time(&k->notBefore);
	set_time(&k->notAfter);
	set_octets(&k->privateKey, 1, 1024, false);
	return k;
}

static XkMessage_t *
random_message(XkBody_PR kind)
{
	XkMessage_t *m = fresh(sizeof(*m));
	union XkBody_u *c = &m->body.choice;
	size_t n;

	drawn = 0;
	m->version = (long)draw(1, 1);
	m->requestId = (unsigned long)draw(0, UINT32_MAX);
	m->body.present = kind;
	switch (kind) {
	case XkBody_PR_getKeys:
		fill_get_keys(&c->getKeys);
		break;
	case XkBody_PR_getEcValues:
		fill_get_keys(&c->getEcValues);
		break;
	case XkBody_PR_getPrivateKey:
		fill_get_keys(&c->getPrivateKey);
		break;
	case XkBody_PR_getSecret:
		fill_get_keys(&c->getSecret);
		break;
	case XkBody_PR_getKeysResponse:
		fill_keys(&c->getKeysResponse);
		break;
	case XkBody_PR_getEcValuesResponse:
		c->getEcValuesResponse.curve = optional_number(1, 255);
		c->getEcValuesResponse.xP = optional_octets(1, 256, false);
		c->getEcValuesResponse.yP = optional_octets(1, 256, false);
		c->getEcValuesResponse.sk = optional_octets(16, 16, false);
		c->getEcValuesResponse.mki = optional_octets(1, 255, false);
		break;
	case XkBody_PR_getPrivateKeyResponse:
		n = draw(1, 8);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(
			    ASN_SEQUENCE_ADD(&c->getPrivateKeyResponse
						  .privateKeys,
				new_private_key()),
			    0);
		break;
	case XkBody_PR_getSecretResponse:
		c->getSecretResponse.curve = (long)draw(1, 255);
		c->getSecretResponse.role = (long)draw(1, 2);
		set_octets(&c->getSecretResponse.secret, 1, 72, false);
		c->getSecretResponse.sk = optional_octets(16, 16, false);
		break;
	case XkBody_PR_refusal:
		c->refusal.reason = (long)draw(1, 8);
		c->refusal.text = optional_octets(0, 255, true);
		break;
	case XkBody_PR_keepAlive:
	case XkBody_PR_keepAliveResponse:
	case XkBody_PR_NOTHING:
		break;
	}
	return m;
}

static void
free_message(XkMessage_t *m)
{
	ASN_STRUCT_FREE(asn_DEF_XkMessage, m);
}

static bool
satisfies_constraints(const XkMessage_t *m)
{
	char why[256];
	size_t n = sizeof(why);

	return asn_check_constraints(&asn_DEF_XkMessage, m, why, &n) == 0;
}

static uint8_t buf[400000];

/* 0: asn1c does not write a time that is none. */
static size_t
asn1c_encode(XkMessage_t *m)
{
	asn_enc_rval_t r =
	    der_encode_to_buffer(&asn_DEF_XkMessage, m, buf, sizeof(buf));

	return r.encoded > 0 ? (size_t)r.encoded : 0;
}

static XkMessage_t *
asn1c_decode(const uint8_t *der, size_t len)
{
	XkMessage_t *m = NULL;
	asn_dec_rval_t r =
	    ber_decode(NULL, &asn_DEF_XkMessage, (void **)&m, der, len);

	assert_int_equal(r.code, RC_OK);
	assert_int_equal(r.consumed, len);
	assert_true(satisfies_constraints(m));
	return m;
}

static enum err
our_decode(const uint8_t *der, size_t len, struct xk_msg *m)
{
	struct rd r;
	uint32_t id;

	rd_init(&r, der, len);
	return xk_pdu_decode(r, m, &id);
}

/* ---- comparing ---- */

static void
assert_octets(const OCTET_STRING_t *a, struct rd b)
{
	assert_true(rd_is(&b, a->buf, (size_t)a->size));
}

static void
assert_optional(const OCTET_STRING_t *a, struct rd b)
{
	if (a == NULL)
		assert_int_equal(b.left, 0);
	else
		assert_octets(a, b);
}

static void
assert_get_keys(const GetKeys_t *a, const struct xk_get_keys *b)
{
	assert_octets(&a->publicKmsIdentity, b->public_kms_identity);
	assert_octets(&a->iMessage1, b->i_message1);
	assert_octets(&a->rMessage1, b->r_message1);
	assert_optional(a->iMessage2, b->i_message2);
	assert_optional(a->firstIMessage1, b->first_i_message1);
	assert_optional(a->liid, b->liid);
	assert_optional(a->rMessage2, b->r_message2);
	assert_optional(a->firstRMessage1, b->first_r_message1);
	assert_optional(a->firstIMessage2, b->first_i_message2);
	assert_int_equal(a->curve == NULL ? 0 : *a->curve, b->curve);
}

static void
assert_session_key(const SessionKey_t *a, const struct xk_session_key *b)
{
	assert_int_equal(a->cryptoSessionId.size, 5);
	assert_memory_equal(a->cryptoSessionId.buf, b->crypto_session_id, 5);
	assert_int_equal(a->sessionKey.size, 16);
	assert_memory_equal(a->sessionKey.buf, b->session_key, 16);
	assert_int_equal(a->salt.size, 14);
	assert_memory_equal(a->salt.buf, b->salt, 14);
	assert_int_equal(a->ssrc != NULL, b->has_ssrc);
	assert_int_equal(a->roc != NULL, b->has_roc);
	if (a->ssrc != NULL)
		assert_int_equal(*a->ssrc, b->ssrc);
	if (a->roc != NULL)
		assert_int_equal(*a->roc, b->roc);
	assert_optional(a->policy, b->policy);
	assert_optional(a->mki, b->mki);
}

static void
assert_keys(const GetKeysResponse_t *a, const struct xk_get_keys_response *b)
{
	assert_int_equal(a->keys.list.count, b->n_keys);
	for (int i = 0; i < a->keys.list.count; i++)
		assert_session_key(a->keys.list.array[i], &b->key[i]);
	assert_int_equal(a->sk != NULL, b->has_sk);
	if (a->sk != NULL) {
		assert_int_equal(a->sk->size, 16);
		assert_memory_equal(a->sk->buf, b->sk, 16);
	}
}

/* What ours keeps of a message; of the split roles' answers it is the type. */
static void
assert_same(const XkMessage_t *a, const struct xk_msg *b)
{
	const union XkBody_u *c = &a->body.choice;

	assert_int_equal(a->requestId, b->request_id);
	assert_int_equal(a->body.present - XkBody_PR_getKeys, b->type);
	switch (b->type) {
	case XK_GET_KEYS:
		assert_get_keys(&c->getKeys, &b->u.get_keys);
		break;
	case XK_GET_EC_VALUES:
		assert_get_keys(&c->getEcValues, &b->u.get_keys);
		break;
	case XK_GET_PRIVATE_KEY:
		assert_get_keys(&c->getPrivateKey, &b->u.get_keys);
		break;
	case XK_GET_SECRET:
		assert_get_keys(&c->getSecret, &b->u.get_keys);
		break;
	case XK_GET_KEYS_RESPONSE:
		assert_keys(&c->getKeysResponse, b->u.keys);
		break;
	case XK_REFUSAL:
		assert_int_equal(c->refusal.reason, b->u.refusal.reason);
		assert_optional(c->refusal.text, b->u.refusal.text);
		break;
	case XK_GET_EC_VALUES_RESPONSE:
	case XK_GET_PRIVATE_KEY_RESPONSE:
	case XK_GET_SECRET_RESPONSE:
	case XK_KEEP_ALIVE:
	case XK_KEEP_ALIVE_RESPONSE:
	case XK_TYPE__MAX:
		break;
	}
}

/* ---- promises ---- */

static const XkBody_PR last_kind = XkBody_PR_keepAliveResponse;

/* Our own encoder on what ours decoded, where there is one. */
static enum err
our_encode(const struct xk_msg *m, uint8_t **der, size_t *len)
{
	char why[MAX_REFUSAL_TEXT + 1];

	switch (m->type) {
	case XK_GET_KEYS:
		return xk_encode_get_keys(m->request_id, &m->u.get_keys, der,
		    len);
	case XK_GET_KEYS_RESPONSE:
		return xk_encode_keys(m->request_id, m->u.keys, der, len);
	case XK_REFUSAL:
		if (m->u.refusal.text.left > 0)
			memcpy(why, m->u.refusal.text.p,
			    m->u.refusal.text.left);
		why[m->u.refusal.text.left] = '\0';
		return xk_encode_refusal(m->request_id, m->u.refusal.reason,
		    why, der, len);
	case XK_KEEP_ALIVE:
	case XK_KEEP_ALIVE_RESPONSE:
		return xk_encode_keep_alive(m->request_id, m->type, der, len);
	default:
		return ERR_UNSUPPORTED;
	}
}

static void
what_asn1c_writes_we_read_with_the_same_values(void **state)
{
	(void)state;
	seed = 0x9e3779b97f4a7c15ULL;
	spoil = GOOD;
	for (int k = XkBody_PR_getKeys; k <= (int)last_kind; k++)
		for (int i = 0; i < ROUNDS; i++) {
			XkMessage_t *a = random_message((XkBody_PR)k);
			struct xk_msg b;
			size_t len;

			assert_true(satisfies_constraints(a));
			len = asn1c_encode(a);
			assert_true(len > 0 && len <= MAX_XK_PDU);
			assert_int_equal(our_decode(buf, len, &b), ERR_OK);
			assert_same(a, &b);
			xk_msg_free(&b);
			free_message(a);
		}
}

static void
what_we_write_asn1c_reads_with_the_same_values(void **state)
{
	unsigned n = 0;

	(void)state;
	seed = 0xc2b2ae3d27d4eb4fULL;
	spoil = GOOD;
	for (int k = XkBody_PR_getKeys; k <= (int)last_kind; k++)
		for (int i = 0; i < ROUNDS; i++) {
			XkMessage_t *a = random_message((XkBody_PR)k), *again;
			const size_t len = asn1c_encode(a);
			uint8_t *der = NULL;
			struct xk_msg b;
			size_t der_len;

			free_message(a);
			assert_int_equal(our_decode(buf, len, &b), ERR_OK);
			if (our_encode(&b, &der, &der_len) == ERR_OK) {
				again = asn1c_decode(der, der_len);
				assert_same(again, &b);
				/* And asn1c would have written the same. */
				assert_int_equal(asn1c_encode(again), der_len);
				assert_memory_equal(buf, der, der_len);
				free_message(again);
				xk_der_free(&der, der_len);
				n++;
			}
			xk_msg_free(&b);
		}
	assert_int_equal(n, 5 * ROUNDS);
}

/*
 * Each value of each kind of message once below its range and once above.
 * asn1c lets some pass (it does not know which numbers an ENUMERATED has, and
 * a size of 0 has nothing below): then nothing is asked of ours.
 */
static void
what_the_constraints_refuse_we_refuse(void **state)
{
	unsigned refused = 0;

	(void)state;
	seed = 0x165667b19e3779f9ULL;
	for (int k = XkBody_PR_getKeys; k <= (int)last_kind; k++)
		for (spoil = UNDER; spoil <= OVER; spoil++)
			for (spoil_at = 0;; spoil_at++) {
				XkMessage_t *a = random_message((XkBody_PR)k);
				struct xk_msg b;
				size_t len;

				/* Enough of a list's items were tried. */
				if (spoil_at >= drawn || spoil_at > 30) {
					free_message(a);
					break;
				}
				if (!satisfies_constraints(a) &&
				    (len = asn1c_encode(a)) > 0) {
					if (our_decode(buf, len, &b) !=
					    ERR_MALFORMED)
						fail_msg("kind %d, value %d, "
							 "%s its range",
						    k, spoil_at,
						    spoil == UNDER ? "under"
								   : "over");
					refused++;
				}
				free_message(a);
			}
	spoil = GOOD;
	assert_true(refused > 120);
}

static void
check_row(const json_t *row)
{
	static const char *const name[] = {"getKeys", "getKeysResponse",
	    "getSecret", "getSecretResponse", "getEcValuesResponse"};

	for (size_t i = 0; i < sizeof(name) / sizeof(name[0]); i++) {
		XkMessage_t *a;
		struct xk_msg b;
		uint8_t *der;
		size_t len;

		if (json_object_get(row, name[i]) == NULL)
			continue;
		der = octets(row, name[i], &len);
		a = asn1c_decode(der, len);
		assert_int_equal(our_decode(der, len, &b), ERR_OK);
		assert_same(a, &b);
		assert_int_equal(asn1c_encode(a), len);
		assert_memory_equal(buf, der, len);
		xk_msg_free(&b);
		free_message(a);
		free(der);
	}
}

static void
both_read_the_vectors_alike(void **state)
{
	json_t *file = vectors("exchanges.json"), *e, *row, *u;
	size_t i, j;

	(void)state;
	json_array_foreach (member(file, "exchanges"), i, e) {
		json_array_foreach (member(e, "xk"), j, row)
			check_row(row);
		if ((u = json_object_get(e, "update")) != NULL)
			json_array_foreach (member(u, "xk"), j, row)
				check_row(row);
	}
	assert_true(i >= 12);
	json_decref(file);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_asn1c_writes_we_read_with_the_same_values),
	    cmocka_unit_test(what_we_write_asn1c_reads_with_the_same_values),
	    cmocka_unit_test(what_the_constraints_refuse_we_refuse),
	    cmocka_unit_test(both_read_the_vectors_alike),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
