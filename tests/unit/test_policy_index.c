#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "appliance/policy_index.h"
#include "help.h"

static unsigned
count(const struct index *x, const char *key)
{
	unsigned n = 0;

	for (const struct index_link *l = index_first(x, str(key)); l != NULL;
	     l = index_next(l))
		n++;
	return n;
}

static void
an_empty_one_has_nothing(void **state)
{
	struct index x = {.n = 0};

	(void)state;
	assert_null(index_first(&x, str("a")));
	assert_null(index_first(&x, str("")));
	index_drop(&x, str("a"), NULL);
	index_done(&x);
}

static void
a_key_leads_to_all_its_things_newest_first(void **state)
{
	struct index x = {.n = 0};
	const struct index_link *l;
	char a, b, c;

	(void)state;
	assert_int_equal(index_add(&x, str("k"), &a), ERR_OK);
	assert_int_equal(index_add(&x, str("K"), &b), ERR_OK);
	assert_int_equal(index_add(&x, str("k"), &c), ERR_OK);
	l = index_first(&x, str("k"));
	assert_ptr_equal(l->thing, &c);
	l = index_next(l);
	assert_ptr_equal(l->thing, &a);
	assert_null(index_next(l));
	index_drop(&x, str("k"), &b); /* not under this key */
	assert_int_equal(count(&x, "k"), 2);
	index_drop(&x, str("k"), &c);
	assert_int_equal(count(&x, "k"), 1);
	assert_ptr_equal(index_first(&x, str("k"))->thing, &a);
	assert_int_equal(count(&x, "K"), 1);
	index_done(&x);
}

/* Through several growths, with the order kept. */
static void
many_are_found_again(void **state)
{
	enum { MANY = 20000 };
	struct index x = {.n = 0};
	char(*name)[16] = calloc(MANY, sizeof(*name));
	char one, two;

	(void)state;
	assert_non_null(name);
	for (int i = 0; i < MANY; i++) {
		(void)snprintf(name[i], sizeof(name[i]), "sip:%d", i);
		assert_int_equal(index_add(&x, str(name[i]), &one), ERR_OK);
		assert_int_equal(index_add(&x, str(name[i]), &two), ERR_OK);
	}
	assert_int_equal(x.n, 2 * MANY);
	assert_true(x.n <= x.n_buckets);
	for (int i = 0; i < MANY; i++) {
		assert_ptr_equal(index_first(&x, str(name[i]))->thing, &two);
		assert_int_equal(count(&x, name[i]), 2);
		if (i % 2 == 0)
			index_drop(&x, str(name[i]), &two);
	}
	assert_int_equal(count(&x, name[0]), 1);
	assert_int_equal(count(&x, name[1]), 2);
	index_done(&x);
	assert_null(index_first(&x, str(name[1])));
	free(name);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_empty_one_has_nothing),
	    cmocka_unit_test(a_key_leads_to_all_its_things_newest_first),
	    cmocka_unit_test(many_are_found_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
