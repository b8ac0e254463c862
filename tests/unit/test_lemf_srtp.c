/*
 * media/streams with packets of a sender of its own (srtp_sender.c) and of
 * libsrtp's test driver; which key is whose, and what a hostile capture can do.
 */
#include <string.h>

#include "help.h"
#include "media/streams.h"
#include "srtp_sender.h"

#define SSRC 0xcafebabeU
#define VOICE 160

/* What came out. */
struct heard {
	struct streams *streams;
	struct media_key key[8];
	size_t n_keys;
	unsigned packets;
	uint32_t ts[4096];
	uint8_t first[4096]; /* octet of each payload */
	const struct stream *of[4096];
	uint8_t payload[SENDER_PACKET_MAX];
	size_t payload_len;
};

static enum err
take(void *arg, const struct stream_packet *p, struct why *why)
{
	struct heard *h = arg;

	(void)why;
	assert_true(h->packets < 4096);
	assert_int_equal(p->cipher.left >= p->payload.left, 1);
	h->ts[h->packets] = p->rtp.ts;
	h->first[h->packets] = p->payload.left > 0 ? p->payload.p[0] : 0;
	h->of[h->packets++] = p->stream;
	memcpy(h->payload, p->payload.p, p->payload.left);
	h->payload_len = p->payload.left;
	return ERR_OK;
}

static void
add_key(struct heard *h, const struct media_key *k)
{
	h->key[h->n_keys] = *k;
	assert_int_equal(media_key_ready(&h->key[h->n_keys++]), ERR_OK);
}

static void
begin(struct heard *h)
{
	assert_int_equal(streams_new(h->key, h->n_keys, take, h, &h->streams),
	    ERR_OK);
}

static void
hear(struct heard *h, const uint8_t *p, size_t len)
{
	static const uint8_t from[4] = {10, 0, 0, 1}, to[4] = {10, 0, 0, 2};
	struct packet udp = {.from = 4000, .to = 4002};
	struct why why;

	rd_init(&udp.from_ip, from, sizeof(from));
	rd_init(&udp.to_ip, to, sizeof(to));
	rd_init(&udp.payload, p, len);
	assert_int_equal(streams_datagram(h->streams, 0, &udp, &why), ERR_OK);
}

/* `n` packets whose first octets are their numbers. */
static void
speak(struct sender *s, struct heard *h, unsigned n)
{
	uint8_t voice[VOICE];

	for (unsigned i = 0; i < n; i++) {
		memset(voice, (int)(i & 0xff), sizeof(voice));
		sender_next(s, voice, sizeof(voice));
		hear(h, s->packet, s->len);
	}
}

static const struct stream *
only(const struct heard *h)
{
	assert_int_equal(streams_n(h->streams), 1);
	return streams_at(h->streams, 0);
}

/* All of what one sender says is heard; the key is known as `known` says. */
static void
all_heard(struct sender *s, const struct media_key *known)
{
	struct heard h = {.n_keys = 0};

	add_key(&h, known);
	begin(&h);
	speak(s, &h, 300);
	assert_int_equal(h.packets, 300);
	for (unsigned i = 0; i < 300; i++)
		assert_int_equal(h.first[i], i & 0xff);
	assert_int_equal(only(&h)->opened, 300);
	assert_int_equal(only(&h)->packets, 300);
	assert_int_equal(only(&h)->failed + only(&h)->lost, 0);
	assert_int_equal(streams_n_strangers(h.streams), 0);
	streams_free(&h.streams);
}

