/* keywarden-signer: the token; it writes nothing that it was handed. */
#include "sandbox_test.h"

static const struct act own[] = {
    {"pread", act_pread, DIES},
    {"pwrite", act_pwrite, DIES},
    {"fdatasync", act_fdatasync, DIES},
};

static const struct acts own_acts = ACTS(own);
const struct tried tried = {.which = SANDBOX_SIGNER,
    .tables = {&allowed_to_all, &with_token, &own_acts, &forbidden_to_all}};
