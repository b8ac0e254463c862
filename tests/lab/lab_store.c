#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "lab_store.h"

#define FILE_MAX 65536

void
lab_user_done(struct lab_user *u)
{
	EVP_PKEY_free(u->device_key);
	X509_free(u->device_cert);
	secret_free(&u->seed);
	for (size_t i = 0; i < u->n_keys; i++)
		lab_ibe_key_free(&u->keys[i].key);
	memset(u, 0, sizeof(*u));
}

enum err
lab_slurp(const char *path, size_t max, uint8_t **out, size_t *len,
    struct why *why)
{
	FILE *f = fopen(path, "rb");
	uint8_t *p = NULL;
	enum err rc;

	if (f == NULL)
		return why_errno(why, "cannot open %s", path);
	if ((p = malloc(max + 1)) == NULL) {
		rc = why_set(why, ERR_NOMEM, "no memory for %s", path);
		goto out;
	}
	*len = fread(p, 1, max + 1, f);
	if (ferror(f)) {
		rc = why_errno(why, "cannot read %s", path);
		goto out;
	}
	if (*len > max) {
		rc = why_set(why, ERR_TOOBIG, "%s is over %zu octets", path,
		    max);
		goto out;
	}
	*out = p;
	p = NULL; /* now the caller's */
	rc = ERR_OK;
out:
	free(p);
	fclose(f);
	return rc;
}

enum err
lab_device_load(struct lab_user *u, const char *key, const char *cert,
    struct why *why)
{
	BIO *b = BIO_new_file(key, "rb");

	if (b != NULL)
		u->device_key = PEM_read_bio_PrivateKey(b, NULL, NULL, NULL);
	BIO_free(b);
	if (u->device_key == NULL ||
	    EVP_PKEY_get_base_id(u->device_key) != EVP_PKEY_RSA)
		return why_set(why, ERR_MALFORMED,
		    "%s is no PEM file of an RSA private key", key);
	if (cert == NULL)
		return ERR_OK;
	b = BIO_new_file(cert, "rb");
	if (b != NULL)
		u->device_cert = PEM_read_bio_X509(b, NULL, NULL, NULL);
	BIO_free(b);
	if (u->device_cert == NULL)
		return why_set(why, ERR_MALFORMED,
		    "%s is no PEM file of a certificate", cert);
	return ERR_OK;
}

enum err
lab_params_load(const char *path, struct lab_ibe **out, struct why *why)
{
	uint8_t *p = NULL;
	size_t len = 0;
	struct rd r;
	enum err rc;

	if ((rc = lab_slurp(path, FILE_MAX, &p, &len, why)) != ERR_OK)
		return rc;
	rd_init(&r, p, len);
	if ((rc = lab_ibe_parse(r, out)) != ERR_OK)
		rc = why_set(why, rc, "%s holds no sound public parameters: %s",
		    path, err_str(rc));
	free(p);
	return rc;
}

/* The object of a file, with its version member checked. */
static enum err
load_json(const char *path, const char *version, json_t **out, struct why *why)
{
	json_error_t e;
	json_t *o = json_load_file(path, JSON_REJECT_DUPLICATES, &e);

	if (o == NULL)
		return why_set(why, ERR_MALFORMED, "%s: %s (line %d)", path,
		    e.text, e.line);
	if (!json_is_integer(json_object_get(o, version)) ||
	    json_integer_value(json_object_get(o, version)) != 1) {
		json_decref(o);
		return why_set(why, ERR_UNSUPPORTED, "%s: no \"%s\": 1", path,
		    version);
	}
	*out = o;
	return ERR_OK;
}

static enum err
get_text(const char *path, const json_t *o, const char *name, const char **out,
    struct why *why)
{
	*out = json_string_value(json_object_get(o, name));
	if (*out == NULL)
		return why_set(why, ERR_MALFORMED, "%s: no text \"%s\"", path,
		    name);
	return ERR_OK;
}

/* Base64 of one line, strictly; the caller frees. */
static enum err
unbase64(const char *path, const char *text, uint8_t **out, size_t *len,
    struct why *why)
{
	const size_t n = strlen(text);
	uint8_t *p;
	int got;

