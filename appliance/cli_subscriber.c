/* keywarden subscriber ... */
#include <sys/stat.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "appliance/cli.h"
#include "appliance/kms_state.h"
#include "appliance/spawn.h"
#include "base/secret.h"
#include "policy/rfc3339.h"

#define SEED_LEN 32
#define WRAPPED_MAX 1024

struct add {
	struct cli_common common;
	struct config *config;
	const char *identity, *device_cert, *wrapped, *seed, *label, *out;
	const char *device[MAX_DEVICES];
	unsigned n_devices;
	uint8_t *cert;
	size_t cert_len;
	uint8_t wrapped_seed[WRAPPED_MAX];
	size_t wrapped_len;
	uint8_t label_octets[MAX_SEED_LABEL];
	size_t label_len;
};

/* Looked at before anything is asked for that would then be lost. */
static bool
is_new(const char *path)
{
	struct why why = {""};

	if (cli_file_is_new(path, &why) == ERR_OK)
		return true;
	cli_error("%s", why.text);
	return false;
}

static enum err
read_cert(const char *path, uint8_t **out, size_t *len, struct why *why)
{
	BIO *b = BIO_new_file(path, "r");
	X509 *x = b == NULL ? NULL : PEM_read_bio_X509(b, NULL, NULL, NULL);
	unsigned char *der = NULL;
	const int n = x == NULL ? -1 : i2d_X509(x, &der);

	X509_free(x);
	BIO_free(b);
	if (n <= 0)
		return why_set(why, ERR_MALFORMED,
		    "%s: no PEM certificate in it", path);
	*out = der;
	*len = (size_t)n;
	return ERR_OK;
}

static EVP_PKEY *
import_key(const struct config *f)
{
	char *path = config_path(f, STATE_KMS);
	const int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	struct rd in, sealed, seal;
	uint8_t *octets = NULL;
	struct kms_state s;
	EVP_PKEY *key = NULL;
	struct why why;
	size_t len;

	free(path);
	if (fd == -1)
		return NULL;
	if (kms_state_read(fd, &octets, &len, &why) == ERR_OK) {
		rd_init(&in, octets, len);
		if (kms_state_parse(in, &s, &sealed, &seal) == ERR_OK) {
			const unsigned char *p = s.import_key.p;

			key = d2i_PUBKEY(NULL, &p, (long)s.import_key.left);
		}
	}
	free(octets);
	close(fd);
	return key;
}

/* The 64 digits, in locked memory. */
static enum err
read_seed(const char *path, struct secret **out, struct why *why)
{
	struct secret *text = NULL, *seed = NULL;
	char *t;
	ssize_t n;
	int fd;
	enum err rc;

	if ((rc = open_secret_file(path, "seed file", &fd, why)) != ERR_OK)
		return rc;
	if (secret_new(256, &text) != ERR_OK ||
	    secret_new(SEED_LEN, &seed) != ERR_OK) {
		rc = why_set(why, ERR_NOMEM, "no locked memory");
		goto out;
	}
	t = (char *)secret_data(text);
	n = read(fd, t, 255);
	while (n > 0 && (t[n - 1] == '\n' || t[n - 1] == '\r'))
		n--;
	if (n > 0)
		t[n] = '\0';
	if (n != 2 * SEED_LEN ||
	    hex_get(t, secret_data(seed), SEED_LEN) != ERR_OK) {
		rc = why_set(why, ERR_MALFORMED, "%s: not 64 hex digits", path);
		goto out;
	}
	*out = seed;
	seed = NULL;
out:
	close(fd);
	secret_free(&text);
	secret_free(&seed);
	return rc;
}

/* Under the token's import key: in the clear it is on this machine alone. */
static enum err
wrap_seed(struct add *a, struct why *why)
{
	EVP_PKEY *key = import_key(a->config);
	EVP_PKEY_CTX *c = key == NULL ? NULL : EVP_PKEY_CTX_new(key, NULL);
	struct secret *seed = NULL;
	enum err rc;

	if (c == NULL) {
		EVP_PKEY_free(key);
		return why_set(why, ERR_NOTFOUND,
		    "no import key: has 'keywarden init' been run?");
	}
	a->wrapped_len = sizeof(a->wrapped_seed);
	if ((rc = read_seed(a->seed, &seed, why)) == ERR_OK &&
	    (EVP_PKEY_encrypt_init(c) != 1 ||
		EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_OAEP_PADDING) != 1 ||
		EVP_PKEY_encrypt(c, a->wrapped_seed, &a->wrapped_len,
		    secret_data(seed), SEED_LEN) != 1))
		rc = why_set(why, ERR_CRYPTO, "the seed cannot be wrapped");
	secret_free(&seed);
	EVP_PKEY_CTX_free(c);
	EVP_PKEY_free(key);
	return rc;
}

