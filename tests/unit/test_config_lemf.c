/* Sections hi2 and lemf: how a LEMF is reached. */
#include <sys/stat.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "appliance/config.h"
#include "help.h"

#define HEX1 "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20"
#define HEX2 "FF02030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20"
#define LEAST "address = \"192.0.2.7:1\" server_ca = /ca "

struct rig {
	char dir[64], path[96], ca[96];
};

static void
save(const char *path, const char *body)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(body, 1, strlen(body), f), strlen(body));
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0600), 0);
}

static int
rig_init(void **state)
{
	struct rig *g = calloc(1, sizeof(*g));

	assert_non_null(g);
	(void)snprintf(g->dir, sizeof(g->dir), "/tmp/kw-lemf-XXXXXX");
	assert_non_null(mkdtemp(g->dir));
	(void)snprintf(g->path, sizeof(g->path), "%s/conf", g->dir);
	(void)snprintf(g->ca, sizeof(g->ca), "%s/ca", g->dir);
	save(g->ca, "abc");
	*state = g;
	return 0;
}

static int
rig_done(void **state)
{
	struct rig *g = *state;

	(void)unlink(g->path);
	(void)unlink(g->ca);
	assert_int_equal(rmdir(g->dir), 0);
	free(g);
	return 0;
}

static struct config *
loaded(const struct rig *g, const char *body)
{
	struct config *c = NULL;
	struct why why = {""};

	save(g->path, body);
	if (config_load(g->path, &c, &why) != ERR_OK)
		fail_msg("%s: %s", why.text, body);
	return c;
}

/* A section lemf of that body, in an appliance with the role. */
static struct config *
lemf(const struct rig *g, const char *body)
{
	char all[4096];

	(void)snprintf(all, sizeof(all),
	    "x2 { listen = {\"a:1\"} }\nlemf \"the court\" { %s }\n", body);
	return loaded(g, all);
}

static void
refused(const struct rig *g, const char *body, const char *named)
{
	char all[4096];
	struct config *c = NULL;
	struct why why = {""};

	(void)snprintf(all, sizeof(all), "lemf court { %s }\n", body);
	save(g->path, all);
	assert_int_equal(config_load(g->path, &c, &why), ERR_MALFORMED);
	assert_null(c);
	if (strstr(why.text, named) == NULL)
		fail_msg("\"%s\" does not say %s", why.text, named);
}

/* ---- what is taken ---- */

static void
without_an_address_nobody_is_connected(void **state)
{
	struct config *c = lemf(*state, "");

	assert_false(config_is_linked(c, &c->lemf[0]));
	assert_null(c->lemf[0].link.address);
	assert_int_equal(c->lemf[0].queue_mib, 1024);
	assert_int_equal(c->lemf[0].queue_days, 0);
	config_free(&c);
}

static void
without_the_role_nobody_is_connected(void **state)
{
	struct config *c = loaded(*state, "lemf a { " LEAST "}");

	assert_non_null(c->lemf[0].link.address);
	assert_false(config_is_linked(c, &c->lemf[0]));
	config_free(&c);
}

static void
an_address_and_whom_to_trust_are_enough(void **state)
{
	struct config *c = lemf(*state, LEAST);
	const struct config_link *k = &c->lemf[0].link;

	assert_true(config_is_linked(c, &c->lemf[0]));
	assert_string_equal(k->section, "lemf the court");
	assert_string_equal(k->address, "192.0.2.7:1");
	assert_string_equal(k->server_ca, "/ca");
	assert_null(k->name);
	assert_null(k->certificate);
	assert_null(k->key);
	assert_null(k->crl);
	assert_int_equal(k->n_pins, 0);
	assert_false(k->how.tls12);
	assert_int_equal(k->how.rule, LINK_KEEPALIVE);
	assert_int_equal(k->how.integrity, LINK_NO_INTEGRITY);
	assert_int_equal(k->how.hash, LINK_SHA256);
	assert_int_equal(k->how.keep_alive_seconds, 120);
	assert_int_equal(k->how.answer_seconds, 30);
	assert_int_equal(k->how.dead_seconds, 60);
	assert_int_equal(k->how.hash_records, 1000);
	assert_int_equal(k->how.hash_ms, 1000);
	assert_int_equal(k->how.sign_hashes, 15);
	assert_int_equal(k->how.sign_seconds, 30);
	config_free(&c);
}

