/* Messages of appliance/proto_probe.c. */
#include "appliance/proto_probe.h"
#include "wire.h"

GETTER(probe_order, struct probe_order)
GETTER(probe_token, struct probe_token)
GETTER(probe_ended, struct probe_ended)

static enum err
get_begins(struct rd r)
{
	enum cap c;

	return probe_begins_get(r, &c);
}

static void
an_order_reads_back_as_it_was_put(void **state)
{
	const struct probe_order m = {false, true, false, 0x0102030405060708,
	    MAX_PROBE_IDLE_MS, view("/usr/lib/module.so", 18),
	    view("label", 5)};
	struct probe_order out, more = m;
	struct wr w = writer();
	size_t len;

	(void)state;
	probe_order_put(&w, &m);
	len = written(&w);
	assert_int_equal(probe_order_get(view(buf, len), &out), ERR_OK);
	assert_true(!out.clean && out.quick && !out.by_slot);
	assert_true(out.slot == m.slot && out.idle_ms == m.idle_ms);
	assert_true(rd_equal(&out.module, &m.module));
	assert_true(rd_equal(&out.label, &m.label));
	only_whole(get_probe_order, len);
	for (size_t i = 0; i < 3; i++)
		only_below(get_probe_order, len, i, 2);
	more.idle_ms++;
	w = writer();
	probe_order_put(&w, &more);
	len = written(&w);
	assert_int_equal(probe_order_get(view(buf, len), &out), ERR_MALFORMED);
}

static void
a_token_reads_back_as_it_was_put(void **state)
{
	const struct probe_token m = {7, true, view("maker", 5), view("m1", 2),
	    view("0001", 4), view("keywarden", 9)};
	struct probe_token out;
	struct wr w = writer();
	size_t len;

	(void)state;
	probe_token_put(&w, &m);
	len = written(&w);
	assert_int_equal(probe_token_get(view(buf, len), &out), ERR_OK);
	assert_true(out.slot == 7 && out.test_token);
	assert_true(rd_equal(&out.manufacturer, &m.manufacturer));
	assert_true(rd_equal(&out.model, &m.model));
	assert_true(rd_equal(&out.serial, &m.serial));
	assert_true(rd_equal(&out.label, &m.label));
	only_whole(get_probe_token, len);
	only_below(get_probe_token, len, 8, 2);
}

static void
a_result_reads_back_as_it_was_put(void **state)
{
	const struct probe_ended m = {CAP_ECDH, CAP_AROUND, 1234,
	    view("seen", 4)};
	struct probe_ended out;
	struct wr w = writer();
	enum cap begins;
	size_t len;

	(void)state;
	probe_ended_put(&w, &m);
	len = written(&w);
	assert_int_equal(probe_ended_get(view(buf, len), &out), ERR_OK);
	assert_int_equal(out.cap, CAP_ECDH);
	assert_int_equal(out.state, CAP_AROUND);
	assert_int_equal(out.tenths, 1234);
	assert_true(rd_equal(&out.text, &m.text));
	only_whole(get_probe_ended, len);
	only_below(get_probe_ended, len, 0, CAP__MAX);
	only_below(get_probe_ended, len, 1, CAP_STATE__MAX);
	buf[0] = CAP_FILTER;
	assert_int_equal(probe_begins_get(view(buf, 1), &begins), ERR_OK);
	assert_int_equal(begins, CAP_FILTER);
	only_whole(get_begins, 1);
	only_below(get_begins, 1, 0, CAP__MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_order_reads_back_as_it_was_put),
	    cmocka_unit_test(a_token_reads_back_as_it_was_put),
	    cmocka_unit_test(a_result_reads_back_as_it_was_put),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
