/* cli_sign: the parts of `keywarden sign`. */
#ifndef APPLIANCE_CLI_SIGN_H
#define APPLIANCE_CLI_SIGN_H

#include "base/secret.h"
#include "policy/sign.h"

struct card;

/* Who signs, and with which key; the first group is the command line's. */
struct signer {
	const char *cert_file, *key_file, *pin_file;
	const char *module, *token, *key_label;
	uint8_t *cert; /* DER */
	size_t cert_len;
	char subject[256]; /* fit for a terminal */
	struct secret *pin;
	struct evp_pkey_st *pem; /* the key, here */
	struct card *card; /* or there */
	struct sign_key key;
};

/* Certificate and subject. */
enum err signer_cert(struct signer *, struct why *) MUST_CHECK;
/*
 * After signer_cert(): the key, for which a passphrase or PIN may be asked.
 * ERR_MISMATCH: it is seen at once that it is not the certificate's.
 */
enum err signer_key(struct signer *, struct why *) MUST_CHECK;
/* Frees what the two have made, and erases it. */
void signer_done(struct signer *);

#endif
