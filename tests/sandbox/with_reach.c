/* Those who open a token whose module calls somebody. */
#include <sys/socket.h>

#include <errno.h>
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
