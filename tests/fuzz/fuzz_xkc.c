/*
 * What comes back from the appliance that makes keys: a stream in pieces,
 * while messages and fetches come and go.  A fetch must be told of exactly
 * once; keys must be those of the response with its own requestId, which a
 * plain reading of the stream finds; nothing that was read may stay in the
 * buffer.
 *
 * Input: u16 and the script (an octet for what is done, one for with what),
 * the stream.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "appliance/xkc_asks.h"
#include "appliance/xkc_held.h"
#include "der_mutate.h"

#define FETCHES 512
#define EPOCH 7
#define WORKERS 2

struct fetch {
	bool open;
	unsigned worker;
	uint32_t id, ticket, request; /* request 0: not sent */
};

static struct world {
	struct xkc_asks *asks;
	struct rd stream; /* all of it */
	size_t fed, plain; /* given to the asks, read by ourselves */
	struct fetch fetch[FETCHES];
	unsigned n;
	uint32_t alive; /* requestId of the last keepAlive */
	int64_t now;
} w;

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size,
    unsigned int seed)
{
	struct rd in, script;
	size_t head;

	rd_init(&in, data, size);
	script = take_view16(&in);
	head = 2 + script.left;
	if (seed % 4 == 0 || head >= size)
		return LLVMFuzzerMutate(data, size, max_size);
	return head +
	    der_mutate(data + head, size - head, max_size - head, seed / 4);
}

/* The fetch that a request is for stands in its target. */
static bool
send_pdu(void *ctx, const uint8_t *der, size_t len)
{
	struct fetch *f;
	char text[8] = "";
	struct xk_msg m;
	uint32_t id;
	unsigned n;
	struct rd r;

	MUST(ctx == &w);
	rd_init(&r, der, len);
	MUST(xk_pdu_decode(r, &m, &id) == ERR_OK && id != 0);
	if (m.type == XK_KEEP_ALIVE) {
		w.alive = id;
		xk_msg_free(&m);
		return true;
	}
	MUST(m.type == XK_GET_KEYS &&
	    m.u.get_keys.public_kms_identity.left < sizeof(text));
	memcpy(text, m.u.get_keys.public_kms_identity.p,
	    m.u.get_keys.public_kms_identity.left);
	MUST(sscanf(text, "f%u", &n) == 1 && n < w.n);
	f = &w.fetch[n];
	MUST(f->open && f->request == 0);
	MUST(m.u.get_keys.i_message1.p[0] == (uint8_t)f->ticket);
	for (unsigned i = 0; i < w.n; i++)
		MUST(!w.fetch[i].open || w.fetch[i].request != id);
	f->request = id;
	xk_msg_free(&m);
	return true;
}

/* The answer that the response to `request` in the stream makes. */
static bool
stream_has(uint32_t request, struct rd answer)
{
	bool same = false, found = false;

	while (!found && w.plain < w.fed) {
		struct xk_msg m;
		struct rd r;
		struct wr wr;
		size_t len;
		uint32_t id;

		rd_init(&r, w.stream.p + w.plain, w.fed - w.plain);
		MUST(xk_pdu_length(r, &len) == ERR_OK && len <= r.left);
		r.left = len;
		w.plain += len;
		MUST(xk_pdu_decode(r, &m, &id) == ERR_OK);
		found = m.type == XK_GET_KEYS_RESPONSE && id == request;
		if (found) {
			const size_t cap = msg_answer_max(m.u.keys);

			wr_init(&wr, malloc(cap), cap);
			MUST(wr.p != NULL);
			msg_answer_put(&wr, EPOCH, m.u.keys);
			same = rd_is(&answer, wr.p, wr.len);
			free(wr.p);
		}
		xk_msg_free(&m);
	}
	return same;
}

static void
fetched(void *ctx, unsigned worker, uint32_t id, const struct msg_fetched *m)
{
	struct fetch *f = NULL;

	MUST(ctx == &w);
	for (unsigned i = 0; i < w.n; i++)
		if (w.fetch[i].open && w.fetch[i].worker == worker &&
		    w.fetch[i].id == id)
			f = &w.fetch[i];
	MUST(f != NULL);
	MUST((m->reason == XK_GRANTED) == (m->answer.left > 0));
	if (m->reason == XK_GRANTED)
		MUST(f->request != 0 && stream_has(f->request, m->answer));
	f->open = false;
}

/* ---- what the script says ---- */