/* RFC 3711 appendix B.3. */
static void
key_derivation_of_rfc3711(void **state)
{
	struct sender s;
	uint8_t cipher[16], auth[20];
	struct media_key *k = &s.key;

	(void)state;
	sender_init(&s, 0, SSRC);
	assert_int_equal(hex_get("E1F97A0D3E018BE0D64FA32C06DE4139", k->key,
			     16),
	    ERR_OK);
	assert_int_equal(hex_get("0EC675AD498AFEEBB6960B3AABE6", k->salt, 14),
	    ERR_OK);
	assert_int_equal(hex_get("C61E7A93744F39EE10734AFE3FF7A087", cipher,
			     16),
	    ERR_OK);
	assert_int_equal(hex_get("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4",
			     auth, 20),
	    ERR_OK);
	assert_int_equal(media_key_ready(k), ERR_OK);
	assert_memory_equal(k->auth, auth, sizeof(auth));
	/* And the sender of these tests knows it too. */
	sender_derive(k, 1, s.packet, sizeof(auth));
	assert_memory_equal(s.packet, auth, sizeof(auth));
	sender_derive(k, 0, s.packet, sizeof(cipher));
	assert_memory_equal(s.packet, cipher, sizeof(cipher));
}

/* The packet of libsrtp's test driver, from its sources. */
static void
a_known_packet_is_opened(void **state)
{
	static const char wire[] = "800f1234decafbadcafebabe"
				   "4e55dc4ce79978d88ca4d215949d2402"
				   "b78d6acc99ea179b8dbb";
	struct heard h = {.n_keys = 0};
	struct sender s;
	uint8_t p[38], abab[16];

	(void)state;
	sender_init(&s, 0, SSRC);
	assert_int_equal(hex_get("e1f97a0d3e018be0d64fa32c06de4139", s.key.key,
			     16),
	    ERR_OK);
	assert_int_equal(hex_get("0ec675ad498afeebb6960b3aabe6", s.key.salt,
			     14),
	    ERR_OK);
	assert_int_equal(hex_get(wire, p, sizeof(p)), ERR_OK);
	memset(abab, 0xab, sizeof(abab));
	add_key(&h, &s.key);
	begin(&h);
	hear(&h, p, sizeof(p));
	assert_int_equal(h.packets, 1);
	assert_int_equal(h.payload_len, sizeof(abab));
	assert_memory_equal(h.payload, abab, sizeof(abab));
	assert_int_equal(h.ts[0], 0xdecafbad);
	streams_free(&h.streams);
	/* The sender of these tests says the same. */
	s.seq = 0x1234;
	s.ts = 0xdecafbad;
	s.type = 15;
	sender_next(&s, abab, sizeof(abab));
	assert_int_equal(s.len, sizeof(p));
	assert_memory_equal(s.packet, p, sizeof(p));
}

static void
all_is_heard_by_ssrc_and_without(void **state)
{
	struct media_key unknown;
	struct sender s;

	(void)state;
	sender_init(&s, 1, SSRC);
	all_heard(&s, &s.key);
	unknown = s.key;
	unknown.ssrc = 0;
	all_heard(&s, &unknown);
	/* An SSRC of 0 is one, too. */
	sender_init(&s, 1, 0);
	all_heard(&s, &s.key);
}

static void
each_policy_is_followed(void **state)
{
	static const size_t tags[] = {4, 8, 10, 16}, auths[] = {1, 16, 20};
	struct sender s;

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		for (unsigned j = 0; j < 3; j++)
			for (unsigned encrypted = 0; encrypted < 2;
			     encrypted++) {
				sender_init(&s, 2, SSRC);
				s.key.rules.tag_len = tags[i];
				s.key.rules.auth_key_len = auths[j];
				s.key.rules.encrypted = encrypted;
				all_heard(&s, &s.key);
			}
	sender_init(&s, 2, SSRC);
	s.key.rules.key_len = 32;
	all_heard(&s, &s.key);
}

