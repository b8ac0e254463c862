/*
 * keywarden-hi2c itself, in its filter, started and spoken to as the
 * supervisor and hi2 do, with an LEMF that this test plays.
 */
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "appliance/ctl.h"
#include "appliance/proto_hi2.h"
#include "help.h"
#include "hi2/iri.h"
#include "hi2/ps_pdu.h"
#include "hi2/tri.h"
#include "pki.h"

#define WAIT_MS 10000

/* Who there is: certificates that sign themselves. */
static struct party {
	EVP_PKEY *key;
	X509 *cert;
} us, stranger, lemf, other;

static struct iri_profile profile;

struct rig {
	int ctl;
	pid_t pid;
	struct ipc_chan *hi2;
	uint32_t epoch; /* of the last MSG_LINK */
	uint8_t packet[IPC_CTL_MAX];

	/* the LEMF */
	int listener, port;
	const struct party *trusts; /* whose certificate it takes */
	SSL *ssl; /* of the connection that it has */
	int fd;
	uint8_t in[1 << 16];
	size_t in_len, taken; /* octets, those of the PDU that was told last */
};

/* ---- certificates ---- */

static void
make_party(struct party *p, const char *name)
{
	const struct pki_cert c = {.key = EVP_EC_gen("P-256"),
	    .subject = name,
	    .serial = 1,
	    .from = (int64_t)time(NULL) - 3600,
	    .until = (int64_t)time(NULL) + 3600};

	p->key = c.key;
	p->cert = pki_cert_make(&c);
}

static int
make_parties(void **state)
{
	(void)state;
	(void)signal(SIGPIPE, SIG_IGN);
	make_party(&us, "us");
	make_party(&stranger, "stranger");
	make_party(&lemf, "lemf");
	make_party(&other, "other");
	assert_int_equal(iri_profile_named("etsi", &profile), ERR_OK);
	assert_int_equal(iri_profile_set(&profile, "operator_id", "OP", NULL),
	    ERR_OK);
	return 0;
}

static int
free_parties(void **state)
{
	struct party *const all[] = {&us, &stranger, &lemf, &other};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		EVP_PKEY_free(all[i]->key);
		X509_free(all[i]->cert);
	}
	return 0;
}

static int
pem(const X509 *cert, const EVP_PKEY *key)
{
	const int fd = memfd_create("pem", MFD_CLOEXEC);
	BIO *b = BIO_new_fd(fd, BIO_NOCLOSE);

	assert_true(fd != -1);
	assert_int_equal(cert != NULL
		? PEM_write_bio_X509(b, cert)
		: PEM_write_bio_PrivateKey(b, key, NULL, NULL, 0, NULL, NULL),
	    1);
	BIO_free(b);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

/* ---- the supervisor's side ---- */

static void
hand_over(const struct rig *g, enum ctl_file kind, int fd)
{
	assert_int_equal(ipc_ctl_send(g->ctl, MSG_CTL_FILE, (uint32_t)kind,
			     NULL, 0, fd),
	    ERR_OK);
}

static void
join_hi2(struct rig *g)
{
	int pair[2];

	ipc_chan_free(&g->hi2);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
			     pair),
	    0);
	assert_int_equal(ipc_chan_new(pair[0], MAX_IPC_BODY, MAX_IPC_QUEUE,
			     &g->hi2),
	    ERR_OK);
	assert_int_equal(ipc_ctl_send(g->ctl, MSG_CTL_PEER,
			     CTL_PEER_ID(CTL_PEER_HI2, 0), NULL, 0, pair[1]),
	    ERR_OK);
	close(pair[1]);
}

/* One that knows the LEMF by its certificate alone. */
static struct hi2c_settings
usual(void)
{
	struct hi2c_settings s = {.n_pins = 1};

	s.lemf = (struct lemf_settings){.name = str("lka-3"),
	    .profile = str("etsi"),
	    .n_options = 1,
	    .option = {{str("operator_id"), str("OP")}},
	    .linked = true};
	s.how = (struct link_settings){.rule = LINK_KEEPALIVE,
	    .keep_alive_seconds = 60,
	    .answer_seconds = 5,
	    .dead_seconds = 10,
	    .hash_records = 1,
	    .hash_ms = 100,
	    .sign_hashes = 1,
	    .sign_seconds = 1};
	assert_int_equal(X509_digest(lemf.cert, EVP_sha256(), s.pin[0], NULL),
	    1);
	return s;
}

