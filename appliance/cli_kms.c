/* keywarden kms ...: what init fixed. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "appliance/cli.h"
#include "appliance/kms_state.h"
#include "hsm/ibe.h"
#include "policy/rfc3339.h"

struct state {
	uint8_t *octets;
	size_t len;
	struct kms_state s;
};

static int
load_state(const struct cli_common *common, struct state *t)
{
	struct config *f = NULL;
	struct rd sealed, seal;
	struct why why = {""};
	char *path;
	int code, fd;
	enum err rc;

	if ((code = cli_config(common, &f)) != EXIT_DONE)
		return code;
	path = config_path(f, STATE_KMS);
	config_free(&f);
	fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1) {
		cli_error("cannot read %s: has 'keywarden init' been run?",
		    path == NULL ? "the state" : path);
		free(path);
		return EXIT_CONFIG;
	}
	rc = kms_state_load(fd, &t->octets, &t->s, &sealed, &seal, &why);
	close(fd);
	free(path);
	if (rc == ERR_OK)
		return EXIT_DONE;
	cli_error("%s", why.text);
	return EXIT_CONFIG;
}

static json_t *
text_json(struct rd v)
{
	return json_stringn((const char *)v.p, v.left);
}

static json_t *
fingerprint_json(struct rd cert)
{
	uint8_t digest[DIGEST_LEN];
	char hex[2 * DIGEST_LEN + 1] = "";

	if (digest_of(cert, digest) == ERR_OK)
		hex_put(digest, sizeof(digest), hex);
	return json_string(hex);
}

static json_t *
persons_json(const struct kms_state *s)
{
	json_t *a = json_array();

	for (unsigned i = 0; i < s->n_persons; i++)
		json_array_append_new(a,
		    json_pack("{s:o, s:s, s:o}", "name",
			text_json(s->person[i].name), "role",
			role_name(s->person[i].role), "certificate",
			fingerprint_json(s->person[i].cert)));
	return a;
}

static json_t *
clients_json(const struct kms_state *s)
{
	json_t *a = json_array();

	for (unsigned i = 0; i < s->n_clients; i++)
		json_array_append_new(a,
		    json_pack("{s:o, s:o}", "name",
			text_json(s->client[i].name), "fingerprint",
			fingerprint_json(s->client[i].cert)));
	return a;
}

int
cmd_kms_show(const struct command *c, int argc, char **argv)
{
	struct cli_common common;
	struct ibe_strength strength;
	static struct state t;
	char scheme[32], created[RFC3339_LEN];
	json_t *j;
	int code, n;

	if ((n = cli_options(c, argc, argv, NULL, &common, &code)) == -1)
		return code;
	if (n != 0)
		return cli_usage(c, EXIT_USAGE);
	if ((code = load_state(&common, &t)) != EXIT_DONE)
		return code;
	if (view_text(t.s.scheme, scheme, sizeof(scheme)) != ERR_OK ||
	    ibe_strength(scheme, &strength) != ERR_OK) {
		cli_error("kms-state names a scheme that is not known");
		return EXIT_CONFIG;
	}
	j = json_object();
	json_object_set_new(j, "kms", text_json(t.s.uri));
	json_object_set_new(j, "scheme", json_string(scheme));
	json_object_set_new(j, "strength", json_string(strength.caution));
	json_object_set_new(j, "strengthBits", json_integer(strength.bits));
	json_object_set_new(j, "serial", json_integer(t.s.serial));
	json_object_set_new(j, "period",
	    json_string(key_period_name(t.s.period)));
	json_object_set_new(j, "created",
	    json_string(rfc3339_print(t.s.created, created)));
	json_object_set_new(j, "persons", persons_json(&t.s));
	json_object_set_new(j, "clients", clients_json(&t.s));
	json_object_set_new(j, "config", text_json(t.s.config));
	free(t.octets);
	return cli_print_json(j);
}

/* The one option of the two commands that write a file. */
static int
out_option(const struct command *c, int argc, char **argv,
    struct cli_common *common, const char **out)
{
	const struct cli_option own[] = {{.name = "out", .one = out},
	    {NULL, NULL, NULL, 0, NULL, NULL}};
	int code = EXIT_DONE;
	const int n = cli_options(c, argc, argv, own, common, &code);

	if (n == -1)
		return code;
	return n == 0 && *out != NULL ? -1 : cli_usage(c, EXIT_USAGE);
}

