/* A PDU of Xk: its length from its start, decode, and encode again. */
#include <stdlib.h>
#include <string.h>

#include "der_mutate.h"
#include "xk/xk_pdu.h"

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size,
    unsigned int seed)
{
	return der_mutate(data, size, max_size, seed);
}

/* The four requests share a body: only the tag of the CHOICE is another. */
static void
same_but_one_tag(struct rd in, const uint8_t *der, size_t len, bool same)
{
	unsigned differ = 0;

	MUST(len == in.left);
	for (size_t i = 0; i < len; i++)
		differ += der[i] != in.p[i];
	MUST(differ == (same ? 0 : 1));
}

static enum err
encode(const struct xk_msg *m, uint8_t **der, size_t *len)
{
	char *text = NULL;
	enum err rc = ERR_UNSUPPORTED;

	switch (m->type) {
	case XK_GET_KEYS:
	case XK_GET_EC_VALUES:
	case XK_GET_PRIVATE_KEY:
	case XK_GET_SECRET:
		return xk_encode_get_keys(m->request_id, &m->u.get_keys, der,
		    len);
	case XK_GET_KEYS_RESPONSE:
		return xk_encode_keys(m->request_id, m->u.keys, der, len);
	case XK_REFUSAL:
		if (m->u.refusal.text.p != NULL)
			text = take_text(m->u.refusal.text);
		/* The encoder takes C strings. */
		if (text == NULL || strlen(text) == m->u.refusal.text.left)
			rc = xk_encode_refusal(m->request_id,
			    m->u.refusal.reason, text, der, len);
		free(text);
		return rc;
	case XK_KEEP_ALIVE:
	case XK_KEEP_ALIVE_RESPONSE:
		return xk_encode_keep_alive(m->request_id, m->type, der, len);
	case XK_GET_EC_VALUES_RESPONSE:
	case XK_GET_PRIVATE_KEY_RESPONSE:
	case XK_GET_SECRET_RESPONSE:
	case XK_TYPE__MAX:
		break;
	}
	return ERR_UNSUPPORTED; /* checked and not kept */
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t id = 1;
	struct xk_msg m;
	struct rd in, start;
	uint8_t *der;
	size_t len = 0, n;
	enum err rc, got;

	rd_init(&in, data, size);
	rc = xk_pdu_length(in, &len);
	MUST(rc != ERR_OK || len <= MAX_XK_PDU);
	/* From fewer octets the same is told, or nothing yet. */
	for (size_t i = 0; i < 6 && i < size; i++) {
		rd_init(&start, data, i);
		got = xk_pdu_length(start, &n);
		MUST(got == ERR_AGAIN || (got == rc && (rc || n == len)));
	}
	if (xk_pdu_decode(in, &m, &id) != ERR_OK)
		return 0;
	MUST(rc == ERR_OK && len == size && id == m.request_id);
	rc = encode(&m, &der, &len);
	if (rc == ERR_OK) {
		same_but_one_tag(in, der, len,
		    m.type != XK_GET_EC_VALUES &&
			m.type != XK_GET_PRIVATE_KEY &&
			m.type != XK_GET_SECRET);
		xk_der_free(&der, len);
	}
	MUST(rc == ERR_OK || rc == ERR_UNSUPPORTED);
	xk_msg_free(&m);
	return 0;
}
