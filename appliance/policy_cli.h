/* policy_cli: what the files behind the control socket share. */
#ifndef APPLIANCE_POLICY_CLI_H
#define APPLIANCE_POLICY_CLI_H

#include "appliance/policy_proc.h"

/* ---- policy_cli.c: answers; nothing happens if the asker has gone ---- */
void policy_cli_accept(struct policy *);
void cli_error(struct policy *, uint32_t cli, enum err, const char *text);
void cli_json(struct policy *, uint32_t cli, json_t *); /* takes it over */

/* Some rows of a list, and from where on there are more; -1: no more. */
#define CLI_PAGE 256
void cli_page(struct cli *, json_t *rows, int64_t next);

/* A document that is not taken: noted in the log, then answered. */
void cli_refuse_document(struct cli *, struct rd cms, enum err,
    const struct why *);

/* ---- policy_json.c: parts of answers ---- */
json_t *cli_time(int64_t);
void cli_put_count(json_t *, const char *name, uint64_t);
json_t *cli_hex(const void *, size_t len);
json_t *cli_base64(struct rd);
json_t *cli_text(struct rd);
json_t *cli_words(const struct words *);
/* Fingerprint, subject and end of a certificate, into an object. */
void cli_put_certificate(json_t *, struct rd der);
/* Names of bits, in their order. */
json_t *cli_bits(unsigned bits, const char *const *names);
const char *cli_warrant_state(const struct warrant *,
    const struct warrant_state *, int64_t now);
json_t *cli_targets(const struct warrant *);
/* Products and ways of delivery. */
void cli_put_delivery(json_t *, const struct warrant *);

/* ---- policy_lists.c ---- */
enum err cli_on_status(void *, const struct ipc_frame *);
enum err cli_on_state(void *, const struct ipc_frame *);
enum err cli_on_warrant_list(void *, const struct ipc_frame *);
enum err cli_on_subscriber_list(void *, const struct ipc_frame *);

/* ---- policy_request.c: requests that are handed in ---- */
enum err cli_on_submit(void *, const struct ipc_frame *);
/* What it waits for is on disk, or is not. */
void policy_request_recorded(struct policy *, struct pending *, enum err rc);
void policy_requests_expire(struct policy *);

/* ---- policy_show.c: requests that are looked at ---- */
/* A request, how it stands, and what it says. */
json_t *cli_request_json(struct policy *, const struct waiting *,
    const char *state);
json_t *cli_shows(struct policy *, const struct request *, struct rd octets);
enum err cli_on_request_list(void *, const struct ipc_frame *);
enum err cli_on_request_show(void *, const struct ipc_frame *);

/* ---- policy_delivery.c ---- */
enum err cli_on_delivery(void *, const struct ipc_frame *);

/* ---- policy_check.c ---- */
enum err cli_on_warrant_check(void *, const struct ipc_frame *);

/* ---- policy_task.c: work of the token ---- */
enum err cli_on_key_issue(void *, const struct ipc_frame *);

/*
 * Make the record of a change that is in effect; `answer` is taken over and
 * goes to `cli` when that is done.
 */
void policy_task_subscriber(struct policy *, uint64_t number,
    const struct request *, struct rd octets, uint32_t cli, json_t *answer);
void policy_task_done(struct policy *, struct pending *,
    const struct msg_result *);
bool policy_task_under_way(struct policy *, uint64_t number);

#endif
