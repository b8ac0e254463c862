#include <sys/stat.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "appliance/config.h"
#include "appliance/spawn.h"
#include "help.h"

struct rig {
	char dir[64], path[96];
};

static int
rig_init(void **state)
{
	struct rig *g = calloc(1, sizeof(*g));

	assert_non_null(g);
	(void)snprintf(g->dir, sizeof(g->dir), "/tmp/kw-config-XXXXXX");
	assert_non_null(mkdtemp(g->dir));
	(void)snprintf(g->path, sizeof(g->path), "%s/keywarden.conf", g->dir);
	*state = g;
	return 0;
}

static int
rig_done(void **state)
{
	struct rig *g = *state;

	(void)unlink(g->path);
	assert_int_equal(rmdir(g->dir), 0);
	free(g);
	return 0;
}

static void
save(const struct rig *g, const char *body)
{
	FILE *f = fopen(g->path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(body, 1, strlen(body), f), strlen(body));
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(g->path, 0600), 0);
}

static struct config *
loaded(const struct rig *g, const char *body)
{
	struct config *c = NULL;
	struct why why = {""};

	save(g, body);
	if (config_load(g->path, &c, &why) != ERR_OK)
		fail_msg("%s: %s", why.text, body);
	assert_non_null(c);
	return c;
}

static void
good(const struct rig *g, const char *body)
{
	struct config *c = loaded(g, body);

	config_free(&c);
	assert_null(c);
}

static void
refused_file(const char *path, enum err want, const char *named)
{
	struct config *mark = (struct config *)(uintptr_t)0x1234, *c = mark;
	struct why why = {""};
	enum err rc = config_load(path, &c, &why);

	if (rc != want)
		fail_msg("%s instead of %s (%s)", err_str(rc), err_str(want),
		    why.text);
	assert_ptr_equal(c, mark);
	assert_string_not_equal(why.text, "");
	if (named != NULL && strstr(why.text, named) == NULL)
		fail_msg("\"%s\" does not say %s", why.text, named);
}

static void
refused(const struct rig *g, const char *body, const char *named)
{
	save(g, body);
	refused_file(g->path, ERR_MALFORMED, named);
}

/* ---- a file that is as it must be ---- */

static void
an_empty_file_is_all_defaults(void **state)
{
	struct config *c = loaded(*state, "");

	assert_string_equal(c->state_dir, "/var/lib/keywarden");
	assert_string_equal(c->control_socket, "/run/keywarden/control");
	assert_string_equal(c->log_level, "info");
	assert_int_equal(c->xk_server.n_listen, 1);
	assert_string_equal(c->xk_server.listen[0], "127.0.0.1:7300");
	assert_null(c->xk_server.certificate);
	assert_null(c->xk_server.key);
	assert_null(c->xk_server.client_ca);
	assert_int_equal(c->workers, 1);
	assert_int_equal(c->n_environment, 0);
	assert_int_equal(c->n_token_files, 0);
	assert_int_equal(c->landlock, 2);
	assert_int_equal(c->namespaces, LAYER_YES);
	assert_int_equal(c->users, LAYER_YES);
	assert_int_equal(c->memory_locked, LAYER_YES);
	assert_string_equal(c->kms_scheme, "ss512");
	assert_string_equal(c->kms_period, "day");
	assert_null(c->kms_uri);
	assert_true(config_is_softhsm(c));
	assert_true(c->audit.chunk > 0);
	assert_true(c->audit.most == 0);
	assert_true(c->xk.max_connections > 0);
	assert_true(c->xk.max_outstanding > 0);
	assert_true(c->xk.max_outstanding_each > 0);
	assert_true(c->xk.max_queued >= MAX_XK_PDU);
	assert_true(c->xk.handshake_seconds > 0);
	assert_true(c->xk.idle_seconds > 0);
	assert_true(c->xk.request_seconds > 0);
	assert_true(c->job_seconds > 0);
	config_free(&c);
	assert_null(c);
	config_free(&c);
}

static void
every_option_is_taken(void **state)
{
	struct config *c = loaded(*state,
	    "# a comment\n"
	    "state_dir = \"/srv/kw\"\n"
	    "control_socket = \"/srv/kw.sock\"\n"
	    "log_level = \"debug\"\n"
	    "xk {\n"
	    "  listen = {\"192.0.2.1:7300\", \"[2001:db8::1]:7301\"}\n"
	    "  certificate = \"/etc/kw/cert.pem\"\n"
	    "  key = \"/etc/kw/key.pem\"\n"
	    "  client_ca = \"/etc/kw/ca.pem\"\n"
	    "  max_connections = 11\n"
	    "  max_outstanding = 12\n"
	    "  max_outstanding_each = 13\n"
	    "  max_queued = 140000\n"
	    "  handshake_seconds = 15\n"
	    "  idle_seconds = 16\n"
	    "  request_seconds = 17\n"
	    "}\n"
	    "token {\n"
	    "  module = \"/usr/lib/other.so\"\n"
	    "  label = \"tok\"\n"
	    "  pin_file = \"/etc/kw/pin\"\n"
	    "  workers = 3\n"
	    "  job_seconds = 21\n"
	    "  environment = {\"A=1\", \"B=two words\", \"C=\", \"D==\"}\n"
	    "}\n"
	    "kms {\n"
	    "  scheme = \"ss512\"\n"
	    "  uri = \"https://kms.example.com\"\n"
	    "  period = \"week\"\n"
	    "}\n"
	    "audit {\n  chunk_mib = 2\n  most_mib = 5\n}\n");

	assert_string_equal(c->state_dir, "/srv/kw");
	assert_string_equal(c->control_socket, "/srv/kw.sock");
	assert_string_equal(c->log_level, "debug");
	assert_int_equal(c->xk_server.n_listen, 2);
	assert_string_equal(c->xk_server.listen[0], "192.0.2.1:7300");
	assert_string_equal(c->xk_server.listen[1], "[2001:db8::1]:7301");
	assert_string_equal(c->xk_server.certificate, "/etc/kw/cert.pem");
	assert_string_equal(c->xk_server.key, "/etc/kw/key.pem");
	assert_string_equal(c->xk_server.client_ca, "/etc/kw/ca.pem");
	assert_int_equal(c->xk.max_connections, 11);
	assert_int_equal(c->xk.max_outstanding, 12);
	assert_int_equal(c->xk.max_outstanding_each, 13);
	assert_int_equal(c->xk.max_queued, 140000);
	assert_int_equal(c->xk.handshake_seconds, 15);
	assert_int_equal(c->xk.idle_seconds, 16);
	assert_int_equal(c->xk.request_seconds, 17);
	assert_string_equal(c->token_module, "/usr/lib/other.so");
	assert_string_equal(c->token_label, "tok");
	assert_string_equal(c->pin_file, "/etc/kw/pin");
	assert_int_equal(c->workers, 3);
	assert_int_equal(c->job_seconds, 21);
	assert_int_equal(c->n_environment, 4);
	assert_string_equal(c->environment[0], "A=1");
	assert_string_equal(c->environment[1], "B=two words");
	assert_string_equal(c->environment[2], "C=");
	assert_string_equal(c->environment[3], "D==");
	assert_string_equal(c->kms_scheme, "ss512");
	assert_string_equal(c->kms_uri, "https://kms.example.com");
	assert_string_equal(c->kms_period, "week");
	assert_true(c->audit.chunk == 2 << 20);
	assert_true(c->audit.most == 5 << 20);
	assert_false(config_is_softhsm(c));
	config_free(&c);
}

