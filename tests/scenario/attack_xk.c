/*
 * attack-xk: somebody who has taken over xk, against a policy process of the
 * appliance: speaks for a client that is not there, with what he has.
 *
 *	attack-xk STATE CLIENT OTHER TARGET CALL REMOVAL
 *
 * STATE: folder with kms-state and registry/, in which a warrant for TARGET
 * names df2.  CLIENT, OTHER: df2's certificate and key (CLIENT.pem,
 * CLIENT.key) and those of a client that is not enrolled.  CALL: a folder with
 * i1.bin, r1.bin and i2.bin.  REMOVAL: the signed request to remove df2.  STATE
 * is of no use afterwards.  One line for each attempt; exit status 1 if one
 * ends otherwise than it must.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/pem.h>

#include "attack_call.h"
#include "attack_rig.h"
#include "handshake.h"
#include "policy/digest.h"

struct somebody {
	X509 *cert;
	EVP_PKEY *key;
};

static struct somebody client, other;
static struct rig rig;
static uint8_t ask[MAX_IPC_BODY]; /* a MSG_ASK for the call */
static size_t ask_len;
static struct rd removal; /* CMS */
static bool failed;

static void
expect(const char *what, bool ok)
{
	(void)printf("%s %s\n", ok ? "ok    " : "FAILED", what);
	(void)fflush(stdout);
	failed |= !ok;
}

/* ---- what he can do ---- */

static void
connect_as(uint32_t id, uint8_t nonce[CLIENT_NONCE_LEN])
{
	rig_send(&rig, MSG_CONN, id, NULL, 0);
	if (rig_wait(&rig, nonce) != NOTHING)
		rig_stop("no nonce");
}

static void
send_client(uint32_t id, const struct client_proof *p)
{
	static uint8_t buf[MAX_IPC_BODY];
	struct wr w;

	wr_init(&w, buf, sizeof(buf));
	msg_client_put(&w, p);
	rig_send(&rig, MSG_CLIENT, id, buf, w.len);
}

/* A true handshake of somebody who is there, with this nonce. */
static void
shake(const struct somebody *who, const uint8_t nonce[CLIENT_NONCE_LEN],
    struct handshake *h)
{
	struct handshake_want w = {.server = {other.cert, other.key, 0},
	    .client = {who->cert, who->key, 0}};

	memcpy(w.nonce, nonce, sizeof(w.nonce));
	if (handshake_make(&w, h) != ERR_OK)
		rig_stop("handshake");
}

/* Connection `id` is that of `who`, as it should be. */
static void
come(uint32_t id, const struct somebody *who)
{
	uint8_t nonce[CLIENT_NONCE_LEN];
	struct handshake h;

	connect_as(id, nonce);
	shake(who, nonce, &h);
	send_client(id, &h.proof);
	handshake_done(&h);
}

static enum act_end
ask_on(uint32_t id)
{
	struct wr w;

	wr_init(&w, ask + 8, 4); /* behind the epoch */
	wr_u32(&w, id);
	rig_send(&rig, MSG_ASK, 1000 + id, ask, ask_len);
	return rig_wait(&rig, NULL);
}

/* ---- attempts ---- */

static void
what_is_right_is_granted(void)
{
	rig_start(&rig);
	come(7, &client);
	expect("a client that is there: granted", ask_on(7) == GRANTED);
	expect("again: granted", ask_on(7) == GRANTED);
	expect("no alarm", rig.alarms == 0);
}

static void
without_a_proof(void)
{
	uint8_t nonce[CLIENT_NONCE_LEN];

	rig_start(&rig);
	expect("a connection that is none: policy ends", ask_on(7) == ENDED);
	rig_start(&rig);
	connect_as(7, nonce);
	expect("without a proof: policy ends", ask_on(7) == ENDED);
	rig_start(&rig);
	come(7, &other);
	expect("a client that is not enrolled: refused", ask_on(7) == REFUSED);
	expect("and no alarm", rig.alarms == 0);
	expect("and named by its certificate", strlen(rig.last_client) == 64);
	come(8, &client);
	expect("while another is there: refused", ask_on(7) == REFUSED);
	rig_send(&rig, MSG_CONN_GONE, 8, NULL, 0);
	expect("one that has gone: policy ends", ask_on(8) == ENDED);
}

static void
with_an_old_proof(void)
{
	const uint8_t zeros[CLIENT_NONCE_LEN] = {0};
	uint8_t nonce[CLIENT_NONCE_LEN];
	struct handshake h;

	rig_start(&rig);
	connect_as(7, nonce);
	shake(&client, nonce, &h);
	send_client(7, &h.proof);
	expect("the proof counts", ask_on(7) == GRANTED);
	connect_as(8, nonce);
	send_client(8, &h.proof);
	expect("not for another connection: refused", ask_on(8) == REFUSED);
	expect("an alarm", rig.alarms == 1);
	expect("and not the client's name", strlen(rig.last_client) == 64);
	rig_send(&rig, MSG_CONN_GONE, 7, NULL, 0);
	connect_as(7, nonce);
	send_client(7, &h.proof);
	expect("nor for the same one again: refused", ask_on(7) == REFUSED);
	rig_start(&rig);
	connect_as(7, nonce);
	send_client(7, &h.proof);
	expect("nor with another policy: refused", ask_on(7) == REFUSED);
	handshake_done(&h);
	shake(&client, zeros, &h);
	connect_as(9, nonce);
	send_client(9, &h.proof);
	expect("one made without policy: refused", ask_on(9) == REFUSED);
	expect("alarms", rig.alarms == 2);
	handshake_done(&h);
}

