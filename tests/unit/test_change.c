#include <stdlib.h>
#include <string.h>

#include "help.h"
#include "policy/change.h"

static struct change
a_change(void)
{
	struct change c = {.number = 7,
	    .time = 1800000000,
	    .kind = REQUEST_PERSON_ADD,
	    .request = view("request", 7),
	    .evidence = view("\1\0\0\0\3cms", 8)};

	memset(c.hash, 0xab, sizeof(c.hash));
	return c;
}

static size_t
put(const struct change *c, uint8_t *out, size_t cap)
{
	struct wr w;
	size_t len = 0;

	wr_init(&w, out, cap);
	change_put(&w, c);
	assert_int_equal(wr_finish(&w, &len), ERR_OK);
	return len;
}

static bool
same(const struct change *a, const struct change *b)
{
	return a->number == b->number && a->time == b->time &&
	    a->kind == b->kind && memcmp(a->hash, b->hash, DIGEST_LEN) == 0 &&
	    rd_equal(&a->request, &b->request) &&
	    rd_equal(&a->evidence, &b->evidence);
}

/* Refused, and neither the reader nor the output changed. */
static void
malformed(const uint8_t *p, size_t len)
{
	struct change c, was;
	struct rd r = view(p, len);

	memset(&c, 0x77, sizeof(c));
	memcpy(&was, &c, sizeof(c));
	assert_int_equal(change_get(&r, &c), ERR_MALFORMED);
	assert_memory_equal(&c, &was, sizeof(c));
	assert_ptr_equal(r.p, p);
	assert_int_equal(r.left, len);
}

static void
a_change_is_read_as_it_was_written(void **state)
{
	struct change c = a_change(), back;
	uint8_t octets[256];
	size_t len = put(&c, octets, sizeof(octets));
	struct rd r = view(octets, len + 1);

	(void)state;
	assert_int_equal(len, CHANGE_FIXED_LEN + 7 + 8);
	assert_int_equal(change_get(&r, &back), ERR_OK);
	assert_true(same(&c, &back));
	assert_int_equal(r.left, 1); /* what follows is left alone */

	c.request = c.evidence = view(NULL, 0);
	c.time = CHANGE_TIME_MAX;
	c.number = MAX_CHANGES;
	c.kind = REQUEST_CLOCK_ACCEPT;
	len = put(&c, octets, sizeof(octets));
	assert_int_equal(len, CHANGE_FIXED_LEN);
	r = view(octets, len);
	assert_int_equal(change_get(&r, &back), ERR_OK);
	assert_true(same(&c, &back));

	/* a time that one can reckon with */
	c.time++;
	malformed(octets, put(&c, octets, sizeof(octets)));
	c.time = -1;
	malformed(octets, put(&c, octets, sizeof(octets)));
	c.time = 0;
	r = view(octets, put(&c, octets, sizeof(octets)));
	assert_int_equal(change_get(&r, &back), ERR_OK);
}

static void
every_prefix_of_a_change_is_malformed(void **state)
{
	const struct change c = a_change();
	uint8_t octets[256];

	(void)state;
	each_prefix(octets, put(&c, octets, sizeof(octets)), malformed);
}

static void
numbers_kinds_and_sizes_out_of_range_are_malformed(void **state)
{
	uint8_t *octets = malloc(MAX_REQUEST + 256),
		*big = calloc(1, MAX_REQUEST + 1);
	struct change c = a_change(), back;
	struct rd r;

	(void)state;
	assert_non_null(octets);
	assert_non_null(big);
	c.number = 0;
	malformed(octets, put(&c, octets, 256));
	c.number = MAX_CHANGES + 1;
	malformed(octets, put(&c, octets, 256));
	c.number = UINT64_MAX;
	malformed(octets, put(&c, octets, 256));
	c = a_change();
	c.kind = REQUEST__MAX;
	malformed(octets, put(&c, octets, 256));
	c = a_change();
	c.request = view(big, MAX_REQUEST + 1);
	malformed(octets, put(&c, octets, MAX_REQUEST + 256));
	c.request = view(big, MAX_REQUEST);
	r = view(octets, put(&c, octets, MAX_REQUEST + 256));
	assert_int_equal(change_get(&r, &back), ERR_OK);
	free(big);
	free(octets);
}

static void
only_warrants_and_subscribers_are_light(void **state)
{
	(void)state;
	for (unsigned k = 0; k < REQUEST__MAX; k++)
		assert_int_equal(change_is_light((enum request_kind)k),
		    k == REQUEST_WARRANT_ADD || k == REQUEST_SUBSCRIBER_ADD);
}

/* ---- the head ---- */

static struct head
after(const struct head *before, const struct change *c)
{
	struct head h;

	assert_int_equal(head_after(before, c, &h), ERR_OK);
	assert_int_equal(h.number, c->number);
	return h;
}

/* As docs/PROTOCOL.md has it, by hand. */
static void
the_head_is_a_digest_of_what_was_and_of_the_change(void **state)
{
	static const char label[] = "keywarden change";
	const struct change c = a_change();
	struct head before = {.number = 6}, h;
	uint8_t octets[17 + 32 + 8 + 8 + 1 + 32] = {0}, want[DIGEST_LEN];

	(void)state;
	memset(before.hash, 0xcd, sizeof(before.hash));
	memcpy(octets, label, 17);
	memset(octets + 17, 0xcd, 32);
	octets[17 + 32 + 7] = 7;
	memcpy(octets + 17 + 32 + 8, "\0\0\0\0\x6b\x49\xd2\0", 8);
	octets[17 + 32 + 16] = REQUEST_PERSON_ADD;
	memset(octets + 17 + 32 + 17, 0xab, 32);
	assert_int_equal(digest_of(view(octets, sizeof(octets)), want), ERR_OK);
	h = after(&before, &c);
	assert_memory_equal(h.hash, want, DIGEST_LEN);
}

