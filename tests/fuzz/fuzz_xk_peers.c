/*
 * What policy and workers say to keywarden-xk of connections and requests, in
 * any order, while clients ask and go: each request gets one answer and no
 * other, whatever is said; what xk asks is what its neighbours read.
 *
 * Input: acts, each u8 and what it needs: see do_one().
 */
#include <stdlib.h>
#include <string.h>

#include "appliance/xk_proc.h"
#include "base/log.h"
#include "channel.h"

#define CONNS 4
#define IDS 16 /* requestIds of a connection */
#define ACTS 256

static struct xk xk;
static struct conn conns[CONNS];
static struct plain {
	bool there;
	bool owed[IDS]; /* answers */
	bool closing; /* after a malformed PDU nothing is owed */
} plain[CONNS];
/* What it has asked last: id of the frame. */
static uint32_t asked_id;

static unsigned
number_of(const struct conn *c)
{
	MUST(c >= conns && c < conns + CONNS);
	return (unsigned)(c - conns);
}

/* ---- in the place of xk_conn.c ---- */

void
xk_conn_send(struct conn *c, const uint8_t *der, size_t len)
{
	struct plain *p = &plain[number_of(c)];
	struct xk_msg m;
	struct rd in;
	uint32_t id;

	rd_init(&in, der, len);
	MUST(p->there && xk_pdu_decode(in, &m, &id) == ERR_OK);
	if (m.type == XK_GET_KEYS_RESPONSE ||
	    (m.type == XK_REFUSAL && m.u.refusal.reason != XK_MALFORMED)) {
		MUST(id < IDS && p->owed[id]);
		p->owed[id] = false;
	} else
		MUST(m.type == XK_KEEP_ALIVE_RESPONSE || m.type == XK_REFUSAL);
	/* That an id is malformed is told of a request that was taken, too. */
	if (m.type == XK_REFUSAL && m.u.refusal.reason == XK_MALFORMED &&
	    id < IDS)
		p->owed[id] = false;
	xk_msg_free(&m);
}

void
xk_conn_close_after_sending(struct conn *c)
{
	c->state = CONN_CLOSING;
	plain[number_of(c)].closing = true;
}

void
xk_conn_begin(struct conn *c)
{
	c->state = CONN_HANDSHAKE;
}

void
xk_conn_free(struct conn *c)
{
	struct conn **at = &xk.conns;

	xk_forget_conn(c);
	if (c->client != NULL)
		xk_share_leave(&xk, c->client);
	xk_client_left(c);
	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	free(c->outstanding);
	memset(&plain[number_of(c)], 0, sizeof(plain[0]));
	memset(c, 0, sizeof(*c));
}

/* ---- what it says ---- */

void
channel_sent(struct peer *p, uint16_t type, uint32_t id, struct rd body)
{
	struct client_proof proof;
	struct msg_note note;
	struct msg_ask ask;

	MUST(p == xk.policy);
	switch (type) {
	case MSG_ASK:
		MUST(msg_ask_get(body, &ask) == ERR_OK && ask.epoch == 7);
		asked_id = id;
		break;
	case MSG_NOTE:
		MUST(msg_note_get(body, &note) == ERR_OK);
		break;
	case MSG_CLIENT:
		MUST(msg_client_get(body, &proof) == ERR_OK);
		break;
	default:
		MUST(type == MSG_CONN || type == MSG_CONN_GONE);
		MUST(body.left == 0);
	}
}

/* ---- acts ---- */

static void
connect_one(struct conn *c)
{
	struct plain *p = &plain[number_of(c)];
	struct conn **at;
	uint32_t id;

	if (p->there || (at = slots_take(xk.ids, &id)) == NULL)
		return;
	*at = c;
	*c = (struct conn){.x = &xk, .fd = -1, .id = id, .next = xk.conns};
	xk.conns = c;
	p->there = true;
	if (xk_client_came(c) != ERR_OK)
		xk_conn_free(c);
}

/* Its handshake is over; who it is has been told. */
static void
open_one(struct conn *c)
{
	uint8_t fingerprint[ALLOWANCE_WHO] = {0};

	if (!plain[number_of(c)].there || c->state != CONN_HANDSHAKE)
		return;
	/* Two connections are of one client. */
	fingerprint[0] = (uint8_t)(number_of(c) / 2);
	MUST((c->client = xk_share_join(&xk, fingerprint)) != NULL);
	c->state = CONN_OPEN;
	c->proven = c->known;
}

static void
ask(struct conn *c, struct rd *in)
{
	static const uint8_t filler[8] = {1};
	struct plain *p = &plain[number_of(c)];
	const uint8_t id = take_u8(in) % IDS;
	struct xk_get_keys k = {.curve = 0};
	struct rd pdu;
	uint8_t *der;
	size_t len;

	if (!p->there || c->state != CONN_OPEN)
		return;
	rd_init(&k.public_kms_identity, "sip:a@x", 7);
	rd_init(&k.i_message1, filler, sizeof(filler));
	rd_init(&k.r_message1, filler, sizeof(filler));
	MUST(xk_encode_get_keys(id, &k, &der, &len) == ERR_OK);
	rd_init(&pdu, der, len);
	if (p->owed[id])
		memset(p->owed, 0, sizeof(p->owed)); /* none is told any more */
	else
		p->owed[id] = true;
	xk_on_pdu(c, pdu);
	xk_der_free(&der, len);
}

