/*
 * iri-samples DIR: writes the records of docs/samples: one of each event in
 * each form.  The call is the first exchange of tests/vectors, so that keys,
 * I_MESSAGE_1 and identities belong together, and none of them is anybody's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <openssl/evp.h>

#include "hi2/iri.h"
#include "xk/xk_pdu.h"

#define MIKEY_MAX 4096

struct call {
	char caller[128], callee[128], sip[8192];
	struct iri_key key;
};

/* Sizes are those of the vectors; a change there ends this with a message. */
static void
need(int good, const char *what)
{
	if (good)
		return;
	(void)fprintf(stderr, "iri-samples: %s\n", what);
	exit(1);
}

static const char *
string(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	need(s != NULL, name);
	return s;
}

static size_t
octets(const json_t *o, const char *name, uint8_t *out, size_t cap)
{
	const char *hex = string(o, name);
	const size_t n = strlen(hex) / 2;

	need(n <= cap && hex_get(hex, out, n) == ERR_OK, name);
	return n;
}

static void
make_sip(const json_t *exchange, struct call *c)
{
	uint8_t mikey[MIKEY_MAX];
	char base64[MIKEY_MAX / 3 * 4 + 8], sdp[6144];
	const size_t n = octets(exchange, "iMessage1", mikey, sizeof(mikey));
	int len;

	(void)EVP_EncodeBlock((unsigned char *)base64, mikey, (int)n);
	len = snprintf(sdp, sizeof(sdp),
	    "v=0\r\n"
	    "o=- 1 1 IN IP4 192.0.2.1\r\n"
	    "s=-\r\n"
	    "c=IN IP4 192.0.2.1\r\n"
	    "t=0 0\r\n"
	    "a=key-mgmt:mikey %s\r\n"
	    "m=audio 40000 RTP/SAVP 0\r\n",
	    base64);
	need(len > 0 && (size_t)len < sizeof(sdp), "SDP");
	len = snprintf(c->sip, sizeof(c->sip),
	    "INVITE %s SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKsample\r\n"
	    "Max-Forwards: 70\r\n"
	    "From: <%s>;tag=sample\r\n"
	    "To: <%s>\r\n"
	    "Call-ID: sample@192.0.2.1\r\n"
	    "CSeq: 1 INVITE\r\n"
	    "Contact: <sip:alice@192.0.2.1:5060>\r\n"
	    "Content-Type: application/sdp\r\n"
	    "Content-Length: %zu\r\n"
	    "\r\n%s",
	    c->callee, c->caller, c->callee, strlen(sdp), sdp);
	need(len > 0 && (size_t)len < sizeof(c->sip), "SIP");
}

static void
take_key(const json_t *exchange, struct call *c)
{
	const json_t *row = json_array_get(json_object_get(exchange, "xk"), 0);
	uint8_t pdu[4096];
	struct xk_msg m;
	uint32_t id;
	struct rd r;

	rd_init(&r, pdu, octets(row, "getKeysResponse", pdu, sizeof(pdu)));
	need(xk_pdu_decode(r, &m, &id) == ERR_OK &&
		m.type == XK_GET_KEYS_RESPONSE && m.u.keys->n_keys == 1,
	    "getKeysResponse");
	const struct xk_session_key *k = &m.u.keys->key[0];

	rd_init(&r, k->crypto_session_id, sizeof(k->crypto_session_id));
	need(rd_u32(&r, &c->key.csb_id) == ERR_OK &&
		rd_u8(&r, &c->key.cs_id) == ERR_OK,
	    "cryptoSessionId");
	memcpy(c->key.tek, k->session_key, sizeof(c->key.tek));
	memcpy(c->key.salt, k->salt, sizeof(c->key.salt));
	xk_msg_free(&m);
}

static void
load_call(struct call *c)
{
	json_t *all = json_load_file(KW_VECTORS "/exchanges.json", 0, NULL);
	const json_t *e = json_array_get(json_object_get(all, "exchanges"), 0);

	(void)snprintf(c->caller, sizeof(c->caller), "%s",
	    string(json_object_get(e, "initiator"), "identity"));
	(void)snprintf(c->callee, sizeof(c->callee), "%s",
	    string(json_object_get(e, "answering"), "identity"));
	make_sip(e, c);
	take_key(e, c);
	json_decref(all);
}

static void
write_file(const char *dir, const char *name, const char *form,
    const uint8_t *p, size_t len)
{
	char path[1024];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s-%s.ber", dir, name, form);
	f = fopen(path, "w");
	need(f != NULL && fwrite(p, 1, len, f) == len && fclose(f) == 0, path);
}

static void
write_records(const char *dir, const char *profile, const char *form,
    const struct call *c)
{
	static const char *const name[] = {"keys", "no-keys", "sip"};
	static uint8_t out[32768];
	struct iri_profile p;
	struct rd targets[2];
	struct iri_record r = {.correlation = {0, 0, 0, 1, 0, 0, 0x12, 0x34},
	    .seconds = 1709251190, /* within the vector's day */
	    .nanoseconds = 250500000,
	    .initiator = IRI_ORIGINATING};
	size_t len;

	need(iri_profile_named(profile, &p) == ERR_OK &&
		iri_profile_set(&p, "operator_id", "sample-operator", NULL) ==
		    ERR_OK &&
		iri_profile_set(&p, "alt_operator_id", "smpl", NULL) ==
		    ERR_OK &&
		iri_profile_set(&p, "network_element_id", "keywarden-1",
		    NULL) == ERR_OK,
	    profile);
	rd_init(&r.liid, "SAMPLE-0001", 11);
	rd_init(&targets[0], c->caller, strlen(c->caller));
	rd_init(&targets[1], "tel:+15555550100", 16);
	r.targets = targets;
	r.n_targets = 2;
	rd_init(&r.sip, c->sip, strlen(c->sip));
	for (int e = 0; e < IRI_EVENT__MAX; e++) {
		r.event = (enum iri_event)e;
		r.keys = e == IRI_KEYS ? &c->key : NULL;
		r.n_keys = e == IRI_KEYS ? 1 : 0;
		r.sequence = (uint32_t)e;
		need(iri_encode(&p, &r, out, sizeof(out), &len) == ERR_OK,
		    name[e]);
		write_file(dir, name[e], form, out, len);
	}
}

int
main(int argc, char **argv)
{
	static struct call call;

	need(argc == 2, "usage: iri-samples DIR");
	load_call(&call);
	write_records(argv[1], "etsi", "form0", &call);
	write_records(argv[1], "etsi-form1", "form1", &call);
	return 0;
}
