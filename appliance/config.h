/*
 * config: keywarden.conf(5) to a struct.  The file is the operator's, as
 * trusted as the programs; it is still refused when others may write it.
 */
#ifndef APPLIANCE_CONFIG_H
#define APPLIANCE_CONFIG_H

#include <stdint.h>

#include "appliance/proto_hi2.h"
#include "appliance/reach.h"
#include "base/error.h"

#define CONFIG_DEFAULT_PATH "/etc/keywarden/keywarden.conf"
#define MAX_LISTEN 8
#define MAX_ENVIRONMENT 16
#define MAX_TOKEN_FILES 16

/* Where a process that faces the network listens, and as whom. */
struct config_server {
	const char *section; /* "xk", "x2": for messages */
	unsigned n_listen;
	char *listen[MAX_LISTEN]; /* "ADDRESS:PORT", "[v6]:PORT" */
	char *certificate, *key, *client_ca; /* PEM; a key may be "token" */
	char *crl; /* PEM; NULL: none */
	bool crl_said; /* and that is not for want of the option */
};

/* Whom a process asks over the network, and as whom. */
struct config_client {
	const char *section; /* "xk_client": for messages */
	char *address; /* "ADDRESS:PORT" */
	char *name; /* in the server's certificate; NULL: the address */
	char *certificate, *key, *server_ca; /* PEM; a key may be "token" */
	char *crl; /* PEM; NULL: none */
	bool crl_said; /* and that is not for want of the option */
	uint32_t request_seconds, keep_alive_seconds;
};

/* How a LEMF is reached, and when a record is delivered to it. */
struct config_link {
	char *section; /* "lemf lka-3": for messages */
	char *address; /* "ADDRESS:PORT"; NULL: it is not connected */
	char *name; /* in the LEMF's certificate; NULL: the address */
	char *certificate, *key; /* PEM; of section hi2 unless it has its own */
	char *server_ca, *crl; /* PEM; NULL: none */
	unsigned n_pins;
	uint8_t pin[MAX_LEMF_PINS][DIGEST_LEN]; /* SHA-256 of a certificate */
	struct link_settings how;
};

/* How an agency's monitoring facility wants its records: docs/HI2-PROFILES. */
struct config_lemf {
	char *name, *profile;
	unsigned n_options;
	const char *option[MAX_LEMF_OPTIONS];
	char *value[MAX_LEMF_OPTIONS];
	uint32_t queue_mib, queue_days; /* what waits for it, at most */
	struct config_link link;
	uint8_t slot; /* of the process for the link: config_slots() */
};

/* A layer of the processes' confinement. */
enum config_layer {
	LAYER_NO, /* not used */
	LAYER_TRY, /* where the machine can */
	LAYER_YES /* else keywardend does not start */
};

struct config {
	char *state_dir, *control_socket;
	char *log_level;
	bool production; /* what is for trials is refused: production.h */

	struct config_server xk_server;
	struct xk_settings xk;

	/* The DF2/MF: its role is off unless x2_server listens. */
	struct config_server x2_server;
	struct x2_settings x2;
	/* Whom it asks for keys; address NULL: this appliance itself. */
	struct config_client xkc;
	unsigned n_lemfs;
	struct config_lemf lemf[MAX_LEMFS];

	char *token_module, *token_label, *pin_file;
	uint32_t workers, call_seconds, job_seconds;
	unsigned n_environment;
	char *environment[MAX_ENVIRONMENT]; /* of the worker: NAME=value */
	unsigned n_token_files;
	char *token_file[MAX_TOKEN_FILES]; /* that the module opens */
	unsigned n_token_calls;
	char *token_call[REACH_MOST]; /* whom it calls: reach.h */

	char *kms_scheme, *kms_uri, *kms_period; /* what init makes */

	struct audit_settings audit;

	uint32_t landlock; /* the least ABI */
	enum config_layer namespaces, users, memory_locked;
};

/*
 * ERR_IO, ERR_MALFORMED (file and line in `why`), ERR_DENIED for a file that
 * others may write.  *out is the caller's to config_free().
 */
enum err config_load(const char *path, struct config **out,
    struct why *why) MUST_CHECK;
void config_free(struct config **);

/* Whom the token's module calls, as it is at this moment: a device, or not. */
enum err config_reach(const struct config *, struct reach *out,
    struct why *why) MUST_CHECK;

/* Files under state_dir; the caller frees. */
char *config_path(const struct config *, const char *name);

#define STATE_KMS "kms-state"
#define STATE_HEAD "head"
#define STATE_LOG "audit.log"
/* Each in a folder of its own: who opens it opens nothing else. */
#define STATE_DB_DIR "registry"
#define STATE_DB "registry/registry.db"
#define STATE_SPOOL_DIR "spool"
#define STATE_SPOOL "spool/spool.db"
#define STATE_TOKEN "token"
#define STATE_SOFTHSM_CONF "token/softhsm2.conf"
#define STATE_SOFTHSM_TOKENS "token/tokens"

/* Is the role of the DF2/MF on? */
bool config_is_df2(const struct config *);
/* Does it have its keys made by another appliance? */
bool config_is_remote(const struct config *);
/* Is there a process that is connected to this LEMF? */
bool config_is_linked(const struct config *, const struct config_lemf *);
/* The linked LEMF of that name, or in that slot; NULL: there is none. */
const struct config_lemf *config_link_named(const struct config *,
    const char *name);
const struct config_lemf *config_link_in(const struct config *, unsigned slot);
/*
 * Every linked LEMF gets a slot of its own: the one that it has in `before`
 * (NULL: nothing was), else one that nobody had there, while there are any.
 */
void config_slots(struct config *, const struct config *before);

/*
 * What matters of it, as security officers approve it: lines "name = value",
 * each with its newline, in the order of their octets.  `out` gets a NUL too.
 * ERR_MALFORMED for an option that is not set, ERR_IO for a client_ca.
 */
enum err config_matters(const struct config *, char *out, size_t cap,
    struct why *why) MUST_CHECK;

/*
 * Is the key of a section the token's and no file?  Is that so, or not so, of
 * any that is in use?
 */
bool config_key_in_token(const char *key);
bool config_uses_token_key(const struct config *);

/*
 * Of the sections xk, x2 and xk_client those that are in use and do not say
 * what crl is; that there are none can be meant: then "none" is written.
 */
#define CONFIG_PEERS 3
unsigned config_without_crl(const struct config *,
    const char *section[CONFIG_PEERS]);
bool config_uses_pem_key(const struct config *);

/* Is the module SoftHSM, whose files we keep under state_dir? */
bool config_is_softhsm(const struct config *);

#endif
