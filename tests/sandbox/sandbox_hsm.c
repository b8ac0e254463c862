/* keywarden-hsm: the token, and the sealed head in a file that it was handed.
 */
#include <errno.h>

#include "sandbox_test.h"

static const struct act acts[] = {
    {"pread", act_pread, WORKS},
    {"pwrite", act_pwrite, WORKS},
    {"fdatasync", act_fdatasync, WORKS},
    {"pwrite to what it opened to read", act_pwrite_read_only, EBADF},
};

int
main(void)
{
	const struct acts tables[] = {allowed_to_all, with_token, ACTS(acts),
	    forbidden_to_all};

	return sandbox_test(SANDBOX_HSM, tables, 4);
}