static enum err
read_inputs(struct add *a, struct why *why)
{
	uint8_t *p = NULL;
	size_t len;
	enum err rc;

	if (a->device_cert != NULL &&
	    (rc = read_cert(a->device_cert, &a->cert, &a->cert_len, why)) !=
		ERR_OK)
		return rc;
	if (a->label != NULL) {
		a->label_len = strlen(a->label) / 2;
		if (a->label_len > MAX_SEED_LABEL ||
		    hex_get(a->label, a->label_octets, a->label_len) != ERR_OK)
			return why_set(why, ERR_MALFORMED,
			    "--label: at most %d octets in hex digits",
			    MAX_SEED_LABEL);
	}
	if (a->seed != NULL)
		return wrap_seed(a, why);
	if (a->wrapped == NULL)
		return ERR_OK;
	if ((rc = cli_read_file(a->wrapped, WRAPPED_MAX, &p, &len, why)) !=
	    ERR_OK)
		return rc;
	memcpy(a->wrapped_seed, p, len);
	a->wrapped_len = len;
	free(p);
	return ERR_OK;
}

/* The device's file: what tests/lab and provisioning systems read. */
static int
write_device_file(const struct add *a, json_t *answer)
{
	const char *wrapped =
	    json_string_value(json_object_get(answer, "wrappedSeed"));
	char label[2 * MAX_SEED_LABEL + 1], *text;
	struct why why = {""};
	json_t *j;
	enum err rc;

	hex_put(a->label_octets, a->label_len, label);
	j = json_pack("{s:i, s:s, s:s, s:s, s:s}", "keywardenSeed", 1,
	    "identity", a->identity, "label", label, "algorithm",
	    "RSAES-OAEP SHA-1", "wrapped", wrapped);
	text = json_dumps(j, JSON_INDENT(2));
	json_decref(j);
	if (text == NULL)
		return EXIT_REFUSED;
	rc = cli_write_file(a->out, text, strlen(text), 0600, &why);
	free(text);
	if (rc == ERR_OK)
		return EXIT_DONE;
	cli_error("%s; remove the subscriber and enrol again", why.text);
	return EXIT_REFUSED;
}

static int
send_add(struct add *a)
{
	static uint8_t body[32768];
	struct task_subscriber t = {.n_devices = a->n_devices};
	json_t *j = NULL;
	struct wr w;
	size_t len;
	int code;

	rd_init(&t.identity, a->identity, strlen(a->identity));
	for (unsigned i = 0; i < a->n_devices; i++)
		rd_init(&t.device[i], a->device[i], strlen(a->device[i]));
	rd_init(&t.label, a->label_octets, a->label_len);
	rd_init(&t.device_cert, a->cert, a->cert_len);
	rd_init(&t.wrapped_seed, a->wrapped_seed, a->wrapped_len);
	wr_init(&w, body, sizeof(body));
	task_subscriber_put(&w, &t);
	if (wr_finish(&w, &len) != ERR_OK) {
		cli_error("identity, devices or certificate too long");
		return EXIT_REFUSED;
	}
	code = cli_ask(a->config, MSG_CLI_SUBSCRIBER_ADD, body, len, &j);
	if (code != EXIT_DONE)
		return code;
	if (a->wrapped_len == 0)
		code = write_device_file(a, j);
	if (code == EXIT_DONE && a->common.json)
		return cli_print_json(j);
	if (code == EXIT_DONE)
		(void)printf("enrolled %s\n", a->identity);
	json_decref(j);
	return code;
}

int
cmd_subscriber_add(const struct command *c, int argc, char **argv)
{
	static struct add a;
	const struct cli_option own[] = {{.name = "identity",
					     .one = &a.identity},
	    {.name = "device",
		.many = a.device,
		.most = MAX_DEVICES,
		.n = &a.n_devices},
	    {.name = "device-cert", .one = &a.device_cert},
	    {.name = "wrapped-seed", .one = &a.wrapped},
	    {.name = "seed-file", .one = &a.seed},
	    {.name = "label", .one = &a.label}, {.name = "out", .one = &a.out},
	    {NULL, NULL, NULL, 0, NULL, NULL}};
	struct why why = {""};
	int code, n;

	if ((n = cli_options(c, argc, argv, own, &a.common, &code)) == -1)
		return code;
	if (n != 0 || a.identity == NULL ||
	    (a.seed != NULL && a.wrapped != NULL))
		return cli_usage(c, EXIT_USAGE);
	if (a.seed == NULL && a.wrapped == NULL &&
	    (a.device_cert == NULL || a.out == NULL))
		return cli_misuse(c,
		    "a seed made in the token needs --device-cert, to whom it "
		    "is wrapped, and --out");
	if (a.out != NULL && (a.seed != NULL || a.wrapped != NULL))
		return cli_misuse(c,
		    "--out is for a seed that the token makes");
	if (a.out != NULL && !is_new(a.out))
		return EXIT_REFUSED;
	if ((code = cli_config(&a.common, &a.config)) != EXIT_DONE)
		return code;
	if (read_inputs(&a, &why) != ERR_OK) {
		cli_error("%s", why.text);
		code = EXIT_REFUSED;
	} else
		code = send_add(&a);
	OPENSSL_free(a.cert);
	config_free(&a.config);
	return code;
}

