#include <string.h>

#include "hi2/ber_get.h"
#include "hi2/der_put.h"
#include "hi2/ps_tags.h"
#include "hi2/tri.h"

enum tag {
	T_INTEGER = 0x02,

	T_CHECK_INCLUDED = 0xa0,
	T_CHECK_TYPE = 0x81,
	T_CHECK_DATA = 0x82,
	T_CHECK_VALUE = 0x83,
	T_CHECK_HASH = 0x84,
	T_CHECK_SIGNATURE = 0x85,

	T_MESSAGE_PRIORITY = 0x80,
	T_MESSAGE_TEXT = 0x81,

	T_REQUESTED = 0xa0,
	T_ACCEPTED = 0xa0,
	T_DECLINED = 0xa1,
	T_ACKNOWLEDGEMENT = 0x80 /* the one Option there is */
};

#define TAG_PRIMITIVE 0x80U
#define TAG_CONSTRUCTED 0xa0U

/* How the content of each kind is: nothing, octets, or elements. */
static const enum {
	NOTHING,
	OCTETS,
	ELEMENTS
} content[TRI_OTHER] = {
    [TRI_INTEGRITY_CHECK] = ELEMENTS,
    [TRI_PADDING] = OCTETS,
    [TRI_OPERATOR_LEA_MESSAGE] = ELEMENTS,
    [TRI_OPTION_REQUEST] = ELEMENTS,
    [TRI_OPTION_RESPONSE] = ELEMENTS,
};

static uint32_t
tag_of(enum tri_kind kind)
{
	return (content[kind] == ELEMENTS ? TAG_CONSTRUCTED : TAG_PRIMITIVE) |
	    (uint32_t)kind;
}

/* ---- writing ---- */

void
tri_included_put(struct wr *w, uint32_t number)
{
	uint8_t b[TRI_INCLUDED_LEN];
	struct der_put d;

	der_put_init(&d, b, sizeof(b));
	der_put_number(&d, T_INTEGER, number);
	wr_copy(w, b + sizeof(b) - d.len, d.len);
}

static enum err
check_integrity(const struct tri_integrity *c)
{
	const bool hash = c->check == TRI_CHECK_HASH;

	if (!hash && c->check != TRI_CHECK_SIGNATURE)
		return ERR_MALFORMED;
	if (c->included.left == 0 || c->value.left == 0 ||
	    c->value.left > TRI_VALUE_MAX || c->data > TRI_DATA_CC ||
	    c->hash > TRI_SHA512 || c->signature > TRI_EDDSA ||
	    (hash ? c->signature != TRI_SIGNATURE_NONE
		  : c->hash != TRI_HASH_NONE))
		return ERR_MALFORMED;
	return ERR_OK;
}

static enum err
check(const struct tri *t)
{
	switch (t->kind) {
	case TRI_INTEGRITY_CHECK:
		return check_integrity(&t->u.integrity);
	case TRI_OPERATOR_LEA_MESSAGE:
		return t->u.message.text.left >= 1 &&
			t->u.message.text.left <= TRI_MESSAGE_MAX &&
			t->u.message.priority >= TRI_ERROR &&
			t->u.message.priority <= TRI_INFORMATIONAL
		    ? ERR_OK
		    : ERR_MALFORMED;
	case TRI_TEST:
	case TRI_KEEP_ALIVE:
	case TRI_KEEP_ALIVE_RESPONSE:
	case TRI_FIRST_SEGMENT:
	case TRI_LAST_SEGMENT:
	case TRI_CIN_RESET:
	case TRI_OPTION_REQUEST:
	case TRI_OPTION_RESPONSE:
	case TRI_OPTION_COMPLETE:
	case TRI_ACKNOWLEDGEMENT_REQUEST:
	case TRI_ACKNOWLEDGEMENT_RESPONSE:
		return ERR_OK;
	case TRI_PADDING:
	case TRI_OTHER:
		break;
	}
	return ERR_UNSUPPORTED;
}

