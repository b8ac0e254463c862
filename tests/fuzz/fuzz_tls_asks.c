/*
 * What the signer says to a process that has handshakes signed, while several
 * of these wait and come and go: a handshake goes on once, by the answer to its
 * own id, and is done only with the signature of its own transcript.
 *
 * Input: commands, each u8 kind and place, u8 length and octets (see act()).
 */
#include <sys/socket.h>

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "appliance/proto.h"
#include "appliance/tls_asks.h"
#include "appliance/tls_token.h"
#include "base/ipc.h"
#include "fuzz.h"

#define PLACES 3
#define HANDSHAKES 12 /* in one input: they take time */

static EVP_PKEY *key; /* the token's */
static SSL_CTX *server, *client;

static struct place {
	SSL *ours, *theirs;
	struct tls_wait wait;
	uint32_t id; /* asked for last */
	uint8_t hash[TLS_HASH_MOST];
	size_t hash_len;
	bool asked, right, resumed, unclear;
} places[PLACES];
static struct place *now; /* whose handshake is running */

/* ---- what does not change ---- */

static X509 *
certificate(void)
{
	X509 *x = X509_new();

	MUST(x != NULL && X509_set_version(x, X509_VERSION_3) == 1);
	MUST(ASN1_INTEGER_set(X509_get_serialNumber(x), 1) == 1);
	MUST(X509_gmtime_adj(X509_getm_notBefore(x), -3600) != NULL);
	MUST(X509_gmtime_adj(X509_getm_notAfter(x), 3600) != NULL);
	MUST(X509_set_pubkey(x, key) == 1);
	MUST(X509_sign(x, key, EVP_sha256()) > 0);
	return x;
}

static bool
ask(void *ctx, uint32_t id, struct rd hash)
{
	(void)ctx;
	MUST(now != NULL && hash.left <= sizeof(now->hash));
	now->id = id;
	memcpy(now->hash, hash.p, hash.left);
	now->hash_len = hash.left;
	now->asked = true;
	return true;
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	EVP_PKEY *in_token;
	X509 *x;

	(void)argc;
	(void)argv;
	key = EVP_EC_gen("P-256");
	server = SSL_CTX_new(TLS_server_method());
	client = SSL_CTX_new(TLS_client_method());
	MUST(key != NULL && server != NULL && client != NULL);
	x = certificate();
	in_token = tls_token_key(key, TLS_ROLE_XK);
	MUST(in_token != NULL);
	MUST(SSL_CTX_set_min_proto_version(server, TLS1_3_VERSION) == 1);
	MUST(SSL_CTX_use_certificate(server, x) == 1);
	MUST(SSL_CTX_use_PrivateKey(server, in_token) == 1);
	tls_token_profile(server);
	tls_token_ask_by(ask, NULL);
	EVP_PKEY_free(in_token);
	X509_free(x);
	return 0;
}

/* ---- handshakes ---- */

static void
on_resume(void *ctx)
{
	struct place *p = ctx;

	MUST(!p->resumed);
	p->resumed = true;
	now = p;
	(void)tls_token_handshake(p->ours, &p->wait);
	MUST(!tls_token_waits(&p->wait));
}

static void
end(struct place *p)
{
	if (p->ours == NULL)
		return;
	/* Its end takes what the other one sends, if it was the right one. */
	if (p->resumed && !p->unclear)
		MUST((SSL_do_handshake(p->theirs) == 1) == p->right);
	tls_token_forget(p->ours, &p->wait);
	MUST(!tls_token_waits(&p->wait));
	SSL_free(p->ours);
	SSL_free(p->theirs);
	*p = (struct place){.ours = NULL};
}

static void
begin(struct place *p)
{
	BIO *a, *b;

	end(p);
	p->ours = SSL_new(server);
	p->theirs = SSL_new(client);
	MUST(p->ours != NULL && p->theirs != NULL);
	MUST(BIO_new_bio_pair(&a, 0, &b, 0) == 1);
	SSL_set_bio(p->ours, a, a);
	SSL_set_bio(p->theirs, b, b);
	SSL_set_accept_state(p->ours);
	SSL_set_connect_state(p->theirs);
	p->wait.resume = on_resume;
	p->wait.ctx = p;
	MUST(SSL_do_handshake(p->theirs) == -1);
	now = p;
	MUST(tls_token_handshake(p->ours, &p->wait) == -1);
	MUST(p->asked && tls_token_waits(&p->wait));
}