static void
print_subscriber(json_t *s)
{
	json_t *d;
	size_t k;

	(void)printf("%s", json_string_value(json_object_get(s, "identity")));
	json_array_foreach (json_object_get(s, "devices"), k, d)
		(void)printf("  device %s", json_string_value(d));
	(void)printf("\n");
}

int
cmd_subscriber_list(const struct command *c, int argc, char **argv)
{
	return cli_list(c, argc, argv, MSG_CLI_SUBSCRIBER_LIST,
	    print_subscriber, "no subscribers");
}

int
cmd_subscriber_remove(const struct command *c, int argc, char **argv)
{
	struct cli_common common;
	struct config *f = NULL;
	const char *who;
	json_t *j = NULL;
	int code, n;

	if ((n = cli_options(c, argc, argv, NULL, &common, &code)) == -1)
		return code;
	if (n != 1)
		return cli_usage(c, EXIT_USAGE);
	who = argv[argc - 1];
	if ((code = cli_config(&common, &f)) == EXIT_DONE)
		code =
		    cli_ask(f, MSG_CLI_SUBSCRIBER_REMOVE, who, strlen(who), &j);
	config_free(&f);
	if (code == EXIT_DONE && common.json)
		code = cli_print_json(json_pack("{s:s}", "removed", who));
	else if (code == EXIT_DONE)
		(void)printf("removed %s\n", who);
	json_decref(j);
	return code;
}

/* "2026-01-31" to noon of that day, which is in no doubt about its period. */
static enum err
day(const char *text, int64_t *out)
{
	char full[RFC3339_LEN];

	if (text == NULL) {
		*out = (int64_t)time(NULL);
		return ERR_OK;
	}
	if (strlen(text) != 10)
		return ERR_MALFORMED;
	(void)snprintf(full, sizeof(full), "%sT12:00:00Z", text);
	return rfc3339_parse(full, out);
}

/* "2026-01-31T00:00:00Z" to the GeneralizedTime of the device's file. */
static void
generalized(const char *rfc3339, char out[16])
{
	size_t n = 0;

	for (; *rfc3339 != '\0' && n < 15; rfc3339++)
		if (strchr("-:T", *rfc3339) == NULL)
			out[n++] = *rfc3339;
	out[n] = '\0';
}

static int
write_key_file(const char *out, json_t *answer)
{
	char from[16], to[16], *text;
	struct why why = {""};
	json_t *j;
	enum err rc;

	generalized(json_string_value(json_object_get(answer, "notBefore")),
	    from);
	generalized(json_string_value(json_object_get(answer, "notAfter")), to);
	j = json_pack("{s:i, s:O, s:s, s:s, s:O}", "keywardenPrivateKey", 1,
	    "identity", json_object_get(answer, "identity"), "notBefore", from,
	    "notAfter", to, "enveloped", json_object_get(answer, "enveloped"));
	text = json_dumps(j, JSON_INDENT(2));
	json_decref(j);
	if (text == NULL)
		return EXIT_REFUSED;
	rc = cli_write_file(out, text, strlen(text), 0600, &why);
	free(text);
	if (rc == ERR_OK)
		return EXIT_DONE;
	cli_error("%s", why.text);
	return EXIT_REFUSED;
}

int
cmd_subscriber_key(const struct command *c, int argc, char **argv)
{
	const char *identity = NULL, *as = NULL, *date = NULL, *out = NULL;
	const struct cli_option own[] = {{.name = "identity", .one = &identity},
	    {.name = "as", .one = &as}, {.name = "date", .one = &date},
	    {.name = "out", .one = &out}, {NULL, NULL, NULL, 0, NULL, NULL}};
	struct cli_common common;
	struct config *f = NULL;
	struct cli_key_issue m;
	uint8_t body[1024];
	json_t *j = NULL;
	struct wr w;
	int code, n;

	if ((n = cli_options(c, argc, argv, own, &common, &code)) == -1)
		return code;
	if (n != 0 || identity == NULL || out == NULL)
		return cli_usage(c, EXIT_USAGE);
	if (day(date, &m.at) != ERR_OK)
		return cli_misuse(c, "--date %s: not a day as 2026-01-31",
		    date);
	if (!is_new(out))
		return EXIT_REFUSED;
	if (as == NULL)
		as = identity;
	rd_init(&m.subscriber, identity, strlen(identity));
	rd_init(&m.identity, as, strlen(as));
	wr_init(&w, body, sizeof(body));
	cli_key_issue_put(&w, &m);
	if (w.rc != ERR_OK) {
		cli_error("the identity is too long");
		return EXIT_REFUSED;
	}
	if ((code = cli_config(&common, &f)) == EXIT_DONE)
		code = cli_ask(f, MSG_CLI_KEY_ISSUE, body, w.len, &j);
	config_free(&f);
	if (code == EXIT_DONE)
		code = write_key_file(out, j);
	if (code == EXIT_DONE && common.json)
		return cli_print_json(j);
	if (code == EXIT_DONE)
		(void)printf("issued for %s, %s to %s\n", as,
		    json_string_value(json_object_get(j, "notBefore")),
		    json_string_value(json_object_get(j, "notAfter")));
	json_decref(j);
	return code;
}
