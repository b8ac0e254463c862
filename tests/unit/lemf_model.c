#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/x509.h>

#include "help.h"
#include "hi2/integrity.h"
#include "hi2/iri.h"
#include "lemf_model.h"

void
stream_put(struct model_stream *s, const uint8_t *p, size_t n)
{
	assert_true(n <= sizeof(s->octets) - s->len);
	memcpy(s->octets + s->len, p, n);
	s->len += n;
}

void
stream_drop(struct model_stream *s, size_t n)
{
	assert_true(n <= s->len);
	memmove(s->octets, s->octets + n, s->len - n);
	s->len -= n;
}

static void
make_record(struct model_lemf *m, unsigned i, uint32_t *sequence, bool reset)
{
	struct model_record *r = &m->records[i];
	char liid[24], sip[96];
	struct iri_record iri = {.event = IRI_SIP,
	    .correlation = {0, 0, 0, 0, 0, 0, 1, 0},
	    .seconds = 1700000000 + i,
	    .initiator = IRI_ORIGINATING};
	const struct tri tri = {.kind = TRI_CIN_RESET};
	struct ps_header h = {.seconds = iri.seconds};

	r->group = i * 7 % MODEL_GROUPS;
	r->reset = reset;
	(void)snprintf(liid, sizeof(liid), "LIID-%u", r->group / 2);
	(void)snprintf(sip, sizeof(sip), "MESSAGE sip:a SIP/2.0 %.*s %u",
	    (int)(i % 40), "........................................", i);
	iri.correlation[7] = (uint8_t)r->group;
	rd_init(&iri.liid, liid, strlen(liid));
	rd_init(&iri.sip, sip, strlen(sip));
	h.liid = iri.liid;
	h.cin = 256 + r->group;
	if (reset)
		*sequence = 0;
	r->sequence = h.sequence = iri.sequence = *sequence;
	if (reset)
		assert_int_equal(tri_encode(&m->profile, &h, &tri, r->octets,
				     sizeof(r->octets), &r->len),
		    ERR_OK);
	else
		assert_int_equal(iri_encode(&m->profile, &iri, r->octets,
				     sizeof(r->octets), &r->len),
		    ERR_OK);
	*sequence += reset ? 0 : 1;
}

/* Every `resets`-th record is a cINReset; 0: none. */
void
model_init(struct model_lemf *m, unsigned n, unsigned resets)
{
	uint32_t sequence[MODEL_GROUPS] = {0};
	uint8_t *p = m->spki;

	assert_int_equal(iri_profile_named("etsi", &m->profile), ERR_OK);
	assert_int_equal(iri_profile_set(&m->profile, "operator_id", "OP",
			     NULL),
	    ERR_OK);
	assert_true(n <= MODEL_RECORDS);
	m->n_records = n;
	for (unsigned i = 0; i < n; i++)
		make_record(m, i, &sequence[i * 7 % MODEL_GROUPS],
		    resets > 0 && i % resets == resets - 1);
	assert_non_null(m->key = EVP_EC_gen("P-256"));
	m->spki_len = (size_t)i2d_PUBKEY(m->key, NULL);
	assert_true(m->spki_len <= sizeof(m->spki));
	(void)i2d_PUBKEY(m->key, &p);
}

void
model_done(struct model_lemf *m)
{
	EVP_PKEY_free(m->key);
	m->key = NULL;
}

void
model_connect(struct model_lemf *m)
{
	m->in.len = m->back.len = 0;
	m->next = 0;
	m->started = false;
	m->n_got = m->n_hashes = 0;
	m->n_covered = 0;
	memset(m->hash_next, 0, sizeof(m->hash_next));
	memset(m->signature_next, 0, sizeof(m->signature_next));
}

size_t
model_sign(struct model_lemf *m, struct rd octets, uint8_t out[128])
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	size_t n = 128;

	assert_non_null(c);
	assert_int_equal(EVP_DigestSignInit(c, NULL, EVP_sha256(), NULL,
			     m->key),
	    1);
	assert_int_equal(EVP_DigestSign(c, out, &n, octets.p, octets.left), 1);
	EVP_MD_CTX_free(c);
	return n;
}

void
model_say(struct model_lemf *m, const struct tri *t, uint32_t sequence)
{
	struct ps_header h = {.sequence = sequence, .seconds = 1700000001};
	uint8_t b[TRI_MAX];
	size_t len;

	rd_init(&h.liid, "-", 1);
	assert_int_equal(tri_encode(&m->profile, &h, t, b, sizeof(b), &len),
	    ERR_OK);
	stream_put(&m->back, b, len);
}

/* ---- what comes ---- */

static void
raise_level(struct model_record *r, enum level level)
{
	if (r->level < level)
		r->level = level;
}

static void
take_record(struct model_lemf *m, struct rd pdu)
{
	/* The first of a connection says where it begins. */
	while (!m->started && m->next < m->n_records &&
	    !rd_is(&pdu, m->records[m->next].octets, m->records[m->next].len))
		m->next++;
	m->started = true;
	assert_true(m->next < m->n_records);
	assert_true(
	    rd_is(&pdu, m->records[m->next].octets, m->records[m->next].len));
	raise_level(&m->records[m->next],
	    m->records[m->next].reset ? AT_SIGNED : AT_RECEIVED);
	m->got[m->n_got++] = m->next++;
}

