/*
 * keywarden-lemf receive: an LEMF that takes HI2 over TLS.  What it answers
 * for is on the disk: a keep-alive or pDUAcknowledgementRequest is answered
 * once everything in front of it is synced.
 */
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/pem.h>

#include "appliance/address.h"
#include "appliance/tls_files.h"
#include "appliance/tls_server.h"
#include "lemf/lemf.h"
#include "lemf/receive.h"

#define TICK_MS 250
#define END_MS 5000
#define IDLE_SECONDS 900

static const struct tls_server_kind kind = {.section = "receive",
    .role = TLS_ROLE__MAX};

struct options {
	const char *listen, *cert, *key, *client_ca, *tls, *out, *verify_key,
	    *once, *idle;
	bool acknowledge, no_acknowledge, json;
};

/* ---- the loop ---- */

void
receive_end(struct receive *r)
{
	if (r->ending)
		return;
	r->ending = true;
	r->end_ms = uv_now(&r->loop) + END_MS;
	(void)uv_poll_stop(&r->listen);
}

void
receive_fail(struct receive *r, const struct why *why)
{
	lemf_say("%s: ended, so that nothing is answered that is not on the "
		 "disk",
	    why->text);
	r->code = LEMF_FILE;
	uv_stop(&r->loop);
}

/* Asked to end, it does when no answer is due any more. */
static bool
may_end(const struct receive *r)
{
	for (const struct link *l = r->links; l != NULL; l = l->next)
		if (l->state == LINK_OPEN && l->out_len > 0)
			return false;
	return r->n_links == 0 || r->answered_since;
}

static void
on_check(uv_check_t *h)
{
	struct receive *r = h->data;
	struct link *l, *next;
	struct why why = {""};

	if (r->due && r->code == LEMF_DONE) {
		r->due = false;
		if (store_sync(r->store, &why) != ERR_OK) {
			receive_fail(r, &why);
			return;
		}
		for (l = r->links; l != NULL; l = next) {
			next = l->next;
			link_release(l);
		}
		r->answered_since |= r->ending;
	}
	(void)fflush(stdout);
	if (r->ending && (may_end(r) || uv_now(&r->loop) > r->end_ms))
		uv_stop(&r->loop);
}

static void
on_tick(uv_timer_t *h)
{
	link_tick(h->data);
}

static void
on_listen(uv_poll_t *h, int status, int events)
{
	(void)status;
	(void)events;
	link_accept(h->data);
}

static void
on_signal(uv_signal_t *h, int number)
{
	struct receive *r = h->data;

	(void)number;
	uv_stop(&r->loop);
}

/* ---- setting up ---- */

/* Both, and of 1.2 only suites with forward secrecy and AEAD. */
static bool
allow_tls12(SSL_CTX *c)
{
	return SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION) == 1 &&
	    SSL_CTX_set_cipher_list(c, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1;
}

static enum err
open_tls(struct receive *r, const struct options *o, struct why *why)
{
	const char *const path[] = {o->cert, o->key, o->client_ca};
	int fd[] = {-1, -1, -1};
	enum err rc;

	for (unsigned i = 0; i < 3; i++)
		if ((fd[i] = open(path[i], O_RDONLY | O_CLOEXEC)) == -1) {
			rc = why_errno(why, "%s", path[i]);
			while (i-- > 0)
				close(fd[i]);
			return rc;
		}
	rc = tls_server_new(&kind, fd[0], fd[1], fd[2], &r->tls, why);
	if (rc == ERR_OK && o->tls != NULL && strcmp(o->tls, "1.2") == 0 &&
	    !allow_tls12(r->tls))
		rc = why_set(why, ERR_CRYPTO, "OpenSSL: %s", tls_error());
	return rc;
}

