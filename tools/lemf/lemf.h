/*
 * lemf: what the verbs of keywarden-lemf(1) share.
 *
 * Exit codes: 0 done, and nothing was wrong; 1 something was wrong with what
 * was received or read; 64 usage; 66 a file; 69 the address or TLS.
 */
#ifndef LEMF_LEMF_H
#define LEMF_LEMF_H

#include <stdbool.h>

#include "base/error.h"
#include "lemf/sealed.h"

enum {
	LEMF_DONE = 0,
	LEMF_WRONG = 1,
	LEMF_USAGE = 64,
	LEMF_FILE = 66,
	LEMF_CONNECT = 69
};

/* One "keywarden-lemf VERB"; argv[0] is the verb. */
struct verb {
	const char *name;
	const char *synopsis; /* what follows it */
	const char *help;
	int (*run)(const struct verb *, int argc, char **argv);
};

int run_check(const struct verb *, int argc, char **argv);
int run_decrypt(const struct verb *, int argc, char **argv);
int run_page(const struct verb *, int argc, char **argv);
int run_receive(const struct verb *, int argc, char **argv);
int run_show(const struct verb *, int argc, char **argv);

/* "keywarden-lemf: " and one line on standard error. */
void lemf_say(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* The same, with where to read more; LEMF_USAGE. */
int lemf_misuse(const struct verb *, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* An option with an argument, given at most once, or without one. */
struct lemf_option {
	const char *name; /* without dashes; NULL behind the last */
	const char **text;
	bool *flag;
};

/*
 * Reads them and --help.  How many arguments are left, which are then *rest,
 * or -1 when an exit code is in *code.
 */
int lemf_options(const struct verb *, int argc, char **argv,
    const struct lemf_option *, char ***rest, int *code);

/* --open-key and --open-cert: both or neither; LEMF_DONE or said why not. */
int lemf_opener(const struct verb *, const char *key, const char *cert,
    struct opener **out);

/*
 * --verify-key, PEM of a public key on P-256, as SubjectPublicKeyInfo; of NULL
 * nothing.  *der is the caller's to OPENSSL_free(); LEMF_DONE, or said why not.
 */
int lemf_verify_key(const char *path, uint8_t **der, struct rd *spki);

#endif
