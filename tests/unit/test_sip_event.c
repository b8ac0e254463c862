/*
 * sip_event: the SIP messages of the vectors give the very MIKEY messages,
 * then messages of our own with one thing changed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "help.h"
#include "hi2/arena.h"
#include "hi2/sip_event.h"

static int
start(void **state)
{
	(void)state;
	return sip_event_start() == ERR_OK ? 0 : -1;
}

static int
stop(void **state)
{
	(void)state;
	sip_event_stop();
	return 0;
}

static enum err
extract(const void *p, size_t len, struct sip_event *out)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);
	struct sip_event was;
	struct rd r;
	enum err rc;

	assert_non_null(copy);
	if (len > 0)
		memcpy(copy, p, len);
	rd_init(&r, copy, len);
	memset(out, 0x5a, sizeof(*out));
	memcpy(&was, out, sizeof(was));
	rc = sip_event_read(r, out);
	free(copy); /* no view is of the input */
	if (rc != ERR_OK)
		assert_memory_equal(out, &was, sizeof(was));
	return rc;
}

static void
assert_view(struct rd v, const char *want)
{
	if (!rd_is(&v, want, strlen(want)))
		fail_msg("\"%.*s\" is not \"%s\"", (int)v.left,
		    (const char *)v.p, want);
}

/* ---- the vectors ---- */

/* The messages of a list in the order in which they were found. */
static void
assert_found(const json_t *list, const char *call_id, const json_t *of,
    const char *const *names, size_t n_names)
{
	size_t found = 0, i;
	json_t *m;

	json_array_foreach (list, i, m) {
		struct sip_event s;
		size_t len;
		uint8_t *sip = octets(m, "hex", &len);

		assert_int_equal(extract(sip, len, &s), ERR_OK);
		assert_view(s.call_id, call_id);
		for (unsigned k = 0; k < s.n_mikey; k++) {
			size_t n;
			uint8_t *want;

			assert_true(found < n_names);
			want = octets(of, names[found++], &n);
			assert_int_equal(s.mikey[k].left, n);
			assert_memory_equal(s.mikey[k].p, want, n);
			free(want);
		}
		free(sip);
	}
	assert_int_equal(found, n_names);
}

static void
messages_of_the_vectors_give_their_mikey(void **state)
{
	static const char *const first[] = {"iMessage1", "rMessage1",
	    "iMessage2", "rMessage2"};
	json_t *file = vectors("exchanges.json"), *e, *sip, *u;
	unsigned n = 0, n_update = 0;
	size_t i;

	(void)state;
	json_array_foreach (member(file, "exchanges"), i, e) {
		if ((sip = json_object_get(e, "sip")) == NULL)
			continue;
		assert_found(member(sip, "messages"), text(sip, "callId"), e,
		    first, 4);
		n++;
		u = json_object_get(e, "update");
		if (u == NULL || json_object_get(u, "sip") == NULL)
			continue;
		assert_found(member(u, "sip"), text(sip, "callId"), u, first,
		    2);
		n_update++;
	}
	assert_true(n >= 4 && n_update >= 1);
	json_decref(file);
}

/* A message that is cut off gives nothing: its Content-Length tells. */
static void
every_prefix_gives_nothing(void **state)
{
	json_t *file = vectors("exchanges.json"), *e, *sip, *m;
	size_t i, j;

	(void)state;
	json_array_foreach (member(file, "exchanges"), i, e) {
		if ((sip = json_object_get(e, "sip")) == NULL)
			continue;
		json_array_foreach (member(sip, "messages"), j, m) {
			size_t len;
			uint8_t *p = octets(m, "hex", &len);

			for (size_t n = 0; n < len; n++) {
				struct sip_event s;

				if (extract(p, n, &s) == ERR_OK)
					assert_int_equal(s.n_mikey, 0);
			}
			free(p);
		}
	}
	json_decref(file);
}

/* ---- messages of our own ---- */

#define BIG (SIP_MAX + 1000)

static char built[BIG + 1];
static size_t built_len;

#define HEADERS \
	"INVITE sip:bob@example.net SIP/2.0\r\n" \
	"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1\r\n" \
	"Max-Forwards: 70\r\n" \
	"From: <sip:alice@example.com>;tag=f1\r\n" \
	"To: <sip:bob@example.net>\r\n" \
	"CSeq: 1 INVITE\r\n"
#define CALL_ID "Call-ID: one@192.0.2.1\r\n"
#define SDP_TYPE "Content-Type: application/sdp\r\n"
#define SDP \
	"v=0\r\n" \
	"o=- 1 1 IN IP4 192.0.2.1\r\n" \
	"s=-\r\n" \
	"c=IN IP4 192.0.2.1\r\n" \
	"t=0 0\r\n"