static void
settings(struct rig *g, uint16_t type, struct hi2c_settings s)
{
	static uint8_t buf[4096];
	char address[32];
	size_t len = 0;
	struct wr w;

	(void)snprintf(address, sizeof(address), "127.0.0.1:%d", g->port);
	s.address = str(address);
	wr_init(&w, buf, sizeof(buf));
	hi2c_settings_put(&w, &s);
	assert_int_equal(wr_finish(&w, &len), ERR_OK);
	assert_int_equal(ipc_ctl_send(g->ctl, type, 0, buf, len, -1), ERR_OK);
}

static void
start_as(struct rig *g, const struct party *me, struct hi2c_settings s)
{
	const int files[2] = {pem(me->cert, NULL), pem(NULL, me->key)};
	struct pollfd p;
	struct ipc_frame f;
	int pair[2], fd = -1;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	g->pid = fork();
	assert_true(g->pid >= 0);
	if (g->pid == 0) {
		close(pair[0]);
		if (pair[1] != CTL_FD && dup2(pair[1], CTL_FD) == -1)
			_exit(126);
		(void)execl(HI2C, HI2C, (char *)NULL);
		_exit(127);
	}
	close(pair[1]);
	g->ctl = pair[0];
	hand_over(g, CTL_FILE_TLS_CERT, files[0]);
	hand_over(g, CTL_FILE_TLS_KEY, files[1]);
	close(files[0]);
	close(files[1]);
	join_hi2(g);
	settings(g, MSG_CTL_SETUP, s);
	p = (struct pollfd){g->ctl, POLLIN, 0};
	assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	assert_int_equal(ipc_ctl_recv(g->ctl, g->packet, sizeof(g->packet), &f,
			     &fd),
	    ERR_OK);
	assert_int_equal(f.type, MSG_CTL_READY);
}

static void
start(struct rig *g)
{
	start_as(g, &us, usual());
}

static int
ended(struct rig *g)
{
	int status;

	assert_int_equal(waitpid(g->pid, &status, 0), g->pid);
	ipc_chan_free(&g->hi2);
	close(g->ctl);
	if (WIFSIGNALED(status))
		fail_msg("ended by signal %d", WTERMSIG(status));
	return WEXITSTATUS(status);
}

static void
stop(struct rig *g)
{
	assert_int_equal(ipc_ctl_send(g->ctl, MSG_CTL_STOP, 0, NULL, 0, -1),
	    ERR_OK);
	assert_int_equal(ended(g), 0);
}

/* ---- hi2's side ---- */

static struct ipc_frame
heard(struct rig *g)
{
	struct ipc_frame f;
	enum err rc;

	while ((rc = ipc_next(g->hi2, &f)) == ERR_AGAIN) {
		struct pollfd p = {ipc_chan_fd(g->hi2), POLLIN, 0};

		if (poll(&p, 1, WAIT_MS) != 1)
			fail_msg("hi2 is told nothing");
		assert_int_equal(ipc_fill(g->hi2), ERR_OK);
	}
	assert_int_equal(rc, ERR_OK);
	return f;
}

static struct msg_link
heard_link(struct rig *g)
{
	const struct ipc_frame f = heard(g);
	struct msg_link m;

	assert_int_equal(f.type, MSG_LINK);
	assert_int_equal(msg_link_get(f.body, &m), ERR_OK);
	g->epoch = m.epoch;
	return m;
}

/* The state that comes next is this one. */
static void
becomes(struct rig *g, enum link_state state, const char *why)
{
	const struct msg_link m = heard_link(g);

	assert_int_equal(m.state, state);
	if (!rd_is(&m.text, why, strlen(why)))
		fail_msg("\"%.*s\" instead of \"%s\"", (int)m.text.left,
		    (const char *)m.text.p, why);
}

