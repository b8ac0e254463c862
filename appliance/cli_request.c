/* keywarden request new, list, show, reject */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "appliance/cli_new_request.h"
#include "appliance/cli_show.h"

/* "warrant.add, warrant.end, ...": what --help need not repeat. */
static int
unknown_kind(const struct command *c, const char *kind)
{
	char kinds[512] = "";
	size_t n = 0;

	for (unsigned i = 0; i < REQUEST__MAX && n < sizeof(kinds); i++)
		n += (size_t)snprintf(kinds + n, sizeof(kinds) - n, "%s%s",
		    i == 0 ? "" : ", ",
		    request_rule((enum request_kind)i)->name);
	return cli_misuse(c, "%s: no such kind; there is %s", kind, kinds);
}

static int
write_from_file(struct new_request *t, enum request_kind kind, const char *path)
{
	struct why why = {""};
	uint8_t *p = NULL;
	struct rd body;
	size_t len;
	int code;

	if (cli_read_file(path, MAX_REQUEST, &p, &len, &why) != ERR_OK) {
		cli_error("%s", why.text);
		return EXIT_REFUSED;
	}
	rd_init(&body, p, len);
	code = new_request_write_text(t, kind, body);
	free(p);
	return code;
}

int
cmd_request_new(const struct command *c, int argc, char **argv)
{
	struct new_request t = {.kms = NULL};
	const char *body = NULL;
	const struct cli_option own[] = {NEW_REQUEST_OPTIONS(t),
	    {.name = "body", .one = &body}, {.name = NULL}};
	enum request_kind kind;
	const int code = new_request_options(c, argc, argv, own, 1, &t);

	if (code != -1)
		return code;
	if (request_kind_of(argv[argc - 1], &kind) != ERR_OK)
		return unknown_kind(c, argv[argc - 1]);
	if (body == NULL)
		return cli_misuse(c, "--body FILE: what the request says");
	return write_from_file(&t, kind, body);
}

int
cmd_warrant_new(const struct command *c, int argc, char **argv)
{
	struct new_request t = {.kms = NULL};
	const char *body = NULL;
	const int code = new_request_plain(c, argc, argv, &t, &body);

	return code != -1 ? code
			  : write_from_file(&t, REQUEST_WARRANT_ADD, body);
}

/* ---- those that wait ---- */

static void
print_state(json_t *r)
{
	(void)printf("request  %s\n  state    %s: %lld of %lld, signed by ",
	    cli_str(r, "request"), cli_str(r, "state"),
	    (long long)json_integer_value(json_object_get(r, "approvers")),
	    (long long)json_integer_value(json_object_get(r, "needed")));
	cli_put_text(cli_str(r, "signedBy"));
	(void)printf("\n");
}

static void
print_request(json_t *r)
{
	print_state(r);
	(void)printf("  kind     %s, asked for by ", cli_str(r, "kind"));
	cli_put_text(cli_str(r, "requester"));
	(void)printf("\n  expires  %s\n", cli_str(r, "expires"));
}

int
cmd_request_list(const struct command *c, int argc, char **argv)
{
	return cli_list(c, argc, argv, MSG_CLI_REQUEST_LIST, print_request,
	    "no request waits");
}

/* The octets must be those of the hash, whoever has kept them. */
static enum err
get_octets(json_t *answer, const uint8_t hash[DIGEST_LEN], struct octets *out,
    struct why *why)
{
	uint8_t found[DIGEST_LEN];
	struct rd view;
	enum err rc;

	rc = jr_base64(answer, "octets", MAX_REQUEST, out, why);
	if (rc != ERR_OK)
		return rc;
	rd_init(&view, out->p, out->len);
	if (digest_of(view, found) != ERR_OK ||
	    memcmp(found, hash, sizeof(found)) != 0)
		return why_set(why, ERR_MISMATCH,
		    "the appliance has sent another request: do not sign "
		    "anything it shows");
	return ERR_OK;
}