static void
one_load_leaves_nothing_for_the_next(void **state)
{
	struct config *c;

	good(*state,
	    "token { workers = 5 environment = {\"A=1\"} }\n"
	    "xk { listen = {\"a:1\", \"b:2\"} }\n");
	refused(*state, "token { workers = 7 }\nnonsense = 1\n", "nonsense");
	c = loaded(*state, "");
	assert_int_equal(c->workers, 1);
	assert_int_equal(c->n_environment, 0);
	assert_int_equal(c->xk_server.n_listen, 1);
	config_free(&c);
}

/* ---- what is wrong, and where ---- */

static void
an_unknown_option_is_named_with_file_and_line(void **state)
{
	struct rig *g = *state;
	char where[128];

	refused(g, "nonsense = 1\n", "nonsense");
	refused(g, "\n\n\nlog_levels = \"info\"\n", "log_levels");
	(void)snprintf(where, sizeof(where), "%s:4: ", g->path);
	refused_file(g->path, ERR_MALFORMED, where);
	refused(g, "state_dir = \"/a\"\nuser = \"x\"\n", "user");
	(void)snprintf(where, sizeof(where), "%s:2: ", g->path);
	refused_file(g->path, ERR_MALFORMED, where);
}

static void
an_unknown_option_in_a_section_is_named_with_its_line(void **state)
{
	struct rig *g = *state;

	refused(g, "\n\nxk {\n  listem = \"x\"\n}\n", "listem");
	refused_file(g->path, ERR_MALFORMED, ":4: ");
	refused(g, "token {\n\n\n\n  pin = 1234\n}\n", "'pin'");
	refused_file(g->path, ERR_MALFORMED, ":5: ");
	refused(g, "client a {\n  certificat = x\n}\n", "certificat");
	refused_file(g->path, ERR_MALFORMED, ":2: ");
	refused(g, "hsm {\n}\n", "hsm");
}

/* libconfuse's sections do not know the file that they are in. */
static void
a_mistake_in_a_section_is_named_with_its_file(void **state)
{
	struct rig *g = *state;
	char where[128];

	refused(g, "xk {\n  listem = \"x\"\n}\n", "listem");
	(void)snprintf(where, sizeof(where), "%s:2: ", g->path);
	refused_file(g->path, ERR_MALFORMED, where);
	refused(g, "token {\n  workers = 0\n}\n", "token.workers");
	refused_file(g->path, ERR_MALFORMED, g->path);
}

static void
a_level_of_the_log_is_one_of_four(void **state)
{
	good(*state, "log_level = error");
	good(*state, "log_level = warning");
	refused(*state, "log_level = loud", "log_level");
	refused(*state, "log_level = \"\"", "log_level");
	refused(*state, "log_level = INFO", "log_level");
}

/* As a full disk leaves it: libconfuse takes the end for a closing brace. */
static void
a_file_that_breaks_off_in_a_section_is_refused(void **state)
{
	refused(*state, "kms {\n  uri = \"https://kms\"\n", "section");
	refused(*state, "kms {", "section");
	refused(*state, "client a {\n  certificate = x", "section");
	refused(*state, "log_level = info\n/* kms {}", "comment");
	good(*state, "kms {\n}\n# the last line has no end");
	good(*state, "kms {\n}\n/* nor has this */");
}

/* flex would end the program. */
static void
a_folder_is_no_configuration(void **state)
{
	struct rig *g = *state;

	refused_file(g->dir, ERR_MALFORMED, g->dir);
}

static void
a_value_of_another_type_is_refused(void **state)
{
	struct rig *g = *state;

	refused(g, "token {\n workers = many\n}\n", ":2: ");
	refused(g, "token {\n\n workers = 1.5\n}\n", ":3: ");
	refused(g, "token {\n workers = \"5 x\"\n}\n", "workers");
	refused(g, "token {\n workers = {1, 2}\n}\n", NULL);
	refused(g, "token {\n workers =\n}\n", NULL);
	refused(g, "token {\n workers = 99999999999999999999999\n}\n",
	    "workers");
	refused(g, "state_dir = {\"/a\", \"/b\"}\n", ":1: ");
	refused(g, "xk = 5\n", ":1: ");
	refused(g, "state_dir {\n}\n", NULL);
}

static void
a_file_that_breaks_off_in_a_string_or_between_is_refused(void **state)
{
	struct rig *g = *state;

	refused(g, "state_dir = \"/a\nlog_level = \"x\n", NULL);
	refused(g, "state_dir = ", NULL);
	refused(g, "state_dir", NULL);
	refused(g, "}\n", ":1: ");
	refused(g, "xk\n", NULL);
}

