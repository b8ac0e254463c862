/*
 * lab-provision: plays the KMS and the Enterprise for the laboratory's own
 * tests.  Fresh parameters, and for each user a device key and certificate, a
 * wrapped seed, the private keys of this key period and the next, and a sound.
 * Also finds free UDP ports.
 */
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>
#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include "base/log.h"
#include "lab_ibe.h"
#include "lab_store.h"
#include "lab_wav.h"

#define USERS_MAX 16
#define PORTS_MAX 64
#define RSA_BITS 2048
#define SOUND_S 3

static const char help[] =
    "lab-provision: keys and files for a call of two lab-phones.\n"
    "\n"
    "  --out DIR         gets params.der and the users' files\n"
    "  --user NAME=URI   one user (repeatable): NAME.device.key,\n"
    "                    NAME.device.crt, NAME.seed, NAME.key, NAME.next.key,\n"
    "                    NAME.wav\n"
    "  --also NAME=URI   another identity of an earlier user: its keys for\n"
    "                    that user's device, NAME.N.key and NAME.N.next.key\n"
    "                    with N from 1\n"
    "  --period WORD     day (default), week or month\n"
    "  --ports N         print N free UDP ports of 127.0.0.1 and end\n"
    "\n"
    "Exit status: 0, 1 on failure, 2 usage.\n";

struct user {
	const char *name, *uri;
	size_t name_len;
	EVP_PKEY *key;
	X509 *cert;
	unsigned n_also;
};

struct kms {
	const char *out;
	enum lab_period period;
	struct lab_ibe *ibe;
	BIGNUM *master;
	struct user user[USERS_MAX];
	size_t n_users;
};

static enum err
path_of(const struct kms *k, const struct user *u, const char *end, char *out,
    size_t cap)
{
	int n = snprintf(out, cap, "%s/%.*s.%s", k->out, (int)u->name_len,
	    u->name, end);

	return n > 0 && (size_t)n < cap ? ERR_OK : ERR_TOOBIG;
}

/* Ports that nobody has now; all are held until the last is found. */
static enum err
print_ports(unsigned n)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	socklen_t len = sizeof(in);
	enum err rc = ERR_OK;
	int fd[PORTS_MAX];

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (unsigned i = 0; i < n; i++) {
		in.sin_port = 0;
		fd[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (fd[i] == -1 ||
		    bind(fd[i], (struct sockaddr *)&in, sizeof(in)) == -1 ||
		    getsockname(fd[i], (struct sockaddr *)&in, &len) == -1) {
			rc = ERR_IO;
			continue;
		}
		(void)printf("%u\n", ntohs(in.sin_port));
	}
	for (unsigned i = 0; i < n; i++)
		if (fd[i] != -1)
			(void)close(fd[i]);
	return rc;
}

static enum err
make_params(struct kms *k, struct why *why)
{
	uint8_t der[LAB_IBE_PARAMS_MAX];
	char path[1024];
	struct rd r;
	struct wr w;
	enum err rc;

	wr_init(&w, der, sizeof(der));
	if ((rc = lab_kms_new(&w, &k->master)) != ERR_OK)
		return why_set(why, rc, "cannot make parameters");
	rd_init(&r, der, w.len);
	if ((rc = lab_ibe_parse(r, &k->ibe)) != ERR_OK)
		return why_set(why, rc, "the parameters made are not sound");
	(void)snprintf(path, sizeof(path), "%s/params.der", k->out);
	return lab_save(path, der, w.len, why);
}

/* A key and a certificate by itself, valid for a day. */
static enum err
make_device(struct kms *k, struct user *u, struct why *why)
{
	char path[1024];
	X509_NAME *name;
	BIO *b = NULL;
	bool ok;

	u->key = EVP_RSA_gen(RSA_BITS);
	u->cert = X509_new();
	if (u->key == NULL || u->cert == NULL)
		return why_set(why, ERR_CRYPTO, "cannot make a device key");
	name = X509_get_subject_name(u->cert);
	ok = X509_set_version(u->cert, X509_VERSION_3) == 1 &&
	    ASN1_INTEGER_set(X509_get_serialNumber(u->cert), 1) == 1 &&
	    X509_gmtime_adj(X509_getm_notBefore(u->cert), -60) != NULL &&
	    X509_gmtime_adj(X509_getm_notAfter(u->cert), 86400) != NULL &&
	    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
		(const unsigned char *)"device", -1, -1, 0) == 1 &&
	    X509_set_issuer_name(u->cert, name) == 1 &&
	    X509_set_pubkey(u->cert, u->key) == 1 &&
	    X509_sign(u->cert, u->key, EVP_sha256()) > 0;
	if (ok && path_of(k, u, "device.key", path, sizeof(path)) == ERR_OK &&
	    (b = BIO_new_file(path, "wb")) != NULL)
		ok = PEM_write_bio_PrivateKey(b, u->key, NULL, NULL, 0, NULL,
			 NULL) == 1;
	ok = ok && b != NULL;
	BIO_free(b);
	b = NULL;
	if (ok && path_of(k, u, "device.crt", path, sizeof(path)) == ERR_OK &&
	    (b = BIO_new_file(path, "wb")) != NULL)
		ok = PEM_write_bio_X509(b, u->cert) == 1;
	ok = ok && b != NULL;
	BIO_free(b);
	return ok ? ERR_OK
		  : why_set(why, ERR_CRYPTO, "cannot make or write a device");
}

