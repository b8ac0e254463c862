#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

#include "appliance/cli_new_request.h"
#include "appliance/cli_when.h"
#include "base/clock.h"
#include "policy/rfc3339.h"

#define EXPIRES_DEFAULT "7d"

/* ---- options ---- */

int
new_request_options(const struct command *c, int argc, char **argv,
    const struct cli_option *own, int positional, struct new_request *t)
{
	struct why why = {""};
	int code = EXIT_DONE;
	const int n = cli_options(c, argc, argv, own, &t->common, &code);
	uint64_t version;

	if (n == -1)
		return code;
	if (n != positional)
		return cli_usage(c, EXIT_USAGE);
	if (t->requester == NULL || t->out == NULL)
		return cli_misuse(c,
		    "--requester and --out are needed: who asks, and where "
		    "the request goes");
	t->issued = clock_seconds();
	if (t->expires == NULL)
		t->expires = EXPIRES_DEFAULT;
	if (cli_when(t->expires, t->issued, &t->expires_at) != ERR_OK)
		return cli_misuse(c,
		    "--expires %s: not 12h, 7d or a time like "
		    "2026-01-31T12:00:00Z",
		    t->expires);
	if (t->version != NULL &&
	    number_get(t->version, MAX_CHANGES, &version) != ERR_OK)
		return cli_misuse(c, "--policy-version %s: not a number",
		    t->version);
	if (cli_file_is_new(t->out, &why) == ERR_OK)
		return -1;
	cli_error("%s", why.text);
	return EXIT_REFUSED;
}

int
new_request_plain(const struct command *c, int argc, char **argv,
    struct new_request *t, const char **arg)
{
	const struct cli_option own[] = {NEW_REQUEST_OPTIONS(*t),
	    {.name = NULL}};
	const int code = new_request_options(c, argc, argv, own, 1, t);

	if (code == -1)
		*arg = argv[argc - 1];
	return code;
}

/* ---- the request ---- */

struct target {
	char kms[256];
	uint64_t version;
};

/* Which KMS it is for, by which version of its rules. */
static int
find_target(const struct new_request *t, struct target *out)
{
	struct config *f = NULL;
	json_t *state = NULL, *version;
	const char *kms = t->kms;
	int code;

	if (t->kms == NULL || t->version == NULL) {
		if ((code = cli_config(&t->common, &f)) == EXIT_DONE)
			code = cli_ask(f, MSG_CLI_STATE, NULL, 0, &state);
		config_free(&f);
		if (code != EXIT_DONE)
			return code;
	}
	if (kms == NULL)
		kms = json_string_value(json_object_get(state, "kms"));
	version = json_object_get(state, "policyVersion");
	out->version = (uint64_t)json_integer_value(version);
	code = EXIT_DONE;
	if (kms == NULL || strlen(kms) >= sizeof(out->kms)) {
		cli_error("--kms: a URI of 1 to 255 characters");
		code = EXIT_USAGE;
	} else
		memcpy(out->kms, kms, strlen(kms) + 1);
	json_decref(state);
	if (t->version != NULL &&
	    number_get(t->version, MAX_CHANGES, &out->version) != ERR_OK)
		return EXIT_USAGE;
	return code;
}

static int
say(const struct new_request *t, enum request_kind kind,
    const uint8_t hash[DIGEST_LEN])
{
	const struct request_rule *rule = request_rule(kind);
	char hex[2 * DIGEST_LEN + 1], until[RFC3339_LEN];

	hex_put(hash, DIGEST_LEN, hex);
	(void)rfc3339_print(t->expires_at, until);
	if (t->common.json)
		return cli_print_json(
		    json_pack("{s:s, s:s, s:s, s:s}", "file", t->out, "request",
			hex, "kind", rule->name, "expires", until));
	(void)printf("request  %s\n  kind     %s, asked for by %s\n"
		     "  expires  %s\n  file     %s\n",
	    hex, rule->name, t->requester, until, t->out);
	(void)printf("Next: %s and, in all, %u of role %s%s sign it "
		     "('keywarden sign %s --cert CERT.pem --key KEY.pem --out "
		     "FILE.cms'); then 'keywarden request submit FILE.cms'.\n",
	    t->requester, rule->need, role_name(rule->approver),
	    rule->requester_counts ? "" : " beside", t->out);
	return EXIT_DONE;
}

int
new_request_write_text(struct new_request *t, enum request_kind kind,
    struct rd body)
{
	struct request_head h = {.kind = kind,
	    .requester = t->requester,
	    .issued = t->issued,
	    .expires = t->expires_at};
	uint8_t *octets = NULL, hash[DIGEST_LEN];
	struct target target;
	struct why why = {""};
	struct rd view;
	size_t len = 0;
	int code;
	enum err rc;

	if ((code = find_target(t, &target)) != EXIT_DONE)
		return code;
	h.kms = target.kms;
	h.policy_version = target.version;
	if (RAND_bytes(h.nonce, sizeof(h.nonce)) != 1) {
		cli_error("no randomness");
		return EXIT_REFUSED;
	}
	rc = request_write(&h, body, &octets, &len, &why);
	rd_init(&view, octets, len);
	if (rc == ERR_OK && (rc = digest_of(view, hash)) != ERR_OK)
		rc = why_set(&why, rc, "SHA-256 failed");
	if (rc == ERR_OK)
		rc = cli_write_file(t->out, octets, len, 0644, &why);
	free(octets);
	if (rc == ERR_OK)
		return say(t, kind, hash);
	cli_error("%s", why.text);
	return EXIT_REFUSED;
}

int
new_request_write(struct new_request *t, enum request_kind kind, json_t *body)
{
	char *text = json_dumps(body, JSON_COMPACT);
	struct rd view;
	int code;

	json_decref(body);
	if (text == NULL) {
		cli_error("what is asked for is not UTF-8");
		return EXIT_REFUSED;
	}
	rd_init(&view, text, strlen(text));
	code = new_request_write_text(t, kind, view);
	free(text);
	return code;
}

/* ---- parts of bodies ---- */

json_t *
cli_base64_json(const void *p, size_t len)
{
	char *text = malloc(4 * (len / 3 + 1) + 1);
	json_t *j;

	if (text == NULL)
		return NULL;
	(void)EVP_EncodeBlock((unsigned char *)text, p, (int)len);
	j = json_string(text);
	free(text);
	return j;
}

json_t *
cli_cert_json(const char *path)
{
	BIO *b = BIO_new_file(path, "r");
	X509 *x = b == NULL ? NULL : PEM_read_bio_X509(b, NULL, NULL, NULL);
	unsigned char *der = NULL;
	const int n = x == NULL ? -1 : i2d_X509(x, &der);
	json_t *j = NULL;

	X509_free(x);
	BIO_free(b);
	if (n <= 0)
		cli_error("%s: no PEM certificate in it", path);
	else
		j = cli_base64_json(der, (size_t)n);
	OPENSSL_free(der);
	return j;
}