#define MEDIA "m=audio 49170 RTP/SAVP 0\r\n"

/* Headers, a Content-Length that is that of the body plus `off`, a body. */
static void
build(const char *headers, const char *body, long off)
{
	const int n =
	    snprintf(built, sizeof(built), "%sContent-Length: %ld\r\n\r\n%s",
		headers, (long)strlen(body) + off, body);

	assert_true(n > 0 && (size_t)n < sizeof(built));
	built_len = (size_t)n;
}

static enum err
extract_built(struct sip_event *s)
{
	return extract(built, built_len, s);
}

static void
assert_message(const struct sip_event *s, unsigned i, const char *octets_want)
{
	assert_true(i < s->n_mikey);
	assert_int_equal(s->mikey[i].left, strlen(octets_want));
	assert_memory_equal(s->mikey[i].p, octets_want, strlen(octets_want));
}

/* How many messages a body of SDP gives; the first must be "first". */
static unsigned
count(const char *sdp)
{
	struct sip_event s;
	unsigned n;

	build(HEADERS CALL_ID SDP_TYPE, sdp, 0);
	assert_int_equal(extract_built(&s), ERR_OK);
	assert_view(s.call_id, "one@192.0.2.1");
	n = s.n_mikey;
	if (n > 0)
		assert_message(&s, 0, "first");
	return n;
}

/* Base64 of "first", "secnd", "third" with what stands around. */
#define FIRST "a=key-mgmt:mikey Zmlyc3Q=\r\n"
#define SECOND "a=key-mgmt:mikey c2VjbmQ=\r\n"
#define THIRD "a=key-mgmt:mikey dGhpcmQ=\r\n"

static void
lines_at_session_and_at_media_level(void **state)
{
	struct sip_event s;

	(void)state;
	assert_int_equal(count(SDP FIRST MEDIA), 1);
	assert_int_equal(count(SDP MEDIA FIRST), 1);
	assert_int_equal(count(SDP MEDIA "a=sendrecv\r\n" FIRST), 1);
	assert_int_equal(count(SDP MEDIA MEDIA FIRST), 1);
	assert_int_equal(count(SDP FIRST MEDIA SECOND), 2);
	assert_int_equal(count(SDP FIRST MEDIA SECOND MEDIA THIRD), 3);
	assert_int_equal(count(SDP FIRST SECOND MEDIA), 2);
	assert_int_equal(count(SDP MEDIA), 0);
	assert_int_equal(count(SDP), 0);
	assert_int_equal(count(""), 0);

	build(HEADERS CALL_ID SDP_TYPE, SDP FIRST MEDIA SECOND MEDIA THIRD, 0);
	assert_int_equal(extract_built(&s), ERR_OK);
	assert_message(&s, 0, "first");
	assert_message(&s, 1, "secnd");
	assert_message(&s, 2, "third");
}

static void
equal_copies_count_once(void **state)
{
	(void)state;
	assert_int_equal(count(SDP FIRST FIRST MEDIA), 1);
	assert_int_equal(count(SDP FIRST MEDIA FIRST MEDIA FIRST), 1);
	assert_int_equal(count(SDP FIRST MEDIA SECOND MEDIA FIRST), 2);
	assert_int_equal(count(SDP FIRST MEDIA SECOND MEDIA SECOND), 2);
}

static void
a_line_begins_with_mikey(void **state)
{
	(void)state;
	assert_int_equal(count(SDP "a=key-mgmt: mikey Zmlyc3Q=\r\n" MEDIA), 1);
	assert_int_equal(count(SDP "a=key-mgmt:mikey Zmlyc3Q= \r\n" MEDIA), 1);
	/* prtcl-id is case-sensitive: RFC 4567 clause 3.1. */
	assert_int_equal(count(SDP "a=key-mgmt:MIKEY Zmlyc3Q=\r\n" MEDIA), 0);
	assert_int_equal(count(SDP "a=key-mgmt:mikeyx Zmlyc3Q=\r\n" MEDIA), 0);
	assert_int_equal(count(SDP "a=key-mgmt:mikeyZmlyc3Q=\r\n" MEDIA), 0);
	assert_int_equal(count(SDP "a=key-mgmt:other Zmlyc3Q=\r\n" MEDIA), 0);
	assert_int_equal(count(SDP "a=key-mgmtx:mikey Zmlyc3Q=\r\n" MEDIA), 0);
	assert_int_equal(count(SDP "a=xkey-mgmt:mikey Zmlyc3Q=\r\n" MEDIA), 0);
	assert_int_equal(count(SDP "a=KEY-MGMT:mikey Zmlyc3Q=\r\n" MEDIA), 0);
	assert_int_equal(count(SDP "a=key-mgmt\r\n" MEDIA), 0);
	assert_int_equal(count(SDP "a=key-mgmt:mikey\r\n" MEDIA FIRST), 1);
	assert_int_equal(count(SDP "a=key-mgmt:mikey \r\n" MEDIA FIRST), 1);
	/* Other protocols stand beside it. */
	assert_int_equal(count(SDP "a=key-mgmt:other QUJD\r\n" FIRST MEDIA), 1);
}

