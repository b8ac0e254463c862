#include <sys/mman.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "appliance/kms_state.h"
#include "help.h"
#include "pki.h"

static const uint8_t seal_octets[KMS_STATE_SEAL_LEN] = {0xbb, 9, 8, 7};

static struct rd
view(const void *p, size_t len)
{
	struct rd r;

	rd_init(&r, p, len);
	return r;
}

static struct rd
str(const char *s)
{
	return view(s, strlen(s));
}

static struct kms_state
sample(void)
{
	struct kms_state s = {.created = 1769860800, .serial = 0xfedcba98};

	s.scheme = str("ss512");
	s.uri = str("https://kms.example.com/kms");
	s.period = KEY_PERIOD_WEEK;
	s.params = view("\x30\x03\x02\x01\x02", 5);
	s.import_key = str("spki");
	s.n_officers = 2;
	s.officer[0].name = str("alice");
	s.officer[0].cert = str("certificate of alice");
	s.officer[1].name = str("bob");
	s.officer[1].cert = str("certificate of bob");
	return s;
}

static uint8_t *
sealed_file(const struct kms_state *s, size_t *len)
{
	static uint8_t buf[KMS_STATE_MAX];
	struct wr w;

	wr_init(&w, buf, sizeof(buf));
	kms_state_put(&w, s);
	wr_copy(&w, seal_octets, sizeof(seal_octets));
	assert_int_equal(wr_finish(&w, len), ERR_OK);
	return buf;
}

static void
same(const struct kms_state *a, const struct kms_state *b)
{
	assert_true(a->created == b->created);
	assert_true(a->serial == b->serial);
	assert_true(rd_equal(&a->scheme, &b->scheme));
	assert_true(rd_equal(&a->uri, &b->uri));
	assert_int_equal(a->period, b->period);
	assert_true(rd_equal(&a->params, &b->params));
	assert_true(rd_equal(&a->import_key, &b->import_key));
	assert_int_equal(a->n_officers, b->n_officers);
	for (unsigned i = 0; i < a->n_officers; i++) {
		assert_true(rd_equal(&a->officer[i].name, &b->officer[i].name));
		assert_true(rd_equal(&a->officer[i].cert, &b->officer[i].cert));
	}
}

static void
good(const struct kms_state *s)
{
	static struct kms_state out;
	struct rd sealed, seal;
	size_t len;
	const uint8_t *p = sealed_file(s, &len);

	assert_int_equal(kms_state_parse(view(p, len), &out, &sealed, &seal),
	    ERR_OK);
	same(s, &out);
	assert_ptr_equal(sealed.p, p);
	assert_int_equal(sealed.left, len - KMS_STATE_SEAL_LEN);
	assert_true(rd_is(&seal, seal_octets, sizeof(seal_octets)));
}

static void
bad(const uint8_t *p, size_t len)
{
	static struct kms_state out;
	struct rd sealed = str("x"), seal = str("y");

	assert_int_equal(kms_state_parse(view(p, len), &out, &sealed, &seal),
	    ERR_MALFORMED);
	assert_true(rd_is(&sealed, "x", 1));
	assert_true(rd_is(&seal, "y", 1));
}

static void
a_state_reads_back_as_it_was_put(void **state)
{
	struct kms_state s = sample();

	(void)state;
	good(&s);
	for (int p = 0; p < KEY_PERIOD__MAX; p++) {
		s.period = (enum key_period)p;
		good(&s);
	}
	s.n_officers = 0;
	s.created = INT64_MIN;
	s.serial = 0;
	good(&s);
}

static void
the_most_officers_read_back(void **state)
{
	static uint8_t fill[MAX_CERT];
	struct kms_state s = sample();

	(void)state;
	s.n_officers = MAX_OFFICERS;
	for (unsigned i = 0; i < MAX_OFFICERS; i++) {
		s.officer[i].name = view(fill, MAX_NAME);
		s.officer[i].cert = view(fill, sizeof(fill));
	}
	good(&s);
}

