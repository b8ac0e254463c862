/* media/: G.711, sounds, WAV files, and speech at its place in time. */
#include <stdlib.h>
#include <string.h>

#include "help.h"
#include "media/g711.h"
#include "media/speech.h"
#include "media/wav.h"

#define ROOM ((size_t)64 * 1024 * 1024)
#define VOICE 160
#define MS 1000

/* ---- G.711, against the recommendation's way: decision values ---- */

/* ITU-T G.711 table 2a: segment ends 31, 95, 223, ... of 8159, inverted. */
static void
pcmu_is_g711(void **state)
{
	static const int start[] = {0, 31, 95, 223, 479, 991, 2015, 4063};

	(void)state;
	for (int segment = 0; segment < 8; segment++)
		for (int step = 0; step < 16; step++) {
			const int width = 2 << segment;
			/* The middle of an interval, but of the first 0. */
			const int value = segment == 0
			    ? 2 * step
			    : start[segment] + width * step + width / 2;
			const uint8_t octet =
			    (uint8_t)(0xff - (segment << 4 | step));

			/* 14 bits there, 16 here. */
			assert_int_equal(g711_pcmu(octet), 4 * value);
			assert_int_equal(g711_pcmu(octet & 0x7f), -4 * value);
		}
	assert_int_equal(g711_pcmu(0x80), 32124);
	assert_int_equal(g711_pcmu(0), -32124);
}

/* Table 1a: segments from 0, 32, 64, 128, ... of 4096, even bits inverted. */
static void
pcma_is_g711(void **state)
{
	(void)state;
	for (int segment = 0; segment < 8; segment++)
		for (int step = 0; step < 16; step++) {
			const int from = segment == 0 ? 0 : 16 << segment;
			const int width = segment < 2 ? 2 : 1 << segment;
			const int value = from + width * step + width / 2;
			const uint8_t octet =
			    (uint8_t)((0x80 | segment << 4 | step) ^ 0x55);

			/* 13 bits there, 16 here. */
			assert_int_equal(g711_pcma(octet), 8 * value);
			assert_int_equal(g711_pcma(octet ^ 0x80), -8 * value);
		}
	assert_int_equal(g711_pcma(0xd5), 8);
	assert_int_equal(g711_pcma(0xaa), 32256);
}

/* ---- sounds ---- */

static void
silence_takes_no_memory(void **state)
{
	const uint64_t hour = UINT64_C(3600) * G711_RATE;
	struct sound_room room = {ROOM};
	int16_t one = 7, got[3];
	struct sound s;

	(void)state;
	sound_init(&s, &room);
	assert_int_equal(sound_len(&s), 0);
	assert_int_equal(sound_put(&s, 5, &one, 1), ERR_OK);
	assert_int_equal(sound_put(&s, 23 * hour, &one, 1), ERR_OK);
	assert_int_equal(sound_len(&s), 23 * hour - 5 + 1);
	assert_true(ROOM - room.left <= 2 * 65536);
	sound_get(&s, 0, got, 3);
	assert_int_equal(got[0], 7);
	assert_int_equal(got[1], 0);
	sound_get(&s, sound_len(&s) - 1, got, 3);
	assert_int_equal(got[0], 7);
	assert_int_equal(got[1] | got[2], 0);
	/* What was put earlier moves the beginning. */
	assert_int_equal(sound_put(&s, 4, &one, 1), ERR_OK);
	assert_int_equal(s.first, 4);
	sound_done(&s);
	assert_int_equal(room.left, ROOM);
}

