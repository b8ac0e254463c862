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

#include "base/log.h"
#include "decrypt.h"
#include "lab_rtp.h"
#include "lab_wav.h"
#include "media/capture.h"
#include "media/streams.h"

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

struct decrypt {
	const char *pcap, *keys, *out;
	bool json;
	struct secret *secret;
	struct streams *streams;
	struct said {
		struct rtp_stream packets;
		uint8_t *octets; /* all that was said */
		size_t len;
	} said[STREAMS_MAX]; /* as the streams */
	struct capture_counts counts;
};

static enum err
take_packet(void *arg, const struct stream_packet *p, struct why *why)
{
	struct decrypt *d = arg;

	return rtp_stream_add(&d->said[p->stream->index].packets, p->rtp.seq,
		   p->payload) == ERR_OK
	    ? ERR_OK
	    : why_set(why, ERR_NOMEM, "no memory");
}

static enum err
read_capture(struct decrypt *d, struct why *why)
{
	const struct decrypt_keys *keys = (const void *)secret_data(d->secret);
	enum err rc =
	    streams_new(keys->key, keys->n, take_packet, d, &d->streams);

	if (rc != ERR_OK)
		return why_set(why, rc, "cannot decrypt: %s", err_str(rc));
	return capture_read(d->pcap, streams_datagram, d->streams, &d->counts,
	    why);
}

static enum err
save_stream(struct decrypt *d, const struct stream *of, struct why *why)
{
	struct said *s = &d->said[of->index];
	char path[1024];
	enum err rc;
	int n;

	n = snprintf(path, sizeof(path), "%s/ssrc-%08" PRIx32 ".ulaw", d->out,
	    of->ssrc);
	if (n < 0 || (size_t)n >= sizeof(path))
		return why_set(why, ERR_TOOBIG, "--out is too long");
	if ((rc = rtp_stream_join(&s->packets, &s->octets, &s->len)) != ERR_OK)
		return why_set(why, rc, "no memory");
	if (of->opened == 0)
		return ERR_OK;
	if ((rc = lab_save(path, s->octets, s->len, why)) != ERR_OK)
		return rc;
	memcpy(strrchr(path, '.'), ".wav", 5);
	return lab_wav_save(path, s->octets, s->len, why);
}

static void
print_lines(const struct decrypt *d)
{
	char id[2 * MEDIA_ID_LEN + 1];

	for (size_t i = 0; i < streams_n(d->streams); i++) {
		const struct stream *s = streams_at(d->streams, i);

		hex_put(s->key->id, sizeof(s->key->id), id);
		(void)printf("ssrc %08" PRIx32 ": %" PRIu64
			     " packets, %zu octets, %.2f s, crypto session %s,"
			     " %" PRIu64 " failed, %" PRIu64 " repeated\n",
		    s->ssrc, s->opened, d->said[i].len,
		    (double)d->said[i].len / LAB_RATE, id, s->failed,
		    s->repeated);
	}
	for (size_t i = 0; i < streams_n_strangers(d->streams); i++) {
		const struct stranger *x = streams_stranger(d->streams, i);

		(void)printf("ssrc %08" PRIx32 ": %" PRIu64
			     " packets, no key\n",
		    x->ssrc, x->packets);
	}
}

static enum err
print_json(const struct decrypt *d)
{
	json_t *list = json_array();
	json_t *all = json_pack("{s:o}", "streams", list);
	const size_t n = streams_n(d->streams);
	enum err rc = ERR_OK;

	for (size_t i = 0; i < n; i++) {
		const struct stream *s = streams_at(d->streams, i);
		char name[32], id[2 * MEDIA_ID_LEN + 1];

		(void)snprintf(name, sizeof(name), "ssrc-%08" PRIx32, s->ssrc);
		hex_put(s->key->id, sizeof(s->key->id), id);
		(void)json_array_append_new(list,
		    json_pack("{s:I, s:s, s:I, s:I, s:f, s:s, s:I, s:I}",
			"ssrc", (json_int_t)s->ssrc, "name", name, "packets",
			(json_int_t)s->opened, "octets",
			(json_int_t)d->said[i].len, "seconds",
			(double)d->said[i].len / LAB_RATE, "cryptoSessionId",
			id, "failed", (json_int_t)s->failed, "repeated",
			(json_int_t)s->repeated));
	}
	if (json_array_size(list) != n ||
	    json_dumpf(all, stdout, JSON_INDENT(2)) != 0 || putchar('\n') < 0)
		rc = ERR_IO;
	json_decref(all);
	return rc;
}

static enum err
judge(const struct decrypt *d, struct why *why)
{
	const size_t n = streams_n(d->streams),
		     strangers = streams_n_strangers(d->streams);
	uint64_t bad = 0;

	for (size_t i = 0; i < n; i++)
		bad += streams_at(d->streams, i)->failed;
	for (size_t i = 0; i < strangers; i++)
		bad += streams_stranger(d->streams, i)->packets;
	if (n + strangers == 0)
		return why_set(why, ERR_NOTFOUND, "no SRTP stream in %s",
		    d->pcap);
	if (d->counts.fragments > 0)
		return why_set(why, ERR_UNSUPPORTED,
		    "%" PRIu64 " fragments were not read", d->counts.fragments);
	if (bad > 0)
		return why_set(why, ERR_MISMATCH,
		    "%" PRIu64 " packets do not authenticate with these keys",
		    bad);
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
	for (size_t i = 0; i < streams_n(d->streams); i++)
		if ((rc = save_stream(d, streams_at(d->streams, i), why)) !=
		    ERR_OK)
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
	streams_free(&d.streams);
	for (size_t i = 0; i < STREAMS_MAX; i++) {
		rtp_stream_done(&d.said[i].packets);
		free(d.said[i].octets);
	}
	secret_free(&d.secret);
	return rc == ERR_OK ? 0 : 1;
}
