/* keywarden person ..., client ..., lemf ... */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "appliance/cli_new_request.h"
#include "appliance/cli_show.h"

/* ---- who is enrolled ---- */

static void
print_certificate(const json_t *of)
{
	(void)printf("  certificate until %s, SHA-256 %s, ",
	    cli_str(of, "notAfter"), cli_str(of, "fingerprint"));
	cli_put_text(cli_str(of, "subject"));
	(void)printf("\n");
}

static void
print_person(json_t *p)
{
	const char *until = json_string_value(json_object_get(p, "until"));

	(void)printf("%-16s %-24s since %s (change %lld)", cli_str(p, "role"),
	    cli_str(p, "name"), cli_str(p, "since"),
	    (long long)json_integer_value(json_object_get(p, "sinceChange")));
	if (until != NULL)
		(void)printf(", until %s%s", until,
		    json_is_true(json_object_get(p, "signaturesVoid"))
			? ", signatures void"
			: "");
	(void)printf("\n");
	print_certificate(p);
}

static void
print_enrolled(json_t *c)
{
	(void)printf("%s\n", cli_str(c, "name"));
	print_certificate(c);
}

/* One list of the state. */
static int
list(const struct command *c, int argc, char **argv, const char *which,
    void (*print)(json_t *), const char *none)
{
	struct cli_common common;
	struct config *f = NULL;
	json_t *j = NULL, *rows, *row;
	size_t i;
	int code, n;

	if ((n = cli_options(c, argc, argv, NULL, &common, &code)) == -1)
		return code;
	if (n != 0)
		return cli_usage(c, EXIT_USAGE);
	if ((code = cli_config(&common, &f)) == EXIT_DONE)
		code = cli_ask(f, MSG_CLI_STATE, NULL, 0, &j);
	config_free(&f);
	if (code != EXIT_DONE)
		return code;
	rows = json_object_get(j, which);
	if (common.json)
		code = cli_print_json(json_incref(rows));
	else
		json_array_foreach (rows, i, row)
			print(row);
	if (!common.json && json_array_size(rows) == 0)
		(void)printf("%s\n", none);
	json_decref(j);
	return code;
}

int
cmd_person_list(const struct command *c, int argc, char **argv)
{
	return list(c, argc, argv, "persons", print_person, "no persons");
}

int
cmd_client_list(const struct command *c, int argc, char **argv)
{
	return list(c, argc, argv, "clients", print_enrolled, "no clients");
}

int
cmd_lemf_list(const struct command *c, int argc, char **argv)
{
	return list(c, argc, argv, "lemfs", print_enrolled,
	    "no LEMF has a certificate: all get keys in clear");
}

/* ---- requests ---- */

/* NAME --cert FILE: another certificate, a client or a LEMF. */
static int
with_certificate(const struct command *c, int argc, char **argv,
    enum request_kind kind)
{
	struct new_request t = {.kms = NULL};
	const char *path = NULL;
	const struct cli_option own[] = {NEW_REQUEST_OPTIONS(t),
	    {.name = "cert", .one = &path}, {.name = NULL}};
	const int code = new_request_options(c, argc, argv, own, 1, &t);
	json_t *cert;

	if (code != -1)
		return code;
	if (path == NULL)
		return cli_misuse(c, "--cert FILE: the certificate, in PEM");
	if ((cert = cli_cert_json(path)) == NULL)
		return EXIT_REFUSED;
	return new_request_write(&t, kind,
	    json_pack("{s:s, s:o}", "name", argv[argc - 1], "certificate",
		cert));
}

int
cmd_person_certificate(const struct command *c, int argc, char **argv)
{
	return with_certificate(c, argc, argv, REQUEST_PERSON_CERTIFICATE);
}

int
cmd_client_add(const struct command *c, int argc, char **argv)
{
	return with_certificate(c, argc, argv, REQUEST_CLIENT_ADD);
}

int
cmd_lemf_add(const struct command *c, int argc, char **argv)
{
	return with_certificate(c, argc, argv, REQUEST_LEMF_ADD);
}

int
cmd_person_add(const struct command *c, int argc, char **argv)
{
	struct new_request t = {.kms = NULL};
	const char *path = NULL, *role_text = NULL;
	const struct cli_option own[] = {NEW_REQUEST_OPTIONS(t),
	    {.name = "cert", .one = &path}, {.name = "role", .one = &role_text},
	    {.name = NULL}};
	const int code = new_request_options(c, argc, argv, own, 1, &t);
	enum role role;
	json_t *cert;

	if (code != -1)
		return code;
	if (role_text == NULL || role_of(role_text, &role) != ERR_OK)
		return cli_misuse(c,
		    "--role: officer, securityOfficer, engineer or auditor");
	if (path == NULL)
		return cli_misuse(c,
		    "--cert FILE: the person's certificate, in PEM");
	if ((cert = cli_cert_json(path)) == NULL)
		return EXIT_REFUSED;
	return new_request_write(&t, REQUEST_PERSON_ADD,
	    json_pack("{s:s, s:s, s:o}", "name", argv[argc - 1], "role",
		role_name(role), "certificate", cert));
}

int
cmd_person_remove(const struct command *c, int argc, char **argv)
{
	struct new_request t = {.kms = NULL};
	const char *reason = NULL;
	bool voids = false;
	const struct cli_option own[] = {NEW_REQUEST_OPTIONS(t),
	    {.name = "reason", .one = &reason},
	    {.name = "void-signatures", .flag = &voids}, {.name = NULL}};
	const int code = new_request_options(c, argc, argv, own, 1, &t);

	if (code != -1)
		return code;
	return new_request_write(&t, REQUEST_PERSON_REMOVE,
	    json_pack("{s:s, s:b, s:s*}", "name", argv[argc - 1],
		"voidSignatures", (int)voids, "reason", reason));
}

/* NAME: of a client or a LEMF. */
static int
without(const struct command *c, int argc, char **argv, enum request_kind kind)
{
	struct new_request t = {.kms = NULL};
	const char *reason = NULL;
	const struct cli_option own[] = {NEW_REQUEST_OPTIONS(t),
	    {.name = "reason", .one = &reason}, {.name = NULL}};
	const int code = new_request_options(c, argc, argv, own, 1, &t);

	if (code != -1)
		return code;
	return new_request_write(&t, kind,
	    json_pack("{s:s, s:s*}", "name", argv[argc - 1], "reason", reason));
}

int
cmd_client_remove(const struct command *c, int argc, char **argv)
{
	return without(c, argc, argv, REQUEST_CLIENT_REMOVE);
}

int
cmd_lemf_remove(const struct command *c, int argc, char **argv)
{
	return without(c, argc, argv, REQUEST_LEMF_REMOVE);
}
