/* cli_log: the audit log's file as keywarden(1) reads it. */
#ifndef APPLIANCE_CLI_LOG_H
#define APPLIANCE_CLI_LOG_H

#include "appliance/audit_log.h"
#include "appliance/cli.h"

struct log_reading {
	struct cli_common common;
	const char *log; /* of --log; NULL: the configured one */
	struct audit_reader *r;
	int fd;
};

/* EXIT_DONE, or an exit code with the word said; then close it too. */
int cli_log_open(struct log_reading *);
void cli_log_close(struct log_reading *);

/* ERR_OK; ERR_NOTFOUND at the end; else not sound. */
enum err cli_log_next(struct log_reading *, struct audit_entry *,
    struct why *) MUST_CHECK;

/* What it says, by name; the caller's. */
json_t *cli_entry_json(const struct audit_entry *);
/* On one line: number, time, type, then name=value. */
void cli_entry_print(json_t *);

#endif