static void
every_prefix_is_malformed(void **state)
{
	struct kms_state s = sample();
	size_t len;
	const uint8_t *p = sealed_file(&s, &len);

	(void)state;
	each_prefix(p, len, bad);
}

static void
trailing_octets_are_malformed(void **state)
{
	struct kms_state s = sample();
	size_t len;
	uint8_t *p = sealed_file(&s, &len);

	(void)state;
	for (size_t n = 1; n < 70; n++) {
		p[len + n - 1] = 0;
		bad(p, len + n);
	}
}

/* Magic and version are the first six octets. */
static void
another_magic_or_version_is_malformed(void **state)
{
	struct kms_state s = sample();
	size_t len;
	uint8_t *p = sealed_file(&s, &len);

	(void)state;
	for (size_t i = 0; i < 6; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			p[i] ^= (uint8_t)(1U << bit);
			bad(p, len);
			p[i] ^= (uint8_t)(1U << bit);
		}
	good(&s);
}

static void
a_key_period_or_count_of_officers_out_of_range_is_malformed(void **state)
{
	struct kms_state s = sample();
	size_t len;
	uint8_t *p;

	(void)state;
	for (int v = KEY_PERIOD__MAX; v < 256; v++) {
		s.period = (enum key_period)v;
		p = sealed_file(&s, &len);
		bad(p, len);
	}
	s = sample();
	s.n_officers = 0;
	p = sealed_file(&s, &len);
	/* room for the names and certificates that it promises */
	memset(p + len, 0, 4096);
	for (unsigned n = MAX_OFFICERS + 1; n < 256; n++) {
		p[len - KMS_STATE_SEAL_LEN - 1] = (uint8_t)n;
		bad(p, len + 3 * n);
	}
}

/* ---- reading the file ---- */

static int
file_with(const void *p, size_t len)
{
	const int fd = memfd_create("kms-state", MFD_CLOEXEC);

	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, p, len), (ssize_t)len);
	return fd;
}

static void
a_file_is_read_whole_from_any_position(void **state)
{
	struct kms_state s = sample();
	struct why why = {""};
	size_t len, got_len = 0;
	const uint8_t *p = sealed_file(&s, &len);
	const int fd = file_with(p, len); /* positioned at its end */
	uint8_t *got = NULL;

	(void)state;
	for (int twice = 0; twice < 2; twice++) {
		assert_int_equal(kms_state_read(fd, &got, &got_len, &why),
		    ERR_OK);
		assert_int_equal(got_len, len);
		assert_memory_equal(got, p, len);
		free(got);
	}
	close(fd);
}

static void
read_refuses(int fd, enum err want)
{
	uint8_t mark, *got = &mark;
	struct why why = {""};
	size_t len = 99;

	assert_int_equal(kms_state_read(fd, &got, &len, &why), want);
	assert_ptr_equal(got, &mark);
	assert_int_equal(len, 99);
	assert_string_not_equal(why.text, "");
}

static void
a_file_that_cannot_be_one_is_refused(void **state)
{
	int fd = file_with("", 0);
	uint8_t *got = NULL;
	struct why why;
	size_t len;

	(void)state;
	read_refuses(fd, ERR_MALFORMED);
	assert_int_equal(ftruncate(fd, KMS_STATE_MAX + 1), 0);
	read_refuses(fd, ERR_MALFORMED);
	assert_int_equal(ftruncate(fd, KMS_STATE_MAX), 0);
	assert_int_equal(kms_state_read(fd, &got, &len, &why), ERR_OK);
	assert_int_equal(len, KMS_STATE_MAX);
	free(got);
	close(fd);
	read_refuses(fd, ERR_IO);
}

