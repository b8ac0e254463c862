#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/rand.h>

#include "lab_store.h"
#include "lab_wav.h"
#include "phone.h"

#define PCMU 0
#define TONE_SAMPLES LAB_RATE /* one second of it */
#define SENT_MAX ((size_t)LAB_RATE * 3600)

/* A square wave: who has nothing to say hums. */
static enum err
hum(struct speech *s, unsigned hertz)
{
	const unsigned half = LAB_RATE / hertz / 2;

	s->n_samples = TONE_SAMPLES;
	if ((s->samples = calloc(TONE_SAMPLES, sizeof(*s->samples))) == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < TONE_SAMPLES; i++)
		s->samples[i] = i / half % 2 == 0 ? 6000 : -6000;
	return ERR_OK;
}

static enum err
path_of(const struct phone *p, const char *name, char *out, size_t cap)
{
	int n = snprintf(out, cap, "%s/%s", p->opt.out, name);

	return n > 0 && (size_t)n < cap ? ERR_OK : ERR_TOOBIG;
}

enum err
speech_prepare(struct phone *p, struct why *why)
{
	struct speech *s = &p->speech;
	char path[1024];
	uint16_t seq;
	enum err rc;

	if ((rc = rtp_init()) != ERR_OK)
		return why_set(why, rc, "cannot start SRTP");
	if (path_of(p, "sent.ulaw", path, sizeof(path)) != ERR_OK)
		return why_set(why, ERR_TOOBIG, "--out is too long");
	if ((s->record = fopen(path, "wb")) == NULL)
		return why_errno(why, "cannot create %s", path);
	if (p->opt.wav != NULL)
		rc = lab_wav_load(p->opt.wav, &s->samples, &s->n_samples, why);
	else
		rc = hum(s, p->opt.role == 'a' ? 400 : 500);
	if (rc != ERR_OK)
		return rc;
	if (RAND_bytes((unsigned char *)&seq, sizeof(seq)) != 1 ||
	    RAND_bytes((unsigned char *)&s->next.ts, sizeof(s->next.ts)) != 1)
		return why_set(why, ERR_CRYPTO, "no random numbers");
	/* Below 2^15, so that a lost start cannot be taken for a roll-over. */
	s->next.seq =
	    p->opt.first_seq >= 0 ? (uint16_t)p->opt.first_seq : seq & 0x7fff;
	s->next.type = PCMU;
	s->next.marker = true;
	s->total = p->opt.seconds * (1000 / RTP_MS);
	return ERR_OK;
}

enum err
speech_peer(struct phone *p, const struct sip *m, struct why *why)
{
	char text[sizeof(p->speech.peer.text)];
	struct sdp sdp;
	enum err rc;

	if ((rc = sdp_parse(m->body, m->body_len, &sdp)) != ERR_OK)
		return why_set(why, rc, "the SDP has no RTP/SAVP with PCMU");
	(void)snprintf(text, sizeof(text), sdp.ip6 ? "[%s]:%u" : "%s:%u",
	    sdp.addr, sdp.port);
	if ((rc = phone_addr_parse(text, &p->speech.peer)) != ERR_OK)
		return why_set(why, rc, "the SDP's address is no address");
	return ERR_OK;
}

enum err
speech_begin(struct phone *p, struct why *why)
{
	const struct lab_call_keys *keys = lab_call_keys(&p->call);
	const size_t own = p->opt.role == 'a' ? 0 : 1, other = 1 - own;
	struct speech *s = &p->speech;

	if (rtp_session(p->call.cs[own].ssrc, keys->tek[own], keys->salt[own],
		&s->tx) != ERR_OK ||
	    rtp_session(p->call.cs[other].ssrc, keys->tek[other],
		keys->salt[other], &s->rx) != ERR_OK)
		return why_set(why, ERR_CRYPTO, "cannot start SRTP");
	s->next.ssrc = p->call.cs[own].ssrc;
	s->start = lab_ms();
	s->heard = s->start;
	return ERR_OK;
}

static void
send_packet(struct phone *p)
{
	uint8_t packet[RTP_PACKET_MAX], *payload = packet + RTP_HEADER_LEN;
	struct speech *s = &p->speech;
	int len = RTP_HEADER_LEN + RTP_PAYLOAD_LEN;

	rtp_print(&s->next, packet);
	for (size_t i = 0; i < RTP_PAYLOAD_LEN; i++) {
		payload[i] = lab_ulaw(s->samples[s->at]);
		s->at = (s->at + 1) % s->n_samples;
	}
	if (fwrite(payload, 1, RTP_PAYLOAD_LEN, s->record) != RTP_PAYLOAD_LEN)
		phone_note(p, "cannot write sent.ulaw");
	if (srtp_protect(s->tx, packet, &len) != srtp_err_status_ok) {
		phone_end(p, PHONE_SETUP, "SRTP cannot protect a packet");
		return;
	}
	if (sendto(s->fd, packet, (size_t)len, 0,
		(const struct sockaddr *)&s->peer.ss, s->peer.len) == -1)
		phone_note(p, "sending RTP failed: %s", strerror(errno));
	s->next.marker = false;
	s->next.seq++;
	s->next.ts += RTP_PAYLOAD_LEN;
	s->sent++;
}