static int
show(const struct cli_common *common, json_t *answer,
    const uint8_t hash[DIGEST_LEN], const char *to)
{
	struct octets o = {NULL, 0};
	struct why why = {""};
	struct rd view;
	enum err rc = get_octets(answer, hash, &o, &why);

	if (rc == ERR_OK && to != NULL)
		rc = cli_write_file(to, o.p, o.len, 0644, &why);
	rd_init(&view, o.p, o.len);
	if (rc != ERR_OK)
		cli_error("%s", why.text);
	else if (common->json)
		(void)cli_print_json(json_incref(answer));
	else {
		print_state(answer);
		(void)cli_show_request(view);
		if (to != NULL)
			(void)printf("written to %s, to be signed\n", to);
	}
	free(o.p);
	return rc == ERR_OK ? EXIT_DONE : EXIT_REFUSED;
}

int
cmd_request_show(const struct command *c, int argc, char **argv)
{
	const char *to = NULL;
	const struct cli_option own[] = {{.name = "octets", .one = &to},
	    {.name = NULL}};
	uint8_t hash[DIGEST_LEN];
	struct cli_common common;
	struct config *f = NULL;
	struct why why = {""};
	json_t *j = NULL;
	int code, n;

	if ((n = cli_options(c, argc, argv, own, &common, &code)) == -1)
		return code;
	if (n != 1)
		return cli_usage(c, EXIT_USAGE);
	if (hex_get(argv[argc - 1], hash, sizeof(hash)) != ERR_OK)
		return cli_misuse(c, "%s: not the 64 hex digits of a request",
		    argv[argc - 1]);
	if (to != NULL && cli_file_is_new(to, &why) != ERR_OK) {
		cli_error("%s", why.text);
		return EXIT_REFUSED;
	}
	if ((code = cli_config(&common, &f)) == EXIT_DONE)
		code = cli_ask(f, MSG_CLI_REQUEST_SHOW, hash, sizeof(hash), &j);
	config_free(&f);
	if (code == EXIT_DONE)
		code = show(&common, j, hash, to);
	json_decref(j);
	return code;
}

/* ---- a person's no ---- */

static int
write_rejection(const struct cli_common *common, const struct rejection *r,
    const char *reason, const char *out)
{
	struct rejection again;
	struct why why = {""};
	uint8_t *octets = NULL;
	struct rd view;
	size_t len = 0;
	enum err rc;

	rc = rejection_write(r, reason, &octets, &len, &why);
	rd_init(&view, octets, len);
	if (rc == ERR_OK &&
	    (rc = rejection_parse(view, &again, &why)) == ERR_OK)
		rc = cli_write_file(out, octets, len, 0644, &why);
	free(octets);
	if (rc != ERR_OK) {
		cli_error("%s", why.text);
		return EXIT_REFUSED;
	}
	if (common->json)
		return cli_print_json(json_pack("{s:s}", "file", out));
	(void)printf("rejection in %s\nNext: %s signs it ('keywarden sign "
		     "%s --cert CERT.pem --key KEY.pem --out FILE.cms'); then "
		     "'keywarden request submit FILE.cms'.\n",
	    out, r->person, out);
	return EXIT_DONE;
}

int
cmd_request_reject(const struct command *c, int argc, char **argv)
{
	const char *person = NULL, *reason = NULL, *out = NULL;
	const struct cli_option own[] = {{.name = "person", .one = &person},
	    {.name = "reason", .one = &reason}, {.name = "out", .one = &out},
	    {.name = NULL}};
	struct cli_common common;
	struct rejection r = {.person = ""};
	int code, n;

	if ((n = cli_options(c, argc, argv, own, &common, &code)) == -1)
		return code;
	if (n != 1 || person == NULL || out == NULL)
		return cli_usage(c, EXIT_USAGE);
	if (hex_get(argv[argc - 1], r.request, sizeof(r.request)) != ERR_OK)
		return cli_misuse(c, "%s: not the 64 hex digits of a request",
		    argv[argc - 1]);
	if (strlen(person) > MAX_NAME)
		return cli_misuse(c, "--person: at most %d characters",
		    MAX_NAME);
	memcpy(r.person, person, strlen(person) + 1);
	return write_rejection(&common, &r, reason == NULL ? "" : reason, out);
}
