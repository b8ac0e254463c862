/*
 * media_key: the master key of one crypto session, and whether it is a
 * packet's: by the packet's tag (RFC 3711 clause 4.2), without decrypting.
 */
#ifndef MEDIA_MEDIA_KEY_H
#define MEDIA_MEDIA_KEY_H

#include "media/rules.h"

#define MEDIA_KEY_MAX 32 /* octets: AES-256 */
#define MEDIA_SALT_LEN 14
#define MEDIA_ID_LEN 5 /* CSB ID, CS ID */

/* A secret: lies in a struct secret. */
struct media_key {
	uint8_t id[MEDIA_ID_LEN];
	uint8_t key[MEDIA_KEY_MAX], salt[MEDIA_SALT_LEN]; /* by rules.key_len */
	struct rules rules;
	uint32_t ssrc, roc; /* ssrc 0: not known */
	struct rd mki; /* somebody else's; left = 0: not known */
	unsigned call; /* its call, a number of the caller's */
	uint8_t auth[RULES_AUTH_KEY_MAX]; /* media_key_ready() fills it */
};

/* Once all else is filled: the session authentication key.  ERR_CRYPTO. */
enum err media_key_ready(struct media_key *) MUST_CHECK;

struct media_check;
enum err media_check_new(struct media_check **) MUST_CHECK;
void media_check_free(struct media_check **);

/* Packets are now tried with this key, until the next. */
enum err media_check_use(struct media_check *,
    const struct media_key *) MUST_CHECK;

/*
 * Is this the tag of an SRTP packet with this ROC and an MKI of so many
 * octets?  One of a known MKI must have it.
 */
bool media_check_fits(struct media_check *, struct rd packet, uint32_t roc,
    size_t mki_len);

#endif
