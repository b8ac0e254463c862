#include <errno.h>

#include <pcap/pcap.h>

#include "media/capture.h"

/* Of this or that year, but no number that nobody can count with. */
static int64_t
microseconds(const struct timeval *t)
{
	static const int64_t end_of_9999 = 253402300799;

	if (t->tv_sec < 0 || t->tv_sec > end_of_9999)
		return 0;
	return (int64_t)t->tv_sec * 1000000 + t->tv_usec % 1000000;
}

static enum err
read_all(pcap_t *cap, const char *name, capture_take take, void *arg,
    struct capture_counts *counts, struct why *why)
{
	const int link = pcap_datalink(cap);
	struct pcap_pkthdr *h;
	const u_char *octets;
	struct packet p;
	struct rd frame;
	enum err rc = ERR_OK;
	int got = 0;

	if (!packet_link_known(link))
		return why_set(why, ERR_UNSUPPORTED,
		    "%s: frames of link type %d are not read", name, link);
	while (rc == ERR_OK && (got = pcap_next_ex(cap, &h, &octets)) == 1) {
		counts->frames++;
		rd_init(&frame, octets, h->caplen);
		rc = packet_parse(link, frame, &p);
		if (rc == ERR_UNSUPPORTED)
			counts->fragments++;
		else if (rc == ERR_TRUNCATED && h->caplen < h->len)
			counts->cut++;
		rc = rc == ERR_OK ? take(arg, microseconds(&h->ts), &p, why)
				  : ERR_OK;
	}
	if (rc == ERR_OK && got == PCAP_ERROR)
		rc = why_set(why, ERR_TRUNCATED, "%s: %s", name,
		    pcap_geterr(cap));
	return rc;
}

enum err
capture_read_file(FILE *f, const char *name, capture_take take, void *arg,
    struct capture_counts *counts, struct why *why)
{
	char text[PCAP_ERRBUF_SIZE] = "";
	pcap_t *cap = pcap_fopen_offline(f, text);
	enum err rc;

	*counts = (struct capture_counts){.frames = 0};
	if (cap == NULL) {
		(void)fclose(f);
		return why_set(why, ERR_IO, "%s: %s", name, text);
	}
	rc = read_all(cap, name, take, arg, counts, why);
	pcap_close(cap);
	return rc;
}

enum err
capture_read(const char *path, capture_take take, void *arg,
    struct capture_counts *counts, struct why *why)
{
	FILE *f = fopen(path, "rbe");

	if (f == NULL)
		return why_errno(why, "cannot open %s", path);
	return capture_read_file(f, path, take, arg, counts, why);
}
