/* keywarden status, keywarden kms ... */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "appliance/cli.h"
#include "appliance/kms_state.h"
#include "base/clock.h"
#include "hsm/ibe.h"
#include "policy/rfc3339.h"

/* ---- status ---- */

#define MAX_WAIT 86400

static int
print_status(json_t *j, bool json)
{
	const bool serving = json_is_true(json_object_get(j, "serving"));

	if (json)
		(void)cli_print_json(j);
	else {
		(void)printf("%s: %lld hsm worker(s) ready, audit %s, xk %s; "
			     "%lld warrants (%lld in force), %lld subscribers, "
			     "%lld clients\n",
		    serving ? "serving" : "NOT SERVING",
		    (long long)json_integer_value(
			json_object_get(j, "workers")),
		    !json_is_true(json_object_get(j, "audit")) ? "down"
			: json_is_true(json_object_get(j, "logHasRoom"))
			? "up"
			: "up, its log full",
		    json_is_true(json_object_get(j, "xk")) ? "up" : "down",
		    (long long)json_integer_value(
			json_object_get(j, "warrants")),
		    (long long)json_integer_value(
			json_object_get(j, "warrantsInForce")),
		    (long long)json_integer_value(
			json_object_get(j, "subscribers")),
		    (long long)json_integer_value(
			json_object_get(j, "clients")));
		if (json_is_true(json_object_get(j, "testToken")))
			(void)printf("TEST TOKEN: the keys are files of this "
				     "machine\n");
		json_decref(j);
	}
	return serving ? EXIT_DONE : EXIT_REFUSED;
}

#define STATUS_SECONDS 2

int
cmd_status(const struct command *c, int argc, char **argv)
{
	const char *wait = NULL;
	const struct cli_option own[] = {{.name = "wait", .one = &wait},
	    {NULL, NULL, NULL, 0, NULL, NULL}};
	const struct timespec nap = {0, 100000000};
	struct config *f = NULL;
	struct cli_common common;
	struct why why = {""};
	json_t *j = NULL;
	uint64_t seconds = 0;
	int64_t deadline;
	int code, n;
	enum err rc;

	if ((n = cli_options(c, argc, argv, own, &common, &code)) == -1)
		return code;
	if (n != 0)
		return cli_usage(c, EXIT_USAGE);
	if (wait != NULL && cli_number(wait, MAX_WAIT, &seconds) != ERR_OK)
		return cli_misuse(c, "--wait: 0 to %d seconds", MAX_WAIT);
	deadline = clock_uptime_ms() + 1000 * (int64_t)seconds;
	if ((code = cli_config(&common, &f)) != EXIT_DONE)
		return code;
	for (;;) {
		rc = cli_try(f, STATUS_SECONDS, MSG_CLI_STATUS, NULL, 0, &j,
		    &why);
		if (clock_uptime_ms() >= deadline ||
		    (rc == ERR_OK &&
			json_is_true(json_object_get(j, "serving"))))
			break;
		json_decref(j);
		j = NULL;
		(void)nanosleep(&nap, NULL);
	}
	config_free(&f);
	if (rc == ERR_OK)
		return print_status(j, common.json);
	cli_error("%s", why.text);
	return EXIT_NOT_RUNNING;
}

/* ---- kms ---- */

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

int
cmd_kms_show(const struct command *c, int argc, char **argv)
{
	struct cli_common common;
	struct ibe_strength strength;
	struct state t = {.octets = NULL};
	char scheme[32], created[RFC3339_LEN];
	json_t *j, *who;
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
	who = json_array();
	json_object_set_new(j, "kms", text_json(t.s.uri));
	json_object_set_new(j, "scheme", json_string(scheme));
	json_object_set_new(j, "strength", json_string(strength.caution));
	json_object_set_new(j, "strengthBits", json_integer(strength.bits));
	json_object_set_new(j, "serial", json_integer(t.s.serial));
	json_object_set_new(j, "period",
	    json_string(key_period_name(t.s.period)));
	json_object_set_new(j, "created",
	    json_string(rfc3339_print(t.s.created, created)));
	for (unsigned i = 0; i < t.s.n_officers; i++)
		json_array_append_new(who, text_json(t.s.officer[i].name));
	json_object_set_new(j, "officers", who);
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

int
cmd_kms_import_key(const struct command *c, int argc, char **argv)
{
	const unsigned char *p;
	struct cli_common common;
	struct state t = {.octets = NULL};
	const char *out = NULL;
	EVP_PKEY *key = NULL;
	char *pem = NULL;
	BIO *b;
	long n;
	int code = out_option(c, argc, argv, &common, &out);

	if (code != -1)
		return code;
	if ((code = load_state(&common, &t)) != EXIT_DONE)
		return code;
	p = t.s.import_key.p;
	key = d2i_PUBKEY(NULL, &p, (long)t.s.import_key.left);
	b = BIO_new(BIO_s_mem());
	if (key == NULL || b == NULL || PEM_write_bio_PUBKEY(b, key) != 1 ||
	    (n = BIO_get_mem_data(b, &pem)) <= 0) {
		cli_error("kms-state holds no import key");
		code = EXIT_CONFIG;
	} else
		code = write_public(&common, out, pem, (size_t)n);
	BIO_free(b);
	EVP_PKEY_free(key);
	free(t.octets);
	return code;
}