/* Down for that reason (NULL: any), after whatever was sent or delivered. */
static void
comes_down(struct rig *g, const char *why)
{
	struct ipc_frame f;
	struct msg_link m;

	do
		f = heard(g);
	while (f.type == MSG_SENT || f.type == MSG_DELIVERED);
	assert_int_equal(f.type, MSG_LINK);
	assert_int_equal(msg_link_get(f.body, &m), ERR_OK);
	assert_int_equal(m.state, LINK_DOWN);
	g->epoch = m.epoch;
	if (why != NULL && !rd_is(&m.text, why, strlen(why)))
		fail_msg("\"%.*s\" instead of \"%s\"", (int)m.text.left,
		    (const char *)m.text.p, why);
}

static void
upto(struct rig *g, uint16_t type, uint64_t number)
{
	const struct ipc_frame f = heard(g);
	struct msg_upto m;

	assert_int_equal(f.type, type);
	assert_int_equal(msg_upto_get(f.body, &m), ERR_OK);
	assert_int_equal(m.epoch, g->epoch);
	assert_true(m.number == number);
}

static void
flush(struct ipc_chan *c)
{
	while (ipc_queued(c) > 0) {
		struct pollfd p = {ipc_chan_fd(c), POLLOUT, 0};

		assert_int_equal(poll(&p, 1, WAIT_MS), 1);
		assert_int_equal(ipc_flush(c), ERR_OK);
	}
}

/* The record of that sequence number. */
static size_t
record(uint32_t sequence, uint8_t out[1024])
{
	const struct iri_record r = {.event = IRI_NO_KEYS,
	    .liid = str("L1"),
	    .correlation = {1},
	    .seconds = 1700000000,
	    .sequence = sequence,
	    .sip = str("")};
	size_t len = 0;

	assert_int_equal(iri_encode(&profile, &r, out, 1024, &len), ERR_OK);
	return len;
}

static void
give_in(struct rig *g, uint32_t epoch, uint64_t number)
{
	uint8_t pdu[1024], body[1100];
	const struct msg_deliver m = {epoch, number,
	    view(pdu, record((uint32_t)number, pdu))};
	struct wr w;
	size_t len = 0;

	wr_init(&w, body, sizeof(body));
	msg_deliver_put(&w, &m);
	assert_int_equal(wr_finish(&w, &len), ERR_OK);
	assert_int_equal(ipc_send(g->hi2, MSG_DELIVER, 0, body, len), ERR_OK);
	flush(g->hi2);
}

static void
give(struct rig *g, uint64_t number)
{
	give_in(g, g->epoch, number);
}

/* ---- the LEMF ---- */

static void
listen_on(struct rig *g)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
	    .sin_addr = {htonl(INADDR_LOOPBACK)},
	    .sin_port = htons((uint16_t)g->port)};
	socklen_t len = sizeof(a);
	const int one = 1;

	g->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(g->listener != -1);
	assert_int_equal(setsockopt(g->listener, SOL_SOCKET, SO_REUSEADDR, &one,
			     sizeof(one)),
	    0);
	assert_int_equal(bind(g->listener, (struct sockaddr *)&a, sizeof(a)),
	    0);
	assert_int_equal(listen(g->listener, 8), 0);
	assert_int_equal(getsockname(g->listener, (struct sockaddr *)&a, &len),
	    0);
	g->port = ntohs(a.sin_port);
}

static SSL *
server(const struct rig *g, const struct party *as)
{
	SSL_CTX *c = SSL_CTX_new(TLS_server_method());
	SSL *s;

	assert_int_equal(SSL_CTX_use_certificate(c, as->cert), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(c, as->key), 1);
	assert_int_equal(X509_STORE_add_cert(SSL_CTX_get_cert_store(c),
			     g->trusts->cert),
	    1);
	SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
	    NULL);
	s = SSL_new(c);
	SSL_CTX_free(c);
	assert_non_null(s);
	return s;
}

/* The next connection; what was there before is gone. */
static bool
accepts_as(struct rig *g, const struct party *as)
{
	const struct timeval limit = {WAIT_MS / 1000, 0};
	struct pollfd p = {g->listener, POLLIN, 0};

	SSL_free(g->ssl);
	if (g->fd != -1)
		close(g->fd);
	assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	g->fd = accept(g->listener, NULL, NULL);
	assert_true(g->fd != -1);
	assert_int_equal(setsockopt(g->fd, SOL_SOCKET, SO_RCVTIMEO, &limit,
			     sizeof(limit)),
	    0);
	g->in_len = g->taken = 0;
	g->ssl = server(g, as);
	assert_int_equal(SSL_set_fd(g->ssl, g->fd), 1);
	ERR_clear_error();
	return SSL_accept(g->ssl) == 1;
}

