#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "xk/xk_asn1.h"
#include "xk/xk_pdu.h"

const char *
xk_reason_name(enum xk_reason r)
{
	static const char *const name[XK_REASON__MAX] = {"granted", "malformed",
	    "noAuthorisation", "targetMismatch", "notReproducible",
	    "unknownSubscriber", "unsupported", "unavailable", "overloaded"};

	return (unsigned)r < XK_REASON__MAX ? name[r] : "unknown";
}

const char *
xk_reason_text(enum xk_reason r)
{
	static const char *const text[XK_REASON__MAX] = {"",
	    "the request or a MIKEY message in it is malformed",
	    "no warrant in force that this client may use for this request",
	    "the messages are not the target's, or do not belong together",
	    "an envelope does not open, or the secret or V does not match",
	    "not a subscriber of this KMS",
	    "curve, PRF, policy or request that is not served here",
	    "out of service: nothing was released, ask again",
	    "too much at once: ask again"};

	return (unsigned)r < XK_REASON__MAX ? text[r] : "";
}

enum err
xk_pdu_length(struct rd in, size_t *len)
{
	const size_t had = in.left;
	uint8_t tag, first, b;
	size_t n;

	if (rd_u8(&in, &tag) != ERR_OK)
		return ERR_AGAIN;
	if (tag != 0x30)
		return ERR_MALFORMED;
	if (rd_u8(&in, &first) != ERR_OK)
		return ERR_AGAIN;
	n = first;
	if (first >= 0x80) {
		/* Definite, shortest, and at most three octets of length. */
		if (first < 0x81 || first > 0x83)
			return first == 0x80 || first == 0xff ? ERR_MALFORMED
							      : ERR_TOOBIG;
		n = 0;
		for (unsigned i = 0; i < (first & 0x7fU); i++) {
			if (rd_u8(&in, &b) != ERR_OK)
				return ERR_AGAIN;
			n = n << 8 | b;
		}
		if (n < 128 || n >> (8 * ((first & 0x7fU) - 1)) == 0)
			return ERR_MALFORMED;
	}
	n += had - in.left;
	if (n > MAX_XK_PDU)
		return ERR_TOOBIG;
	*len = n;
	return ERR_OK;
}

/* What an octet string holds, within bounds; absent gives left = 0. */
static bool
field(const ASN1_STRING *s, size_t min, size_t max, struct rd *out)
{
	rd_init(out, NULL, 0);
	if (s == NULL)
		return true;
	rd_init(out, ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));
	return out->left >= min && out->left <= max;
}

static bool
number(const ASN1_INTEGER *i, uint64_t min, uint64_t max, uint64_t *out)
{
	return ASN1_INTEGER_get_uint64(out, i) == 1 && *out >= min &&
	    *out <= max;
}

static bool
utf8(const ASN1_UTF8STRING *s)
{
	const unsigned char *p = ASN1_STRING_get0_data(s);
	int left = ASN1_STRING_length(s);

	while (left > 0) {
		unsigned long v;
		int n = UTF8_getc(p, left, &v);

		if (n <= 0)
			return false;
		p += n;
		left -= n;
	}
	return true;
}

/* Limits of the module; OpenSSL knows only tags and types. */
static bool
take_get_keys(const XK_GETKEYS *k, struct xk_get_keys *out)
{
	uint64_t curve = 0;

	if (k->curve != NULL && !number(k->curve, 1, 255, &curve))
		return false;
	out->curve = (uint8_t)curve;
	return field(k->public_kms_identity, 1, MAX_PUBLIC_ID,
		   &out->public_kms_identity) &&
	    utf8(k->public_kms_identity) &&
	    field(k->i_message1, 1, MAX_MIKEY, &out->i_message1) &&
	    field(k->r_message1, 1, MAX_MIKEY, &out->r_message1) &&
	    field(k->i_message2, 1, MAX_MIKEY, &out->i_message2) &&
	    field(k->first_i_message1, 1, MAX_MIKEY, &out->first_i_message1) &&
	    field(k->liid, 1, MAX_LIID, &out->liid) &&
	    field(k->r_message2, 1, MAX_MIKEY, &out->r_message2) &&
	    field(k->first_r_message1, 1, MAX_MIKEY, &out->first_r_message1) &&
	    field(k->first_i_message2, 1, MAX_MIKEY, &out->first_i_message2);
}

static bool
copy_exact(const ASN1_OCTET_STRING *s, uint8_t *out, size_t len)
{
	if (s == NULL || (size_t)ASN1_STRING_length(s) != len)
		return false;
	memcpy(out, ASN1_STRING_get0_data(s), len);
	return true;
}

