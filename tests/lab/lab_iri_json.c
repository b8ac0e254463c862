#include <stdlib.h>
#include <string.h>

#include "lab_iri.h"
#include "lab_mikey.h"
#include "lab_sip.h"

/* Text if it is UTF-8; else each octet as the character of its number. */
static json_t *
octets_json(const OCTET_STRING_t *s)
{
	const size_t n = (size_t)s->size;
	json_t *j = json_stringn((const char *)s->buf, n);
	size_t len = 0;
	char *text;

	if (j != NULL || (text = malloc(2 * n + 1)) == NULL)
		return j;
	for (size_t i = 0; i < n; i++) {
		if (s->buf[i] >= 0x80)
			text[len++] = (char)(0xc0 | s->buf[i] >> 6);
		text[len++] =
		    (char)(s->buf[i] < 0x80 ? s->buf[i]
					    : 0x80 | (s->buf[i] & 0x3f));
	}
	j = json_stringn(text, len);
	free(text);
	return j;
}

static json_t *
hex_json(const OCTET_STRING_t *s)
{
	char *text = malloc(2 * (size_t)s->size + 1);
	json_t *j;

	if (text == NULL)
		return NULL;
	hex_put(s->buf, (size_t)s->size, text);
	j = json_string(text);
	free(text);
	return j;
}

static json_t *
key_json(const CCKeyInfo_t *k)
{
	return json_pack("{s:o, s:o, s:o*}", "cryptoSessionId",
	    hex_json(&k->cCCSID), "sessionKey", hex_json(&k->cCDecKey), "salt",
	    k->cCSalt != NULL ? hex_json(k->cCSalt) : NULL);
}

static json_t *
keys_json(const UmtsIRI_Parameters_t *u)
{
	json_t *list = json_array();

	for (int i = 0; u->mediaDecryption_info != NULL &&
	     i < u->mediaDecryption_info->list.count;
	     i++)
		(void)json_array_append_new(list,
		    key_json(u->mediaDecryption_info->list.array[i]));
	return list;
}

static json_t *
targets_json(const UmtsIRI_Parameters_t *u)
{
	json_t *list = json_array();

	for (int i = 0;
	     u->partyInformation != NULL && i < u->partyInformation->list.count;
	     i++) {
		const PartyInformation_t *p =
		    u->partyInformation->list.array[i];
		const OCTET_STRING_t *s = p->partyIdentity.sip_uri != NULL
		    ? p->partyIdentity.sip_uri
		    : p->partyIdentity.tel_uri;

		if (s != NULL)
			(void)json_array_append_new(list, octets_json(s));
	}
	return list;
}

static const char *
initiator_of(const UmtsIRI_Parameters_t *u)
{
	static const char *const words[] = {"not-Available",
	    "originating-Target", "terminating-Target"};

	return u->initiator != NULL && *u->initiator >= 0 && *u->initiator < 3
	    ? words[*u->initiator]
	    : "";
}

json_t *
lab_iri_json(const struct lab_iri *r)
{
	const unsigned long *cin =
	    r->h->communicationIdentifier.communicationIdentityNumber;
	json_t *j = json_pack("{s:o, s:s, s:I}", "liid",
	    octets_json(&r->h->lawfulInterceptionIdentifier), "event", r->event,
	    "sequence", (json_int_t)r->h->sequenceNumber);

	if (j == NULL)
		return NULL;
	if (cin != NULL)
		(void)json_object_set_new(j, "cin",
		    json_integer((json_int_t)*cin));
	if (r->u == NULL)
		return j;
	if (r->u->correlation != NULL &&
	    r->u->correlation->present == CorrelationValues_PR_iri_to_iri)
		(void)json_object_set_new(j, "correlation",
		    hex_json(&r->u->correlation->choice.iri_to_iri));
	(void)json_object_set_new(j, "form", json_integer(r->form));
	(void)json_object_set_new(j, "initiator",
	    json_string(initiator_of(r->u)));
	(void)json_object_set_new(j, "targets", targets_json(r->u));
	(void)json_object_set_new(j, "keys", keys_json(r->u));
	if (r->u->sIPMessage != NULL)
		(void)json_object_set_new(j, "sip",
		    octets_json(r->u->sIPMessage));
	return j;
}

/* The I_MESSAGE_1 of this CSB in the record's SIP message. */
static enum err
find_i_message_1(const UmtsIRI_Parameters_t *u, uint32_t csb_id,
    struct mikey *out)
{
	static struct sip sip;
	static uint8_t octets[LAB_MIKEY_MAX];
	size_t len;
	enum err rc;

	if (u->sIPMessage == NULL)
		return ERR_NOTFOUND;
	if ((rc = sip_parse(u->sIPMessage->buf, (size_t)u->sIPMessage->size,
		 &sip)) != ERR_OK)
		return rc;
	for (size_t i = 0;; i++) {
		if ((rc = sdp_mikey(sip.body, sip.body_len, i, octets,
			 sizeof(octets), &len)) != ERR_OK)
			return rc;
		if (mikey_parse(octets, len, out) == ERR_OK &&
		    out->type == MIKEY_I_MESSAGE_1 && out->csb_id == csb_id)
			return ERR_OK;
	}
}

/* SSRC and ROC of the crypto session; 0 is a stream not known yet. */
static void
add_stream(json_t *key, const UmtsIRI_Parameters_t *u, const OCTET_STRING_t *id)
{
	static struct mikey m;
	uint32_t csb_id;
	uint8_t cs_id;
	struct rd r;

	rd_init(&r, id->buf, (size_t)id->size);
	if (rd_u32(&r, &csb_id) != ERR_OK || rd_u8(&r, &cs_id) != ERR_OK ||
	    rd_end(&r) != ERR_OK || find_i_message_1(u, csb_id, &m) != ERR_OK ||
	    cs_id == 0 || cs_id > m.n_cs || m.cs[cs_id - 1].ssrc == 0)
		return;
	(void)json_object_set_new(key, "ssrc",
	    json_integer((json_int_t)m.cs[cs_id - 1].ssrc));
	(void)json_object_set_new(key, "roc",
	    json_integer((json_int_t)m.cs[cs_id - 1].roc));
}

enum err
lab_iri_keys(json_t *list, const struct lab_iri *r)
{
	if (r->u == NULL || r->u->mediaDecryption_info == NULL)
		return ERR_OK;
	for (int i = 0; i < r->u->mediaDecryption_info->list.count; i++) {
		const CCKeyInfo_t *k =
		    r->u->mediaDecryption_info->list.array[i];
		json_t *key = key_json(k);

		if (key == NULL)
			return ERR_NOMEM;
		add_stream(key, r->u, &k->cCCSID);
		if (json_array_append_new(list, key) != 0)
			return ERR_NOMEM;
	}
	return ERR_OK;
}
