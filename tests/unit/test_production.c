/* What production = true refuses. */
#include <stdio.h>
#include <string.h>

#include "appliance/production.h"
#include "appliance/sandbox.h"
#include "help.h"

static char module[] = "/usr/lib/vendor/libpkcs11.so", dir[] = "/",
	    not_yet[] = "/none/of/these", elsewhere[] = "/proc/self/stat",
	    in_token[] = "token", file[] = "/etc/keywarden/x.pem",
	    name[] = "lemf-0", address[] = "192.0.2.1:35530",
	    softhsm[] = "/usr/lib/softhsm/libsofthsm2.so",
	    listens[] = "127.0.0.1:7301";

/* One that meets all of it. */
static struct config
good(void)
{
	struct config f = {.production = true,
	    .token_module = module,
	    .state_dir = dir,
	    .pin_file = elsewhere,
	    .landlock = 2,
	    .namespaces = LAYER_YES,
	    .memory_locked = LAYER_YES,
	    .users = LAYER_YES};

	f.xk_server.key = in_token;
	f.xk_server.crl_said = true;
	return f;
}

static void
refused(const struct config *f, bool pin_file, const char *words)
{
	struct config trial = *f;
	struct why why = {""};

	assert_int_equal(production_check(f, pin_file, &why), ERR_DENIED);
	if (strstr(why.text, words) == NULL)
		fail_msg("\"%s\" lacks \"%s\"", why.text, words);
	trial.production = false;
	assert_int_equal(production_check(&trial, pin_file, &why), ERR_OK);
}

/* A build without filters is no production build, whatever is configured. */
static bool
built_without(void)
{
	struct config f = good();

	if (sandbox_is_built())
		return false;
	refused(&f, true, "KW_SANDBOX=OFF");
	return true;
}

static void
what_meets_all_conditions_is_let_through(void **state)
{
	struct config f = good();
	struct why why = {""};

	(void)state;
	if (!built_without())
		assert_int_equal(production_check(&f, true, &why), ERR_OK);
}

static void
softhsm_is_refused(void **state)
{
	struct config f = good();

	(void)state;
	f.token_module = softhsm;
	refused(&f, true, "TEST TOKEN");
}

/* "none" is an answer, nothing is not. */
static void
a_section_that_says_nothing_of_crl_is_refused(void **state)
{
	struct config f = good();

	(void)state;
	if (built_without())
		return;
	f.xk_server.crl_said = false;
	refused(&f, true, "has no crl");
	f = good();
	f.x2_server = f.xk_server;
	f.x2_server.n_listen = 1;
	f.x2_server.crl_said = false;
	refused(&f, true, "has no crl");
}

static void
a_pin_on_the_disk_of_the_state_is_refused(void **state)
{
	struct config f = good();
	struct why why = {""};

	(void)state;
	f.pin_file = dir;
	refused(&f, true, "token.pin_file is on the disk");
	/* Before init there is no such folder yet. */
	f.state_dir = not_yet;
	refused(&f, true, "token.pin_file is on the disk");
	/* One that is not read is not looked at. */
	if (sandbox_is_built())
		assert_int_equal(production_check(&f, false, &why), ERR_OK);
}

static void
a_layer_that_is_left_out_is_refused(void **state)
{
	struct config f = good();

	(void)state;
	if (built_without())
		return;
	f.landlock = 0;
	refused(&f, true, "sandbox");
	f = good();
	f.namespaces = LAYER_TRY;
	refused(&f, true, "sandbox");
	f = good();
	f.users = LAYER_NO;
	refused(&f, true, "sandbox");
	f = good();
	f.memory_locked = LAYER_TRY;
	refused(&f, true, "sandbox");
}

static void
a_key_of_tls_in_a_file_is_refused(void **state)
{
	struct config f = good();

	(void)state;
	if (built_without())
		return;
	f.xk_server.key = file;
	refused(&f, true, "key = \"token\"");
}

static void
a_lemf_that_nobody_can_revoke_is_refused(void **state)
{
	struct config f = good();
	struct why why = {""};

	(void)state;
	if (built_without())
		return;
	f.x2_server.n_listen = 1;
	f.x2_server.listen[0] = listens;
	f.x2_server.key = in_token;
	refused(&f, true, "has no crl");
	f.x2_server.crl_said = true;
	f.n_lemfs = 1;
	f.lemf[0].name = name;
	f.lemf[0].link.address = address;
	f.lemf[0].link.key = in_token;
	f.lemf[0].link.server_ca = file;
	refused(&f, true, "neither crl nor pin");
	f.lemf[0].link.crl = file;
	assert_int_equal(production_check(&f, true, &why), ERR_OK);
	f.lemf[0].link.crl = NULL;
	f.lemf[0].link.n_pins = 1;
	assert_int_equal(production_check(&f, true, &why), ERR_OK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_meets_all_conditions_is_let_through),
	    cmocka_unit_test(softhsm_is_refused),
	    cmocka_unit_test(a_section_that_says_nothing_of_crl_is_refused),
	    cmocka_unit_test(a_pin_on_the_disk_of_the_state_is_refused),
	    cmocka_unit_test(a_layer_that_is_left_out_is_refused),
	    cmocka_unit_test(a_key_of_tls_in_a_file_is_refused),
	    cmocka_unit_test(a_lemf_that_nobody_can_revoke_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