static void
an_mki_is_found_or_must_be_that(void **state)
{
	static const uint8_t mki[] = {1, 2, 3, 4}, other[] = {1, 2, 3, 5};
	struct heard h = {.n_keys = 0};
	struct media_key known;
	struct sender s;

	(void)state;
	for (s.mki_len = 1; s.mki_len <= STREAM_MKI_MAX; s.mki_len *= 2) {
		const size_t n = s.mki_len;

		sender_init(&s, 3, SSRC);
		s.mki_len = n;
		memset(s.mki, 9, n);
		all_heard(&s, &s.key);
		s.key.rules.tag_len = 4;
		all_heard(&s, &s.key);
	}
	sender_init(&s, 3, SSRC);
	s.mki_len = sizeof(mki);
	memcpy(s.mki, mki, sizeof(mki));
	known = s.key;
	rd_init(&known.mki, mki, sizeof(mki));
	all_heard(&s, &known);
	rd_init(&known.mki, other, sizeof(other));
	add_key(&h, &known);
	begin(&h);
	speak(&s, &h, 8);
	assert_int_equal(h.packets, 0);
	assert_int_equal(streams_stranger(h.streams, 0)->packets, 8);
	streams_free(&h.streams);
}

static void
a_roll_over_counter_goes_on(void **state)
{
	struct media_key known;
	struct sender s;

	(void)state;
	for (uint32_t roc = 0; roc < 3; roc++)
		for (unsigned seq = 65400; seq < 65800; seq += 135) {
			sender_init(&s, 4, SSRC);
			s.roc = s.key.roc = roc + seq / 65536;
			s.seq = (uint16_t)seq;
			all_heard(&s, &s.key); /* over the end */
		}
	sender_init(&s, 4, SSRC);
	s.roc = s.key.roc = UINT32_MAX - 3;
	all_heard(&s, &s.key);
	/* The capture begins later than the keys. */
	sender_init(&s, 4, SSRC);
	known = s.key;
	s.roc = STREAM_ROLLS_MAX;
	all_heard(&s, &known);
}

static void
after_a_gap_the_stream_goes_on(void **state)
{
	struct heard h = {.n_keys = 0};
	struct sender s;

	(void)state;
	sender_init(&s, 5, SSRC);
	add_key(&h, &s.key);
	begin(&h);
	speak(&s, &h, 10);
	s.roc += 2;
	s.seq = (uint16_t)(s.seq + 30000);
	speak(&s, &h, 10);
	assert_int_equal(h.packets, 20);
	assert_int_equal(only(&h)->failed, 0);
	streams_free(&h.streams);
}

static void
a_new_key_is_taken_and_old_packets_still_come(void **state)
{
	struct heard h = {.n_keys = 0};
	struct sender a, b;
	uint8_t late[SENDER_PACKET_MAX], voice[VOICE] = {77};
	size_t late_len;

	(void)state;
	sender_init(&a, 6, SSRC);
	sender_init(&b, 7, SSRC);
	add_key(&h, &a.key);
	add_key(&h, &b.key);
	begin(&h);
	speak(&a, &h, 20);
	sender_next(&a, voice, sizeof(voice));
	memcpy(late, a.packet, a.len);
	late_len = a.len;
	b.seq = a.seq;
	b.ts = a.ts;
	speak(&b, &h, 5);
	hear(&h, late, late_len);
	speak(&b, &h, 5);
	assert_int_equal(h.packets, 31);
	assert_int_equal(h.first[25], 77);
	assert_int_equal(only(&h)->opened, 31);
	assert_int_equal(only(&h)->lost, 0);
	assert_ptr_equal(only(&h)->key, &h.key[1]);
	streams_free(&h.streams);
}

static void
calls_with_one_ssrc_are_two_streams(void **state)
{
	struct heard h = {.n_keys = 0};
	struct sender a, b;

	(void)state;
	sender_init(&a, 8, SSRC);
	sender_init(&b, 9, SSRC);
	b.key.call = 1;
	add_key(&h, &a.key);
	add_key(&h, &b.key);
	begin(&h);
	for (unsigned i = 0; i < 10; i++) {
		speak(&a, &h, 1);
		speak(&b, &h, 1);
	}
	assert_int_equal(streams_n(h.streams), 2);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(streams_at(h.streams, i)->opened, 10);
		assert_int_equal(streams_at(h.streams, i)->failed, 0);
		assert_int_equal(streams_at(h.streams, i)->key->call, i);
	}
	streams_free(&h.streams);
}

