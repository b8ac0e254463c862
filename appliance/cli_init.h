/* cli_init: what the files of `keywarden init` share. */
#ifndef APPLIANCE_CLI_INIT_H
#define APPLIANCE_CLI_INIT_H

#include "appliance/config.h"
#include "policy/authority.h"

/* Somebody or something that init enrols: NAME=CERT.pem. */
struct init_entry {
	char name[MAX_NAME + 1];
	enum role role; /* of a person */
	uint8_t *cert;
	size_t cert_len;
};

struct init {
	struct config *config;
	char matters[MAX_CONFIG_TEXT + 1];
	/* as given, and read: persons in the order of their roles */
	const char *person_arg[ROLE__MAX][MAX_INIT_PERSONS];
	unsigned n_person_args[ROLE__MAX];
	const char *client_arg[MAX_CLIENTS];
	unsigned n_client_args;
	struct init_entry person[MAX_INIT_PERSONS], client[MAX_CLIENTS];
	unsigned n_persons, n_clients;

	bool make_token, made_pin, made_log, made_head;
	int lock_fd, draft_fd, state_fd, head_fd;
	uint8_t *state;
	size_t state_len;
};

/* "meyer officer, santos officer, df2 client": for the log and for people. */
char *init_names(const struct init *);

/* ---- cli_init_people.c: those who are enrolled first ---- */

/* All that was given, read and held against each other. */
enum err init_read_people(struct init *, struct why *why) MUST_CHECK;

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
/* The file for the head of the warrant state, empty; sets head_fd. */
enum err init_make_head(struct init *, struct why *why) MUST_CHECK;
/* What the worker has written there, on disk. */
enum err init_sync_head(const struct init *, struct why *why) MUST_CHECK;
/* The audit log with its first two entries, on disk. */
enum err init_write_log(struct init *, struct why *why) MUST_CHECK;
/* The last step: all of kms-state is there, or none. */
enum err init_put_in_force(const struct init *, struct why *why) MUST_CHECK;
/* What this run made goes again. */
void init_undo(const struct init *);

/* ---- cli_init_worker.c: the ceremony, in a worker of its own ---- */

/* The token's keys and what is sealed of them, into state_fd and head_fd. */
enum err init_make_keys(struct init *, struct why *why) MUST_CHECK;
/* A fresh worker reads all of it and tests itself. */
enum err init_read_back(const struct init *, struct why *why) MUST_CHECK;

#endif
