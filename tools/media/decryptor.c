#include <stdlib.h>
#include <string.h>

#include <srtp2/crypto_types.h>
#include <srtp2/srtp.h>

#include "media/decryptor.h"
#include "media/rtp.h"

#define WINDOW 1024 /* packets: how late one may come */

struct decryptor {
	const struct media_key *key;
	uint32_t ssrc;
	size_t mki_len;
	srtp_t srtp;
};

static enum err
start(void)
{
	static bool ready;

	if (!ready && srtp_init() != srtp_err_status_ok)
		return ERR_CRYPTO;
	ready = true;
	return ERR_OK;
}

static void
fill(srtp_crypto_policy_t *p, const struct rules *r)
{
	const bool aes_256 = r->key_len == MEDIA_KEY_MAX;

	p->cipher_type = !r->encrypted ? SRTP_NULL_CIPHER
	    : aes_256		       ? SRTP_AES_ICM_256
				       : SRTP_AES_ICM_128;
	p->cipher_key_len = (int)(r->key_len + r->salt_len);
	p->auth_type = SRTP_HMAC_SHA1;
	p->auth_key_len = (int)r->auth_key_len;
	p->auth_tag_len = (int)r->tag_len;
	p->sec_serv = r->encrypted ? sec_serv_conf_and_auth : sec_serv_auth;
}

enum err
decryptor_new(const struct media_key *k, uint32_t ssrc, uint32_t roc,
    size_t mki_len, struct decryptor **out)
{
	struct decryptor *o = calloc(1, sizeof(*o));
	uint8_t master[MEDIA_KEY_MAX + MEDIA_SALT_LEN];
	srtp_policy_t policy = {.window_size = WINDOW,
	    .ssrc = {.type = ssrc_specific, .value = ssrc},
	    .key = master};
	enum err rc = ERR_CRYPTO;

	if (o == NULL)
		return ERR_NOMEM;
	*o = (struct decryptor){.key = k, .ssrc = ssrc, .mki_len = mki_len};
	fill(&policy.rtp, &k->rules);
	fill(&policy.rtcp, &k->rules);
	memcpy(master, k->key, k->rules.key_len);
	memcpy(master + k->rules.key_len, k->salt, sizeof(k->salt));
	if (start() == ERR_OK &&
	    srtp_create(&o->srtp, &policy) == srtp_err_status_ok &&
	    srtp_set_stream_roc(o->srtp, ssrc, roc) == srtp_err_status_ok)
		rc = ERR_OK;
	explicit_bzero(master, sizeof(master));
	if (rc != ERR_OK)
		decryptor_free(&o);
	*out = o;
	return rc;
}

void
decryptor_free(struct decryptor **op)
{
	struct decryptor *o = *op;

	if (o == NULL)
		return;
	if (o->srtp != NULL)
		(void)srtp_dealloc(o->srtp);
	free(o);
	*op = NULL;
}

const struct media_key *
decryptor_key(const struct decryptor *o)
{
	return o->key;
}

uint32_t
decryptor_roc(const struct decryptor *o)
{
	uint32_t roc = 0;

	(void)srtp_get_stream_roc(o->srtp, o->ssrc, &roc);
	return roc;
}

size_t
decryptor_tail(const struct decryptor *o)
{
	return o->mki_len + o->key->rules.tag_len;
}

/*
 * Without its MKI, which stands between payload and tag and is covered by
 * neither (RFC 3711 clause 3.1).
 */
static enum err
strip(const struct decryptor *o, struct rd packet, uint8_t *buf, int *len)
{
	const size_t tag_len = o->key->rules.tag_len;
	struct rd front, mki;
	struct wr w;

	if (packet.left > DECRYPTOR_PACKET_MAX ||
	    packet.left < RTP_HEADER_LEN + decryptor_tail(o) ||
	    rd_view(&packet, packet.left - decryptor_tail(o), &front) !=
		ERR_OK ||
	    rd_view(&packet, o->mki_len, &mki) != ERR_OK)
		return ERR_CRYPTO;
	if (o->key->mki.left > 0 && !rd_equal(&mki, &o->key->mki))
		return ERR_CRYPTO;
	wr_init(&w, buf, DECRYPTOR_PACKET_MAX);
	wr_copy(&w, front.p, front.left);
	wr_copy(&w, packet.p, tag_len);
	*len = (int)w.len;
	return w.rc;
}

enum err
decryptor_open(struct decryptor *o, struct rd packet, uint8_t *buf,
    struct rd *clear)
{
	int len;

	if (strip(o, packet, buf, &len) != ERR_OK)
		return ERR_CRYPTO;
	switch (srtp_unprotect(o->srtp, buf, &len)) {
	case srtp_err_status_ok:
		rd_init(clear, buf, (size_t)len);
		return ERR_OK;
	case srtp_err_status_replay_fail:
	case srtp_err_status_replay_old:
		return ERR_EXISTS;
	default:
		return ERR_CRYPTO;
	}
}