static bool
take_session_key(const XK_SESSIONKEY *k, struct xk_session_key *out)
{
	uint64_t v;

	*out = (struct xk_session_key){.has_ssrc = k->ssrc != NULL,
	    .has_roc = k->roc != NULL};
	if (k->ssrc != NULL) {
		if (!number(k->ssrc, 0, UINT32_MAX, &v))
			return false;
		out->ssrc = (uint32_t)v;
	}
	if (k->roc != NULL) {
		if (!number(k->roc, 0, UINT32_MAX, &v))
			return false;
		out->roc = (uint32_t)v;
	}
	return copy_exact(k->crypto_session_id, out->crypto_session_id,
		   sizeof(out->crypto_session_id)) &&
	    copy_exact(k->session_key, out->session_key,
		sizeof(out->session_key)) &&
	    copy_exact(k->salt, out->salt, sizeof(out->salt)) &&
	    field(k->policy, 1, MAX_SP_LEN, &out->policy) &&
	    field(k->mki, 1, MAX_MKI, &out->mki);
}

static bool
take_keys(const XK_KEYSRESPONSE *r, struct xk_get_keys_response **out)
{
	const int n = sk_XK_SESSIONKEY_num(r->keys);
	struct xk_get_keys_response *t;

	if (n < 1 || n > MAX_CS || (t = calloc(1, sizeof(*t))) == NULL)
		return false;
	*out = t;
	t->n_keys = (unsigned)n;
	for (int i = 0; i < n; i++)
		if (!take_session_key(sk_XK_SESSIONKEY_value(r->keys, i),
			&t->key[i]))
			return false;
	t->has_sk = r->sk != NULL;
	return r->sk == NULL || copy_exact(r->sk, t->sk, sizeof(t->sk));
}

static bool
check_ec_values(const XK_ECVALUES *e)
{
	uint64_t curve;
	struct rd r;

	return (e->curve == NULL || number(e->curve, 1, 255, &curve)) &&
	    field(e->xp, 1, 256, &r) && field(e->yp, 1, 256, &r) &&
	    field(e->sk, 16, 16, &r) && field(e->mki, 1, MAX_MKI, &r);
}

/* YYYYMMDDHHMMSSZ and nothing else. */
static bool
generalized_time(const ASN1_GENERALIZEDTIME *t)
{
	const unsigned char *p = ASN1_STRING_get0_data(t);

	if (ASN1_STRING_length(t) != 15 || p[14] != 'Z')
		return false;
	for (int i = 0; i < 14; i++)
		if (p[i] < '0' || p[i] > '9')
			return false;
	return ASN1_GENERALIZEDTIME_check(t) == 1;
}

static bool
check_private_keys(const XK_PRIVATEKEYS *k)
{
	const int n = sk_XK_PRIVATEKEY_num(k->private_keys);
	struct rd r;

	if (n < 1 || n > 8)
		return false;
	for (int i = 0; i < n; i++) {
		const XK_PRIVATEKEY *p =
		    sk_XK_PRIVATEKEY_value(k->private_keys, i);

		if (!field(p->identity, 1, MAX_PUBLIC_ID, &r) ||
		    !utf8(p->identity) || !generalized_time(p->not_before) ||
		    !generalized_time(p->not_after) ||
		    !field(p->private_key, 1, 1024, &r))
			return false;
	}
	return true;
}

static bool
enumerated(const ASN1_ENUMERATED *e, int64_t min, int64_t max, int64_t *out)
{
	return ASN1_ENUMERATED_get_int64(out, e) == 1 && *out >= min &&
	    *out <= max;
}

static bool
check_secret(const XK_SECRET *s)
{
	int64_t role;
	uint64_t curve;
	struct rd r;

	return number(s->curve, 1, 255, &curve) &&
	    enumerated(s->role, 1, 2, &role) && field(s->secret, 1, 72, &r) &&
	    field(s->sk, 16, 16, &r);
}

static bool
take_refusal(const XK_REFUSED *f, struct xk_refusal *out)
{
	int64_t reason;

	if (!enumerated(f->reason, XK_MALFORMED, XK_OVERLOADED, &reason) ||
	    !field(f->text, 0, MAX_REFUSAL_TEXT, &out->text) ||
	    (f->text != NULL && !utf8(f->text)))
		return false;
	out->reason = (enum xk_reason)reason;
	return true;
}

