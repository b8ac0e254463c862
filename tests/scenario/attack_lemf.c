/*
 * attack-lemf: an LEMF with a good certificate that means no good.
 *
 *	attack-lemf PORT PKI SEED N
 *
 * PKI: a folder with ca.pem, lemf.pem and lemf.key.  N PDUs to whoever is to
 * deliver: as many on a connection as it bears (messages to people, what is
 * for the other end to say, keep-alives with any number), a keep-alive whose
 * answer shows that all of them were taken, and one of which it must end the
 * connection: see `last`.  It confirms no record.  One line at the end; exit
 * status 1 if one of these answers or ends does not come.
 */
#include <sys/socket.h>
#include <sys/time.h>

#include <inttypes.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "base/clock.h"
#include "hi2/deliver.h"
#include "hi2/ps_pdu.h"
#include "hi2/tri.h"

#define BURST 120 /* PDUs on a connection, at most */
#define PATIENCE_S 30
#define AT_ONCE 32 /* keep-alives whose answers have not been read */

static struct {
	uint64_t random;
	struct iri_profile profile;
	SSL_CTX *ctx;
	SSL *ssl;
	int listener, fd;
	uint8_t in[1 << 17]; /* what it has sent, and is not taken */
	size_t have;
	struct ber_frame frame;
	uint8_t out[4 * DELIVER_IN_MAX];
	size_t len;
	unsigned pdus, connections, answers, failed;
} g;

static _Noreturn void
stop(const char *what)
{
	perror(what);
	exit(2);
}

/* xorshift64*: the same for the same seed. */
static uint32_t
any(uint32_t below)
{
	g.random ^= g.random >> 12;
	g.random ^= g.random << 25;
	g.random ^= g.random >> 27;
	return (uint32_t)((g.random * 2685821657736338717U) >> 33) % below;
}

/* ---- PDUs ---- */

static void
make(const struct tri *t, uint32_t number)
{
	struct ps_header h = {.sequence = number, .seconds = clock_seconds()};

	rd_init(&h.liid, TRI_LIID, 1);
	if (tri_encode(&g.profile, &h, t, g.out, sizeof(g.out), &g.len) !=
	    ERR_OK)
		stop("a PDU");
}

static void
make_kind(enum tri_kind kind, uint32_t number)
{
	struct tri t = {.kind = kind};

	make(&t, number);
}

/* What it need not understand, of any length and content. */
static void
make_message(void)
{
	char text[TRI_MESSAGE_MAX];
	struct tri t = {.kind = TRI_OPERATOR_LEA_MESSAGE};

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)(1 + any(126));
	t.u.message.priority = TRI_ERROR;
	rd_init(&t.u.message.text, text, 1 + any(sizeof(text)));
	make(&t, any(UINT32_MAX));
}

/* What is for the other end to say, or is over by then. */
static void
make_other(void)
{
	static const enum tri_kind kinds[] = {TRI_CIN_RESET, TRI_OPTION_REQUEST,
	    TRI_OPTION_COMPLETE, TRI_ACKNOWLEDGEMENT_REQUEST};

	make_kind(kinds[any(sizeof(kinds) / sizeof(kinds[0]))],
	    any(UINT32_MAX));
}

static void
send_it(void)
{
	g.pdus++;
	if (SSL_write(g.ssl, g.out, (int)g.len) != (int)g.len)
		g.len = 0;
}

/* ---- the last of a connection ---- */

static void
last_unasked(void)
{
	make_kind(TRI_KEEP_ALIVE_RESPONSE, any(UINT32_MAX));
}

static void
last_confirmed(void)
{
	make_kind(TRI_ACKNOWLEDGEMENT_RESPONSE, 1000000 + any(1000000));
}

static void
last_noise(void)
{
	g.len = 1 + any(4096);
	for (size_t i = 0; i < g.len; i++)
		g.out[i] = (uint8_t)any(256);
	g.out[0] = 0xff;
}

/* More than a PDU may be, and no end of it. */
static void
last_long(void)
{
	static const uint8_t head[] = {0x30, 0x83, 0x7f, 0xff, 0xff};

	g.len = DELIVER_IN_MAX + 1000;
	memset(g.out, 0, g.len);
	memcpy(g.out, head, sizeof(head));
}

/* The indefinite form, one in the other. */
static void
last_deep(void)
{
	g.len = 20000;
	for (size_t i = 0; i < g.len; i++)
		g.out[i] = i % 2 == 0 ? 0x30 : 0x80;
}

static void
last_changed(void)
{
	make_kind(TRI_KEEP_ALIVE, any(UINT32_MAX));
	for (unsigned i = 2; i < 10; i++) /* the header's own tag and length */
		g.out[i] = (uint8_t)any(256);
	g.out[2] = 0x55;
}

/* Text that is no UTF-8. */
static void
last_text(void)
{
	make_message();
	g.out[g.len - 1] = 0xff;
}

static void
last_empty(void)
{
	g.len = 2;
	g.out[0] = 0x30;
	g.out[1] = 0;
}

static void (*const last[])(void) = {last_unasked, last_confirmed, last_noise,
    last_long, last_deep, last_changed, last_text, last_empty};

/* ---- a connection ---- */

