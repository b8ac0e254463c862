/*
 * lemf/calls: records of the vectors' exchanges, written by hi2/iri.c, give
 * each key the stream that R_MESSAGE_1, else I_MESSAGE_1, says; what comes
 * twice or broken is counted.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "help.h"
#include "hi2/iri.h"
#include "hi2/sip_event.h"
#include "lemf/calls.h"

#define SSRC_AT 11 /* of the first entry of a message's CS ID map */

static char path[] = "test_lemf_calls.XXXXXX";
static FILE *file;
static uint8_t *i1, *r1;
static size_t i1_len, r1_len;

/* SIP with that MIKEY message, in a buffer of its own for a while. */
static struct rd
sip(const char *line, const uint8_t *mikey, size_t len, const char *more)
{
	static char text[8][16384];
	static unsigned next;
	char *out = text[next++ % 8], base64[12000];

	assert_true(EVP_EncodeBlock((unsigned char *)base64, mikey, (int)len) <
	    (int)sizeof(base64));
	(void)snprintf(out, sizeof(text[0]),
	    "%s\r\nCall-ID: x@y\r\nFrom: <sip:a@b>;tag=1\r\n"
	    "To: <sip:c@d>\r\nCSeq: 1 INVITE\r\n\r\nv=0\r\n"
	    "a=key-mgmt:mikey %s\r\nm=audio 4000 RTP/SAVP 0 97\r\n%s",
	    line, base64, more);
	return view(out, strlen(out));
}

static struct rd
invite(void)
{
	return sip("INVITE sip:c@d SIP/2.0", i1, i1_len,
	    "a=rtpmap:97 PCMA/8000\r\na=rtpmap:98 AMR/8000\r\n");
}

static struct rd
ringing(const uint8_t *mikey)
{
	return sip("SIP/2.0 183 Session Progress", mikey, r1_len,
	    "a=rtpmap:99 pcmu/8000/1\r\n");
}

static void
put(enum iri_event event, const char *liid, uint32_t sequence, struct rd octets,
    uint8_t key)
{
	static uint8_t out[65536];
	struct iri_key k = {.cs_id = 1, .tek = {key}, .salt = {key}};
	struct iri_record r = {.event = event,
	    .liid = view(liid, strlen(liid)),
	    .correlation = {0, 0, 0, 1, 0, 0, 0, 2},
	    .seconds = 1700000000,
	    .sequence = sequence,
	    .sip = octets};
	struct iri_profile p;
	struct rd csb = view(i1 + 4, 4);
	size_t len;

	if (event == IRI_KEYS) {
		assert_int_equal(rd_u32(&csb, &k.csb_id), ERR_OK);
		r.keys = &k;
		r.n_keys = 1;
	}
	assert_int_equal(iri_profile_named("etsi", &p), ERR_OK);
	assert_int_equal(iri_profile_set(&p, "operator_id", "OP", NULL),
	    ERR_OK);
	assert_int_equal(iri_encode(&p, &r, out, sizeof(out), &len), ERR_OK);
	assert_int_equal(fwrite(out, 1, len, file), len);
}

static int
set_up(void **state)
{
	json_t *all = vectors("exchanges.json");
	const json_t *first = json_array_get(member(all, "exchanges"), 0);
	int fd;

	(void)state;
	i1 = octets(first, "iMessage1", &i1_len);
	r1 = octets(first, "rMessage1", &r1_len);
	json_decref(all);
	/* The map of the vectors has neither. */
	memcpy(r1 + SSRC_AT, "\x11\x22\x33\x44\0\0\0\x09", 8);
	memcpy(i1 + SSRC_AT, "\xaa\xbb\xcc\xdd\0\0\0\0", 8);
	if ((fd = mkstemp(path)) == -1 || (file = fdopen(fd, "w")) == NULL)
		return -1;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	(void)fclose(file);
	(void)unlink(path);
	memcpy(path + sizeof(path) - 7, "XXXXXX", 6);
	free(i1);
	free(r1);
	sip_event_stop();
	return 0;
}

static void
read_calls(struct calls *s)
{
	struct why why;

	memset(s, 0, sizeof(*s));
	assert_int_equal(fflush(file), 0);
	assert_int_equal(calls_read(s, path, &why), ERR_OK);
}

static const struct media_key *
keys(const struct calls *s, struct secret **out, size_t n)
{
	struct calls_counts counts;
	struct why why;

	assert_int_equal(calls_keys(s, NULL, out, &counts, &why), ERR_OK);
	assert_int_equal(counts.usable, n);
	assert_int_equal(counts.sealed + counts.unserved + counts.unusable, 0);
	return (const void *)secret_data(*out);
}

/* The one key of the file is for this stream. */
static void
key_is_for(struct calls *s, uint32_t ssrc, uint32_t roc)
{
	struct secret *secret = NULL;
	const struct media_key *k = keys(s, &secret, 1);

	assert_int_equal(k->ssrc, ssrc);
	assert_int_equal(k->roc, roc);
	assert_int_equal(k->key[0], 7);
	assert_int_equal(k->salt[0], 7);
	secret_free(&secret);
}

static void
the_offer_says_the_stream_where_it_is_alone(void **state)
{
	struct calls s;

	(void)state;
	put(IRI_KEYS, "L", 0, invite(), 7);
	read_calls(&s);
	key_is_for(&s, 0xaabbccdd, 0);
	calls_done(&s);
}

static void
the_answer_says_it_before_the_offer(void **state)
{
	struct calls s;

	(void)state;
	put(IRI_SIP, "L", 0, ringing(r1), 0);
	put(IRI_KEYS, "L", 1, invite(), 7);
	read_calls(&s);
	assert_int_equal(s.n, 1);
	assert_int_equal(s.call[0]->n_records, 2);
	key_is_for(&s, 0x11223344, 9);
	calls_done(&s);
}