static void
accepts(struct rig *g)
{
	if (!accepts_as(g, &lemf))
		fail_msg("%s", ERR_reason_error_string(ERR_peek_last_error()));
}

static int
set_up(void **state)
{
	struct rig *g = calloc(1, sizeof(*g));

	assert_non_null(g);
	g->fd = -1;
	g->trusts = &us;
	listen_on(g);
	*state = g;
	return 0;
}

static int
tear_down(void **state)
{
	struct rig *g = *state;

	SSL_free(g->ssl);
	if (g->fd != -1)
		close(g->fd);
	if (g->listener != -1)
		close(g->listener);
	free(g);
	return 0;
}

/* The connection as an LEMF that breaks down leaves it. */
static void
reset_it(struct rig *g)
{
	const struct linger now = {1, 0};

	assert_int_equal(setsockopt(g->fd, SOL_SOCKET, SO_LINGER, &now,
			     sizeof(now)),
	    0);
	close(g->fd);
	g->fd = -1;
}

/* The next PDU, a view until the next call. */
static struct ps_pdu
reads(struct rig *g, struct rd *octets)
{
	struct ber_frame f = {.at = 0};
	struct ps_pdu p;
	size_t len = 0;

	memmove(g->in, g->in + g->taken, g->in_len - g->taken);
	g->in_len -= g->taken;
	g->taken = 0;
	while (ps_pdu_frame(&f, view(g->in, g->in_len), sizeof(g->in), &len) !=
	    ERR_OK) {
		size_t n = 0;

		if (SSL_read_ex(g->ssl, g->in + g->in_len,
			sizeof(g->in) - g->in_len, &n) != 1)
			fail_msg("the LEMF is sent nothing");
		g->in_len += n;
	}
	g->taken = len;
	*octets = view(g->in, len);
	assert_int_equal(ps_pdu_read(*octets, &p), ERR_OK);
	return p;
}

/* A PDU of the transport comes next; its number. */
static uint32_t
reads_tri(struct rig *g, enum tri_kind kind, struct tri *out)
{
	struct rd octets;
	const struct ps_pdu p = reads(g, &octets);
	struct tri t;

	assert_int_equal(p.kind, PS_TRI);
	assert_int_equal(tri_read(p.payload, &t), ERR_OK);
	assert_int_equal(t.kind, kind);
	if (out != NULL)
		*out = t;
	return p.sequence;
}

static void
says(struct rig *g, const struct tri *t, uint32_t sequence)
{
	const struct ps_header h = {.liid = str(TRI_LIID),
	    .sequence = sequence,
	    .seconds = 1700000000};
	uint8_t pdu[TRI_MAX];
	size_t len = 0, n = 0;

	assert_int_equal(tri_encode(&profile, &h, t, pdu, sizeof(pdu), &len),
	    ERR_OK);
	assert_int_equal(SSL_write_ex(g->ssl, pdu, len, &n), 1);
	assert_int_equal(n, len);
}

/* That record comes next, to the octet; what is asked before is answered. */
static void
reads_record(struct rig *g, uint32_t sequence)
{
	const struct tri t = {.kind = TRI_KEEP_ALIVE_RESPONSE};
	uint8_t want[1024];
	const size_t len = record(sequence, want);
	struct ps_pdu p;
	struct rd octets;

	while ((p = reads(g, &octets)).kind == PS_TRI)
		says(g, &t, p.sequence);
	assert_int_equal(p.kind, PS_IRI);
	assert_true(rd_is(&octets, want, len));
}

/* It has read all that was before. */
static void
confirms(struct rig *g)
{
	const struct tri t = {.kind = TRI_KEEP_ALIVE_RESPONSE};

	says(g, &t, reads_tri(g, TRI_KEEP_ALIVE, NULL));
}