static int
write_public(const struct cli_common *common, const char *out, const void *p,
    size_t len)
{
	struct why why = {""};

	if (cli_write_file(out, p, len, 0644, &why) == ERR_OK)
		return common->json
		    ? cli_print_json(json_pack("{s:s}", "file", out))
		    : EXIT_DONE;
	cli_error("%s", why.text);
	return EXIT_REFUSED;
}

int
cmd_kms_params(const struct command *c, int argc, char **argv)
{
	struct cli_common common;
	struct state t = {.octets = NULL};
	const char *out = NULL;
	int code = out_option(c, argc, argv, &common, &out);

	if (code != -1)
		return code;
	if ((code = load_state(&common, &t)) == EXIT_DONE)
		code =
		    write_public(&common, out, t.s.params.p, t.s.params.left);
	free(t.octets);
	return code;
}

/*
 * A certificate request as PEM, in a file or on standard output: it is no
 * secret, and goes to a CA by whatever way there is.
 */
static int
write_request(const struct cli_common *common, const char *out, struct rd der)
{
	const unsigned char *p = der.p;
	X509_REQ *req = d2i_X509_REQ(NULL, &p, (long)der.left);
	BIO *b = BIO_new(BIO_s_mem());
	int code = EXIT_CONFIG;
	char *pem = NULL;
	long n;

	if (req == NULL || b == NULL || PEM_write_bio_X509_REQ(b, req) != 1 ||
	    (n = BIO_get_mem_data(b, &pem)) <= 0)
		cli_error("kms-state holds no such request");
	else if (out != NULL)
		code = write_public(common, out, pem, (size_t)n);
	else if (common->json)
		code =
		    cli_print_json(json_pack("{s:s#}", "request", pem, (int)n));
	else
		code = fwrite(pem, 1, (size_t)n, stdout) == (size_t)n &&
			fflush(stdout) == 0
		    ? EXIT_DONE
		    : EXIT_REFUSED;
	BIO_free(b);
	X509_REQ_free(req);
	return code;
}

int
cmd_kms_tls_request(const struct command *c, int argc, char **argv)
{
	const char *out = NULL, *whom = NULL;
	const struct cli_option own[] = {{.name = "out", .one = &out},
	    {.name = "for", .one = &whom}, {NULL, NULL, NULL, 0, NULL, NULL}};
	struct state t = {.octets = NULL};
	struct cli_common common;
	enum tls_role role;
	int code = EXIT_DONE, n;

	if ((n = cli_options(c, argc, argv, own, &common, &code)) == -1)
		return code;
	if (n != 0 || whom == NULL)
		return cli_usage(c, EXIT_USAGE);
	if (tls_role_by_name(whom, &role) != ERR_OK)
		return cli_misuse(c,
		    "--for: \"%s\" is none of xk, x2, xk_client, hi2", whom);
	if ((code = load_state(&common, &t)) == EXIT_DONE)
		code = write_request(&common, out, t.s.tls_request[role]);
	free(t.octets);
	return code;
}

/* A public key as PEM: HI2's, or that for seeds. */
static int
write_key(const struct command *c, int argc, char **argv, bool hi2)
{
	const unsigned char *p;
	struct cli_common common;
	struct state t = {.octets = NULL};
	const char *out = NULL;
	EVP_PKEY *key = NULL;
	struct rd spki;
	char *pem = NULL;
	BIO *b;
	long n;
	int code = out_option(c, argc, argv, &common, &out);

	if (code != -1)
		return code;
	if ((code = load_state(&common, &t)) != EXIT_DONE)
		return code;
	spki = hi2 ? t.s.hi2_key : t.s.import_key;
	p = spki.p;
	key = d2i_PUBKEY(NULL, &p, (long)spki.left);
	b = BIO_new(BIO_s_mem());
	if (key == NULL || b == NULL || PEM_write_bio_PUBKEY(b, key) != 1 ||
	    (n = BIO_get_mem_data(b, &pem)) <= 0) {
		cli_error("kms-state holds no such key");
		code = EXIT_CONFIG;
	} else
		code = write_public(&common, out, pem, (size_t)n);
	BIO_free(b);
	EVP_PKEY_free(key);
	free(t.octets);
	return code;
}

int
cmd_kms_import_key(const struct command *c, int argc, char **argv)
{
	return write_key(c, argc, argv, false);
}

int
cmd_kms_hi2_key(const struct command *c, int argc, char **argv)
{
	return write_key(c, argc, argv, true);
}