/* Others may send what they like from the stream's SSRC. */
static void
junk_among_them_changes_nothing(void **state)
{
	struct heard h = {.n_keys = 0};
	struct sender a, b;
	uint8_t junk[200] = {0x80, 0, 3, 4, 5, 6, 7, 8, 0xca, 0xfe, 0xba, 0xbe};

	(void)state;
	sender_init(&a, 10, SSRC);
	sender_init(&b, 11, SSRC);
	add_key(&h, &a.key);
	add_key(&h, &b.key);
	begin(&h);
	for (unsigned i = 0; i < 1000; i++) {
		junk[2] = (uint8_t)(i >> 2);
		junk[3] = (uint8_t)(i * 77);
		hear(&h, junk, 12 + i % 188);
		if (i == 500) /* a new key in the midst of it */
			b.seq = a.seq;
		speak(i < 500 ? &a : &b, &h, 1);
	}
	assert_int_equal(h.packets, 1000);
	assert_int_equal(only(&h)->opened, 1000);
	assert_int_equal(only(&h)->lost, 0);
	assert_int_equal(only(&h)->packets, 2000);
	streams_free(&h.streams);
}

static void
what_comes_twice_counts_once(void **state)
{
	struct heard h = {.n_keys = 0};
	struct sender s;
	static uint8_t old[3000][SENDER_PACKET_MAX];
	uint8_t voice[VOICE] = {1};

	(void)state;
	sender_init(&s, 12, SSRC);
	s.seq = 64000;
	add_key(&h, &s.key);
	begin(&h);
	for (unsigned i = 0; i < 3000; i++) {
		sender_next(&s, voice, sizeof(voice));
		memcpy(old[i], s.packet, s.len);
		hear(&h, s.packet, s.len);
	}
	for (unsigned i = 0; i < 3000; i++)
		hear(&h, old[i], s.len);
	assert_int_equal(h.packets, 3000);
	assert_int_equal(only(&h)->repeated + only(&h)->failed, 3000);
	assert_int_equal(only(&h)->opened, 3000);
	streams_free(&h.streams);
}

static void
lost_and_reordered_are_counted(void **state)
{
	struct heard h = {.n_keys = 0};
	struct sender s;
	uint8_t first[SENDER_PACKET_MAX], voice[VOICE] = {1};
	size_t len;

	(void)state;
	sender_init(&s, 13, SSRC);
	add_key(&h, &s.key);
	begin(&h);
	sender_next(&s, voice, sizeof(voice));
	memcpy(first, s.packet, s.len);
	len = s.len;
	speak(&s, &h, 5);
	hear(&h, first, len);
	assert_int_equal(only(&h)->lost, 0);
	s.seq += 3;
	speak(&s, &h, 5);
	assert_int_equal(only(&h)->lost, 3);
	assert_int_equal(only(&h)->opened, 11);
	streams_free(&h.streams);
}

static void
a_stranger_gets_nothing(void **state)
{
	struct heard h = {.n_keys = 0};
	struct sender s, other;
	uint8_t voice[VOICE] = {0};

	(void)state;
	sender_init(&s, 14, SSRC);
	sender_init(&other, 15, SSRC);
	add_key(&h, &other.key);
	other.key.ssrc = 0;
	add_key(&h, &other.key);
	begin(&h);
	speak(&s, &h, 50);
	/* Each octet of a packet counts. */
	sender_next(&other, voice, sizeof(voice));
	for (size_t i = 0; i < other.len; i++) {
		other.packet[i] ^= 1;
		hear(&h, other.packet, other.len);
		other.packet[i] ^= 1;
	}
	assert_int_equal(h.packets, 0);
	assert_int_equal(streams_n(h.streams), 0);
	streams_free(&h.streams);
}