static void
numbers_out_of_range_are_refused_by_name(void **state)
{
	static const struct {
		const char *section, *name;
		long min, max;
	} row[] = {
	    {"xk", "max_connections", 1, 4096},
	    {"xk", "max_outstanding", 1, 65536},
	    {"xk", "max_outstanding_each", 1, 65536},
	    {"xk", "max_queued", MAX_XK_PDU, 1L << 28},
	    {"xk", "handshake_seconds", 1, 300},
	    {"xk", "idle_seconds", 1, 86400},
	    {"xk", "request_seconds", 1, 300},
	    {"token", "workers", 1, MAX_WORKERS},
	    {"token", "job_seconds", 1, 300},
	    {"audit", "chunk_mib", 1, 1024},
	    {"audit", "most_mib", 0, 1L << 24},
	    {"x2", "max_connections", 1, 4096},
	    {"x2", "handshake_seconds", 1, 300},
	    {"x2", "idle_seconds", 1, 86400},
	    {"x2", "max_calls", 16, 1L << 24},
	    {"x2", "max_mib", 1, 65536},
	    {"x2", "call_idle_seconds", 60, 604800},
	    {"x2", "wait_ms", 100, 60000},
	    {"x2", "retry_seconds", 1, 86400},
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		const long bad[] = {row[i].min - 1, row[i].max + 1, -1,
		    -2147483648L, 4294967296L, 4294967297L};
		char body[128];

		(void)snprintf(body, sizeof(body), "%s { %s = %ld }",
		    row[i].section, row[i].name, row[i].min);
		good(*state, body);
		(void)snprintf(body, sizeof(body), "%s { %s = %ld }",
		    row[i].section, row[i].name, row[i].max);
		good(*state, body);
		for (size_t k = 0; k < sizeof(bad) / sizeof(bad[0]); k++) {
			(void)snprintf(body, sizeof(body), "%s { %s = %ld }",
			    row[i].section, row[i].name, bad[k]);
			refused(*state, body, row[i].name);
		}
	}
}

/* A limit of 16 TiB is more octets than 32 bit hold. */
static void
mebibytes_become_octets_without_overflow(void **state)
{
	struct config *c =
	    loaded(*state, "audit { chunk_mib = 1024 most_mib = 16777216 }");

	assert_true(c->audit.chunk == UINT64_C(1) << 30);
	assert_true(c->audit.most == UINT64_C(1) << 44);
	config_free(&c);
}

static void
paths_of_the_appliance_are_absolute(void **state)
{
	refused(*state, "state_dir = \"var/lib\"\n", "state_dir");
	refused(*state, "state_dir = \"./x\"\n", "state_dir");
	refused(*state, "state_dir = \"\"\n", "state_dir");
	refused(*state, "control_socket = \"control\"\n", "control_socket");
	refused(*state, "control_socket = \"\"\n", "control_socket");
	good(*state, "state_dir = \"/\"\ncontrol_socket = \"/c\"\n");
}

static void
there_are_1_to_8_addresses_to_listen_on(void **state)
{
	struct config *c;

	refused(*state, "xk { listen = {} }", "listen");
	refused(*state,
	    "xk { listen = {\"a:1\", \"a:2\", \"a:3\", \"a:4\", \"a:5\", "
	    "\"a:6\", \"a:7\", \"a:8\", \"a:9\"} }",
	    "listen");
	c = loaded(*state,
	    "xk { listen = {\"a:1\", \"a:2\", \"a:3\", \"a:4\", \"a:5\", "
	    "\"a:6\", \"a:7\", \"a:8\"} }");
	assert_int_equal(c->xk_server.n_listen, MAX_LISTEN);
	assert_string_equal(c->xk_server.listen[7], "a:8");
	config_free(&c);
}

/* Files of before know them: what to do is said. */
static void
a_client_is_told_to_be_enrolled(void **state)
{
	refused(*state, "client \"df2\" { certificate = \"/x\" }",
	    "keywarden client add");
	refused(*state,
	    "client a { certificate = \"/x\" }\nclient a { }\nclient b { }",
	    "client \"a\"");
}

/* ---- the DF2/MF ---- */

static void
without_an_address_for_x2_the_role_is_off(void **state)
{
	static const char *const off[] = {"", "x2 { }", "x2 { listen = {} }",
	    "x2 { certificate = /c key = /k client_ca = /ca }",
	    "lemf police { }"};
	struct config *c;

	for (size_t i = 0; i < sizeof(off) / sizeof(off[0]); i++) {
		c = loaded(*state, off[i]);
		assert_int_equal(c->x2_server.n_listen, 0);
		assert_false(config_is_df2(c));
		config_free(&c);
	}
	c = loaded(*state, "x2 { listen = {\"192.0.2.1:7400\"} }");
	assert_true(config_is_df2(c));
	config_free(&c);
}

static void
x2_has_defaults(void **state)
{
	struct config *c = loaded(*state, "");

	assert_string_equal(c->x2_server.section, "x2");
	assert_null(c->x2_server.certificate);
	assert_null(c->x2_server.key);
	assert_null(c->x2_server.client_ca);
	assert_int_equal(c->x2.max_connections, 64);
	assert_int_equal(c->x2.handshake_seconds, 10);
	assert_int_equal(c->x2.idle_seconds, 600);
	assert_int_equal(c->x2.max_calls, 100000);
	assert_int_equal(c->x2.max_mib, 256);
	assert_int_equal(c->x2.call_idle_seconds, 43200);
	assert_int_equal(c->x2.wait_ms, 5000);
	assert_int_equal(c->x2.retry_seconds, 600);
	assert_int_equal(c->n_lemfs, 0);
	config_free(&c);
}

