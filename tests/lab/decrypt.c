/*
 * lab-decrypt: what a LEMF does with captured SRTP and delivered keys, and
 * with nothing else.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <jansson.h>
#include <pcap/pcap.h>

#include "base/log.h"
#include "decrypt.h"
#include "lab_packet.h"
#include "lab_sip.h"
#include "lab_wav.h"

#define STREAMS_MAX 256

static const char help[] =
    "lab-decrypt: decrypts the SRTP of a capture with delivered keys.\n"
    "\n"
    "  --pcap FILE    the capture\n"
    "  --keys FILE    JSON: {\"keys\": [{\"cryptoSessionId\": 10 hex digits,\n"
    "                 \"sessionKey\": 32, \"salt\": 28, \"ssrc\": N,\n"
    "                 \"roc\": N, \"policy\": hex, \"mki\": hex} ...]}, the\n"
    "                 last four optional\n"
    "  --out DIR      gets ssrc-XXXXXXXX.ulaw and .wav of each stream\n"
    "  --json         print JSON instead of a line for each stream\n"
    "\n"
    "Exit status: 0; 1 when there is no stream, or a packet that does not\n"
    "authenticate, or files cannot be read or written; 2 usage.\n";

struct stream {
	uint32_t ssrc;
	const struct decrypt_key *key; /* NULL: no key fits */
	srtp_t srtp;
	struct rtp_stream good;
	unsigned bad, repeated;
	uint8_t *octets; /* all that was said */
	size_t len;
};

struct decrypt {
	const char *pcap, *keys, *out;
	bool json;
	struct secret *secret;
	struct stream stream[STREAMS_MAX];
	size_t n_streams;
	unsigned fragments;
};

static const struct decrypt_keys *
keys_of(const struct decrypt *d)
{
	return (const void *)secret_data(d->secret);
}

/* MKI stands between payload and tag (RFC 3711 3.1) and is not covered. */
static enum err
strip_mki(const struct decrypt_key *k, uint8_t *p, size_t *len)
{
	const size_t tail = k->mki_len + k->tag_len;

	if (k->mki_len == 0)
		return ERR_OK;
	if (*len < RTP_HEADER_LEN + tail ||
	    memcmp(p + *len - tail, k->mki, k->mki_len) != 0)
		return ERR_MISMATCH;
	memmove(p + *len - tail, p + *len - k->tag_len, k->tag_len);
	*len -= k->mki_len;
	return ERR_OK;
}

/* The packet in the clear in `buf`; ERR_EXISTS when it came before. */
static enum err
unprotect(const struct decrypt_key *k, srtp_t srtp, struct rd packet,
    uint8_t *buf, struct rd *payload, struct rtp *h)
{
	size_t n = packet.left;
	struct rd r;
	int len;

	memcpy(buf, packet.p, n);
	if (strip_mki(k, buf, &n) != ERR_OK)
		return ERR_CRYPTO;
	len = (int)n;
	switch (srtp_unprotect(srtp, buf, &len)) {
	case srtp_err_status_ok:
		break;
	case srtp_err_status_replay_fail:
	case srtp_err_status_replay_old:
		return ERR_EXISTS;
	default:
		return ERR_CRYPTO;
	}
	rd_init(&r, buf, (size_t)len);
	return rtp_parse(r, h, payload);
}

static enum err
start(const struct decrypt_key *k, uint32_t ssrc, srtp_t *out)
{
	struct rtp_key rk = {.ssrc = ssrc,
	    .roc = k->roc,
	    .tek = k->tek,
	    .salt = k->salt,
	    .tag_len = k->tag_len,
	    .encrypted = k->encrypted};

	return rtp_session(&rk, out);
}

/* A key without SSRC is this stream's if it opens the stream's packet. */
static bool
opens(const struct decrypt_key *k, uint32_t ssrc, struct rd packet)
{
	uint8_t buf[RTP_PACKET_MAX];
	struct rd payload;
	struct rtp h;
	srtp_t s = NULL;
	bool good;

	if (start(k, ssrc, &s) != ERR_OK)
		return false;
	good = unprotect(k, s, packet, buf, &payload, &h) == ERR_OK;
	(void)srtp_dealloc(s);
	explicit_bzero(buf, sizeof(buf));
	return good;
}

static const struct decrypt_key *
find_key(const struct decrypt *d, uint32_t ssrc, struct rd packet)
{
	const struct decrypt_keys *keys = keys_of(d);

	/* After a CSB update there are several keys of one SSRC. */
	for (size_t i = 0; i < keys->n; i++)
		if (keys->key[i].ssrc == ssrc &&
		    opens(&keys->key[i], ssrc, packet))
			return &keys->key[i];
	for (size_t i = 0; i < keys->n; i++)
		if (keys->key[i].ssrc == 0 &&
		    opens(&keys->key[i], ssrc, packet))
			return &keys->key[i];
	return NULL;
}