static void
every_option_of_a_link_is_taken(void **state)
{
	struct config *c = lemf(*state,
	    "address = \"[2001:db8::7]:35530\"\n"
	    "name = lemf.example\n"
	    "certificate = /c.pem\nkey = /c.key\n"
	    "server_ca = /ca.pem\ncrl = /crl.pem\n"
	    "pin = {\"sha256:" HEX1 "\", \"sha256:" HEX2 "\"}\n"
	    "tls = \"1.2\"\n"
	    "acknowledge = acknowledged\n"
	    "integrity = signature\nhash = sha384\n"
	    "keep_alive_seconds = 11\nanswer_seconds = 12\n"
	    "dead_seconds = 13\n"
	    "hash_records = 14\nhash_ms = 15\n"
	    "sign_hashes = 16\nsign_seconds = 17\n"
	    "queue_mib = 18\nqueue_days = 19\n");
	const struct config_link *k = &c->lemf[0].link;

	assert_string_equal(k->address, "[2001:db8::7]:35530");
	assert_string_equal(k->name, "lemf.example");
	assert_string_equal(k->certificate, "/c.pem");
	assert_string_equal(k->key, "/c.key");
	assert_string_equal(k->server_ca, "/ca.pem");
	assert_string_equal(k->crl, "/crl.pem");
	assert_int_equal(k->n_pins, 2);
	assert_int_equal(k->pin[0][0], 0x01);
	assert_int_equal(k->pin[1][0], 0xff);
	assert_int_equal(k->pin[1][31], 0x20);
	assert_true(k->how.tls12);
	assert_int_equal(k->how.rule, LINK_ACKNOWLEDGED);
	assert_int_equal(k->how.integrity, LINK_SIGNATURE);
	assert_int_equal(k->how.hash, LINK_SHA384);
	assert_int_equal(k->how.keep_alive_seconds, 11);
	assert_int_equal(k->how.answer_seconds, 12);
	assert_int_equal(k->how.dead_seconds, 13);
	assert_int_equal(k->how.hash_records, 14);
	assert_int_equal(k->how.hash_ms, 15);
	assert_int_equal(k->how.sign_hashes, 16);
	assert_int_equal(k->how.sign_seconds, 17);
	assert_int_equal(c->lemf[0].queue_mib, 18);
	assert_int_equal(c->lemf[0].queue_days, 19);
	assert_int_equal(c->lemf[0].n_options, 0);
	config_free(&c);
}

static void
section_hi2_has_the_certificate_for_all_without_their_own(void **state)
{
	struct config *c = loaded(*state,
	    "x2 { listen = {\"a:1\"} }\n"
	    "lemf a { " LEAST "}\n"
	    "lemf b { " LEAST " certificate = /b.pem key = /b.key }\n"
	    "hi2 { certificate = /all.pem key = /all.key }\n");

	assert_string_equal(c->lemf[0].link.certificate, "/all.pem");
	assert_string_equal(c->lemf[0].link.key, "/all.key");
	assert_string_equal(c->lemf[1].link.certificate, "/b.pem");
	assert_string_equal(c->lemf[1].link.key, "/b.key");
	config_free(&c);
}

