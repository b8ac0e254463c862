#include "appliance/proto.h"
#include "appliance/tls_asks.h"
#include "appliance/tls_token.h"
#include "base/log.h"

/* Handshakes that wait at once, at most; each is a connection. */
#define ASKS_MOST MAX_CONNECTIONS

static struct peer *signer; /* NULL: not there */

static enum err
on_signed(void *ctx, const struct ipc_frame *f)
{
	(void)ctx;
	tls_token_answer(f->id, f->body);
	return ERR_OK;
}

static void
on_closed(void *ctx, struct peer *p)
{
	(void)ctx;
	(void)p;
	signer = NULL;
	tls_token_fail_all();
}

static const struct ipc_rule rules[] = {
    {MSG_TLS_SIGNED, 1, TLS_SIGNATURE_MAX, 1, on_signed},
};
const struct peer_ops tls_asks_ops = {.name = "signer",
    .table = rules,
    .n_rules = sizeof(rules) / sizeof(rules[0]),
    .max_body = TLS_SIGNATURE_MAX,
    .max_queue = ASKS_MOST * (IPC_HEADER_LEN + TLS_HASH_MOST),
    .closed = on_closed};

static bool
ask(void *ctx, uint32_t id, struct rd hash)
{
	static struct log_limit limit;

	(void)ctx;
	if (signer != NULL &&
	    peer_send(signer, MSG_TLS_SIGN, id, hash.p, hash.left) == ERR_OK)
		return true;
	log_limited(&limit, 5, "the signer cannot be asked: a handshake ends");
	return false;
}

void
tls_asks_joined(uv_loop_t *loop, int fd)
{
	peer_free(&signer);
	tls_token_fail_all();
	if (peer_new(loop, fd, &tls_asks_ops, NULL, &signer) != ERR_OK)
		fatal("no channel to the signer");
	tls_token_ask_by(ask, NULL);
}