static void
lines_that_are_not_base64_are_left_out(void **state)
{
	static const char *const bad[] = {"Zmlyc3Q", "Zmlyc3Q==", "Zmlyc3", "=",
	    "==", "===", "====", "Z===", "Zm=y", "Zm==c3Q=", "Zmlyc3Q=Zmly",
	    "Zm lyc3Q=", "Zmly\tc3Q=", "Zmly,3Q=", "Zmly-3Q=", "Zmly_3Q=",
	    "Zmly\x80zQ=", "Zmlyc3Q=;", "\"Zmlyc3Q=\"", "Z"};
	char sdp[1000];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)snprintf(sdp, sizeof(sdp),
		    SDP "a=key-mgmt:mikey %s\r\n" MEDIA, bad[i]);
		if (count(sdp) != 0)
			fail_msg("%s", bad[i]);
		(void)snprintf(sdp, sizeof(sdp),
		    SDP "a=key-mgmt:mikey %s\r\n" FIRST MEDIA, bad[i]);
		if (count(sdp) != 1)
			fail_msg("%s and a good one", bad[i]);
	}
}

static void
base64_of_any_length_is_decoded_to_the_octet(void **state)
{
	static char sdp[60000];
	static uint8_t message[MAX_MIKEY];
	static const size_t len[] = {1, 2, 3, 4, 5, 6, 57, 58, 1000, 16383,
	    16384};

	(void)state;
	for (size_t i = 0; i < sizeof(message); i++)
		message[i] = (uint8_t)(i * 31 + i / 256);
	for (size_t i = 0; i < sizeof(len) / sizeof(len[0]); i++) {
		static unsigned char b64[30000];
		struct sip_event s;

		assert_true(EVP_EncodeBlock(b64, message, (int)len[i]) > 0);
		(void)snprintf(sdp, sizeof(sdp),
		    SDP MEDIA "a=key-mgmt:mikey %s\r\n", (const char *)b64);
		build(HEADERS CALL_ID SDP_TYPE, sdp, 0);
		assert_int_equal(extract_built(&s), ERR_OK);
		assert_int_equal(s.n_mikey, 1);
		assert_int_equal(s.mikey[0].left, len[i]);
		assert_memory_equal(s.mikey[0].p, message, len[i]);
	}
	/* Longer than a MIKEY message can be. */
	memset(sdp, 'A', sizeof(sdp));
	memcpy(sdp, SDP "a=key-mgmt:mikey ", strlen(SDP) + 17);
	memcpy(sdp + strlen(SDP) + 17 + 24000, "\r\n" FIRST, strlen(FIRST) + 3);
	assert_int_equal(count(sdp), 1);
}

static void
sixteen_lines_are_looked_at(void **state)
{
	static char sdp[4000];
	size_t n;

	(void)state;
	for (unsigned lines = 14; lines < 20; lines++) {
		n = (size_t)snprintf(sdp, sizeof(sdp), SDP FIRST);
		for (unsigned i = 1; i < lines; i++)
			n += (size_t)snprintf(sdp + n, sizeof(sdp) - n,
			    "a=key-mgmt:mikey %c%c%c%c\r\n", 'A' + (int)i, 'b',
			    'c', 'd');
		(void)snprintf(sdp + n, sizeof(sdp) - n, MEDIA);
		assert_int_equal(count(sdp),
		    lines < SIP_MIKEY_MAX ? lines : SIP_MIKEY_MAX);
	}
}

#define MIXED "Content-Type: multipart/mixed;boundary=\"b1\"\r\n"
#define PART "\r\n--b1\r\n" SDP_TYPE "\r\n"
#define OTHER_PART "\r\n--b1\r\nContent-Type: text/plain\r\n\r\n"
#define END "\r\n--b1--\r\n"