static void
each_word_is_known(void **state)
{
	static const struct {
		const char *name, *word;
		unsigned value;
	} row[] = {{"acknowledge", "sent", LINK_SENT},
	    {"acknowledge", "keep-alive", LINK_KEEPALIVE},
	    {"acknowledge", "acknowledged", LINK_ACKNOWLEDGED},
	    {"integrity", "none", LINK_NO_INTEGRITY},
	    {"integrity", "hash", LINK_HASH},
	    {"integrity", "signature", LINK_SIGNATURE},
	    {"hash", "sha256", LINK_SHA256}, {"hash", "sha384", LINK_SHA384},
	    {"hash", "sha512", LINK_SHA512}, {"tls", "1.3", 0},
	    {"tls", "1.2", 1}};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		char body[128];
		struct config *c;
		const struct link_settings *h;
		unsigned got;

		(void)snprintf(body, sizeof(body), LEAST "%s = \"%s\"",
		    row[i].name, row[i].word);
		c = lemf(*state, body);
		h = &c->lemf[0].link.how;
		got = strcmp(row[i].name, "acknowledge") == 0
		    ? (unsigned)h->rule
		    : strcmp(row[i].name, "integrity") == 0
		    ? (unsigned)h->integrity
		    : strcmp(row[i].name, "hash") == 0 ? (unsigned)h->hash
						       : h->tls12;
		assert_int_equal(got, row[i].value);
		config_free(&c);
	}
}

/* ---- what is refused ---- */

static void
a_word_that_is_none_is_told_the_others(void **state)
{
	refused(*state, LEAST "tls = \"1.1\"",
	    "lemf court.tls must be one of 1.3, 1.2, is 1.1");
	refused(*state, LEAST "acknowledge = always",
	    "lemf court.acknowledge must be one of sent, keep-alive, "
	    "acknowledged, is always");
	refused(*state, LEAST "integrity = \"\"",
	    "lemf court.integrity must be one of none, hash, signature");
	refused(*state, LEAST "hash = sha1",
	    "lemf court.hash must be one of sha256, sha384, sha512, is sha1");
}

static void
whom_to_trust_must_be_said(void **state)
{
	refused(*state, "address = \"192.0.2.7:1\"",
	    "lemf court: address needs server_ca, or pin, or both");
	refused(*state,
	    "address = \"192.0.2.7:1\" crl = /crl pin = {\"sha256:" HEX1 "\"}",
	    "lemf court: crl needs server_ca");
	refused(*state, LEAST "certificate = /c.pem",
	    "lemf court: certificate and key come together");
	refused(*state, LEAST "key = /c.key",
	    "lemf court: certificate and key come together");
}

static void
a_pin_is_a_sha256(void **state)
{
	static const char *const bad[] = {"", HEX1, "sha256:", "sha1:" HEX1,
	    "sha256:" HEX1 "00", "sha256:0" HEX1, "sha256:zz"};
	char body[1024], *p = body;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)snprintf(body, sizeof(body), LEAST "pin = {\"%s\"}",
		    bad[i]);
		refused(*state, body, "lemf court.pin");
	}
	p += sprintf(body, LEAST "pin = {\"sha256:" HEX1 "\"");
	for (unsigned i = 0; i < MAX_LEMF_PINS; i++)
		p += sprintf(p, ", \"sha256:" HEX2 "\"");
	(void)sprintf(p, "}");
	refused(*state, body, "lemf court.pin has at most 8");
}

static void
numbers_out_of_range_are_refused_by_name(void **state)
{
	static const struct {
		const char *name;
		long min, max;
		const char *with; /* so that the others fit to it */
	} row[] = {{"queue_mib", 1, 1L << 24, ""}, {"queue_days", 0, 36500, ""},
	    {"keep_alive_seconds", 0, 86400, "acknowledge = sent"},
	    {"answer_seconds", 1, 3600, "dead_seconds = 3600"},
	    {"dead_seconds", 1, 86400, "answer_seconds = 1"},
	    {"hash_records", 1, 4096, ""}, {"hash_ms", 10, 60000, ""},
	    {"sign_hashes", 1, 1000, ""}, {"sign_seconds", 1, 3600, ""}};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		for (unsigned k = 0; k < 4; k++) {
			const long v[] = {row[i].min, row[i].max,
			    row[i].min - 1, row[i].max + 1};
			struct config *c;
			char body[256], named[64];

			(void)snprintf(body, sizeof(body), LEAST "%s %s = %ld",
			    row[i].with, row[i].name, v[k]);
			(void)snprintf(named, sizeof(named), "lemf court.%s",
			    row[i].name);
			if (k >= 2) {
				refused(*state, body, named);
				continue;
			}
			c = lemf(*state, body);
			config_free(&c);
		}
}

