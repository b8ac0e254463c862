#include <arpa/inet.h>

#include <inttypes.h>
#include <string.h>

#include "lemf/hear.h"

enum err
hear_records(struct hear *h, char **files, int n, struct why *why)
{
	enum err rc;

	for (int i = 0; i < n; i++)
		if ((rc = calls_read(&h->calls, files[i], why)) != ERR_OK)
			return rc;
	if (h->calls.n == 0)
		return why_set(why, ERR_NOTFOUND, "no records in %s", files[0]);
	return ERR_OK;
}

/* The capture's SIP first: it knows streams that the records may not. */
static enum err
take_sip(void *arg, int64_t us, const struct packet *p, struct why *why)
{
	static const char mark[] = "key-mgmt";
	struct hear *h = arg;

	(void)us;
	if (memmem(p->payload.p, p->payload.left, mark, strlen(mark)) == NULL)
		return ERR_OK;
	return calls_hint(&h->calls, p->payload) == ERR_OK
	    ? ERR_OK
	    : why_set(why, ERR_NOMEM, "out of memory");
}

static enum err
take_packet(void *arg, const struct stream_packet *p, struct why *why)
{
	struct hear *h = arg;
	const struct sdp_types *types = &hear_call(h, p->stream)->types;
	const size_t i = p->stream->index;
	const enum codec codec = types->type[p->rtp.type].codec;

	if (h->name[i] == NULL)
		speech_init(&h->speech[i], &h->room, h->with_cipher);
	if (h->name[i] == NULL || codec != CODEC_OTHER)
		h->name[i] = types->type[p->rtp.type].name;
	if (speech_take(&h->speech[i], codec, p) != ERR_OK)
		return why_set(why, ERR_NOMEM, "out of memory");
	return codec == CODEC_OTHER && h->other != NULL
	    ? h->other(h->arg, p, why)
	    : ERR_OK;
}

enum err
hear_capture(struct hear *h, const char *pcap, const struct opener *opener,
    struct why *why)
{
	enum err rc;

	h->room.left = HEAR_ROOM;
	if ((rc = capture_read(pcap, take_sip, h, &h->capture, why)) !=
		ERR_OK ||
	    (rc = calls_keys(&h->calls, opener, &h->keys, &h->key_counts,
		 why)) != ERR_OK)
		return rc;
	rc = streams_new((const void *)secret_data(h->keys),
	    h->key_counts.usable, take_packet, h, &h->streams);
	if (rc != ERR_OK)
		return why_set(why, rc, "cannot decrypt: %s", err_str(rc));
	return capture_read(pcap, streams_datagram, h->streams, &h->capture,
	    why);
}

void
hear_done(struct hear *h)
{
	for (size_t i = 0; i < STREAMS_MAX; i++)
		if (h->name[i] != NULL)
			speech_done(&h->speech[i]);
	streams_free(&h->streams);
	secret_free(&h->keys);
	calls_done(&h->calls);
}

const struct call *
hear_call(const struct hear *h, const struct stream *s)
{
	return h->calls.call[s->key->call];
}

void
hear_name(const struct hear *h, const struct stream *s, char out[HEAR_NAME_MAX])
{
	size_t n;

	call_name(hear_call(h, s), out);
	n = strlen(out);
	(void)snprintf(out + n, HEAR_NAME_MAX - n, "-%08" PRIx32, s->ssrc);
}

const char *
hear_codec(const struct hear *h, const struct stream *s)
{
	const char *name = h->name[s->index];

	return name == NULL || name[0] == '\0' ? "unknown" : name;
}

const char *
hear_address(struct rd ip, uint16_t port, char out[HEAR_ADDRESS_MAX])
{
	const bool six = ip.left == sizeof(struct in6_addr);
	char text[INET6_ADDRSTRLEN];

	if (inet_ntop(six ? AF_INET6 : AF_INET, ip.p, text, sizeof(text)) ==
	    NULL)
		text[0] = '\0';
	(void)snprintf(out, HEAR_ADDRESS_MAX, six ? "[%s]:%u" : "%s:%u", text,
	    port);
	return out;
}

double
hear_seconds(const struct hear *h, const struct stream *s)
{
	const struct speech *p = &h->speech[s->index];

	return p->spoken > 0 ? (double)sound_len(&p->clear) / G711_RATE
			     : (double)(s->last_us - s->first_us) / 1e6;
}
