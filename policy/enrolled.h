/*
 * enrolled: names with a certificate each: of clients, of LEMFs.  One of a name
 * that is there gets another certificate.
 */
#ifndef POLICY_ENROLLED_H
#define POLICY_ENROLLED_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/limits.h"
#include "policy/digest.h"

#define MAX_ENROLLED 256

struct enrolled {
	const char *what; /* "client", for people; set by the owner */
	bool apart; /* no two have the same certificate; set by the owner */
	unsigned n;
	struct enrolled_one {
		char name[MAX_NAME + 1];
		uint8_t *cert; /* DER */
		size_t cert_len;
		uint8_t fingerprint[DIGEST_LEN];
	} one[MAX_ENROLLED];
};

void enrolled_done(struct enrolled *);

/* NULL: none of that name. */
const struct enrolled_one *enrolled_find(const struct enrolled *,
    struct rd name);

/*
 * Whether enrolled_put() would take it: ERR_MALFORMED for the name, ERR_EXISTS
 * for a certificate that another one has, ERR_FULL, ERR_CRYPTO.
 */
enum err enrolled_may_put(const struct enrolled *, const char *name,
    struct rd cert, struct why *why) MUST_CHECK;

/* Octets are copied.  Nothing has changed on failure; ERR_NOMEM too. */
enum err enrolled_put(struct enrolled *, const char *name, struct rd cert,
    struct why *why) MUST_CHECK;

/* ERR_NOTFOUND. */
enum err enrolled_drop(struct enrolled *, const char *name,
    struct why *why) MUST_CHECK;

#endif