static void
any_body_of_several_is_looked_at(void **state)
{
	struct sip_event s;

	(void)state;
	build(HEADERS CALL_ID MIXED,
	    "preamble\r\n" OTHER_PART
	    "a=key-mgmt:mikey QUJD\r\n" PART SDP FIRST MEDIA OTHER_PART
	    "v=\r\nx\r\n" PART SDP SECOND MEDIA THIRD END,
	    0);
	assert_int_equal(extract_built(&s), ERR_OK);
	assert_int_equal(s.n_mikey, 3);
	assert_message(&s, 0, "first");
	assert_message(&s, 1, "secnd");
	assert_message(&s, 2, "third");

	/* The same message in two bodies. */
	build(HEADERS CALL_ID MIXED,
	    PART SDP FIRST MEDIA PART SDP FIRST MEDIA END, 0);
	assert_int_equal(extract_built(&s), ERR_OK);
	assert_int_equal(s.n_mikey, 1);
	assert_message(&s, 0, "first");
}

/* The parser looks for one behind the line: the sanitizers watch. */
static void
a_media_line_without_formats_may_end_a_body(void **state)
{
	(void)state;
	assert_int_equal(count(SDP FIRST "m=audio 1 RTP/SAVP\r\n"), 1);
	assert_int_equal(count(SDP FIRST "m=audio 1 RTP/SAVP\n"), 1);
	assert_int_equal(count(SDP FIRST "m=audio 1 RTP/SAVP\r"), 1);
	assert_int_equal(count(SDP FIRST "m=audio 1/2 RTP/SAVP\n"), 1);
	assert_int_equal(count(SDP FIRST "m=x RTP/SAVP 0\n"), 1);
}

static void
a_body_that_is_no_sdp_gives_nothing(void **state)
{
	(void)state;
	assert_int_equal(count(FIRST), 0);
	assert_int_equal(count("\r\n" FIRST), 0);
	assert_int_equal(count("hello"), 0);
	assert_int_equal(count("x"), 0);
}

static void
a_body_shorter_than_its_content_length_is_malformed(void **state)
{
	static const long over[] = {1, 2, 3, 100, 100000, 2000000000};
	struct sip_event s;

	(void)state;
	for (size_t i = 0; i < sizeof(over) / sizeof(over[0]); i++) {
		build(HEADERS CALL_ID SDP_TYPE, SDP FIRST MEDIA, over[i]);
		assert_int_equal(extract_built(&s), ERR_MALFORMED);
		build(HEADERS CALL_ID MIXED, PART SDP FIRST MEDIA END, over[i]);
		assert_int_equal(extract_built(&s), ERR_MALFORMED);
		build(HEADERS CALL_ID, "", over[i]);
		assert_int_equal(extract_built(&s), ERR_MALFORMED);
	}
	/* In its compact form. */
	(void)snprintf(built, sizeof(built), "%s",
	    HEADERS CALL_ID SDP_TYPE "l: 1000\r\n\r\n" SDP FIRST MEDIA);
	built_len = strlen(built);
	assert_int_equal(extract_built(&s), ERR_MALFORMED);
}

static void
a_content_length_that_is_no_number_is_malformed(void **state)
{
	static const char *const bad[] = {"x", "-1", "12x", "0x10",
	    "99999999999999999999999999"};
	struct sip_event s;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)snprintf(built, sizeof(built),
		    HEADERS CALL_ID SDP_TYPE
		    "Content-Length: %s\r\n\r\n" SDP FIRST MEDIA,
		    bad[i]);
		built_len = strlen(built);
		if (extract_built(&s) != ERR_MALFORMED)
			fail_msg("%s", bad[i]);
	}
}

static void
without_a_content_length_the_rest_is_the_body(void **state)
{
	struct sip_event s;

	(void)state;
	(void)snprintf(built, sizeof(built), "%s",
	    HEADERS CALL_ID SDP_TYPE "\r\n" SDP FIRST MEDIA);
	built_len = strlen(built);
	assert_int_equal(extract_built(&s), ERR_OK);
	assert_int_equal(s.n_mikey, 1);
	assert_message(&s, 0, "first");
}

