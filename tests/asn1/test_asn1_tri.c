/*
 * PDUs of the transport read by a decoder that asn1c makes of the module of
 * TS 102 232-1: what went in comes out, what asn1c writes of it again are the
 * same octets, and tri_read() finds the same in them.
 */
#include <string.h>

#include <PS-PDU.h>

#include "help.h"
#include "hi2/ps_pdu.h"
#include "hi2/tri.h"

static uint8_t buf[65536], again[65536];

static const TRIPayload_PR present[TRI_OTHER] = {
    [TRI_INTEGRITY_CHECK] = TRIPayload_PR_integrityCheck,
    [TRI_TEST] = TRIPayload_PR_testPDU,
    [TRI_PADDING] = TRIPayload_PR_paddingPDU,
    [TRI_KEEP_ALIVE] = TRIPayload_PR_keep_alive,
    [TRI_KEEP_ALIVE_RESPONSE] = TRIPayload_PR_keep_aliveResponse,
    [TRI_FIRST_SEGMENT] = TRIPayload_PR_firstSegmentFlag,
    [TRI_LAST_SEGMENT] = TRIPayload_PR_lastSegmentFlag,
    [TRI_CIN_RESET] = TRIPayload_PR_cINReset,
    [TRI_OPERATOR_LEA_MESSAGE] = TRIPayload_PR_operatorLeaMessage,
    [TRI_OPTION_REQUEST] = TRIPayload_PR_optionRequest,
    [TRI_OPTION_RESPONSE] = TRIPayload_PR_optionResponse,
    [TRI_OPTION_COMPLETE] = TRIPayload_PR_optionComplete,
    [TRI_ACKNOWLEDGEMENT_REQUEST] = TRIPayload_PR_pDUAcknowledgementRequest,
    [TRI_ACKNOWLEDGEMENT_RESPONSE] = TRIPayload_PR_pDUAcknowledgementResponse,
};

static void
assert_octets(const OCTET_STRING_t *s, struct rd want)
{
	assert_int_equal(s->size, want.left);
	assert_memory_equal(s->buf, want.p, want.left);
}

static void
assert_integrity(const IntegrityCheck_t *c, const struct tri_integrity *want)
{
	struct rd in = want->included;
	uint32_t n;

	for (int i = 0; i < c->includedSequenceNumbers.list.count; i++) {
		assert_int_equal(tri_included_get(&in, &n), ERR_OK);
		assert_int_equal(*c->includedSequenceNumbers.list.array[i], n);
	}
	assert_int_equal(in.left, 0);
	assert_int_equal(c->checkType, want->check);
	assert_non_null(c->dataType);
	assert_int_equal(*c->dataType, want->data);
	assert_octets(&c->checkValue, want->value);
	assert_int_equal(c->hashAlgorithm == NULL ? 0 : *c->hashAlgorithm,
	    want->hash);
	assert_int_equal(c->signatureAlgorithm == NULL ? 0
						       : *c->signatureAlgorithm,
	    want->signature);
}

static void
assert_tri(const TRIPayload_t *got, const struct tri *t)
{
	assert_int_equal(got->present, present[t->kind]);
	if (t->kind == TRI_INTEGRITY_CHECK) {
		assert_integrity(&got->choice.integrityCheck, &t->u.integrity);
	} else if (t->kind == TRI_OPERATOR_LEA_MESSAGE) {
		assert_int_equal(got->choice.operatorLeaMessage.messagePriority,
		    t->u.message.priority);
		assert_octets(&got->choice.operatorLeaMessage.message,
		    t->u.message.text);
	} else if (t->kind == TRI_OPTION_REQUEST) {
		assert_int_equal(got->choice.optionRequest.requestedOptions.list
				     .count,
		    t->u.asks ? 1 : 0);
	} else if (t->kind == TRI_OPTION_RESPONSE) {
		const OptionResponse_t *o = &got->choice.optionResponse;

		assert_int_equal(o->acceptedOptions.list.count,
		    t->u.answer.accepted ? 1 : 0);
		assert_int_equal(o->declinedOptions.list.count,
		    t->u.answer.declined ? 1 : 0);
	}
}

static void
assert_read_back(size_t len, const struct ps_header *h, const struct tri *t)
{
	struct ps_pdu p;
	struct tri got;
	struct rd pdu;

	rd_init(&pdu, buf, len);
	assert_int_equal(ps_pdu_read(pdu, &p), ERR_OK);
	assert_int_equal(p.sequence, h->sequence);
	assert_int_equal(p.cin, h->cin);
	assert_int_equal(p.kind, PS_TRI);
	assert_int_equal(tri_read(p.payload, &got), ERR_OK);
	assert_int_equal(got.kind, t->kind);
	if (t->kind == TRI_INTEGRITY_CHECK)
		assert_true(rd_equal(&got.u.integrity.included,
		    &t->u.integrity.included));
	if (t->kind == TRI_OPTION_RESPONSE)
		assert_true(got.u.answer.accepted == t->u.answer.accepted &&
		    got.u.answer.declined == t->u.answer.declined);
}

