/*
 * keywarden-signer itself, in its filter, with a SoftHSM token: started and
 * spoken to as the supervisor and the processes that face the network do, and
 * as one of these does that is taken over.
 */
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "appliance/ctl.h"
#include "appliance/tls_role.h"
#include "help.h"
#include "softhsm.h"

#define WAIT_MS 20000

/* Who is there, and as whom each may sign. */
enum { XK, X2, XKC, LEMF_0, LEMF_9, PEERS };
static const struct {
	enum ctl_peer kind;
	unsigned index;
	enum tls_role role;
} peers[PEERS] = {[XK] = {CTL_PEER_XK, 0, TLS_ROLE_XK},
    [X2] = {CTL_PEER_X2, 0, TLS_ROLE_X2},
    [XKC] = {CTL_PEER_XKC, 0, TLS_ROLE_XKC},
    [LEMF_0] = {CTL_PEER_HI2C, 0, TLS_ROLE_HI2},
    [LEMF_9] = {CTL_PEER_HI2C, 9, TLS_ROLE_HI2}};

struct rig {
	struct softhsm soft;
	EVP_PKEY *key[TLS_ROLE__MAX]; /* public halves */
	uint8_t request[TLS_ROLE__MAX][HSM_REQUEST_MAX];
	size_t request_len[TLS_ROLE__MAX];
	pid_t pid;
	int ctl;
	struct ipc_chan *chan[PEERS];
	uint8_t packet[IPC_CTL_MAX];
};

/* ---- the token, as init makes it ---- */

static const enum hsm_key keys[TLS_ROLE__MAX] = {HSM_KEY_TLS_XK, HSM_KEY_TLS_X2,
    HSM_KEY_TLS_XKC, HSM_KEY_TLS_HI2};

static void
read_keys(struct rig *g, struct hsm *h)
{
	struct why why = {""};

	if (hsm_find_tls_keys(h, &why) != ERR_OK ||
	    hsm_try_tls_keys(h, &why) != ERR_OK)
		fail_msg("%s", why.text);
	for (enum tls_role r = 0; r < TLS_ROLE__MAX; r++) {
		uint8_t spki[128];
		const unsigned char *p = spki;
		size_t len;

		assert_int_equal(hsm_public_key(h, keys[r], spki, sizeof(spki),
				     &len),
		    ERR_OK);
		g->key[r] = d2i_PUBKEY(NULL, &p, (long)len);
		assert_non_null(g->key[r]);
		assert_int_equal(hsm_certificate_request(h, keys[r],
				     "keywarden", g->request[r],
				     &g->request_len[r]),
		    ERR_OK);
	}
}

static int
make_token(void **state)
{
	struct rig *g = calloc(1, sizeof(*g));
	uint8_t point[IBE_POINT_MAX];
	struct ibe_setup *setup = NULL;
	struct why why = {""};
	struct hsm *h = NULL;
	size_t len;

	assert_non_null(g);
	(void)signal(SIGPIPE, SIG_IGN);
	softhsm_init(&g->soft);
	assert_int_equal(ibe_setup_new("ss512", &setup), ERR_OK);
	if (hsm_open(g->soft.module, SOFTHSM_LABEL, g->soft.pin, &h, &why) !=
		ERR_OK ||
	    hsm_create_keys(h, ibe_setup_ec_params(setup), point, &len, &why) !=
		ERR_OK)
		fail_msg("%s", why.text);
	ibe_setup_free(&setup);
	read_keys(g, h);
	hsm_close(&h);
	*state = g;
	return 0;
}

static int
drop_token(void **state)
{
	struct rig *g = *state;

	for (unsigned i = 0; i < TLS_ROLE__MAX; i++)
		EVP_PKEY_free(g->key[i]);
	softhsm_done(&g->soft);
	free(g);
	return 0;
}

/* ---- the supervisor ---- */

