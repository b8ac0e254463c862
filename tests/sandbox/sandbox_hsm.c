/* keywarden-hsm: the token, and the sealed head in a file that it was handed.
 */
#include <errno.h>

#include "sandbox_test.h"
#include "stated.h"

static const struct act own[] = {
    {"memory that grows", act_memory_grows, WORKS},
    {"pread", act_pread, WORKS},
    {"pwrite", act_pwrite, WORKS},
    {"fdatasync", act_fdatasync, WORKS},
    {"pwrite to what it opened to read", act_pwrite_read_only, EBADF},
};

static const long stated[] = {STATED_TOKEN, STATED_HEAD};

static const struct acts own_acts = ACTS(own);
const struct tried tried = {.which = SANDBOX_HSM,
    .tables = {&allowed_to_all, &allowed_to_loops_alone, &with_token, &own_acts,
	&forbidden_to_all},
    .calls = stated,
    .n_calls = sizeof(stated) / sizeof(stated[0])};