/* Started, connected, and records are taken. */
static void
open_it(struct rig *g)
{
	start(g);
	becomes(g, LINK_DOWN, "not tried yet");
	accepts(g);
	becomes(g, LINK_OPEN, "");
}

/* ---- delivery ---- */

static void
a_record_is_sent_and_then_delivered(void **state)
{
	struct rig *g = *state;

	open_it(g);
	for (uint32_t i = 5; i < 8; i++) {
		give(g, i);
		upto(g, MSG_SENT, i);
		reads_record(g, i);
		confirms(g);
		upto(g, MSG_DELIVERED, i);
	}
	stop(g);
}

static void
records_go_out_in_their_order(void **state)
{
	struct rig *g = *state;
	struct ipc_frame f;
	struct msg_upto m = {0, 0};

	open_it(g);
	for (uint32_t i = 1; i <= 500; i++)
		give(g, i);
	for (uint32_t i = 1; i <= 500;) {
		struct rd octets;
		const struct ps_pdu p = reads(g, &octets);
		const struct tri t = {.kind = TRI_KEEP_ALIVE_RESPONSE};

		if (p.kind == PS_TRI)
			says(g, &t, p.sequence);
		else
			assert_int_equal(p.sequence, i++);
	}
	confirms(g);
	while (m.number < 500) {
		f = heard(g);
		assert_int_equal(msg_upto_get(f.body, &m), ERR_OK);
		if (f.type != MSG_DELIVERED)
			m.number = 0;
	}
	stop(g);
}

static void
an_lemf_that_acknowledges_is_asked_to(void **state)
{
	struct rig *g = *state;
	struct hi2c_settings s = usual();
	struct tri t = {.kind = TRI_OPTION_RESPONSE};
	uint32_t n;

	s.how.rule = LINK_ACKNOWLEDGED;
	start_as(g, &us, s);
	becomes(g, LINK_DOWN, "not tried yet");
	accepts(g);
	becomes(g, LINK_UP, "");
	n = reads_tri(g, TRI_OPTION_REQUEST, NULL);
	t.u.answer.accepted = true;
	says(g, &t, n);
	becomes(g, LINK_OPEN, "");
	(void)reads_tri(g, TRI_OPTION_COMPLETE, NULL);
	give(g, 1);
	upto(g, MSG_SENT, 1);
	reads_record(g, 1);
	t = (struct tri){.kind = TRI_ACKNOWLEDGEMENT_RESPONSE};
	says(g, &t, reads_tri(g, TRI_ACKNOWLEDGEMENT_REQUEST, NULL));
	upto(g, MSG_DELIVERED, 1);
	stop(g);
}

static void
what_is_sent_may_be_delivered_by_that(void **state)
{
	struct rig *g = *state;
	struct hi2c_settings s = usual();

	s.how.rule = LINK_SENT;
	start_as(g, &us, s);
	becomes(g, LINK_DOWN, "not tried yet");
	accepts(g);
	becomes(g, LINK_OPEN, "");
	give(g, 1);
	upto(g, MSG_SENT, 1);
	upto(g, MSG_DELIVERED, 1);
	reads_record(g, 1);
	stop(g);
}

static void
a_signature_is_had_from_hi2(void **state)
{
	struct rig *g = *state;
	struct hi2c_settings s = usual();
	struct ipc_frame f;
	struct tri t;
	uint32_t id;

	s.how.integrity = LINK_SIGNATURE;
	start_as(g, &us, s);
	becomes(g, LINK_DOWN, "not tried yet");
	accepts(g);
	becomes(g, LINK_OPEN, "");
	give(g, 1);
	reads_record(g, 1);
	(void)reads_tri(g, TRI_INTEGRITY_CHECK, &t);
	assert_int_equal(t.u.integrity.check, TRI_CHECK_HASH);
	while ((f = heard(g)).type == MSG_SENT)
		;
	assert_int_equal(f.type, MSG_SIGN);
	assert_true(rd_equal(&f.body, &t.u.integrity.value));
	id = f.id;
	assert_int_equal(ipc_send(g->hi2, MSG_SIGNED, id, "signed", 6), ERR_OK);
	flush(g->hi2);
	(void)reads_tri(g, TRI_INTEGRITY_CHECK, &t);
	assert_int_equal(t.u.integrity.check, TRI_CHECK_SIGNATURE);
	assert_true(rd_is(&t.u.integrity.value, "signed", 6));
	confirms(g);
	while ((f = heard(g)).type == MSG_SENT)
		;
	assert_int_equal(f.type, MSG_DELIVERED);
	stop(g);
}

