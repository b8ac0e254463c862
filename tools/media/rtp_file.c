#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pcap/pcap.h>

#include "media/rtp_file.h"

#define SNAP 65535
#define UDP_HEADER_LEN 8
#define IP4_HEADER_LEN 20
#define PROTO_UDP 17
#define HOPS 64

struct rtp_file {
	char *path;
	pcap_t *pcap;
	pcap_dumper_t *out;
	uint8_t packet[SNAP];
};

enum err
rtp_file_new(const char *path, struct rtp_file **out, struct why *why)
{
	struct rtp_file *f = calloc(1, sizeof(*f));
	const int fd = open(path,
	    O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	FILE *file = fd == -1 ? NULL : fdopen(fd, "wb");
	enum err rc;

	if (file == NULL)
		rc = why_errno(why, "cannot create %s", path);
	else if (f == NULL || (f->path = strdup(path)) == NULL ||
	    (f->pcap = pcap_open_dead(DLT_RAW, SNAP)) == NULL ||
	    (f->out = pcap_dump_fopen(f->pcap, file)) == NULL)
		rc = why_set(why, ERR_NOMEM, "out of memory");
	else {
		*out = f;
		return ERR_OK;
	}
	if (file != NULL)
		(void)fclose(file);
	else if (fd != -1)
		(void)close(fd);
	(void)!rtp_file_close(&f, NULL);
	return rc;
}

/* RFC 1071, of a header whose own sum is 0. */
static uint16_t
checksum(const uint8_t *p, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void
put_ip4(struct wr *w, const struct packet *p, size_t len)
{
	uint8_t head[IP4_HEADER_LEN];
	struct wr h;

	wr_init(&h, head, sizeof(head));
	wr_u16(&h, 0x4500);
	wr_u16(&h, (uint16_t)(IP4_HEADER_LEN + len));
	wr_u32(&h, 0x4000); /* do not fragment */
	wr_u8(&h, HOPS);
	wr_u8(&h, PROTO_UDP);
	wr_u16(&h, 0);
	wr_copy(&h, p->from_ip.p, p->from_ip.left);
	wr_copy(&h, p->to_ip.p, p->to_ip.left);
	wr_copy(w, head, 10);
	wr_u16(w, checksum(head, sizeof(head)));
	wr_copy(w, head + 12, 8);
}

static void
put_ip6(struct wr *w, const struct packet *p, size_t len)
{
	wr_u32(w, 6U << 28);
	wr_u16(w, (uint16_t)len);
	wr_u8(w, PROTO_UDP);
	wr_u8(w, HOPS);
	wr_copy(w, p->from_ip.p, p->from_ip.left);
	wr_copy(w, p->to_ip.p, p->to_ip.left);
}

enum err
rtp_file_put(struct rtp_file *f, const struct stream_packet *p, struct why *why)
{
	const size_t len = UDP_HEADER_LEN + p->whole.left;
	struct pcap_pkthdr h = {
	    .ts = {.tv_sec = p->us / 1000000, .tv_usec = p->us % 1000000}};
	struct wr w;

	wr_init(&w, f->packet, sizeof(f->packet));
	if (p->udp->from_ip.left == 4)
		put_ip4(&w, p->udp, len);
	else
		put_ip6(&w, p->udp, len);
	wr_u16(&w, p->udp->from);
	wr_u16(&w, p->udp->to);
	wr_u16(&w, (uint16_t)len);
	wr_u16(&w, 0);
	wr_copy(&w, p->whole.p, p->whole.left);
	if (w.rc != ERR_OK)
		return ERR_OK; /* longer than it can have been on the wire */
	h.caplen = h.len = (bpf_u_int32)w.len;
	pcap_dump((u_char *)f->out, &h, f->packet);
	return ferror(pcap_dump_file(f->out)) == 0
	    ? ERR_OK
	    : why_errno(why, "cannot write %s", f->path);
}

enum err
rtp_file_close(struct rtp_file **fp, struct why *why)
{
	struct rtp_file *f = *fp;
	enum err rc = ERR_OK;

	if (f == NULL)
		return ERR_OK;
	if (f->out != NULL && pcap_dump_flush(f->out) != 0)
		rc = why_errno(why, "cannot write %s", f->path);
	if (f->out != NULL)
		pcap_dump_close(f->out);
	if (f->pcap != NULL)
		pcap_close(f->pcap);
	free(f->path);
	explicit_bzero(f->packet, sizeof(f->packet));
	free(f);
	*fp = NULL;
	return rc;
}
