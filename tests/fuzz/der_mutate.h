/*
 * der_mutate: mutations of BER and DER that keep the lengths around the place
 * of the change right, so that what is behind the length checks is reached.
 */
#ifndef TESTS_FUZZ_DER_MUTATE_H
#define TESTS_FUZZ_DER_MUTATE_H

#include "fuzz.h"

/* As LLVMFuzzerCustomMutator; anything that is no DER is mutated blindly. */
size_t der_mutate(uint8_t *data, size_t size, size_t max_size, unsigned seed);

#endif
