/* The key of `keywarden sign`: in a PEM file, or in the person's own token. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "appliance/cli_secret.h"
#include "appliance/cli_sign.h"
#include "appliance/spawn.h"
#include "base/log.h"
#include "hsm/card.h"

#define KEY_FILE_MAX 32768

/* ---- certificate ---- */

static void
fill_subject(X509 *x, char *out, size_t cap)
{
	BIO *b = BIO_new(BIO_s_mem());
	char *text = NULL;
	long n = 0;

	if (b != NULL &&
	    X509_NAME_print_ex(b, X509_get_subject_name(x), 0,
		XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) >= 0)
		n = BIO_get_mem_data(b, &text);
	(void)log_escape(text, n > 0 ? (size_t)n : 0, out, cap);
	BIO_free(b);
}

enum err
signer_cert(struct signer *s, struct why *why)
{
	BIO *b = BIO_new_file(s->cert_file, "r");
	unsigned char *der = NULL;
	enum err rc = ERR_OK;
	X509 *x;
	int n;

	if (b == NULL) {
		ERR_clear_error();
		return why_errno(why, "--cert %s", s->cert_file);
	}
	x = PEM_read_bio_X509(b, NULL, NULL, NULL);
	BIO_free(b);
	if (x == NULL || (n = i2d_X509(x, &der)) <= 0)
		rc = why_set(why, ERR_MALFORMED,
		    "--cert %s: no PEM certificate in it", s->cert_file);
	else {
		s->cert = der;
		s->cert_len = (size_t)n;
		fill_subject(x, s->subject, sizeof(s->subject));
	}
	X509_free(x);
	ERR_clear_error();
	return rc;
}

/* ---- a key in a file ---- */

struct passphrase {
	struct signer *signer;
	struct why *why;
	enum err rc;
};

/* OpenSSL asks when the key is encrypted, perhaps more than once. */
static int
give_passphrase(char *out, int cap, int writing, void *ctx)
{
	struct passphrase *p = ctx;
	struct signer *s = p->signer;
	char what[256];

	(void)writing;
	(void)snprintf(what, sizeof(what), "Passphrase of %s", s->key_file);
	if (p->rc == ERR_OK && s->pin == NULL)
		p->rc = cli_secret(s->pin_file, what, &s->pin, p->why);
	if (p->rc != ERR_OK || secret_len(s->pin) > (size_t)cap)
		return -1;
	memcpy(out, secret_data(s->pin), secret_len(s->pin));
	return (int)secret_len(s->pin);
}

static enum err
read_key_file(const char *path, struct secret **out, struct why *why)
{
	struct secret *s = NULL;
	ssize_t got = 0;
	size_t n = 0;
	int fd;
	enum err rc;

	if ((rc = open_secret_file(path, "--key", &fd, why)) != ERR_OK)
		return rc;
	if (secret_new(KEY_FILE_MAX, &s) != ERR_OK) {
		close(fd);
		return why_set(why, ERR_NOMEM,
		    "no locked memory for a secret (RLIMIT_MEMLOCK)");
	}
	while (n < KEY_FILE_MAX &&
	    (got = read(fd, secret_data(s) + n, KEY_FILE_MAX - n)) > 0)
		n += (size_t)got;
	close(fd);
	if (n == 0 || n == KEY_FILE_MAX) {
		secret_free(&s);
		return why_set(why, ERR_MALFORMED,
		    "--key %s: no PEM private key in it", path);
	}
	secret_truncate(s, n);
	*out = s;
	return ERR_OK;
}

static bool
is_of_cert(const struct signer *s, const EVP_PKEY *key)
{
	const unsigned char *p = s->cert;
	X509 *x = d2i_X509(NULL, &p, (long)s->cert_len);
	const bool same =
	    x != NULL && EVP_PKEY_eq(X509_get0_pubkey(x), key) == 1;

	X509_free(x);
	return same;
}

static enum err
key_here(struct signer *s, struct why *why)
{
	struct passphrase p = {s, why, ERR_OK};
	struct secret *text = NULL;
	BIO *b;
	enum err rc;

	if ((rc = read_key_file(s->key_file, &text, why)) != ERR_OK)
		return rc;
	b = BIO_new_mem_buf(secret_data(text), (int)secret_len(text));
	if (b != NULL)
		s->pem = PEM_read_bio_PrivateKey(b, NULL, give_passphrase, &p);
	BIO_free(b);
	secret_free(&text);
	if (p.rc != ERR_OK)
		rc = p.rc;
	else if (s->pem == NULL && s->pin != NULL)
		rc = why_set(why, ERR_PIN,
		    "--key %s: the passphrase is not right", s->key_file);
	else if (s->pem == NULL)
		rc = why_set(why, ERR_MALFORMED,
		    "--key %s: no PEM private key in it", s->key_file);
	else if (!is_of_cert(s, s->pem))
		rc = why_set(why, ERR_MISMATCH,
		    "--key %s is not the key of the certificate %s",
		    s->key_file, s->cert_file);
	else
		s->key = sign_key_here(s->pem);
	ERR_clear_error();
	return rc;
}

/* ---- a key in a token ---- */

static enum err
sign_there(void *ctx, const char *digest, struct rd hash, uint8_t out[SIGN_MAX],
    size_t *len, struct why *why)
{
	return card_sign(ctx, digest, hash, out, SIGN_MAX, len, why);
}

static enum err
log_in(struct signer *s, struct why *why)
{
	const char *label = card_label(s->card);
	struct why what = {""};
	char prompt[256];
	enum err rc;

	(void)snprintf(prompt, sizeof(prompt), "PIN of the token \"%s\"",
	    label);
	if (card_login_kind(s->card) == CARD_PIN &&
	    (rc = cli_secret(s->pin_file, prompt, &s->pin, why)) != ERR_OK)
		return rc;
	if (card_login_kind(s->card) == CARD_PAD && isatty(STDIN_FILENO))
		(void)fprintf(stderr, "Type the %s on its own keypad.\n",
		    prompt);
	if ((rc = card_log_in(s->card, s->pin, &what)) == ERR_OK)
		return ERR_OK;
	return why_set(why, rc, "token \"%s\": %s%s", label, what.text,
	    rc == ERR_PIN ? " (see to its PIN before the next try)" : "");
}

static enum err
key_there(struct signer *s, struct why *why)
{
	struct why what = {""};
	struct rd cert;
	enum err rc;

	rc = card_open(s->module, s->token, &s->card, &what);
	if (rc != ERR_OK)
		return why_set(why, rc, "--module: %s%s", what.text,
		    rc == ERR_EXISTS ? " (--token)" : "");
	if ((rc = log_in(s, why)) != ERR_OK)
		return rc;
	rd_init(&cert, s->cert, s->cert_len);
	rc = card_find(s->card, s->key_label, cert, &what);
	if (rc != ERR_OK)
		return why_set(why, rc, "%s%s", what.text,
		    rc == ERR_NOTFOUND && s->key_label == NULL
			? " (--key-label names one)"
			: "");
	s->key = (struct sign_key){sign_there, s->card};
	return ERR_OK;
}

enum err
signer_key(struct signer *s, struct why *why)
{
	return s->key_file != NULL ? key_here(s, why) : key_there(s, why);
}

void
signer_done(struct signer *s)
{
	card_close(&s->card);
	secret_free(&s->pin);
	EVP_PKEY_free(s->pem);
	OPENSSL_free(s->cert);
	s->pem = NULL;
	s->cert = NULL;
}
