/*
 * fuzz: what the fuzz targets share.  A target checks properties with MUST();
 * one that does not hold ends the run like a crash would.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

/* libFuzzer's names; it has no C header. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size,
    unsigned int seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

#define MUST(x) ((x) ? (void)0 : must_failed(#x, __FILE__, __LINE__))
_Noreturn void must_failed(const char *what, const char *file, int line);

/* A view that a parser gave must lie in what it was given. */
void must_be_within(struct rd whole, struct rd part);

/* The octets a writer wrote must be exactly these. */
void must_have_written(const struct wr *w, struct rd want);

/* A copy in memory of its own, so that reading past it is seen; free .p. */
struct rd own_copy(struct rd v);
void own_free(struct rd *v);

/* The input cut up; what is missing is 0 or empty. */
uint8_t take_u8(struct rd *in);
uint16_t take_u16(struct rd *in);
uint64_t take_u64(struct rd *in);
struct rd take_view8(struct rd *in);
struct rd take_view16(struct rd *in);

/* A NUL-terminated copy; the caller frees. */
char *take_text(struct rd in);

/* A whole file; the caller frees .p. */
struct rd read_whole(const char *path);

/* An anonymous file with this content, position 0, mode 0600. */
int memory_file(struct rd content);

/* The lowest descriptor that is free: the same before and after, or a leak. */
int lowest_free_fd(void);

#endif
