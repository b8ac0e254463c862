/*
 * The seven messages of a getKeys (u16 and octets each) and the identities of
 * a target (u8 and octets each): parsed, passed on, judged at both ends.
 */
#include <stdlib.h>
#include <string.h>

#include "call_judge.h"
#include "mikey_split.h"

#define MESSAGES 7

static void
cut(struct rd in, struct rd m[MESSAGES], struct rd *rest)
{
	for (int i = 0; i < MESSAGES; i++)
		m[i] = take_view16(&in);
	*rest = in;
}

/* Put V/PRF, CSB ID and #CS of the first message into all. */
static void
one_bundle(const struct rd m[MESSAGES], uint8_t *data)
{
	for (int i = 1; i < MESSAGES; i++)
		if (m[0].left > 9 && m[i].left > 9)
			memcpy(data + (m[i].p - data) + 3, m[0].p + 3, 5);
}

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size,
    unsigned int seed)
{
	static uint8_t message[65536], all[8 * 65536];
	struct rd in, m[MESSAGES], rest;
	struct wr w;
	size_t n, len;
	int i;

	rd_init(&in, data, size);
	cut(in, m, &rest);
	if (seed % 8 == 0)
		return LLVMFuzzerMutate(data, size, max_size);
	if (seed % 8 == 1) {
		one_bundle(m, data);
		return size;
	}
	srand(seed);
	i = rand() % MESSAGES;
	n = m[i].left;
	if (n > 0)
		memcpy(message, m[i].p, n);
	n = mikey_mutate(message, n, MAX_MIKEY + 8, seed);
	rd_init(&m[i], message, n);
	wr_init(&w, all, sizeof(all));
	for (i = 0; i < MESSAGES; i++)
		wr_view16(&w, m[i].p, m[i].left);
	wr_copy(&w, rest.p, rest.left);
	if (wr_finish(&w, &len) != ERR_OK || len > max_size)
		return LLVMFuzzerMutate(data, size, max_size);
	memcpy(data, all, len);
	return len;
}

static void
judge(const struct call *c, struct rd rest)
{
	struct rd ids[1 + MAX_DEVICES];
	static struct call there;
	struct judgement a, b;
	size_t n = 0;

	call_judge_wire(c, &there);
	while (rest.left > 0 && n < 1 + MAX_DEVICES)
		ids[n++] = take_view8(&rest);
	if (n == 0)
		ids[n++] = c->i1.idri.data;
	a = call_judge(c, ids, n);
	b = call_judge(&there, ids, n);
	MUST(a.rc == b.rc);
	MUST(a.rc != ERR_OK || (a.role == b.role && rd_equal(&a.as, &b.as)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd in, m[MESSAGES], rest;
	static struct call c;
	struct xk_get_keys k = {.curve = 0};
	enum xk_reason why;

	rd_init(&in, data, size);
	cut(in, m, &rest);
	for (int i = 0; i < MESSAGES; i++)
		m[i] = own_copy(m[i]);
	k.i_message1 = m[0];
	k.r_message1 = m[1];
	k.i_message2 = m[2];
	k.r_message2 = m[3];
	k.first_i_message1 = m[4];
	k.first_r_message1 = m[5];
	k.first_i_message2 = m[6];
	why = call_from_request(&k, &c);
	MUST(why == XK_GRANTED || why == XK_MALFORMED || why == XK_UNSUPPORTED);
	/* What xk takes must be taken behind it, in the room it sizes. */
	if (why == XK_GRANTED) {
		const size_t cap = call_put_max(&c);
		uint8_t *p = malloc(cap);
		struct wr w;

		MUST(p != NULL);
		wr_init(&w, p, cap);
		call_put(&w, &c);
		MUST(w.rc == ERR_OK);
		free(p);
		judge(&c, rest);
	}
	for (int i = 0; i < MESSAGES; i++)
		own_free(&m[i]);
	return 0;
}