static void
every_option_of_x2_is_taken(void **state)
{
	struct config *c = loaded(*state,
	    "x2 {\n"
	    "  listen = {\"192.0.2.1:7400\", \"[2001:db8::1]:7401\"}\n"
	    "  certificate = \"/etc/kw/x2.pem\"\n"
	    "  key = \"/etc/kw/x2.key\"\n"
	    "  client_ca = \"/etc/kw/cscf.pem\"\n"
	    "  max_connections = 11\n"
	    "  handshake_seconds = 12\n"
	    "  idle_seconds = 13\n"
	    "  max_calls = 114\n"
	    "  max_mib = 15\n"
	    "  call_idle_seconds = 116\n"
	    "  wait_ms = 117\n"
	    "  retry_seconds = 18\n"
	    "}\n");

	assert_int_equal(c->x2_server.n_listen, 2);
	assert_string_equal(c->x2_server.listen[0], "192.0.2.1:7400");
	assert_string_equal(c->x2_server.listen[1], "[2001:db8::1]:7401");
	assert_string_equal(c->x2_server.certificate, "/etc/kw/x2.pem");
	assert_string_equal(c->x2_server.key, "/etc/kw/x2.key");
	assert_string_equal(c->x2_server.client_ca, "/etc/kw/cscf.pem");
	assert_int_equal(c->x2.max_connections, 11);
	assert_int_equal(c->x2.handshake_seconds, 12);
	assert_int_equal(c->x2.idle_seconds, 13);
	assert_int_equal(c->x2.max_calls, 114);
	assert_int_equal(c->x2.max_mib, 15);
	assert_int_equal(c->x2.call_idle_seconds, 116);
	assert_int_equal(c->x2.wait_ms, 117);
	assert_int_equal(c->x2.retry_seconds, 18);
	/* xk has its own */
	assert_string_equal(c->xk_server.section, "xk");
	assert_string_equal(c->xk_server.listen[0], "127.0.0.1:7300");
	assert_null(c->xk_server.client_ca);
	config_free(&c);
}

static void
x2_listens_on_8_addresses_at_most(void **state)
{
	struct config *c;

	refused(*state,
	    "x2 { listen = {\"a:1\", \"a:2\", \"a:3\", \"a:4\", \"a:5\", "
	    "\"a:6\", \"a:7\", \"a:8\", \"a:9\"} }",
	    "x2.listen");
	c = loaded(*state,
	    "x2 { listen = {\"a:1\", \"a:2\", \"a:3\", \"a:4\", \"a:5\", "
	    "\"a:6\", \"a:7\", \"a:8\"} }");
	assert_int_equal(c->x2_server.n_listen, MAX_LISTEN);
	assert_string_equal(c->x2_server.listen[7], "a:8");
	config_free(&c);
}

static void
a_lemf_is_the_profile_etsi_unless_it_says_more(void **state)
{
	struct config *c = loaded(*state,
	    "lemf police { }\n"
	    "lemf \"the court\" {\n"
	    "  operator_id = \"\"\n"
	    "  profile = other\n"
	    "  form = ps\n"
	    "}\n");

	assert_int_equal(c->n_lemfs, 2);
	assert_string_equal(c->lemf[0].name, "police");
	assert_string_equal(c->lemf[0].profile, "etsi");
	assert_int_equal(c->lemf[0].n_options, 0);
	assert_string_equal(c->lemf[1].name, "the court");
	assert_string_equal(c->lemf[1].profile, "other");
	/* those that are set, in the order in which they are known */
	assert_int_equal(c->lemf[1].n_options, 2);
	assert_string_equal(c->lemf[1].option[0], "form");
	assert_string_equal(c->lemf[1].value[0], "ps");
	assert_string_equal(c->lemf[1].option[1], "operator_id");
	assert_string_equal(c->lemf[1].value[1], "");
	config_free(&c);
}

static const char *const lemf_options[] = {"form", "ps_version", "hi2_domain",
    "header_time", "umts_time", "time_qualifier", "authorization_country",
    "delivery_country", "operator_id", "alt_operator_id", "network_element_id",
    "interception_point"};
#define N_LEMF_OPTIONS (sizeof(lemf_options) / sizeof(lemf_options[0]))

static void
every_option_of_a_lemf_is_taken(void **state)
{
	char body[1024];
	int n = snprintf(body, sizeof(body), "lemf police {\n");
	struct config *c;

	for (size_t i = 0; i < N_LEMF_OPTIONS; i++)
		n += snprintf(body + n, sizeof(body) - (size_t)n,
		    "  %s = value%zu\n", lemf_options[i], i);
	(void)snprintf(body + n, sizeof(body) - (size_t)n, "}\n");
	c = loaded(*state, body);
	assert_int_equal(c->n_lemfs, 1);
	assert_int_equal(c->lemf[0].n_options, N_LEMF_OPTIONS);
	for (size_t i = 0; i < N_LEMF_OPTIONS; i++) {
		char value[16];

		(void)snprintf(value, sizeof(value), "value%zu", i);
		assert_string_equal(c->lemf[0].option[i], lemf_options[i]);
		assert_string_equal(c->lemf[0].value[i], value);
	}
	config_free(&c);
}

static void
unknown_options_of_the_df2_are_named_with_their_line(void **state)
{
	struct rig *g = *state;

	refused(g, "x2 {\n  listem = \"x\"\n}\n", "listem");
	refused_file(g->path, ERR_MALFORMED, ":2: ");
	refused(g, "x2 {\n  max_outstanding = 5\n}\n", "max_outstanding");
	refused(g, "lemf police {\n\n  formm = ps\n}\n", "formm");
	refused_file(g->path, ERR_MALFORMED, ":3: ");
	refused(g, "lemf { form = ps }\n", NULL); /* it has no name */
	refused(g, "lemf police {\n  form = ps\n", "section");
}

/* A text of that many 'n', then its end. */
static const char *
text_of(size_t n)
{
	static char s[301];

	memset(s, 'n', n);
	s[n] = '\0';
	return s;
}

