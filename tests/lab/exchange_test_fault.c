/* The list of faults. */
#include <stdio.h>
#include <string.h>

#include "exchange_test.h"

static struct exchange_spec
spec_with_fault(const char *name, enum exchange_needs needs)
{
	struct exchange_spec s = test_spec();
	struct why why;

	if (needs == EXCHANGE_NEEDS_UPDATE)
		s.update = EXCHANGE_BY_INITIATOR;
	if (needs == EXCHANGE_NEEDS_DEFERRED) {
		s.deferred = true;
		test_answer_as(&s, MAILBOX, true);
	}
	if (name != NULL)
		assert_int_equal(exchange_fault_add(&s, name, &why), ERR_OK);
	return s;
}

static void
assert_fault(const struct exchange_fault *f, const struct exchange_spec *s,
    const struct exchange *x, enum test_target t,
    enum exchange_outcome expected)
{
	const bool update = f->needs == EXCHANGE_NEEDS_UPDATE;
	const struct exchange_keys *want = t == TEST_RECIPIENT ? &x->recipient
	    : update					       ? &x->update
							       : &x->keys;
	const struct judge_out *j;

	if (expected == EXCHANGE_NOT_ASKED)
		return;
	j = test_judge(s, x, t, update);
	if (j->outcome != expected)
		fail_msg("%s, target %d: %s (%s), not %s", f->name, t,
		    exchange_outcome_name(j->outcome),
		    j->because != NULL ? j->because : "",
		    exchange_outcome_name(expected));
	if (expected != EXCHANGE_KEYS)
		return;
	assert_int_equal(j->keys.n, want->n);
	assert_memory_equal(j->keys.key[0].key, want->key[0].key, LAB_TEK_LEN);
	/* The seed's SK is not the true one only where that is the fault. */
	if (j->keys.has_sk)
		assert_int_equal(memcmp(j->keys.sk, x->keys.sk, LAB_TEK_LEN) ==
			0,
		    strcmp(f->name, "own-sk") != 0);
}

void
every_fault_is_what_it_says(void **state)
{
	static struct exchange x;
	struct exchange_fault f;

	(void)state;
	for (size_t i = 0; exchange_fault_get(i, &f); i++) {
		struct exchange_spec s = spec_with_fault(f.name, f.needs);

		x = *test_make(&s);
		assert_fault(&f, &s, &x, TEST_INITIATOR, f.initiator);
		assert_fault(&f, &s, &x, TEST_RESPONDER, f.responder);
		assert_fault(&f, &s, &x, TEST_RECIPIENT, f.recipient);
	}
}

static bool
makes_a_difference(const struct exchange_spec *without,
    const struct exchange *plain, const char *fault)
{
	struct exchange_spec with = *without;
	struct why why;

	assert_int_equal(exchange_fault_add(&with, fault, &why), ERR_OK);
	return !test_same_messages(test_make(&with), plain);
}

/* In every message where it may be, in one course of a call or another. */
void
every_fault_makes_a_difference(void **state)
{
	static const char *const places[] = {"i1", "r1", "i2", "r2", "u-i1",
	    "u-r1", "esk"};
	struct exchange_spec a = spec_with_fault(NULL, EXCHANGE_NEEDS_UPDATE);
	struct exchange_spec b = spec_with_fault(NULL, EXCHANGE_NEEDS_DEFERRED);
	static struct exchange plain_a, plain_b;
	struct exchange_fault f;
	struct why why;
	char name[64];

	(void)state;
	a.esk_in_i1 = b.esk_in_i1 = true;
	plain_a = *test_make(&a);
	plain_b = *test_make(&b);
	for (size_t i = 0; exchange_fault_get(i, &f); i++) {
		for (size_t p = 0; p < sizeof(places) / sizeof(places[0]);
		     p++) {
			struct exchange_spec scratch = a;

			(void)snprintf(name, sizeof(name), "%s@%s", f.name,
			    places[p]);
			if (exchange_fault_add(&scratch, name, &why) ==
				ERR_OK &&
			    !makes_a_difference(&a, &plain_a, name) &&
			    !makes_a_difference(&b, &plain_b, name))
				fail_msg("%s makes no difference", name);
		}
	}
}

void
unknown_faults_are_refused(void **state)
{
	static const char *const bad[] = {"", "no-such", "csb", "csb-r1@",
	    "csb-r1@x", "csb-r1@i", "rand-i2@r1", "@r1", "own-sk@i1"};
	struct exchange_spec s = test_spec(), before = s;
	struct why why;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_not_equal(exchange_fault_add(&s, bad[i], &why),
		    ERR_OK);
	assert_memory_equal(s.fault, before.fault, sizeof(s.fault));
}
