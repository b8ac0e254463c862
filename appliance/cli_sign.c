/*
 * keywarden sign: a person signs a file on a machine of their own.  Nothing of
 * the appliance is needed: no configuration, no connection.
 */
#include <sys/prctl.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "appliance/cli.h"
#include "appliance/cli_show.h"
#include "appliance/cli_sign.h"
#include "base/log.h"
#include "policy/digest.h"
#include "policy/request.h"

struct order {
	struct cli_common common;
	struct signer who;
	const char *file, *out;
	bool again; /* --resign */
	struct sign_doc *doc;
};

static enum err
open_document(struct order *o, struct why *why)
{
	struct why what = {""};
	uint8_t *p = NULL;
	size_t len;
	struct rd view;
	enum err rc;

	rc = cli_read_file(o->file, MAX_SIGNED_DOC, &p, &len, why);
	if (rc != ERR_OK)
		return rc;
	rd_init(&view, p, len);
	rc = sign_again(view, &o->doc, &what);
	if (!o->again && rc == ERR_OK)
		rc = why_set(&what, ERR_EXISTS,
		    "it is signed already: --resign adds a signature");
	else if (!o->again)
		rc = sign_new(view, &o->doc, &what);
	free(p);
	return rc == ERR_OK ? ERR_OK
			    : why_set(why, rc, "%s: %s", o->file, what.text);
}

static enum err
open_order(struct order *o, struct why *why)
{
	struct why what = {""};
	struct rd cert;
	enum err rc;

	if ((rc = cli_file_is_new(o->out, why)) != ERR_OK ||
	    (rc = cli_sync_folder_of(o->out, why)) != ERR_OK ||
	    (rc = open_document(o, why)) != ERR_OK ||
	    (rc = signer_cert(&o->who, why)) != ERR_OK)
		return rc;
	rd_init(&cert, o->who.cert, o->who.cert_len);
	rc = sign_by(o->doc, cert, (int64_t)time(NULL), &what);
	return rc == ERR_OK
	    ? ERR_OK
	    : why_set(why, rc, "--cert %s: %s", o->who.cert_file, what.text);
}

/* ---- what is signed ---- */

/* Members by which a person knows what a document is; others are not shown. */
static const char *const members[] = {"kind", "requester", "expires"};

static json_t *
describe(const struct order *o)
{
	const struct rd content = sign_content(o->doc);
	json_t *j = json_object(), *doc;
	char hex[2 * DIGEST_LEN + 1];
	uint8_t digest[DIGEST_LEN];

	if (digest_of(content, digest) != ERR_OK) {
		json_decref(j);
		return NULL;
	}
	hex_put(digest, sizeof(digest), hex);
	json_object_set_new(j, "octets",
	    json_integer((json_int_t)content.left));
	json_object_set_new(j, "sha256", json_string(hex));
	doc = json_loadb((const char *)content.p, content.left,
	    JSON_REJECT_DUPLICATES, NULL);
	json_object_set_new(j, "json", json_boolean(json_is_object(doc)));
	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++)
		json_object_set(j, members[i],
		    json_object_get(doc, members[i]));
	json_decref(doc);
	return j;
}

static void
print_member(const char *name, json_t *v)
{
	char text[1024], *dump = NULL;
	const char *s = json_string_value(v);

	if (v == NULL)
		return;
	if (s == NULL)
		s = dump = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT);
	if (s != NULL)
		(void)printf("  %-10s %s\n", name,
		    log_escape(s, strlen(s), text, sizeof(text)));
	free(dump);
}

/* What is called a request and is none would be refused when handed in. */
static enum err
check_request(const struct order *o, bool *is_ours, struct why *why)
{
	const struct rd content = sign_content(o->doc);
	struct why wrong = {""};
	json_t *j = json_loadb((const char *)content.p, content.left,
	    JSON_REJECT_DUPLICATES, NULL);
	const char *s = json_string_value(json_object_get(j, "keywarden"));
	struct rejection no;
	struct request *q = NULL;
	enum err rc = ERR_OK;

	*is_ours = s != NULL;
	if (s != NULL && strcmp(s, "rejection") == 0)
		rc = rejection_parse(content, &no, &wrong);
	else if (s != NULL)
		rc = request_parse(content, &q, &wrong);
	request_free(&q);
	json_decref(j);
	return rc == ERR_OK
	    ? ERR_OK
	    : why_set(why, rc, "it would be refused: %s", wrong.text);
}

