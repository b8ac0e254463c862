#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "hi2/queue_seal.h"

#define RSA_BITS_LEAST 3072
#define RSA_BITS_MOST (QUEUE_WRAPPED_MAX * 8)

#define LABEL_MAX 19
static const char *const label[QUEUE__MAX] = {[QUEUE_RECORDS] =
						  "keywarden spool 1",
    [QUEUE_INTAKE] = "keywarden intake 1"};
#define AAD_MAX \
	(LABEL_MAX + 8 + 1 + QUEUE_LEMF_MAX + 8 + QUEUE_DIGEST_LEN + 4 + 4 + \
	    8 + 8)

struct queue_sealer {
	struct secret *key;
	uint64_t sealed; /* also the next nonce */
	uint8_t wrapped[QUEUE_WRAPPED_MAX];
	size_t wrapped_len;
};

/* ---- the data key ---- */

/* NULL: none that records are sealed to. */
static EVP_PKEY *
public_key(struct rd spki)
{
	const unsigned char *p = spki.p;
	EVP_PKEY *k;
	int bits;

	if (spki.left == 0 || spki.left > LONG_MAX)
		return NULL;
	k = d2i_PUBKEY(NULL, &p, (long)spki.left);
	if (k == NULL)
		return NULL;
	bits = EVP_PKEY_get_bits(k);
	if (p == spki.p + spki.left && EVP_PKEY_is_a(k, "RSA") == 1 &&
	    bits >= RSA_BITS_LEAST && bits <= RSA_BITS_MOST)
		return k;
	EVP_PKEY_free(k);
	return NULL;
}

static enum err
wrap(struct queue_sealer *s, EVP_PKEY *to)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_pkey(NULL, to, NULL);
	size_t n = sizeof(s->wrapped);
	enum err rc = ERR_CRYPTO;

	if (c != NULL && EVP_PKEY_encrypt_init(c) == 1 &&
	    EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_OAEP_PADDING) == 1 &&
	    EVP_PKEY_CTX_set_rsa_oaep_md(c, EVP_sha1()) == 1 &&
	    EVP_PKEY_CTX_set_rsa_mgf1_md(c, EVP_sha1()) == 1 &&
	    EVP_PKEY_encrypt(c, s->wrapped, &n, secret_data(s->key),
		QUEUE_KEY_LEN) == 1) {
		s->wrapped_len = n;
		rc = ERR_OK;
	}
	EVP_PKEY_CTX_free(c);
	return rc;
}

enum err
queue_sealer_new(struct rd spki, struct queue_sealer **out, struct why *why)
{
	struct queue_sealer *s = NULL;
	EVP_PKEY *to = public_key(spki);
	enum err rc;

	if (to == NULL) {
		rc = why_set(why, ERR_MALFORMED,
		    "the key that records are sealed to is no RSA key of %d to "
		    "%d bits",
		    RSA_BITS_LEAST, RSA_BITS_MOST);
		goto out;
	}
	if ((s = calloc(1, sizeof(*s))) == NULL ||
	    secret_new(QUEUE_KEY_LEN, &s->key) != ERR_OK) {
		rc = why_set(why, ERR_NOMEM, "no locked memory for a data key");
		goto out;
	}
	if (RAND_priv_bytes(secret_data(s->key), QUEUE_KEY_LEN) != 1 ||
	    wrap(s, to) != ERR_OK) {
		rc = why_set(why, ERR_CRYPTO, "no data key could be made");
		goto out;
	}
	*out = s;
	s = NULL;
	rc = ERR_OK;
out:
	EVP_PKEY_free(to);
	queue_sealer_free(&s);
	return rc;
}

void
queue_sealer_free(struct queue_sealer **sp)
{
	if (*sp == NULL)
		return;
	secret_free(&(*sp)->key);
	free(*sp);
	*sp = NULL;
}

struct rd
queue_sealer_wrapped(const struct queue_sealer *s)
{
	struct rd r;

	rd_init(&r, s->wrapped, s->wrapped_len);
	return r;
}

const uint8_t *
queue_sealer_key(const struct queue_sealer *s)
{
	return secret_data(s->key);
}

struct secret *
queue_sealer_take_key(struct queue_sealer *s)
{
	struct secret *key = s->key;

	s->key = NULL;
	return key;
}

/* ---- records ---- */

/* The row as additional data; every field has its place and its length. */
static enum err
row_put(const struct queue_row *row, uint8_t out[AAD_MAX], size_t *len)
{
	struct wr w;

	if ((row->lemf.left == 0 && row->table == QUEUE_RECORDS) ||
	    row->lemf.left > QUEUE_LEMF_MAX)
		return ERR_TOOBIG;
	wr_init(&w, out, AAD_MAX);
	/* With its NUL, as records were sealed from the first version on. */
	wr_copy(&w, label[row->table], strlen(label[row->table]) + 1);
	wr_u64(&w, row->id);
	wr_view8(&w, row->lemf.p, row->lemf.left);
	wr_u64(&w, row->number);
	wr_copy(&w, row->digest, sizeof(row->digest));
	wr_u32(&w, row->cin);
	wr_u32(&w, row->sequence);
	wr_i64(&w, row->created);
	wr_u64(&w, row->key);
	return wr_finish(&w, len);
}

