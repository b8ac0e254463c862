/*
 * The delivery to one LEMF: anything that the LEMF, the network, the clock and
 * the token can do, in any order.  Records go out in the order of their
 * numbers; they are sent when written, and delivered when a question behind
 * them was answered; nothing is told twice or taken back; memory is bounded.
 *
 * Input: u8 rule, integrity and whether there are many records, u8 hash_pdus
 * and sign_hashes; then commands of an octet and what they need: records put,
 * octets written, answers, octets from the LEMF, time, signatures, a new
 * connection.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "hi2/deliver.h"
#include "hi2/iri.h"
#include "hi2/ps_pdu.h"
#include "hi2/tri.h"

#define STREAM 262144
#define ASKS 4096

static struct iri_profile profile;
static uint8_t record[4][1024];
static size_t record_len[4];

static struct run {
	struct deliver *d;
	enum deliver_rule rule;
	int64_t now;
	uint64_t put, sent, delivered; /* numbers */
	unsigned puts_left; /* few: a window is seldom filled */
	/* What the LEMF has got of this connection. */
	uint8_t stream[STREAM];
	size_t len;
	uint64_t first, got; /* numbers: the first of it, those that came */
	struct {
		enum tri_kind answer;
		uint32_t number;
		uint64_t got;
	} ask[ASKS];
	unsigned n_asks;
	uint64_t confirmed; /* a number, by answers that were given */
	/* What it says. */
	uint8_t in[2 * DELIVER_IN_MAX];
	size_t in_len;
	uint64_t signs[16];
	unsigned n_signs;
	bool up;
} r;

static void
make_records(void)
{
	MUST(iri_profile_named("etsi", &profile) == ERR_OK &&
	    iri_profile_set(&profile, "operator_id", "OP", NULL) == ERR_OK);
	for (unsigned i = 0; i < 3; i++) {
		struct iri_record iri = {.event = IRI_SIP,
		    .correlation = {0, 0, 0, 0, 0, 0, 0, (uint8_t)i},
		    .sequence = i};

		rd_init(&iri.liid, "L1L2", i == 2 ? 4 : 2);
		rd_init(&iri.sip, "SIP", 3);
		MUST(iri_encode(&profile, &iri, record[i], sizeof(record[i]),
			 &record_len[i]) == ERR_OK);
	}
	struct ps_header h = {.sequence = 0};
	const struct tri reset = {.kind = TRI_CIN_RESET};

	rd_init(&h.liid, "L1", 2);
	MUST(tri_encode(&profile, &h, &reset, record[3], sizeof(record[3]),
		 &record_len[3]) == ERR_OK);
}

/* What kind a record of this number has. */
static unsigned
kind_of(uint64_t number)
{
	return number % 7 == 6 ? 3 : (unsigned)(number % 3);
}

static void
events(void)
{
	struct deliver_event e;

	while (deliver_next(r.d, &e)) {
		if (e.what == DELIVER_SENT_TO) {
			MUST(e.number > r.sent && e.number <= r.put);
			MUST(e.number <= r.got);
			r.sent = e.number;
		} else if (e.what == DELIVER_DELIVERED_TO) {
			MUST(e.number > r.delivered && e.number <= r.sent);
			MUST(r.rule == DELIVER_SENT || e.number <= r.confirmed);
			r.delivered = e.number;
		} else if (e.what == DELIVER_SIGN) {
			MUST(e.octets.left > 0 && e.octets.left % 32 == 0);
			MUST(r.n_signs < 16);
			r.signs[r.n_signs++] = e.number;
		}
	}
}

/* ---- the LEMF's end ---- */

