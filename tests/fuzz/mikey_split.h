/*
 * mikey_split: a MIKEY message in its payloads and together again with a right
 * chain and right lengths, so that mutations get behind those checks.
 */
#ifndef TESTS_FUZZ_MIKEY_SPLIT_H
#define TESTS_FUZZ_MIKEY_SPLIT_H

#include "fuzz.h"

#define SPLIT_MAX 24

enum split_type { SPLIT_V = 9, SPLIT_IBAKE = 22, SPLIT_ESK = 23 };

/* `fixed` is before the length field, `data` behind it; V has none. */
struct split_payload {
	uint8_t type;
	struct rd fixed, data;
};

struct split {
	struct rd head; /* all of the header */
	unsigned n;
	struct split_payload payload[SPLIT_MAX];
};

/* Views into the message; false if its chain cannot be followed. */
bool mikey_split(struct rd message, struct split *out);

/* Writes the message with the chain and lengths that its parts need. */
void mikey_join(struct wr *w, const struct split *s);

/* As LLVMFuzzerCustomMutator. */
size_t mikey_mutate(uint8_t *data, size_t size, size_t max_size, unsigned seed);

#endif
