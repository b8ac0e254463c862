/*
 * ct: what is secret is marked undefined and run under valgrind, which then
 * reports every branch and every address that depends on it.
 */
#ifndef TESTS_CT_CT_H
#define TESTS_CT_CT_H

#include <stdio.h>
#include <stdlib.h>

#include <valgrind/memcheck.h>

#include "base/secret.h"

/* Not an assert: release builds define NDEBUG. */
#define MUST(cond) \
	do { \
		if (!(cond)) { \
			(void)fprintf(stderr, "%s:%d: %s\n", __FILE__, \
			    __LINE__, #cond); \
			exit(2); \
		} \
	} while (0)

/* Without valgrind nothing would be looked at: say so and fail. */
#define MUST_BE_UNDER_VALGRIND MUST(RUNNING_ON_VALGRIND)

#endif
