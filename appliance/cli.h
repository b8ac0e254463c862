/*
 * cli: what the files of keywarden(1) share.
 *
 * Exit codes: 0 done; 1 refused or failed; 2 the audit log is not sound; 64
 * wrong usage; 69 the appliance does not answer; 78 configuration or state.
 */
#ifndef APPLIANCE_CLI_H
#define APPLIANCE_CLI_H

#include <jansson.h>

#include "appliance/cli_file.h"
#include "appliance/config.h"
#include "appliance/proto.h"
#include "base/ipc.h"

enum {
	EXIT_DONE = 0,
	EXIT_REFUSED = 1,
	EXIT_UNSOUND = 2,
	EXIT_USAGE = 64,
	EXIT_NOT_RUNNING = 69,
	EXIT_CONFIG = 78
};

/* One "keywarden NOUN VERB"; argv[0] is the verb. */
struct command {
	const char *noun, *verb;
	const char *synopsis; /* what follows the verb */
	const char *help;
	int (*run)(const struct command *, int argc, char **argv);
};

/* "keywarden: " and one line on standard error. */
void cli_error(const char *fmt, ...) PRINTF_LIKE(1, 2);

/*
 * EXIT_DONE: all the help, on standard output.  Else one line on standard
 * error: what is wrong, or how it is used; and where to read more.
 */
int cli_usage(const struct command *, int exit_code);
int cli_misuse(const struct command *, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Something that takes over a second: on standard error if it is a terminal. */
void cli_progress(const char *fmt, ...) PRINTF_LIKE(1, 2);

/*
 * Options that all commands know (--config, --json, --help) plus the
 * command's own single-argument options, by name; each may be NULL.  What is
 * left in argv is positional.  Returns the number of positional arguments, or
 * -1 when an exit code is in *code.
 */
struct cli_option {
	const char *name; /* "identity", without dashes */
	const char **one; /* given at most once */
	const char **many; /* or up to `most` times */
	unsigned most, *n;
	bool *flag; /* or without an argument */
};
struct cli_common {
	const char *config;
	bool json;
};
int cli_options(const struct command *, int argc, char **argv,
    const struct cli_option *own, struct cli_common *common, int *code);

/* The configuration, or an exit code and a message said. */
int cli_config(const struct cli_common *, struct config **out);

/* ---- the appliance ---- */

/*
 * Ask and wait: the JSON of the answer (the caller's), or an exit code with
 * the refusal said.
 */
int cli_ask(const struct config *, enum msg_type, const void *body, size_t len,
    json_t **out);
/* All pages of a list, as one array: the caller's. */
int cli_ask_list(const struct config *, enum msg_type, json_t **out);
/* A command that prints a list: all its pages, a row at a time, or `none`. */
int cli_list(const struct command *, int argc, char **argv, enum msg_type,
    void (*print)(json_t *row), const char *none);
/* cli_ask without a word said, and no longer than so many seconds. */
enum err cli_try(const struct config *, int seconds, enum msg_type,
    const void *body, size_t len, json_t **out, struct why *why) MUST_CHECK;

/* Print and free; indented when it is for people's eyes. */
int cli_print_json(json_t *);

/* ---- commands: cli_commands.c ---- */
extern const struct command cli_commands[];
extern const size_t cli_n_commands;

int cmd_init(const struct command *, int, char **);
int cmd_status(const struct command *, int, char **);
int cmd_delivery(const struct command *, int, char **);
int cmd_kms_show(const struct command *, int, char **);
int cmd_kms_params(const struct command *, int, char **);
int cmd_kms_import_key(const struct command *, int, char **);
int cmd_kms_hi2_key(const struct command *, int, char **);
int cmd_kms_tls_request(const struct command *, int, char **);
int cmd_request_new(const struct command *, int, char **);
int cmd_request_submit(const struct command *, int, char **);
int cmd_request_list(const struct command *, int, char **);
int cmd_request_show(const struct command *, int, char **);
int cmd_request_reject(const struct command *, int, char **);
int cmd_warrant_new(const struct command *, int, char **);
int cmd_warrant_list(const struct command *, int, char **);
int cmd_warrant_check(const struct command *, int, char **);
int cmd_warrant_suspend(const struct command *, int, char **);
int cmd_warrant_resume(const struct command *, int, char **);
int cmd_warrant_revoke(const struct command *, int, char **);
int cmd_warrant_extend(const struct command *, int, char **);
int cmd_warrant_end(const struct command *, int, char **);
int cmd_person_list(const struct command *, int, char **);
int cmd_person_add(const struct command *, int, char **);
int cmd_person_remove(const struct command *, int, char **);
int cmd_person_certificate(const struct command *, int, char **);
int cmd_client_list(const struct command *, int, char **);
int cmd_client_add(const struct command *, int, char **);
int cmd_client_remove(const struct command *, int, char **);
int cmd_lemf_list(const struct command *, int, char **);
int cmd_lemf_add(const struct command *, int, char **);
int cmd_lemf_remove(const struct command *, int, char **);
int cmd_subscriber_add(const struct command *, int, char **);
int cmd_subscriber_devices(const struct command *, int, char **);
int cmd_subscriber_remove(const struct command *, int, char **);
int cmd_subscriber_list(const struct command *, int, char **);
int cmd_subscriber_key(const struct command *, int, char **);
int cmd_config_show(const struct command *, int, char **);
int cmd_config_approve(const struct command *, int, char **);
int cmd_clock_accept(const struct command *, int, char **);
int cmd_audit_verify(const struct command *, int, char **);
int cmd_audit_show(const struct command *, int, char **);
int cmd_audit_head(const struct command *, int, char **);
int cmd_sign(const struct command *, int, char **);
int cmd_token_probe(const struct command *, int, char **);
int cmd_explain(const struct command *, int, char **);

#endif
