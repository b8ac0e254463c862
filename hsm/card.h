/*
 * card: the PKCS#11 token of a person who signs: a card, a stick, SoftHSM.  It
 * is that person's and on that person's machine; nothing in it is the
 * appliance's.  One thread, and one card in a process at a time.
 *
 * Order: open, log in, find, sign, close.
 */
#ifndef HSM_CARD_H
#define HSM_CARD_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/secret.h"

struct card;

/*
 * Load the module and find the token by its label, or the only one there is
 * for NULL.  ERR_NOTFOUND: none; ERR_EXISTS: several, and their names; ERR_HSM.
 */
enum err card_open(const char *module, const char *label, struct card **out,
    struct why *) MUST_CHECK;
/* Logs out.  NULL is let through. */
void card_close(struct card **);

/* Fit for a terminal; the card's own memory. */
const char *card_label(const struct card *);

enum card_login {
	CARD_NO_LOGIN, /* anybody may use it */
	CARD_PIN,
	CARD_PAD, /* the PIN is typed into the token itself: none is given */
};
enum card_login card_login_kind(const struct card *);

/*
 * Log in as the kind says.  `pin` is tried once, and not at all when the token
 * says that it is locked or that this were the last try: ERR_PIN.  It is kept
 * until card_close() for a key that wants it at each signature, and stays the
 * caller's.  ERR_HSM for all else.
 */
enum err card_log_in(struct card *, struct secret *pin,
    struct why *) MUST_CHECK;

/*
 * Choose the private key: the one with that label, or for NULL the one whose
 * public key is in the certificate (DER).  ERR_NOTFOUND, ERR_EXISTS (two of
 * that label), ERR_UNSUPPORTED (neither RSA nor EC), ERR_HSM.
 */
enum err card_find(struct card *, const char *label, struct rd cert,
    struct why *) MUST_CHECK;

/*
 * Sign a hash made with the digest of that name ("SHA256"): PKCS #1 v1.5 with
 * an RSA key, DER of ECDSA-Sig-Value with an EC key.  ERR_PIN if the key wants
 * the PIN again and does not take it, ERR_TOOBIG over `cap`, ERR_HSM.
 */
enum err card_sign(struct card *, const char *digest, struct rd hash,
    uint8_t *out, size_t cap, size_t *len, struct why *) MUST_CHECK;

#endif