static void
understand(struct rd pdu)
{
	struct ps_pdu p;
	struct tri t = {.kind = TRI_OTHER};

	MUST(ps_pdu_read(pdu, &p) == ERR_OK);
	if (p.kind == PS_TRI)
		MUST(tri_read(p.payload, &t) == ERR_OK);
	if (p.kind == PS_IRI || t.kind == TRI_CIN_RESET) {
		const uint64_t number = r.got == 0 ? r.first : r.got + 1;
		const unsigned k = kind_of(number);

		MUST(number <= r.put);
		MUST(rd_is(&pdu, record[k], record_len[k]));
		r.got = number;
	}
	if ((t.kind == TRI_KEEP_ALIVE ||
		t.kind == TRI_ACKNOWLEDGEMENT_REQUEST) &&
	    r.n_asks < ASKS) {
		r.ask[r.n_asks].answer = t.kind == TRI_KEEP_ALIVE
		    ? TRI_KEEP_ALIVE_RESPONSE
		    : TRI_ACKNOWLEDGEMENT_RESPONSE;
		r.ask[r.n_asks].number = p.sequence;
		r.ask[r.n_asks++].got = r.got;
	}
}

static void
write_some(size_t most)
{
	struct rd out = deliver_out(r.d), have, pdu;
	struct ber_frame f = {0};
	size_t len;

	if (most > out.left)
		most = out.left;
	if (most > STREAM - r.len)
		most = STREAM - r.len;
	if (most > 0)
		memcpy(r.stream + r.len, out.p, most);
	r.len += most;
	rd_init(&have, r.stream, r.len);
	while (ps_pdu_frame(&f, have, STREAM, &len) == ERR_OK) {
		MUST(rd_view(&have, len, &pdu) == ERR_OK);
		understand(pdu);
	}
	memmove(r.stream, have.p, have.left);
	r.len = have.left;
	deliver_wrote(r.d, most, r.now);
	events();
}

/* What an answer may confirm, by a reading of our own. */
static void
confirm(struct rd pdu)
{
	struct ps_pdu p;
	struct tri t;

	if (ps_pdu_read(pdu, &p) != ERR_OK || p.kind != PS_TRI ||
	    tri_read(p.payload, &t) != ERR_OK)
		return;
	for (unsigned i = 0; i < r.n_asks; i++)
		if (r.ask[i].answer == t.kind &&
		    r.ask[i].number == p.sequence && r.ask[i].got > r.confirmed)
			r.confirmed = r.ask[i].got;
}

static void
say(struct rd octets)
{
	struct rd have, pdu;
	struct why why = {""};
	enum err rc;
	size_t len;

	if (octets.left > sizeof(r.in) - r.in_len)
		return;
	memcpy(r.in + r.in_len, octets.p, octets.left);
	r.in_len += octets.left;
	rd_init(&have, r.in, r.in_len);
	for (;;) {
		struct ber_frame f = {0};

		if (ps_pdu_frame(&f, have, DELIVER_IN_MAX, &len) != ERR_OK)
			break;
		MUST(rd_view(&have, len, &pdu) == ERR_OK);
		confirm(pdu);
	}
	memmove(r.in, have.p, have.left);
	r.in_len = have.left;
	rc = deliver_take(r.d, octets, r.now, 0, &why);
	MUST(rc == ERR_OK || rc == ERR_MALFORMED || rc == ERR_TOOBIG ||
	    rc == ERR_MISMATCH);
	MUST((rc == ERR_OK) == (why.text[0] == '\0'));
	events();
	if (rc != ERR_OK) {
		deliver_down(r.d);
		events();
		r.up = false;
	}
}

static void
answer(uint8_t kind, uint8_t number)
{
	struct tri t = {.kind = (enum tri_kind)(kind % TRI_OTHER)};
	struct ps_header h = {.sequence = number};
	uint8_t b[TRI_MAX];
	struct rd pdu;
	size_t len;

	rd_init(&h.liid, "-", 1);
	if (t.kind == TRI_OPTION_RESPONSE) {
		t.u.answer.accepted = (number & 1) != 0;
		t.u.answer.declined = (number & 2) != 0;
	}
	if (tri_encode(&profile, &h, &t, b, sizeof(b), &len) != ERR_OK)
		return;
	rd_init(&pdu, b, len);
	say(pdu);
}

