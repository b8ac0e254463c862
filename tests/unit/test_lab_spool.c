#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "appliance/hi2_spool.h"
#include "help.h"
#include "softhsm.h"

static struct softhsm soft;
static uint8_t spki[1024];
static size_t spki_len;
static char spool[128], state_file[128], pin_file[128], out_file[128];

static void
save(const char *path, const void *p, size_t len)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(p, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

/* As init makes it: the keys, and of the KMS state a hash is enough. */
static int
make_token(void **state)
{
	uint8_t point[IBE_POINT_MAX];
	struct ibe_setup *setup = NULL;
	struct why why = {""};
	struct hsm *h = NULL;
	size_t len = 0;

	(void)state;
	softhsm_init(&soft);
	if (hsm_open(soft.module, SOFTHSM_LABEL, soft.pin, &h, &why) !=
		ERR_OK ||
	    ibe_setup_new("ss512", &setup) != ERR_OK ||
	    hsm_create_keys(h, ibe_setup_ec_params(setup), point, &len, &why) !=
		ERR_OK)
		fail_msg("%s", why.text);
	ibe_setup_free(&setup);
	assert_int_equal(hsm_public_key(h, HSM_KEY_SPOOL, spki, sizeof(spki),
			     &spki_len),
	    ERR_OK);
	hsm_close(&h);
	(void)snprintf(spool, sizeof(spool), "%s/spool.db", soft.dir);
	(void)snprintf(state_file, sizeof(state_file), "%s/state", soft.dir);
	(void)snprintf(pin_file, sizeof(pin_file), "%s/pin", soft.dir);
	(void)snprintf(out_file, sizeof(out_file), "%s/out.ber", soft.dir);
	save(state_file, "a KMS state", 11);
	save(pin_file, "user-pin-1234\n", 14);
	return 0;
}

static int
remove_token(void **state)
{
	(void)state;
	softhsm_done(&soft);
	return 0;
}

static struct spool *
opened(void)
{
	uint8_t kms[QUEUE_DIGEST_LEN];
	const struct spool_config c = {.path = spool,
	    .spki = view(spki, spki_len),
	    .kms = kms};
	struct spool *s = NULL;
	struct why why = {""};

	assert_int_equal(EVP_Digest("a KMS state", 11, kms, NULL, EVP_sha256(),
			     NULL),
	    1);
	if (spool_open(&c, &s, &why) != ERR_OK)
		fail_msg("%s", why.text);
	return s;
}

static void
add(struct spool *s, const char *lemf, const char *pdu)
{
	struct spool_place p;
	struct why why = {""};

	if (spool_place(s, view(lemf, strlen(lemf)), view("L1", 2), 7,
		1800000000, &p, &why) != ERR_OK ||
	    spool_put(s, &p, view(pdu, strlen(pdu)), &why) != ERR_OK ||
	    spool_commit(s, &why) != ERR_OK)
		fail_msg("%s", why.text);
}

/* Its exit status; what it says goes into "said". */
static int
lab_spool(const char *const *args)
{
	const char *argv[24] = {LAB_SPOOL};
	char said[128];
	unsigned n = 1;
	int status, fd;
	pid_t pid;

	(void)snprintf(said, sizeof(said), "%s/said", soft.dir);
	while (args[n - 1] != NULL) {
		argv[n] = args[n - 1];
		n++;
	}
	if ((pid = fork()) == 0) {
		char *copy[24] = {NULL};

		for (unsigned i = 0; i < n; i++)
			copy[i] = strdup(argv[i]);
		fd = open(said, O_WRONLY | O_CREAT | O_TRUNC, 0600);
		(void)dup2(fd, 1);
		(void)dup2(fd, 2);
		(void)execv(LAB_SPOOL, copy);
		_exit(127);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static bool
said(const char *what)
{
	char path[128];
	uint8_t *p;
	size_t len = 0;
	bool has;

	(void)snprintf(path, sizeof(path), "%s/said", soft.dir);
	p = slurp(path, &len);
	has = memmem(p, len, what, strlen(what)) != NULL;
	free(p);
	return has;
}

static int
open_all(const char *lemf)
{
	const char *args[] = {"--spool", spool, "--kms-state", state_file,
	    "--module", soft.module, "--label", SOFTHSM_LABEL, "--pin-file",
	    pin_file, "--out", out_file, lemf != NULL ? "--lemf" : NULL, lemf,
	    NULL};

	return lab_spool(args);
}

static void
came_out(const char *want)
{
	uint8_t *p;
	size_t len = 0;

	p = slurp(out_file, &len);
	assert_int_equal(len, strlen(want));
	assert_memory_equal(p, want, len);
	free(p);
}

/* ---- tests ---- */

static void
the_token_opens_what_was_sealed(void **state)
{
	struct spool *s = opened();

	(void)state;
	assert_int_equal(open_all(NULL), 1); /* nothing waits yet */
	add(s, "north", "[one]");
	add(s, "south", "[two]");
	spool_change_key(s);
	add(s, "north", "[three]");
	/* While it is in use, and when it is not. */
	assert_int_equal(open_all(NULL), 0);
	came_out("[one][three][two]");
	spool_close(&s);
	assert_int_equal(open_all(NULL), 0);
	came_out("[one][three][two]");
	assert_int_equal(open_all("north"), 0);
	came_out("[one][three]");
	assert_int_equal(open_all("west"), 1);
}

static void
rows_are_listed_without_the_token(void **state)
{
	const char *args[] = {"--spool", spool, "--list", NULL};

	(void)state;
	assert_int_equal(lab_spool(args), 0);
	assert_true(said("lemf south\tnumber 0"));
	assert_true(said("lemf north\tnumber 1"));
	assert_true(said("sequence 1"));
	assert_true(said("octets 7"));
	assert_false(said("three"));
}

static void
another_kms_state_is_told(void **state)
{
	(void)state;
	save(state_file, "another one", 11);
	assert_int_equal(open_all(NULL), 1);
	assert_true(said("another KMS state"));
	save(state_file, "a KMS state", 11);
	assert_int_equal(open_all(NULL), 0);
}

static void
a_wrong_pin_opens_nothing(void **state)
{
	(void)state;
	save(pin_file, "user-pin-9999\n", 14);
	assert_int_equal(open_all(NULL), 1);
	assert_true(said("C_Login"));
	save(pin_file, "user-pin-1234\n", 14);
	assert_int_equal(open_all(NULL), 0);
}

static void
options_are_asked_for(void **state)
{
	const char *none[] = {NULL};
	const char *no_token[] = {"--spool", spool, "--out", out_file, NULL};
	const char *no_file[] = {"--spool", "/nonexistent", "--list", NULL};

	(void)state;
	assert_int_equal(lab_spool(none), 2);
	assert_int_equal(lab_spool(no_token), 2);
	assert_int_equal(lab_spool(no_file), 1);
	assert_true(said("/nonexistent"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_token_opens_what_was_sealed),
	    cmocka_unit_test(rows_are_listed_without_the_token),
	    cmocka_unit_test(another_kms_state_is_told),
	    cmocka_unit_test(a_wrong_pin_opens_nothing),
	    cmocka_unit_test(options_are_asked_for),
	};

	return cmocka_run_group_tests(tests, make_token, remove_token);
}
