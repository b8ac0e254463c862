#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/x509.h>

#include "hsm/hsm_known.h"
#include "hsm/hsm_token.h"

/* No secrets: they are what makes the answers known. */
static const uint8_t known_seed[HSM_SEED_LEN] =
    "keywarden self-test, here a seed";
static const uint8_t known_key[HSM_DATA_KEY_LEN] =
    "keywarden self-test: a data key";
static const uint8_t message[] = "keywarden self-test";

/* No URI, so neither a warrant nor the registry can ever name it. */
#define RESERVED_ID "keywarden self-test"

struct hsm_known {
	struct hsm_known_in in;
	EVP_PKEY *hi2;
	uint8_t seed_mac[32];
	uint8_t import[HSM_DEVICE_BLOB_MAX], spool[HSM_DEVICE_BLOB_MAX];
	size_t import_len, spool_len;
	/* What the token made at the first try, and makes again. */
	bool tried;
	uint8_t seal[HSM_SEAL_LEN];
	uint8_t store[HSM_SEED_BLOB_MAX];
	size_t store_len;
};

static EVP_PKEY *
public_key(struct rd spki)
{
	const unsigned char *p = spki.p;

	return d2i_PUBKEY(NULL, &p, (long)spki.left);
}

/* With SHA-1, as seeds and data keys come. */
static enum err
wrap(struct rd spki, const uint8_t *in, size_t len,
    uint8_t out[HSM_DEVICE_BLOB_MAX], size_t *out_len)
{
	EVP_PKEY *key = public_key(spki);
	enum err rc = ERR_MALFORMED;

	if (key != NULL)
		rc = hsm_wrap_to(key, EVP_sha1(), in, len, out, out_len);
	EVP_PKEY_free(key);
	return rc;
}

enum err
hsm_known_new(const struct hsm_known_in *in, struct hsm_known **out,
    struct why *why)
{
	struct hsm_known *k = calloc(1, sizeof(*k));
	unsigned n = sizeof(k->seed_mac);
	enum err rc = ERR_MALFORMED;

	if (k == NULL)
		return why_set(why, ERR_NOMEM, "out of memory");
	k->in = *in;
	if ((k->hi2 = public_key(in->hi2_key)) == NULL ||
	    wrap(in->import_key, known_seed, sizeof(known_seed), k->import,
		&k->import_len) != ERR_OK ||
	    wrap(in->spool_key, known_key, sizeof(known_key), k->spool,
		&k->spool_len) != ERR_OK) {
		(void)why_set(why, rc, "kms-state: a public key is none");
		goto out;
	}
	if (HMAC(EVP_sha256(), known_seed, sizeof(known_seed), message,
		sizeof(message), k->seed_mac, &n) == NULL) {
		rc = why_set(why, ERR_CRYPTO, "HMAC failed");
		goto out;
	}
	*out = k;
	k = NULL;
	rc = ERR_OK;
out:
	hsm_known_free(&k);
	return rc;
}

void
hsm_known_free(struct hsm_known **kp)
{
	struct hsm_known *k = *kp;

	if (k == NULL)
		return;
	EVP_PKEY_free(k->hi2);
	free(k);
	*kp = NULL;
}

/* ---- the keys, one after the other ---- */

/* An envelope to the reserved identity, new each time. */
static enum err
try_master(struct hsm_known *k, struct hsm *h)
{
	uint8_t u[IBE_POINT_MAX], v[64], w[sizeof(message)],
	    plain[sizeof(message)];
	const struct ibe_token t = hsm_ibe_token(h);
	struct ibe *ibe = k->in.ibe;
	const size_t coord = ibe_coordinate_octets(ibe);
	struct ibe_envelope e;
	size_t which;
	struct rd id;
	enum err rc;

	rd_init(&id, (const uint8_t *)RESERVED_ID, strlen(RESERVED_ID));
	rc = ibe_encrypt(ibe, id, message, sizeof(message), u, v, w);
	if (rc != ERR_OK)
		return rc;
	rd_init(&e.u_x, u, coord);
	rd_init(&e.u_y, u + coord, coord);
	rd_init(&e.v, v, ibe_v_octets(ibe));
	rd_init(&e.w, w, sizeof(w));
	rc = ibe_open(ibe, &t, &id, 1, &e, plain, &which);
	if (rc == ERR_OK && memcmp(plain, message, sizeof(message)) != 0)
		rc = ERR_MISMATCH;
	return rc;
}

static enum err
try_seal_state(struct hsm_known *k, struct hsm *h)
{
	return hsm_seal_check(h, HSM_KEY_SEAL_STATE, k->in.sealed.p,
	    k->in.sealed.left, k->in.seal);
}

