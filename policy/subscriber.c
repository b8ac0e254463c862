#include "policy/subscriber.h"

#define VERSION 2

void
subscriber_put(struct wr *w, const struct subscriber *s)
{
	wr_u8(w, VERSION);
	wr_i64(w, s->created);
	wr_u64(w, s->number);
	wr_bool(w, s->test);
	wr_view8(w, s->identity.p, s->identity.left);
	wr_u8(w, (uint8_t)s->n_devices);
	for (unsigned i = 0; i < s->n_devices; i++)
		wr_view8(w, s->device[i].p, s->device[i].left);
	wr_view8(w, s->label.p, s->label.left);
	wr_view8(w, s->seed.p, s->seed.left);
	wr_view16(w, s->device_cert.p, s->device_cert.left);
}

enum err
subscriber_parse(struct rd in, struct subscriber *out, struct rd *sealed,
    struct rd *seal)
{
	uint8_t version, n;
	struct rd whole = in;

	if (in.left > SUBSCRIBER_MAX || rd_u8(&in, &version) != ERR_OK ||
	    version != VERSION || rd_i64(&in, &out->created) != ERR_OK ||
	    rd_u64(&in, &out->number) != ERR_OK ||
	    rd_bool(&in, &out->test) != ERR_OK ||
	    rd_view8(&in, &out->identity) != ERR_OK ||
	    rd_u8(&in, &n) != ERR_OK || n > MAX_DEVICES ||
	    out->identity.left == 0)
		return ERR_MALFORMED;
	out->n_devices = n;
	for (unsigned i = 0; i < n; i++)
		if (rd_view8(&in, &out->device[i]) != ERR_OK ||
		    out->device[i].left == 0)
			return ERR_MALFORMED;
	if (rd_view8(&in, &out->label) != ERR_OK ||
	    out->label.left > MAX_SEED_LABEL ||
	    rd_view8(&in, &out->seed) != ERR_OK ||
	    rd_view16(&in, &out->device_cert) != ERR_OK ||
	    in.left != SUBSCRIBER_SEAL_LEN)
		return ERR_MALFORMED;
	*seal = in;
	if (rd_view(&whole, whole.left - in.left, sealed) != ERR_OK)
		return ERR_MALFORMED;
	return ERR_OK;
}
