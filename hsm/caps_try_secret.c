/*
 * Secret keys: what is computed with them is computed outside too, from a seed
 * that is known because it was wrapped here.
 */
#include <string.h>

#include "hsm/caps_try_int.h"

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
static CK_OBJECT_CLASS secret_class = CKO_SECRET_KEY;
static CK_KEY_TYPE generic = CKK_GENERIC_SECRET;
static const uint8_t probe[] = "keywarden token probe";

static CK_OBJECT_HANDLE
key(const struct caps_try *t, enum hsm_key which)
{
	return t->h->key[which];
}

void
caps_destroy(struct caps_try *t, CK_OBJECT_HANDLE o)
{
	(void)P11_RV(t->h, C_DestroyObject, t->h->session, o);
}

/* The token's HMAC with a seed in it is that of these octets. */
enum err
caps_is_seed(struct caps_try *t, const struct hsm_seed *s,
    const uint8_t octets[HSM_SEED_LEN])
{
	uint8_t mac[32], want[32];
	enum err rc = hsm_seed_mac(t->h, s, probe, sizeof(probe), mac);

	if (rc != ERR_OK)
		return rc;
	if (EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, octets, HSM_SEED_LEN,
		probe, sizeof(probe), want, sizeof(want), NULL) == NULL)
		return ERR_CRYPTO;
	if (memcmp(mac, want, sizeof(mac)) != 0)
		return caps_missing(t, "what it computes is wrong");
	return ERR_OK;
}

enum err
caps_store_is(struct caps_try *t, const uint8_t octets[HSM_SEED_LEN])
{
	struct hsm_seed s = {0};
	struct rd r;
	enum err rc;

	rd_init(&r, t->store, t->store_len);
	if ((rc = hsm_seed_open(t->h, r, &s)) == ERR_OK)
		rc = caps_is_seed(t, &s, octets);
	hsm_seed_close(t->h, &s);
	return rc;
}

/* ---- HMAC ---- */

enum err
caps_hmac_once(struct caps_try *t)
{
	uint8_t mac[HSM_SEAL_LEN];

	return hsm_seal(t->h, HSM_KEY_SEAL_STATE, probe, sizeof(probe), mac);
}

/* With a key that is known; a token that takes in no key says nothing. */
static enum err
hmac_known(struct caps_try *t)
{
	uint8_t octets[HSM_SEED_LEN] = {3};
	CK_ATTRIBUTE a[] = {ATTR(CKA_CLASS, secret_class),
	    ATTR(CKA_KEY_TYPE, generic), ATTR(CKA_TOKEN, no),
	    ATTR(CKA_SIGN, yes), ATTR(CKA_VALUE, octets)};
	CK_OBJECT_HANDLE o;
	struct hsm_seed s;
	CK_RV rv;
	enum err rc;

	rv = P11_RV(t->h, C_CreateObject, t->h->session, a, 5, &o);
	if (rv != CKR_OK)
		return caps_gone(rv) ? hsm_note("C_CreateObject", rv) : ERR_OK;
	s.handle = o;
	rc = caps_is_seed(t, &s, octets);
	hsm_seed_close(t->h, &s);
	return rc;
}

enum err
caps_hmac(struct caps_try *t)
{
	uint8_t mac[HSM_SEAL_LEN], other[HSM_SEAL_LEN];
	struct rd r;
	enum err rc;

	if ((rc = caps_have(t, HSM_KEY_SEAL_STATE)) != ERR_OK ||
	    (rc = hsm_seal(t->h, HSM_KEY_SEAL_STATE, probe, sizeof(probe),
		 mac)) != ERR_OK ||
	    (rc = hsm_seal(t->h, HSM_KEY_SEAL_STATE, probe, sizeof(probe) - 1,
		 other)) != ERR_OK)
		return rc;
	rd_init(&r, mac, sizeof(mac));
	rc = hsm_seal_check(t->h, HSM_KEY_SEAL_STATE, probe, sizeof(probe), r);
	if (rc == ERR_MISMATCH)
		return caps_missing(t, "not the same twice");
	if (rc == ERR_OK && memcmp(mac, other, sizeof(mac)) == 0)
		return caps_missing(t, "the same for different octets");
	if (rc == ERR_OK)
		rc = hmac_known(t);
	if (rc == ERR_OK)
		caps_say(t, "32 octets, the same twice");
	return rc;
}

/* ---- AES key wrap ---- */

enum err
caps_aes_wrap_once(struct caps_try *t)
{
	struct hsm_seed s = {0};
	struct rd r;
	enum err rc;

	rd_init(&r, t->store, t->store_len);
	rc = hsm_seed_open(t->h, r, &s);
	hsm_seed_close(t->h, &s);
	return rc;
}

/* A seed that may be wrapped, and computes, as a session object. */
static enum err
make_seed(struct caps_try *t, CK_OBJECT_HANDLE *out)
{
	CK_MECHANISM m = {CKM_GENERIC_SECRET_KEY_GEN, NULL, 0};
	CK_ULONG len = HSM_SEED_LEN;
	CK_ATTRIBUTE a[] = {ATTR(CKA_TOKEN, no), ATTR(CKA_SENSITIVE, yes),
	    ATTR(CKA_EXTRACTABLE, yes), ATTR(CKA_SIGN, yes),
	    ATTR(CKA_VALUE_LEN, len)};

	return P11(t->h, C_GenerateKey, t->h->session, &m, a, 5, out);
}