static void
compact_and_folded_headers(void **state)
{
	const char *body = SDP FIRST MEDIA;
	struct sip_event s;

	(void)state;
	(void)snprintf(built, sizeof(built),
	    "SIP/2.0 183 Session Progress\r\n"
	    "v: SIP/2.0/UDP 192.0.2.1:5060\r\n ;branch=z9hG4bK1\r\n"
	    "f:\r\n\t<sip:alice@example.com>;tag=f1\r\n"
	    "t: <sip:bob@example.net>;tag=t1\r\n"
	    "i:\r\n one@192.0.2.1\r\n"
	    "CSeq: 1\r\n INVITE\r\n"
	    "c:\r\n application/sdp\r\n"
	    "l:\r\n %zu\r\n\r\n%s",
	    strlen(body), body);
	built_len = strlen(built);
	assert_int_equal(extract_built(&s), ERR_OK);
	assert_view(s.call_id, "one@192.0.2.1");
	assert_int_equal(s.n_mikey, 1);
	assert_message(&s, 0, "first");
}

/* In the headers; in a body it is at least no reason to find another key. */
static void
a_nul_in_the_headers_is_malformed(void **state)
{
	const size_t headers = strlen(HEADERS CALL_ID SDP_TYPE);
	struct sip_event s;

	(void)state;
	build(HEADERS CALL_ID SDP_TYPE, SDP FIRST MEDIA, 0);
	for (size_t i = 0; i < built_len; i++) {
		const char was = built[i];
		enum err rc;

		built[i] = '\0';
		rc = extract_built(&s);
		if (i < headers)
			assert_int_equal(rc, ERR_MALFORMED);
		if (rc == ERR_OK && s.n_mikey > 0)
			assert_message(&s, 0, "first");
		built[i] = was;
	}
}

static void
what_is_not_sip_is_malformed(void **state)
{
	static const char *const bad[] = {"", "x", "\r\n", "\r\n\r\n",
	    "hello world\r\n\r\n", "INVITE\r\n\r\n",
	    "INVITE sip:bob@example.net\r\n\r\n", "SIP/2.0\r\n\r\n",
	    "v=0\r\na=key-mgmt:mikey Zmlyc3Q=\r\n", "\x16\x03\x01\x02\x01\x01"};
	struct sip_event s;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (extract(bad[i], strlen(bad[i]), &s) != ERR_MALFORMED)
			fail_msg("%s", bad[i]);
}

static void
a_message_without_a_usable_call_id_is_malformed(void **state)
{
	static char headers[2000], id[400];
	struct sip_event s;

	(void)state;
	build(HEADERS SDP_TYPE, SDP FIRST MEDIA, 0);
	assert_int_equal(extract_built(&s), ERR_MALFORMED);
	for (size_t n = 250; n < 260; n++) {
		memset(id, 'x', n);
		id[n] = '\0';
		id[100] = '@';
		(void)snprintf(headers, sizeof(headers),
		    HEADERS "Call-ID: %s\r\n" SDP_TYPE, id);
		build(headers, SDP FIRST MEDIA, 0);
		if (n > 255) {
			assert_int_equal(extract_built(&s), ERR_MALFORMED);
			continue;
		}
		if (extract_built(&s) == ERR_OK)
			assert_view(s.call_id, id);
		else
			assert_true(n == 255); /* room for the NUL */
	}
	build(HEADERS "Call-ID: no-host\r\n" SDP_TYPE, SDP FIRST MEDIA, 0);
	assert_int_equal(extract_built(&s), ERR_OK);
	assert_view(s.call_id, "no-host");
}

static void
a_message_has_at_most_262144_octets(void **state)
{
	static char body[BIG + 1];
	static const char front[] = SDP FIRST "a=x:";
	struct sip_event s;
	size_t room;

	(void)state;
	/* As long as the headers with six digits of length leave room for. */
	memset(body, 'x', sizeof(body) - 1);
	memcpy(body, front, sizeof(front) - 1);
	room = SIP_MAX - strlen(HEADERS CALL_ID SDP_TYPE) -
	    strlen("Content-Length: 123456\r\n\r\n");
	memcpy(body + room - 2, "\r\n", 3);
	build(HEADERS CALL_ID SDP_TYPE, body, 0);
	assert_int_equal(built_len, SIP_MAX);
	assert_int_equal(extract_built(&s), ERR_OK);
	assert_int_equal(s.n_mikey, 1);
	memcpy(body + room - 2, "x\r\n", 4);
	build(HEADERS CALL_ID SDP_TYPE, body, 0);
	assert_int_equal(built_len, SIP_MAX + 1);
	assert_int_equal(extract_built(&s), ERR_TOOBIG);
}

/* ---- what a message is ---- */

/* A message without a body, with these From, To and CSeq headers. */
static enum err
read_dialog(const char *first, const char *from, const char *to,
    const char *cseq, struct sip_event *e)
{
	const int n = snprintf(built, sizeof(built),
	    "%s\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n%s\r\n%s\r\n" CALL_ID
	    "%s\r\n\r\n",
	    first, from, to, cseq);

	assert_true(n > 0 && (size_t)n < sizeof(built));
	built_len = (size_t)n;
	return extract_built(e);
}

