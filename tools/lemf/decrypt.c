/* keywarden-lemf decrypt: the speech of calls, out of a capture, as files. */
#include <sys/stat.h>

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>

#include <jansson.h>

#include "lemf/hear.h"
#include "lemf/lemf.h"
#include "lemf/print.h"
#include "media/rtp_file.h"
#include "media/wav.h"

struct decrypt {
	struct hear hear;
	const char *out;
	bool json;
	struct rtp_file *file[STREAMS_MAX]; /* of other codecs */
};

static enum err
path_of(const struct decrypt *d, const struct stream *s, const char *end,
    char path[PATH_MAX], struct why *why)
{
	char name[HEAR_NAME_MAX];
	int n;

	hear_name(&d->hear, s, name);
	n = snprintf(path, PATH_MAX, "%s/%s%s", d->out, name, end);
	return n > 0 && n < PATH_MAX
	    ? ERR_OK
	    : why_set(why, ERR_TOOBIG, "--out is too long");
}

/* What is no PCMU or PCMA stays RTP. */
static enum err
keep_rtp(void *arg, const struct stream_packet *p, struct why *why)
{
	struct decrypt *d = arg;
	struct rtp_file **f = &d->file[p->stream->index];
	char path[PATH_MAX];
	enum err rc;

	if (*f == NULL &&
	    ((rc = path_of(d, p->stream, ".pcap", path, why)) != ERR_OK ||
		(rc = rtp_file_new(path, f, why)) != ERR_OK))
		return rc;
	return rtp_file_put(*f, p, why);
}

static enum err
save(struct decrypt *d, struct why *why)
{
	const struct hear *h = &d->hear;
	char path[PATH_MAX];
	enum err rc;

	for (size_t i = 0; i < streams_n(h->streams); i++) {
		const struct stream *s = streams_at(h->streams, i);

		if (h->speech[i].spoken > 0 &&
		    ((rc = path_of(d, s, ".wav", path, why)) != ERR_OK ||
			(rc = wav_save(&h->speech[i].clear, path, why)) !=
			    ERR_OK))
			return rc;
		if ((rc = rtp_file_close(&d->file[i], why)) != ERR_OK)
			return rc;
	}
	return ERR_OK;
}

/* ---- what is said of it ---- */

static json_t *
stream_json(const struct decrypt *d, const struct stream *s)
{
	const struct hear *h = &d->hear;
	const struct speech *p = &h->speech[s->index];
	const struct call *c = hear_call(h, s);
	char name[HEAR_NAME_MAX], id[2 * MEDIA_ID_LEN + 1];
	json_t *j;

	hear_name(h, s, name);
	hex_put(s->key->id, sizeof(s->key->id), id);
	j = json_pack("{s:o, s:I, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I,"
		      " s:f, s:s, s:b, s:b}",
	    "liid", print_octets(c->liid), "ssrc", (json_int_t)s->ssrc, "name",
	    name, "cryptoSessionId", id, "packets", (json_int_t)s->packets,
	    "decrypted", (json_int_t)s->opened, "failed", (json_int_t)s->failed,
	    "repeated", (json_int_t)s->repeated, "lost", (json_int_t)s->lost,
	    "otherCodec", (json_int_t)p->other, "leftOut",
	    (json_int_t)p->left_out, "seconds", hear_seconds(h, s), "codec",
	    hear_codec(h, s), "wav", p->spoken > 0, "pcap", p->other > 0);
	if (j != NULL && c->has_cin)
		(void)json_object_set_new(j, "cin", json_integer(c->cin));
	return j;
}

static enum err
print_all(const struct decrypt *d)
{
	const struct hear *h = &d->hear;
	const struct calls_counts *k = &h->key_counts;
	json_t *streams = json_array(), *others = json_array(), *all;
	enum err rc = ERR_OK;

	for (size_t i = 0; i < streams_n(h->streams); i++)
		(void)json_array_append_new(streams,
		    stream_json(d, streams_at(h->streams, i)));
	for (size_t i = 0; i < streams_n_strangers(h->streams); i++) {
		const struct stranger *x = streams_stranger(h->streams, i);

		(void)json_array_append_new(others,
		    json_pack("{s:I, s:I}", "ssrc", (json_int_t)x->ssrc,
			"packets", (json_int_t)x->packets));
	}
	all = json_pack("{s:o, s:o, s:{s:I, s:I, s:I, s:I}, s:I, s:I, s:b}",
	    "streams", streams, "withoutKey", others, "keys", "usable",
	    (json_int_t)k->usable, "sealed", (json_int_t)k->sealed, "unserved",
	    (json_int_t)k->unserved, "unusable", (json_int_t)k->unusable,
	    "unread", (json_int_t)h->calls.unread, "fragments",
	    (json_int_t)h->capture.fragments, "gaveUp",
	    streams_gave_up(h->streams));
	if (all == NULL || json_array_size(streams) != streams_n(h->streams) ||
	    json_dumpf(all, stdout, JSON_INDENT(2)) != 0 || putchar('\n') < 0)
		rc = ERR_IO;
	json_decref(all);
	return rc;
}