static void
join(struct rig *g, unsigned who)
{
	int pair[2];

	ipc_chan_free(&g->chan[who]);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
			     pair),
	    0);
	assert_int_equal(ipc_chan_new(pair[0], MAX_IPC_BODY, MAX_IPC_QUEUE,
			     &g->chan[who]),
	    ERR_OK);
	assert_int_equal(ipc_ctl_send(g->ctl, MSG_CTL_PEER,
			     CTL_PEER_ID(peers[who].kind, peers[who].index),
			     NULL, 0, pair[1]),
	    ERR_OK);
	close(pair[1]);
}

static void
send_pin(struct rig *g, struct rd pin)
{
	const int fd = memfd_create("pin", MFD_CLOEXEC);

	assert_true(fd != -1);
	assert_int_equal(write(fd, pin.p, pin.left), (ssize_t)pin.left);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(ipc_ctl_send(g->ctl, MSG_CTL_FILE, CTL_FILE_PIN, NULL,
			     0, fd),
	    ERR_OK);
	close(fd);
}

static struct ipc_frame
from_signer(struct rig *g)
{
	struct pollfd p = {g->ctl, POLLIN, 0};
	struct ipc_frame f;
	int fd = -1;

	do {
		assert_int_equal(poll(&p, 1, WAIT_MS), 1);
		assert_int_equal(ipc_ctl_recv(g->ctl, g->packet,
				     sizeof(g->packet), &f, &fd),
		    ERR_OK);
		assert_int_equal(fd, -1);
	} while (f.type == MSG_CTL_HEALTH); /* comes by itself */
	return f;
}

static void
spawn_with(struct rig *g, struct rd pin)
{
	const struct hsm_settings s = {.call_seconds = 5,
	    .job_seconds = 10,
	    .module = str(g->soft.module),
	    .label = str(SOFTHSM_LABEL)};
	uint8_t buf[512];
	size_t len = 0;
	struct wr w;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	g->pid = fork();
	assert_true(g->pid >= 0);
	if (g->pid == 0) {
		close(pair[0]);
		if (pair[1] != CTL_FD && dup2(pair[1], CTL_FD) == -1)
			_exit(126);
		(void)execl(SIGNER, SIGNER, (char *)NULL);
		_exit(127);
	}
	close(pair[1]);
	g->ctl = pair[0];
	for (unsigned i = 0; i < PEERS; i++)
		join(g, i);
	send_pin(g, pin);
	wr_init(&w, buf, sizeof(buf));
	hsm_settings_put(&w, &s);
	assert_int_equal(wr_finish(&w, &len), ERR_OK);
	assert_int_equal(ipc_ctl_send(g->ctl, MSG_CTL_SETUP, 0, buf, len, -1),
	    ERR_OK);
}

static int
start(void **state)
{
	struct rig *g = *state;

	spawn_with(g, view(secret_data(g->soft.pin), secret_len(g->soft.pin)));
	assert_int_equal(from_signer(g).type, MSG_CTL_READY);
	return 0;
}

static void
reap(struct rig *g, int *status)
{
	assert_int_equal(waitpid(g->pid, status, 0), g->pid);
	for (unsigned i = 0; i < PEERS; i++)
		ipc_chan_free(&g->chan[i]);
	close(g->ctl);
}

static int
stop(void **state)
{
	struct rig *g = *state;
	int status;

	assert_int_equal(ipc_ctl_send(g->ctl, MSG_CTL_STOP, 0, NULL, 0, -1),
	    ERR_OK);
	reap(g, &status);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	return 0;
}

/* ---- the processes that face the network ---- */

static void
say(struct rig *g, unsigned who, uint16_t type, uint32_t id, struct rd body)
{
	assert_int_equal(ipc_send(g->chan[who], type, id, body.p, body.left),
	    ERR_OK);
	assert_int_equal(ipc_flush(g->chan[who]), ERR_OK);
}