/* From the end to the beginning (der_put.h). */
static void
put_integrity(struct der_put *d, const struct tri_integrity *c)
{
	const size_t numbers = d->len;
	size_t at;

	if (c->signature != TRI_SIGNATURE_NONE)
		der_put_number(d, T_CHECK_SIGNATURE, c->signature);
	if (c->hash != TRI_HASH_NONE)
		der_put_number(d, T_CHECK_HASH, c->hash);
	der_put_string(d, T_CHECK_VALUE, c->value.p, c->value.left);
	if (c->data != TRI_DATA_NONE)
		der_put_number(d, T_CHECK_DATA, c->data);
	der_put_number(d, T_CHECK_TYPE, c->check);
	at = d->len;
	der_put_octets(d, c->included.p, c->included.left);
	der_put_wrap(d, T_CHECK_INCLUDED, at);
	der_put_wrap(d, tag_of(TRI_INTEGRITY_CHECK), numbers);
}

static void
put_options(struct der_put *d, enum tag list, bool acknowledgement)
{
	const size_t at = d->len;

	if (acknowledgement)
		der_put_text(d, T_ACKNOWLEDGEMENT, "");
	der_put_wrap(d, list, at);
}

static void
put_tri(struct der_put *d, const struct tri *t)
{
	const size_t at = d->len;

	switch (t->kind) {
	case TRI_INTEGRITY_CHECK:
		put_integrity(d, &t->u.integrity);
		return;
	case TRI_OPERATOR_LEA_MESSAGE:
		der_put_string(d, T_MESSAGE_TEXT, t->u.message.text.p,
		    t->u.message.text.left);
		der_put_number(d, T_MESSAGE_PRIORITY, t->u.message.priority);
		break;
	case TRI_OPTION_REQUEST:
		put_options(d, T_REQUESTED, t->u.asks);
		break;
	case TRI_OPTION_RESPONSE:
		put_options(d, T_DECLINED, t->u.answer.declined);
		put_options(d, T_ACCEPTED, t->u.answer.accepted);
		break;
	case TRI_TEST:
	case TRI_PADDING:
	case TRI_KEEP_ALIVE:
	case TRI_KEEP_ALIVE_RESPONSE:
	case TRI_FIRST_SEGMENT:
	case TRI_LAST_SEGMENT:
	case TRI_CIN_RESET:
	case TRI_OPTION_COMPLETE:
	case TRI_ACKNOWLEDGEMENT_REQUEST:
	case TRI_ACKNOWLEDGEMENT_RESPONSE:
	case TRI_OTHER:
		break; /* NULL, or refused before */
	}
	der_put_wrap(d, tag_of(t->kind), at);
}

static void
put(struct der_put *d, const struct iri_profile *p, const struct ps_header *h,
    const struct ps_times *times, const struct tri *t)
{
	put_tri(d, t);
	der_put_wrap(d, T_PAYLOAD_TRI, 0);
	der_put_wrap(d, T_PS_PAYLOAD, 0);
	ps_header_put(d, p, h, times);
	der_put_wrap(d, T_PS_PDU, 0);
}

enum err
tri_encode(const struct iri_profile *p, const struct ps_header *h,
    const struct tri *t, uint8_t *out, size_t cap, size_t *len)
{
	struct ps_times times;
	struct der_put d;
	size_t need;
	enum err rc;

	if ((rc = check(t)) != ERR_OK)
		return rc;
	if (iri_profile_check(p, NULL) != ERR_OK ||
	    ps_header_check(h) != ERR_OK)
		return ERR_MALFORMED;
	ps_header_times(h, &times);
	der_put_init(&d, NULL, 0);
	put(&d, p, h, &times, t);
	if ((need = d.len) > cap)
		return ERR_TOOBIG;
	der_put_init(&d, out, need);
	put(&d, p, h, &times, t);
	if (d.failed)
		return ERR_INTERNAL;
	*len = need;
	return ERR_OK;
}

/* ---- reading ---- */

enum err
tri_included_get(struct rd *in, uint32_t *number)
{
	struct rd rest = *in;
	struct ber e;
	uint64_t v;

	if (ber_get(&rest, &e) != ERR_OK || e.tag != T_INTEGER ||
	    ber_number(e.content, UINT32_MAX, &v) != ERR_OK)
		return ERR_MALFORMED;
	*number = (uint32_t)v;
	*in = rest;
	return ERR_OK;
}

/* ENUMERATED of a list that may have grown since: 0 if it is not known. */
static enum err
get_enum(struct rd in, uint64_t most, uint64_t *out)
{
	if (ber_number(in, UINT64_MAX, out) != ERR_OK)
		return ERR_MALFORMED;
	if (*out > most)
		*out = 0;
	return ERR_OK;
}

