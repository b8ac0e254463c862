/*
 * lab-tap: what the wire shows.  Captures UDP of some ports from an interface
 * into a pcap file and hands out every SIP message as a file.
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <pcap/pcap.h>

#include "base/log.h"
#include "media/packet.h"
#include "lab_sip.h"

#define SNAP_LEN 262144
#define BUFFER_LEN (32 * 1024 * 1024)
#define POLL_MS 50
#define PORTS_MAX 64

/* A packet that lo shows twice comes again at once; a resent one does not. */
#define TWIN_MS 100
#define TWINS 256
#define DIGEST_LEN 32

static const char help[] =
    "lab-tap: captures calls from an interface; sees only the wire.\n"
    "\n"
    "  --interface NAME      such as lo\n"
    "  --filter-ports LIST   UDP ports to capture: 5060,5062,40000\n"
    "  --pcap FILE           gets the packets\n"
    "  --sip-dir DIR         gets every SIP message, NNNN.sip in the order\n"
    "                        of capture (optional)\n"
    "  --ready FILE          is created once packets are captured (optional)\n"
    "\n"
    "Ends on SIGTERM or SIGINT with everything written.  Exit status: 0; 1\n"
    "when it cannot capture or packets were lost or fragmented; 2 usage.\n"
    "Needs CAP_NET_RAW.\n";

struct twin {
	uint8_t digest[DIGEST_LEN];
	int64_t ms;
};

struct tap {
	const char *interface, *pcap, *sip_dir, *ready;
	char filter[PORTS_MAX * 16];
	pcap_t *cap;
	pcap_dumper_t *dump;
	int link;
	struct twin twin[TWINS];
	size_t next_twin;
	unsigned n_packets, n_twins, n_sip, n_fragments;
	bool failed;
};

static volatile sig_atomic_t stop;

static void
on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

/* The same IP packet, octet for octet, a moment ago. */
static bool
is_twin(struct tap *t, struct rd ip, int64_t ms)
{
	uint8_t digest[DIGEST_LEN];

	if (EVP_Digest(ip.p, ip.left, digest, NULL, EVP_sha256(), NULL) != 1)
		fatal("SHA-256 failed");
	for (size_t i = 0; i < TWINS; i++)
		if (t->twin[i].ms != 0 && ms - t->twin[i].ms < TWIN_MS &&
		    memcmp(t->twin[i].digest, digest, DIGEST_LEN) == 0)
			return true;
	memcpy(t->twin[t->next_twin].digest, digest, DIGEST_LEN);
	t->twin[t->next_twin].ms = ms;
	t->next_twin = (t->next_twin + 1) % TWINS;
	return false;
}

/* Under another name first: who watches the folder sees whole files only. */
static void
save_sip(struct tap *t, struct rd msg)
{
	char tmp[1024], path[1024];
	FILE *f;
	int n;

	n = snprintf(path, sizeof(path), "%s/%04u.sip", t->sip_dir,
	    t->n_sip + 1);
	if (n < 0 || (size_t)n >= sizeof(path) - 4)
		fatal("--sip-dir is too long");
	(void)snprintf(tmp, sizeof(tmp), "%s/.new", t->sip_dir);
	if ((f = fopen(tmp, "wb")) == NULL) {
		log_error("cannot create %s: %s", tmp, strerror(errno));
		t->failed = true;
		return;
	}
	if (fwrite(msg.p, 1, msg.left, f) != msg.left)
		t->failed = true;
	if (fclose(f) != 0 || rename(tmp, path) == -1 || t->failed) {
		log_error("cannot write %s", path);
		t->failed = true;
		return;
	}
	t->n_sip++;
}

static void
on_packet(u_char *arg, const struct pcap_pkthdr *h, const u_char *octets)
{
	struct tap *t = (void *)arg;
	const int64_t ms = (int64_t)h->ts.tv_sec * 1000 + h->ts.tv_usec / 1000;
	struct packet p;
	struct rd frame;
	enum err rc;

	rd_init(&frame, octets, h->caplen);
	rc = packet_parse(t->link, frame, &p);
	if (rc == ERR_UNSUPPORTED)
		t->n_fragments++; /* kept in the file, but not read */
	if (rc == ERR_OK && is_twin(t, p.ip, ms)) {
		t->n_twins++;
		return;
	}
	pcap_dump((u_char *)t->dump, h, octets);
	t->n_packets++;
	if (rc == ERR_OK && t->sip_dir != NULL &&
	    sip_is(p.payload.p, p.payload.left))
		save_sip(t, p.payload);
}

/* "udp and (port 5060 or port 5062)" from "5060,5062". */
static enum err
make_filter(struct tap *t, const char *list)
{
	unsigned long port;
	const char *s = list;
	struct wr w;
	size_t len;
	char *end;

	wr_init(&w, t->filter, sizeof(t->filter) - 1);
	sip_put(&w, "udp and (");
	for (unsigned n = 0;; n++) {
		port = strtoul(s, &end, 10);
		if (end == s || port == 0 || port > 65535 || n == PORTS_MAX)
			return ERR_MALFORMED;
		sip_put(&w, "%sport %lu", n > 0 ? " or " : "", port);
		if (*end == '\0')
			break;
		if (*end != ',')
			return ERR_MALFORMED;
		s = end + 1;
	}
	sip_put(&w, ")");
	return wr_finish(&w, &len);
}