static void
an_answer_to_another_offer_says_nothing(void **state)
{
	struct calls s;

	(void)state;
	r1[4] ^= 1; /* CSB ID */
	put(IRI_SIP, "L", 0, ringing(r1), 0);
	put(IRI_KEYS, "L", 1, invite(), 7);
	read_calls(&s);
	key_is_for(&s, 0xaabbccdd, 0);
	calls_done(&s);
}

static void
an_answer_of_another_warrant_says_nothing(void **state)
{
	struct calls s;

	(void)state;
	put(IRI_SIP, "M", 0, ringing(r1), 0);
	put(IRI_KEYS, "L", 0, invite(), 7);
	read_calls(&s);
	assert_int_equal(s.n, 2);
	key_is_for(&s, 0xaabbccdd, 0);
	calls_done(&s);
}

static void
of_a_forked_call_the_stream_is_not_known(void **state)
{
	struct calls s;

	(void)state;
	put(IRI_SIP, "L", 0, ringing(r1), 0);
	r1[SSRC_AT] ^= 1;
	put(IRI_SIP, "L", 1, ringing(r1), 0);
	put(IRI_KEYS, "L", 2, invite(), 7);
	read_calls(&s);
	key_is_for(&s, 0, 9);
	calls_done(&s);
}

static void
what_a_capture_shows_helps(void **state)
{
	struct calls s;

	(void)state;
	put(IRI_KEYS, "L", 0, invite(), 7);
	read_calls(&s);
	assert_int_equal(calls_hint(&s, view("BYE", 3)), ERR_OK);
	assert_int_equal(calls_hint(&s, ringing(r1)), ERR_OK);
	key_is_for(&s, 0x11223344, 9);
	assert_int_equal(s.call[0]->types.type[99].codec, CODEC_PCMU);
	calls_done(&s);
	/* But nobody can name a call that has no record. */
	read_calls(&s);
	r1[4] ^= 1;
	assert_int_equal(calls_hint(&s, ringing(r1)), ERR_OK);
	key_is_for(&s, 0xaabbccdd, 0);
	assert_int_equal(s.call[0]->types.type[99].codec, CODEC_OTHER);
	calls_done(&s);
}

static void
payload_types_are_those_of_the_sdp(void **state)
{
	const struct sdp_types *t;
	struct calls s;

	(void)state;
	put(IRI_KEYS, "L", 0, invite(), 7);
	read_calls(&s);
	t = &s.call[0]->types;
	assert_int_equal(t->type[0].codec, CODEC_PCMU);
	assert_int_equal(t->type[8].codec, CODEC_PCMA);
	assert_int_equal(t->type[97].codec, CODEC_PCMA);
	assert_int_equal(t->type[98].codec, CODEC_OTHER);
	assert_string_equal(t->type[98].name, "AMR/8000");
	assert_string_equal(t->type[99].name, "");
	calls_done(&s);
}

static void
what_comes_again_counts_once(void **state)
{
	struct secret *secret = NULL;
	struct calls s;

	(void)state;
	put(IRI_KEYS, "L", 0, invite(), 7);
	put(IRI_KEYS, "L", 0, invite(), 7);
	put(IRI_KEYS, "L", 1, invite(), 7); /* the same key once more */
	put(IRI_KEYS, "L", 1, invite(), 8); /* that number, other octets */
	read_calls(&s);
	assert_int_equal(s.repeated, 1);
	assert_int_equal(s.call[0]->n_records, 3);
	(void)keys(&s, &secret, 2);
	secret_free(&secret);
	calls_done(&s);
}

static void
what_cannot_be_read_is_counted_and_passed_over(void **state)
{
	struct calls s;

	(void)state;
	put(IRI_KEYS, "L", 0, invite(), 7);
	assert_int_equal(fwrite("\x30\x02\x05\x00", 1, 4, file), 4);
	put(IRI_SIP, "L", 1, ringing(r1), 0);
	assert_int_equal(fwrite("\x30\x05\x05", 1, 3, file), 3);
	read_calls(&s);
	assert_int_equal(s.unread, 2);
	assert_non_null(strstr(s.first_unread.text, path));
	assert_int_equal(s.call[0]->n_records, 2);
	key_is_for(&s, 0x11223344, 9);
	calls_done(&s);
}

static void
names_are_made_of_harmless_characters(void **state)
{
	char name[CALL_NAME_MAX];
	struct calls s;

	(void)state;
	put(IRI_SIP, "../a b\\c\xff", 0, invite(), 0);
	put(IRI_SIP, "LIID-2026_1.x", 0, invite(), 0);
	read_calls(&s);
	call_name(s.call[0], name);
	assert_string_equal(name, "%2e.%2fa%20b%5cc%ff-2");
	call_name(s.call[1], name);
	assert_string_equal(name, "LIID-2026_1.x-2");
	calls_done(&s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(the_offer_says_the_stream_where_it_is_alone),
	    TEST(the_answer_says_it_before_the_offer),
	    TEST(an_answer_to_another_offer_says_nothing),
	    TEST(an_answer_of_another_warrant_says_nothing),
	    TEST(of_a_forked_call_the_stream_is_not_known),
	    TEST(what_a_capture_shows_helps),
	    TEST(payload_types_are_those_of_the_sdp),
	    TEST(what_comes_again_counts_once),
	    TEST(what_cannot_be_read_is_counted_and_passed_over),
	    TEST(names_are_made_of_harmless_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