/* The next frame for it; ERR_CLOSED: its channel is. */
static enum err
hear(struct rig *g, unsigned who, struct ipc_frame *f)
{
	struct pollfd p = {ipc_chan_fd(g->chan[who]), POLLIN, 0};
	enum err rc;

	while ((rc = ipc_next(g->chan[who], f)) == ERR_AGAIN) {
		if (poll(&p, 1, WAIT_MS) != 1)
			fail_msg("the signer says nothing");
		if ((rc = ipc_fill(g->chan[who])) != ERR_OK)
			return rc;
	}
	return rc;
}

static bool
verifies(struct rig *g, enum tls_role key, enum tls_role as, struct rd hash,
    struct rd sig)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	uint8_t input[TLS_INPUT_MAX];
	size_t len;
	bool ok;

	assert_int_equal(tls_role_input(as, hash, input, &len), ERR_OK);
	assert_int_equal(EVP_DigestVerifyInit(c, NULL, EVP_sha256(), NULL,
			     g->key[key]),
	    1);
	ok = EVP_DigestVerify(c, sig.p, sig.left, input, len) == 1;
	EVP_MD_CTX_free(c);
	return ok;
}

/* It gets the signature of its role over this hash. */
static void
is_served(struct rig *g, unsigned who, uint32_t id, struct rd hash)
{
	const enum tls_role role = peers[who].role;
	struct ipc_frame f;

	say(g, who, MSG_TLS_SIGN, id, hash);
	assert_int_equal(hear(g, who, &f), ERR_OK);
	assert_int_equal(f.type, MSG_TLS_SIGNED);
	assert_int_equal(f.id, id);
	assert_true(verifies(g, role, role, hash, f.body));
}

/* ---- promises ---- */

static void
each_gets_the_signature_of_its_role_alone(void **state)
{
	static const uint8_t hash[TLS_HASH_MOST] = {1, 2, 3};
	struct rig *g = *state;
	struct ipc_frame f;
	struct rd h;

	for (unsigned who = 0; who < PEERS; who++) {
		is_served(g, who, who + 1, view(hash, 32));
		is_served(g, who, 0xffffffff, view(hash, 48));
		h = view(hash, 32);
		say(g, who, MSG_TLS_SIGN, 5, h);
		assert_int_equal(hear(g, who, &f), ERR_OK);
		for (enum tls_role k = 0; k < TLS_ROLE__MAX; k++)
			if (k != peers[who].role)
				assert_false(verifies(g, k, k, h, f.body));
		/* Not as the other end either, which has another string. */
		assert_false(verifies(g, peers[who].role,
		    peers[who].role < TLS_ROLE_XKC ? TLS_ROLE_HI2 : TLS_ROLE_XK,
		    h, f.body));
	}
}

/* What a taken-over process may try: each costs it its channel, and no more. */
static void
whatever_else_is_sent_closes_that_channel_alone(void **state)
{
	static const uint8_t octets[4096] = {1, 2, 3};
	static const struct {
		uint16_t type;
		size_t len;
	} bad[] = {{MSG_TLS_SIGN, 0}, {MSG_TLS_SIGN, 31}, {MSG_TLS_SIGN, 33},
	    {MSG_TLS_SIGN, 47}, {MSG_TLS_SIGN, 49}, {MSG_TLS_SIGN, 130},
	    {MSG_TLS_SIGN, 4096}, {MSG_TLS_SIGNED, 32}, {MSG_WORK, 32},
	    {MSG_DO_TASK, 32}, {MSG_SIGN, 32}, {MSG_CTL_STOP, 0},
	    {MSG_CTL_SETUP, 32}, {0, 32}, {0xffff, 48}};
	struct rig *g = *state;
	struct ipc_frame f;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		say(g, XK, bad[i].type, 1, view(octets, bad[i].len));
		assert_int_equal(hear(g, XK, &f), ERR_CLOSED);
		is_served(g, X2, 1, view(octets, 32));
		join(g, XK);
		is_served(g, XK, 2, view(octets, 32));
	}
}