static void
round_trip(const struct iri_profile *p, const struct ps_header *h,
    const struct tri *t)
{
	PS_PDU_t *pdu = NULL;
	asn_dec_rval_t got;
	asn_enc_rval_t put;
	char text[256];
	size_t len, n = sizeof(text);

	assert_int_equal(tri_encode(p, h, t, buf, sizeof(buf), &len), ERR_OK);
	got = ber_decode(NULL, &asn_DEF_PS_PDU, (void **)&pdu, buf, len);
	assert_int_equal(got.code, RC_OK);
	assert_int_equal(got.consumed, len);
	if (asn_check_constraints(&asn_DEF_PS_PDU, pdu, text, &n) != 0)
		fail_msg("%s", text);
	assert_octets(&pdu->pSHeader.lawfulInterceptionIdentifier, h->liid);
	assert_int_equal(pdu->pSHeader.sequenceNumber, h->sequence);
	assert_int_equal(*pdu->pSHeader.communicationIdentifier
			      .communicationIdentityNumber,
	    h->cin);
	assert_int_equal(pdu->payload.present, Payload_PR_tRIPayload);
	assert_tri(&pdu->payload.choice.tRIPayload, t);
	put = der_encode_to_buffer(&asn_DEF_PS_PDU, pdu, again, sizeof(again));
	assert_int_equal(put.encoded, len);
	assert_memory_equal(again, buf, len);
	ASN_STRUCT_FREE(asn_DEF_PS_PDU, pdu);
	assert_read_back(len, h, t);
}

static void
each_kind(const struct iri_profile *p, const struct ps_header *h)
{
	struct tri t = {.kind = TRI_TEST};

	for (unsigned k = TRI_TEST; k < TRI_OTHER; k++) {
		t = (struct tri){.kind = (enum tri_kind)k};
		if (k == TRI_PADDING || k == TRI_OPERATOR_LEA_MESSAGE)
			continue;
		round_trip(p, h, &t);
	}
	t = (struct tri){.kind = TRI_OPTION_REQUEST, .u.asks = true};
	round_trip(p, h, &t);
	for (unsigned i = 0; i < 4; i++) {
		t = (struct tri){.kind = TRI_OPTION_RESPONSE,
		    .u.answer = {(i & 1) != 0, (i & 2) != 0}};
		round_trip(p, h, &t);
	}
	t = (struct tri){.kind = TRI_OPERATOR_LEA_MESSAGE,
	    .u.message.priority = TRI_ERROR};
	rd_init(&t.u.message.text, buf + 1024, TRI_MESSAGE_MAX);
	memset(buf + 1024, 'x', TRI_MESSAGE_MAX);
	round_trip(p, h, &t);
}

static void
each_profile_and_kind(void **state)
{
	static const uint32_t numbers[] = {0, 127, 128, UINT32_MAX};
	struct ps_header h = {.seconds = 1700000000, .nanoseconds = 5000000};
	struct iri_profile p;
	const char *name;

	(void)state;
	for (size_t i = 0; (name = iri_profile_name(i)) != NULL; i++) {
		assert_int_equal(iri_profile_named(name, &p), ERR_OK);
		assert_int_equal(iri_profile_set(&p, "operator_id", "OP", NULL),
		    ERR_OK);
		for (size_t k = 0; k < 4; k++) {
			rd_init(&h.liid, k % 2 == 0 ? TRI_LIID : "LIID-7",
			    k % 2 == 0 ? 1 : 6);
			h.sequence = numbers[k];
			h.cin = numbers[3 - k];
			each_kind(&p, &h);
		}
	}
}

static void
integrity_of_any_length(void **state)
{
	static uint8_t included[8192 * TRI_INCLUDED_LEN], value[TRI_VALUE_MAX];
	struct ps_header h = {.seconds = 1700000000, .liid = {value, 25}};
	struct iri_profile p;

	(void)state;
	memset(value, 'L', sizeof(value));
	assert_int_equal(iri_profile_named("etsi", &p), ERR_OK);
	assert_int_equal(iri_profile_set(&p, "operator_id", "OP", NULL),
	    ERR_OK);
	for (unsigned n = 1; n <= 8192; n = n * 3 / 2 + 1)
		for (unsigned sign = 0; sign < 2; sign++) {
			struct tri t = {.kind = TRI_INTEGRITY_CHECK};
			struct tri_integrity *c = &t.u.integrity;
			struct wr w;

			wr_init(&w, included, sizeof(included));
			for (unsigned i = 0; i < n; i++)
				tri_included_put(&w, i * 2654435761U);
			rd_init(&c->included, included, w.len);
			c->check =
			    sign == 1 ? TRI_CHECK_SIGNATURE : TRI_CHECK_HASH;
			c->data = TRI_DATA_IRI;
			c->hash = sign == 1
			    ? TRI_HASH_NONE
			    : (enum tri_hash)(TRI_SHA256 + n % 3);
			c->signature =
			    sign == 1 ? TRI_ECDSA : TRI_SIGNATURE_NONE;
			rd_init(&c->value, value, 1 + n % TRI_VALUE_MAX);
			round_trip(&p, &h, &t);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_profile_and_kind),
	    cmocka_unit_test(integrity_of_any_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