/* Some octets more of the stream; false: the connection has ended. */
static bool
feed(size_t n)
{
	static uint8_t buf[2 * MAX_XK_PDU];
	static size_t have;
	enum err rc;

	if (w.fed == 0)
		have = 0;
	if (n > w.stream.left - w.fed)
		n = w.stream.left - w.fed;
	if (have + n > sizeof(buf))
		n = sizeof(buf) - have;
	memcpy(buf + have, w.stream.p + w.fed, n);
	have += n;
	w.fed += n;
	n = have;
	rc = xkc_asks_take(w.asks, buf, &have);
	MUST(have <= n);
	for (size_t i = have; i < n; i++)
		MUST(buf[i] == 0);
	MUST(rc != ERR_OK || have < MAX_XK_PDU);
	return rc == ERR_OK;
}

static void
answer_alive(void)
{
	uint8_t *der;
	size_t len, left;

	MUST(xk_encode_keep_alive(w.alive, XK_KEEP_ALIVE_RESPONSE, &der,
		 &len) == ERR_OK);
	left = len;
	MUST(xkc_asks_take(w.asks, der, &left) == ERR_OK && left == 0);
	xk_der_free(&der, len);
}

static void
give_messages(uint32_t ticket)
{
	uint8_t octets[4];
	struct msg_mikey m = {.epoch = EPOCH};

	memset(octets, (int)ticket, sizeof(octets));
	rd_init(&m.i1, octets, sizeof(octets));
	m.r1 = m.i1;
	MUST(xkc_asks_mikey(w.asks, ticket, &m, w.now) == ERR_OK);
}

static void
begin_fetch(unsigned worker, uint32_t ticket)
{
	struct fetch *f = &w.fetch[w.n];
	char target[16];
	struct msg_fetch m = {{EPOCH, ticket}, {NULL, 0}};

	if (w.n == FETCHES)
		return;
	rd_init(&m.target, target,
	    (size_t)snprintf(target, sizeof(target), "f%u", w.n));
	*f = (struct fetch){.open = true,
	    .worker = worker,
	    .id = w.n++,
	    .ticket = ticket};
	MUST(xkc_asks_fetch(w.asks, worker, f->id, &m, w.now) == ERR_OK);
	if (f->open)
		MUST(xkc_asks_fetch(w.asks, worker, f->id, &m, w.now) ==
		    ERR_EXISTS);
}

static void
worker_leaves(unsigned worker)
{
	xkc_asks_worker_left(w.asks, worker);
	for (unsigned i = 0; i < w.n; i++)
		if (w.fetch[i].worker == worker)
			w.fetch[i].open = false;
}

/* False: the connection has ended. */
static bool
step(uint8_t what, uint8_t with)
{
	switch (what % 8) {
	case 0:
		return feed(with);
	case 1:
		return feed(SIZE_MAX);
	case 2:
		give_messages(with % 4);
		return true;
	case 3:
	case 4:
		begin_fetch(with % WORKERS, with / WORKERS % 4);
		return true;
	case 5:
		xkc_asks_gone(w.asks, with % 4);
		return true;
	case 6:
		w.now += 100 * (int64_t)with;
		return xkc_asks_tick(w.asks, w.now) == ERR_OK;
	default:
		worker_leaves(with % WORKERS);
		return true;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct xkc_ops ops = {send_pdu, fetched};
	static const struct xkc_times times = {5000, 60000};
	struct xkc_counts c;
	struct rd in, script;
	bool there = true;

	rd_init(&in, data, size);
	script = take_view16(&in);
	memset(&w, 0, sizeof(w));
	w.stream = own_copy(in);
	MUST(xkc_asks_new(&times, &ops, &w, &w.asks) == ERR_OK);
	xkc_asks_begin(w.asks, w.now);
	answer_alive();
	MUST(xkc_asks_is_up(w.asks));
	while (there && script.left > 0) {
		const uint8_t what = take_u8(&script);

		there = step(what, take_u8(&script));
		xkc_asks_count(w.asks, &c);
		MUST(c.open <= XKC_ASKS && c.tickets <= 4);
	}
	if (there)
		(void)feed(SIZE_MAX);
	/* Nobody waits for ever. */
	xkc_asks_down(w.asks);
	for (unsigned i = 0; i < w.n; i++)
		MUST(!w.fetch[i].open);
	xkc_asks_count(w.asks, &c);
	MUST(c.open == 0);
	xkc_asks_free(&w.asks);
	own_free(&w.stream);
	return 0;
}
