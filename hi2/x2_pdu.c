#include "hi2/x2_pdu.h"

#define MAJOR 0
#define MINOR 5 /* what we send */
#define NS_PER_S 1000000000U

/* Clause 5.3.1; the value of an attribute is 4, 8 or any number of octets. */
enum {
	ATTR_NFID = 6,
	ATTR_IPID = 7,
	ATTR_SEQUENCE = 8,
	ATTR_TIMESTAMP = 9,
	ATTR_MATCHED_TARGET = 17
};

/* What stands in the first X2_PREFIX_LEN octets. */
struct prefix {
	uint8_t minor;
	uint16_t type;
	size_t header, payload; /* octets; their sum is within X2_PDU_MAX */
};

static enum err
read_prefix(struct rd *in, struct prefix *out)
{
	uint8_t major, minor;
	uint16_t type;
	uint32_t header, payload;

	if (in->left < X2_PREFIX_LEN)
		return ERR_AGAIN;
	if (rd_u8(in, &major) != ERR_OK || rd_u8(in, &minor) != ERR_OK ||
	    rd_u16(in, &type) != ERR_OK || rd_u32(in, &header) != ERR_OK ||
	    rd_u32(in, &payload) != ERR_OK)
		return ERR_MALFORMED;
	if (major != MAJOR || header < X2_HEADER_LEN || header > X2_PDU_MAX ||
	    payload > X2_PDU_MAX - header)
		return ERR_MALFORMED;
	*out = (struct prefix){minor, type, header, payload};
	return ERR_OK;
}

enum err
x2_pdu_length(struct rd in, size_t *len)
{
	struct prefix f;
	enum err rc;

	if ((rc = read_prefix(&in, &f)) != ERR_OK)
		return rc;
	*len = f.header + f.payload;
	return ERR_OK;
}

/* Clause 5.3.10: 32 bit of seconds, then 32 bit of nanoseconds. */
static enum err
read_time(struct rd v, struct x2_pdu *p)
{
	uint32_t seconds, nanoseconds;

	if (rd_u32(&v, &seconds) != ERR_OK ||
	    rd_u32(&v, &nanoseconds) != ERR_OK || nanoseconds >= NS_PER_S)
		return ERR_MALFORMED;
	p->seconds = seconds;
	p->nanoseconds = nanoseconds;
	return rd_end(&v);
}

/* One value; `seen` has a bit for each known type that came before. */
static enum err
take(uint16_t type, struct rd v, struct x2_pdu *p, uint32_t *seen)
{
	const uint32_t bit = type < 32 ? UINT32_C(1) << type : 0;
	const bool twice = (*seen & bit) != 0;

	switch (type) {
	case ATTR_NFID:
		p->nfid = v;
		break;
	case ATTR_IPID:
		p->ipid = v;
		break;
	case ATTR_MATCHED_TARGET:
		p->matched_target = v;
		break;
	case ATTR_SEQUENCE:
		p->has_sequence = true;
		if (rd_u32(&v, &p->sequence) != ERR_OK || rd_end(&v) != ERR_OK)
			return ERR_MALFORMED;
		break;
	case ATTR_TIMESTAMP:
		p->has_time = true;
		if (read_time(v, p) != ERR_OK)
			return ERR_MALFORMED;
		break;
	default:
		return ERR_OK; /* of no use here, and may come repeatedly */
	}
	*seen |= bit;
	return twice ? ERR_MALFORMED : ERR_OK;
}

static enum err
read_attributes(struct rd in, struct x2_pdu *p)
{
	uint32_t seen = 0;
	uint16_t type;
	struct rd v;

	while (in.left > 0)
		if (rd_u16(&in, &type) != ERR_OK ||
		    rd_view16(&in, &v) != ERR_OK ||
		    take(type, v, p, &seen) != ERR_OK)
			return ERR_MALFORMED;
	return ERR_OK;
}

enum err
x2_pdu_read(struct rd pdu, struct x2_pdu *out)
{
	struct x2_pdu p = {.has_sequence = false};
	struct prefix f;
	struct rd attributes;

	if (read_prefix(&pdu, &f) != ERR_OK)
		return ERR_MALFORMED;
	p.minor = f.minor;
	p.type = f.type;
	if (rd_u16(&pdu, &p.format) != ERR_OK ||
	    rd_u16(&pdu, &p.direction) != ERR_OK ||
	    rd_copy(&pdu, p.xid, sizeof(p.xid)) != ERR_OK ||
	    rd_copy(&pdu, p.correlation, sizeof(p.correlation)) != ERR_OK ||
	    rd_view(&pdu, f.header - X2_HEADER_LEN, &attributes) != ERR_OK ||
	    rd_view(&pdu, f.payload, &p.payload) != ERR_OK ||
	    rd_end(&pdu) != ERR_OK || read_attributes(attributes, &p) != ERR_OK)
		return ERR_MALFORMED;
	*out = p;
	return ERR_OK;
}

void
x2_put_ack(struct wr *w, const struct x2_pdu *keepalive)
{
	static const uint8_t zero[X2_HEADER_LEN - X2_PREFIX_LEN];

	wr_u8(w, MAJOR);
	wr_u8(w, MINOR);
	wr_u16(w, X2_TYPE_KEEPALIVE_ACK);
	wr_u32(w, keepalive->has_sequence ? X2_ACK_LEN : X2_HEADER_LEN);
	wr_u32(w, 0); /* no payload */
	wr_copy(w, zero, sizeof(zero)); /* format to correlation id */
	if (!keepalive->has_sequence)
		return;
	wr_u16(w, ATTR_SEQUENCE);
	wr_u16(w, sizeof(keepalive->sequence));
	wr_u32(w, keepalive->sequence);
}
