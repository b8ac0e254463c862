/* What the token does for delivery, and who hears of it. */
#include <sys/socket.h>

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "appliance/hsm_proc.h"
#include "appliance/proto_hi2.h"
#include "help.h"
#include "softhsm.h"

#define AUDIT_ID 77
#define HI2_ID 0x11121314

static struct softhsm soft;
static struct hsm_proc p;
static struct ipc_chan *audit, *hi2; /* the other ends */

void
hsm_token_failed(struct hsm_proc *hp, const char *doing)
{
	(void)hp;
	fail_msg("%s", doing);
	abort();
}

void
hsm_end(struct hsm_proc *hp, enum err rc, const struct why *why)
{
	(void)hp;
	fail_msg("%s: %s", err_str(rc), why->text);
	abort();
}

static struct rd
spki_of(enum hsm_key which, uint8_t der[1024])
{
	size_t n;

	assert_int_equal(hsm_public_key(p.token, which, der, 1024, &n), ERR_OK);
	return view(der, n);
}

static void
know_answers(void)
{
	static uint8_t der[3][1024];
	const struct hsm_known_in in = {.import_key =
					    spki_of(HSM_KEY_SEED_IMPORT,
						der[0]),
	    .spool_key = spki_of(HSM_KEY_SPOOL, der[1]),
	    .hi2_key = spki_of(HSM_KEY_HI2, der[2])};
	struct why why = {""};

	if (hsm_known_new(&in, &p.known_answers, &why) != ERR_OK)
		fail_msg("%s", why.text);
}

static int
token_init(void **state)
{
	uint8_t point[IBE_POINT_MAX];
	struct ibe_setup *setup = NULL;
	struct why why = {""};
	size_t len;

	(void)state;
	softhsm_init(&soft);
	if (hsm_open(soft.module, SOFTHSM_LABEL, soft.pin, &p.token, &why) !=
		ERR_OK ||
	    ibe_setup_new("ss512", &setup) != ERR_OK ||
	    hsm_create_keys(p.token, ibe_setup_ec_params(setup), point, &len,
		&why) != ERR_OK ||
	    hsm_find_keys(p.token, &why) != ERR_OK)
		fail_msg("%s", why.text);
	ibe_setup_free(&setup);
	know_answers();
	return 0;
}

static int
token_done(void **state)
{
	(void)state;
	hsm_known_free(&p.known_answers);
	hsm_close(&p.token);
	softhsm_done(&soft);
	return 0;
}

static void
channel(struct ipc_chan **ours, struct ipc_chan **theirs, size_t most)
{
	int s[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
	assert_int_equal(ipc_chan_new(s[0], MAX_IPC_BODY, most, ours), ERR_OK);
	assert_int_equal(ipc_chan_new(s[1], MAX_IPC_BODY, most, theirs),
	    ERR_OK);
}

static int
set_up(void **state)
{
	(void)state;
	channel(&p.audit, &audit, 1 << 20);
	channel(&p.taker[ROUTE_HI2], &hi2, 1 << 20);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	ipc_chan_free(&p.audit);
	ipc_chan_free(&audit);
	ipc_chan_free(&p.taker[ROUTE_HI2]);
	ipc_chan_free(&hi2);
	return 0;
}

static void
asks(enum hi2_task_kind kind, struct rd octets)
{
	const struct msg_do_hi2_task m = {HI2_ID, {kind, 5, octets}};
	static uint8_t body[MAX_SIGN_DATA + 64];
	struct ipc_frame f = {.type = MSG_DO_HI2_TASK, .id = AUDIT_ID};
	struct wr w;

	wr_init(&w, body, sizeof(body));
	msg_do_hi2_task_put(&w, &m);
	f.body = view(body, w.len);
	assert_int_equal(hsm_on_hi2_task(&p, &f), ERR_OK);
}

static struct ipc_frame
one_frame(struct ipc_chan *from, struct ipc_chan *to, uint16_t type)
{
	struct ipc_frame f;

	assert_int_equal(ipc_flush(from), ERR_OK);
	assert_int_equal(ipc_fill(to), ERR_OK);
	assert_int_equal(ipc_next(to, &f), ERR_OK);
	assert_int_equal(f.type, type);
	return f;
}

static void
audit_hears(enum err want)
{
	const struct ipc_frame f =
	    one_frame(p.audit, audit, MSG_HI2_TASK_ENDED);
	enum err rc = ERR_INTERNAL;

	assert_int_equal(f.id, AUDIT_ID);
	assert_int_equal(msg_hi2_ended_get(f.body, &rc), ERR_OK);
	assert_int_equal(rc, want);
}

/* The view dies with the next frame. */
static struct rd
hi2_hears(enum err want)
{
	const struct ipc_frame f =
	    one_frame(p.taker[ROUTE_HI2], hi2, MSG_HI2_TASK_DONE);
	struct msg_hi2_done m;

	assert_int_equal(f.id, HI2_ID);
	assert_int_equal(msg_hi2_done_get(f.body, &m), ERR_OK);
	assert_int_equal(m.rc, want);
	return m.octets;
}

static EVP_PKEY *
public_key(enum hsm_key which)
{
	uint8_t der[1024];
	const struct rd spki = spki_of(which, der);
	const unsigned char *at = der;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)spki.left);

	assert_non_null(key);
	return key;
}