static void
lengths_of_a_lemfs_texts_have_limits(void **state)
{
	char body[512];

	refused(*state, "lemf \"\" { }", "lemf: a name");
	(void)snprintf(body, sizeof(body), "lemf %s { }", text_of(MAX_NAME));
	good(*state, body);
	(void)snprintf(body, sizeof(body), "lemf %s { }",
	    text_of(MAX_NAME + 1));
	refused(*state, body, "lemf: a name");

	(void)snprintf(body, sizeof(body), "lemf a { profile = %s }",
	    text_of(MAX_NAME));
	good(*state, body);
	(void)snprintf(body, sizeof(body), "lemf a { profile = %s }",
	    text_of(MAX_NAME + 1));
	refused(*state, body, "lemf.profile");
	(void)snprintf(body, sizeof(body), "lemf a { profile = %s }",
	    text_of(300));
	refused(*state, body, "lemf.profile");
	refused(*state, "lemf a { profile = \"\" }", "lemf.profile");

	for (size_t i = 0; i < N_LEMF_OPTIONS; i++) {
		(void)snprintf(body, sizeof(body), "lemf a { %s = %s }",
		    lemf_options[i], text_of(255));
		good(*state, body);
		(void)snprintf(body, sizeof(body), "lemf a { %s = %s }",
		    lemf_options[i], text_of(256));
		refused(*state, body, lemf_options[i]);
	}
}

static void
there_are_at_most_64_lemfs(void **state)
{
	char body[32 * (MAX_LEMFS + 1)];
	int n = 0;

	for (unsigned i = 0; i <= MAX_LEMFS; i++) {
		struct config *c;

		n += snprintf(body + n, sizeof(body) - (size_t)n,
		    "lemf lemf%u { }\n", i);
		if (i + 1 < MAX_LEMFS)
			continue;
		if (i == MAX_LEMFS) {
			refused(*state, body, "64 lemf");
			continue;
		}
		c = loaded(*state, body);
		assert_int_equal(c->n_lemfs, MAX_LEMFS);
		assert_string_equal(c->lemf[63].name, "lemf63");
		config_free(&c);
	}
}

static void
a_lemf_stands_there_once(void **state)
{
	refused(*state, "lemf a { form = ps }\nlemf b { }\nlemf a { }\n", "a");
	refused_file(((struct rig *)*state)->path, ERR_MALFORMED, ":3: ");
	good(*state, "lemf a { }\nlemf A { }\n");
}

static void
one_load_leaves_no_lemf_for_the_next(void **state)
{
	struct config *c;

	good(*state,
	    "x2 { listen = {\"a:1\"} max_mib = 5 } lemf a { form = x }");
	c = loaded(*state, "lemf b { }");
	assert_false(config_is_df2(c));
	assert_int_equal(c->x2.max_mib, 256);
	assert_int_equal(c->n_lemfs, 1);
	assert_string_equal(c->lemf[0].name, "b");
	assert_int_equal(c->lemf[0].n_options, 0);
	config_free(&c);
}

/* ---- what matters of it ---- */

#define SHA256_OF_ABC \
	"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

/* A configuration whose client_ca has the octets "abc". */
static struct config *
with_ca(const struct rig *g, char *ca, const char *more)
{
	char body[512];
	FILE *f;

	(void)snprintf(ca, 112, "%s/ca.pem", g->dir);
	f = fopen(ca, "w");
	assert_non_null(f);
	assert_int_equal(fwrite("abc", 1, 3, f), 3);
	assert_int_equal(fclose(f), 0);
	(void)snprintf(body, sizeof(body),
	    "kms { uri = \"https://kms.example.com\" }\n"
	    "xk { client_ca = \"%s\" }\n%s",
	    ca, more);
	return loaded(g, body);
}

static void
what_matters_is_sorted_lines(void **state)
{
	char ca[112], text[MAX_CONFIG_TEXT + 1];
	struct config *c = with_ca(*state, ca,
	    "token { module = \"/m.so\" label = tok"
	    " calls = {\"10.0.0.7:90\", \"/dev/null\"} }\n");
	struct why why = {""};

	assert_int_equal(config_matters(c, text, sizeof(text), &why), ERR_OK);
	assert_string_equal(text,
	    "kms.period = day\n"
	    "kms.uri = https://kms.example.com\n"
	    "token.calls = /dev/null\n"
	    "token.calls = 10.0.0.7:90\n"
	    "token.label = tok\n"
	    "token.module = /m.so\n"
	    "xk.client_ca = sha256:" SHA256_OF_ABC "\n");
	(void)unlink(ca);
	config_free(&c);
}

/* Who may bring intercepted calls matters once the role is on. */
static void
the_cscfs_ca_matters_with_the_role_alone(void **state)
{
	static const char ca_alone[] = "x2 { client_ca = /nowhere }";
	char ca[112], more[256], text[MAX_CONFIG_TEXT + 1];
	struct config *c = with_ca(*state, ca, ca_alone);
	struct why why = {""};

	assert_int_equal(config_matters(c, text, sizeof(text), &why), ERR_OK);
	assert_null(strstr(text, "x2"));
	config_free(&c);

	(void)snprintf(more, sizeof(more),
	    "x2 { listen = {\"a:1\"} client_ca = \"%s\" max_mib = 5 }\n"
	    "lemf police { form = ps }\n"
	    "token { module = \"/m.so\" label = tok }\n",
	    ca);
	c = with_ca(*state, ca, more);
	assert_int_equal(config_matters(c, text, sizeof(text), &why), ERR_OK);
	assert_string_equal(text,
	    "kms.period = day\n"
	    "kms.uri = https://kms.example.com\n"
	    "token.label = tok\n"
	    "token.module = /m.so\n"
	    "x2.client_ca = sha256:" SHA256_OF_ABC "\n"
	    "xk.client_ca = sha256:" SHA256_OF_ABC "\n");
	config_free(&c);
	(void)unlink(ca);
}