static enum err
save_json(const struct kms *k, const struct user *u, const char *end, json_t *o,
    struct why *why)
{
	char path[1024];
	enum err rc = ERR_OK;

	if (o == NULL || path_of(k, u, end, path, sizeof(path)) != ERR_OK ||
	    json_dump_file(o, path, JSON_INDENT(2)) != 0)
		rc = why_set(why, ERR_IO, "cannot write a %s file", end);
	json_decref(o);
	return rc;
}

static enum err
make_seed(const struct kms *k, const struct user *u, struct why *why)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(u->key, NULL);
	uint8_t seed[LAB_SEED_LEN], wrapped[RSA_BITS / 8];
	char text[RSA_BITS / 4];
	size_t len = sizeof(wrapped);
	enum err rc;

	if (ctx == NULL || RAND_bytes(seed, sizeof(seed)) != 1 ||
	    EVP_PKEY_encrypt_init(ctx) != 1 ||
	    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) != 1 ||
	    EVP_PKEY_encrypt(ctx, wrapped, &len, seed, sizeof(seed)) != 1) {
		rc = why_set(why, ERR_CRYPTO, "cannot wrap a seed");
		goto out;
	}
	(void)EVP_EncodeBlock((unsigned char *)text, wrapped, (int)len);
	rc = save_json(k, u, "seed",
	    json_pack("{s:i, s:s, s:s, s:s}", "keywardenSeed", 1, "identity",
		u->uri, "label", "", "wrapped", text),
	    why);
out:
	EVP_PKEY_CTX_free(ctx);
	explicit_bzero(seed, sizeof(seed));
	return rc;
}

/* DER of CMS EnvelopedData to the device, as base64; the caller frees. */
static enum err
envelope(const struct user *u, const uint8_t *p, size_t len, char **out)
{
	STACK_OF(X509) *to = sk_X509_new_null();
	BIO *in = BIO_new_mem_buf(p, (int)len);
	CMS_ContentInfo *cms = NULL;
	unsigned char *der = NULL;
	enum err rc = ERR_CRYPTO;
	int n;

	if (to == NULL || in == NULL || sk_X509_push(to, u->cert) == 0)
		goto out;
	cms = CMS_encrypt(to, in, EVP_aes_256_cbc(), CMS_BINARY);
	if (cms == NULL || (n = i2d_CMS_ContentInfo(cms, &der)) <= 0)
		goto out;
	if ((*out = calloc(1, (size_t)n * 2 + 8)) == NULL)
		goto out;
	(void)EVP_EncodeBlock((unsigned char *)*out, der, n);
	rc = ERR_OK;
out:
	OPENSSL_free(der);
	CMS_ContentInfo_free(cms);
	BIO_free(in);
	sk_X509_free(to);
	return rc;
}

/* The key of an identity for the period that contains `t`. */
static enum err
make_key(const struct kms *k, const struct user *u, const char *uri,
    const char *end, int64_t t, struct why *why)
{
	const int64_t from = lab_period_start(k->period, t);
	char before[LAB_STAMP_LEN + 1], after[LAB_STAMP_LEN + 1];
	uint8_t der[LAB_IBE_KEY_MAX], id[LAB_ID_STRING_MAX];
	char *text = NULL;
	struct rd r;
	struct wr w;
	enum err rc;

	lab_stamp(from, before);
	lab_stamp(lab_period_end(k->period, t), after);
	rd_init(&r, uri, strlen(uri));
	wr_init(&w, der, sizeof(der));
	if ((rc = lab_kms_extract(k->ibe, k->master, lab_id_string(r, from, id),
		 &w)) != ERR_OK ||
	    (rc = envelope(u, der, w.len, &text)) != ERR_OK) {
		rc = why_set(why, rc, "cannot make a private key");
		goto out;
	}
	rc = save_json(k, u, end,
	    json_pack("{s:i, s:s, s:s, s:s, s:s}", "keywardenPrivateKey", 1,
		"identity", uri, "notBefore", before, "notAfter", after,
		"enveloped", text),
	    why);
out:
	explicit_bzero(der, sizeof(der));
	free(text);
	return rc;
}

/* Three rising notes, other ones for each user. */
static enum err
make_sound(const struct kms *k, const struct user *u, size_t n, struct why *why)
{
	const size_t len = (size_t)SOUND_S * LAB_RATE;
	char path[1024];
	uint8_t *ulaw;
	enum err rc;

	if (path_of(k, u, "wav", path, sizeof(path)) != ERR_OK)
		return why_set(why, ERR_TOOBIG, "--out is too long");
	if ((ulaw = malloc(len)) == NULL)
		return why_set(why, ERR_NOMEM, "no memory for a sound");
	for (size_t i = 0; i < len; i++) {
		size_t half = 14 - 2 * (i / LAB_RATE) - n % 7;
		int level = 2000 + (int)(100 * (i % 40));

		ulaw[i] =
		    lab_ulaw((int16_t)(i / half % 2 == 0 ? level : -level));
	}
	rc = lab_wav_save(path, ulaw, len, why);
	free(ulaw);
	return rc;
}

