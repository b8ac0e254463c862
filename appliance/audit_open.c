#include <stdlib.h>
#include <string.h>

#include "appliance/audit_open.h"

static enum err
add(struct audit_open *o, uint64_t ref)
{
	if (o->n == o->cap) {
		const size_t cap = o->cap == 0 ? 64 : 2 * o->cap;
		uint64_t *list = realloc(o->ref, cap * sizeof(*list));

		if (list == NULL)
			return ERR_NOMEM;
		o->ref = list;
		o->cap = cap;
	}
	o->ref[o->n++] = ref;
	return ERR_OK;
}

enum err
audit_open_see(struct audit_open *o, const struct audit_entry *e,
    bool *was_open)
{
	*was_open = false;
	if (e->type == AUDIT_KEY_INTENT || e->type == AUDIT_SUBSCRIBER_INTENT ||
	    e->type == AUDIT_QUEUE_KEY_INTENT)
		return add(o, e->number);
	if (e->type != AUDIT_KEY_OUTCOME && e->type != AUDIT_ABANDONED &&
	    e->type != AUDIT_SUBSCRIBER_OUTCOME &&
	    e->type != AUDIT_QUEUE_KEY_OUTCOME)
		return ERR_OK;
	/* Most end soon after they began: from the back. */
	for (size_t i = o->n; i-- > 0;)
		if (o->ref[i] == e->ref) {
			memmove(&o->ref[i], &o->ref[i + 1],
			    (o->n - i - 1) * sizeof(*o->ref));
			o->n--;
			*was_open = true;
			break;
		}
	return ERR_OK;
}

void
audit_open_done(struct audit_open *o)
{
	free(o->ref);
	*o = (struct audit_open){.ref = NULL};
}
