/*
 * The file with the sealed head: whatever stands in its two slots, the later
 * one of those that the token has sealed (of two alike the second) is read, or
 * none; a head that is not below it can be written and is the next that is
 * read, one below cannot.
 *
 * Input: u8 at which call the token fails (0: at none); for each slot u8 what
 * (0: its octets as they come, SLOT_LEN of them; else a head with a seal, by
 * the bits of WRONG_ with a fault), then u8 number, u8 hash, u8 time; then
 * heads to be written, each u8 number, u8 hash, u8 time.
 */
#include <string.h>
#include <unistd.h>

#include "appliance/hsm_proc.h"
#include "fuzz.h"

#define SLOT 512
#define SLOT_LEN (8 + 8 + DIGEST_LEN + 8 + HSM_SEAL_LEN)
enum { WRONG_SEAL = 2, WRONG_MAGIC = 4, CUT = 8 };

static struct hsm_proc process;
static unsigned fail_in; /* calls into the token until one fails */

/* ---- in place of the token ---- */

static bool
token_fails(void)
{
	return fail_in > 0 && --fail_in == 0;
}

/* A seal that its octets tell. */
static void
seal_of(const uint8_t *data, size_t len, uint8_t seal[HSM_SEAL_LEN])
{
	uint8_t sum = 0;

	MUST(len == SLOT_LEN - HSM_SEAL_LEN);
	for (size_t i = 0; i < len; i++)
		sum = (uint8_t)(31 * sum + data[i]);
	memset(seal, sum, HSM_SEAL_LEN);
}

enum err
hsm_seal(struct hsm *h, enum hsm_key key, const uint8_t *data, size_t len,
    uint8_t seal[HSM_SEAL_LEN])
{
	(void)h;
	MUST(key == HSM_KEY_SEAL_STATE);
	seal_of(data, len, seal);
	return token_fails() ? ERR_HSM : ERR_OK;
}

enum err
hsm_seal_check(struct hsm *h, enum hsm_key key, const uint8_t *data, size_t len,
    struct rd seal)
{
	uint8_t want[HSM_SEAL_LEN];

	(void)h;
	MUST(key == HSM_KEY_SEAL_STATE);
	seal_of(data, len, want);
	if (token_fails())
		return ERR_HSM;
	return rd_is(&seal, want, sizeof(want)) ? ERR_OK : ERR_MISMATCH;
}

const char *
hsm_why(void)
{
	return "";
}

void
hsm_doubt_token(struct hsm_proc *p)
{
	MUST(p == &process);
}

/* ---- the plain reading ---- */

struct slot {
	bool there;
	struct sealed_head s;
};

static bool
is_later(const struct slot *a, const struct slot *b)
{
	return a->there &&
	    (!b->there || a->s.head.number > b->s.head.number ||
		(a->s.head.number == b->s.head.number &&
		    a->s.time > b->s.time));
}

static struct sealed_head
take_head(struct rd *in)
{
	struct sealed_head s = {.time = 0};

	s.head.number = take_u8(in);
	s.head.hash[0] = take_u8(in);
	s.time = take_u8(in);
	return s;
}

static void
put(unsigned at, const uint8_t *octets, size_t len)
{
	MUST(pwrite(process.head_fd, octets, len, (off_t)at * SLOT) ==
	    (ssize_t)len);
}

static struct slot
make_slot(unsigned at, struct rd *in)
{
	uint8_t octets[SLOT_LEN] = {0};
	const uint8_t what = take_u8(in);
	struct slot slot = {.there = false};
	uint8_t right;
	struct wr w;

	if (what == 0) { /* no seal of 32 like octets comes by chance */
		for (unsigned i = 0; i < SLOT_LEN; i++)
			octets[i] = take_u8(in);
		octets[SLOT_LEN - 1] = (uint8_t)~octets[SLOT_LEN - 2];
		put(at, octets, sizeof(octets));
		return slot;
	}
	slot.s = take_head(in);
	wr_init(&w, octets, sizeof(octets));
	wr_copy(&w, what & WRONG_MAGIC ? "KWHEAD2" : "KWHEAD1", 8);
	wr_u64(&w, slot.s.head.number);
	wr_copy(&w, slot.s.head.hash, DIGEST_LEN);
	wr_i64(&w, slot.s.time);
	seal_of(octets, w.len, octets + w.len);
	right = octets[SLOT_LEN - 1];
	octets[SLOT_LEN - 1] ^= what & WRONG_SEAL;
	put(at, octets, what & CUT ? SLOT_LEN - 1 : SLOT_LEN);
	/* Behind a cut are zeros, or the end of the file. */
	slot.there = (what & WRONG_MAGIC) == 0 &&
	    (what & CUT ? at == 0 && right == 0
			: octets[SLOT_LEN - 1] == right);
	return slot;
}

static void
must_read(const struct slot *want)
{
	struct sealed_head got = {.time = 0};
	struct why why = {""};
	const unsigned before = fail_in;
	const enum err rc = hsm_head_read(&process, &got, &why);

	if (before > 0 && fail_in == 0) {
		MUST(rc == ERR_HSM);
		return;
	}
	MUST(rc == (want->there ? ERR_OK : ERR_MALFORMED));
	if (rc != ERR_OK)
		return;
	MUST(head_equal(&got.head, &want->s.head));
	MUST(got.time == want->s.time);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct rd none = {NULL, 0};
	struct slot slot[2], last;
	struct rd in;

	rd_init(&in, data, size);
	process.head_fd = memory_file(none);
	fail_in = take_u8(&in);
	slot[0] = make_slot(0, &in);
	slot[1] = make_slot(1, &in);
	last = slot[!is_later(&slot[0], &slot[1])];
	must_read(&last);
	for (unsigned n = 0; n < 16 && in.left > 0; n++) {
		const struct sealed_head s = take_head(&in);
		struct sealed_head out;
		struct why why = {""};
		const bool good = last.there &&
		    (s.head.number > last.s.head.number ||
			head_equal(&s.head, &last.s.head));

		const unsigned before = fail_in;
		const enum err rc =
		    hsm_head_write(&process, &s.head, s.time, &out, &why);

		if (before > 0 && fail_in == 0) {
			MUST(rc == ERR_HSM);
			continue;
		}
		MUST((rc == ERR_OK) == good);
		if (good &&
		    (s.head.number > last.s.head.number ||
			s.time > last.s.time))
			last.s = s;
		must_read(&last);
	}
	close(process.head_fd);
	return 0;
}