/* Packet n is due 20 n ms after the start: a late one does not delay all. */
void
speech_timer(struct phone *p, int64_t now)
{
	struct speech *s = &p->speech;

	if (s->start == 0)
		return;
	while (!p->done && s->sent < s->total &&
	    now - s->start >= (int64_t)s->sent * RTP_MS) {
		send_packet(p);
		if (s->sent == s->total)
			phone_note(p, "said all: %u packets", s->sent);
	}
}

static void
take_packet(struct phone *p, uint8_t *packet, size_t n)
{
	struct speech *s = &p->speech;
	struct rd r, payload;
	struct rtp h;
	int len = (int)n;

	if (srtp_unprotect(s->rx, packet, &len) != srtp_err_status_ok) {
		s->bad++;
		return;
	}
	rd_init(&r, packet, (size_t)len);
	if (rtp_parse(r, &h, &payload) != ERR_OK || h.type != PCMU) {
		s->bad++;
		return;
	}
	if (s->received.n == 0)
		phone_note(p, "first packet of the peer's speech");
	if (rtp_stream_add(&s->received, h.seq, payload) != ERR_OK)
		phone_end(p, PHONE_SETUP, "no memory for speech");
	s->heard = lab_ms();
}

void
speech_receive(struct phone *p)
{
	uint8_t packet[RTP_PACKET_MAX];
	struct speech *s = &p->speech;
	ssize_t n;

	if (s->start == 0)
		return; /* it waits in the socket until there are keys */
	while ((n = recv(s->fd, packet, sizeof(packet), 0)) >= 0)
		take_packet(p, packet, (size_t)n);
}

void
speech_stop(struct phone *p)
{
	p->speech.total = p->speech.sent;
}

bool
speech_all_sent(const struct phone *p)
{
	return p->speech.start != 0 && p->speech.sent >= p->speech.total;
}

const char *
speech_complaint(const struct phone *p)
{
	if (p->speech.bad > 0)
		return "packets of the peer did not authenticate";
	if (p->speech.received.n == 0)
		return "nothing was heard of the peer";
	return NULL;
}

/* What was said, as sound too. */
static enum err
save_sent(const char *ulaw, const char *wav, struct why *why)
{
	uint8_t *all = NULL;
	size_t len = 0;
	enum err rc = lab_slurp(ulaw, SENT_MAX, &all, &len, why);

	if (rc == ERR_OK)
		rc = lab_wav_save(wav, all, len, why);
	free(all);
	return rc;
}

enum err
speech_save(struct phone *p, struct why *why)
{
	struct speech *s = &p->speech;
	char path[1024], wav[1024];
	uint8_t *all = NULL;
	size_t len = 0;
	enum err rc;

	if (s->record != NULL && fclose(s->record) != 0) {
		s->record = NULL;
		return why_errno(why, "cannot write sent.ulaw");
	}
	s->record = NULL;
	if (path_of(p, "sent.ulaw", path, sizeof(path)) != ERR_OK ||
	    path_of(p, "sent.wav", wav, sizeof(wav)) != ERR_OK)
		return why_set(why, ERR_TOOBIG, "--out is too long");
	if ((rc = save_sent(path, wav, why)) != ERR_OK)
		return rc;
	if (path_of(p, "received.ulaw", path, sizeof(path)) != ERR_OK ||
	    rtp_stream_join(&s->received, &all, &len) != ERR_OK)
		return why_set(why, ERR_NOMEM, "no memory for received.ulaw");
	rc = lab_save(path, all, len, why);
	phone_note(p, "heard %zu packets, %zu octets; %u did not authenticate",
	    s->received.n, len, s->bad);
	free(all);
	return rc;
}

void
speech_done(struct phone *p)
{
	struct speech *s = &p->speech;

	if (s->tx != NULL)
		(void)srtp_dealloc(s->tx);
	if (s->rx != NULL)
		(void)srtp_dealloc(s->rx);
	if (s->record != NULL)
		(void)fclose(s->record);
	rtp_stream_done(&s->received);
	free(s->samples);
	if (s->fd != -1)
		(void)close(s->fd);
}
