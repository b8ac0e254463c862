#include <pcap/dlt.h>

#include "lab_packet.h"

#define ETHER_IP4 0x0800
#define ETHER_IP6 0x86dd
#define ETHER_VLAN 0x8100
#define PROTO_UDP 17
#define PROTO_FRAGMENT 44 /* header of IPv6 */
#define IP6_HEADER_LEN 40
#define UDP_HEADER_LEN 8

#define LINK_RAW 101 /* as in files; DLT_RAW differs by system */

bool
packet_link_known(int link)
{
	return link == DLT_EN10MB || link == DLT_LINUX_SLL ||
	    link == DLT_LINUX_SLL2 || link == DLT_RAW || link == LINK_RAW;
}

/* Take the link header off; *type is the EtherType of what follows. */
static enum err
link_header(int link, struct rd *r, uint16_t *type)
{
	struct rd skipped;
	enum err rc;

	if (link == DLT_RAW || link == LINK_RAW) {
		if (r->left == 0)
			return ERR_TRUNCATED;
		*type = r->p[0] >> 4 == 6 ? ETHER_IP6 : ETHER_IP4;
		return ERR_OK;
	}
	if (link == DLT_LINUX_SLL2) {
		if ((rc = rd_u16(r, type)) != ERR_OK)
			return rc;
		return rd_view(r, 18, &skipped);
	}
	if ((rc = rd_view(r, link == DLT_EN10MB ? 12 : 14, &skipped)) !=
		ERR_OK ||
	    (rc = rd_u16(r, type)) != ERR_OK)
		return rc;
	while (*type == ETHER_VLAN)
		if ((rc = rd_view(r, 2, &skipped)) != ERR_OK ||
		    (rc = rd_u16(r, type)) != ERR_OK)
			return rc;
	return ERR_OK;
}

/* RFC 791: on success *r is cut to the packet and *body what it carries. */
static enum err
ip4(struct rd *r, struct rd *body)
{
	struct rd in = *r, skipped;
	size_t head, total;
	unsigned flags;

	if (in.left < 20)
		return ERR_TRUNCATED;
	head = (size_t)(in.p[0] & 0x0f) * 4;
	total = (size_t)in.p[2] << 8 | in.p[3];
	flags = (unsigned)in.p[6] << 8 | in.p[7];
	if (in.p[0] >> 4 != 4 || head < 20 || total < head)
		return ERR_MALFORMED;
	if (in.p[9] != PROTO_UDP)
		return ERR_NOTFOUND;
	if ((flags & 0x3fff) != 0)
		return ERR_UNSUPPORTED; /* more fragments, or not the first */
	if (rd_view(&in, total, r) != ERR_OK)
		return ERR_TRUNCATED;
	*body = *r;
	return rd_view(body, head, &skipped);
}

static enum err
ip6(struct rd *r, struct rd *body)
{
	struct rd in = *r, skipped;
	size_t total;

	if (in.left < IP6_HEADER_LEN)
		return ERR_TRUNCATED;
	total = IP6_HEADER_LEN + ((size_t)in.p[4] << 8 | in.p[5]);
	if (in.p[0] >> 4 != 6)
		return ERR_MALFORMED;
	if (in.p[6] != PROTO_UDP)
		return in.p[6] == PROTO_FRAGMENT ? ERR_UNSUPPORTED
						 : ERR_NOTFOUND;
	if (rd_view(&in, total, r) != ERR_OK)
		return ERR_TRUNCATED;
	*body = *r;
	return rd_view(body, IP6_HEADER_LEN, &skipped);
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
		rc = ip4(&p->ip, &udp);
	else
		rc = type == ETHER_IP6 ? ip6(&p->ip, &udp) : ERR_NOTFOUND;
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
