/* keywarden-signer: the token; it writes nothing that it was handed. */
#include "sandbox_test.h"
#include "stated.h"

static const struct act own[] = {
    {"memory that grows", act_memory_grows, DIES},
    {"pread", act_pread, DIES},
    {"pwrite", act_pwrite, DIES},
    {"fdatasync", act_fdatasync, DIES},
};

static const long stated[] = {STATED_TOKEN};

static const struct acts own_acts = ACTS(own);
const struct tried tried = {.which = SANDBOX_SIGNER,
    .tables = {&allowed_to_all, &allowed_to_loops_alone, &with_token, &own_acts,
	&forbidden_to_all},
    .calls = stated,
    .n_calls = sizeof(stated) / sizeof(stated[0])};
