#include <string.h>

#include "lab_iri.h"

static const char *
tri_name(const TRIPayload_t *t)
{
	static const char *const name[] = {"nothing", "integrityCheck",
	    "testPDU", "paddingPDU", "keep-alive", "keep-aliveResponse",
	    "firstSegmentFlag", "lastSegmentFlag", "cINReset",
	    "operatorLeaMessage", "optionRequest", "optionResponse",
	    "optionComplete", "pDUAcknowledgementRequest",
	    "pDUAcknowledgementResponse"};

	return (size_t)t->present < sizeof(name) / sizeof(name[0])
	    ? name[t->present]
	    : "unknown";
}

static const char *
event_name(const UmtsIRI_Parameters_t *u)
{
	if (u->mediaSecFailureIndication != NULL)
		return "noKeys";
	if (u->iMSevent == NULL)
		return "other";
	switch (*u->iMSevent) {
	case IMSevent_decryptionKeysAvailable:
		return "keys";
	case IMSevent_unfilteredSIPmessage:
		return "sip";
	default:
		return "other";
	}
}

static enum err
find_parameters(struct lab_iri *r, const UMTSIRI_t *u, struct why *why)
{
	const UmtsIRIsContent_t *c = &u->choice.umtsIRIsContent;
	const UmtsIRIContent_t *one = &c->choice.umtsiRIContent;

	if (u->present == UMTSIRI_PR_iRI_Parameters) {
		r->form = 0;
		r->u = &u->choice.iRI_Parameters;
		return ERR_OK;
	}
	if (u->present != UMTSIRI_PR_umtsIRIsContent ||
	    c->present != UmtsIRIsContent_PR_umtsiRIContent ||
	    one->present != UmtsIRIContent_PR_iRI_Report_record)
		return why_set(why, ERR_UNSUPPORTED,
		    "not an IRI-Report of TS 33.108");
	r->form = 1;
	r->u = &one->choice.iRI_Report_record;
	return ERR_OK;
}

static enum err
find_record(struct lab_iri *r, struct why *why)
{
	const Payload_t *p = &r->pdu->payload;
	const IRIPayload_t *one;
	enum err rc;

	if (p->present == Payload_PR_tRIPayload) {
		r->event = tri_name(&p->choice.tRIPayload);
		return ERR_OK;
	}
	if (p->present != Payload_PR_iRIPayloadSequence) {
		r->event = "encrypted";
		return ERR_OK;
	}
	if (p->choice.iRIPayloadSequence.list.count != 1)
		return why_set(why, ERR_UNSUPPORTED, "%d records in one PDU",
		    p->choice.iRIPayloadSequence.list.count);
	one = p->choice.iRIPayloadSequence.list.array[0];
	if (one->iRIContents.present != IRIContents_PR_uMTSIRI)
		return why_set(why, ERR_UNSUPPORTED, "an IRI that is not UMTS");
	if ((rc = find_parameters(r, &one->iRIContents.choice.uMTSIRI, why)) !=
	    ERR_OK)
		return rc;
	r->event = event_name(r->u);
	return ERR_OK;
}

enum err
lab_iri_read(struct rd *in, struct lab_iri *out, struct why *why)
{
	struct lab_iri r = {.event = ""};
	char text[200];
	size_t n = sizeof(text);
	asn_dec_rval_t got;
	struct rd all;
	enum err rc;

	got =
	    ber_decode(NULL, &asn_DEF_PS_PDU, (void **)&r.pdu, in->p, in->left);
	if (got.code != RC_OK) {
		rc = why_set(why,
		    got.code == RC_WMORE ? ERR_TRUNCATED : ERR_MALFORMED,
		    "%s at octet %zu of it",
		    got.code == RC_WMORE ? "it ends" : "not a PS-PDU",
		    got.consumed);
		goto out;
	}
	if (asn_check_constraints(&asn_DEF_PS_PDU, r.pdu, text, &n) != 0) {
		rc = why_set(why, ERR_MALFORMED, "%s", text);
		goto out;
	}
	r.h = &r.pdu->pSHeader;
	if ((rc = find_record(&r, why)) != ERR_OK ||
	    (rc = rd_view(in, got.consumed, &all)) != ERR_OK)
		goto out;
	r.len = all.left;
	*out = r;
	r.pdu = NULL; /* now the caller's */
out:
	lab_iri_done(&r);
	return rc;
}

void
lab_iri_done(struct lab_iri *r)
{
	if (r->pdu != NULL)
		ASN_STRUCT_FREE(asn_DEF_PS_PDU, r->pdu);
	r->pdu = NULL;
}
