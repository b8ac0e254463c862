#include <string.h>

#include <openssl/crypto.h>

#include "xk/xk_asn1.h"
#include "xk/xk_pdu.h"

static bool
set_octets(ASN1_STRING **to, const void *p, size_t len)
{
	if (*to == NULL)
		*to = ASN1_OCTET_STRING_new();
	return *to != NULL && len <= MAX_XK_PDU &&
	    ASN1_STRING_set(*to, p, (int)len) == 1;
}

/* An optional or required view; nothing for left = 0. */
static bool
set_view(ASN1_STRING **to, struct rd v)
{
	return v.left == 0 || set_octets(to, v.p, v.left);
}

static bool
set_number(ASN1_INTEGER **to, uint64_t v)
{
	if (*to == NULL)
		*to = ASN1_INTEGER_new();
	return *to != NULL && ASN1_INTEGER_set_uint64(*to, v) == 1;
}

static XK_MESSAGE *
message_new(uint32_t id, enum xk_type type)
{
	XK_MESSAGE *m = (XK_MESSAGE *)ASN1_item_new(ASN1_ITEM_rptr(XK_MESSAGE));

	if (m == NULL)
		return NULL;
	m->body->type = (int)type;
	if (set_number(&m->version, XK_VERSION) &&
	    set_number(&m->request_id, id))
		return m;
	ASN1_item_free((ASN1_VALUE *)m, ASN1_ITEM_rptr(XK_MESSAGE));
	return NULL;
}

/* Frees the message in any case. */
static enum err
encode(XK_MESSAGE *m, bool filled, uint8_t **out, size_t *len)
{
	unsigned char *der = NULL;
	int n = -1;

	if (m == NULL)
		return ERR_NOMEM;
	if (filled)
		n = ASN1_item_i2d((ASN1_VALUE *)m, &der,
		    ASN1_ITEM_rptr(XK_MESSAGE));
	xk_asn1_wipe_keys(m);
	ASN1_item_free((ASN1_VALUE *)m, ASN1_ITEM_rptr(XK_MESSAGE));
	if (n <= 0)
		return filled ? ERR_CRYPTO : ERR_NOMEM;
	if (n > MAX_XK_PDU) {
		OPENSSL_clear_free(der, (size_t)n);
		return ERR_TOOBIG;
	}
	*out = der;
	*len = (size_t)n;
	return ERR_OK;
}

void
xk_der_free(uint8_t **der, size_t len)
{
	OPENSSL_clear_free(*der, len);
	*der = NULL;
}

static bool
put_session_key(XK_SESSIONKEY *to, const struct xk_session_key *k)
{
	return set_octets(&to->crypto_session_id, k->crypto_session_id,
		   sizeof(k->crypto_session_id)) &&
	    set_octets(&to->session_key, k->session_key,
		sizeof(k->session_key)) &&
	    set_octets(&to->salt, k->salt, sizeof(k->salt)) &&
	    (!k->has_ssrc || set_number(&to->ssrc, k->ssrc)) &&
	    (!k->has_roc || set_number(&to->roc, k->roc)) &&
	    set_view(&to->policy, k->policy) && set_view(&to->mki, k->mki);
}

enum err
xk_encode_keys(uint32_t id, const struct xk_get_keys_response *r, uint8_t **out,
    size_t *len)
{
	XK_MESSAGE *m = message_new(id, XK_GET_KEYS_RESPONSE);
	XK_KEYSRESPONSE *k;
	bool ok;

	if (m == NULL)
		return ERR_NOMEM;
	k = (XK_KEYSRESPONSE *)ASN1_item_new(ASN1_ITEM_rptr(XK_KEYSRESPONSE));
	m->body->d.keys = k;
	ok = k != NULL && r->n_keys >= 1 && r->n_keys <= MAX_CS;
	for (unsigned i = 0; ok && i < r->n_keys; i++) {
		XK_SESSIONKEY *s = (XK_SESSIONKEY *)ASN1_item_new(
		    ASN1_ITEM_rptr(XK_SESSIONKEY));

		ok = s != NULL && sk_XK_SESSIONKEY_push(k->keys, s) > 0 &&
		    put_session_key(s, &r->key[i]);
	}
	if (ok && r->has_sk)
		ok = set_octets(&k->sk, r->sk, sizeof(r->sk));
	return encode(m, ok, out, len);
}

enum err
xk_encode_refusal(uint32_t id, enum xk_reason reason, const char *text,
    uint8_t **out, size_t *len)
{
	XK_MESSAGE *m = message_new(id, XK_REFUSAL);
	XK_REFUSED *r;
	bool ok;

	if (m == NULL)
		return ERR_NOMEM;
	r = (XK_REFUSED *)ASN1_item_new(ASN1_ITEM_rptr(XK_REFUSED));
	m->body->d.refusal = r;
	ok = r != NULL && reason > XK_GRANTED && reason < XK_REASON__MAX &&
	    ASN1_ENUMERATED_set_int64(r->reason, (int64_t)reason) == 1;
	if (ok && text != NULL) {
		r->text = ASN1_UTF8STRING_new();
		ok = r->text != NULL && strlen(text) <= MAX_REFUSAL_TEXT &&
		    ASN1_STRING_set(r->text, text, -1) == 1;
	}
	return encode(m, ok, out, len);
}

enum err
xk_encode_get_keys(uint32_t id, const struct xk_get_keys *k, uint8_t **out,
    size_t *len)
{
	XK_MESSAGE *m = message_new(id, XK_GET_KEYS);
	XK_GETKEYS *to;
	bool ok;

	if (m == NULL)
		return ERR_NOMEM;
	to = (XK_GETKEYS *)ASN1_item_new(ASN1_ITEM_rptr(XK_GETKEYS));
	m->body->d.get_keys = to;
	ok = to != NULL &&
	    set_view(&to->public_kms_identity, k->public_kms_identity) &&
	    set_view(&to->i_message1, k->i_message1) &&
	    set_view(&to->r_message1, k->r_message1) &&
	    set_view(&to->i_message2, k->i_message2) &&
	    set_view(&to->first_i_message1, k->first_i_message1) &&
	    set_view(&to->liid, k->liid) &&
	    set_view(&to->r_message2, k->r_message2) &&
	    set_view(&to->first_r_message1, k->first_r_message1) &&
	    set_view(&to->first_i_message2, k->first_i_message2) &&
	    (k->curve == 0 || set_number(&to->curve, k->curve));
	return encode(m, ok, out, len);
}

enum err
xk_encode_keep_alive(uint32_t id, enum xk_type type, uint8_t **out, size_t *len)
{
	XK_MESSAGE *m = message_new(id, type);
	bool ok;

	if (m == NULL)
		return ERR_NOMEM;
	m->body->d.null = ASN1_NULL_new();
	ok = m->body->d.null != NULL &&
	    (type == XK_KEEP_ALIVE || type == XK_KEEP_ALIVE_RESPONSE);
	return encode(m, ok, out, len);
}
