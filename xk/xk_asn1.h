/*
 * xk_asn1: xk/xk.asn1 as OpenSSL's ASN.1 templates; inside xk/ only.  The
 * template macros want typedef names.
 */
#ifndef XK_XK_ASN1_H
#define XK_XK_ASN1_H

#include <openssl/asn1t.h>
#include <openssl/safestack.h>

typedef struct {
	ASN1_UTF8STRING *public_kms_identity;
	ASN1_OCTET_STRING *i_message1, *r_message1, *i_message2;
	ASN1_OCTET_STRING *first_i_message1, *liid, *r_message2;
	ASN1_OCTET_STRING *first_r_message1, *first_i_message2;
	ASN1_INTEGER *curve;
} XK_GETKEYS;

typedef struct {
	ASN1_OCTET_STRING *crypto_session_id, *session_key, *salt;
	ASN1_INTEGER *ssrc, *roc;
	ASN1_OCTET_STRING *policy, *mki;
} XK_SESSIONKEY;
DEFINE_STACK_OF(XK_SESSIONKEY)

typedef struct {
	STACK_OF(XK_SESSIONKEY) * keys;
	ASN1_OCTET_STRING *sk;
} XK_KEYSRESPONSE;

typedef struct {
	ASN1_INTEGER *curve;
	ASN1_OCTET_STRING *xp, *yp, *sk, *mki;
} XK_ECVALUES;

typedef struct {
	ASN1_UTF8STRING *identity;
	ASN1_GENERALIZEDTIME *not_before, *not_after;
	ASN1_OCTET_STRING *private_key;
} XK_PRIVATEKEY;
DEFINE_STACK_OF(XK_PRIVATEKEY)

typedef struct {
	STACK_OF(XK_PRIVATEKEY) * private_keys;
} XK_PRIVATEKEYS;

typedef struct {
	ASN1_INTEGER *curve;
	ASN1_ENUMERATED *role;
	ASN1_OCTET_STRING *secret, *sk;
} XK_SECRET;

typedef struct {
	ASN1_ENUMERATED *reason;
	ASN1_UTF8STRING *text;
} XK_REFUSED;

typedef struct {
	int type; /* enum xk_type */
	union {
		XK_GETKEYS *get_keys;
		XK_KEYSRESPONSE *keys;
		XK_ECVALUES *ec_values;
		XK_PRIVATEKEYS *private_keys;
		XK_SECRET *secret;
		XK_REFUSED *refusal;
		ASN1_NULL *null;
	} d;
} XK_BODY;

typedef struct {
	ASN1_INTEGER *version, *request_id;
	XK_BODY *body;
} XK_MESSAGE;

DECLARE_ASN1_ITEM(XK_MESSAGE)
DECLARE_ASN1_ITEM(XK_GETKEYS)
DECLARE_ASN1_ITEM(XK_SESSIONKEY)
DECLARE_ASN1_ITEM(XK_KEYSRESPONSE)
DECLARE_ASN1_ITEM(XK_REFUSED)

#define XK_VERSION 1

/* Erase the octet strings that hold keys, before OpenSSL frees the rest. */
void xk_asn1_wipe_keys(XK_MESSAGE *m);

#endif