#define FROM "From: <sip:a@h>;tag=f1"
#define TO "To: <sip:b@h>;tag=t1"

static void
requests_by_their_method(void **state)
{
	static const struct {
		const char *name;
		enum sip_method method;
	} known[] = {{"INVITE", SIP_INVITE}, {"ACK", SIP_ACK}, {"BYE", SIP_BYE},
	    {"CANCEL", SIP_CANCEL}, {"PRACK", SIP_PRACK},
	    {"UPDATE", SIP_UPDATE}, {"INFO", SIP_OTHER}, {"invite", SIP_OTHER},
	    {"INVITEX", SIP_OTHER}};
	char line[100], cseq[100];
	struct sip_event e;

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		(void)snprintf(line, sizeof(line), "%s sip:b@h SIP/2.0",
		    known[i].name);
		(void)snprintf(cseq, sizeof(cseq), "CSeq: 4294967295 %s",
		    known[i].name);
		assert_int_equal(read_dialog(line, FROM, TO, cseq, &e), ERR_OK);
		assert_int_equal(e.status, 0);
		assert_int_equal(e.method, known[i].method);
		assert_int_equal(e.cseq, 4294967295);
		assert_int_equal(e.n_mikey, 0);
	}
}

static void
responses_by_their_status_and_cseq(void **state)
{
	struct sip_event e;

	(void)state;
	assert_int_equal(read_dialog("SIP/2.0 200 OK", FROM, TO,
			     "CSeq: 7 INVITE", &e),
	    ERR_OK);
	assert_int_equal(e.status, 200);
	assert_int_equal(e.method, SIP_INVITE);
	assert_int_equal(e.cseq, 7);
	assert_int_equal(read_dialog("SIP/2.0 699 No", FROM, TO, "CSeq: 0 BYE",
			     &e),
	    ERR_OK);
	assert_int_equal(e.status, 699);
	assert_int_equal(e.method, SIP_BYE);
	assert_int_equal(e.cseq, 0);
	assert_int_equal(read_dialog("SIP/2.0 100 Trying", FROM, TO,
			     "CSeq: 7 INVITE", &e),
	    ERR_OK);
	assert_int_equal(e.status, 100);
	assert_int_equal(read_dialog("SIP/2.0 700 No", FROM, TO, "CSeq: 0 BYE",
			     &e),
	    ERR_MALFORMED);
	assert_int_equal(read_dialog("SIP/2.0 99 No", FROM, TO, "CSeq: 0 BYE",
			     &e),
	    ERR_MALFORMED);
}

static void
tags_of_both_sides(void **state)
{
	struct sip_event e;

	(void)state;
	assert_int_equal(read_dialog("BYE sip:b@h SIP/2.0",
			     "From: \"A;tag=no\" <sip:a@h;tag=no>;x=1;tag=f1;y",
			     "To: sip:b@h;TAG=t1", "CSeq: 1 BYE", &e),
	    ERR_OK);
	assert_view(e.from_tag, "f1");
	assert_view(e.to_tag, "t1");
	assert_view(e.call_id, "one@192.0.2.1");
	assert_int_equal(read_dialog("BYE sip:b@h SIP/2.0", "f:<sip:a@h>",
			     "t : sip:b@h;tag", "CSeq: 1 BYE", &e),
	    ERR_OK);
	assert_int_equal(e.from_tag.left, 0);
	assert_int_equal(e.to_tag.left, 0);
}

static void
a_cseq_that_is_no_number_is_malformed(void **state)
{
	static const char *const bad[] = {"CSeq: x INVITE", "CSeq: -1 INVITE",
	    "CSeq: +1 INVITE", "CSeq: 4294967296 INVITE", "CSeq: 1x INVITE",
	    "CSeq: 99999999999999999999999 INVITE"};
	struct sip_event e;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (read_dialog("SIP/2.0 200 OK", FROM, TO, bad[i], &e) !=
		    ERR_MALFORMED)
			fail_msg("%s", bad[i]);
}

/* ---- bodies that a strict parser of SDP or multipart refuses ---- */

