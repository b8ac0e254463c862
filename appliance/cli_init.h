/* cli_init: what the files of `keywarden init` share. */
#ifndef APPLIANCE_CLI_INIT_H
#define APPLIANCE_CLI_INIT_H

#include "appliance/config.h"
#include "policy/officers.h"

struct init {
	struct config *config;
	struct officers *set;
	const char *officer[MAX_OFFICERS];
	unsigned n_officers;
	uint8_t *cert[MAX_OFFICERS];
	size_t cert_len[MAX_OFFICERS];
	char name[MAX_OFFICERS][MAX_NAME + 1];
	bool make_token, made_pin, made_log;
	int lock_fd, draft_fd, state_fd;
	uint8_t *state;
	size_t state_len;
};

/* ---- cli_init_files.c: under the state directory ---- */

/*
 * The directory, ours alone, locked, and without anything of an earlier KMS or
 * of an init that did not finish: ERR_EXISTS names it.
 */
enum err init_state_dir(struct init *, struct why *why) MUST_CHECK;
/* Folder, configuration and PINs for SoftHSM; sets make_token. */
enum err init_softhsm(struct init *, struct why *why) MUST_CHECK;
/* The token's files on disk: SoftHSM never syncs what it writes. */
enum err init_sync_token(const struct init *, struct why *why) MUST_CHECK;
/* The audit log with its first two entries, on disk. */
enum err init_write_log(struct init *, struct why *why) MUST_CHECK;
/* The last step: all of kms-state is there, or none. */
enum err init_put_in_force(const struct init *, struct why *why) MUST_CHECK;
/* What this run made goes again. */
void init_undo(const struct init *);

/* ---- cli_init_worker.c: the ceremony, in a worker of its own ---- */

/* The token's keys and what is sealed of them, into state_fd. */
enum err init_make_keys(struct init *, struct why *why) MUST_CHECK;
/* A fresh worker reads all of it and tests itself. */
enum err init_read_back(const struct init *, struct why *why) MUST_CHECK;

#endif