	if (n == 0 || n % 4 != 0 || n > FILE_MAX)
		return why_set(why, ERR_MALFORMED, "%s: bad base64", path);
	if ((p = malloc(n)) == NULL)
		return why_set(why, ERR_NOMEM, "no memory for %s", path);
	got = EVP_DecodeBlock(p, (const unsigned char *)text, (int)n);
	if (got < 0) {
		free(p);
		return why_set(why, ERR_MALFORMED, "%s: bad base64", path);
	}
	*len = (size_t)got - (text[n - 1] == '=') - (text[n - 2] == '=');
	*out = p;
	return ERR_OK;
}

static enum err
oaep(EVP_PKEY *key, const uint8_t *in, size_t len, struct secret **out)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	struct secret *s = NULL;
	size_t n = 0;
	enum err rc = ERR_CRYPTO;

	if (ctx == NULL || EVP_PKEY_decrypt_init(ctx) != 1 ||
	    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) != 1 ||
	    EVP_PKEY_CTX_set_rsa_oaep_md(ctx, EVP_sha1()) != 1 ||
	    EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha1()) != 1 ||
	    EVP_PKEY_decrypt(ctx, NULL, &n, in, len) != 1)
		goto out;
	if ((rc = secret_new(n, &s)) != ERR_OK)
		goto out;
	rc = ERR_MISMATCH;
	if (EVP_PKEY_decrypt(ctx, secret_data(s), &n, in, len) != 1 ||
	    n != LAB_SEED_LEN)
		goto out;
	secret_truncate(s, n);
	*out = s;
	s = NULL; /* now the caller's */
	rc = ERR_OK;
out:
	secret_free(&s);
	EVP_PKEY_CTX_free(ctx);
	return rc;
}

static enum err
get_label(const char *path, const char *hex, struct lab_user *u,
    struct why *why)
{
	const size_t n = strlen(hex);

	if (n % 2 != 0 || n / 2 > LAB_LABEL_MAX ||
	    hex_get(hex, u->label, n / 2) != ERR_OK)
		return why_set(why, ERR_MALFORMED, "%s: bad label", path);
	u->label_len = n / 2;
	return ERR_OK;
}

enum err
lab_seed_load(struct lab_user *u, const char *path, const char *identity,
    struct why *why)
{
	const char *id, *label, *wrapped;
	uint8_t *p = NULL;
	size_t len = 0;
	json_t *o = NULL;
	enum err rc;

	if ((rc = load_json(path, "keywardenSeed", &o, why)) != ERR_OK ||
	    (rc = get_text(path, o, "identity", &id, why)) != ERR_OK ||
	    (rc = get_text(path, o, "label", &label, why)) != ERR_OK ||
	    (rc = get_text(path, o, "wrapped", &wrapped, why)) != ERR_OK ||
	    (rc = get_label(path, label, u, why)) != ERR_OK ||
	    (rc = unbase64(path, wrapped, &p, &len, why)) != ERR_OK)
		goto out;
	if (strcmp(id, identity) != 0) {
		rc = why_set(why, ERR_MISMATCH,
		    "%s: the seed is another identity's", path);
		goto out;
	}
	if ((rc = oaep(u->device_key, p, len, &u->seed)) != ERR_OK)
		rc = why_set(why, rc,
		    "%s: the seed does not unwrap with this device key", path);
out:
	free(p);
	json_decref(o);
	return rc;
}

enum err
lab_seed_hex_load(struct lab_user *u, const char *path, struct why *why)
{
	char text[2 * LAB_SEED_LEN + 1] = {0};
	uint8_t *p = NULL;
	size_t len = 0;
	enum err rc;

	if ((rc = lab_slurp(path, 256, &p, &len, why)) != ERR_OK ||
	    (rc = secret_new(LAB_SEED_LEN, &u->seed)) != ERR_OK)
		goto out;
	while (len > 0 && (p[len - 1] == '\n' || p[len - 1] == '\r'))
		len--;
	rc = ERR_MALFORMED;
	if (len == sizeof(text) - 1) {
		memcpy(text, p, len);
		rc = hex_get(text, secret_data(u->seed), LAB_SEED_LEN);
	}
	if (rc != ERR_OK)
		rc = why_set(why, rc, "%s holds no 64 hex digits", path);
out:
	explicit_bzero(text, sizeof(text));
	if (p != NULL)
		explicit_bzero(p, len);
	free(p);
	return rc;
}