static void
sounds_are_bounded(void **state)
{
	const uint64_t places = (uint64_t)SOUND_HOURS_MAX * 3600 * G711_RATE;
	struct sound_room room = {100000};
	int16_t two[2] = {1, 2};
	struct sound s;

	(void)state;
	sound_init(&s, &room);
	assert_int_equal(sound_put(&s, places, two, 1), ERR_TOOBIG);
	assert_int_equal(sound_put(&s, places - 1, two, 2), ERR_TOOBIG);
	assert_int_equal(sound_put(&s, UINT64_MAX, two, 2), ERR_TOOBIG);
	assert_int_equal(sound_put(&s, 0, two, 2), ERR_OK);
	assert_int_equal(sound_put(&s, 1000000, two, 2), ERR_FULL);
	assert_int_equal(sound_len(&s), 2);
	sound_done(&s);
}

/* ---- WAV ---- */

struct octets {
	uint8_t p[200000];
	size_t n;
};

static enum err
keep(void *arg, const uint8_t *p, size_t n)
{
	struct octets *o = arg;

	assert_true(n <= WAV_PIECE && o->n + n <= sizeof(o->p));
	memcpy(o->p + o->n, p, n);
	o->n += n;
	return ERR_OK;
}

static void
wav_is_header_and_samples(void **state)
{
	/* clang-format off */
	static const uint8_t head[] = {'R', 'I', 'F', 'F', 0x24 + 6, 0, 0, 0,
	    'W', 'A', 'V', 'E', 'f', 'm', 't', ' ', 16, 0, 0, 0, 1, 0, 1, 0,
	    0x40, 0x1f, 0, 0, 0x80, 0x3e, 0, 0, 2, 0, 16, 0,
	    'd', 'a', 't', 'a', 6, 0, 0, 0,
	    1, 0, 0xff, 0xff, 0, 0x80};
	/* clang-format on */
	static const int16_t samples[] = {1, -1, -32768};
	static struct octets o;
	struct sound_room room = {ROOM};
	struct sound s;

	(void)state;
	sound_init(&s, &room);
	o.n = 0;
	assert_int_equal(wav_write(&s, keep, &o), ERR_OK);
	assert_int_equal(o.n, 44);
	assert_int_equal(sound_put(&s, 99, samples, 3), ERR_OK);
	o.n = 0;
	assert_int_equal(wav_write(&s, keep, &o), ERR_OK);
	assert_int_equal(o.n, sizeof(head));
	assert_int_equal(wav_len(&s), sizeof(head));
	assert_memory_equal(o.p, head, sizeof(head));
	for (unsigned i = 0; i < 50000; i += 3)
		assert_int_equal(sound_put(&s, 99 + i, samples, 3), ERR_OK);
	o.n = 0;
	assert_int_equal(wav_write(&s, keep, &o), ERR_OK);
	assert_int_equal(o.n, wav_len(&s));
	for (unsigned i = 0; i + 2 < 50000; i += 3)
		assert_memory_equal(o.p + 44 + 2 * i, head + 44, 6);
	sound_done(&s);
}

/* ---- speech ---- */

static struct sound_room room = {ROOM};

/* A packet all of whose octets are `octet`, so many ms after the first. */
static void
say(struct speech *s, uint32_t ts, int64_t ms, uint8_t octet)
{
	uint8_t voice[VOICE];
	struct stream_packet p = {.us = 1000000000 + ms * MS,
	    .rtp = {.ts = ts}};

	memset(voice, octet, sizeof(voice));
	rd_init(&p.payload, voice, sizeof(voice));
	rd_init(&p.cipher, voice, sizeof(voice));
	assert_int_equal(speech_take(s, CODEC_PCMU, &p), ERR_OK);
}

static int16_t
at(const struct speech *s, uint64_t i)
{
	int16_t one;

	sound_get(&s->clear, i, &one, 1);
	return one;
}

static void
what_is_lost_is_silent(void **state)
{
	struct speech s;

	(void)state;
	speech_init(&s, &room, true);
	say(&s, UINT32_MAX - 100, 0, 0x80);
	say(&s, UINT32_MAX - 100 + 3 * VOICE, 60, 0x80);
	assert_int_equal(sound_len(&s.clear), 4 * VOICE);
	assert_int_equal(sound_len(&s.cipher), 4 * VOICE);
	for (unsigned i = 0; i < 4 * VOICE; i++)
		assert_int_equal(at(&s, i),
		    i < VOICE || i >= 3 * VOICE ? 32124 : 0);
	speech_done(&s);
}

