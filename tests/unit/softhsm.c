#include <sys/stat.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "help.h"
#include "softhsm.h"

void
remove_tree(const char *dir)
{
	assert_int_equal(strncmp(dir, "/tmp/", 5), 0);
	folder_remove(dir);
}

static struct secret *
pin_of(const char *text)
{
	struct secret *s = NULL;

	assert_int_equal(secret_new(strlen(text), &s), ERR_OK);
	memcpy(secret_data(s), text, strlen(text));
	return s;
}

void
softhsm_pins(struct softhsm *s)
{
	s->module = "/usr/lib/softhsm/libsofthsm2.so";
	s->pin = pin_of("user-pin-1234");
	s->so_pin = pin_of("so-pin-5678");
}

void
softhsm_init(struct softhsm *s)
{
	struct why why = {""};
	char path[128];
	FILE *f;

	(void)snprintf(s->dir, sizeof(s->dir), "/tmp/kw-softhsm-XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	(void)snprintf(path, sizeof(path), "%s/tokens", s->dir);
	assert_int_equal(mkdir(path, 0700), 0);
	(void)snprintf(path, sizeof(path), "%s/softhsm2.conf", s->dir);
	f = fopen(path, "w");
	assert_non_null(f);
	(void)fprintf(f,
	    "directories.tokendir = %s/tokens\nobjectstore.backend = file\n"
	    "log.level = ERROR\n",
	    s->dir);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(setenv("SOFTHSM2_CONF", path, 1), 0);
	softhsm_pins(s);
	if (hsm_init_token(s->module, SOFTHSM_LABEL, s->so_pin, s->pin, &why) !=
	    ERR_OK)
		fail_msg("%s", why.text);
}

void
softhsm_done(struct softhsm *s)
{
	secret_free(&s->pin);
	secret_free(&s->so_pin);
	remove_tree(s->dir);
}