static void
print_content(const struct order *o, json_t *content, bool is_ours)
{
	const unsigned n = sign_count(o->doc);
	json_t *is_json = json_object_get(content, "json");
	char text[1024];

	(void)printf("content      %lld octets %s %s%s\n",
	    (long long)json_integer_value(json_object_get(content, "octets")),
	    o->again ? "in" : "of",
	    log_escape(o->file, strlen(o->file), text, sizeof(text)),
	    json_is_true(is_json) ? "" : ", not a JSON object");
	print_member("SHA-256", json_object_get(content, "sha256"));
	for (size_t i = 0; i < sizeof(members) / sizeof(*members) && !is_ours;
	     i++)
		print_member(members[i], json_object_get(content, members[i]));
	if (is_ours)
		(void)cli_show_request(sign_content(o->doc));
	if (o->again)
		(void)printf("signatures   %u so far\n", n);
	(void)printf("signer       %s\n", o->who.subject);
	(void)fflush(stdout);
}

/* ---- what is made ---- */

/* Comes whole or not at all. */
static enum err
write_whole(const char *path, const uint8_t *p, size_t len, struct why *why)
{
	char *draft = NULL;
	enum err rc;

	if (asprintf(&draft, "%s.%ld.part", path, (long)getpid()) == -1)
		return why_set(why, ERR_NOMEM, "out of memory");
	rc = cli_write_file(draft, p, len, 0644, why);
	if (rc == ERR_OK && (rc = cli_file_is_new(path, why)) == ERR_OK &&
	    rename(draft, path) == -1)
		rc = why_errno(why, "%s", path);
	if (rc == ERR_OK)
		rc = cli_sync_folder_of(path, why);
	else
		(void)unlink(draft);
	free(draft);
	return rc;
}

static enum err
sign_and_write(struct order *o, struct why *why)
{
	uint8_t *cms = NULL;
	size_t len = 0;
	enum err rc;

	if ((rc = signer_key(&o->who, why)) == ERR_OK &&
	    (rc = sign_make(o->doc, &o->who.key, &cms, &len, why)) == ERR_OK)
		rc = write_whole(o->out, cms, len, why);
	free(cms);
	return rc;
}

static int
report(const struct order *o, json_t *content)
{
	const unsigned n = sign_count(o->doc);
	json_t *j;

	if (!o->common.json) {
		(void)printf("signed       %s, %u signature%s\n", o->out, n,
		    n == 1 ? "" : "s");
		return EXIT_DONE;
	}
	j = json_object();
	json_object_set(j, "content", content);
	json_object_set_new(j, "signer", json_string(o->who.subject));
	json_object_set_new(j, "signatures", json_integer(n));
	json_object_set_new(j, "out", json_string(o->out));
	return cli_print_json(j);
}

static int
run(struct order *o)
{
	json_t *content = NULL;
	struct why why = {""};
	int code = EXIT_REFUSED;
	bool is_ours = false;
	enum err rc;

	if ((rc = open_order(o, &why)) == ERR_OK &&
	    (rc = check_request(o, &is_ours, &why)) == ERR_OK &&
	    (content = describe(o)) == NULL)
		rc = why_set(&why, ERR_CRYPTO, "no SHA-256");
	if (rc == ERR_OK && !o->common.json)
		print_content(o, content, is_ours);
	if (rc == ERR_OK)
		rc = sign_and_write(o, &why);
	if (rc == ERR_OK)
		code = report(o, content);
	else
		cli_error("%s", why.text);
	json_decref(content);
	sign_free(&o->doc);
	signer_done(&o->who);
	return code;
}

int
cmd_sign(const struct command *c, int argc, char **argv)
{
	static struct order o;
	struct signer *w = &o.who;
	const struct cli_option own[] = {{.name = "cert", .one = &w->cert_file},
	    {.name = "key", .one = &w->key_file},
	    {.name = "module", .one = &w->module},
	    {.name = "token", .one = &w->token},
	    {.name = "key-label", .one = &w->key_label},
	    {.name = "pin-file", .one = &w->pin_file},
	    {.name = "out", .one = &o.out},
	    {.name = "resign", .flag = &o.again},
	    {NULL, NULL, NULL, 0, NULL, NULL}};
	int code, n;

	if ((n = cli_options(c, argc, argv, own, &o.common, &code)) == -1)
		return code;
	if (n != 1 || w->cert_file == NULL || o.out == NULL)
		return cli_usage(c, EXIT_USAGE);
	if ((w->key_file == NULL) == (w->module == NULL))
		return cli_misuse(c, "the key: --key or --module, one of both");
	if (w->module == NULL && (w->token != NULL || w->key_label != NULL))
		return cli_misuse(c,
		    "--token and --key-label go with --module");
	/* A key in memory is in no core dump. */
	if (prctl(PR_SET_DUMPABLE, 0) == -1) {
		cli_error("cannot forbid core dumps");
		return EXIT_REFUSED;
	}
	o.file = argv[argc - 1];
	return run(&o);
}
