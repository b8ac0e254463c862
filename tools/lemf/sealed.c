#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "lemf/fields.h"
#include "lemf/sealed.h"

#define T_SEQUENCE 0x30
#define T_OCTETS 0x04

struct opener {
	EVP_PKEY *key;
	X509 *cert;
};

/* ---- the agency's key ---- */

/* Nobody is asked at a terminal: there may be none, or nobody at it. */
static int
no_passphrase(char *out, int cap, int rw, void *ctx)
{
	(void)out;
	(void)cap;
	(void)rw;
	(void)ctx;
	return 0;
}

static BIO *
open_file(const char *path, struct why *why)
{
	BIO *b = BIO_new_file(path, "r");

	if (b == NULL)
		(void)why_errno(why, "%s", path);
	return b;
}

enum err
opener_new(const char *key_file, const char *cert_file, struct opener **out,
    struct why *why)
{
	struct opener *o = calloc(1, sizeof(*o));
	BIO *key = NULL, *cert = NULL;
	enum err rc = ERR_IO;

	if (o == NULL)
		return why_set(why, ERR_NOMEM, "out of memory");
	if ((key = open_file(key_file, why)) == NULL ||
	    (cert = open_file(cert_file, why)) == NULL)
		goto out;
	rc = ERR_MALFORMED;
	if ((o->key = PEM_read_bio_PrivateKey(key, NULL, no_passphrase,
		 NULL)) == NULL)
		(void)why_set(why, rc, "%s: not an unencrypted PEM key",
		    key_file);
	else if ((o->cert = PEM_read_bio_X509(cert, NULL, NULL, NULL)) == NULL)
		(void)why_set(why, rc, "%s: not a PEM certificate", cert_file);
	else if (X509_check_private_key(o->cert, o->key) != 1)
		rc = why_set(why, ERR_MISMATCH,
		    "%s is not the key of the certificate in %s", key_file,
		    cert_file);
	else {
		*out = o;
		o = NULL; /* now the caller's */
		rc = ERR_OK;
	}
out:
	ERR_clear_error();
	BIO_free(key);
	BIO_free(cert);
	opener_free(&o);
	return rc;
}

void
opener_free(struct opener **op)
{
	if (*op == NULL)
		return;
	EVP_PKEY_free((*op)->key);
	X509_free((*op)->cert);
	free(*op);
	*op = NULL;
}

/* ---- one key ---- */

static enum err
keep(struct rd from, uint8_t to[CLEAR_KEY_MAX], size_t *len)
{
	if (from.left > CLEAR_KEY_MAX)
		return ERR_TOOBIG;
	*len = from.left;
	return rd_copy(&from, to, from.left);
}

static enum err
octets(struct rd *in, struct rd *out)
{
	struct ber e;
	enum err rc;

	if ((rc = ber_get(in, &e)) != ERR_OK)
		return rc;
	*out = e.content;
	return e.tag == T_OCTETS ? ERR_OK : ERR_MALFORMED;
}

/* What was sealed says for whom and for which stream: RFC 5083 would not. */
static enum err
take_content(struct rd in, const struct record *r, const struct record_key *k,
    struct clear_key *out, struct why *why)
{
	struct rd liid, cs_id, key, salt;
	struct ber all;
	enum err rc;

	if (fields_only(in, &all) != ERR_OK || all.tag != T_SEQUENCE ||
	    octets(&all.content, &liid) != ERR_OK ||
	    octets(&all.content, &cs_id) != ERR_OK ||
	    octets(&all.content, &key) != ERR_OK ||
	    octets(&all.content, &salt) != ERR_OK || all.content.left > 0)
		return why_set(why, ERR_MALFORMED,
		    "what is sealed is not a key");
	if (!rd_equal(&liid, &r->liid) || !rd_equal(&cs_id, &k->cs_id))
		return why_set(why, ERR_MISMATCH,
		    "what is sealed belongs to another LIID or stream");
	if ((rc = keep(key, out->key, &out->key_len)) != ERR_OK ||
	    (rc = keep(salt, out->salt, &out->salt_len)) != ERR_OK)
		return why_set(why, rc, "a key or salt over %d octets",
		    CLEAR_KEY_MAX);
	return ERR_OK;
}

static enum err
open_sealed(const struct opener *o, const struct record *r,
    const struct record_key *k, struct clear_key *out, struct why *why)
{
	const unsigned char *p = k->key.p;
	CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &p, (long)k->key.left);
	BIO *clear = BIO_new(BIO_s_mem()); /* erases what it frees */
	struct rd content;
	char *text = NULL;
	long n;
	enum err rc;

	if (cms == NULL || p != k->key.p + k->key.left)
		rc = why_set(why, ERR_MALFORMED, "a sealed key is not CMS");
	else if (clear == NULL)
		rc = why_set(why, ERR_NOMEM, "out of memory");
	else if (CMS_decrypt(cms, o->key, o->cert, NULL, clear, 0) != 1)
		rc = why_set(why, ERR_CRYPTO,
		    "a sealed key does not open with this key");
	else {
		n = BIO_get_mem_data(clear, &text);
		rd_init(&content, text, n > 0 ? (size_t)n : 0);
		rc = take_content(content, r, k, out, why);
	}
	ERR_clear_error();
	BIO_free(clear);
	CMS_ContentInfo_free(cms);
	return rc;
}

enum err
sealed_key(const struct opener *o, const struct record *r, unsigned i,
    struct clear_key *out, struct why *why)
{
	const struct record_key *k = &r->keys[i];
	enum err rc;

	*out = (struct clear_key){.key_len = 0};
	if (!k->sealed) {
		if ((rc = keep(k->key, out->key, &out->key_len)) != ERR_OK ||
		    (rc = keep(k->salt, out->salt, &out->salt_len)) != ERR_OK)
			(void)why_set(why, rc, "a key or salt over %d octets",
			    CLEAR_KEY_MAX);
	} else if (o == NULL)
		rc = why_set(why, ERR_DENIED,
		    "a key is sealed: --open-key and --open-cert open it");
	else
		rc = open_sealed(o, r, k, out, why);
	if (rc != ERR_OK)
		explicit_bzero(out, sizeof(*out));
	return rc;
}