/* Where lists are asked for, a revoked one stays out: not to be taken away. */
static void
that_lists_are_asked_for_matters(void **state)
{
	static const struct {
		const char *crl;
		bool is, said;
	} row[] = {{"crl = /lists.pem", true, true},
	    {"crl = none", false, true}, {"", false, false}};
	char ca[112], more[256], text[MAX_CONFIG_TEXT + 1];
	struct why why = {""};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct config *c;

		(void)snprintf(more, sizeof(more),
		    "x2 { listen = {\"a:1\"} client_ca = \"/tmp\" %s }\n"
		    "token { module = \"/m.so\" label = tok }\n",
		    row[i].crl);
		c = with_ca(*state, ca, more);
		free(c->x2_server.client_ca);
		c->x2_server.client_ca = strdup(ca);
		assert_int_equal(c->x2_server.crl != NULL, row[i].is);
		assert_int_equal(c->x2_server.crl_said, row[i].said);
		assert_int_equal(config_matters(c, text, sizeof(text), &why),
		    ERR_OK);
		assert_int_equal(strstr(text, "x2.crl = checked\n") != NULL,
		    row[i].is);
		assert_null(strstr(text, "xk.crl"));
		config_free(&c);
	}
	(void)unlink(ca);
}

static void
the_rest_does_not_matter(void **state)
{
	static const char *const more[] = {"log_level = debug",
	    "x2 { max_mib = 5 certificate = /c }", "lemf police { form = ps }",
	    "audit { most_mib = 5 }", "token { workers = 3 pin_file = /p }",
	    "state_dir = /elsewhere"};
	char ca[112], plain[MAX_CONFIG_TEXT + 1], text[MAX_CONFIG_TEXT + 1];
	struct config *c = with_ca(*state, ca, "");
	struct why why = {""};

	assert_int_equal(config_matters(c, plain, sizeof(plain), &why), ERR_OK);
	config_free(&c);
	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
		c = with_ca(*state, ca, more[i]);
		assert_int_equal(config_matters(c, text, sizeof(text), &why),
		    ERR_OK);
		assert_string_equal(text, plain);
		config_free(&c);
	}
	(void)unlink(ca);
}

static void
lacks(struct config *c, const char *named)
{
	char text[MAX_CONFIG_TEXT + 1];
	struct why why = {""};

	assert_int_not_equal(config_matters(c, text, sizeof(text), &why),
	    ERR_OK);
	if (strstr(why.text, named) == NULL)
		fail_msg("\"%s\" does not say %s", why.text, named);
	config_free(&c);
}

static void
what_matters_must_be_there(void **state)
{
	const struct rig *g = *state;
	char ca[112], text[60];
	struct why why = {""};
	struct config *c;

	lacks(loaded(g, "xk { client_ca = /ca }"), "kms.uri");
	lacks(loaded(g, "kms { uri = u }"), "xk.client_ca");
	lacks(loaded(g, "kms { uri = u } xk { client_ca = /nowhere }"),
	    "/nowhere");
	c = with_ca(g, ca, "");
	assert_int_equal(config_matters(c, text, sizeof(text), &why),
	    ERR_TOOBIG);
	config_free(&c);
	lacks(with_ca(g, ca, "x2 { listen = {\"a:1\"} }"), "x2.client_ca");
	lacks(with_ca(g, ca, "x2 { listen = {\"a:1\"} client_ca = /nowhere }"),
	    "x2.client_ca /nowhere");
	lacks(with_ca(g, ca, "token { module = \"/a\nb\" }"), "token.module");
	assert_int_equal(truncate(ca, 0), 0);
	lacks(loaded(g, ""), "kms.uri");
	(void)unlink(ca);
}

static void
the_environment_is_at_most_16_settings(void **state)
{
	char body[512], *p;
	struct config *c;

	refused(*state, "token { environment = {\"A\"} }", "environment");
	refused(*state, "token { environment = {\"A=1\", \"\"} }",
	    "environment");
	for (unsigned n = MAX_ENVIRONMENT; n <= MAX_ENVIRONMENT + 1; n++) {
		p = body + sprintf(body, "token { environment = {");
		for (unsigned i = 0; i < n; i++)
			p += sprintf(p, "%s\"V%u=%u\"", i == 0 ? "" : ", ", i,
			    i);
		(void)sprintf(p, "} }");
		if (n > MAX_ENVIRONMENT) {
			refused(*state, body, "environment");
			continue;
		}
		c = loaded(*state, body);
		assert_int_equal(c->n_environment, MAX_ENVIRONMENT);
		assert_string_equal(c->environment[15], "V15=15");
		config_free(&c);
	}
}

static void
a_token_label_has_1_to_32_characters(void **state)
{
	refused(*state, "token { label = \"\" }", "label");
	refused(*state,
	    "token { label = \"123456789012345678901234567890123\" }", "label");
	good(*state, "token { label = \"12345678901234567890123456789012\" }");
}

/* ---- the file itself ---- */

static void
a_file_that_others_may_write_is_denied(void **state)
{
	struct rig *g = *state;
	const mode_t bad[] = {0602, 0620, 0622, 0666, 0777, 0660, 0606};
	const mode_t ok[] = {0600, 0400, 0644, 0444, 0640, 0755};
	struct config *c = NULL;
	struct why why;

	save(g, "");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(chmod(g->path, bad[i]), 0);
		refused_file(g->path, ERR_DENIED, g->path);
	}
	for (size_t i = 0; i < sizeof(ok) / sizeof(ok[0]); i++) {
		assert_int_equal(chmod(g->path, ok[i]), 0);
		assert_int_equal(config_load(g->path, &c, &why), ERR_OK);
		config_free(&c);
	}
}

static void
a_file_of_another_user_is_denied(void **state)
{
	struct rig *g = *state;

	if (geteuid() != 0)
		skip();
	save(g, "");
	assert_int_equal(chown(g->path, 65534, 65534), 0);
	refused_file(g->path, ERR_DENIED, g->path);
	assert_int_equal(chown(g->path, 0, 0), 0);
}

static void
a_missing_file_is_named(void **state)
{
	struct rig *g = *state;

	(void)unlink(g->path);
	refused_file(g->path, ERR_IO, g->path);
	refused_file("/nonexistent/keywarden.conf", ERR_IO,
	    "/nonexistent/keywarden.conf");
	refused_file("", ERR_IO, NULL);
}