static bool
take_body(const XK_BODY *b, struct xk_msg *out)
{
	out->type = (enum xk_type)b->type;
	switch (out->type) {
	case XK_GET_KEYS:
	case XK_GET_EC_VALUES:
	case XK_GET_PRIVATE_KEY:
	case XK_GET_SECRET:
		return take_get_keys(b->d.get_keys, &out->u.get_keys);
	case XK_GET_KEYS_RESPONSE:
		out->u.keys = NULL;
		return take_keys(b->d.keys, &out->u.keys);
	case XK_GET_EC_VALUES_RESPONSE:
		return check_ec_values(b->d.ec_values);
	case XK_GET_PRIVATE_KEY_RESPONSE:
		return check_private_keys(b->d.private_keys);
	case XK_GET_SECRET_RESPONSE:
		return check_secret(b->d.secret);
	case XK_REFUSAL:
		return take_refusal(b->d.refusal, &out->u.refusal);
	case XK_KEEP_ALIVE:
	case XK_KEEP_ALIVE_RESPONSE:
		return true;
	case XK_TYPE__MAX:
		break;
	}
	return false;
}

/* OpenSSL reads some BER too; what it writes is DER, so compare. */
static bool
is_der(const XK_MESSAGE *m, struct rd pdu)
{
	unsigned char *again = NULL;
	const int n = ASN1_item_i2d((const ASN1_VALUE *)m, &again,
	    ASN1_ITEM_rptr(XK_MESSAGE));
	const bool same = n >= 0 && rd_is(&pdu, again, (size_t)n);

	if (n > 0)
		OPENSSL_clear_free(again, (size_t)n);
	return same;
}

/*
 * The requestId of a PDU that need not be sound: outer header, [0] version,
 * [1] requestId.
 */
static uint32_t
peek_request_id(struct rd pdu)
{
	uint8_t tag, len, b;
	uint32_t id = 0;
	struct rd v;

	if (rd_u8(&pdu, &tag) != ERR_OK || tag != 0x30 ||
	    rd_u8(&pdu, &len) != ERR_OK)
		return 0;
	if (len >= 0x80 && rd_view(&pdu, len & 0x7f, &v) != ERR_OK)
		return 0;
	if (rd_u8(&pdu, &tag) != ERR_OK || tag != 0x80 ||
	    rd_view8(&pdu, &v) != ERR_OK || rd_u8(&pdu, &tag) != ERR_OK ||
	    tag != 0x81 || rd_view8(&pdu, &v) != ERR_OK || v.left == 0 ||
	    v.left > 5 || (v.p[0] & 0x80) != 0 || (v.left == 5 && v.p[0] != 0))
		return 0;
	while (rd_u8(&v, &b) == ERR_OK)
		id = id << 8 | b;
	return id;
}

enum err
xk_pdu_decode(struct rd pdu, struct xk_msg *out, uint32_t *request_id)
{
	const unsigned char *p = pdu.p;
	struct xk_msg t = {.type = XK_TYPE__MAX};
	uint64_t version, id;

	*request_id = peek_request_id(pdu);
	if (pdu.left == 0 || pdu.left > MAX_XK_PDU)
		return ERR_MALFORMED;
	t.of =
	    ASN1_item_d2i(NULL, &p, (long)pdu.left, ASN1_ITEM_rptr(XK_MESSAGE));
	if (t.of == NULL)
		return ERR_MALFORMED;
	const XK_MESSAGE *m = t.of;

	if (!is_der(m, pdu) ||
	    !number(m->version, XK_VERSION, XK_VERSION, &version) ||
	    !number(m->request_id, 0, UINT32_MAX, &id) ||
	    !take_body(m->body, &t)) {
		xk_msg_free(&t);
		return ERR_MALFORMED;
	}
	t.request_id = (uint32_t)id;
	*request_id = t.request_id;
	*out = t;
	return ERR_OK;
}

void
xk_asn1_wipe_keys(XK_MESSAGE *m)
{
	XK_KEYSRESPONSE *r;

	if (m->body == NULL || m->body->type != XK_GET_KEYS_RESPONSE ||
	    (r = m->body->d.keys) == NULL)
		return;
	for (int i = 0; i < sk_XK_SESSIONKEY_num(r->keys); i++) {
		XK_SESSIONKEY *k = sk_XK_SESSIONKEY_value(r->keys, i);

		ASN1_STRING_clear_free(k->session_key);
		ASN1_STRING_clear_free(k->salt);
		k->session_key = k->salt = NULL;
	}
	ASN1_STRING_clear_free(r->sk);
	r->sk = NULL;
}

void
xk_msg_free(struct xk_msg *m)
{
	XK_MESSAGE *of = m->of;

	if (of != NULL)
		xk_asn1_wipe_keys(of);
	ASN1_item_free((ASN1_VALUE *)of, ASN1_ITEM_rptr(XK_MESSAGE));
	if (m->type == XK_GET_KEYS_RESPONSE && m->u.keys != NULL) {
		OPENSSL_cleanse(m->u.keys, sizeof(*m->u.keys));
		free(m->u.keys);
	}
	*m = (struct xk_msg){.type = XK_TYPE__MAX};
}
