/* cli_token: what the files of `keywarden token probe` share. */
#ifndef APPLIANCE_CLI_TOKEN_H
#define APPLIANCE_CLI_TOKEN_H

#include "appliance/config.h"
#include "appliance/proto_probe.h"
#include "base/secret.h"

/* What is probed, and what came of it. */
struct probe {
	struct probe_order order;
	struct secret *pin;
	char **env; /* of the worker */
	char *state; /* path of kms-state, or NULL */
	unsigned seconds; /* for one step */

	bool opened; /* the token has been told: it is logged in */
	uint64_t slot;
	bool test_token;
	char manufacturer[4 * 32 + 1], model[4 * 16 + 1], serial[4 * 16 + 1],
	    label[4 * 32 + 1]; /* escaped */
	struct caps caps;
};

/* Told of each capability as soon as it is known. */
typedef void probe_heard(void *ctx, const struct probe *, enum cap);

/*
 * Start a worker, have it do all, and end it.  What hangs, crashes or is
 * killed by the filter becomes the result of the step that it was in, and a
 * second worker then removes what the first has left.  ERR_PIN, ERR_HSM,
 * ERR_NOTFOUND and others of hsm_open(): the token cannot be opened.
 */
enum err probe_run(struct probe *, probe_heard *, void *ctx,
    struct why *) MUST_CHECK;

#endif
