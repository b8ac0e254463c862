/*
 * What the signer does for the processes that face the network.  Of them it
 * reads frames of a fixed length; which channel one came by says which key
 * signs, and as which end.
 */
#include <unistd.h>

#include "appliance/ctl.h"
#include "appliance/signer_proc.h"
#include "appliance/tls_key.h"
#include "base/log.h"

_Noreturn void
signer_token_failed(const char *doing)
{
	struct why why;
	const enum err rc = hsm_failed(doing, &why);

	ctl_fail(rc, &why);
}

/* Whatever comes, it signs a CertificateVerify of that channel's role. */
static enum err
on_sign(void *ctx, const struct ipc_frame *f)
{
	struct signer_link *k = ctx;
	struct signer *s = k->signer;
	uint8_t input[TLS_INPUT_MAX], sig[HSM_SIGNATURE_MAX];
	size_t len, sig_len;
	enum err rc;

	if ((rc = tls_role_input(k->role, f->body, input, &len)) != ERR_OK)
		return rc;
	rc = hsm_sign(s->token, tls_key_of(k->role), input, len, sig, &sig_len);
	if (rc != ERR_OK)
		signer_token_failed("signing a handshake");
	return ipc_send(k->chan, MSG_TLS_SIGNED, f->id, sig, sig_len);
}

static const struct ipc_rule rules[] = {
    {MSG_TLS_SIGN, TLS_HASH_LEAST, TLS_HASH_MOST, 1, on_sign},
};

/* The others go on: one that is taken over cannot end their signing. */
void
signer_serve(struct signer_link *k)
{
	struct ipc_frame f;
	enum err rc;

	if ((rc = ipc_fill(k->chan)) == ERR_OK &&
	    (rc = ipc_next(k->chan, &f)) == ERR_OK &&
	    (rc = ipc_dispatch(rules, sizeof(rules) / sizeof(rules[0]), 1, k,
		 &f)) == ERR_OK)
		rc = ipc_flush(k->chan);
	if (rc == ERR_OK || rc == ERR_AGAIN)
		return;
	if (rc == ERR_MALFORMED)
		log_error("who signs as %s sent what is not permitted: its "
			  "channel is closed",
		    tls_role_name(k->role));
	else
		log_debug("who signs as %s has gone", tls_role_name(k->role));
	ipc_chan_free(&k->chan);
}