static enum err
open_socket(struct receive *r, const char *where, struct why *why)
{
	struct address a;
	const int one = 1;
	enum err rc;

	if ((rc = address_parse("--listen", where, &a, why)) != ERR_OK)
		return rc;
	r->listen_fd = socket(a.sa.ss_family,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (r->listen_fd == -1 ||
	    setsockopt(r->listen_fd, SOL_SOCKET, SO_REUSEADDR, &one,
		sizeof(one)) == -1 ||
	    bind(r->listen_fd, (const struct sockaddr *)&a.sa, a.len) == -1 ||
	    listen(r->listen_fd, RECEIVE_LINKS) == -1)
		return why_errno(why, "%s", where);
	return ERR_OK;
}

static enum err
open_loop(struct receive *r)
{
	if (uv_loop_init(&r->loop) != 0 ||
	    uv_poll_init(&r->loop, &r->listen, r->listen_fd) != 0 ||
	    uv_timer_init(&r->loop, &r->tick) != 0 ||
	    uv_check_init(&r->loop, &r->check) != 0 ||
	    uv_signal_init(&r->loop, &r->sigint) != 0 ||
	    uv_signal_init(&r->loop, &r->sigterm) != 0)
		return ERR_NOMEM;
	r->listen.data = r->tick.data = r->check.data = r->sigint.data =
	    r->sigterm.data = r;
	if (uv_poll_start(&r->listen, UV_READABLE, on_listen) != 0 ||
	    uv_timer_start(&r->tick, on_tick, TICK_MS, TICK_MS) != 0 ||
	    uv_check_start(&r->check, on_check) != 0 ||
	    uv_signal_start(&r->sigint, on_signal, SIGINT) != 0 ||
	    uv_signal_start(&r->sigterm, on_signal, SIGTERM) != 0)
		return ERR_NOMEM;
	return ERR_OK;
}

/* Until all handles are closed, those of connections too. */
static void
close_loop(struct receive *r)
{
	uv_handle_t *const all[] = {(uv_handle_t *)&r->listen,
	    (uv_handle_t *)&r->tick, (uv_handle_t *)&r->check,
	    (uv_handle_t *)&r->sigint, (uv_handle_t *)&r->sigterm};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		uv_close(all[i], NULL);
	(void)uv_run(&r->loop, UV_RUN_DEFAULT);
	(void)uv_loop_close(&r->loop);
}

/* What has come and is not answered yet, then the ends of connections. */
static void
finish(struct receive *r)
{
	struct why why = {""};
	struct link *l, *next;

	if (r->code == LEMF_DONE && store_sync(r->store, &why) != ERR_OK) {
		lemf_say("%s", why.text);
		r->code = LEMF_FILE;
	}
	for (l = r->links; l != NULL; l = next) {
		next = l->next;
		if (r->code == LEMF_DONE)
			link_release(l);
		link_close(l, "this end ends");
	}
	say_summary(r);
	close_loop(r);
}

static int
serve(struct receive *r, const struct options *o, struct rd verify_key)
{
	const struct store_ops had = {receive_had, say_cut, r};
	struct why why = {""};

	if (open_tls(r, o, &why) != ERR_OK ||
	    open_socket(r, o->listen, &why) != ERR_OK) {
		lemf_say("%s", why.text);
		return LEMF_CONNECT;
	}
	if (receive_order(r, verify_key) != ERR_OK) {
		lemf_say("out of memory");
		return LEMF_FILE;
	}
	if (store_open(o->out, &had, &r->store, &why) != ERR_OK) {
		lemf_say("%s", why.text);
		return LEMF_FILE;
	}
	if (open_loop(r) != ERR_OK) {
		lemf_say("out of memory");
		return LEMF_FILE;
	}
	say_link(r, NULL, "listening", o->listen, false);
	(void)fflush(stdout);
	(void)uv_run(&r->loop, UV_RUN_DEFAULT);
	finish(r);
	return r->code != LEMF_DONE ? r->code
	    : r->wrong		    ? LEMF_WRONG
				    : LEMF_DONE;
}

static int
read_options(const struct verb *v, const struct options *o, struct receive *r)
{
	uint64_t idle = IDLE_SECONDS;

	if (o->listen == NULL || o->cert == NULL || o->key == NULL ||
	    o->client_ca == NULL || o->out == NULL)
		return lemf_misuse(v,
		    "it takes --listen, --cert, --key, --client-ca and --out");
	if (o->acknowledge && o->no_acknowledge)
		return lemf_misuse(v, "--acknowledge or --no-acknowledge?");
	if (o->tls != NULL && strcmp(o->tls, "1.2") != 0 &&
	    strcmp(o->tls, "1.3") != 0)
		return lemf_misuse(v, "--tls: 1.2 or 1.3");
	if (o->once != NULL &&
	    (number_get(o->once, UINT32_MAX, &r->once) != ERR_OK ||
		r->once == 0))
		return lemf_misuse(v, "--once: how many records?");
	if (o->idle != NULL && number_get(o->idle, 1000000, &idle) != ERR_OK)
		return lemf_misuse(v, "--idle: how many seconds?");
	r->idle_ms = 1000 * idle;
	r->acknowledge = !o->no_acknowledge;
	r->json = o->json;
	return LEMF_DONE;
}

static enum err
answers_are_from(struct iri_profile *p)
{
	enum err rc;

	if ((rc = iri_profile_named("etsi", p)) != ERR_OK)
		return rc;
	return iri_profile_set(p, "operator_id", "LEMF", NULL);
}

int
run_receive(const struct verb *v, int argc, char **argv)
{
	struct options o = {.listen = NULL};
	struct receive r = {.listen_fd = -1};
	const struct lemf_option options[] = {{"listen", &o.listen, NULL},
	    {"cert", &o.cert, NULL}, {"key", &o.key, NULL},
	    {"client-ca", &o.client_ca, NULL}, {"tls", &o.tls, NULL},
	    {"out", &o.out, NULL}, {"verify-key", &o.verify_key, NULL},
	    {"once", &o.once, NULL}, {"idle", &o.idle, NULL},
	    {"acknowledge", NULL, &o.acknowledge},
	    {"no-acknowledge", NULL, &o.no_acknowledge},
	    {"json", NULL, &o.json}, {NULL, NULL, NULL}};
	struct rd verify_key = {NULL, 0};
	uint8_t *spki = NULL;
	char **rest;
	int code, n;

	if ((n = lemf_options(v, argc, argv, options, &rest, &code)) == -1)
		return code;
	if (n > 0)
		return lemf_misuse(v, "%s: not an option", rest[0]);
	if ((code = read_options(v, &o, &r)) != LEMF_DONE ||
	    (code = lemf_verify_key(o.verify_key, &spki, &verify_key)) !=
		LEMF_DONE)
		return code;
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN); /* EFBIG says it */
	if ((r.record = malloc(sizeof(*r.record))) == NULL ||
	    answers_are_from(&r.profile) != ERR_OK) {
		lemf_say("out of memory");
		code = LEMF_FILE;
	} else {
		code = serve(&r, &o, verify_key);
	}
	order_free(&r.order);
	store_close(&r.store);
	SSL_CTX_free(r.tls);
	OPENSSL_free(spki);
	free(r.record);
	if (r.listen_fd != -1)
		close(r.listen_fd);
	return code;
}
