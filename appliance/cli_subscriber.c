/* keywarden subscriber ...: what enrols, alters and removes is a request. */
#include <sys/stat.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "appliance/cli_new_request.h"
#include "appliance/cli_show.h"
#include "appliance/kms_state.h"
#include "appliance/spawn.h"
#include "base/secret.h"

#define SEED_LEN 32
#define WRAPPED_MAX 1024

struct add {
	struct new_request request;
	const char *identity, *device_cert, *wrapped, *seed, *label;
	const char *device[MAX_DEVICES];
	unsigned n_devices;
	bool test;
	uint8_t wrapped_seed[WRAPPED_MAX];
	size_t wrapped_len;
};

/* ---- a seed made elsewhere ---- */

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
	struct config *f = NULL;
	EVP_PKEY *key = NULL;
	EVP_PKEY_CTX *c;
	struct secret *seed = NULL;
	enum err rc;

	if ((rc = config_load(a->request.common.config, &f, why)) != ERR_OK)
		return rc;
	key = import_key(f);
	config_free(&f);
	c = key == NULL ? NULL : EVP_PKEY_CTX_new(key, NULL);
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
read_wrapped(struct add *a, struct why *why)
{
	uint8_t *p = NULL;
	size_t len;
	enum err rc;

	rc = cli_read_file(a->wrapped, WRAPPED_MAX, &p, &len, why);
	if (rc != ERR_OK)
		return rc;
	memcpy(a->wrapped_seed, p, len);
	a->wrapped_len = len;
	free(p);
	return ERR_OK;
}

/* ---- add ---- */

static enum err
put_label(const struct add *a, json_t *body, struct why *why)
{
	uint8_t label[MAX_SEED_LABEL];
	const size_t len = strlen(a->label) / 2;

	if (len > sizeof(label) || hex_get(a->label, label, len) != ERR_OK)
		return why_set(why, ERR_MALFORMED,
		    "--label: at most %d octets in hex digits", MAX_SEED_LABEL);
	if (len > 0)
		json_object_set_new(body, "label", cli_base64_json(label, len));
	return ERR_OK;
}

static json_t *
strings(const char *const *s, unsigned n)
{
	json_t *a = json_array();

	for (unsigned i = 0; i < n; i++)
		json_array_append_new(a, json_string(s[i]));
	return a;
}

static int
write_add(struct add *a)
{
	json_t *body = json_object(), *cert;
	struct why why = {""};
	enum err rc = ERR_OK;

	json_object_set_new(body, "identity", json_string(a->identity));
	if (a->n_devices > 0)
		json_object_set_new(body, "devices",
		    strings(a->device, a->n_devices));
	if (a->test)
		json_object_set_new(body, "test", json_true());
	if (a->device_cert != NULL) {
		if ((cert = cli_cert_json(a->device_cert)) == NULL) {
			json_decref(body);
			return EXIT_REFUSED;
		}
		json_object_set_new(body, "certificate", cert);
	}
	if (a->label != NULL)
		rc = put_label(a, body, &why);
	if (rc == ERR_OK && a->seed != NULL)
		rc = wrap_seed(a, &why);
	else if (rc == ERR_OK && a->wrapped != NULL)
		rc = read_wrapped(a, &why);
	if (rc != ERR_OK) {
		json_decref(body);
		cli_error("%s", why.text);
		return EXIT_REFUSED;
	}
	if (a->wrapped_len > 0)
		json_object_set_new(body, "wrappedSeed",
		    cli_base64_json(a->wrapped_seed, a->wrapped_len));
	return new_request_write(&a->request, REQUEST_SUBSCRIBER_ADD, body);
}

int
cmd_subscriber_add(const struct command *c, int argc, char **argv)
{
	static struct add a;
	const struct cli_option own[] = {NEW_REQUEST_OPTIONS(a.request),
	    {.name = "identity", .one = &a.identity},
	    {.name = "device",
		.many = a.device,
		.most = MAX_DEVICES,
		.n = &a.n_devices},
	    {.name = "device-cert", .one = &a.device_cert},
	    {.name = "wrapped-seed", .one = &a.wrapped},
	    {.name = "seed-file", .one = &a.seed},
	    {.name = "label", .one = &a.label},
	    {.name = "test", .flag = &a.test}, {.name = NULL}};
	const int code = new_request_options(c, argc, argv, own, 0, &a.request);

	if (code != -1)
		return code;
	if (a.identity == NULL)
		return cli_misuse(c, "--identity URI: who is enrolled");
	if (a.seed != NULL && a.wrapped != NULL)
		return cli_misuse(c,
		    "--seed-file and --wrapped-seed: one of them");
	if (a.seed == NULL && a.wrapped == NULL && a.device_cert == NULL)
		return cli_misuse(c,
		    "a seed made in the token needs --device-cert, to whom it "
		    "is wrapped");
	return write_add(&a);
}

