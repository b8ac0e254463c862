/*
 * A capture: whatever is in the file, views lie in what they are views of,
 * counts add up, memory is bounded and each packet in the clear has a true tag;
 * what is no RTP is shown as HTML without markup, and read as SDP.
 *
 * Input: a file of libpcap.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "lemf/html.h"
#include "lemf/sdp.h"
#include "media/capture.h"
#include "media/speech.h"
#include "media/streams.h"

#define ROOM ((size_t)16 * 1024 * 1024)
#define N_KEYS 4

static struct media_key keys[N_KEYS];
static struct speech speech[STREAMS_MAX];
static bool began[STREAMS_MAX];
static struct sound_room room;
static struct streams *streams;
static uint64_t told;

/* The key of RFC 3711 appendix B.3, by three rules: corpus_media.py. */
int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	for (unsigned i = 0; i < N_KEYS; i++) {
		struct media_key *k = &keys[i];

		rules_default(&k->rules);
		MUST(hex_get("E1F97A0D3E018BE0D64FA32C06DE4139", k->key, 16) ==
		    ERR_OK);
		MUST(hex_get("0EC675AD498AFEEBB6960B3AABE6", k->salt, 14) ==
		    ERR_OK);
		k->call = i;
	}
	keys[0].ssrc = 0xcafebabe;
	keys[1].rules.encrypted = false;
	keys[1].rules.tag_len = 4;
	keys[2].ssrc = 0xcafebabe;
	keys[2].roc = UINT32_MAX;
	keys[2].rules.tag_len = 16;
	keys[3].ssrc = 0xdecade;
	keys[3].rules.encrypted = false;
	rd_init(&keys[3].mki, "mki1", 4);
	for (unsigned i = 0; i < N_KEYS; i++)
		MUST(media_key_ready(&keys[i]) == ERR_OK);
	return 0;
}

static enum err
take(void *arg, const struct stream_packet *p, struct why *why)
{
	struct speech *s = &speech[p->stream->index];
	const enum codec codec = p->rtp.type == 0 ? CODEC_PCMU
	    : p->rtp.type == 8			  ? CODEC_PCMA
						  : CODEC_OTHER;

	(void)arg;
	(void)why;
	MUST(p->stream->index < streams_n(streams));
	MUST(p->rtp.ssrc == p->stream->ssrc);
	must_be_within(p->whole, p->payload);
	must_be_within(p->udp->payload, p->cipher);
	MUST(p->payload.left <= p->cipher.left);
	if (!began[p->stream->index])
		speech_init(s, &room, true);
	began[p->stream->index] = true;
	MUST(speech_take(s, codec, p) == ERR_OK);
	told++;
	return ERR_OK;
}

static void
shown_as_text(struct rd octets)
{
	static struct sdp_types types;
	char *out = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&out, &n);

	MUST(f != NULL);
	html_lines(f, octets);
	MUST(fclose(f) == 0);
	for (size_t i = 0; i < n; i++) {
		const uint8_t c = (uint8_t)out[i];

		MUST(c != '<' && c != '>' && c != '"' && c != '\'');
		MUST(c >= 0x20 || c == '\n' || c == '\t');
	}
	free(out);
	sdp_types_init(&types);
	sdp_types_read(octets, &types);
	for (unsigned i = 0; i < SDP_TYPES; i++)
		MUST(memchr(types.type[i].name, '\0', SDP_NAME_MAX) != NULL);
}

static enum err
datagram(void *arg, int64_t us, const struct packet *p, struct why *why)
{
	(void)arg;
	must_be_within(p->ip, p->from_ip);
	must_be_within(p->ip, p->to_ip);
	must_be_within(p->ip, p->payload);
	MUST(p->from_ip.left == p->to_ip.left);
	if (p->payload.left > 0 && p->payload.p[0] < 0x80)
		shown_as_text(p->payload);
	return streams_datagram(streams, us, p, why);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd in = {data, size};
	struct rd copy = own_copy(in);
	union {
		const uint8_t *p;
		void *file;
	} octets = {.p = copy.p};
	FILE *f = fmemopen(octets.file, size > 0 ? size : 1, "r");
	struct capture_counts counts;
	struct why why = {""};
	uint64_t opened = 0;

	MUST(f != NULL);
	room.left = ROOM;
	told = 0;
	MUST(streams_new(keys, N_KEYS, take, NULL, &streams) == ERR_OK);
	(void)!capture_read_file(f, "it", datagram, NULL, &counts, &why);
	MUST(counts.fragments + counts.cut <= counts.frames);
	for (size_t i = 0; i < streams_n(streams); i++) {
		const struct stream *s = streams_at(streams, i);

		MUST(s->packets == s->opened + s->failed + s->repeated);
		MUST(s->key->call < N_KEYS);
		opened += s->opened;
		if (began[i])
			speech_done(&speech[i]);
		began[i] = false;
	}
	MUST(told <= opened && room.left == ROOM);
	MUST(!streams_gave_up(streams));
	streams_free(&streams);
	own_free(&copy);
	return 0;
}
