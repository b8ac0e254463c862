/* keywarden-xkc: it calls the other appliance. */
#include "sandbox_test.h"

const struct tried tried = {.which = SANDBOX_XKC,
    .tables = {&allowed_to_all, &allowed_to_loops, &of_caller,
	&forbidden_to_all}};