static bool
encrypt(EVP_CIPHER_CTX *c, const uint8_t *key, const uint8_t *nonce,
    const uint8_t *aad, size_t aad_len, struct rd in, uint8_t *out,
    uint8_t *tag)
{
	int n = 0;

	return EVP_EncryptInit_ex2(c, EVP_aes_256_gcm(), key, nonce, NULL) ==
	    1 &&
	    EVP_EncryptUpdate(c, NULL, &n, aad, (int)aad_len) == 1 &&
	    EVP_EncryptUpdate(c, out, &n, in.p, (int)in.left) == 1 &&
	    (size_t)n == in.left && EVP_EncryptFinal_ex(c, out + n, &n) == 1 &&
	    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, QUEUE_TAG_LEN, tag) ==
	    1;
}

enum err
queue_seal(struct queue_sealer *s, const struct queue_row *row,
    struct rd record, uint8_t *out, size_t cap, size_t *len)
{
	EVP_CIPHER_CTX *c = NULL;
	uint8_t aad[AAD_MAX];
	size_t aad_len;
	struct wr w;
	enum err rc;

	if ((rc = row_put(row, aad, &aad_len)) != ERR_OK)
		return rc;
	if (record.left == 0 || record.left > QUEUE_RECORD_MAX ||
	    cap < record.left + QUEUE_SEAL_LEN)
		return ERR_TOOBIG;
	if (s->sealed >= QUEUE_SEALS_MAX)
		return ERR_FULL;
	/* Freed with its key schedule after each record: nothing stays. */
	if ((c = EVP_CIPHER_CTX_new()) == NULL)
		return ERR_NOMEM;
	wr_init(&w, out, QUEUE_NONCE_LEN);
	wr_u32(&w, 0);
	wr_u64(&w, s->sealed++);
	rc = ERR_CRYPTO;
	if (encrypt(c, secret_data(s->key), out, aad, aad_len, record,
		out + QUEUE_NONCE_LEN, out + QUEUE_NONCE_LEN + record.left)) {
		*len = record.left + QUEUE_SEAL_LEN;
		rc = ERR_OK;
	}
	EVP_CIPHER_CTX_free(c);
	return rc;
}

static bool
decrypt(EVP_CIPHER_CTX *c, const uint8_t *key, const uint8_t *nonce,
    const uint8_t *aad, size_t aad_len, struct rd in, uint8_t *out,
    uint8_t tag[QUEUE_TAG_LEN])
{
	int n = 0;

	return EVP_DecryptInit_ex2(c, EVP_aes_256_gcm(), key, nonce, NULL) ==
	    1 &&
	    EVP_DecryptUpdate(c, NULL, &n, aad, (int)aad_len) == 1 &&
	    EVP_DecryptUpdate(c, out, &n, in.p, (int)in.left) == 1 &&
	    (size_t)n == in.left &&
	    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, QUEUE_TAG_LEN, tag) ==
	    1 &&
	    EVP_DecryptFinal_ex(c, out + n, &n) == 1;
}

enum err
queue_open(const uint8_t key[QUEUE_KEY_LEN], const struct queue_row *row,
    struct rd sealed, uint8_t *out, size_t cap, size_t *len)
{
	uint8_t aad[AAD_MAX], tag[QUEUE_TAG_LEN];
	EVP_CIPHER_CTX *c = NULL;
	struct rd nonce, body;
	size_t aad_len;
	enum err rc;

	if (sealed.left <= QUEUE_SEAL_LEN)
		return ERR_TRUNCATED;
	if (sealed.left - QUEUE_SEAL_LEN > QUEUE_RECORD_MAX ||
	    sealed.left - QUEUE_SEAL_LEN > cap)
		return ERR_TOOBIG;
	if ((rc = row_put(row, aad, &aad_len)) != ERR_OK ||
	    (rc = rd_view(&sealed, QUEUE_NONCE_LEN, &nonce)) != ERR_OK ||
	    (rc = rd_view(&sealed, sealed.left - QUEUE_TAG_LEN, &body)) !=
		ERR_OK ||
	    (rc = rd_copy(&sealed, tag, sizeof(tag))) != ERR_OK)
		return rc;
	if ((c = EVP_CIPHER_CTX_new()) == NULL)
		return ERR_NOMEM;
	if (decrypt(c, key, nonce.p, aad, aad_len, body, out, tag)) {
		*len = body.left;
		rc = ERR_OK;
	} else {
		explicit_bzero(out, body.left);
		rc = ERR_CRYPTO;
	}
	EVP_CIPHER_CTX_free(c);
	return rc;
}

enum err
queue_digest(const uint8_t kms[QUEUE_DIGEST_LEN], struct rd liid,
    uint8_t out[QUEUE_DIGEST_LEN])
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	enum err rc = ERR_CRYPTO;

	if (c != NULL && EVP_DigestInit_ex2(c, EVP_sha256(), NULL) == 1 &&
	    EVP_DigestUpdate(c, kms, QUEUE_DIGEST_LEN) == 1 &&
	    EVP_DigestUpdate(c, liid.p, liid.left) == 1 &&
	    EVP_DigestFinal_ex(c, out, NULL) == 1)
		rc = ERR_OK;
	EVP_MD_CTX_free(c);
	return rc;
}
