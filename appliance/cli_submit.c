/* keywarden request submit: signed requests and rejections handed in. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/cms.h>

#include "appliance/cli_new_request.h"
#include "appliance/cli_show.h"

struct submit {
	struct cli_common common;
	struct config *config;
	const char *seed_out;
	uint8_t *cms;
	size_t len;
	struct request *request; /* NULL: a rejection, or unreadable */
};

/* What the signatures are over; the appliance judges them, we only look. */
static struct request *
look_into(const uint8_t *cms, size_t len)
{
	const unsigned char *p = cms;
	CMS_ContentInfo *c = d2i_CMS_ContentInfo(NULL, &p, (long)len);
	ASN1_OCTET_STRING **o =
	    c != NULL && OBJ_obj2nid(CMS_get0_type(c)) == NID_pkcs7_signed
	    ? CMS_get0_content(c)
	    : NULL;
	struct request *q = NULL;
	struct why why;
	struct rd view;

	if (o != NULL && *o != NULL) {
		rd_init(&view, ASN1_STRING_get0_data(*o),
		    (size_t)ASN1_STRING_length(*o));
		if (request_parse(view, &q, &why) != ERR_OK)
			q = NULL;
	}
	CMS_ContentInfo_free(c);
	return q;
}

/* The token makes the seed, and it comes out once: with the answer. */
static bool
brings_seed(const struct submit *t)
{
	return t->request != NULL &&
	    t->request->kind == REQUEST_SUBSCRIBER_ADD &&
	    t->request->seed.len == 0;
}

/* The device's file: what provisioning systems read. */
static int
write_device_file(const struct submit *t, const char *wrapped)
{
	const struct request *q = t->request;
	char label[2 * MAX_SEED_LABEL + 1], *text;
	struct why why = {""};
	json_t *j;
	enum err rc;

	hex_put(q->label.p, q->label.len, label);
	j = json_pack("{s:i, s:s, s:s, s:s, s:s}", "keywardenSeed", 1,
	    "identity", q->identity, "label", label, "algorithm",
	    "RSAES-OAEP SHA-1", "wrapped", wrapped);
	text = j == NULL ? NULL : json_dumps(j, JSON_INDENT(2));
	json_decref(j);
	if (text == NULL)
		return EXIT_REFUSED;
	rc = cli_write_file(t->seed_out, text, strlen(text), 0600, &why);
	if (rc != ERR_OK) {
		cli_error("%s; the device's file is printed instead: keep it",
		    why.text);
		(void)puts(text);
	}
	free(text);
	return rc == ERR_OK ? EXIT_DONE : EXIT_REFUSED;
}

static void
print_answer(const struct submit *t, json_t *j)
{
	const char *state = cli_str(j, "state"), *kind = cli_str(j, "kind");

	if (strcmp(state, "inEffect") == 0) {
		(void)printf("in effect: %s, change %lld, signed by %s\n", kind,
		    (long long)json_integer_value(json_object_get(j, "number")),
		    cli_str(j, "signedBy"));
		(void)printf("%s  %s\n",
		    strcmp(kind, "warrant.add") == 0 ? "warrant" : "request",
		    cli_str(j, "request"));
		cli_show_members(json_object_get(j, "shows"), 2, NULL);
		if (brings_seed(t) && json_object_get(j, "wrappedSeed") != NULL)
			(void)printf("  the device's seed is in %s\n",
			    t->seed_out);
	} else if (strcmp(state, "waiting") == 0)
		(void)printf("waiting for approval: %s, %lld of %lld, signed "
			     "by %s\nrequest  %s\n",
		    kind,
		    (long long)json_integer_value(
			json_object_get(j, "approvers")),
		    (long long)json_integer_value(json_object_get(j, "needed")),
		    cli_str(j, "signedBy"), cli_str(j, "request"));
	else
		(void)printf("%s: %s\nrequest  %s\n", state, kind,
		    cli_str(j, "request"));
}

static int
submit_read(const struct command *c, struct submit *t)
{
	const char *wrapped;
	json_t *j = NULL;
	int code;

	if (brings_seed(t) && t->seed_out == NULL)
		return cli_misuse(c,
		    "it enrols a subscriber whose seed the token makes: give "
		    "--seed-out FILE, where the device's seed goes");
	code = cli_ask(t->config, MSG_CLI_SUBMIT, t->cms, t->len, &j);
	if (code != EXIT_DONE)
		return code;
	wrapped = json_string_value(json_object_get(j, "wrappedSeed"));
	if (wrapped != NULL && brings_seed(t))
		code = write_device_file(t, wrapped);
	if (code == EXIT_DONE && t->common.json)
		return cli_print_json(j);
	if (code == EXIT_DONE)
		print_answer(t, j);
	json_decref(j);
	return code;
}

static int
submit_file(const struct command *c, struct submit *t, const char *path)
{
	struct why why = {""};
	int code;

	if (cli_read_file(path, MAX_SIGNED_DOC, &t->cms, &t->len, &why) !=
	    ERR_OK) {
		cli_error("%s", why.text);
		return EXIT_REFUSED;
	}
	t->request = look_into(t->cms, t->len);
	code = submit_read(c, t);
	request_free(&t->request);
	free(t->cms);
	return code;
}

int
cmd_request_submit(const struct command *c, int argc, char **argv)
{
	struct submit t = {.seed_out = NULL};
	const struct cli_option own[] = {{.name = "seed-out",
					     .one = &t.seed_out},
	    {.name = NULL}};
	struct why why = {""};
	int code, n;

	if ((n = cli_options(c, argc, argv, own, &t.common, &code)) == -1)
		return code;
	if (n < 1)
		return cli_usage(c, EXIT_USAGE);
	if (t.seed_out != NULL && cli_file_is_new(t.seed_out, &why) != ERR_OK) {
		cli_error("%s", why.text);
		return EXIT_REFUSED;
	}
	code = cli_config(&t.common, &t.config);
	for (int i = argc - n; i < argc && code == EXIT_DONE; i++)
		code = submit_file(c, &t, argv[i]);
	config_free(&t.config);
	return code;
}
