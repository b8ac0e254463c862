/*
 * spawn: start one of the appliance's programs with a line to it, and check
 * the files that it is handed.
 */
#ifndef APPLIANCE_SPAWN_H
#define APPLIANCE_SPAWN_H

#include <sys/types.h>

#include "appliance/config.h"

/*
 * fork and exec PROGRAM ("keywarden-hsm") from the folder of the running
 * program, the libexec folder beside it, or where it is installed.  It gets
 * `env` alone, the standard descriptors, and the other end of *ctl as
 * descriptor 3.
 */
enum err spawn_process(const char *program, char *const env[], pid_t *pid,
    int *ctl, struct why *why) MUST_CHECK;

/*
 * What `act` says, in a child that ends with it: what it holds or does to
 * itself is not this process's.  ERR_OK, or `as` with the child's sentence.
 */
enum err spawn_try(enum err (*act)(const void *ctx, struct why *),
    const void *ctx, enum err as, struct why *why) MUST_CHECK;

/* The environment of an hsm worker; free with spawn_env_free(). */
char **spawn_hsm_env(const struct config *);
/* That of the others: the log's level. */
char **spawn_plain_env(const struct config *);
void spawn_env_free(char **env);

/* "NAME=value" into one of these; there is room for two.  False: no memory. */
bool spawn_env_put(char **env, const char *name, const char *value) MUST_CHECK;

/* Open for reading; close-on-exec. */
enum err open_file(const char *path, const char *what, int *fd,
    struct why *why) MUST_CHECK;

/*
 * The same for a secret: a regular file of ours, of root's or of the user that
 * spawn_trust() names, which nobody else may read.
 */
void spawn_trust(uid_t owner);
enum err open_secret_file(const char *path, const char *what, int *fd,
    struct why *why) MUST_CHECK;

#endif
