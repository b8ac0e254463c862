/* proto_int: what the files of proto share. */
#ifndef APPLIANCE_PROTO_INT_H
#define APPLIANCE_PROTO_INT_H

#include "appliance/proto.h"

/* Every get function ends here: all read, nothing left. */
static inline enum err
proto_whole(const struct rd *r, enum err rc)
{
	if (rc != ERR_OK)
		return ERR_MALFORMED;
	return rd_end(r);
}

enum err proto_get_err(struct rd *, enum err *out) MUST_CHECK;
enum err proto_get_reason(struct rd *, enum xk_reason *out) MUST_CHECK;

#endif
