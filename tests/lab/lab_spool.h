/* lab_spool: what opens a queue of keywarden-hi2, as the token's owner. */
#ifndef TESTS_LAB_LAB_SPOOL_H
#define TESTS_LAB_LAB_SPOOL_H

#include "base/bytes.h"

#define SPOOL_KEY_LEN 32

/* The token, logged in, and its private key "keywarden-spool-1". */
struct spool_token;

/* `pin` is a text.  Every failure says in `why` which call, and what of it. */
enum err spool_token_open(const char *module, const char *label,
    const char *pin, struct spool_token **out, struct why *why) MUST_CHECK;
void spool_token_close(struct spool_token **);

/* The data key in it comes out: that is what this key is made for. */
enum err spool_token_unwrap(struct spool_token *, struct rd wrapped,
    uint8_t key[SPOOL_KEY_LEN], struct why *why) MUST_CHECK;

/*
 * A copy of a queue that may be in use, as of one moment, in a directory under
 * $TMPDIR; spool_copy_done() removes it.
 */
struct spool_copy {
	char dir[256], db[280], wal[288];
};
enum err spool_copy_make(const char *path, struct spool_copy *out,
    struct why *why) MUST_CHECK;
void spool_copy_done(struct spool_copy *);

#endif
