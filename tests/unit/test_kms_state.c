#include <sys/mman.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "appliance/kms_state.h"
#include "appliance/proto.h"
#include "help.h"
#include "pki.h"

static const uint8_t seal_octets[KMS_STATE_SEAL_LEN] = {0xbb, 9, 8, 7};

static const char *const key_texts[TLS_ROLE__MAX] = {"of xk", "of x2", "of xkc",
    "of hi2"};
static const char *const request_texts[TLS_ROLE__MAX] = {"xk asks", "x2 asks",
    "", "hi2 asks"};

static struct kms_state
sample(void)
{
	struct kms_state s = {.created = 1769860800, .serial = 0xfedcba98};

	s.scheme = str("ss512");
	s.uri = str("https://kms.example.com/kms");
	s.period = KEY_PERIOD_WEEK;
	s.params = view("\x30\x03\x02\x01\x02", 5);
	s.import_key = str("spki");
	s.spool_key = str("spool spki");
	s.hi2_key = str("spki of HI2");
	for (unsigned i = 0; i < TLS_ROLE__MAX; i++) {
		s.tls_key[i] = str(key_texts[i]);
		s.tls_request[i] = str(request_texts[i]);
	}
	s.config = str("kms.period = week\ntoken.label = kw\n");
	s.n_persons = 3;
	s.person[0] = (struct kms_person){str("alice"), str("certificate of a"),
	    ROLE_OFFICER};
	s.person[1] = (struct kms_person){str("bob"), str("certificate of bob"),
	    ROLE_SECURITY_OFFICER};
	s.person[2] = (struct kms_person){str("carol"), str(""), ROLE_AUDITOR};
	s.n_clients = 2;
	s.client[0] = (struct kms_client){str("df2"), str("certificate")};
	s.client[1] = (struct kms_client){str("mf"), str("another")};
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
	assert_true(rd_equal(&a->spool_key, &b->spool_key));
	assert_true(rd_equal(&a->hi2_key, &b->hi2_key));
	for (unsigned i = 0; i < TLS_ROLE__MAX; i++) {
		assert_true(rd_equal(&a->tls_key[i], &b->tls_key[i]));
		assert_true(rd_equal(&a->tls_request[i], &b->tls_request[i]));
	}
	assert_true(rd_equal(&a->config, &b->config));
	assert_int_equal(a->n_persons, b->n_persons);
	for (unsigned i = 0; i < a->n_persons; i++) {
		assert_true(rd_equal(&a->person[i].name, &b->person[i].name));
		assert_true(rd_equal(&a->person[i].cert, &b->person[i].cert));
		assert_int_equal(a->person[i].role, b->person[i].role);
	}
	assert_int_equal(a->n_clients, b->n_clients);
	for (unsigned i = 0; i < a->n_clients; i++) {
		assert_true(rd_equal(&a->client[i].name, &b->client[i].name));
		assert_true(rd_equal(&a->client[i].cert, &b->client[i].cert));
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
refused(const uint8_t *p, size_t len, enum err rc)
{
	static struct kms_state out;
	struct rd sealed = str("x"), seal = str("y");

	assert_int_equal(kms_state_parse(view(p, len), &out, &sealed, &seal),
	    rc);
	assert_true(rd_is(&sealed, "x", 1));
	assert_true(rd_is(&seal, "y", 1));
}

static void
bad(const uint8_t *p, size_t len)
{
	refused(p, len, ERR_MALFORMED);
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
	for (int r = 0; r < ROLE__MAX; r++) {
		s.person[1].role = (enum role)r;
		good(&s);
	}
	s.n_persons = 0;
	good(&s);
	s.n_clients = 0;
	s.config = str("");
	s.created = INT64_MIN;
	s.serial = 0;
	good(&s);
}

static void
the_most_persons_and_clients_read_back(void **state)
{
	static uint8_t fill[MAX_CERT];
	static struct kms_state s;

	(void)state;
	s = sample();
	s.n_persons = MAX_INIT_PERSONS;
	for (unsigned i = 0; i < MAX_INIT_PERSONS; i++) {
		s.person[i].name = view(fill, MAX_NAME);
		s.person[i].cert = view(fill, sizeof(fill));
		s.person[i].role = (enum role)(i % ROLE__MAX);
	}
	s.n_clients = MAX_CLIENTS;
	for (unsigned i = 0; i < MAX_CLIENTS; i++) {
		s.client[i].name = view(fill, MAX_NAME);
		s.client[i].cert = view(fill, 1024);
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
another_magic_is_malformed_another_version_unsupported(void **state)
{
	struct kms_state s = sample();
	size_t len;
	uint8_t *p = sealed_file(&s, &len);

	(void)state;
	for (size_t i = 0; i < 6; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			p[i] ^= (uint8_t)(1U << bit);
			refused(p, len,
			    i < 4 ? ERR_MALFORMED : ERR_UNSUPPORTED);
			p[i] ^= (uint8_t)(1U << bit);
		}
	good(&s);
}

static void
a_key_period_or_role_out_of_range_is_malformed(void **state)
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
	for (unsigned i = 0; i < 3; i++)
		for (int v = ROLE__MAX; v < 256; v++) {
			s = sample();
			s.person[i].role = (enum role)v;
			p = sealed_file(&s, &len);
			bad(p, len);
		}
}

static void
more_persons_or_clients_than_allowed_are_malformed(void **state)
{
	static struct kms_state s;
	size_t len;
	uint8_t *p;

	(void)state;
	s = sample();
	s.n_persons = s.n_clients = 0;
	p = sealed_file(&s, &len);
	/* room for the names and certificates that it promises */
	memset(p + len, 0, 65536 * 3);
	for (unsigned n = MAX_INIT_PERSONS + 1; n < 256; n++) {
		p[len - KMS_STATE_SEAL_LEN - 3] = (uint8_t)n;
		bad(p, len + 4 * n);
	}
	p[len - KMS_STATE_SEAL_LEN - 3] = 0;
	good(&s);
	for (unsigned n = MAX_CLIENTS + 1; n < 65536;
	     n += n < MAX_CLIENTS + 300 ? 1 : 97) {
		p[len - KMS_STATE_SEAL_LEN - 2] = (uint8_t)(n >> 8);
		p[len - KMS_STATE_SEAL_LEN - 1] = (uint8_t)n;
		bad(p, len + 3 * n);
	}
}

/*
 * A file of the version before this one had officers in place of all that
 * stands behind the key: nothing of it is taken for something else.
 */
static void
a_state_of_version_1_is_of_another_keywarden(void **state)
{
	static const uint8_t head[] = "KWSZ\0\1";

	(void)state;
	refused(head, 6, ERR_UNSUPPORTED);
	bad(head, 5);
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

static void
a_file_is_loaded_with_views_into_its_octets(void **state)
{
	static struct kms_state s, got;
	struct rd sealed, seal;
	struct why why = {""};
	uint8_t *octets = NULL;
	size_t len;
	const uint8_t *p;
	int fd;

	(void)state;
	s = sample();
	p = sealed_file(&s, &len);
	fd = file_with(p, len);
	assert_int_equal(kms_state_load(fd, &octets, &got, &sealed, &seal,
			     &why),
	    ERR_OK);
	same(&s, &got);
	assert_ptr_equal(sealed.p, octets);
	assert_int_equal(sealed.left, len - KMS_STATE_SEAL_LEN);
	assert_ptr_equal(seal.p, octets + sealed.left);
	assert_true(got.uri.p > octets && got.uri.p < octets + len);
	free(octets);
	close(fd);

	fd = file_with("KWSZ\0\5k", 7);
	octets = NULL;
	assert_int_equal(kms_state_load(fd, &octets, &got, &sealed, &seal,
			     &why),
	    ERR_MALFORMED);
	assert_string_equal(why.text, "kms-state is not one of ours");
	free(octets);
	close(fd);

	fd = file_with("KWSZ junk", 9);
	octets = NULL;
	assert_int_equal(kms_state_load(fd, &octets, &got, &sealed, &seal,
			     &why),
	    ERR_MALFORMED);
	assert_non_null(strstr(why.text, "another version of keywarden"));
	free(octets);
	close(fd);
	octets = NULL;
	assert_int_equal(kms_state_load(fd, &octets, &got, &sealed, &seal,
			     &why),
	    ERR_IO);
	assert_null(octets);
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

/* ---- the warrant state that begins with it ---- */

#define PEOPLE 4

struct people {
	EVP_PKEY *key[PEOPLE];
	X509 *x[PEOPLE];
	uint8_t *der[PEOPLE];
	size_t len[PEOPLE];
};

static int
people_init(void **state)
{
	struct people *p = calloc(1, sizeof(*p));
	char name[16];

	assert_non_null(p);
	for (int i = 0; i < PEOPLE; i++) {
		(void)snprintf(name, sizeof(name), "p%d", i);
		p->key[i] = EVP_EC_gen("P-256");
		p->x[i] = pki_cert(p->key[i], name, i + 1);
		p->der[i] = pki_cert_der(p->x[i], &p->len[i]);
	}
	*state = p;
	return 0;
}

static int
people_done(void **state)
{
	struct people *p = *state;

	for (int i = 0; i < PEOPLE; i++) {
		free(p->der[i]);
		X509_free(p->x[i]);
		EVP_PKEY_free(p->key[i]);
	}
	free(p);
	return 0;
}

/* Two persons and a client with certificates that are some. */
static struct kms_state
enrolled(const struct people *p)
{
	struct kms_state s = sample();

	s.n_persons = 2;
	s.n_clients = 2;
	for (unsigned i = 0; i < 2; i++) {
		s.person[i].cert = view(p->der[i], p->len[i]);
		s.client[i].cert = view(p->der[2 + i], p->len[2 + i]);
	}
	return s;
}

static void
digest(const void *p, size_t len, uint8_t out[DIGEST_LEN])
{
	assert_int_equal(digest_of(view(p, len), out), ERR_OK);
}

static void
a_state_is_the_beginning_of_the_warrant_state(void **state)
{
	const struct people *p = *state;
	static struct kms_state s;
	struct authority *a = NULL;
	struct why why = {""};
	uint8_t want[DIGEST_LEN];
	const struct persons *set;
	struct cert_entry c;
	struct head h;
	size_t len;
	const uint8_t *file;

	s = enrolled(p);
	file = sealed_file(&s, &len);
	if (kms_state_authority(&s, view(file, len), &a, &why) != ERR_OK)
		fail_msg("%s", why.text);
	/* the head at 0 is the hash of the file, seal and all */
	h = authority_head(a);
	digest(file, len, want);
	assert_true(h.number == 0);
	assert_memory_equal(h.hash, want, sizeof(want));
	digest(s.config.p, s.config.left, want);
	assert_memory_equal(authority_config(a), want, sizeof(want));
	assert_true(authority_time(a) == s.created);
	assert_string_equal(authority_kms(a), "https://kms.example.com/kms");
	assert_true(authority_policy_version(a) == 0);

	set = authority_persons(a);
	assert_int_equal(persons_count(set), 2);
	for (unsigned i = 0; i < 2; i++) {
		const struct person q = persons_get(set, i);

		assert_string_equal(q.name, i == 0 ? "alice" : "bob");
		assert_int_equal(q.role, s.person[i].role);
		assert_true(rd_equal(&q.cert, &s.person[i].cert));
		assert_true(q.from == 0 && q.until == PERSON_STAYS);
	}
	assert_int_equal(authority_clients(a), 2);
	for (unsigned i = 0; i < 2; i++) {
		c = authority_client(a, i);
		assert_string_equal(c.name, i == 0 ? "df2" : "mf");
		assert_true(rd_equal(&c.cert, &s.client[i].cert));
		digest(s.client[i].cert.p, s.client[i].cert.left, want);
		assert_memory_equal(c.fingerprint, want, sizeof(want));
	}
	authority_free(&a);
}

/* Nothing is built, what was there stays, and there is a sentence. */
static void
none(const struct kms_state *s, enum err want)
{
	struct authority *mark = (struct authority *)(uintptr_t)8, *a = mark;
	struct why why = {""};
	enum err rc;

	rc = kms_state_authority(s, str("the file"), &a, &why);
	if (rc != want)
		fail_msg("%s: %s", err_str(rc), why.text);
	assert_ptr_equal(a, mark);
	assert_string_not_equal(why.text, "");
}

static void
one_bad_person_and_there_is_no_warrant_state(void **state)
{
	const struct people *p = *state;
	static char name[MAX_NAME + 1];
	static struct kms_state s;

	memset(name, 'n', sizeof(name));
	s = enrolled(p);
	s.person[1].cert = s.person[0].cert;
	none(&s, ERR_EXISTS);
	s = enrolled(p);
	s.person[1].name = s.person[0].name;
	none(&s, ERR_EXISTS);
	s = enrolled(p);
	s.person[1].cert = str("junk");
	none(&s, ERR_MALFORMED);
	s = enrolled(p);
	s.person[0].name = view(name, MAX_NAME + 1);
	none(&s, ERR_TOOBIG);
	s = enrolled(p);
	s.person[0].name = view(NULL, 0);
	none(&s, ERR_MALFORMED);
}

static void
one_bad_client_and_there_is_no_warrant_state(void **state)
{
	const struct people *p = *state;
	static char name[MAX_NAME + 1];
	static struct kms_state s;

	memset(name, 'n', sizeof(name));
	s = enrolled(p);
	s.client[1].name = s.client[0].name;
	none(&s, ERR_EXISTS);
	s = enrolled(p);
	s.client[1].cert = s.client[0].cert;
	none(&s, ERR_EXISTS);
	s = enrolled(p);
	s.client[1].name = view(name, MAX_NAME + 1);
	none(&s, ERR_TOOBIG);
}

static void
a_uri_that_no_request_could_name_is_refused(void **state)
{
	const struct people *p = *state;
	static char uri[256];
	static struct kms_state s;
	struct authority *a = NULL;
	struct why why = {""};

	memset(uri, 'u', sizeof(uri));
	s = enrolled(p);
	s.uri = view(uri, 256);
	none(&s, ERR_MALFORMED);
	s.uri = view(uri, 255);
	assert_int_equal(kms_state_authority(&s, str("x"), &a, &why), ERR_OK);
	assert_int_equal(strlen(authority_kms(a)), 255);
	authority_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_state_reads_back_as_it_was_put),
	    cmocka_unit_test(the_most_persons_and_clients_read_back),
	    cmocka_unit_test(every_prefix_is_malformed),
	    cmocka_unit_test(trailing_octets_are_malformed),
	    cmocka_unit_test(
		another_magic_is_malformed_another_version_unsupported),
	    cmocka_unit_test(a_key_period_or_role_out_of_range_is_malformed),
	    cmocka_unit_test(
		more_persons_or_clients_than_allowed_are_malformed),
	    cmocka_unit_test(a_state_of_version_1_is_of_another_keywarden),
	    cmocka_unit_test(a_file_is_read_whole_from_any_position),
	    cmocka_unit_test(a_file_that_cannot_be_one_is_refused),
	    cmocka_unit_test(a_descriptor_that_cannot_be_read_is_an_error),
	    cmocka_unit_test(a_file_is_loaded_with_views_into_its_octets),
	    cmocka_unit_test(a_view_becomes_a_text_if_it_fits_with_its_nul),
	    cmocka_unit_test(a_state_is_the_beginning_of_the_warrant_state),
	    cmocka_unit_test(one_bad_person_and_there_is_no_warrant_state),
	    cmocka_unit_test(one_bad_client_and_there_is_no_warrant_state),
	    cmocka_unit_test(a_uri_that_no_request_could_name_is_refused),
	};

	return cmocka_run_group_tests(tests, people_init, people_done);
}
