/*
 * Connections of xk, and whose they are.  xk is not believed: each gets a
 * nonce, and speaks for a client only if that client has signed a handshake
 * that carries it.  What xk shows as a handshake is searched and hashed, never
 * parsed; a certificate is parsed only if it is an enrolled one.
 *
 * A message that does not fit the connection's state ends this process, as any
 * message that is not permitted.  A proof that does not hold does not: then an
 * enrolled client with an odd handshake could end policy for everybody.  It
 * gives the connection nothing and is an alarm in the log.
 */
#include <string.h>

#include <openssl/rand.h>

#include "appliance/policy_proc.h"
#include "base/log.h"
#include "policy/digest.h"

/* The place is in the id's low bits (appliance/slots.h): one for each. */
static struct connection *
place(struct policy *p, uint32_t id)
{
	return &p->connection[id & (MAX_CONNECTIONS - 1)];
}

static struct connection *
find(struct policy *p, uint32_t id)
{
	struct connection *c = place(p, id);

	return c->state != CONNECTION_NONE && c->id == id ? c : NULL;
}

void
policy_forget_connections(struct policy *p)
{
	explicit_bzero(p->connection, sizeof(p->connection));
}

enum err
policy_on_conn(void *ctx, const struct ipc_frame *f)
{
	struct policy *p = ctx;
	struct connection *c = place(p, f->id);

	if (c->state != CONNECTION_NONE)
		return ERR_MALFORMED;
	if (RAND_bytes(c->nonce, sizeof(c->nonce)) != 1)
		fatal("no randomness");
	c->id = f->id;
	c->state = CONNECTION_ASKED;
	if (peer_send(p->xk, MSG_CONN_NONCE, c->id, c->nonce,
		sizeof(c->nonce)) != ERR_OK)
		log_warning("xk does not take what it is sent");
	return ERR_OK;
}

/* What an auditor must see: xk or the client is not what it should be. */
static void
alarm_entry(struct policy *p, struct rd client, const struct why *why)
{
	struct audit_entry e = {.type = AUDIT_CLIENT_EVENT,
	    .client = client,
	    .n_keys = 1};
	struct why text;

	(void)why_set(&text, ERR_DENIED,
	    "ALARM: a proof that this client is there does not hold: %s",
	    why->text);
	log_error("a proof that a client is there does not hold: %s",
	    why->text);
	rd_init(&e.text, text.text, strlen(text.text));
	policy_note(p, &e);
}

enum err
policy_on_client(void *ctx, const struct ipc_frame *f)
{
	struct policy *p = ctx;
	struct connection *c = find(p, f->id);
	struct client_proof m;
	struct why why = {""};
	struct rd name;

	if (c == NULL || c->state != CONNECTION_ASKED ||
	    msg_client_get(f->body, &m) != ERR_OK ||
	    digest_of(m.cert, c->fingerprint) != ERR_OK)
		return ERR_MALFORMED;
	c->state = CONNECTION_NOBODY;
	name = policy_client_name(p, c->fingerprint);
	if (name.left > 0) {
		if (client_proof_check(&m, c->nonce, &why) == ERR_OK)
			c->state = CONNECTION_PROVEN;
		else
			alarm_entry(p, name, &why);
	}
	explicit_bzero(c->nonce, sizeof(c->nonce)); /* it counts once */
	return ERR_OK;
}

enum err
policy_on_conn_gone(void *ctx, const struct ipc_frame *f)
{
	struct connection *c = find(ctx, f->id);

	if (c == NULL)
		return ERR_MALFORMED;
	explicit_bzero(c, sizeof(*c));
	return ERR_OK;
}

const struct connection *
policy_connection(struct policy *p, uint32_t id)
{
	const struct connection *c = find(p, id);

	return c == NULL || c->state == CONNECTION_ASKED ? NULL : c;
}

struct rd
policy_connection_client(const struct policy *p, const struct connection *c)
{
	struct rd nobody;

	rd_init(&nobody, NULL, 0);
	return c->state == CONNECTION_PROVEN
	    ? policy_client_name(p, c->fingerprint)
	    : nobody;
}

const char *
policy_connection_refused(const struct policy *p, const struct connection *c)
{
	return policy_client_name(p, c->fingerprint).left == 0
	    ? "the client is not enrolled"
	    : "the client has not proved itself on this connection";
}