/* ---- what is made of it ---- */

static void
paths_under_the_state_are_joined(void **state)
{
	struct config *c = loaded(*state, "state_dir = \"/srv/kw\"\n");
	char *p = config_path(c, STATE_LOG);

	assert_string_equal(p, "/srv/kw/audit.log");
	free(p);
	config_free(&c);
}

static bool
has(char **env, const char *entry)
{
	for (; *env != NULL; env++)
		if (strcmp(*env, entry) == 0)
			return true;
	return false;
}

static void
a_worker_gets_its_environment_and_the_others_do_not(void **state)
{
	struct config *c = loaded(*state,
	    "state_dir = \"/srv/kw\"\nlog_level = \"debug\"\n"
	    "token { module = \"/usr/lib/softhsm/libsofthsm2.so\""
	    " environment = {\"A=1\", \"B=2\"} }\n");
	char **env = spawn_hsm_env(c);

	assert_non_null(env);
	assert_true(has(env, "A=1"));
	assert_true(has(env, "B=2"));
	assert_true(has(env, "KEYWARDEN_LOG=debug"));
	assert_true(has(env, "SOFTHSM2_CONF=/srv/kw/token/softhsm2.conf"));
	spawn_env_free(env);
	env = spawn_plain_env(c);
	assert_non_null(env);
	assert_true(has(env, "KEYWARDEN_LOG=debug"));
	assert_null(env[1]);
	spawn_env_free(env);
	spawn_env_free(NULL);
	config_free(&c);

	/* another module has no SoftHSM configuration; the most fit */
	c = loaded(*state,
	    "token { module = \"/usr/lib/other.so\" environment = {"
	    "\"A=\", \"B=\", \"C=\", \"D=\", \"E=\", \"F=\", \"G=\", \"H=\","
	    "\"I=\", \"J=\", \"K=\", \"L=\", \"M=\", \"N=\", \"O=\", \"P=\"} }");
	env = spawn_hsm_env(c);
	assert_non_null(env);
	assert_true(has(env, "A=") && has(env, "P="));
	for (char **e = env; *e != NULL; e++)
		assert_null(strstr(*e, "SOFTHSM"));
	spawn_env_free(env);
	config_free(&c);
}

static void
a_confinement_is_required_tried_or_left(void **state)
{
	struct config *c = loaded(*state,
	    "sandbox { landlock = 0 namespaces = \"try\" users = \"no\" "
	    "memory_locked = \"try\" }\n");

	assert_int_equal(c->landlock, 0);
	assert_int_equal(c->namespaces, LAYER_TRY);
	assert_int_equal(c->users, LAYER_NO);
	assert_int_equal(c->memory_locked, LAYER_TRY);
	config_free(&c);
	good(*state, "sandbox { landlock = 255 }\n");
	refused(*state, "sandbox { landlock = 256 }\n", "sandbox.landlock");
	refused(*state, "sandbox { landlock = -1 }\n", "sandbox.landlock");
	refused(*state, "sandbox { namespaces = \"true\" }\n",
	    "sandbox.namespaces must be");
	refused(*state, "sandbox { users = \"\" }\n", "sandbox.users must be");
	refused(*state, "sandbox { memory_locked = 1 }\n",
	    "sandbox.memory_locked must be");
	/* It is handed on between colons. */
	refused(*state, "state_dir = \"/a:b\"\n", "state_dir");
}

static void
files_of_a_module_have_names_that_can_be_handed_on(void **state)
{
	struct config *c = loaded(*state,
	    "token { files = {\"/dev/hsm0\", \"/opt/hsm/etc\"} }\n");

	assert_int_equal(c->n_token_files, 2);
	assert_string_equal(c->token_file[0], "/dev/hsm0");
	assert_string_equal(c->token_file[1], "/opt/hsm/etc");
	config_free(&c);
	good(*state,
	    "token { files = {\"/a\", \"/b\", \"/c\", \"/d\", \"/e\", \"/f\","
	    " \"/g\", \"/h\", \"/i\", \"/j\", \"/k\", \"/l\", \"/m\","
	    " \"/n\", \"/o\", \"/p\"} }\n");
	refused(*state,
	    "token { files = {\"/a\", \"/b\", \"/c\", \"/d\", \"/e\", \"/f\","
	    " \"/g\", \"/h\", \"/i\", \"/j\", \"/k\", \"/l\", \"/m\","
	    " \"/n\", \"/o\", \"/p\", \"/q\"} }\n",
	    "token.files has at most 16");
	refused(*state, "token { files = {\"etc\"} }\n", "token.files");
	refused(*state, "token { files = {\"/\"} }\n", "token.files");
	refused(*state, "token { files = {\"\"} }\n", "token.files");
	refused(*state, "token { files = {\"/a:b\"} }\n", "token.files");
}

static void
whom_a_module_calls_is_said_in_numbers_or_paths(void **state)
{
	struct config *c = loaded(*state,
	    "token { calls = {\"10.0.0.7:9004\", \"[::1]:9005\","
	    " \"/dev/null\", \"/run/none/socket\"} }\n");
	struct reach r;
	struct why why = {""};

	assert_int_equal(c->n_token_calls, 4);
	assert_int_equal(config_reach(c, &r, &why), ERR_OK);
	assert_true(r.local && r.device);
	assert_int_equal(r.n_ports, 2);
	assert_int_equal(r.port[0], 9004);
	assert_int_equal(r.port[1], 9005);
	config_free(&c);
	refused(*state,
	    "token { calls = {\"/a\", \"/b\", \"/c\", \"/d\", \"/e\"} }\n",
	    "token.calls has at most 4");
	refused(*state, "token { calls = {\"hsm.example:90\"} }\n",
	    "token.calls");
	refused(*state, "token { calls = {\"10.0.0.7\"} }\n", "token.calls");
	refused(*state, "token { calls = {\"10.0.0.7:0\"} }\n", "token.calls");
	refused(*state, "token { calls = {\"/\"} }\n", "token.calls");
	refused(*state, "token { calls = {\"/a:b\"} }\n", "token.calls");
	refused(*state, "token { calls = {\"\"} }\n", "token.calls");
}