static enum err
make_user(struct kms *k, size_t i, struct why *why)
{
	struct user *u = &k->user[i];
	int64_t now = (int64_t)time(NULL);
	enum err rc;

	if ((rc = make_device(k, u, why)) != ERR_OK ||
	    (rc = make_seed(k, u, why)) != ERR_OK ||
	    (rc = make_key(k, u, u->uri, "key", now, why)) != ERR_OK ||
	    (rc = make_key(k, u, u->uri, "next.key",
		 lab_period_end(k->period, now), why)) != ERR_OK)
		return rc;
	return make_sound(k, u, i, why);
}

static enum err
add_user(struct kms *k, const char *arg)
{
	const char *eq = strchr(arg, '=');

	if (eq == NULL || eq == arg || strlen(eq + 1) == 0 ||
	    strlen(eq + 1) > LAB_ID_MAX || k->n_users == USERS_MAX)
		return ERR_MALFORMED;
	k->user[k->n_users++] = (struct user){.name = arg,
	    .uri = eq + 1,
	    .name_len = (size_t)(eq - arg)};
	return ERR_OK;
}

/* NAME=URI of a user that is there already. */
static enum err
add_identity(struct kms *k, const char *arg, struct why *why)
{
	const char *eq = strchr(arg, '=');
	int64_t now = (int64_t)time(NULL);
	char end[32];
	enum err rc;

	for (size_t i = 0; eq != NULL && i < k->n_users; i++) {
		struct user *u = &k->user[i];

		if (u->name_len != (size_t)(eq - arg) ||
		    strncmp(u->name, arg, u->name_len) != 0)
			continue;
		u->n_also++;
		(void)snprintf(end, sizeof(end), "%u.key", u->n_also);
		if ((rc = make_key(k, u, eq + 1, end, now, why)) != ERR_OK)
			return rc;
		(void)snprintf(end, sizeof(end), "%u.next.key", u->n_also);
		return make_key(k, u, eq + 1, end,
		    lab_period_end(k->period, now), why);
	}
	return why_set(why, ERR_NOTFOUND, "--also names no --user");
}

static enum err
provision(struct kms *k, const char *const *also, size_t n_also,
    struct why *why)
{
	enum err rc;

	if (mkdir(k->out, 0777) == -1 && errno != EEXIST)
		return why_errno(why, "cannot create %s", k->out);
	if ((rc = make_params(k, why)) != ERR_OK)
		return rc;
	for (size_t i = 0; i < k->n_users; i++)
		if ((rc = make_user(k, i, why)) != ERR_OK)
			return rc;
	for (size_t i = 0; i < n_also; i++)
		if ((rc = add_identity(k, also[i], why)) != ERR_OK)
			return rc;
	return ERR_OK;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
	    {"help", no_argument, NULL, 'h'},
	    {"out", required_argument, NULL, 'o'},
	    {"user", required_argument, NULL, 'u'},
	    {"also", required_argument, NULL, 'a'},
	    {"period", required_argument, NULL, 'p'},
	    {"ports", required_argument, NULL, 'n'},
	    {NULL, 0, NULL, 0},
	};
	static struct kms k;
	const char *also[USERS_MAX];
	size_t n_also = 0;
	struct why why = {{0}};
	unsigned long ports = 0;
	enum err rc = ERR_OK;
	int opt;

	log_init("lab-provision", LOG_LVL_INFO);
	(void)umask(077); /* there are private keys among the files */
	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (opt == 'h') {
			(void)fputs(help, stdout);
			return 0;
		} else if (opt == 'o') {
			k.out = optarg;
		} else if (opt == 'u') {
			rc = add_user(&k, optarg);
		} else if (opt == 'a' && n_also < USERS_MAX) {
			also[n_also++] = optarg;
		} else if (opt == 'p') {
			rc = lab_period_get(optarg, &k.period);
		} else if (opt == 'n') {
			ports = strtoul(optarg, NULL, 10);
			rc = ports > 0 && ports <= PORTS_MAX ? ERR_OK
							     : ERR_MALFORMED;
		} else {
			rc = ERR_MALFORMED;
		}
		if (rc != ERR_OK)
			break;
	}
	if (rc != ERR_OK || optind < argc ||
	    (ports == 0 && (k.out == NULL || k.n_users == 0))) {
		log_error("bad or missing options (see --help)");
		return 2;
	}
	if (ports > 0)
		return print_ports((unsigned)ports) == ERR_OK ? 0 : 1;
	rc = provision(&k, also, n_also, &why);
	if (rc != ERR_OK)
		log_error("%s", why.text);
	for (size_t i = 0; i < k.n_users; i++) {
		EVP_PKEY_free(k.user[i].key);
		X509_free(k.user[i].cert);
	}
	BN_clear_free(k.master);
	lab_ibe_free(&k.ibe);
	return rc == ERR_OK ? 0 : 1;
}