static enum err
get_integrity(struct rd in, struct tri_integrity *c)
{
	uint64_t check = 0, data = 0, hash = 0, signature = 0;
	struct rd numbers;
	enum err rc;
	struct ber e;
	uint32_t n;

	while (in.left > 0) {
		if ((rc = ber_get(&in, &e)) != ERR_OK)
			return rc;
		if (e.tag == T_CHECK_INCLUDED)
			c->included = e.content;
		else if (e.tag == T_CHECK_VALUE)
			c->value = e.content;
		else if (e.tag == T_CHECK_TYPE)
			rc = get_enum(e.content, TRI_CHECK_SIGNATURE, &check);
		else if (e.tag == T_CHECK_DATA)
			rc = get_enum(e.content, TRI_DATA_CC, &data);
		else if (e.tag == T_CHECK_HASH)
			rc = get_enum(e.content, TRI_SHA512, &hash);
		else if (e.tag == T_CHECK_SIGNATURE)
			rc = get_enum(e.content, TRI_EDDSA, &signature);
		if (rc != ERR_OK)
			return rc;
	}
	for (numbers = c->included; numbers.left > 0;)
		if (tri_included_get(&numbers, &n) != ERR_OK)
			return ERR_MALFORMED;
	c->check = (enum tri_check)check;
	c->data = (enum tri_data)data;
	c->hash = (enum tri_hash)hash;
	c->signature = (enum tri_signature)signature;
	return check != 0 && c->value.left > 0 ? ERR_OK : ERR_MALFORMED;
}

static enum err
get_message(struct rd in, struct tri *t)
{
	uint64_t priority = 0;
	struct ber e;

	while (in.left > 0) {
		if (ber_get(&in, &e) != ERR_OK ||
		    (e.tag == T_MESSAGE_PRIORITY &&
			get_enum(e.content, TRI_INFORMATIONAL, &priority) !=
			    ERR_OK))
			return ERR_MALFORMED;
		if (e.tag == T_MESSAGE_TEXT)
			t->u.message.text = e.content;
	}
	t->u.message.priority =
	    priority == 0 ? TRI_INFORMATIONAL : (enum tri_priority)priority;
	return t->u.message.text.left >= 1 &&
		t->u.message.text.left <= TRI_MESSAGE_MAX
	    ? ERR_OK
	    : ERR_MALFORMED;
}

/* Whether pDUAcknowledgement is in the list `tag`. */
static enum err
get_options(struct rd in, enum tag tag, bool *out)
{
	struct ber list, e;

	while (in.left > 0) {
		if (ber_get(&in, &list) != ERR_OK)
			return ERR_MALFORMED;
		while (list.tag == tag && list.content.left > 0) {
			if (ber_get(&list.content, &e) != ERR_OK)
				return ERR_MALFORMED;
			*out = *out || e.tag == T_ACKNOWLEDGEMENT;
		}
	}
	return ERR_OK;
}

static enum err
get_elements(struct rd in, struct tri *t)
{
	if (t->kind == TRI_INTEGRITY_CHECK)
		return get_integrity(in, &t->u.integrity);
	if (t->kind == TRI_OPERATOR_LEA_MESSAGE)
		return get_message(in, t);
	if (t->kind == TRI_OPTION_REQUEST)
		return get_options(in, T_REQUESTED, &t->u.asks);
	if (get_options(in, T_ACCEPTED, &t->u.answer.accepted) != ERR_OK)
		return ERR_MALFORMED;
	return get_options(in, T_DECLINED, &t->u.answer.declined);
}

enum err
tri_read(struct rd payload, struct tri *out)
{
	struct tri t;
	struct ber e;

	memset(&t, 0, sizeof(t));
	t.kind = TRI_OTHER;
	if (ber_get(&payload, &e) != ERR_OK || rd_end(&payload) != ERR_OK)
		return ERR_MALFORMED;
	for (unsigned k = 0; k < TRI_OTHER; k++)
		if (e.tag == tag_of((enum tri_kind)k))
			t.kind = (enum tri_kind)k;
	if (t.kind != TRI_OTHER && content[t.kind] == NOTHING &&
	    e.content.left > 0)
		return ERR_MALFORMED;
	if (t.kind != TRI_OTHER && content[t.kind] == ELEMENTS &&
	    get_elements(e.content, &t) != ERR_OK)
		return ERR_MALFORMED;
	*out = t;
	return ERR_OK;
}