static struct stream *
find_stream(struct decrypt *d, uint32_t ssrc)
{
	struct stream *s;

	for (size_t i = 0; i < d->n_streams; i++)
		if (d->stream[i].ssrc == ssrc)
			return &d->stream[i];
	if (d->n_streams == STREAMS_MAX)
		return NULL;
	s = &d->stream[d->n_streams++];
	s->ssrc = ssrc;
	return s;
}

/* The first key of a stream, or the next after a CSB update. */
static enum err
choose_key(struct decrypt *d, struct stream *s, struct rd packet)
{
	const struct decrypt_key *key = find_key(d, s->ssrc, packet);
	srtp_t srtp = NULL;
	enum err rc;

	if (key == NULL || key == s->key)
		return ERR_NOTFOUND;
	if ((rc = start(key, s->ssrc, &srtp)) != ERR_OK)
		return rc;
	if (s->srtp != NULL)
		(void)srtp_dealloc(s->srtp);
	s->srtp = srtp;
	s->key = key;
	return ERR_OK;
}

static enum err
take_packet(struct decrypt *d, struct rd packet, struct why *why)
{
	uint8_t buf[RTP_PACKET_MAX];
	enum err rc = ERR_CRYPTO;
	struct stream *s;
	struct rd payload;
	struct rtp h;

	if (packet.left > sizeof(buf) ||
	    rtp_parse(packet, &h, &payload) != ERR_OK)
		return ERR_OK; /* something else on a captured port */
	if ((s = find_stream(d, h.ssrc)) == NULL)
		return why_set(why, ERR_FULL, "over %d streams", STREAMS_MAX);
	if (s->key != NULL)
		rc = unprotect(s->key, s->srtp, packet, buf, &payload, &h);
	if (rc == ERR_CRYPTO && choose_key(d, s, packet) == ERR_OK)
		rc = unprotect(s->key, s->srtp, packet, buf, &payload, &h);
	if (rc == ERR_OK)
		rc = rtp_stream_add(&s->good, h.seq, payload);
	else if (rc == ERR_EXISTS)
		s->repeated++;
	else
		s->bad++;
	explicit_bzero(buf, sizeof(buf));
	return rc == ERR_NOMEM ? why_set(why, rc, "no memory") : ERR_OK;
}

static enum err
read_capture(struct decrypt *d, struct why *why)
{
	char text[PCAP_ERRBUF_SIZE] = "";
	pcap_t *cap = pcap_open_offline(d->pcap, text);
	struct pcap_pkthdr *h;
	const u_char *octets;
	struct packet p;
	struct rd frame;
	enum err rc = ERR_OK;
	int n, link;

	if (cap == NULL)
		return why_set(why, ERR_IO, "%s", text);
	link = pcap_datalink(cap);
	if (!packet_link_known(link)) {
		rc = why_set(why, ERR_UNSUPPORTED, "%s: unknown link type",
		    d->pcap);
		goto out;
	}
	while (rc == ERR_OK && (n = pcap_next_ex(cap, &h, &octets)) == 1) {
		rd_init(&frame, octets, h->caplen);
		rc = packet_parse(link, frame, &p);
		if (rc == ERR_UNSUPPORTED)
			d->fragments++;
		if (rc == ERR_OK && !sip_is(p.payload.p, p.payload.left))
			rc = take_packet(d, p.payload, why);
		else
			rc = ERR_OK;
	}
	if (rc == ERR_OK && n == PCAP_ERROR)
		rc = why_set(why, ERR_IO, "%s: %s", d->pcap, pcap_geterr(cap));
out:
	pcap_close(cap);
	return rc;
}

static enum err
save_stream(const struct decrypt *d, struct stream *s, struct why *why)
{
	char path[1024];
	enum err rc;
	int n;

	n = snprintf(path, sizeof(path), "%s/ssrc-%08" PRIx32 ".ulaw", d->out,
	    s->ssrc);
	if (n < 0 || (size_t)n >= sizeof(path))
		return why_set(why, ERR_TOOBIG, "--out is too long");
	if ((rc = rtp_stream_join(&s->good, &s->octets, &s->len)) != ERR_OK)
		return why_set(why, rc, "no memory");
	if (s->good.n == 0)
		return ERR_OK;
	if ((rc = lab_save(path, s->octets, s->len, why)) != ERR_OK)
		return rc;
	memcpy(strrchr(path, '.'), ".wav", 5);
	return lab_wav_save(path, s->octets, s->len, why);
}

