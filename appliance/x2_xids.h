/*
 * x2_xids: what policy has said of XIDs, so that it is asked once and not for
 * each PDU.  A bounded number of places; the oldest question gives way.
 *
 * Whoever may connect chooses the XIDs, so they are hashed with a random key.
 */
#ifndef APPLIANCE_X2_XIDS_H
#define APPLIANCE_X2_XIDS_H

#include <stdint.h>

#include "appliance/proto_df2.h"

struct x2_xids;

/* `most` places, a power of two from 2 to 65536. */
enum err x2_xids_new(unsigned most, struct x2_xids **out) MUST_CHECK;
void x2_xids_free(struct x2_xids **);

/*
 * ERR_OK: policy has said *is (enum xid_is).  ERR_AGAIN: it is asked and has
 * not answered.  ERR_NOTFOUND: it is not asked, or that was too long ago.
 */
enum err x2_xids_find(const struct x2_xids *, const uint8_t xid[XID_LEN],
    uint8_t *is) MUST_CHECK;

/*
 * A place for the question about one that x2_xids_find() does not know.
 * Returns the id that goes with the question and comes back with the answer.
 */
uint32_t x2_xids_ask(struct x2_xids *, const uint8_t xid[XID_LEN]);

/* The question could not be sent: as if it had not been asked. */
void x2_xids_take_back(struct x2_xids *, uint32_t id);

/* False: nobody waits for this answer any longer; nothing has changed. */
bool x2_xids_answer(struct x2_xids *, uint32_t id, uint8_t is);

/* Questions without an answer. */
unsigned x2_xids_asked(const struct x2_xids *);

/*
 * Forget answers.  Questions stay: policy answers them by what holds now, for
 * its messages come in order.
 */
void x2_xids_changed(struct x2_xids *);

/* Forget everything, with the policy that was asked. */
void x2_xids_forget(struct x2_xids *);

#endif