/* Any PDU: requests of the table above are not among them. */
static void
octets(struct conn *c, struct rd *in)
{
	struct rd pdu = take_view16(in);
	struct xk_msg m;
	uint32_t id;

	if (!plain[number_of(c)].there || c->state != CONN_OPEN)
		return;
	if (xk_pdu_decode(pdu, &m, &id) == ERR_OK) {
		const bool request = m.type == XK_GET_KEYS ||
		    m.type == XK_GET_EC_VALUES ||
		    m.type == XK_GET_PRIVATE_KEY || m.type == XK_GET_SECRET;

		xk_msg_free(&m);
		if (request)
			return;
	}
	xk_on_pdu(c, pdu);
}

static void
answer(struct rd *in)
{
	static struct xk_get_keys_response k;
	static uint8_t body[4096];
	const uint8_t what = take_u8(in);
	const uint64_t epoch = (what & 1) != 0 ? 6 : 7;
	const struct msg_refuse no = {epoch,
	    (enum xk_reason)(1 + what % (XK_REASON__MAX - 1)), {NULL, 0}};
	const bool by_policy = (what & 2) != 0, refuse = (what & 4) != 0;
	const uint32_t id = (what & 8) != 0 ? take_u8(in) : asked_id;
	struct rd r;
	struct wr w;

	wr_init(&w, body, sizeof(body));
	k.n_keys = 1 + what % 4;
	if (by_policy || refuse)
		msg_refuse_put(&w, &no);
	else
		msg_answer_put(&w, epoch, &k);
	MUST(w.rc == ERR_OK);
	rd_init(&r, body, w.len);
	if (no.reason == XK_MALFORMED && id == asked_id)
		return; /* is told of a connection that ends */
	MUST(channel_give(by_policy ? &xk_policy_ops : &xk_hsm_ops, &xk,
		 by_policy    ? MSG_REFUSE
		     : refuse ? MSG_NO_ANSWER
			      : MSG_ANSWER,
		 id, r) == ERR_OK);
}

/* False: xk has ended. */
static bool
do_one(struct rd *in)
{
	const uint8_t what = take_u8(in);
	struct conn *c = &conns[what / 16 % CONNS];

	switch (what % 16) {
	case 0:
		connect_one(c);
		break;
	case 1:
	case 2:
		return channel_say(&xk_policy_ops, &xk, in) == ERR_OK;
	case 3:
		return channel_say(&xk_hsm_ops, &xk, in) == ERR_OK;
	case 4:
	case 5:
		ask(c, in);
		break;
	case 6:
	case 7:
		answer(in);
		break;
	case 8:
		octets(c, in);
		break;
	case 9:
		open_one(c);
		break;
	case 10:
		if (plain[number_of(c)].there)
			xk_conn_free(c);
		break;
	case 11:
		if (xk.policy != NULL)
			xk_policy_ops.closed(&xk, xk.policy);
		break;
	case 12:
		if (xk.policy == NULL) {
			xk.policy = channel_open();
			xk_policy_joined(&xk);
		}
		break;
	case 13:
		if (xk.policy != NULL)
			channel_full(xk.policy, what >> 6);
		break;
	case 14:
		xk_client_tick(&xk);
		break;
	default:
		xk_request_tick(&xk);
	}
	return true;
}

static void
start(void)
{
	/* No client asks too often: time stands still here. */
	static const struct admission_settings any = {.client_requests = 0};
	static bool done;

	memset(conns, 0, sizeof(conns));
	memset(plain, 0, sizeof(plain));
	if (!done) {
		log_init("xk", LOG_LVL_ERROR);
		MUST(uv_loop_init(&xk.loop) == 0);
		MUST(admission_init(&xk.admission, &any) == ERR_OK);
	}
	done = true;
	xk.conns = NULL;
	xk.epoch = 7;
	xk.settings = (struct xk_settings){.max_connections = CONNS,
	    .max_outstanding = 24,
	    .max_outstanding_each = 12,
	    .max_outstanding_client = 20,
	    .max_queued = 1 << 20,
	    .request_seconds = 10};
	MUST(slots_new(sizeof(struct asked), 32, &xk.requests) == ERR_OK);
	MUST(slots_new(sizeof(struct conn *), 64, &xk.ids) == ERR_OK);
	xk.policy = channel_open();
}

/* Nobody waits for an answer any longer. */
static void
finish(void)
{
	xk_fail_all(&xk);
	for (unsigned i = 0; i < CONNS; i++) {
		for (unsigned k = 0; k < IDS; k++)
			MUST(!plain[i].owed[k]);
		if (plain[i].there)
			xk_conn_free(&conns[i]);
	}
	MUST(xk.clients == NULL && xk.held_octets == 0);
	peer_free(&xk.policy);
	slots_free(&xk.requests);
	slots_free(&xk.ids);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool alive = true;
	struct rd in;

	start();
	rd_init(&in, data, size);
	for (unsigned i = 0; i < ACTS && alive && in.left > 0; i++)
		alive = do_one(&in);
	finish();
	return 0;
}
