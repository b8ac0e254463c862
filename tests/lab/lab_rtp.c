#include <stdlib.h>
#include <string.h>

#include "lab_rtp.h"

#define VERSION_BITS 0x80

void
rtp_print(const struct rtp *h, uint8_t *out)
{
	struct wr w;

	wr_init(&w, out, RTP_HEADER_LEN);
	wr_u8(&w, VERSION_BITS);
	wr_u8(&w, (uint8_t)((h->marker ? 0x80 : 0) | h->type));
	wr_u16(&w, h->seq);
	wr_u32(&w, h->ts);
	wr_u32(&w, h->ssrc);
}

enum err
rtp_init(void)
{
	static bool ready;

	if (!ready && srtp_init() != srtp_err_status_ok)
		return ERR_CRYPTO;
	ready = true;
	return ERR_OK;
}

enum err
rtp_session(uint32_t ssrc, const uint8_t *tek, const uint8_t *salt, srtp_t *out)
{
	unsigned char key[LAB_TEK_LEN + LAB_SALT_LEN];
	srtp_policy_t policy = {.window_size = 1024,
	    .ssrc = {.type = ssrc_specific, .value = ssrc},
	    .key = key};
	enum err rc;

	if ((rc = rtp_init()) != ERR_OK)
		return rc;
	srtp_crypto_policy_set_rtp_default(&policy.rtp);
	srtp_crypto_policy_set_rtcp_default(&policy.rtcp);
	memcpy(key, tek, LAB_TEK_LEN);
	memcpy(key + LAB_TEK_LEN, salt, LAB_SALT_LEN);
	if (srtp_create(out, &policy) != srtp_err_status_ok)
		rc = ERR_CRYPTO;
	explicit_bzero(key, sizeof(key));
	return rc;
}

struct rtp_piece {
	uint64_t index;
	uint8_t *p;
	size_t len;
};

/* The extended number nearest to the highest so far (RFC 3711 3.3.1). */
static uint64_t
extend(const struct rtp_stream *s, uint16_t seq)
{
	const uint64_t turn = 0x10000;
	uint64_t guess;

	if (s->n == 0)
		return turn + seq; /* room for what came before the first */
	guess = (s->highest & ~(turn - 1)) | seq;
	if (guess + turn / 2 < s->highest)
		return guess + turn;
	if (guess > s->highest + turn / 2 && guess >= turn)
		return guess - turn;
	return guess;
}

enum err
rtp_stream_add(struct rtp_stream *s, uint16_t seq, struct rd payload)
{
	const uint64_t index = extend(s, seq);
	struct rtp_piece *more;
	uint8_t *p;

	if (s->n == s->cap) {
		size_t cap = s->cap == 0 ? 1024 : 2 * s->cap;

		more = reallocarray(s->piece, cap, sizeof(*more));
		if (more == NULL)
			return ERR_NOMEM;
		s->piece = more;
		s->cap = cap;
	}
	if ((p = malloc(payload.left > 0 ? payload.left : 1)) == NULL)
		return ERR_NOMEM;
	if (payload.left > 0)
		memcpy(p, payload.p, payload.left);
	s->piece[s->n++] = (struct rtp_piece){index, p, payload.left};
	if (index > s->highest)
		s->highest = index;
	return ERR_OK;
}

void
rtp_stream_done(struct rtp_stream *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->piece[i].p);
	free(s->piece);
	memset(s, 0, sizeof(*s));
}

static int
by_index(const void *a, const void *b)
{
	const struct rtp_piece *x = a, *y = b;

	return (x->index > y->index) - (x->index < y->index);
}

enum err
rtp_stream_join(struct rtp_stream *s, uint8_t **out, size_t *len)
{
	uint8_t *p;
	size_t n = 0, at = 0;

	if (s->n > 0)
		qsort(s->piece, s->n, sizeof(*s->piece), by_index);
	for (size_t i = 0; i < s->n; i++)
		n += s->piece[i].len;
	if ((p = malloc(n > 0 ? n : 1)) == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < s->n; i++) {
		memcpy(p + at, s->piece[i].p, s->piece[i].len);
		at += s->piece[i].len;
	}
	*out = p;
	*len = n;
	return ERR_OK;
}
