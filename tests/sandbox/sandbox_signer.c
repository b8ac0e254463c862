/* keywarden-signer: the token; it writes nothing that it was handed. */
#include "sandbox_test.h"

static const struct act acts[] = {
    {"pread", act_pread, DIES},
    {"pwrite", act_pwrite, DIES},
    {"fdatasync", act_fdatasync, DIES},
};

int
main(void)
{
	const struct acts tables[] = {allowed_to_all, with_token, ACTS(acts),
	    forbidden_to_all};

	return sandbox_test(SANDBOX_SIGNER, tables, 4);
}