static void
whatever_is_altered_gives_another_head(void **state)
{
	const struct change c = a_change();
	struct head before = {.number = 6}, h, other;
	struct change d;

	(void)state;
	h = after(&before, &c);
	for (size_t bit = 0; bit < 256; bit++) {
		before.hash[bit / 8] ^= (uint8_t)(1U << bit % 8);
		other = after(&before, &c);
		assert_false(head_equal(&h, &other));
		before.hash[bit / 8] ^= (uint8_t)(1U << bit % 8);
		d = c;
		d.hash[bit / 8] ^= (uint8_t)(1U << bit % 8);
		other = after(&before, &d);
		assert_memory_not_equal(h.hash, other.hash, DIGEST_LEN);
	}
	for (unsigned bit = 0; bit < 64; bit++) {
		d = c;
		d.number ^= UINT64_C(1) << bit;
		other = after(&before, &d);
		assert_memory_not_equal(h.hash, other.hash, DIGEST_LEN);
		d = c;
		d.time ^= (int64_t)(UINT64_C(1) << bit);
		other = after(&before, &d);
		assert_memory_not_equal(h.hash, other.hash, DIGEST_LEN);
	}
	for (unsigned k = 0; k < REQUEST__MAX; k++) {
		d = c;
		d.kind = (enum request_kind)k;
		other = after(&before, &d);
		assert_int_equal(head_equal(&h, &other), d.kind == c.kind);
	}
}

/* The hash stands for the request; signatures prove it and are not it. */
static void
octets_that_the_hash_stands_for_are_not_in_the_head(void **state)
{
	struct change c = a_change();
	struct head before = {.number = 6}, h, other;

	(void)state;
	h = after(&before, &c);
	c.request = c.evidence = view(NULL, 0);
	other = after(&before, &c);
	assert_true(head_equal(&h, &other));
}

static void
heads_are_equal_in_number_and_hash(void **state)
{
	struct head a = {.number = 3}, b = {.number = 3};

	(void)state;
	assert_true(head_equal(&a, &b));
	b.number = 4;
	assert_false(head_equal(&a, &b));
	b.number = 3;
	b.hash[DIGEST_LEN - 1] = 1;
	assert_false(head_equal(&a, &b));
}

/* ---- evidence ---- */

static size_t
put_evidence(const struct evidence *e, uint8_t *out, size_t cap)
{
	struct wr w;
	size_t len = 0;

	wr_init(&w, out, cap);
	evidence_put(&w, e);
	assert_int_equal(wr_finish(&w, &len), ERR_OK);
	return len;
}

static void
no_evidence(const uint8_t *p, size_t len)
{
	struct evidence e, was;

	memset(&e, 0x77, sizeof(e));
	memcpy(&was, &e, sizeof(e));
	assert_int_equal(evidence_get(view(p, len), &e), ERR_MALFORMED);
	assert_memory_equal(&e, &was, sizeof(e));
}

static void
evidence_is_read_as_it_was_written(void **state)
{
	uint8_t octets[256];

	(void)state;
	for (unsigned n = 0; n <= MAX_APPROVALS; n++) {
		struct evidence e = {.n = n}, back;
		size_t len;

		for (unsigned i = 0; i < n; i++)
			e.cms[i] = view("signatures", i);
		len = put_evidence(&e, octets, sizeof(octets));
		assert_int_equal(len, evidence_size(&e));
		assert_int_equal(evidence_get(view(octets, len), &back),
		    ERR_OK);
		assert_int_equal(back.n, n);
		for (unsigned i = 0; i < n; i++)
			assert_true(rd_equal(&back.cms[i], &e.cms[i]));
		each_prefix(octets, len, no_evidence);
		octets[len] = 0;
		no_evidence(octets, len + 1);
		octets[0] = (uint8_t)(n + 1);
		no_evidence(octets, len);
	}
}

static void
more_than_8_signatures_are_malformed(void **state)
{
	uint8_t octets[1 + 4 * 255] = {0};

	(void)state;
	for (unsigned n = MAX_APPROVALS + 1; n < 256; n++) {
		octets[0] = (uint8_t)n;
		no_evidence(octets, 1 + 4 * n);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_change_is_read_as_it_was_written),
	    cmocka_unit_test(every_prefix_of_a_change_is_malformed),
	    cmocka_unit_test(
		numbers_kinds_and_sizes_out_of_range_are_malformed),
	    cmocka_unit_test(only_warrants_and_subscribers_are_light),
	    cmocka_unit_test(
		the_head_is_a_digest_of_what_was_and_of_the_change),
	    cmocka_unit_test(whatever_is_altered_gives_another_head),
	    cmocka_unit_test(
		octets_that_the_hash_stands_for_are_not_in_the_head),
	    cmocka_unit_test(heads_are_equal_in_number_and_hash),
	    cmocka_unit_test(evidence_is_read_as_it_was_written),
	    cmocka_unit_test(more_than_8_signatures_are_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
