#include <string.h>

#include "appliance/x2_seen.h"

/* RFC 6267 clause 6.1 */
enum data_type { I_MESSAGE_1 = 22, R_MESSAGE_1, I_MESSAGE_2, R_MESSAGE_2 };

/* RFC 3830 clause 6.1: version, data type, next payload, V and PRF, CSB ID. */
static void
look_at_header(struct rd r, struct mikey_seen *out)
{
	uint8_t version, type, skipped[2];
	uint32_t csb_id;

	if (rd_u8(&r, &version) != ERR_OK || rd_u8(&r, &type) != ERR_OK ||
	    rd_copy(&r, skipped, sizeof(skipped)) != ERR_OK ||
	    rd_u32(&r, &csb_id) != ERR_OK)
		return;
	out->type = type;
	out->csb_id = csb_id;
}

/* A PRF or policy that is not served makes a message no less sound. */
static bool
parses(struct rd octets, enum mikey_kind kind, struct mikey_msg *m)
{
	const enum err rc = mikey_parse(octets, kind, m);

	return rc == ERR_OK || rc == ERR_UNSUPPORTED;
}

/* An update lacks what the message of a first exchange must have. */
static bool
parse_either(struct rd octets, enum mikey_kind first, enum mikey_kind update,
    struct mikey_msg *m, bool *is_update)
{
	if (parses(octets, first, m))
		return true;
	*is_update = true;
	return parses(octets, update, m);
}

static bool
parse(struct rd octets, uint8_t type, struct mikey_msg *m, bool *is_update)
{
	switch (type) {
	case I_MESSAGE_1:
		return parse_either(octets, MIKEY_I_MESSAGE_1,
		    MIKEY_UPDATE_I_MESSAGE_1, m, is_update);
	case R_MESSAGE_1:
		return parse_either(octets, MIKEY_R_MESSAGE_1,
		    MIKEY_UPDATE_R_MESSAGE_1, m, is_update);
	case I_MESSAGE_2:
		return parses(octets, MIKEY_I_MESSAGE_2, m);
	case R_MESSAGE_2:
		return parses(octets, MIKEY_R_MESSAGE_2, m);
	default:
		return false;
	}
}

void
x2_seen_mikey(struct rd octets, struct mikey_seen *out)
{
	static struct mikey_msg m; /* some kilooctets */
	bool update = false;

	*out = (struct mikey_seen){.octets = octets};
	look_at_header(octets, out);
	if (!parse(octets, out->type, &m, &update))
		return;
	out->sound = true;
	out->update = update;
	out->has_ibake = m.ibake.there;
	out->has_esk = m.esk.there;
	out->ts_type = (uint8_t)m.ts_type;
	out->ts = m.ts;
	if (m.idri.there)
		out->idri = m.idri.data;
	if (m.idrr.there)
		out->idrr = m.idrr.data;
}

enum xk_reason
x2_seen_call(const struct call_exchange_view *v, struct call *out)
{
	struct xk_get_keys k = {.i_message1 = v->i1, .r_message1 = v->r1};

	if (v->update) {
		k.first_i_message1 = v->first_i1;
		k.first_r_message1 = v->first_r1;
		k.first_i_message2 = v->first_i2;
	} else {
		k.i_message2 = v->i2;
		k.r_message2 = v->r2;
		/* Without it the request would be read as an update. */
		if (v->i2.left == 0)
			return XK_MALFORMED;
	}
	return call_from_request(&k, out);
}
