/* policy_cli: what the files behind the control socket share. */
#ifndef APPLIANCE_POLICY_CLI_H
#define APPLIANCE_POLICY_CLI_H

#include <jansson.h>

#include "appliance/policy_proc.h"

/* ---- policy_cli.c: answers; nothing happens if the asker has gone ---- */
void cli_error(struct policy *, uint32_t cli, enum err, const char *text);
void cli_json(struct policy *, uint32_t cli, json_t *); /* takes it over */
void cli_unavailable(struct cli *);

/* Some rows of a list, and from where on there are more; -1: no more. */
#define CLI_PAGE 256
void cli_page(struct cli *, json_t *rows, int64_t next);
json_t *cli_time(int64_t);

/* ---- policy_documents.c ---- */
enum err cli_on_warrant_add(void *, const struct ipc_frame *);
enum err cli_on_warrant_check(void *, const struct ipc_frame *);
enum err cli_on_warrant_list(void *, const struct ipc_frame *);
const char *policy_warrant_state(const struct held_warrant *, int64_t now);
void policy_warrant_recorded(struct policy *, struct pending *);
json_t *cli_warrant_json(const struct held_warrant *);
void policy_digest(struct rd, uint8_t out[32]);

/* A document that is not taken: noted in the log, then answered. */
void cli_refuse_document(struct cli *, struct rd cms, enum err,
    const struct why *);

/* ---- policy_revoke.c ---- */
enum err cli_on_warrant_revoke(void *, const struct ipc_frame *);

/* ---- policy_people.c ---- */
enum err cli_on_subscriber_add(void *, const struct ipc_frame *);
enum err cli_on_subscriber_list(void *, const struct ipc_frame *);
enum err cli_on_subscriber_remove(void *, const struct ipc_frame *);
enum err cli_on_key_issue(void *, const struct ipc_frame *);
void policy_removal_recorded(struct policy *, struct pending *);

#endif