/* ---- frames ---- */

static size_t
right_answer(const struct place *p, uint8_t sig[TLS_SIGNATURE_MAX])
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	uint8_t input[TLS_INPUT_MAX];
	size_t len, sig_len = TLS_SIGNATURE_MAX;
	struct rd hash;

	rd_init(&hash, p->hash, p->hash_len);
	MUST(tls_role_input(TLS_ROLE_XK, hash, input, &len) == ERR_OK);
	MUST(EVP_DigestSignInit(c, NULL, EVP_sha256(), NULL, key) == 1);
	MUST(EVP_DigestSign(c, sig, &sig_len, input, len) == 1);
	EVP_MD_CTX_free(c);
	return sig_len;
}

struct line {
	struct ipc_chan *chan;
	int far;
	unsigned begun; /* handshakes */
	bool pieces; /* what is a frame does not show any longer */
};

static void
say(const struct line *l, uint16_t type, uint32_t id, const void *p, size_t n)
{
	uint8_t frame[IPC_HEADER_LEN + 256];
	size_t len;
	struct wr w;

	wr_init(&w, frame, sizeof(frame));
	wr_u32(&w, (uint32_t)(n + 6));
	wr_u16(&w, type);
	wr_u32(&w, id);
	wr_copy(&w, p, n);
	MUST(wr_finish(&w, &len) == ERR_OK);
	MUST(write(l->far, frame, len) == (ssize_t)len);
}

/* As peer.c reads; false: the process would end. */
static bool
hear(const struct line *l)
{
	struct ipc_frame f;
	enum err rc;

	MUST(ipc_fill(l->chan) == ERR_OK);
	while ((rc = ipc_next(l->chan, &f)) == ERR_OK) {
		rc = ipc_dispatch(tls_asks_ops.table, tls_asks_ops.n_rules, 1,
		    NULL, &f);
		if (rc != ERR_OK)
			return false;
	}
	return rc == ERR_AGAIN;
}

/* False: what was said is not permitted. */
static bool
act(struct line *l, uint8_t kind, struct rd octets)
{
	struct place *p = &places[kind / 8 % PLACES];
	uint8_t sig[TLS_SIGNATURE_MAX];
	size_t len;

	switch (kind % 8) {
	case 0:
		if (l->begun++ < HANDSHAKES)
			begin(p);
		break;
	case 1:
		end(p);
		break;
	case 2: /* of that place, whatever it is */
		say(l, MSG_TLS_SIGNED, p->id, octets.p, octets.left);
		break;
	case 3:
		say(l, MSG_TLS_SIGNED, p->id + 1 + kind / 8U, octets.p,
		    octets.left);
		break;
	case 4:
		if (!p->asked)
			break;
		len = right_answer(p, sig);
		p->right = p->right || !p->resumed;
		p->unclear = l->pieces;
		say(l, MSG_TLS_SIGNED, p->id, sig, len);
		break;
	case 5:
		tls_token_fail_all();
		break;
	case 6:
		say(l, (uint16_t)(kind / 8), p->id, octets.p, octets.left);
		break;
	default:
		if (octets.left > 0)
			MUST(write(l->far, octets.p, octets.left) ==
			    (ssize_t)octets.left);
		l->pieces = true;
		break;
	}
	return hear(l);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const int lowest = lowest_free_fd();
	struct line l = {NULL, -1, 0, false};
	struct rd in;
	int pair[2];

	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	MUST(ipc_chan_new(pair[0], tls_asks_ops.max_body,
		 tls_asks_ops.max_queue, &l.chan) == ERR_OK);
	l.far = pair[1];
	rd_init(&in, data, size);
	while (in.left > 0) {
		const uint8_t kind = take_u8(&in);

		if (!act(&l, kind, take_view8(&in)))
			break;
	}
	tls_token_fail_all();
	for (unsigned i = 0; i < PLACES; i++)
		end(&places[i]);
	ipc_chan_free(&l.chan);
	close(l.far);
	MUST(lowest_free_fd() == lowest);
	return 0;
}