/* The first answer is known by nobody else: so it is asked for twice. */
static enum err
try_seal_registry(struct hsm_known *k, struct hsm *h)
{
	struct rd seal;
	enum err rc = ERR_OK;

	if (!k->tried)
		rc = hsm_seal(h, HSM_KEY_SEAL_REGISTRY, message,
		    sizeof(message), k->seal);
	rd_init(&seal, k->seal, sizeof(k->seal));
	return rc != ERR_OK ? rc
			    : hsm_seal_check(h, HSM_KEY_SEAL_REGISTRY, message,
				  sizeof(message), seal);
}

/* Nothing is wrong with these octets: the token is what failed. */
static enum err
must_be_taken(enum err rc)
{
	return rc == ERR_MISMATCH ? ERR_HSM : rc;
}

/* The seed comes in under the one key, and is kept under the other. */
static enum err
try_import(struct hsm_known *k, struct hsm *h)
{
	uint8_t store[HSM_SEED_BLOB_MAX];
	struct rd r;
	size_t len;
	enum err rc;

	rd_init(&r, k->import, k->import_len);
	if ((rc = hsm_seed_import(h, r, store, &len)) != ERR_OK)
		return must_be_taken(rc);
	if (!k->tried) {
		memcpy(k->store, store, len);
		k->store_len = len;
	}
	return len == k->store_len && memcmp(store, k->store, len) == 0
	    ? ERR_OK
	    : ERR_MISMATCH;
}

/* And computes what it must, as it was kept then. */
static enum err
try_seed(struct hsm_known *k, struct hsm *h)
{
	struct hsm_seed seed = {.handle = 0};
	uint8_t mac[32];
	struct rd r;
	enum err rc;

	rd_init(&r, k->store, k->store_len);
	if ((rc = hsm_seed_open(h, r, &seed)) != ERR_OK)
		return must_be_taken(rc);
	rc = hsm_seed_mac(h, &seed, message, sizeof(message), mac);
	hsm_seed_close(h, &seed);
	if (rc == ERR_OK && memcmp(mac, k->seed_mac, sizeof(mac)) != 0)
		rc = ERR_MISMATCH;
	return rc;
}

static enum err
try_spool(struct hsm_known *k, struct hsm *h)
{
	uint8_t key[HSM_DATA_KEY_LEN];
	struct rd r;
	enum err rc;

	rd_init(&r, k->spool, k->spool_len);
	rc = must_be_taken(hsm_data_key_open(h, r, key));
	if (rc == ERR_OK && memcmp(key, known_key, sizeof(key)) != 0)
		rc = ERR_MISMATCH;
	return rc;
}

static enum err
try_hi2(struct hsm_known *k, struct hsm *h)
{
	uint8_t sig[HSM_SIGNATURE_MAX];
	size_t len;
	enum err rc;

	rc = hsm_sign(h, HSM_KEY_HI2, message, sizeof(message), sig, &len);
	return rc != ERR_OK
	    ? rc
	    : hsm_known_signed(k, message, sizeof(message), sig, len);
}

struct row {
	enum err (*try)(struct hsm_known *, struct hsm *);
	bool of_calls; /* what a request for keys uses */
	const char *wrong;
};

static const struct row rows[] = {
    {try_master, true,
	"the token's master secret is not that of the public parameters"},
    {try_seal_state, false, "the seal of kms-state is another one"},
    {try_seal_registry, true, "a seal of the registry is another one"},
    {try_import, false, "a seed comes in as another one"},
    {try_seed, true, "a seed computes something else"},
    {try_spool, false, "a data key of the queue comes out as another one"},
    {try_hi2, false, "a signature for LEMFs does not verify"},
};

static enum err
try_row(const struct row *r, struct hsm_known *k, struct hsm *h,
    struct why *why)
{
	const enum err rc = r->try(k, h);

	if (rc == ERR_OK)
		return ERR_OK;
	if (rc == ERR_MISMATCH)
		return why_set(why, rc, "self-test: %s", r->wrong);
	if (rc == ERR_HSM || rc == ERR_PIN)
		return why_set(why, hsm_failure(), "self-test: %s", hsm_why());
	return why_set(why, rc, "self-test: %s", err_str(rc));
}

static enum err
try_rows(struct hsm_known *k, struct hsm *h, bool all, struct why *why)
{
	enum err rc = ERR_OK;

	hsm_forget_why();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) && rc == ERR_OK;
	     i++)
		if (all || rows[i].of_calls)
			rc = try_row(&rows[i], k, h, why);
	return rc;
}

enum err
hsm_known_try(struct hsm_known *k, struct hsm *h, struct why *why)
{
	const enum err rc = try_rows(k, h, true, why);

	if (rc == ERR_OK)
		k->tried = true;
	return rc;
}

enum err
hsm_known_doubt(struct hsm_known *k, struct hsm *h, struct why *why)
{
	return k->tried ? try_rows(k, h, false, why) : ERR_INTERNAL;
}

enum err
hsm_known_signed(const struct hsm_known *k, const uint8_t *data, size_t len,
    const uint8_t *sig, size_t sig_len)
{
	return hsm_verify(k->hi2, data, len, sig, sig_len);
}
