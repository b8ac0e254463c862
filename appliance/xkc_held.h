/* xkc_held: the MIKEY messages of x2's tickets, bounded in both ways. */
#ifndef APPLIANCE_XKC_HELD_H
#define APPLIANCE_XKC_HELD_H

#include "appliance/proto_df2.h"

#define XKC_TICKETS 65536 /* as many as x2 has */
#define XKC_OCTETS ((size_t)64 * 1024 * 1024) /* of their messages */

struct xkc_held;

enum err xkc_held_new(struct xkc_held **out) MUST_CHECK;
void xkc_held_free(struct xkc_held **);

/*
 * Keeps a copy; what this ticket had is forgotten, and with another epoch
 * everything is.  ERR_FULL, ERR_NOMEM: this ticket has none then.
 */
enum err xkc_held_put(struct xkc_held *, uint32_t id,
    const struct msg_mikey *) MUST_CHECK;
void xkc_held_drop(struct xkc_held *, uint32_t id);

/* False: they are not here.  Views, until the table changes. */
bool xkc_held_find(const struct xkc_held *, const struct ticket *,
    struct msg_mikey *out) MUST_CHECK;

unsigned xkc_held_tickets(const struct xkc_held *);
size_t xkc_held_octets(const struct xkc_held *);

#endif
