/* Messages of appliance/proto_hi2.c between hi2, audit and the workers. */
#include <string.h>

#include "appliance/proto_hi2.h"
#include "wire.h"

GETTER(msg_hi2_task, struct msg_hi2_task)
GETTER(msg_do_hi2_task, struct msg_do_hi2_task)
GETTER(msg_hi2_done, struct msg_hi2_done)
GETTER(msg_hi2_note, struct msg_hi2_note)

static enum err
get_ended(struct rd r)
{
	enum err rc;

	return msg_hi2_ended_get(r, &rc);
}

static uint8_t filler[MAX_SIGN_DATA + 1];

static struct msg_hi2_task
a_task(size_t len)
{
	return (struct msg_hi2_task){HI2_TASK_SIGN, 0x0102030405060708,
	    view(filler, len)};
}

static size_t
put_task(const struct msg_hi2_task *m)
{
	struct wr w = writer();
	size_t len;

	msg_hi2_task_put(&w, m);
	len = written(&w);
	assert_int_equal(len, msg_hi2_task_max(m));
	return len;
}

static void
a_task_reads_back_as_it_was_put(void **state)
{
	const struct msg_hi2_task m = a_task(9);
	struct msg_hi2_task out;
	size_t len = put_task(&m);

	(void)state;
	assert_int_equal(msg_hi2_task_get(view(buf, len), &out), ERR_OK);
	assert_int_equal(out.kind, HI2_TASK_SIGN);
	assert_true(out.key == m.key);
	assert_true(rd_equal(&out.octets, &m.octets));
	only_whole(get_msg_hi2_task, len);
	only_below(get_msg_hi2_task, len, 0, HI2_TASK__MAX);
	buf[0] = HI2_TASK_UNWRAP;
	assert_int_equal(msg_hi2_task_get(view(buf, len), &out), ERR_OK);
	assert_int_equal(out.kind, HI2_TASK_UNWRAP);
}

static void
a_task_has_some_octets_and_not_more_than_can_be_signed(void **state)
{
	const size_t n[] = {0, 1, MAX_SIGN_DATA, MAX_SIGN_DATA + 1};

	(void)state;
	for (size_t i = 0; i < sizeof(n) / sizeof(n[0]); i++) {
		const struct msg_hi2_task m = a_task(n[i]);

		assert_int_equal(get_alone(get_msg_hi2_task, buf, put_task(&m)),
		    n[i] == 1 || n[i] == MAX_SIGN_DATA ? ERR_OK
						       : ERR_MALFORMED);
	}
}

static void
a_worker_gets_the_task_and_who_asked(void **state)
{
	const struct msg_do_hi2_task m = {0x11121314, a_task(5)};
	struct msg_do_hi2_task out;
	struct wr w = writer();
	size_t len;

	(void)state;
	msg_do_hi2_task_put(&w, &m);
	len = written(&w);
	assert_int_equal(len, msg_do_hi2_task_max(&m));
	assert_int_equal(msg_do_hi2_task_get(view(buf, len), &out), ERR_OK);
	assert_int_equal(out.hi2_id, m.hi2_id);
	assert_int_equal(out.task.kind, HI2_TASK_SIGN);
	assert_true(out.task.key == m.task.key);
	assert_true(rd_equal(&out.task.octets, &m.task.octets));
	only_whole(get_msg_do_hi2_task, len);
	only_below(get_msg_do_hi2_task, len, 4, HI2_TASK__MAX);
}

static void
what_came_of_it_has_octets_only_if_it_went_well(void **state)
{
	struct msg_hi2_done m = {ERR_OK, view(filler, MAX_HI2_SECRET)}, out;
	struct wr w = writer();
	size_t len;

	(void)state;
	msg_hi2_done_put(&w, &m);
	len = written(&w);
	assert_int_equal(msg_hi2_done_get(view(buf, len), &out), ERR_OK);
	assert_int_equal(out.rc, ERR_OK);
	assert_true(rd_equal(&out.octets, &m.octets));
	buf[len] = 0;
	assert_int_equal(get_alone(get_msg_hi2_done, buf, len + 1),
	    ERR_MALFORMED);
	assert_int_equal(get_alone(get_msg_hi2_done, buf, 0), ERR_MALFORMED);
	only_below(get_msg_hi2_done, len, 0, 1);

	m = (struct msg_hi2_done){ERR_MISMATCH, view(filler, 0)};
	w = writer();
	msg_hi2_done_put(&w, &m);
	len = written(&w);
	assert_int_equal(len, 1);
	assert_int_equal(msg_hi2_done_get(view(buf, len), &out), ERR_OK);
	assert_int_equal(out.rc, ERR_MISMATCH);
	only_below(get_msg_hi2_done, len, 0, ERR__MAX);
}

static void
an_end_is_one_error(void **state)
{
	struct wr w = writer();
	enum err rc = ERR_OK;
	size_t len;

	(void)state;
	msg_hi2_ended_put(&w, ERR_CLOSED);
	len = written(&w);
	assert_int_equal(msg_hi2_ended_get(view(buf, len), &rc), ERR_OK);
	assert_int_equal(rc, ERR_CLOSED);
	only_whole(get_ended, len);
	only_below(get_ended, len, 0, ERR__MAX);
}

static size_t
put_note(const struct msg_hi2_note *m)
{
	struct wr w = writer();
	size_t len;

	msg_hi2_note_put(&w, m);
	len = written(&w);
	assert_int_equal(len, msg_hi2_note_max(m));
	return len;
}

static void
a_note_is_about_a_lemf_by_its_name(void **state)
{
	struct msg_hi2_note m = {HI2_NOTE_DROPPED, str("north"), 1ULL << 40,
	    str("too old")};
	struct msg_hi2_note out;
	size_t len = put_note(&m);

	(void)state;
	assert_int_equal(msg_hi2_note_get(view(buf, len), &out), ERR_OK);
	assert_int_equal(out.kind, HI2_NOTE_DROPPED);
	assert_true(rd_equal(&out.lemf, &m.lemf));
	assert_true(out.n == m.n);
	assert_true(rd_equal(&out.text, &m.text));
	only_whole(get_msg_hi2_note, len);
	only_below(get_msg_hi2_note, len, 0, HI2_NOTE__MAX);

	m.lemf = str("");
	assert_int_equal(get_msg_hi2_note(view(buf, put_note(&m))),
	    ERR_MALFORMED);
	m.lemf = view(filler, MAX_NAME);
	assert_int_equal(get_msg_hi2_note(view(buf, put_note(&m))), ERR_OK);
	m.lemf = view(filler, MAX_NAME + 1);
	assert_int_equal(get_msg_hi2_note(view(buf, put_note(&m))),
	    ERR_MALFORMED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_task_reads_back_as_it_was_put),
	    cmocka_unit_test(
		a_task_has_some_octets_and_not_more_than_can_be_signed),
	    cmocka_unit_test(a_worker_gets_the_task_and_who_asked),
	    cmocka_unit_test(what_came_of_it_has_octets_only_if_it_went_well),
	    cmocka_unit_test(an_end_is_one_error),
	    cmocka_unit_test(a_note_is_about_a_lemf_by_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
