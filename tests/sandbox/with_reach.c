/* Those who open a token whose module calls somebody. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "sandbox_test.h"

/* As the supervisor says it. */
void
sandbox_with_reach(const struct reach *r)
{
	char text[REACH_TEXT_MAX];

	reach_print(r, text);
	if (setenv(REACH_ENV, text, 1) == -1)
		fatal("setenv: %s", strerror(errno));
}

/* A connection that is made within a time, as libraries make it. */
ACT_OF_ALL(act_does_not_wait, SYS_fcntl, held.pair[0], F_SETFL,
    O_RDWR | O_NONBLOCK)
ACT_OF_ALL(act_disguised_mode, SYS_fcntl, DISGUISED_STDERR, F_SETFL, O_RDWR)
