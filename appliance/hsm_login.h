/* hsm_login: how the processes of the appliance log in to the token. */
#ifndef APPLIANCE_HSM_LOGIN_H
#define APPLIANCE_HSM_LOGIN_H

#include "appliance/proto_df2.h"
#include "base/error.h"
#include "base/secret.h"
#include "hsm/hsm.h"

/* The PIN out of a file, which is closed; final line ends are cut off. */
enum err hsm_read_pin(int fd, struct secret **out, struct why *why) MUST_CHECK;

/* Which token, and how it is used: SETUP of the processes that serve. */
struct hsm_place {
	struct hsm_settings settings; /* its views are not kept */
	char module[4096], label[33];
};
enum err hsm_place_get(struct rd settings, struct hsm_place *) MUST_CHECK;

/*
 * Open the token and log in, with the PIN of a file that is closed.  In
 * production a token that calls itself SoftHSM is refused.  What the token says
 * of its PIN is on the log then.
 *
 * There is no thread yet that would watch: until the caller starts it, an
 * alarm() of job_seconds ends the process.
 */
enum err hsm_log_in(const struct hsm_place *, int pin_fd, struct hsm **out,
    struct why *) MUST_CHECK;

#endif
