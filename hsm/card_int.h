/* card_int: the open card, shared by card.c and card_find.c alone. */
#ifndef HSM_CARD_INT_H
#define HSM_CARD_INT_H

#include "hsm/card.h"
#include "hsm/hsm_token.h"

struct card {
	struct hsm *h;
	char label[4 * 32 + 1];
	CK_FLAGS flags; /* of the token */
	struct secret *pin; /* the caller's */
	CK_OBJECT_HANDLE key;
	CK_KEY_TYPE type;
};

/*
 * An attribute of at most `cap` octets.  ERR_NOTFOUND: the object has none, or
 * does not show it, or it is longer; nothing is noted then.
 */
enum err card_attr(struct card *, CK_OBJECT_HANDLE, CK_ATTRIBUTE_TYPE,
    void *buf, size_t cap, size_t *len) MUST_CHECK;

#endif