/* Wrapped into t->store; what it computes comes into `mac`. */
static enum err
wrap_seed(struct caps_try *t, uint8_t mac[32])
{
	CK_MECHANISM m = {CKM_AES_KEY_WRAP, NULL, 0};
	CK_ULONG n = sizeof(t->store);
	CK_OBJECT_HANDLE o;
	struct hsm_seed s;
	enum err rc;

	if ((rc = make_seed(t, &o)) != ERR_OK)
		return rc;
	s.handle = o;
	rc = hsm_seed_mac(t->h, &s, probe, sizeof(probe), mac);
	if (rc == ERR_OK)
		rc = P11(t->h, C_WrapKey, t->h->session, &m,
		    key(t, HSM_KEY_SEED_STORE), o, t->store, &n);
	caps_destroy(t, o);
	if (rc == ERR_OK && n != HSM_SEED_BLOB_LEN)
		rc = caps_missing(t, "32 octets wrapped are %lu, not %d", n,
		    HSM_SEED_BLOB_LEN);
	t->store_len = n;
	return rc;
}

enum err
caps_aes_wrap(struct caps_try *t)
{
	uint8_t mac[32], again[32];
	struct hsm_seed s = {0};
	struct rd r;
	enum err rc;

	if ((rc = caps_have(t, HSM_KEY_SEED_STORE)) != ERR_OK ||
	    (rc = wrap_seed(t, mac)) != ERR_OK)
		return rc;
	rd_init(&r, t->store, t->store_len);
	if ((rc = hsm_seed_open(t->h, r, &s)) != ERR_OK)
		return rc;
	rc = hsm_seed_mac(t->h, &s, probe, sizeof(probe), again);
	hsm_seed_close(t->h, &s);
	if (rc != ERR_OK)
		return rc;
	if (memcmp(mac, again, sizeof(mac)) != 0)
		return caps_missing(t, "what is unwrapped is another key");
	t->store[3] ^= 1;
	if (hsm_seed_open(t->h, r, &s) == ERR_OK) {
		hsm_seed_close(t->h, &s);
		rc = caps_missing(t, "a blob that was changed unwraps");
	}
	t->store[3] ^= 1;
	if (rc == ERR_OK)
		caps_say(t, "wrapped and unwrapped; a changed blob is refused");
	return rc;
}

/* ---- what is to stay inside ---- */

static enum err
not_wrapped(struct caps_try *t, CK_OBJECT_HANDLE o)
{
	CK_MECHANISM m = {CKM_AES_KEY_WRAP, NULL, 0};
	uint8_t blob[HSM_SEED_BLOB_MAX];
	CK_ULONG n = sizeof(blob);
	CK_RV rv;

	rv = P11_RV(t->h, C_WrapKey, t->h->session, &m,
	    key(t, HSM_KEY_SEED_STORE), o, blob, &n);
	return caps_refused(t, "C_WrapKey", rv,
	    "wrapping a key that is not extractable");
}

static enum err
not_changed(struct caps_try *t, CK_OBJECT_HANDLE o)
{
	CK_ATTRIBUTE a = ATTR(CKA_EXTRACTABLE, yes);
	CK_OBJECT_HANDLE copy;
	CK_RV rv;
	enum err rc;

	rv = P11_RV(t->h, C_SetAttributeValue, t->h->session, o, &a, 1);
	rc = caps_refused(t, "C_SetAttributeValue", rv,
	    "making a key extractable later");
	if (rc == ERR_OK) {
		rv = P11_RV(t->h, C_CopyObject, t->h->session, o, &a, 1, &copy);
		if (rv == CKR_OK)
			caps_destroy(t, copy);
		rc = caps_refused(t, "C_CopyObject", rv,
		    "an extractable copy of a key");
	}
	return rc;
}

/* Each that was made: as asked for, and its secret part unread. */
static enum err
not_read(struct caps_try *t)
{
	static const struct {
		enum hsm_key key;
		CK_ATTRIBUTE_TYPE part;
		const char *what;
	} all[] = {{HSM_KEY_SEAL_STATE, CKA_VALUE, "reading a secret key"},
	    {HSM_KEY_SEED_STORE, CKA_VALUE, "reading an AES key"},
	    {HSM_KEY_SEED_IMPORT, CKA_PRIVATE_EXPONENT,
		"reading an RSA private key"},
	    {HSM_KEY_SPOOL, CKA_PRIME_1, "reading an RSA private key"},
	    {HSM_KEY_HI2, CKA_VALUE, "reading an EC private key"},
	    {HSM_KEY_MASTER, CKA_VALUE, "reading the master secret"}};
	enum err rc = ERR_OK;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]) && rc == ERR_OK;
	     i++) {
		const CK_OBJECT_HANDLE o = t->made[all[i].key].key;

		if (o == 0)
			continue;
		rc = hsm_check_made(t->h, all[i].key, o);
		/* Of the key, and no failure of the token's. */
		if (rc != ERR_OK && hsm_last.rv == CKR_OK)
			return caps_missing(t,
			    "keys do not come out sensitive and never "
			    "extractable");
		if (rc == ERR_OK)
			rc = caps_hidden(t, o, all[i].part, all[i].what);
	}
	return rc;
}

enum err
caps_kept(struct caps_try *t)
{
	const CK_OBJECT_HANDLE o = key(t, HSM_KEY_SEAL_STATE);
	enum err rc;

	if ((rc = not_read(t)) != ERR_OK || (rc = not_wrapped(t, o)) != ERR_OK)
		return rc;
	rc = not_changed(t, o);
	if (rc == ERR_OK)
		caps_say(t,
		    "they are not read, wrapped, changed or copied out");
	return rc;
}