static void
thousands_of_strangers_are_bounded(void **state)
{
	struct heard h = {.n_keys = 0};
	uint8_t junk[64] = {0x80};
	struct sender s;

	(void)state;
	sender_init(&s, 16, SSRC);
	s.key.ssrc = 0;
	add_key(&h, &s.key);
	begin(&h);
	for (unsigned i = 0; i < STRANGERS_MAX + 40; i++) {
		junk[10] = (uint8_t)(i >> 8);
		junk[11] = (uint8_t)i;
		hear(&h, junk, 30);
	}
	assert_int_equal(streams_n_strangers(h.streams), STRANGERS_MAX);
	speak(&s, &h, 50);
	assert_int_equal(h.packets, 50);
	streams_free(&h.streams);
}

static void
same_rules(const struct rules *a, const struct rules *b)
{
	assert_int_equal(a->encrypted, b->encrypted);
	assert_int_equal(a->key_len, b->key_len);
	assert_int_equal(a->salt_len, b->salt_len);
	assert_int_equal(a->auth_key_len, b->auth_key_len);
	assert_int_equal(a->tag_len, b->tag_len);
}

static enum err
sp(const char *params, struct rules *out)
{
	uint8_t octets[64] = {3, 0, 0};
	const size_t n = strlen(params) / 2;
	struct rd r;

	assert_true(4 + n <= sizeof(octets));
	octets[3] = (uint8_t)n;
	assert_int_equal(hex_get(params, octets + 4, n), ERR_OK);
	rd_init(&r, octets, 4 + n);
	return rules_read(r, out);
}

static void
policies_are_read_or_refused(void **state)
{
	static const char *const refused[] = {"0001", "000102", "010118",
	    "010100", "020100", "020102", "030100", "030115", "040110",
	    "05010a", "060101", "070102", "0a0100", "0b0103", "0b0111",
	    "0c0101", "0d0100", "0000", "0009000000000000000001"};
	static const uint8_t protocol[] = {0, 1, 0, 0};
	struct rules r, before;
	struct rd all;

	(void)state;
	assert_int_equal(sp("", &r), ERR_OK);
	rules_default(&before);
	same_rules(&r, &before);
	assert_int_equal(sp("000101"
			    "010110"
			    "020101"
			    "030114"
			    "04010e"
			    "050100"
			    "060100"
			    "070101"
			    "080101"
			    "090100"
			    "0a0101"
			    "0b010a"
			    "0c0100",
			     &r),
	    ERR_OK);
	same_rules(&r, &before);
	assert_int_equal(sp("000100"
			    "01020020"
			    "030110"
			    "0b0104",
			     &r),
	    ERR_OK);
	assert_false(r.encrypted);
	assert_int_equal(r.key_len, 32);
	assert_int_equal(r.auth_key_len, 16);
	assert_int_equal(r.tag_len, 4);
	assert_int_equal(sp("070100", &r), ERR_OK);
	assert_false(r.encrypted);
	before = r;
	for (unsigned i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		assert_int_equal(sp(refused[i], &r),
		    i == 0 ? ERR_TRUNCATED : ERR_UNSUPPORTED);
	rd_init(&all, protocol, sizeof(protocol));
	assert_int_equal(rules_read(all, &r), ERR_UNSUPPORTED);
	same_rules(&r, &before);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(key_derivation_of_rfc3711),
	    cmocka_unit_test(a_known_packet_is_opened),
	    cmocka_unit_test(all_is_heard_by_ssrc_and_without),
	    cmocka_unit_test(each_policy_is_followed),
	    cmocka_unit_test(an_mki_is_found_or_must_be_that),
	    cmocka_unit_test(a_roll_over_counter_goes_on),
	    cmocka_unit_test(after_a_gap_the_stream_goes_on),
	    cmocka_unit_test(a_new_key_is_taken_and_old_packets_still_come),
	    cmocka_unit_test(calls_with_one_ssrc_are_two_streams),
	    cmocka_unit_test(junk_among_them_changes_nothing),
	    cmocka_unit_test(what_comes_twice_counts_once),
	    cmocka_unit_test(lost_and_reordered_are_counted),
	    cmocka_unit_test(a_stranger_gets_nothing),
	    cmocka_unit_test(thousands_of_strangers_are_bounded),
	    cmocka_unit_test(policies_are_read_or_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