static void
an_sdp_with_faults_keeps_its_key_mgmt(void **state)
{
	(void)state;
	assert_int_equal(count("v=0\r\n" FIRST), 1);
	assert_int_equal(count("v=0\r\nm=\r\n" FIRST "c=\r\no=-\r\n"), 1);
	assert_int_equal(count(SDP MEDIA "\r\n" FIRST), 1);
	assert_int_equal(count("\r\n" SDP FIRST), 1);
	assert_int_equal(count("v=0\ra=key-mgmt:mikey Zmlyc3Q=\rt=0 0\r"), 1);
	assert_int_equal(count("v=0\na=key-mgmt:mikey Zmlyc3Q="), 1);
}

static void
a_part_ends_where_the_next_begins(void **state)
{
	struct sip_event s;

	(void)state;
	assert_int_equal(count(SDP MEDIA "--b1\r\n" FIRST), 0);
	/* Multipart in multipart. */
	build(HEADERS CALL_ID MIXED,
	    "\r\n--b1\r\nContent-Type: multipart/alternative;boundary=b2\r\n"
	    "\r\n--b2\r\n" SDP_TYPE "\r\n" SDP FIRST MEDIA "\r\n--b2--\r\n" END,
	    0);
	assert_int_equal(extract_built(&s), ERR_OK);
	assert_int_equal(s.n_mikey, 1);
	/* What no parser of multipart bodies takes. */
	build(HEADERS CALL_ID "Content-Type: multipart/mixed\r\n",
	    PART SDP FIRST MEDIA, 0);
	assert_int_equal(extract_built(&s), ERR_OK);
	assert_int_equal(s.n_mikey, 1);
}

static void
what_follows_the_body_is_not_of_it(void **state)
{
	struct sip_event s;

	(void)state;
	build(HEADERS CALL_ID SDP_TYPE, SDP SECOND,
	    -(long)strlen("a=key-mgmt:mikey c2VjbmQ=\r\n"));
	assert_int_equal(extract_built(&s), ERR_OK);
	assert_int_equal(s.n_mikey, 0);
}

static void
two_content_lengths_are_malformed(void **state)
{
	struct sip_event s;

	(void)state;
	build(HEADERS CALL_ID SDP_TYPE "l: 3\r\n", SDP FIRST, 0);
	assert_int_equal(extract_built(&s), ERR_MALFORMED);
	/* The parser takes a line that ends in CR alone for one. */
	(void)snprintf(built, sizeof(built), "%s",
	    HEADERS CALL_ID "Subject: x\rContent-Length: 3\r\n\r\n" SDP FIRST);
	built_len = strlen(built);
	assert_int_equal(extract_built(&s), ERR_MALFORMED);
}

static void
empty_lines_may_stand_in_front(void **state)
{
	struct sip_event s;

	(void)state;
	(void)snprintf(built, sizeof(built), "\r\n\r\n\n%s",
	    HEADERS CALL_ID "\r\n" SDP FIRST);
	built_len = strlen(built);
	assert_int_equal(extract_built(&s), ERR_OK);
	assert_int_equal(s.n_mikey, 1);
}

/* ---- limits ---- */

static void
too_many_headers_or_parameters_are_too_big(void **state)
{
	static const char *const parts[] = {";a", ",<a:b>", "&a=b", "\r\na:b"};
	static char headers[BIG];
	struct sip_event s;

	(void)state;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		for (unsigned n = 900; n <= 1100; n += 200) {
			size_t at = (size_t)snprintf(headers, sizeof(headers),
			    HEADERS CALL_ID "Route: <sip:a@h%s",
			    i == 2 ? "?a=b" : ">");

			for (unsigned k = 0; k < n; k++)
				at += (size_t)snprintf(headers + at,
				    sizeof(headers) - at, "%s", parts[i]);
			(void)snprintf(headers + at, sizeof(headers) - at,
			    "%s\r\n", i == 2 ? ">" : "");
			build(headers, "", 0);
			assert_int_equal(extract_built(&s),
			    n < SIP_HEADER_PARTS_MAX ? ERR_OK : ERR_TOOBIG);
		}
}

static void
headers_have_at_most_65536_octets(void **state)
{
	static char headers[BIG];
	struct sip_event s;

	(void)state;
	for (size_t n = 65000; n <= 66000; n += 1000) {
		size_t at = (size_t)snprintf(headers, sizeof(headers),
		    HEADERS CALL_ID "Subject: ");

		memset(headers + at, 'x', n - at);
		(void)snprintf(headers + n, sizeof(headers) - n, "\r\n");
		build(headers, "", 0);
		assert_int_equal(extract_built(&s),
		    n < SIP_HEADERS_MAX ? ERR_OK : ERR_TOOBIG);
	}
}

/* The n-th time that memory is asked for there is none. */
static unsigned refuse_at, asked;

