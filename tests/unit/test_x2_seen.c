/*
 * x2_seen: what is said of intercepted MIKEY messages is what they say, and
 * a set of them makes the call that a getKeys with them would make.
 */
#include <stdlib.h>
#include <string.h>

#include "appliance/x2_seen.h"
#include "help.h"

static json_t *all;

static int
load(void **state)
{
	(void)state;
	all = vectors("exchanges.json");
	return 0;
}

static int
unload(void **state)
{
	(void)state;
	json_decref(all);
	return 0;
}

static const json_t *
exchange(size_t i)
{
	return json_array_get(member(all, "exchanges"), i);
}

static size_t
n_exchanges(void)
{
	return json_array_size(member(all, "exchanges"));
}

/* NULL: there is none of that name. */
static uint8_t *
message(const json_t *o, const char *name, struct rd *out)
{
	uint8_t *p = NULL;
	size_t len = 0;

	if (o != NULL && json_object_get(o, name) != NULL)
		p = octets(o, name, &len);
	rd_init(out, p, len);
	return p;
}

static void
look(const json_t *e, const json_t *of, const char *name, uint8_t type,
    bool update)
{
	const char *initiator = text(member(e, "initiator"), "identity");
	struct mikey_seen m;
	struct rd r;
	uint8_t *p = message(of, name, &r);

	if (p == NULL)
		return;
	x2_seen_mikey(r, &m);
	assert_true(m.sound);
	assert_int_equal(m.type, type);
	assert_int_equal(m.csb_id, number(e, "csbId"));
	assert_int_equal(m.update, update);
	assert_true(rd_equal(&m.octets, &r));
	assert_int_equal(m.ts_type, number(member(e, "t1"), "type"));
	if (m.idri.left > 0 && !update)
		assert_true(rd_is(&m.idri, initiator, strlen(initiator)));
	free(p);
}

static void
messages_are_seen_as_what_they_are(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_exchanges(); i++) {
		const json_t *e = exchange(i);
		const json_t *u = json_object_get(e, "update");

		look(e, e, "iMessage1", 22, false);
		look(e, e, "rMessage1", 23, false);
		look(e, e, "iMessage2", 24, false);
		look(e, e, "rMessage2", 25, false);
		look(e, u, "iMessage1", 22, true);
		look(e, u, "rMessage1", 23, true);
	}
}

static void
identities_time_and_payloads_are_those_of_the_message(void **state)
{
	const json_t *e = exchange(0);
	const char *called = text(member(e, "intended"), "identity");
	struct mikey_seen m;
	uint8_t t[8], *p;
	struct rd r;

	(void)state;
	p = message(e, "iMessage1", &r);
	x2_seen_mikey(r, &m);
	assert_true(rd_is(&m.idrr, called, strlen(called)));
	assert_true(m.has_ibake);
	assert_false(m.has_esk);
	for (unsigned i = 0; i < 8; i++)
		t[i] = (uint8_t)(m.ts >> (56 - 8 * i));
	free(p);
	p = message(member(e, "t1"), "C", &r);
	assert_true(rd_is(&r, t, sizeof(t)));
	free(p);
}

static void
an_unsound_prefix(const uint8_t *p, size_t len)
{
	struct mikey_seen m;
	struct rd r;

	rd_init(&r, p, len);
	memset(&m, 0xee, sizeof(m));
	x2_seen_mikey(r, &m);
	assert_false(m.sound);
	assert_false(m.update || m.has_ibake || m.has_esk);
	assert_int_equal(m.type, len < 8 ? 0 : p[1]);
	assert_int_equal(m.csb_id,
	    len < 8 ? 0
		    : (uint32_t)p[4] << 24 | (uint32_t)p[5] << 16 |
		    (uint32_t)p[6] << 8 | p[7]);
	assert_true(rd_equal(&m.octets, &r));
}