/* A frame in pieces is one; half of one keeps nobody waiting. */
static void
half_a_frame_keeps_nobody_waiting(void **state)
{
	static const uint8_t hash[32] = {9};
	static const uint8_t head[] = {0, 0, 0, 38, 0, MSG_TLS_SIGN};
	struct rig *g = *state;
	const int fd = ipc_chan_fd(g->chan[XK]);
	uint8_t rest[4 + 32] = {0, 0, 0, 7};
	struct ipc_frame f;

	memcpy(rest + 4, hash, 32);
	assert_int_equal(write(fd, head, sizeof(head)), sizeof(head));
	is_served(g, LEMF_9, 1, view(hash, 32));
	assert_int_equal(write(fd, rest, sizeof(rest)), sizeof(rest));
	assert_int_equal(hear(g, XK, &f), ERR_OK);
	assert_int_equal(f.id, 7);
	assert_true(
	    verifies(g, TLS_ROLE_XK, TLS_ROLE_XK, view(hash, 32), f.body));
}

/* One that floods, and one that does not take its answers. */
static void
a_flood_leaves_the_others_their_turn(void **state)
{
	static const uint8_t hash[32] = {5};
	struct rig *g = *state;
	struct ipc_frame f;
	unsigned n = 0;

	for (uint32_t i = 0; i < 500; i++) {
		say(g, XK, MSG_TLS_SIGN, i, view(hash, 32));
		say(g, LEMF_0, MSG_TLS_SIGN, i, view(hash, 32));
	}
	is_served(g, X2, 1, view(hash, 32));
	/* Of the flood hardly anything has been signed by then. */
	assert_int_equal(ipc_fill(g->chan[XK]), ERR_OK);
	while (ipc_next(g->chan[XK], &f) == ERR_OK)
		n++;
	assert_true(n < 50);
	join(g, XK);
	join(g, LEMF_0);
	is_served(g, XK, 2, view(hash, 32));
}

static void
a_wrong_pin_is_tried_once_and_told(void **state)
{
	struct rig *g = *state;
	struct ipc_frame f;
	struct rd why;
	int status;
	enum err rc;

	spawn_with(g, str("not the PIN"));
	f = from_signer(g);
	assert_int_equal(f.type, MSG_CTL_FAILED);
	assert_int_equal(msg_error_get(f.body, &rc, &why), ERR_OK);
	assert_int_equal(rc, ERR_PIN);
	reap(g, &status);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 0);
}

static void
a_request_is_signed_by_the_key_that_it_names(void **state)
{
	struct rig *g = *state;

	for (enum tls_role r = 0; r < TLS_ROLE__MAX; r++) {
		const unsigned char *p = g->request[r];
		X509_REQ *q = d2i_X509_REQ(NULL, &p, (long)g->request_len[r]);
		char name[32];

		assert_non_null(q);
		assert_ptr_equal(p, g->request[r] + g->request_len[r]);
		assert_int_equal(X509_REQ_verify(q, g->key[r]), 1);
		assert_int_equal(EVP_PKEY_eq(X509_REQ_get0_pubkey(q),
				     g->key[r]),
		    1);
		assert_int_equal(
		    X509_NAME_get_text_by_NID(X509_REQ_get_subject_name(q),
			NID_commonName, name, sizeof(name)),
		    9);
		assert_string_equal(name, "keywarden");
		X509_REQ_free(q);
	}
}

int
main(void)
{
#define WITH_SIGNER(f) cmocka_unit_test_setup_teardown(f, start, stop)
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_request_is_signed_by_the_key_that_it_names),
	    WITH_SIGNER(each_gets_the_signature_of_its_role_alone),
	    WITH_SIGNER(whatever_else_is_sent_closes_that_channel_alone),
	    WITH_SIGNER(half_a_frame_keeps_nobody_waiting),
	    WITH_SIGNER(a_flood_leaves_the_others_their_turn),
	    cmocka_unit_test(a_wrong_pin_is_tried_once_and_told),
	};

	return cmocka_run_group_tests(tests, make_token, drop_token);
}