/* What the supervisor tells a worker is not for the configuration to say. */
static void
the_environment_leaves_our_own_names_alone(void **state)
{
	struct config *c = loaded(*state, "");
	char **env = spawn_hsm_env(c);

	refused(*state,
	    "token { environment = {\"KEYWARDEN_CONFINE=0 0 0 0 0\"} }\n",
	    "KEYWARDEN_");
	assert_non_null(env);
	assert_true(spawn_env_put(env, "KEYWARDEN_CONFINE", "7 1 0 0 0"));
	assert_true(spawn_env_put(env, "KEYWARDEN_FILES", "/a:/b"));
	assert_true(has(env, "KEYWARDEN_CONFINE=7 1 0 0 0"));
	assert_true(has(env, "KEYWARDEN_FILES=/a:/b"));
	spawn_env_free(env);
	config_free(&c);
}

static void
a_secret_file_is_ours_alone(void **state)
{
	struct rig *g = *state;
	const mode_t bad[] = {0604, 0640, 0666, 0620, 0601};
	struct why why = {""};
	int fd = -1;

	save(g, "1234");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(chmod(g->path, bad[i]), 0);
		assert_int_equal(open_secret_file(g->path, "PIN", &fd, &why),
		    ERR_DENIED);
		assert_int_equal(fd, -1);
		assert_non_null(strstr(why.text, g->path));
	}
	assert_int_equal(chmod(g->path, 0400), 0);
	assert_int_equal(open_secret_file(g->path, "PIN", &fd, &why), ERR_OK);
	close(fd);
	fd = -1;
	assert_int_equal(open_secret_file(g->dir, "PIN", &fd, &why),
	    ERR_DENIED);
	assert_int_equal(fd, -1);
	assert_int_equal(open_secret_file("/nonexistent", "PIN", &fd, &why),
	    ERR_IO);
	assert_int_equal(open_file(NULL, "xk.key", &fd, &why), ERR_MALFORMED);
	assert_non_null(strstr(why.text, "xk.key"));
	if (geteuid() == 0) {
		assert_int_equal(chown(g->path, 65534, 65534), 0);
		assert_int_equal(open_secret_file(g->path, "PIN", &fd, &why),
		    ERR_DENIED);
		/* whose the state is may own its secrets */
		spawn_trust(65534);
		assert_int_equal(open_secret_file(g->path, "PIN", &fd, &why),
		    ERR_OK);
		close(fd);
		spawn_trust(0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_empty_file_is_all_defaults),
	    cmocka_unit_test(every_option_is_taken),
	    cmocka_unit_test(a_confinement_is_required_tried_or_left),
	    cmocka_unit_test(
		files_of_a_module_have_names_that_can_be_handed_on),
	    cmocka_unit_test(whom_a_module_calls_is_said_in_numbers_or_paths),
	    cmocka_unit_test(the_environment_leaves_our_own_names_alone),
	    cmocka_unit_test(one_load_leaves_nothing_for_the_next),
	    cmocka_unit_test(an_unknown_option_is_named_with_file_and_line),
	    cmocka_unit_test(
		an_unknown_option_in_a_section_is_named_with_its_line),
	    cmocka_unit_test(a_value_of_another_type_is_refused),
	    cmocka_unit_test(
		a_file_that_breaks_off_in_a_string_or_between_is_refused),
	    cmocka_unit_test(a_level_of_the_log_is_one_of_four),
	    cmocka_unit_test(a_mistake_in_a_section_is_named_with_its_file),
	    cmocka_unit_test(a_file_that_breaks_off_in_a_section_is_refused),
	    cmocka_unit_test(a_folder_is_no_configuration),
	    cmocka_unit_test(numbers_out_of_range_are_refused_by_name),
	    cmocka_unit_test(mebibytes_become_octets_without_overflow),
	    cmocka_unit_test(paths_of_the_appliance_are_absolute),
	    cmocka_unit_test(there_are_1_to_8_addresses_to_listen_on),
	    cmocka_unit_test(a_client_is_told_to_be_enrolled),
	    cmocka_unit_test(without_an_address_for_x2_the_role_is_off),
	    cmocka_unit_test(x2_has_defaults),
	    cmocka_unit_test(every_option_of_x2_is_taken),
	    cmocka_unit_test(x2_listens_on_8_addresses_at_most),
	    cmocka_unit_test(a_lemf_is_the_profile_etsi_unless_it_says_more),
	    cmocka_unit_test(every_option_of_a_lemf_is_taken),
	    cmocka_unit_test(
		unknown_options_of_the_df2_are_named_with_their_line),
	    cmocka_unit_test(lengths_of_a_lemfs_texts_have_limits),
	    cmocka_unit_test(there_are_at_most_64_lemfs),
	    cmocka_unit_test(a_lemf_stands_there_once),
	    cmocka_unit_test(one_load_leaves_no_lemf_for_the_next),
	    cmocka_unit_test(what_matters_is_sorted_lines),
	    cmocka_unit_test(the_cscfs_ca_matters_with_the_role_alone),
	    cmocka_unit_test(that_lists_are_asked_for_matters),
	    cmocka_unit_test(the_rest_does_not_matter),
	    cmocka_unit_test(what_matters_must_be_there),
	    cmocka_unit_test(the_environment_is_at_most_16_settings),
	    cmocka_unit_test(a_token_label_has_1_to_32_characters),
	    cmocka_unit_test(a_file_that_others_may_write_is_denied),
	    cmocka_unit_test(a_file_of_another_user_is_denied),
	    cmocka_unit_test(a_missing_file_is_named),
	    cmocka_unit_test(paths_under_the_state_are_joined),
	    cmocka_unit_test(
		a_worker_gets_its_environment_and_the_others_do_not),
	    cmocka_unit_test(a_secret_file_is_ours_alone),
	};

	return cmocka_run_group_tests(tests, rig_init, rig_done);
}