/* R_MESSAGE_2 ends in a MAC of any length: cut in it, it still parses. */
static void
a_cut_message_is_unsound_and_known_by_its_header(void **state)
{
	static const char *const names[] = {"iMessage1", "rMessage1",
	    "iMessage2"};

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct rd r;
		uint8_t *p = message(exchange(0), names[i], &r);

		assert_non_null(p);
		each_prefix(p, r.left, an_unsound_prefix);
		free(p);
	}
}

static void
a_message_of_another_type_is_unsound(void **state)
{
	struct mikey_seen m;
	struct rd r;
	uint8_t *p = message(exchange(0), "iMessage1", &r);

	(void)state;
	for (unsigned type = 0; type < 256; type++) {
		p[1] = (uint8_t)type;
		x2_seen_mikey(r, &m);
		assert_int_equal(m.type, type);
		if (type < 22 || type > 25 || type == 23 || type == 25)
			assert_false(m.sound); /* 24 has the same payloads */
	}
	free(p);
}

/* ---- calls ---- */

enum { I1, R1, I2, R2, FIRST_I1, FIRST_R1, FIRST_I2, PARTS };

struct set {
	struct call_exchange_view v;
	uint8_t *octets[PARTS];
};

static bool
set_init(struct set *s, const json_t *e, bool update)
{
	const json_t *of = update ? json_object_get(e, "update") : e;

	*s = (struct set){.v = {.update = update}};
	if (of == NULL)
		return false;
	s->octets[I1] = message(of, "iMessage1", &s->v.i1);
	s->octets[R1] = message(of, "rMessage1", &s->v.r1);
	if (!update) {
		s->octets[I2] = message(e, "iMessage2", &s->v.i2);
		s->octets[R2] = message(e, "rMessage2", &s->v.r2);
		return true;
	}
	s->octets[FIRST_I1] = message(e, "iMessage1", &s->v.first_i1);
	s->octets[FIRST_R1] = message(e, "rMessage1", &s->v.first_r1);
	s->octets[FIRST_I2] = message(e, "iMessage2", &s->v.first_i2);
	return true;
}

static void
set_done(struct set *s)
{
	for (unsigned i = 0; i < PARTS; i++)
		free(s->octets[i]);
}

static void
whole_sets_make_the_call_that_a_get_keys_makes(void **state)
{
	static struct call c;
	unsigned n[2] = {0};
	struct set s;

	(void)state;
	for (size_t i = 0; i < n_exchanges(); i++)
		for (int update = 0; update < 2; update++) {
			if (!set_init(&s, exchange(i), update))
				continue;
			n[update]++;
			assert_int_equal(x2_seen_call(&s.v, &c), XK_GRANTED);
			if (!update)
				assert_int_equal(c.kind, CALL_FIRST);
			else
				assert_int_not_equal(c.kind, CALL_FIRST);
			assert_int_equal(c.r2.there, s.octets[R2] != NULL);
			assert_int_equal(c.first_r1.there, update);
			set_done(&s);
		}
	assert_true(n[0] > 0 && n[1] > 0);
}

static void
a_set_that_lacks_a_message_is_malformed(void **state)
{
	static struct call c;
	struct rd *const none = NULL;
	struct set s;

	(void)state;
	for (size_t i = 0; i < n_exchanges(); i++)
		for (int update = 0; update < 2; update++) {
			struct rd *part[PARTS] = {&s.v.i1, &s.v.r1, &s.v.i2,
			    none, &s.v.first_i1};
			struct rd kept;

			if (!set_init(&s, exchange(i), update))
				continue;
			for (unsigned k = 0; k < PARTS; k++) {
				if (part[k] == NULL || part[k]->left == 0)
					continue;
				kept = *part[k];
				part[k]->left = 0;
				assert_int_equal(x2_seen_call(&s.v, &c),
				    XK_MALFORMED);
				*part[k] = kept;
			}
			assert_int_equal(x2_seen_call(&s.v, &c), XK_GRANTED);
			set_done(&s);
		}
}

