#include <string.h>

#include "hi2/iri.h"
#include "hi2/ps_pdu.h"
#include "hi2c_told.h"

struct told told;
struct iri_profile lemf_profile;

/* ---- what hi2 is told ---- */

static void
upto(struct rd body, uint64_t *told_upto, uint64_t most)
{
	struct msg_upto m;

	MUST(msg_upto_get(body, &m) == ERR_OK && m.epoch == told.epoch);
	MUST(m.epoch == process.epoch && m.number > *told_upto);
	MUST(stand.strange || m.number <= most);
	*told_upto = m.number;
}

static void
state_is(struct rd body)
{
	struct msg_link m;

	MUST(msg_link_get(body, &m) == ERR_OK && m.epoch == process.epoch);
	MUST(m.state == LINK_DOWN || line.up);
	told.state = m.state;
	if (m.state != LINK_OPEN || m.epoch == told.epoch)
		return;
	MUST(m.epoch > told.epoch);
	told.epoch = m.epoch;
	told.last = told.sent = told.delivered;
}

void
channel_sent(struct peer *p, uint16_t type, uint32_t id, struct rd body)
{
	MUST(p == process.hi2);
	switch (type) {
	case MSG_LINK:
		state_is(body);
		break;
	case MSG_SENT:
		upto(body, &told.sent, told.got);
		break;
	case MSG_DELIVERED:
		upto(body, &told.delivered,
		    process.rule == DELIVER_SENT ? told.got : told.confirmed);
		MUST(told.delivered <= told.sent);
		break;
	default:
		MUST(type == MSG_SIGN && id == (uint32_t)process.signs);
		MUST(process.signs > told.asked_signs && body.left > 0 &&
		    body.left % 32 == 0 && body.left <= MAX_SIGN_DATA);
		told.asked_signs = process.signs;
		if (told.n_signs < SIGNS)
			told.signs[told.n_signs++] = id;
	}
}

/* ---- the LEMF ---- */

size_t
lemf_record(uint64_t number, uint8_t *out, size_t cap)
{
	struct iri_record iri = {.event = IRI_SIP,
	    .correlation = {0, 0, 0, 0, 0, 0, 0, (uint8_t)(number % 3)},
	    .sequence = (uint32_t)number};
	size_t len;

	rd_init(&iri.liid, "L1L2", number % 5 == 4 ? 4 : 2);
	rd_init(&iri.sip, "SIP", 3);
	MUST(iri_encode(&lemf_profile, &iri, out, cap, &len) == ERR_OK);
	return len;
}

static void
understand(struct rd pdu)
{
	struct ps_pdu p;
	struct tri t = {.kind = TRI_OTHER};
	uint8_t want[1024];
	size_t len;

	MUST(ps_pdu_read(pdu, &p) == ERR_OK);
	if (p.kind == PS_TRI)
		MUST(tri_read(p.payload, &t) == ERR_OK);
	if (p.kind == PS_IRI) {
		len = lemf_record(++told.got, want, sizeof(want));
		MUST(told.got <= told.last && rd_is(&pdu, want, len));
	}
	if ((t.kind == TRI_KEEP_ALIVE ||
		t.kind == TRI_ACKNOWLEDGEMENT_REQUEST) &&
	    told.n_asks < LEMF_ASKS) {
		told.ask[told.n_asks].answer = t.kind == TRI_KEEP_ALIVE
		    ? TRI_KEEP_ALIVE_RESPONSE
		    : TRI_ACKNOWLEDGEMENT_RESPONSE;
		told.ask[told.n_asks].number = p.sequence;
		told.ask[told.n_asks++].got = told.got;
	}
}

void
lemf_reads(size_t most)
{
	const struct rd out = hi2c_link_ops.out(&process);
	struct ber_frame f = {0};
	struct rd have, pdu;
	size_t len;

	MUST(line.up || out.left == 0);
	if (most > out.left)
		most = out.left;
	if (most > LEMF_STREAM - told.len)
		most = LEMF_STREAM - told.len;
	if (most == 0)
		return;
	memcpy(told.stream + told.len, out.p, most);
	told.len += most;
	rd_init(&have, told.stream, told.len);
	while (!stand.strange &&
	    ps_pdu_frame(&f, have, LEMF_STREAM, &len) == ERR_OK) {
		MUST(rd_view(&have, len, &pdu) == ERR_OK);
		understand(pdu);
	}
	told.len = stand.strange ? 0 : have.left;
	memmove(told.stream, have.p, told.len);
	hi2c_link_ops.wrote(&process, most);
}

/* What an answer may confirm. */
static void
confirm(struct rd pdu)
{
	struct ps_pdu p;
	struct tri t;

	if (ps_pdu_read(pdu, &p) != ERR_OK || p.kind != PS_TRI ||
	    tri_read(p.payload, &t) != ERR_OK)
		return;
	for (unsigned i = 0; i < told.n_asks; i++)
		if (told.ask[i].answer == t.kind &&
		    told.ask[i].number == p.sequence &&
		    told.ask[i].got > told.confirmed)
			told.confirmed = told.ask[i].got;
}

static void
read_answers(struct rd octets)
{
	struct rd have, pdu;
	size_t len;

	memcpy(told.in + told.in_len, octets.p, octets.left);
	rd_init(&have, told.in, told.in_len + octets.left);
	for (;;) {
		struct ber_frame f = {0};

		if (ps_pdu_frame(&f, have, DELIVER_IN_MAX, &len) != ERR_OK)
			break;
		MUST(rd_view(&have, len, &pdu) == ERR_OK);
		confirm(pdu);
	}
	told.in_len = have.left;
	memmove(told.in, have.p, have.left);
}

void
lemf_says(struct rd octets)
{
	const char *why;

	if (!line.up || octets.left == 0 ||
	    octets.left > sizeof(told.in) - told.in_len)
		return;
	told.said = own_copy(octets);
	read_answers(told.said);
	why = hi2c_link_ops.take(&process, told.said);
	if (why != NULL)
		line_down(why);
	own_free(&told.said);
}

void
lemf_answers(uint8_t kind, uint32_t number)
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
	if (tri_encode(&lemf_profile, &h, &t, b, sizeof(b), &len) != ERR_OK)
		return;
	rd_init(&pdu, b, len);
	lemf_says(pdu);
}

void
lemf_answers_next(void)
{
	for (unsigned i = 0; i < told.n_asks; i++)
		if (told.ask[i].got > told.confirmed) {
			lemf_answers((uint8_t)told.ask[i].answer,
			    told.ask[i].number);
			return;
		}
}

void
lemf_begins(void)
{
	told.got = told.confirmed = told.delivered;
	told.n_asks = 0;
	told.len = told.in_len = 0;
}
