/* keywarden-hi2c: it calls its LEMF. */
#include "sandbox_test.h"

const struct tried tried = {.which = SANDBOX_HI2C,
    .tables = {&allowed_to_all, &allowed_to_loops, &of_caller,
	&forbidden_to_all}};
