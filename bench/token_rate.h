/*
 * token_rate: what the token and the disk do by themselves, for bench_getkeys
 * to compare with.
 */
#ifndef BENCH_TOKEN_RATE_H
#define BENCH_TOKEN_RATE_H

#include <stddef.h>

struct token_where {
	const char *module, *label, *pin_file;
	const char *params; /* DER BFPublicParameters, for points to multiply */
};

/* The child's main: a burst of derives for each octet that stdin gives. */
#define TOKEN_CHILD "--token-child"
int token_child(const struct token_where *);

/*
 * `n` processes, each with a session of its own, as the appliance's workers
 * have; `program` is started with TOKEN_CHILD and the words of `where`.
 */
struct token_rate;
struct token_rate *token_rate_new(const char *program, unsigned n,
    const struct token_where *where);

/* All derive at once; operations per second of all of them together. */
double token_rate_burst(struct token_rate *);
void token_rate_free(struct token_rate *);

/*
 * `n` fdatasyncs, a record of the log's size before each, in a file of
 * `folder` that is then removed; nanoseconds of each into `ns`.
 */
void disk_syncs(const char *folder, double *ns, size_t n);

#endif