static struct rd
wrapped(const uint8_t *key, size_t len)
{
	static uint8_t out[512];
	EVP_PKEY *to = public_key(HSM_KEY_SPOOL);
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(to, NULL);
	size_t n = sizeof(out);

	assert_int_equal(EVP_PKEY_encrypt_init(c), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(c,
			     RSA_PKCS1_OAEP_PADDING),
	    1);
	assert_int_equal(EVP_PKEY_encrypt(c, out, &n, key, len), 1);
	EVP_PKEY_CTX_free(c);
	EVP_PKEY_free(to);
	return view(out, n);
}

static const uint8_t key[HSM_DATA_KEY_LEN] = {1, 2, 3, 4, 5};

static void
a_data_key_goes_to_hi2_and_its_end_to_audit(void **state)
{
	(void)state;
	asks(HI2_TASK_UNWRAP, wrapped(key, sizeof(key)));
	{
		const struct rd got = hi2_hears(ERR_OK);

		assert_true(rd_is(&got, key, sizeof(key)));
	}
	audit_hears(ERR_OK);
}

static void
what_is_no_data_key_is_told_without_octets(void **state)
{
	(void)state;
	asks(HI2_TASK_UNWRAP, wrapped(key, 16));
	assert_int_equal(hi2_hears(ERR_MISMATCH).left, 0);
	audit_hears(ERR_MISMATCH);
	asks(HI2_TASK_UNWRAP, view(key, sizeof(key)));
	assert_int_equal(hi2_hears(ERR_MISMATCH).left, 0);
	audit_hears(ERR_MISMATCH);
}

static void
a_signature_verifies_under_the_key_of_hi2(void **state)
{
	static uint8_t data[MAX_SIGN_DATA];
	EVP_PKEY *verify = public_key(HSM_KEY_HI2);
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	struct rd sig;

	(void)state;
	asks(HI2_TASK_SIGN, view(data, sizeof(data)));
	sig = hi2_hears(ERR_OK);
	assert_int_equal(EVP_DigestVerifyInit(c, NULL, EVP_sha256(), NULL,
			     verify),
	    1);
	assert_int_equal(EVP_DigestVerify(c, sig.p, sig.left, data,
			     sizeof(data)),
	    1);
	audit_hears(ERR_OK);
	EVP_MD_CTX_free(c);
	EVP_PKEY_free(verify);
}

static void
without_hi2_audit_hears_that_nobody_was_told(void **state)
{
	(void)state;
	ipc_chan_free(&p.taker[ROUTE_HI2]);
	asks(HI2_TASK_UNWRAP, wrapped(key, sizeof(key)));
	audit_hears(ERR_CLOSED);
}

static void
a_hi2_that_does_not_read_is_as_none(void **state)
{
	(void)state;
	ipc_chan_free(&p.taker[ROUTE_HI2]);
	ipc_chan_free(&hi2);
	channel(&p.taker[ROUTE_HI2], &hi2, 20);
	asks(HI2_TASK_UNWRAP, wrapped(key, sizeof(key)));
	audit_hears(ERR_CLOSED);
}

static void
what_is_no_task_is_malformed(void **state)
{
	const uint8_t none[20] = {0};
	const struct ipc_frame f = {.type = MSG_DO_HI2_TASK,
	    .id = AUDIT_ID,
	    .body = view(none, sizeof(none))};

	(void)state;
	assert_int_equal(hsm_on_hi2_task(&p, &f), ERR_MALFORMED);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_data_key_goes_to_hi2_and_its_end_to_audit),
	    TEST(what_is_no_data_key_is_told_without_octets),
	    TEST(a_signature_verifies_under_the_key_of_hi2),
	    TEST(without_hi2_audit_hears_that_nobody_was_told),
	    TEST(a_hi2_that_does_not_read_is_as_none),
	    TEST(what_is_no_task_is_malformed),
	};

	return cmocka_run_group_tests(tests, token_init, token_done);
}
