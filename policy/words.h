/* words: a list of words, as documents have them; json_read.h reads one. */
#ifndef POLICY_WORDS_H
#define POLICY_WORDS_H

#include <stdbool.h>

#include "base/bytes.h"

struct words {
	char **w;
	unsigned n;
};

/* Is it one of them?  The time that takes does not tell which. */
bool words_have(const struct words *, struct rd);

#endif