/* ---- list ---- */

static void
print_subscriber(json_t *s)
{
	json_t *d;
	size_t k;

	(void)printf("%s", cli_str(s, "identity"));
	json_array_foreach (json_object_get(s, "devices"), k, d)
		(void)printf("  device %s", json_string_value(d));
	(void)printf("  record %lld%s\n",
	    (long long)json_integer_value(json_object_get(s, "record")),
	    json_is_true(json_object_get(s, "test")) ? "  test" : "");
}

int
cmd_subscriber_list(const struct command *c, int argc, char **argv)
{
	return cli_list(c, argc, argv, MSG_CLI_SUBSCRIBER_LIST,
	    print_subscriber, "no subscribers");
}

/* ---- devices, remove ---- */

/* Which record the request is about: as given, or as the registry has it. */
static int
find_record(const struct command *c, const struct new_request *t,
    const char *identity, const char *given, uint64_t *out)
{
	struct config *f = NULL;
	json_t *rows = NULL, *row;
	size_t i;
	int code;

	*out = 0;
	if (given != NULL)
		return number_get(given, MAX_CHANGES, out) == ERR_OK
		    ? EXIT_DONE
		    : cli_misuse(c, "--record %s: not a number", given);
	if ((code = cli_config(&t->common, &f)) == EXIT_DONE)
		code = cli_ask_list(f, MSG_CLI_SUBSCRIBER_LIST, &rows);
	config_free(&f);
	if (code != EXIT_DONE)
		return code;
	json_array_foreach (rows, i, row)
		if (strcmp(cli_str(row, "identity"), identity) == 0)
			*out = (uint64_t)json_integer_value(
			    json_object_get(row, "record"));
	json_decref(rows);
	if (*out != 0)
		return EXIT_DONE;
	cli_error("%s is not enrolled ('keywarden subscriber list' tells who "
		  "is)",
	    identity);
	return EXIT_REFUSED;
}

int
cmd_subscriber_devices(const struct command *c, int argc, char **argv)
{
	struct new_request t = {.kms = NULL};
	const char *device[MAX_DEVICES], *record = NULL;
	unsigned n = 0;
	const struct cli_option own[] = {NEW_REQUEST_OPTIONS(t),
	    {.name = "record", .one = &record},
	    {.name = "device", .many = device, .most = MAX_DEVICES, .n = &n},
	    {.name = NULL}};
	int code = new_request_options(c, argc, argv, own, 1, &t);
	const char *identity = argv[argc - 1];
	uint64_t number;

	if (code != -1)
		return code;
	if ((code = find_record(c, &t, identity, record, &number)) != EXIT_DONE)
		return code;
	return new_request_write(&t, REQUEST_SUBSCRIBER_DEVICES,
	    json_pack("{s:s, s:o, s:I}", "identity", identity, "devices",
		strings(device, n), "record", (json_int_t)number));
}

int
cmd_subscriber_remove(const struct command *c, int argc, char **argv)
{
	struct new_request t = {.kms = NULL};
	const char *reason = NULL, *record = NULL;
	const struct cli_option own[] = {NEW_REQUEST_OPTIONS(t),
	    {.name = "record", .one = &record},
	    {.name = "reason", .one = &reason}, {.name = NULL}};
	int code = new_request_options(c, argc, argv, own, 1, &t);
	const char *identity = argv[argc - 1];
	uint64_t number;

	if (code != -1)
		return code;
	if ((code = find_record(c, &t, identity, record, &number)) != EXIT_DONE)
		return code;
	return new_request_write(&t, REQUEST_SUBSCRIBER_REMOVE,
	    json_pack("{s:s, s:I, s:s*}", "identity", identity, "record",
		(json_int_t)number, "reason", reason));
}
