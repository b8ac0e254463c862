#include <stdlib.h>
#include <string.h>

#include "der_mutate.h"
#include "mikey_split.h"

/* Octets between Next payload and the length field; its octets. */
static const struct layout {
	uint8_t type, fixed, length;
} layouts[] = {
    {SPLIT_V, 1, 0}, /* auth alg; the MAC is the rest */
    {10, 2, 2}, /* SP */
    {11, 0, 1}, /* RAND */
    {14, 2, 2}, /* IDR */
    {21, 1, 2}, /* general extension */
    {SPLIT_IBAKE, 0, 2},
    {SPLIT_ESK, 0, 2},
};
#define PAYLOAD_T 5

static const struct layout *
layout_of(uint8_t type)
{
	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++)
		if (layouts[i].type == type)
			return &layouts[i];
	return NULL;
}

static bool
take_payload(struct rd *in, struct split_payload *p)
{
	const struct layout *l = layout_of(p->type);

	rd_init(&p->data, NULL, 0);
	if (p->type == PAYLOAD_T)
		return in->left > 0 &&
		    rd_view(in, in->p[0] < 2 ? 9 : 5, &p->fixed) == ERR_OK;
	if (l == NULL || rd_view(in, l->fixed, &p->fixed) != ERR_OK)
		return false;
	if (l->length == 0)
		return rd_view(in, in->left, &p->data) == ERR_OK;
	return (l->length == 1 ? rd_view8(in, &p->data)
			       : rd_view16(in, &p->data)) == ERR_OK;
}

bool
mikey_split(struct rd message, struct split *out)
{
	struct rd in = message;
	uint8_t next;

	out->n = 0;
	if (message.left < 10 ||
	    rd_view(&in, 10 + 9 * (size_t)message.p[8], &out->head) != ERR_OK)
		return false;
	next = message.p[2];
	while (next != 0) {
		struct split_payload *p = &out->payload[out->n];

		if (out->n == SPLIT_MAX)
			return false;
		p->type = next;
		if (rd_u8(&in, &next) != ERR_OK || !take_payload(&in, p))
			return false;
		out->n++;
	}
	return in.left == 0;
}

void
mikey_join(struct wr *w, const struct split *s)
{
	const struct rd h = s->head;

	wr_copy(w, h.p, 2);
	wr_u8(w, s->n > 0 ? s->payload[0].type : 0);
	wr_copy(w, h.p + 3, 5);
	wr_u8(w, (uint8_t)((h.left - 10) / 9));
	wr_copy(w, h.p + 9, h.left - 9);
	for (unsigned i = 0; i < s->n; i++) {
		const struct split_payload *p = &s->payload[i];
		const struct layout *l = layout_of(p->type);

		wr_u8(w, i + 1 < s->n ? s->payload[i + 1].type : 0);
		wr_copy(w, p->fixed.p, p->fixed.left);
		if (l != NULL && l->length == 1)
			wr_view8(w, p->data.p, p->data.left);
		else if (l != NULL && l->length == 2)
			wr_view16(w, p->data.p, p->data.left);
		else
			wr_copy(w, p->data.p, p->data.left);
	}
}

/* Mutate one part in a copy of its own. */
static void
mutate_part(struct rd *part, uint8_t *copy, size_t cap, bool der)
{
	size_t n = part->left < cap ? part->left : cap;

	if (n > 0)
		memcpy(copy, part->p, n);
	n = der ? der_mutate(copy, n, cap, (unsigned)rand())
		: LLVMFuzzerMutate(copy, n, cap);
	rd_init(part, copy, n);
}

/* One crypto session more, as the last, or one less; at least one is left. */
static void
change_sessions(struct rd *head, uint8_t *copy)
{
	const size_t n = head->left, one = 9, first = 10;

	if (rand() % 2 == 0 && n > first + one)
		head->left -= one;
	else if (n >= first + one && n < first + 255 * one) {
		memcpy(copy, head->p, n);
		memcpy(copy + n, head->p + n - one, one);
		rd_init(head, copy, n + one);
	}
}

static void
change(struct split *s, uint8_t *copy, size_t cap)
{
	struct split_payload *p = &s->payload[rand() % (int)s->n], *q, t;

	q = &s->payload[rand() % (int)s->n];
	switch (rand() % 8) {
	case 0: /* another order */
		t = *p;
		*p = *q;
		*q = t;
		break;
	case 1: /* one twice */
		if (s->n < SPLIT_MAX)
			s->payload[s->n++] = *p;
		break;
	case 2: /* one less */
		*p = s->payload[--s->n];
		break;
	case 3:
		change_sessions(&s->head, copy);
		break;
	case 4:
		if (p->fixed.left > 0) {
			memcpy(copy, p->fixed.p, p->fixed.left);
			copy[(size_t)rand() % p->fixed.left] ^=
			    (uint8_t)(1 << rand() % 8);
			rd_init(&p->fixed, copy, p->fixed.left);
		}
		break;
	default:
		mutate_part(&p->data, copy, cap,
		    p->type == SPLIT_IBAKE || p->type == SPLIT_ESK);
	}
}

size_t
mikey_mutate(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	static uint8_t copy[16384], message[65536];
	struct split s;
	struct rd in;
	struct wr w;
	size_t len;

	srand(seed);
	rd_init(&in, data, size);
	if (rand() % 4 == 0 || !mikey_split(in, &s) || s.n == 0)
		return LLVMFuzzerMutate(data, size, max_size);
	change(&s, copy, max_size < sizeof(copy) ? max_size : sizeof(copy));
	wr_init(&w, message, sizeof(message));
	mikey_join(&w, &s);
	if (wr_finish(&w, &len) != ERR_OK || len > max_size)
		return LLVMFuzzerMutate(data, size, max_size);
	memcpy(data, message, len);
	return len;
}