static void
with_the_proof_of_another(void)
{
	uint8_t nonce[CLIENT_NONCE_LEN];
	unsigned char *der = NULL;
	struct handshake h;
	int n = i2d_X509(client.cert, &der);

	rig_start(&rig);
	connect_as(7, nonce);
	shake(&other, nonce, &h);
	rd_init(&h.proof.cert, der, (size_t)n);
	send_client(7, &h.proof);
	expect("another's signature, the client's certificate: refused",
	    ask_on(7) == REFUSED);
	expect("an alarm", rig.alarms == 1);
	handshake_done(&h);
	connect_as(8, nonce);
	shake(&client, nonce, &h);
	h.proof.signature.left--;
	send_client(8, &h.proof);
	expect("a signature that is cut: refused", ask_on(8) == REFUSED);
	h.proof.signature.left++;
	send_client(8, &h.proof);
	expect("the right one after it: policy ends",
	    rig_wait(&rig, NULL) == ENDED);
	handshake_done(&h);
	OPENSSL_free(der);
}

static void
with_ids(void)
{
	rig_start(&rig);
	come(7, &client);
	rig_send(&rig, MSG_CONN, 7, NULL, 0);
	expect("an id in use: policy ends", rig_wait(&rig, NULL) == ENDED);
	rig_start(&rig);
	come(7, &client);
	rig_send(&rig, MSG_CONN, 7 + MAX_CONNECTIONS, NULL, 0);
	expect("a place in use: policy ends", rig_wait(&rig, NULL) == ENDED);
	rig_start(&rig);
	come(7, &client);
	expect("an id of the same place: policy ends",
	    ask_on(7 + MAX_CONNECTIONS) == ENDED);
	rig_start(&rig);
	rig_send(&rig, MSG_CONN_GONE, 7, NULL, 0);
	expect("the end of none: policy ends", rig_wait(&rig, NULL) == ENDED);
}

static void
when_it_is_over(void)
{
	rig_start(&rig);
	come(7, &client);
	expect("granted", ask_on(7) == GRANTED);
	rig_new_xk(&rig);
	expect("another xk: policy ends", ask_on(7) == ENDED);
	rig_start(&rig);
	come(7, &client);
	expect("granted", ask_on(7) == GRANTED);
	rig_submit(&rig, removal.p, removal.left);
	expect("the client is taken out: refused", ask_on(7) == REFUSED);
}

/* ---- */

static struct somebody
read_person(const char *name)
{
	struct somebody p = {NULL, NULL};
	char path[4096];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s.pem", name);
	if ((f = fopen(path, "r")) == NULL)
		rig_stop(path);
	p.cert = PEM_read_X509(f, NULL, NULL, NULL);
	(void)fclose(f);
	(void)snprintf(path, sizeof(path), "%s.key", name);
	if ((f = fopen(path, "r")) == NULL)
		rig_stop(path);
	p.key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
	(void)fclose(f);
	if (p.cert == NULL || p.key == NULL)
		rig_stop(name);
	return p;
}

static struct rd
read_whole(const char *path)
{
	uint8_t *p = malloc(MAX_SIGNED_DOC);
	struct rd r;
	FILE *f;

	if (p == NULL || (f = fopen(path, "rb")) == NULL)
		rig_stop(path);
	rd_init(&r, p, fread(p, 1, MAX_SIGNED_DOC, f));
	(void)fclose(f);
	return r;
}

static void
make_ask(const char *target, const char *dir)
{
	struct msg_ask m = {.epoch = 1, .call = attack_call(dir)};
	struct wr w;

	rd_init(&m.target, target, strlen(target));
	wr_init(&w, ask, sizeof(ask));
	msg_ask_put(&w, &m);
	if (wr_finish(&w, &ask_len) != ERR_OK)
		rig_stop("the question");
}

int
main(int argc, char **argv)
{
	if (argc != 7)
		return 64;
	(void)signal(SIGPIPE, SIG_IGN);
	rig.state = argv[1];
	client = read_person(argv[2]);
	other = read_person(argv[3]);
	make_ask(argv[4], argv[5]);
	removal = read_whole(argv[6]);
	what_is_right_is_granted();
	without_a_proof();
	with_an_old_proof();
	with_the_proof_of_another();
	with_ids();
	when_it_is_over();
	rig_end(&rig);
	return failed;
}