static void
print_lines(const struct decrypt *d)
{
	for (size_t i = 0; i < d->n_streams; i++) {
		const struct stream *s = &d->stream[i];

		(void)printf("ssrc %08" PRIx32 ": %zu packets, %zu octets,"
			     " %.2f s, crypto session %s, %u failed, %u"
			     " repeated\n",
		    s->ssrc, s->good.n, s->len, (double)s->len / LAB_RATE,
		    s->key != NULL ? s->key->id : "none", s->bad, s->repeated);
	}
}

static enum err
print_json(const struct decrypt *d)
{
	json_t *list = json_array();
	json_t *all = json_pack("{s:o}", "streams", list);
	enum err rc = ERR_OK;

	for (size_t i = 0; i < d->n_streams; i++) {
		const struct stream *s = &d->stream[i];
		char name[32];

		(void)snprintf(name, sizeof(name), "ssrc-%08" PRIx32, s->ssrc);
		(void)json_array_append_new(list,
		    json_pack("{s:I, s:s, s:I, s:I, s:f, s:s?, s:I, s:I}",
			"ssrc", (json_int_t)s->ssrc, "name", name, "packets",
			(json_int_t)s->good.n, "octets", (json_int_t)s->len,
			"seconds", (double)s->len / LAB_RATE, "cryptoSessionId",
			s->key != NULL ? s->key->id : NULL, "failed",
			(json_int_t)s->bad, "repeated",
			(json_int_t)s->repeated));
	}
	if (json_array_size(list) != d->n_streams ||
	    json_dumpf(all, stdout, JSON_INDENT(2)) != 0 || putchar('\n') < 0)
		rc = ERR_IO;
	json_decref(all);
	return rc;
}

static enum err
judge(const struct decrypt *d, struct why *why)
{
	unsigned bad = 0;

	for (size_t i = 0; i < d->n_streams; i++)
		bad += d->stream[i].bad;
	if (d->n_streams == 0)
		return why_set(why, ERR_NOTFOUND, "no SRTP stream in %s",
		    d->pcap);
	if (d->fragments > 0)
		return why_set(why, ERR_UNSUPPORTED,
		    "%u fragments were not read", d->fragments);
	if (bad > 0)
		return why_set(why, ERR_MISMATCH,
		    "%u packets do not authenticate with these keys", bad);
	return ERR_OK;
}

static enum err
run(struct decrypt *d, struct why *why)
{
	enum err rc;

	if (mkdir(d->out, 0777) == -1 && errno != EEXIST)
		return why_errno(why, "cannot create %s", d->out);
	if ((rc = decrypt_keys_load(d->keys, &d->secret, why)) != ERR_OK ||
	    (rc = read_capture(d, why)) != ERR_OK)
		return rc;
	for (size_t i = 0; i < d->n_streams; i++)
		if ((rc = save_stream(d, &d->stream[i], why)) != ERR_OK)
			return rc;
	if (!d->json)
		print_lines(d);
	else if ((rc = print_json(d)) != ERR_OK)
		return why_set(why, rc, "cannot print");
	return judge(d, why);
}

static enum err
parse_options(struct decrypt *d, int argc, char **argv)
{
	static const struct option options[] = {
	    {"help", no_argument, NULL, 'h'},
	    {"pcap", required_argument, NULL, 'p'},
	    {"keys", required_argument, NULL, 'k'},
	    {"out", required_argument, NULL, 'o'},
	    {"json", no_argument, NULL, 'j'},
	    {NULL, 0, NULL, 0},
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (opt == 'h') {
			(void)fputs(help, stdout);
			exit(0);
		} else if (opt == 'p') {
			d->pcap = optarg;
		} else if (opt == 'k') {
			d->keys = optarg;
		} else if (opt == 'o') {
			d->out = optarg;
		} else if (opt == 'j') {
			d->json = true;
		} else {
			return ERR_MALFORMED;
		}
	}
	if (optind < argc || d->pcap == NULL || d->keys == NULL ||
	    d->out == NULL)
		return ERR_MALFORMED;
	return ERR_OK;
}

int
main(int argc, char **argv)
{
	static struct decrypt d;
	struct why why = {{0}};
	enum err rc;

	log_init("lab-decrypt", LOG_LVL_INFO);
	if (parse_options(&d, argc, argv) != ERR_OK) {
		log_error("bad or missing options (see --help)");
		return 2;
	}
	if ((rc = run(&d, &why)) != ERR_OK)
		log_error("%s", why.text);
	for (size_t i = 0; i < d.n_streams; i++) {
		if (d.stream[i].srtp != NULL)
			(void)srtp_dealloc(d.stream[i].srtp);
		rtp_stream_done(&d.stream[i].good);
		free(d.stream[i].octets);
	}
	secret_free(&d.secret);
	return rc == ERR_OK ? 0 : 1;
}