/* The oldest question that has come and was not answered. */
static void
answer_next(void)
{
	if (r.n_asks == 0)
		return;
	for (unsigned i = 0; i < r.n_asks; i++)
		if (r.ask[i].got >= r.confirmed) {
			answer((uint8_t)r.ask[i].answer,
			    (uint8_t)r.ask[i].number);
			return;
		}
}

/* ---- the queue's end ---- */

static void
put_some(unsigned n)
{
	for (; n > 0 && r.puts_left > 0; n--, r.puts_left--) {
		const uint64_t number = r.put + 1;
		const unsigned k = kind_of(number);
		struct rd pdu;
		enum err rc;

		rd_init(&pdu, record[k], record_len[k]);
		rc = deliver_put(r.d, number, pdu, r.now, 0);
		MUST(rc == ERR_OK || rc == ERR_AGAIN || rc == ERR_FULL);
		MUST((rc == ERR_AGAIN) == !deliver_open(r.d));
		if (rc != ERR_OK)
			break;
		r.put = number;
		if (n == 1) /* and not once more */
			MUST(deliver_put(r.d, number, pdu, r.now, 0) ==
			    ERR_MALFORMED);
	}
	events();
}

static void
connect_anew(void)
{
	deliver_down(r.d);
	events();
	MUST(deliver_out(r.d).left == 0 && !deliver_open(r.d));
	MUST(deliver_up(r.d, r.now, 0) == ERR_OK);
	r.up = true;
	r.put = r.sent = r.confirmed = r.delivered;
	r.first = r.delivered + 1;
	r.got = 0;
	r.n_asks = 0;
	if (r.n_signs > 8) /* those of before are asked for no more */
		r.n_signs = 0;
	r.len = r.in_len = 0;
}

static void
tick(int64_t ms)
{
	struct why why = {""};
	enum err rc;

	r.now += ms;
	rc = deliver_tick(r.d, r.now, 0, &why);
	MUST(rc == ERR_OK || rc == ERR_CLOSED);
	MUST((rc == ERR_OK) == (why.text[0] == '\0'));
	events();
	if (rc == ERR_OK)
		MUST(deliver_due(r.d) > r.now);
	else
		connect_anew();
}

static void
sign(uint8_t how)
{
	struct rd sig;

	if (r.n_signs == 0)
		return;
	rd_init(&sig, "signature", how % 4 == 0 ? 0 : 9);
	MUST(deliver_signature(r.d, r.signs[--r.n_signs], sig, r.now, 0) ==
	    ERR_OK);
	events();
}

static void
command(struct rd *in)
{
	const uint8_t b = take_u8(in), n = b >> 3;

	if (!r.up || (b & 7) == 7)
		connect_anew();
	switch (b & 7) {
	case 0:
		put_some(n == 31 ? 300 : n + 1U);
		break;
	case 1:
		write_some(n == 31 ? STREAM : 1U << n % 16);
		break;
	case 2:
		answer_next();
		break;
	case 3:
		answer(n, take_u8(in));
		break;
	case 4:
		say(take_view8(in));
		break;
	case 5:
		tick((int64_t)1 << n % 18);
		break;
	case 6:
		sign(n);
		break;
	default:
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct deliver_config c = {.time1 = 1000,
	    .time2 = 20000,
	    .time3 = 60000,
	    .hash_ms = 500,
	    .sign_ms = 2000};
	unsigned commands = 0;
	struct rd in;
	uint8_t b;

	if (record_len[0] == 0)
		make_records();
	rd_init(&in, data, size);
	b = take_u8(&in);
	memset(&r, 0, sizeof(r));
	r.rule = c.rule = (enum deliver_rule)(b % 3);
	c.integrity = (enum deliver_integrity)(b / 3 % 3);
	r.puts_left = b >= 0xf0 ? 10000 : 400;
	b = take_u8(&in);
	c.hash_pdus = 1 + b % 16;
	c.sign_hashes = 1 + b / 16;
	c.profile = profile;
	MUST(deliver_new(&c, &r.d) == ERR_OK);
	while (in.left > 0 && commands++ < 512)
		command(&in);
	deliver_free(&r.d);
	return 0;
}