static void
times_must_fit_to_each_other(void **state)
{
	refused(*state, LEAST "answer_seconds = 10 dead_seconds = 9",
	    "lemf court.dead_seconds must not be below answer_seconds");
	refused(*state, LEAST "keep_alive_seconds = 0",
	    "lemf court.keep_alive_seconds may be 0 only where acknowledge");
}

static void
the_name_of_one_that_is_connected_is_printable(void **state)
{
	struct rig *g = *state;
	struct config *c = loaded(g, "lemf \"a\tb\" { }");
	struct why why = {""};

	config_free(&c);
	save(g->path, "lemf \"a\tb\" { " LEAST "}");
	assert_int_equal(config_load(g->path, &c, &why), ERR_MALFORMED);
	assert_non_null(strstr(why.text, "printable"));
}

/* ---- what persons approve ---- */

#define SHA256_OF_ABC \
	"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static struct config *
with_lemfs(const struct rig *g, const char *lemfs)
{
	char body[16384];

	(void)snprintf(body, sizeof(body),
	    "kms { uri = u }\ntoken { module = /m.so label = t }\n"
	    "xk { client_ca = %s }\n"
	    "x2 { listen = {\"a:1\"} client_ca = %s }\n%s",
	    g->ca, g->ca, lemfs);
	return loaded(g, body);
}

static void
who_is_taken_for_a_lemf_matters(void **state)
{
	const struct rig *g = *state;
	char lemfs[2048], text[MAX_CONFIG_TEXT + 1];
	struct why why = {""};
	struct config *c;

	(void)snprintf(lemfs, sizeof(lemfs),
	    "lemf b { address = \"192.0.2.7:1\" server_ca = %s\n"
	    "  name = b.example crl = /crl }\n"
	    "lemf a { address = \"192.0.2.8:1\" name = no.matter\n"
	    "  pin = {\"sha256:" HEX2 "\", \"sha256:" HEX1 "\"} }\n"
	    "lemf c { server_ca = /nowhere queue_mib = 5 }\n",
	    g->ca);
	c = with_lemfs(g, lemfs);
	if (config_matters(c, text, sizeof(text), &why) != ERR_OK)
		fail_msg("%s", why.text);
	assert_string_equal(text,
	    "kms.period = day\n"
	    "kms.uri = u\n"
	    "lemf.a.address = 192.0.2.8:1\n"
	    "lemf.a.pin = sha256:" HEX1 "\n"
	    "lemf.a.pin = sha256:ff" /* the rest of HEX2 */
	    "02030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20\n"
	    "lemf.b.address = 192.0.2.7:1\n"
	    "lemf.b.crl = checked\n"
	    "lemf.b.name = b.example\n"
	    "lemf.b.server_ca = sha256:" SHA256_OF_ABC "\n"
	    "token.label = t\n"
	    "token.module = /m.so\n"
	    "x2.client_ca = sha256:" SHA256_OF_ABC "\n"
	    "xk.client_ca = sha256:" SHA256_OF_ABC "\n");
	config_free(&c);
}

static void
what_matters_of_64_lemfs_fits(void **state)
{
	const struct rig *g = *state;
	char lemfs[MAX_LEMFS * 160], text[MAX_CONFIG_TEXT + 1], *p = lemfs;
	struct why why = {""};
	struct config *c;

	for (unsigned i = 0; i < MAX_LEMFS; i++)
		p += sprintf(p,
		    "lemf lemf-%u { address = \"192.0.2.%u:35530\" "
		    "server_ca = %s }\n",
		    i, i, g->ca);
	c = with_lemfs(g, lemfs);
	if (config_matters(c, text, sizeof(text), &why) != ERR_OK)
		fail_msg("%s", why.text);
	config_free(&c);
	c = with_lemfs(g,
	    "lemf a { address = \"192.0.2.7:1\" server_ca = /nowhere }");
	assert_int_not_equal(config_matters(c, text, sizeof(text), &why),
	    ERR_OK);
	assert_non_null(strstr(why.text, "lemf.a.server_ca /nowhere"));
	config_free(&c);
}

