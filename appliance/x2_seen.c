#include <string.h>

#include <openssl/evp.h>

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

/* X2's direction, 0 where a record can say nothing of it. */
static uint8_t
direction(uint16_t d)
{
	return d == X2_TO_TARGET || d == X2_FROM_TARGET ? (uint8_t)d : 0;
}

enum err
x2_seen_read(const struct x2_pdu *p, struct x2_seen *out)
{
	const enum err rc = sip_event_read(p->payload, &out->event);

	if (rc != ERR_OK)
		return rc;
	for (unsigned i = 0; i < out->event.n_mikey; i++)
		x2_seen_mikey(out->event.mikey[i], &out->mikey[i]);
	out->sip = (struct sip_seen){.direction = direction(p->direction),
	    .seconds = p->seconds,
	    .nanoseconds = p->nanoseconds,
	    .sip = p->payload,
	    .event = &out->event,
	    .n_mikey = out->event.n_mikey,
	    .mikey = out->mikey};
	memcpy(out->sip.xid, p->xid, sizeof(out->sip.xid));
	memcpy(out->sip.correlation, p->correlation,
	    sizeof(out->sip.correlation));
	return ERR_OK;
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

static bool
digest(const struct rd *part, size_t n, uint8_t out[X2_SAME_LEN])
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	uint8_t all[EVP_MAX_MD_SIZE], len[4];
	bool ok = c != NULL && EVP_DigestInit_ex(c, EVP_sha256(), NULL) == 1;
	struct wr w;

	for (size_t i = 0; i < n && ok; i++) {
		wr_init(&w, len, sizeof(len));
		wr_u32(&w, (uint32_t)part[i].left);
		ok = EVP_DigestUpdate(c, len, sizeof(len)) == 1 &&
		    (part[i].left == 0 ||
			EVP_DigestUpdate(c, part[i].p, part[i].left) == 1);
	}
	ok = ok && EVP_DigestFinal_ex(c, all, NULL) == 1;
	if (ok)
		memcpy(out, all, X2_SAME_LEN);
	EVP_MD_CTX_free(c);
	return ok;
}

/* R_MESSAGE_2 may come later and makes it no other. */
bool
x2_seen_same(const struct call_exchange_view *v, uint8_t out[X2_SAME_LEN])
{
	const struct rd part[] = {v->i1, v->r1, v->i2};

	return digest(part, sizeof(part) / sizeof(part[0]), out);
}

static struct rd
xid_view(const uint8_t xid[XID_LEN])
{
	struct rd r;

	rd_init(&r, xid, XID_LEN);
	return r;
}

_Static_assert(INTAKE_MARK_LEN == X2_SAME_LEN, "one digest makes both");

bool
x2_seen_mark(const struct call_exchange_view *v, bool has_keys,
    uint8_t out[INTAKE_MARK_LEN])
{
	const struct rd keys[] = {xid_view(v->xid), v->call_id, v->i1, v->r1,
	    v->i2};
	const struct rd none[] = {keys[0], v->call_id, v->lead};

	return has_keys ? digest(keys, sizeof(keys) / sizeof(keys[0]), out)
			: digest(none, sizeof(none) / sizeof(none[0]), out);
}

bool
x2_seen_mark_sip(const struct sip_seen *s, uint8_t out[INTAKE_MARK_LEN])
{
	const struct rd part[] = {xid_view(s->xid), s->sip};

	return digest(part, sizeof(part) / sizeof(part[0]), out);
}