static enum err
open_capture(struct tap *t, struct why *why)
{
	char text[PCAP_ERRBUF_SIZE] = "";
	struct bpf_program prog;
	int rc;

	if ((t->cap = pcap_create(t->interface, text)) == NULL)
		return why_set(why, ERR_IO, "%s: %s", t->interface, text);
	/* Immediate: a SIP message is handed out when it is on the wire. */
	if (pcap_set_snaplen(t->cap, SNAP_LEN) != 0 ||
	    pcap_set_immediate_mode(t->cap, 1) != 0 ||
	    pcap_set_buffer_size(t->cap, BUFFER_LEN) != 0)
		return why_set(why, ERR_IO, "cannot set up the capture");
	if ((rc = pcap_activate(t->cap)) < 0)
		return why_set(why, ERR_IO, "%s: %s", t->interface,
		    rc == PCAP_ERROR ? pcap_geterr(t->cap)
				     : pcap_statustostr(rc));
	t->link = pcap_datalink(t->cap);
	if (!packet_link_known(t->link))
		return why_set(why, ERR_UNSUPPORTED,
		    "%s has an unknown link type", t->interface);
	if (pcap_compile(t->cap, &prog, t->filter, 1, PCAP_NETMASK_UNKNOWN) !=
	    0)
		return why_set(why, ERR_IO, "filter: %s", pcap_geterr(t->cap));
	rc = pcap_setfilter(t->cap, &prog);
	pcap_freecode(&prog);
	if (rc != 0 || pcap_setnonblock(t->cap, 1, text) != 0)
		return why_set(why, ERR_IO, "filter: %s", pcap_geterr(t->cap));
	if ((t->dump = pcap_dump_open(t->cap, t->pcap)) == NULL)
		return why_set(why, ERR_IO, "%s", pcap_geterr(t->cap));
	return ERR_OK;
}

static enum err
prepare(struct tap *t, struct why *why)
{
	const struct sigaction act = {.sa_handler = on_signal};
	FILE *f;
	enum err rc;

	if (t->sip_dir != NULL && mkdir(t->sip_dir, 0777) == -1 &&
	    errno != EEXIST)
		return why_errno(why, "cannot create %s", t->sip_dir);
	if ((rc = open_capture(t, why)) != ERR_OK)
		return rc;
	if (sigaction(SIGTERM, &act, NULL) == -1 ||
	    sigaction(SIGINT, &act, NULL) == -1)
		return why_errno(why, "cannot take signals");
	if (t->ready == NULL)
		return ERR_OK;
	if ((f = fopen(t->ready, "w")) == NULL || fclose(f) != 0)
		return why_errno(why, "cannot create %s", t->ready);
	return ERR_OK;
}

static enum err
capture(struct tap *t, struct why *why)
{
	struct pollfd fd = {.fd = pcap_get_selectable_fd(t->cap),
	    .events = POLLIN};
	bool last = false;
	int n;

	while (!last) {
		last = stop != 0; /* once more for what is in the ring */
		if (!last && poll(&fd, 1, POLL_MS) == -1 && errno != EINTR)
			return why_errno(why, "poll");
		do {
			n = pcap_dispatch(t->cap, -1, on_packet, (u_char *)t);
		} while (n > 0);
		if (n < 0)
			return why_set(why, ERR_IO, "%s", pcap_geterr(t->cap));
		if (pcap_dump_flush(t->dump) != 0)
			return why_errno(why, "cannot write %s", t->pcap);
	}
	return t->failed ? why_set(why, ERR_IO, "a message was not written")
			 : ERR_OK;
}

static enum err
account(struct tap *t, struct why *why)
{
	struct pcap_stat stat = {0};

	log_info("%u packets, %u SIP messages, %u seen twice", t->n_packets,
	    t->n_sip, t->n_twins);
	if (pcap_stats(t->cap, &stat) == 0 && stat.ps_drop > 0)
		return why_set(why, ERR_FULL, "%u packets were lost",
		    stat.ps_drop);
	if (t->n_fragments > 0)
		return why_set(why, ERR_UNSUPPORTED,
		    "%u fragments were not read: the MTU is too small",
		    t->n_fragments);
	return ERR_OK;
}

static enum err
parse_options(struct tap *t, int argc, char **argv)
{
	static const struct option options[] = {
	    {"help", no_argument, NULL, 'h'},
	    {"interface", required_argument, NULL, 'i'},
	    {"filter-ports", required_argument, NULL, 'f'},
	    {"pcap", required_argument, NULL, 'p'},
	    {"sip-dir", required_argument, NULL, 's'},
	    {"ready", required_argument, NULL, 'r'},
	    {NULL, 0, NULL, 0},
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (opt == 'h') {
			(void)fputs(help, stdout);
			exit(0);
		} else if (opt == 'i') {
			t->interface = optarg;
		} else if (opt == 'f') {
			if (make_filter(t, optarg) != ERR_OK)
				return ERR_MALFORMED;
		} else if (opt == 'p') {
			t->pcap = optarg;
		} else if (opt == 's') {
			t->sip_dir = optarg;
		} else if (opt == 'r') {
			t->ready = optarg;
		} else {
			return ERR_MALFORMED;
		}
	}
	if (optind < argc || t->interface == NULL || t->pcap == NULL ||
	    t->filter[0] == '\0')
		return ERR_MALFORMED;
	return ERR_OK;
}

int
main(int argc, char **argv)
{
	static struct tap t;
	struct why why = {{0}};
	enum err rc;

	log_init("lab-tap", LOG_LVL_INFO);
	if (parse_options(&t, argc, argv) != ERR_OK) {
		log_error("bad or missing options (see --help)");
		return 2;
	}
	if ((rc = prepare(&t, &why)) == ERR_OK &&
	    (rc = capture(&t, &why)) == ERR_OK)
		rc = account(&t, &why);
	if (rc != ERR_OK)
		log_error("%s", why.text);
	if (t.dump != NULL)
		pcap_dump_close(t.dump);
	if (t.cap != NULL)
		pcap_close(t.cap);
	return rc == ERR_OK ? 0 : 1;
}