void *__real_arena_take(struct arena *a, size_t n);
void *__wrap_arena_take(struct arena *a, size_t n);

void *
__wrap_arena_take(struct arena *a, size_t n)
{
	return ++asked == refuse_at ? NULL : __real_arena_take(a, n);
}

static void
without_memory_a_message_is_refused_or_complete(void **state)
{
	const unsigned rounds = 2000;
	struct sip_event s;
	unsigned n = 0, refused = 0;
	enum err rc;

	(void)state;
	build(HEADERS CALL_ID MIXED "Record-Route: <sip:a@h;lr>,<sip:b@h>\r\n"
				    "Contact: \"x\" <sip:c@h;x=y>;q=1\r\n"
				    "Accept: a/b;c=d\r\nAllow: A, B\r\n",
	    PART SDP FIRST MEDIA END, 0);
	do {
		refuse_at = ++n;
		asked = 0;
		rc = extract_built(&s);
		if (rc == ERR_OK) {
			assert_view(s.call_id, "one@192.0.2.1");
			assert_view(s.from_tag, "f1");
			assert_int_equal(s.n_mikey, 1);
		} else {
			assert_int_equal(rc, ERR_TOOBIG);
			refused++;
		}
	} while (asked >= refuse_at && n < rounds);
	refuse_at = 0;
	assert_true(n > 50 && n < rounds && refused > 50);
	assert_int_equal(extract_built(&s), ERR_OK);
}

/* Octets changed at random: no crash, no leak; the sanitizers watch. */
static void
garbage_does_no_harm(void **state)
{
	uint64_t x = 88172645463325252ULL;
	struct sip_event s;

	(void)state;
	build(HEADERS CALL_ID MIXED,
	    PART SDP FIRST MEDIA SECOND PART SDP THIRD MEDIA END, 0);
	for (int i = 0; i < 5000; i++) {
		size_t at[3];
		char was[3];

		for (int k = 0; k < 3; k++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			at[k] = (size_t)(x >> 16) % built_len;
			was[k] = built[at[k]];
			built[at[k]] = (char)x;
		}
		(void)!extract_built(&s);
		for (int k = 2; k >= 0; k--)
			built[at[k]] = was[k];
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(messages_of_the_vectors_give_their_mikey),
	    cmocka_unit_test(every_prefix_gives_nothing),
	    cmocka_unit_test(lines_at_session_and_at_media_level),
	    cmocka_unit_test(equal_copies_count_once),
	    cmocka_unit_test(a_line_begins_with_mikey),
	    cmocka_unit_test(lines_that_are_not_base64_are_left_out),
	    cmocka_unit_test(base64_of_any_length_is_decoded_to_the_octet),
	    cmocka_unit_test(sixteen_lines_are_looked_at),
	    cmocka_unit_test(any_body_of_several_is_looked_at),
	    cmocka_unit_test(a_media_line_without_formats_may_end_a_body),
	    cmocka_unit_test(a_body_that_is_no_sdp_gives_nothing),
	    cmocka_unit_test(
		a_body_shorter_than_its_content_length_is_malformed),
	    cmocka_unit_test(a_content_length_that_is_no_number_is_malformed),
	    cmocka_unit_test(without_a_content_length_the_rest_is_the_body),
	    cmocka_unit_test(compact_and_folded_headers),
	    cmocka_unit_test(a_nul_in_the_headers_is_malformed),
	    cmocka_unit_test(what_is_not_sip_is_malformed),
	    cmocka_unit_test(a_message_without_a_usable_call_id_is_malformed),
	    cmocka_unit_test(a_message_has_at_most_262144_octets),
	    cmocka_unit_test(requests_by_their_method),
	    cmocka_unit_test(responses_by_their_status_and_cseq),
	    cmocka_unit_test(tags_of_both_sides),
	    cmocka_unit_test(a_cseq_that_is_no_number_is_malformed),
	    cmocka_unit_test(an_sdp_with_faults_keeps_its_key_mgmt),
	    cmocka_unit_test(a_part_ends_where_the_next_begins),
	    cmocka_unit_test(what_follows_the_body_is_not_of_it),
	    cmocka_unit_test(two_content_lengths_are_malformed),
	    cmocka_unit_test(empty_lines_may_stand_in_front),
	    cmocka_unit_test(too_many_headers_or_parameters_are_too_big),
	    cmocka_unit_test(headers_have_at_most_65536_octets),
	    cmocka_unit_test(without_memory_a_message_is_refused_or_complete),
	    cmocka_unit_test(garbage_does_no_harm),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