static void
print_stream(const struct decrypt *d, const struct stream *s)
{
	const struct hear *h = &d->hear;
	const struct speech *p = &h->speech[s->index];
	char name[HEAR_NAME_MAX], from[HEAR_ADDRESS_MAX], to[HEAR_ADDRESS_MAX];

	hear_name(h, s, name);
	(void)printf("%s  %s > %s\n  %" PRIu64 " packets: %" PRIu64
		     " decrypted, %" PRIu64 " failed authentication, %" PRIu64
		     " repeated; %" PRIu64 " lost; %.2f s of %s\n",
	    name, hear_address(s->from_ip, s->from, from),
	    hear_address(s->to_ip, s->to, to), s->packets, s->opened, s->failed,
	    s->repeated, s->lost, hear_seconds(h, s), hear_codec(h, s));
	if (p->spoken > 0)
		(void)printf("  %s/%s.wav\n", d->out, name);
	if (p->other > 0)
		(void)printf("  %s/%s.pcap: %" PRIu64
			     " packets of other codecs, as RTP\n",
		    d->out, name, p->other);
	if (p->left_out > 0)
		(void)printf("  %" PRIu64 " packets have no place in it\n",
		    p->left_out);
}

static void
print_rest(const struct decrypt *d)
{
	const struct hear *h = &d->hear;
	const struct calls_counts *k = &h->key_counts;
	uint64_t packets = 0;

	for (size_t i = 0; i < streams_n_strangers(h->streams); i++)
		packets += streams_stranger(h->streams, i)->packets;
	if (packets > 0)
		(void)printf("%zu other SSRCs, %" PRIu64
			     " packets: no key of these records fits\n",
		    streams_n_strangers(h->streams), packets);
	if (k->sealed > 0)
		(void)printf("%zu keys are sealed to the agency: --open-key\n",
		    k->sealed);
	if (k->unserved > 0)
		(void)printf("%zu keys are for an SRTP policy that is not"
			     " decrypted here\n",
		    k->unserved);
	if (k->unusable > 0)
		(void)printf("%zu keys do not open, or are none of SRTP\n",
		    k->unusable);
	if (h->calls.unread > 0)
		(void)printf("%zu PS-PDUs cannot be read; the first: %s\n",
		    h->calls.unread, h->calls.first_unread.text);
	if (h->capture.fragments > 0)
		(void)printf("%" PRIu64 " fragments of IP were not read\n",
		    h->capture.fragments);
	if (streams_gave_up(h->streams))
		(void)puts("Not all keys were tried with all streams: take a"
			   " capture or records of fewer calls.");
}

/* 0 only if all that keys are for was opened. */
static int
judge(const struct decrypt *d)
{
	const struct hear *h = &d->hear;
	bool good = streams_n(h->streams) > 0 && !streams_gave_up(h->streams) &&
	    h->calls.unread == 0;

	for (size_t i = 0; i < streams_n(h->streams); i++)
		good = good && streams_at(h->streams, i)->failed == 0 &&
		    h->speech[i].left_out == 0;
	if (streams_n(h->streams) == 0)
		lemf_say("no stream in the capture is opened by a key of these"
			 " records");
	return good ? LEMF_DONE : LEMF_WRONG;
}

static int
decrypt(struct decrypt *d, char **files, int n, const char *pcap,
    const struct opener *opener)
{
	struct why why = {""};
	enum err rc;

	d->hear.other = keep_rtp;
	d->hear.arg = d;
	if (mkdir(d->out, 0700) == -1 && errno != EEXIST)
		rc = why_errno(&why, "cannot create %s", d->out);
	else if ((rc = hear_records(&d->hear, files, n, &why)) == ERR_OK &&
	    (rc = hear_capture(&d->hear, pcap, opener, &why)) == ERR_OK)
		rc = save(d, &why);
	if (rc != ERR_OK) {
		lemf_say("%s", why.text);
		return rc == ERR_IO ? LEMF_FILE : LEMF_WRONG;
	}
	if (d->json && print_all(d) != ERR_OK) {
		lemf_say("cannot print");
		return LEMF_FILE;
	}
	for (size_t i = 0; !d->json && i < streams_n(d->hear.streams); i++)
		print_stream(d, streams_at(d->hear.streams, i));
	if (!d->json)
		print_rest(d);
	return judge(d);
}

int
run_decrypt(const struct verb *v, int argc, char **argv)
{
	const char *open_key = NULL, *open_cert = NULL, *pcap = NULL;
	struct decrypt *d = calloc(1, sizeof(*d));
	struct opener *opener = NULL;
	int code = LEMF_FILE, n;
	char **files;

	if (d == NULL) {
		lemf_say("out of memory");
		return code;
	}
	const struct lemf_option options[] = {{"pcap", &pcap, NULL},
	    {"out", &d->out, NULL}, {"json", NULL, &d->json},
	    {"open-key", &open_key, NULL}, {"open-cert", &open_cert, NULL},
	    {NULL, NULL, NULL}};

	if ((n = lemf_options(v, argc, argv, options, &files, &code)) == -1)
		goto out;
	if (n == 0 || pcap == NULL || d->out == NULL)
		code = lemf_misuse(v, "%s",
		    n == 0	       ? "which files of records?"
			: pcap == NULL ? "--pcap: which capture?"
				       : "--out: where to?");
	else if ((code = lemf_opener(v, open_key, open_cert, &opener)) ==
	    LEMF_DONE)
		code = decrypt(d, files, n, pcap, opener);
out:
	for (size_t i = 0; i < STREAMS_MAX; i++)
		(void)!rtp_file_close(&d->file[i], NULL);
	hear_done(&d->hear);
	opener_free(&opener);
	free(d);
	return code;
}
