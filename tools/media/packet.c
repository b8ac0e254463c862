#include <pcap/dlt.h>

#include "media/packet.h"

#define ETHER_IP4 0x0800
#define ETHER_IP6 0x86dd
#define ETHER_VLAN 0x8100
#define ETHER_VLAN_OUTER 0x88a8

#define PROTO_HOP_BY_HOP 0
#define PROTO_UDP 17
#define PROTO_ROUTING 43
#define PROTO_FRAGMENT 44
#define PROTO_DESTINATION 60

#define IP6_HEADER_LEN 40
#define UDP_HEADER_LEN 8

#define LINK_RAW 101 /* as in files; DLT_RAW differs by system */

bool
packet_link_known(int link)
{
	static const int known[] = {DLT_EN10MB, DLT_LINUX_SLL, DLT_LINUX_SLL2,
	    DLT_RAW, LINK_RAW, DLT_IPV4, DLT_IPV6, DLT_NULL, DLT_LOOP};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (link == known[i])
			return true;
	return false;
}

/* Whatever says which: the packet's first octet. */
static enum err
ip_by_version(const struct rd *r, uint16_t *type)
{
	if (r->left == 0)
		return ERR_TRUNCATED;
	*type = r->p[0] >> 4 == 6 ? ETHER_IP6 : ETHER_IP4;
	return ERR_OK;
}

/* Take the link header off; *type is the EtherType of what follows. */
static enum err
link_header(int link, struct rd *r, uint16_t *type)
{
	struct rd skipped;
	enum err rc;

	if (link == DLT_NULL || link == DLT_LOOP)
		/* A protocol family, in this or that order of octets. */
		return (rc = rd_view(r, 4, &skipped)) != ERR_OK
		    ? rc
		    : ip_by_version(r, type);
	if (link == DLT_LINUX_SLL2) {
		if ((rc = rd_u16(r, type)) != ERR_OK)
			return rc;
		return rd_view(r, 18, &skipped);
	}
	if (link != DLT_EN10MB && link != DLT_LINUX_SLL)
		return ip_by_version(r, type);
	if ((rc = rd_view(r, link == DLT_EN10MB ? 12 : 14, &skipped)) !=
		ERR_OK ||
	    (rc = rd_u16(r, type)) != ERR_OK)
		return rc;
	while (*type == ETHER_VLAN || *type == ETHER_VLAN_OUTER)
		if ((rc = rd_view(r, 2, &skipped)) != ERR_OK ||
		    (rc = rd_u16(r, type)) != ERR_OK)
			return rc;
	return ERR_OK;
}

/* RFC 791: on success p->ip is cut to the packet, *body is what it carries. */
static enum err
ip4(struct packet *p, struct rd *body)
{
	uint8_t version, service, ttl, protocol;
	uint16_t total, id, flags, sum;
	struct rd in = p->ip;
	struct rd all = in, options;
	size_t head;
	enum err rc;

	if ((rc = rd_u8(&in, &version)) != ERR_OK ||
	    (rc = rd_u8(&in, &service)) != ERR_OK ||
	    (rc = rd_u16(&in, &total)) != ERR_OK ||
	    (rc = rd_u16(&in, &id)) != ERR_OK ||
	    (rc = rd_u16(&in, &flags)) != ERR_OK ||
	    (rc = rd_u8(&in, &ttl)) != ERR_OK ||
	    (rc = rd_u8(&in, &protocol)) != ERR_OK ||
	    (rc = rd_u16(&in, &sum)) != ERR_OK ||
	    (rc = rd_view(&in, 4, &p->from_ip)) != ERR_OK ||
	    (rc = rd_view(&in, 4, &p->to_ip)) != ERR_OK)
		return rc;
	head = (size_t)(version & 0x0f) * 4;
	if (version >> 4 != 4 || head < 20 || total < head)
		return ERR_MALFORMED;
	if (protocol != PROTO_UDP)
		return ERR_NOTFOUND;
	if ((flags & 0x3fff) != 0)
		return ERR_UNSUPPORTED; /* more fragments, or not the first */
	if (rd_view(&all, total, &p->ip) != ERR_OK)
		return ERR_TRUNCATED;
	*body = p->ip;
	return rd_view(body, head, &options);
}

/* RFC 8200 clause 4: extension headers until UDP comes. */
static enum err
extensions(struct rd *body, uint8_t next)
{
	struct rd skipped;
	uint8_t units;
	enum err rc;

	while (next != PROTO_UDP) {
		if (next == PROTO_FRAGMENT)
			return ERR_UNSUPPORTED;
		if (next != PROTO_HOP_BY_HOP && next != PROTO_ROUTING &&
		    next != PROTO_DESTINATION)
			return ERR_NOTFOUND;
		if ((rc = rd_u8(body, &next)) != ERR_OK ||
		    (rc = rd_u8(body, &units)) != ERR_OK ||
		    (rc = rd_view(body, 8 * (size_t)units + 6, &skipped)) !=
			ERR_OK)
			return rc;
	}
	return ERR_OK;
}

static enum err
ip6(struct packet *p, struct rd *body)
{
	struct rd in = p->ip, all = in, skipped;
	uint32_t version;
	uint16_t len;
	uint8_t next, hops;
	enum err rc;

	if ((rc = rd_u32(&in, &version)) != ERR_OK ||
	    (rc = rd_u16(&in, &len)) != ERR_OK ||
	    (rc = rd_u8(&in, &next)) != ERR_OK ||
	    (rc = rd_u8(&in, &hops)) != ERR_OK ||
	    (rc = rd_view(&in, 16, &p->from_ip)) != ERR_OK ||
	    (rc = rd_view(&in, 16, &p->to_ip)) != ERR_OK)
		return rc;
	if (version >> 28 != 6)
		return ERR_MALFORMED;
	if (rd_view(&all, IP6_HEADER_LEN + (size_t)len, &p->ip) != ERR_OK)
		return ERR_TRUNCATED;
	*body = p->ip;
	if ((rc = rd_view(body, IP6_HEADER_LEN, &skipped)) != ERR_OK)
		return rc;
	return extensions(body, next);
}

enum err
packet_parse(int link, struct rd frame, struct packet *p)
{
	uint16_t type, len, sum;
	struct rd udp;
	enum err rc;

	if ((rc = link_header(link, &frame, &type)) != ERR_OK)
		return rc;
	p->ip = frame;
	if (type == ETHER_IP4)
		rc = ip4(p, &udp);
	else
		rc = type == ETHER_IP6 ? ip6(p, &udp) : ERR_NOTFOUND;
	if (rc != ERR_OK)
		return rc;
	/* The checksum is the network card's business and may be missing. */
	if ((rc = rd_u16(&udp, &p->from)) != ERR_OK ||
	    (rc = rd_u16(&udp, &p->to)) != ERR_OK ||
	    (rc = rd_u16(&udp, &len)) != ERR_OK ||
	    (rc = rd_u16(&udp, &sum)) != ERR_OK)
		return rc;
	if (len < UDP_HEADER_LEN)
		return ERR_MALFORMED;
	return rd_view(&udp, (size_t)len - UDP_HEADER_LEN, &p->payload);
}
