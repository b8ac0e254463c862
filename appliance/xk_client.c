/*
 * What xk and policy say about connections: policy gives each a nonce before
 * its handshake and is shown what the client has signed after it.  Requests
 * are passed on under the connection's id, and policy knows whose it is.
 */
#include <string.h>

#include <openssl/x509.h>

#include "appliance/xk_proc.h"
#include "base/log.h"

enum err
xk_client_came(struct conn *c)
{
	struct xk *x = c->x;
	enum err rc;

	/* Served all the same, to be told that nothing is available. */
	if (x->policy == NULL) {
		xk_conn_begin(c);
		return ERR_OK;
	}
	if ((rc = peer_send(x->policy, MSG_CONN, c->id, NULL, 0)) == ERR_OK)
		c->known = true;
	return rc;
}

enum err
xk_on_nonce(void *ctx, const struct ipc_frame *f)
{
	struct xk *x = ctx;
	struct conn **at = slots_find(x->ids, f->id), *c;
	struct rd r = f->body;

	if (at == NULL || *at == NULL) /* it has gone meanwhile */
		return ERR_OK;
	c = *at;
	if (c->state != CONN_WAITING || !c->known ||
	    rd_copy(&r, c->proof.nonce, sizeof(c->proof.nonce)) != ERR_OK)
		return ERR_MALFORMED;
	xk_conn_begin(c);
	return ERR_OK;
}

static enum err
send_proof(struct conn *c, const struct client_proof *p)
{
	struct wr w;
	enum err rc;

	rc = peer_begin(c->x->policy, MSG_CLIENT, c->id, msg_client_max(p), &w);
	if (rc != ERR_OK)
		return rc;
	msg_client_put(&w, p);
	return peer_commit(c->x->policy, &w);
}

enum err
xk_client_prove(struct conn *c)
{
	struct client_proof p;
	unsigned char *der = NULL;
	int len;
	enum err rc;

	if (!c->known) {
		xk_proof_done(c->ssl, &c->proof);
		return ERR_OK;
	}
	rc = xk_proof_get(c->ssl, &c->proof, &p);
	len = i2d_X509(SSL_get0_peer_certificate(c->ssl), &der);
	if (rc == ERR_OK && len <= 0)
		rc = ERR_CRYPTO;
	if (rc == ERR_OK) {
		rd_init(&p.cert, der, (size_t)len);
		rc = send_proof(c, &p);
	}
	c->proven = rc == ERR_OK;
	OPENSSL_free(der);
	xk_proof_done(c->ssl, &c->proof);
	return rc;
}

void
xk_client_left(struct conn *c)
{
	struct conn **at = slots_find(c->x->ids, c->id);

	*at = NULL;
	if (!c->known)
		slots_drop(c->x->ids, c->id);
	else
		xk_client_tick(c->x);
}

void
xk_client_tick(struct xk *x)
{
	struct conn **at;
	unsigned i = 0;
	uint32_t id;

	while ((at = slots_next(x->ids, &i, &id)) != NULL)
		if (*at == NULL &&
		    (x->policy == NULL ||
			peer_send(x->policy, MSG_CONN_GONE, id, NULL, 0) ==
			    ERR_OK))
			slots_drop(x->ids, id);
}

void
xk_note(struct conn *c, uint32_t count, const char *text)
{
	struct peer *policy = c->x->policy;
	struct msg_note m = {.connection = c->id, .count = count};
	struct wr w;

	if (!c->proven)
		return;
	rd_init(&m.text, text, strlen(text));
	if (peer_begin(policy, MSG_NOTE, 0, 300, &w) != ERR_OK)
		return;
	msg_note_put(&w, &m);
	if (peer_commit(policy, &w) != ERR_OK)
		log_warning("a note could not be sent");
}

void
xk_policy_left(struct xk *x)
{
	struct conn *c;

	peer_free(&x->policy);
	xk_client_tick(x); /* it knows of none that has gone */
	for (c = x->conns; c != NULL; c = c->next)
		c->known = c->proven = false;
	xk_fail_all(x);
}

void
xk_policy_joined(struct xk *x)
{
	struct conn *c, *next;

	for (c = x->conns; c != NULL; c = next) {
		next = c->next;
		switch (c->state) {
		case CONN_WAITING:
			if (xk_client_came(c) != ERR_OK)
				xk_conn_free(c);
			break;
		case CONN_HANDSHAKE:
			xk_conn_free(c);
			break;
		case CONN_OPEN:
			xk_conn_close_after_sending(c);
			break;
		case CONN_CLOSING:
		case CONN_LINGER:
			break;
		}
	}
}