/* ---- connections that are lost ---- */

static void
a_connection_that_is_reset_is_made_again(void **state)
{
	struct rig *g = *state;
	uint32_t old;

	open_it(g);
	give(g, 1);
	give(g, 2);
	reads_record(g, 1);
	reset_it(g);
	comes_down(g, NULL); /* as reading or writing tells it */
	old = g->epoch;
	accepts(g);
	becomes(g, LINK_OPEN, "");
	assert_int_equal(g->epoch, old + 1);
	give_in(g, old, 1); /* of before: dropped */
	give(g, 1);
	give(g, 2);
	reads_record(g, 1);
	reads_record(g, 2);
	stop(g);
}

static void
an_lemf_that_is_not_there_is_called_again(void **state)
{
	struct rig *g = *state;

	close(g->listener);
	start(g);
	becomes(g, LINK_DOWN, "not tried yet");
	becomes(g, LINK_DOWN, "Connection refused");
	listen_on(g);
	accepts(g);
	becomes(g, LINK_OPEN, "");
	stop(g);
}

static void
what_an_lemf_must_not_send_ends_the_connection(void **state)
{
	struct rig *g = *state;
	const struct tri t = {.kind = TRI_KEEP_ALIVE_RESPONSE};
	size_t n;

	open_it(g);
	says(g, &t, 77);
	comes_down(g, "it answered what it had not been asked");
	accepts(g);
	becomes(g, LINK_OPEN, "");
	assert_int_equal(SSL_write_ex(g->ssl, "GET / HTTP/1.1", 14, &n), 1);
	comes_down(g, "it sent octets that are no PS-PDU");
	accepts(g);
	becomes(g, LINK_OPEN, "");
	stop(g);
}

/* Half open: it takes all and says nothing. */
static void
a_silent_lemf_is_told_of_and_then_dropped(void **state)
{
	struct rig *g = *state;
	struct hi2c_settings s = usual();

	s.how.answer_seconds = 1;
	s.how.dead_seconds = 2;
	start_as(g, &us, s);
	becomes(g, LINK_DOWN, "not tried yet");
	accepts(g);
	becomes(g, LINK_OPEN, "");
	give(g, 1);
	upto(g, MSG_SENT, 1);
	becomes(g, LINK_SILENT, "");
	becomes(g, LINK_DOWN, "it has not answered for 2 s");
	accepts(g);
	becomes(g, LINK_OPEN, "");
	stop(g);
}

static void
new_keys_without_end_do_not_hold_the_process(void **state)
{
	struct rig *g = *state;

	open_it(g);
	for (unsigned i = 0; i < 2000; i++) {
		assert_int_equal(SSL_key_update(g->ssl,
				     SSL_KEY_UPDATE_REQUESTED),
		    1);
		assert_int_equal(SSL_do_handshake(g->ssl), 1);
	}
	give(g, 1);
	upto(g, MSG_SENT, 1);
	reads_record(g, 1);
	confirms(g);
	upto(g, MSG_DELIVERED, 1);
	stop(g);
}

/* ---- certificates ---- */

static void
another_certificate_than_the_pinned_one_gets_nothing(void **state)
{
	struct rig *g = *state;

	start(g);
	becomes(g, LINK_DOWN, "not tried yet");
	assert_false(accepts_as(g, &other));
	becomes(g, LINK_DOWN,
	    "its certificate is none of those that are pinned");
	accepts(g); /* the right one, later */
	becomes(g, LINK_OPEN, "");
	stop(g);
}

static void
an_lemf_that_refuses_us_is_given_nothing(void **state)
{
	struct rig *g = *state;

	start_as(g, &stranger, usual());
	becomes(g, LINK_DOWN, "not tried yet");
	assert_false(accepts_as(g, &lemf));
	becomes(g, LINK_DOWN, "tlsv1 alert unknown ca");
	stop(g);
}

/* ---- hi2 and the supervisor ---- */