/* ---- slots ---- */

static const struct config_lemf *
slot_is(const struct config *c, const char *name, unsigned slot)
{
	const struct config_lemf *l = config_link_named(c, name);

	assert_non_null(l);
	assert_int_equal(l->slot, slot);
	assert_ptr_equal(config_link_in(c, slot), l);
	return l;
}

static void
a_lemf_keeps_its_slot_and_a_new_one_gets_none_that_was(void **state)
{
	struct config *a = with_lemfs(*state,
	    "lemf a { " LEAST "} lemf off { } lemf b { " LEAST "}\n"
	    "lemf c { " LEAST "}");
	struct config *b = with_lemfs(*state,
	    "lemf new { " LEAST "} lemf c { " LEAST "} lemf a { }\n"
	    "lemf b { " LEAST "} lemf more { " LEAST "}");

	config_slots(a, NULL);
	(void)slot_is(a, "a", 0);
	(void)slot_is(a, "b", 1);
	(void)slot_is(a, "c", 2);
	assert_null(config_link_named(a, "off"));
	assert_null(config_link_in(a, 3));
	config_slots(b, a);
	(void)slot_is(b, "b", 1);
	(void)slot_is(b, "c", 2);
	(void)slot_is(b, "new", 3);
	(void)slot_is(b, "more", 4);
	assert_null(config_link_named(b, "a"));
	assert_null(config_link_in(b, 0));
	config_free(&a);
	config_free(&b);
}

static void
slots_of_before_serve_when_there_are_no_others(void **state)
{
	char body[2][MAX_LEMFS * 64], *p[2] = {body[0], body[1]};
	struct config *c[2];

	for (unsigned i = 0; i < MAX_LEMFS; i++) {
		p[0] += sprintf(p[0], "lemf a%u { " LEAST "}\n", i);
		p[1] += sprintf(p[1], "lemf %c%u { " LEAST "}\n",
		    i == 63 ? 'a' : 'b', i);
	}
	c[0] = with_lemfs(*state, body[0]);
	c[1] = with_lemfs(*state, body[1]);
	config_slots(c[0], NULL);
	config_slots(c[1], c[0]);
	(void)slot_is(c[1], "a63", 63);
	for (unsigned i = 0; i < MAX_LEMFS; i++)
		assert_non_null(config_link_in(c[1], i));
	config_free(&c[0]);
	config_free(&c[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(without_an_address_nobody_is_connected),
	    cmocka_unit_test(without_the_role_nobody_is_connected),
	    cmocka_unit_test(an_address_and_whom_to_trust_are_enough),
	    cmocka_unit_test(every_option_of_a_link_is_taken),
	    cmocka_unit_test(
		section_hi2_has_the_certificate_for_all_without_their_own),
	    cmocka_unit_test(each_word_is_known),
	    cmocka_unit_test(a_word_that_is_none_is_told_the_others),
	    cmocka_unit_test(whom_to_trust_must_be_said),
	    cmocka_unit_test(a_pin_is_a_sha256),
	    cmocka_unit_test(numbers_out_of_range_are_refused_by_name),
	    cmocka_unit_test(times_must_fit_to_each_other),
	    cmocka_unit_test(the_name_of_one_that_is_connected_is_printable),
	    cmocka_unit_test(who_is_taken_for_a_lemf_matters),
	    cmocka_unit_test(what_matters_of_64_lemfs_fits),
	    cmocka_unit_test(
		a_lemf_keeps_its_slot_and_a_new_one_gets_none_that_was),
	    cmocka_unit_test(slots_of_before_serve_when_there_are_no_others),
	};

	return cmocka_run_group_tests_name("config_lemf", tests, rig_init,
	    rig_done);
}