static unsigned
group_of(const struct ps_pdu *p)
{
	assert_true(p->has_cin && p->cin >= 256 && p->cin < 256 + MODEL_GROUPS);
	return p->cin - 256;
}

/* The last record of this connection with that group and number. */
static unsigned
find_record(const struct model_lemf *m, unsigned group, uint32_t sequence)
{
	for (unsigned i = m->n_got; i-- > 0;) {
		const struct model_record *r = &m->records[m->got[i]];

		if (!r->reset && r->group == group && r->sequence == sequence)
			return m->got[i];
	}
	fail_msg("a hash over a record that has not come");
	return 0;
}

static void
take_hash(struct model_lemf *m, const struct ps_pdu *p,
    struct tri_integrity *check)
{
	struct model_hash *h = &m->hashes[m->n_hashes++];
	struct rd pdus[MODEL_RECORDS];
	size_t n = 0;
	uint32_t s;

	h->group = group_of(p);
	h->sequence = p->sequence;
	assert_int_equal(p->sequence, m->hash_next[h->group]++);
	h->from = m->n_covered;
	while (check->included.left > 0) {
		unsigned i;

		assert_int_equal(tri_included_get(&check->included, &s),
		    ERR_OK);
		i = find_record(m, h->group, s);
		rd_init(&pdus[n++], m->records[i].octets, m->records[i].len);
		m->covered[m->n_covered++] = i;
	}
	h->to = m->n_covered;
	assert_int_equal(integrity_verify_hash(check, pdus, n), ERR_OK);
	for (size_t i = h->from; i < h->to; i++)
		raise_level(&m->records[m->covered[i]], AT_HASHED);
	assert_true(check->value.left <= sizeof(h->value));
	memcpy(h->value, check->value.p, check->value.left);
	h->value_len = check->value.left;
}

static void
take_signature(struct model_lemf *m, const struct ps_pdu *p,
    struct tri_integrity *check)
{
	struct rd values[MODEL_RECORDS], spki, numbers = check->included;
	const unsigned group = group_of(p);
	size_t n = 0;
	uint32_t s;

	assert_int_equal(p->sequence, m->signature_next[group]++);
	while (numbers.left > 0) {
		unsigned i = 0;

		assert_int_equal(tri_included_get(&numbers, &s), ERR_OK);
		while (i < m->n_hashes &&
		    (m->hashes[i].group != group || m->hashes[i].sequence != s))
			i++;
		assert_true(i < m->n_hashes);
		rd_init(&values[n++], m->hashes[i].value,
		    m->hashes[i].value_len);
		for (size_t k = m->hashes[i].from; k < m->hashes[i].to; k++)
			raise_level(&m->records[m->covered[k]], AT_SIGNED);
	}
	rd_init(&spki, m->spki, m->spki_len);
	assert_int_equal(integrity_verify_signature(check, spki, values, n),
	    ERR_OK);
}

static void
answer(struct model_lemf *m, const struct ps_pdu *p, struct tri *t)
{
	struct tri a = {.kind = TRI_OPTION_RESPONSE,
	    .u.answer = {m->accepts, !m->accepts}};

	switch ((int)t->kind) {
	case TRI_INTEGRITY_CHECK:
		if (t->u.integrity.check == TRI_CHECK_HASH)
			take_hash(m, p, &t->u.integrity);
		else
			take_signature(m, p, &t->u.integrity);
		return;
	case TRI_KEEP_ALIVE:
		m->keep_alives++;
		a.kind = TRI_KEEP_ALIVE_RESPONSE;
		break;
	case TRI_ACKNOWLEDGEMENT_REQUEST:
		m->requests++;
		a.kind = TRI_ACKNOWLEDGEMENT_RESPONSE;
		break;
	case TRI_OPTION_REQUEST:
		assert_true(t->u.asks);
		if (m->mute_options)
			return;
		break;
	case TRI_KEEP_ALIVE_RESPONSE:
		m->responses++;
		m->last_response = p->sequence;
		return;
	case TRI_OPTION_COMPLETE:
		return;
	default:
		fail_msg("TRI %d", (int)t->kind);
	}
	if (!m->mute)
		model_say(m, &a, p->sequence);
}

void
model_take(struct model_lemf *m, const uint8_t *octets, size_t n)
{
	struct ber_frame f = {0};
	struct rd have, pdu;
	struct ps_pdu p;
	struct tri t;
	size_t len;

	stream_put(&m->in, octets, n);
	rd_init(&have, m->in.octets, m->in.len);
	while (ps_pdu_frame(&f, have, 1 << 19, &len) == ERR_OK) {
		assert_int_equal(rd_view(&have, len, &pdu), ERR_OK);
		assert_int_equal(ps_pdu_read(pdu, &p), ERR_OK);
		if (p.kind == PS_IRI) {
			take_record(m, pdu);
			continue;
		}
		assert_int_equal(p.kind, PS_TRI);
		assert_int_equal(tri_read(p.payload, &t), ERR_OK);
		if (t.kind == TRI_CIN_RESET)
			take_record(m, pdu);
		else
			answer(m, &p, &t);
	}
	stream_drop(&m->in, m->in.len - have.left);
}