static void
an_exchange_is_the_same_by_its_messages_alone(void **state)
{
	uint8_t a[X2_SAME_LEN], b[X2_SAME_LEN];
	struct set s;

	(void)state;
	assert_true(set_init(&s, exchange(0), false));
	assert_true(x2_seen_same(&s.v, a));
	s.v.handle = 5;
	s.v.xid[3]++;
	s.v.r2.left = 0; /* it came later */
	assert_true(x2_seen_same(&s.v, b));
	assert_memory_equal(a, b, sizeof(a));
	for (unsigned k = I1; k <= I2; k++) {
		s.octets[k][9] ^= 1;
		assert_true(x2_seen_same(&s.v, b));
		assert_memory_not_equal(a, b, sizeof(a));
		s.octets[k][9] ^= 1;
	}
	/* The same octets, cut elsewhere. */
	s.v.i1.left--;
	assert_true(x2_seen_same(&s.v, b));
	assert_memory_not_equal(a, b, sizeof(a));
	set_done(&s);
}

/* So that no record of one takes the place of one of another. */
static void
a_mark_is_of_one_exchange_of_one_call(void **state)
{
	uint8_t a[INTAKE_MARK_LEN], b[INTAKE_MARK_LEN];
	struct set s;

	(void)state;
	assert_true(set_init(&s, exchange(0), false));
	rd_init(&s.v.call_id, "x@h", 3);
	s.v.lead = s.v.r1;
	for (unsigned has_keys = 0; has_keys < 2; has_keys++) {
		assert_true(x2_seen_mark(&s.v, has_keys, a));
		s.v.handle++;
		s.v.call++;
		s.v.r2.left = 0;
		assert_true(x2_seen_mark(&s.v, has_keys, b));
		assert_memory_equal(a, b, sizeof(a));
		assert_true(x2_seen_mark(&s.v, !has_keys, b));
		assert_memory_not_equal(a, b, sizeof(a));
		s.v.xid[3]++;
		assert_true(x2_seen_mark(&s.v, has_keys, b));
		assert_memory_not_equal(a, b, sizeof(a));
		s.v.xid[3]--;
		s.v.call_id.left--;
		assert_true(x2_seen_mark(&s.v, has_keys, b));
		assert_memory_not_equal(a, b, sizeof(a));
		s.v.call_id.left++;
		s.octets[R1][9] ^= 1;
		assert_true(x2_seen_mark(&s.v, has_keys, b));
		assert_memory_not_equal(a, b, sizeof(a));
		s.octets[R1][9] ^= 1;
	}
	set_done(&s);
}

static void
a_mark_is_of_one_sip_message_of_one_xid(void **state)
{
	struct sip_seen s = {.xid = {1}};
	uint8_t a[INTAKE_MARK_LEN], b[INTAKE_MARK_LEN];

	(void)state;
	rd_init(&s.sip, "BYE sip:b@h SIP/2.0", 19);
	assert_true(x2_seen_mark_sip(&s, a));
	s.number = 7;
	assert_true(x2_seen_mark_sip(&s, b));
	assert_memory_equal(a, b, sizeof(a));
	s.sip.left--;
	assert_true(x2_seen_mark_sip(&s, b));
	assert_memory_not_equal(a, b, sizeof(a));
	s.sip.left++;
	s.xid[0]++;
	assert_true(x2_seen_mark_sip(&s, b));
	assert_memory_not_equal(a, b, sizeof(a));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(messages_are_seen_as_what_they_are),
	    cmocka_unit_test(
		identities_time_and_payloads_are_those_of_the_message),
	    cmocka_unit_test(a_cut_message_is_unsound_and_known_by_its_header),
	    cmocka_unit_test(a_message_of_another_type_is_unsound),
	    cmocka_unit_test(whole_sets_make_the_call_that_a_get_keys_makes),
	    cmocka_unit_test(a_set_that_lacks_a_message_is_malformed),
	    cmocka_unit_test(an_exchange_is_the_same_by_its_messages_alone),
	    cmocka_unit_test(a_mark_is_of_one_exchange_of_one_call),
	    cmocka_unit_test(a_mark_is_of_one_sip_message_of_one_xid),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