static void
what_comes_late_stands_where_it_belongs(void **state)
{
	struct speech s;

	(void)state;
	speech_init(&s, &room, false);
	say(&s, 1000 + VOICE, 20, 0x80);
	say(&s, 1000, 25, 0);
	say(&s, 1000 + 2 * VOICE, 40, 0x80);
	assert_int_equal(sound_len(&s.clear), 3 * VOICE);
	assert_int_equal(at(&s, 0), -32124);
	assert_int_equal(at(&s, VOICE), 32124);
	assert_int_equal(sound_len(&s.cipher), 0);
	speech_done(&s);
}

/* A pause in which the sender did not count, and one in which it did. */
static void
a_new_count_goes_by_arrival(void **state)
{
	struct speech s;

	(void)state;
	speech_init(&s, &room, false);
	say(&s, 1000, 0, 0x80);
	say(&s, 1000 + VOICE, 60000, 0x80);
	assert_int_equal(sound_len(&s.clear), 60 * G711_RATE + VOICE);
	say(&s, 1000 + VOICE + 60 * G711_RATE, 120000, 0x80);
	assert_int_equal(sound_len(&s.clear), 120 * G711_RATE + VOICE);
	say(&s, 0xdeadbeef, 120020, 0x80);
	assert_int_equal(sound_len(&s.clear), 120 * G711_RATE + 2 * VOICE);
	/* Neither is of use: one behind the other. */
	say(&s, 5, -1000000, 0x80);
	assert_int_equal(sound_len(&s.clear), 120 * G711_RATE + 3 * VOICE);
	assert_int_equal(s.spoken, 5);
	speech_done(&s);
}

static void
what_has_no_place_is_counted(void **state)
{
	struct sound_room small = {65536};
	struct speech s;

	(void)state;
	speech_init(&s, &small, false);
	say(&s, 0, 0, 0x80);
	/* More than a second before the first. */
	say(&s, (uint32_t)-2 * G711_RATE, 0, 0x80);
	/* Where there is no room. */
	say(&s, 8 * G711_RATE, 8000, 0x80);
	/* On another day. */
	say(&s, 16, INT64_C(25) * 3600 * 1000, 0x80);
	assert_int_equal(s.left_out, 3);
	assert_int_equal(s.spoken, 1);
	assert_int_equal(sound_len(&s.clear), VOICE);
	speech_done(&s);
}

static void
other_codecs_are_counted(void **state)
{
	struct stream_packet p = {.us = 0};
	struct speech s;

	(void)state;
	speech_init(&s, &room, false);
	assert_int_equal(speech_take(&s, CODEC_PCMA, &p), ERR_OK);
	rd_init(&p.payload, "abc", 3);
	assert_int_equal(speech_take(&s, CODEC_OTHER, &p), ERR_OK);
	assert_int_equal(speech_take(&s, CODEC_PCMA, &p), ERR_OK);
	assert_int_equal(s.other, 2);
	assert_int_equal(s.spoken, 1);
	assert_int_equal(at(&s, 1), g711_pcma('b'));
	speech_done(&s);
	assert_int_equal(room.left, ROOM);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(pcmu_is_g711),
	    cmocka_unit_test(pcma_is_g711),
	    cmocka_unit_test(silence_takes_no_memory),
	    cmocka_unit_test(sounds_are_bounded),
	    cmocka_unit_test(wav_is_header_and_samples),
	    cmocka_unit_test(what_is_lost_is_silent),
	    cmocka_unit_test(what_comes_late_stands_where_it_belongs),
	    cmocka_unit_test(a_new_count_goes_by_arrival),
	    cmocka_unit_test(what_has_no_place_is_counted),
	    cmocka_unit_test(other_codecs_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
