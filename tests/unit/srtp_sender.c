#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "help.h"
#include "srtp_sender.h"

enum { LABEL_ENCR = 0, LABEL_AUTH = 1, LABEL_SALT = 2 };

void
sender_init(struct sender *s, uint8_t n, uint32_t ssrc)
{
	memset(s, 0, sizeof(*s));
	rules_default(&s->key.rules);
	for (unsigned i = 0; i < sizeof(s->key.key); i++)
		s->key.key[i] = (uint8_t)(n + 7 * i);
	for (unsigned i = 0; i < sizeof(s->key.salt); i++)
		s->key.salt[i] = (uint8_t)(n + 11 * i);
	s->ssrc = ssrc;
	s->key.ssrc = ssrc;
	s->seq = 1000;
	s->ts = 5000;
}

/* AES-CM with this IV over zeros or over `p`. */
static void
keystream(const uint8_t *key, size_t key_len, const uint8_t *iv, uint8_t *p,
    size_t len)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int n;

	assert_non_null(c);
	assert_int_equal(EVP_EncryptInit_ex(c,
			     key_len == 32 ? EVP_aes_256_ctr()
					   : EVP_aes_128_ctr(),
			     NULL, key, iv),
	    1);
	assert_int_equal(EVP_EncryptUpdate(c, p, &n, p, (int)len), 1);
	EVP_CIPHER_CTX_free(c);
}

void
sender_derive(const struct media_key *k, uint8_t label, uint8_t *out,
    size_t len)
{
	uint8_t iv[16] = {0};

	memcpy(iv, k->salt, 14);
	iv[7] ^= label;
	memset(out, 0, len);
	keystream(k->key, k->rules.key_len, iv, out, len);
}

static void
encrypt(const struct sender *s, uint8_t *p, size_t len)
{
	uint8_t key[32], salt[14], iv[16] = {0};

	sender_derive(&s->key, LABEL_ENCR, key, s->key.rules.key_len);
	sender_derive(&s->key, LABEL_SALT, salt, sizeof(salt));
	memcpy(iv, salt, sizeof(salt));
	for (unsigned i = 0; i < 4; i++) {
		iv[4 + i] ^= (uint8_t)(s->ssrc >> (24 - 8 * i));
		iv[8 + i] ^= (uint8_t)(s->roc >> (24 - 8 * i));
	}
	iv[12] ^= (uint8_t)(s->seq >> 8);
	iv[13] ^= (uint8_t)s->seq;
	keystream(key, s->key.rules.key_len, iv, p, len);
}

static void
tag(const struct sender *s, const uint8_t *p, size_t len, uint8_t *out)
{
	uint8_t key[20], covered[SENDER_PACKET_MAX + 4], mac[20];

	sender_derive(&s->key, LABEL_AUTH, key, s->key.rules.auth_key_len);
	memcpy(covered, p, len);
	for (unsigned i = 0; i < 4; i++)
		covered[len + i] = (uint8_t)(s->roc >> (24 - 8 * i));
	assert_non_null(HMAC(EVP_sha1(), key, (int)s->key.rules.auth_key_len,
	    covered, len + 4, mac, NULL));
	memcpy(out, mac, s->key.rules.tag_len);
}

void
sender_next(struct sender *s, const void *payload, size_t len)
{
	struct wr w;

	wr_init(&w, s->packet, sizeof(s->packet));
	wr_u8(&w, 0x80);
	wr_u8(&w, s->type);
	wr_u16(&w, s->seq);
	wr_u32(&w, s->ts);
	wr_u32(&w, s->ssrc);
	wr_copy(&w, payload, len);
	if (s->key.rules.encrypted)
		encrypt(s, s->packet + 12, len);
	tag(s, s->packet, w.len, s->packet + w.len + s->mki_len);
	memcpy(s->packet + w.len, s->mki, s->mki_len);
	s->len = w.len + s->mki_len + s->key.rules.tag_len;
	if (++s->seq == 0)
		s->roc++;
	s->ts += (uint32_t)len;
}