static void
a_descriptor_that_cannot_be_read_is_an_error(void **state)
{
	char path[] = "/tmp/kw-state-XXXXXX";
	const int rw = mkstemp(path);
	int fd;

	(void)state;
	assert_int_not_equal(rw, -1);
	assert_int_equal(write(rw, "abc", 3), 3);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_int_not_equal(fd, -1);
	read_refuses(fd, ERR_IO);
	close(fd);
	close(rw);
	assert_int_equal(unlink(path), 0);
}

/* ---- short texts ---- */

static void
a_view_becomes_a_text_if_it_fits_with_its_nul(void **state)
{
	char out[6] = "-----";

	(void)state;
	assert_int_equal(view_text(str("abcde"), out, sizeof(out)), ERR_OK);
	assert_string_equal(out, "abcde");
	assert_int_equal(view_text(str("abcdef"), out, sizeof(out)),
	    ERR_TOOBIG);
	assert_string_equal(out, "abcde");
	assert_int_equal(view_text(view(NULL, 0), out, sizeof(out)), ERR_OK);
	assert_string_equal(out, "");
	assert_int_equal(view_text(str("a"), out, 1), ERR_TOOBIG);
	assert_int_equal(view_text(view(NULL, 0), out, 1), ERR_OK);
}

/* ---- the officers in it ---- */

static void
the_officers_of_a_state_become_a_set(void **state)
{
	EVP_PKEY *ka = EVP_EC_gen("P-256"), *kb = EVP_EC_gen("P-256");
	X509 *ca = pki_cert(ka, "alice", 1), *cb = pki_cert(kb, "bob", 2);
	struct officers *set = NULL, *mark;
	struct kms_state s = sample();
	struct why why = {""};
	uint8_t *da, *db, name[MAX_NAME + 1];
	size_t na, nb;

	(void)state;
	da = pki_cert_der(ca, &na);
	db = pki_cert_der(cb, &nb);
	s.officer[0].cert = view(da, na);
	s.officer[1].cert = view(db, nb);
	if (kms_state_officers(&s, &set, &why) != ERR_OK)
		fail_msg("%s", why.text);
	assert_int_equal(officers_count(set), 2);
	assert_string_equal(officers_name(set, 0), "alice");
	assert_string_equal(officers_name(set, 1), "bob");
	mark = set;

	/* one bad one, and there is no set at all */
	s.officer[1].cert = s.officer[0].cert;
	assert_int_equal(kms_state_officers(&s, &set, &why), ERR_EXISTS);
	assert_ptr_equal(set, mark);
	s.officer[1].cert = str("junk");
	assert_int_equal(kms_state_officers(&s, &set, &why), ERR_MALFORMED);
	assert_ptr_equal(set, mark);
	s.officer[1].cert = view(db, nb);
	memset(name, 'n', sizeof(name));
	s.officer[1].name = view(name, MAX_NAME + 1);
	assert_int_not_equal(kms_state_officers(&s, &set, &why), ERR_OK);
	assert_ptr_equal(set, mark);

	officers_free(&set);
	free(da);
	free(db);
	X509_free(ca);
	X509_free(cb);
	EVP_PKEY_free(ka);
	EVP_PKEY_free(kb);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_state_reads_back_as_it_was_put),
	    cmocka_unit_test(the_most_officers_read_back),
	    cmocka_unit_test(every_prefix_is_malformed),
	    cmocka_unit_test(trailing_octets_are_malformed),
	    cmocka_unit_test(another_magic_or_version_is_malformed),
	    cmocka_unit_test(
		a_key_period_or_count_of_officers_out_of_range_is_malformed),
	    cmocka_unit_test(a_file_is_read_whole_from_any_position),
	    cmocka_unit_test(a_file_that_cannot_be_one_is_refused),
	    cmocka_unit_test(a_descriptor_that_cannot_be_read_is_an_error),
	    cmocka_unit_test(a_view_becomes_a_text_if_it_fits_with_its_nul),
	    cmocka_unit_test(the_officers_of_a_state_become_a_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
