#include <stdlib.h>
#include <string.h>

#include "lab_rtp.h"

#define VERSION_BITS 0x80
#define EXTENSION_BIT 0x10

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
rtp_parse(struct rd r, struct rtp *h, struct rd *payload)
{
	uint8_t first, second;
	uint16_t profile, words;
	struct rd skipped;

	if (rd_u8(&r, &first) != ERR_OK || rd_u8(&r, &second) != ERR_OK ||
	    rd_u16(&r, &h->seq) != ERR_OK || rd_u32(&r, &h->ts) != ERR_OK ||
	    rd_u32(&r, &h->ssrc) != ERR_OK ||
	    rd_view(&r, 4 * (size_t)(first & 0x0f), &skipped) != ERR_OK)
		return ERR_MALFORMED;
	if ((first & 0xc0) != VERSION_BITS)
		return ERR_MALFORMED;
	h->marker = (second & 0x80) != 0;
	h->type = second & 0x7f;
	if (h->type >= 64 && h->type < 96)
		return ERR_MALFORMED; /* RTCP on the same port (RFC 5761) */
	if ((first & EXTENSION_BIT) != 0 &&
	    (rd_u16(&r, &profile) != ERR_OK || rd_u16(&r, &words) != ERR_OK ||
		rd_view(&r, 4 * (size_t)words, &skipped) != ERR_OK))
		return ERR_MALFORMED;
	*payload = r;
	return ERR_OK;
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
rtp_session(const struct rtp_key *k, srtp_t *out)
{
	unsigned char key[LAB_TEK_LEN + LAB_SALT_LEN];
	srtp_policy_t policy;
	enum err rc;

	if ((rc = rtp_init()) != ERR_OK)
		return rc;
	rc = ERR_CRYPTO;
	memset(&policy, 0, sizeof(policy));
	if (!k->encrypted)
		srtp_crypto_policy_set_null_cipher_hmac_sha1_80(&policy.rtp);
	else if (k->tag_len == 4)
		srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32(&policy.rtp);
	else
		srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy.rtp);
	srtp_crypto_policy_set_rtcp_default(&policy.rtcp);
	policy.ssrc.type = ssrc_specific;
	policy.ssrc.value = k->ssrc;
	policy.window_size = 1024;
	memcpy(key, k->tek, LAB_TEK_LEN);
	memcpy(key + LAB_TEK_LEN, k->salt, LAB_SALT_LEN);
	policy.key = key;
	if (srtp_create(out, &policy) != srtp_err_status_ok)
		goto out;
	if (k->roc != 0 &&
	    srtp_set_stream_roc(*out, k->ssrc, k->roc) != srtp_err_status_ok) {
		(void)srtp_dealloc(*out);
		*out = NULL;
		goto out;
	}
	rc = ERR_OK;
out:
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