static void
a_new_hi2_begins_on_a_new_connection(void **state)
{
	struct rig *g = *state;
	uint32_t old;

	open_it(g);
	give(g, 1);
	upto(g, MSG_SENT, 1);
	reads_record(g, 1);
	old = g->epoch;
	join_hi2(g);
	comes_down(g, "made anew");
	accepts(g);
	becomes(g, LINK_OPEN, "");
	assert_int_equal(g->epoch, old + 1);
	give(g, 1);
	upto(g, MSG_SENT, 1);
	reads_record(g, 1);
	stop(g);
}

static void
reload(struct rig *g, const int files[2], struct hi2c_settings s)
{
	hand_over(g, CTL_FILE_TLS_CERT, files[0]);
	hand_over(g, CTL_FILE_TLS_KEY, files[1]);
	settings(g, MSG_CTL_RELOAD, s);
}

static void
only_what_has_changed_ends_a_connection(void **state)
{
	struct rig *g = *state;
	const int mine[2] = {pem(us.cert, NULL), pem(NULL, us.key)};
	const int new[2] = {pem(stranger.cert, NULL), pem(NULL, stranger.key)};
	struct hi2c_settings s = usual();

	open_it(g);
	reload(g, mine, s); /* other files than it was started with */
	becomes(g, LINK_DOWN, "made anew");
	accepts(g);
	becomes(g, LINK_OPEN, "");

	assert_int_equal(lseek(mine[0], 0, SEEK_SET), 0);
	assert_int_equal(lseek(mine[1], 0, SEEK_SET), 0);
	reload(g, mine, s);
	give(g, 1);
	upto(g, MSG_SENT, 1);
	reads_record(g, 1);
	confirms(g);
	upto(g, MSG_DELIVERED, 1);

	g->trusts = &stranger;
	reload(g, new, s);
	becomes(g, LINK_DOWN, "made anew");
	accepts(g);
	becomes(g, LINK_OPEN, "");
	for (unsigned i = 0; i < 2; i++) {
		close(mine[i]);
		close(new[i]);
	}
	stop(g);
}

static void
breaks_it(struct rig *g, void (*how)(struct rig *))
{
	open_it(g);
	how(g);
	assert_int_equal(ended(g), 70);
}

static void
same_number_again(struct rig *g)
{
	give(g, 1);
	give(g, 1);
}

static void
signature_of_nothing(struct rig *g)
{
	assert_int_equal(ipc_send(g->hi2, MSG_SIGNED, 1, "s", 1), ERR_OK);
	flush(g->hi2);
}

static void
message_of_another(struct rig *g)
{
	assert_int_equal(ipc_send(g->hi2, MSG_CONTENT, 1, "s", 1), ERR_OK);
	flush(g->hi2);
}

static void
an_hi2_that_breaks_the_rules_ends_the_process(void **state)
{
	static void (*const how[])(struct rig *) = {same_number_again,
	    signature_of_nothing, message_of_another};

	for (size_t i = 0; i < sizeof(how) / sizeof(how[0]); i++)
		breaks_it(*state, how[i]);
}

#define EACH(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    EACH(a_record_is_sent_and_then_delivered),
	    EACH(records_go_out_in_their_order),
	    EACH(an_lemf_that_acknowledges_is_asked_to),
	    EACH(what_is_sent_may_be_delivered_by_that),
	    EACH(a_signature_is_had_from_hi2),
	    EACH(a_connection_that_is_reset_is_made_again),
	    EACH(an_lemf_that_is_not_there_is_called_again),
	    EACH(what_an_lemf_must_not_send_ends_the_connection),
	    EACH(a_silent_lemf_is_told_of_and_then_dropped),
	    EACH(new_keys_without_end_do_not_hold_the_process),
	    EACH(another_certificate_than_the_pinned_one_gets_nothing),
	    EACH(an_lemf_that_refuses_us_is_given_nothing),
	    EACH(a_new_hi2_begins_on_a_new_connection),
	    EACH(only_what_has_changed_ends_a_connection),
	    EACH(an_hi2_that_breaks_the_rules_ends_the_process),
	};

	return cmocka_run_group_tests_name("hi2c_proc", tests, make_parties,
	    free_parties);
}