/* What is enveloped to the device, in a BIO of memory that is wiped. */
static enum err
open_cms(struct lab_user *u, const uint8_t *der, size_t len, BIO **out)
{
	BIO *in = BIO_new_mem_buf(der, (int)len);
	BIO *plain = BIO_new(BIO_s_secmem());
	CMS_ContentInfo *cms = NULL;
	enum err rc = ERR_CRYPTO;

	if (in == NULL || plain == NULL)
		goto out;
	rc = ERR_MALFORMED;
	if ((cms = d2i_CMS_bio(in, NULL)) == NULL)
		goto out;
	rc = ERR_MISMATCH;
	if (CMS_decrypt(cms, u->device_key, u->device_cert, NULL, plain, 0) !=
	    1)
		goto out;
	*out = plain;
	plain = NULL; /* now the caller's */
	rc = ERR_OK;
out:
	CMS_ContentInfo_free(cms);
	BIO_free(in);
	BIO_free(plain);
	return rc;
}

static enum err
open_key(struct lab_user *u, const uint8_t *der, size_t len,
    struct lab_ibe *ibe, struct lab_user_key *k)
{
	uint8_t id[LAB_ID_STRING_MAX];
	BIO *plain = NULL;
	struct rd r, identity;
	const char *p;
	long n;
	enum err rc;

	if ((rc = open_cms(u, der, len, &plain)) != ERR_OK)
		return rc;
	n = BIO_get_mem_data(plain, &p);
	rd_init(&r, p, n > 0 ? (size_t)n : 0);
	if ((rc = lab_ibe_key_parse(ibe, r, &k->key)) != ERR_OK)
		goto out;
	rd_init(&identity, k->identity, strlen(k->identity));
	rc = lab_ibe_key_check(ibe, k->key,
	    lab_id_string(identity, k->from, id));
out:
	BIO_free(plain);
	return rc;
}

enum err
lab_key_load(struct lab_user *u, const char *path, struct lab_ibe *ibe,
    enum lab_period period, struct why *why)
{
	struct lab_user_key *k = &u->keys[u->n_keys];
	const char *id, *from, *to, *enveloped;
	uint8_t *p = NULL;
	size_t len = 0;
	json_t *o = NULL;
	enum err rc;

	if (u->n_keys == LAB_USER_KEYS_MAX)
		return why_set(why, ERR_FULL, "more than %d keys",
		    LAB_USER_KEYS_MAX);
	if ((rc = load_json(path, "keywardenPrivateKey", &o, why)) != ERR_OK ||
	    (rc = get_text(path, o, "identity", &id, why)) != ERR_OK ||
	    (rc = get_text(path, o, "notBefore", &from, why)) != ERR_OK ||
	    (rc = get_text(path, o, "notAfter", &to, why)) != ERR_OK ||
	    (rc = get_text(path, o, "enveloped", &enveloped, why)) != ERR_OK ||
	    (rc = unbase64(path, enveloped, &p, &len, why)) != ERR_OK)
		goto out;
	if (strlen(id) > LAB_ID_MAX ||
	    lab_stamp_get(from, &k->from) != ERR_OK ||
	    lab_stamp_get(to, &k->to) != ERR_OK ||
	    lab_period_start(period, k->from) != k->from ||
	    lab_period_end(period, k->from) != k->to) {
		rc = why_set(why, ERR_MALFORMED,
		    "%s: bad identity, or not one key period", path);
		goto out;
	}
	memcpy(k->identity, id, strlen(id) + 1);
	if ((rc = open_key(u, p, len, ibe, k)) != ERR_OK) {
		lab_ibe_key_free(&k->key);
		rc = why_set(why, rc,
		    "%s: does not open with this device key, or is not the"
		    " key of its identity, period and KMS (%s)",
		    path, err_str(rc));
		goto out;
	}
	u->n_keys++;
out:
	free(p);
	json_decref(o);
	return rc;
}

const struct lab_ibe_key *
lab_user_key(const struct lab_user *u, struct rd identity, int64_t unix_s)
{
	for (size_t i = 0; i < u->n_keys; i++) {
		const struct lab_user_key *k = &u->keys[i];

		if (k->from <= unix_s && unix_s < k->to &&
		    rd_is(&identity, k->identity, strlen(k->identity)))
			return k->key;
	}
	return NULL;
}

struct rd
lab_id_string(struct rd identity, int64_t period_start, uint8_t *out)
{
	char date[LAB_DATE_LEN + 1];
	struct rd r;

	lab_date(period_start, date);
	memcpy(out, identity.p, identity.left);
	memcpy(out + identity.left, date, LAB_DATE_LEN);
	rd_init(&r, out, identity.left + LAB_DATE_LEN);
	return r;
}
