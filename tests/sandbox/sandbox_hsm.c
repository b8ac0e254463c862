/* keywarden-hsm: the token, and the sealed head in a file that it was handed.
 */
#include <errno.h>

#include "sandbox_test.h"

static const struct act own[] = {
    {"pread", act_pread, WORKS},
    {"pwrite", act_pwrite, WORKS},
    {"fdatasync", act_fdatasync, WORKS},
    {"pwrite to what it opened to read", act_pwrite_read_only, EBADF},
};

static const struct acts own_acts = ACTS(own);
const struct tried tried = {.which = SANDBOX_HSM,
    .tables = {&allowed_to_all, &with_token, &own_acts, &forbidden_to_all}};