static void
meet(void)
{
	const struct timeval patience = {.tv_sec = PATIENCE_S};

	g.fd = accept(g.listener, NULL, NULL);
	if (g.fd == -1 ||
	    setsockopt(g.fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
		sizeof(patience)) == -1 ||
	    (g.ssl = SSL_new(g.ctx)) == NULL || SSL_set_fd(g.ssl, g.fd) != 1 ||
	    SSL_accept(g.ssl) != 1)
		stop("nobody connects");
	g.connections++;
	g.have = 0;
	g.frame = (struct ber_frame){0};
}

/* The next PDU that it sends; false: it has ended the connection. */
static bool
next(struct ps_pdu *p)
{
	static uint8_t whole[sizeof(g.in)];
	struct rd have, pdu;
	size_t len, n;
	enum err rc;

	for (;;) {
		rd_init(&have, g.in, g.have);
		rc = ps_pdu_frame(&g.frame, have, sizeof(g.in), &len);
		if (rc == ERR_OK)
			break;
		if (rc != ERR_AGAIN ||
		    SSL_read_ex(g.ssl, g.in + g.have, sizeof(g.in) - g.have,
			&n) != 1)
			return false;
		g.have += n;
	}
	memcpy(whole, g.in, len);
	memmove(g.in, g.in + len, g.have - len);
	g.have -= len;
	rd_init(&pdu, whole, len);
	return ps_pdu_read(pdu, p) == ERR_OK;
}

/* Its answer to a keep-alive of that number. */
static bool
is_answered(uint32_t number)
{
	struct ps_pdu p;
	struct tri t;

	while (next(&p))
		if (p.kind == PS_TRI && tri_read(p.payload, &t) == ERR_OK &&
		    t.kind == TRI_KEEP_ALIVE_RESPONSE && p.sequence == number) {
			g.answers++;
			return true;
		}
	return false;
}

static bool
bears(unsigned n)
{
	uint32_t number = 0;
	unsigned waiting = 0;

	for (unsigned i = 0; i < n; i++) {
		switch (any(3)) {
		case 0:
			make_message();
			break;
		case 1:
			make_other();
			break;
		default:
			number = any(UINT32_MAX);
			make_kind(TRI_KEEP_ALIVE, number);
			waiting++;
		}
		send_it();
		if (waiting == AT_ONCE) {
			if (!is_answered(number))
				return false;
			waiting = 0;
		}
	}
	make_kind(TRI_KEEP_ALIVE, 77);
	send_it();
	return is_answered(77);
}

static void
converse(unsigned most)
{
	struct ps_pdu p;

	meet();
	if (!bears(most > 2 ? most - 2 : 0))
		g.failed++;
	last[g.connections % (sizeof(last) / sizeof(last[0]))]();
	send_it();
	while (next(&p))
		;
	SSL_free(g.ssl);
	(void)close(g.fd);
}

/* ---- */

static void
begin(const char *port, const char *pki)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
	    .sin_addr = {htonl(INADDR_LOOPBACK)},
	    .sin_port = htons((uint16_t)strtoul(port, NULL, 10))};
	char ca[4096], cert[4096], key[4096];
	const int one = 1;

	(void)snprintf(ca, sizeof(ca), "%s/ca.pem", pki);
	(void)snprintf(cert, sizeof(cert), "%s/lemf.pem", pki);
	(void)snprintf(key, sizeof(key), "%s/lemf.key", pki);
	g.ctx = SSL_CTX_new(TLS_server_method());
	if (g.ctx == NULL ||
	    SSL_CTX_load_verify_locations(g.ctx, ca, NULL) != 1 ||
	    SSL_CTX_use_certificate_chain_file(g.ctx, cert) != 1 ||
	    SSL_CTX_use_PrivateKey_file(g.ctx, key, SSL_FILETYPE_PEM) != 1)
		stop(pki);
	SSL_CTX_set_verify(g.ctx,
	    SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	g.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (g.listener == -1 ||
	    setsockopt(g.listener, SOL_SOCKET, SO_REUSEADDR, &one,
		sizeof(one)) == -1 ||
	    bind(g.listener, (const struct sockaddr *)&a, sizeof(a)) == -1 ||
	    listen(g.listener, 8) == -1)
		stop("cannot listen");
	if (iri_profile_named("etsi", &g.profile) != ERR_OK)
		stop("the profile");
	(void)snprintf(g.profile.operator_id, sizeof(g.profile.operator_id),
	    "LEA");
}

int
main(int argc, char **argv)
{
	const int64_t since = clock_uptime_ms();
	unsigned n;

	if (argc != 5)
		return 64;
	(void)signal(SIGPIPE, SIG_IGN);
	g.random = 88172645463325252U ^ strtoull(argv[3], NULL, 10);
	n = (unsigned)strtoul(argv[4], NULL, 10);
	begin(argv[1], argv[2]);
	while (g.pdus < n)
		converse(n - g.pdus < BURST ? n - g.pdus : BURST);
	(void)printf("%s HI2: %u PDUs, %" PRId64
		     " ms, %u connections, %u answers\n",
	    g.failed == 0 ? "ok    " : "FAILED", g.pdus,
	    clock_uptime_ms() - since, g.connections, g.answers);
	return g.failed != 0;
}
