/*
 * The ceremony of `keywarden init`, in a worker process of its own: make the
 * token's objects and seal what they belong to.  A fresh worker then reads all
 * of it back and tries it, by starting as it always does.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "appliance/ctl.h"
#include "appliance/hsm_proc.h"
#include "appliance/production.h"
#include "appliance/tls_key.h"
#include "base/clock.h"
#include "base/log.h"
#include "hsm/caps_try.h"

static struct secret *
read_pin(int fd)
{
	struct secret *s = NULL;
	struct why why;

	if (hsm_read_pin(fd, &s, &why) != ERR_OK)
		ctl_fail(ERR_PIN, &why);
	return s;
}

/* The head at 0, where the warrant state begins. */
static enum err
first_head(struct hsm_proc *p, const uint8_t *state, size_t len,
    struct why *why)
{
	struct head h = {.number = 0};
	struct rd whole;

	rd_init(&whole, state, len);
	if (digest_of(whole, h.hash) != ERR_OK)
		return why_set(why, ERR_CRYPTO, "SHA-256 failed");
	return hsm_head_create(p, &h, p->state.created, why);
}

#define SPKI_MAX 1024

/* What is made of the keys of TLS: views of the state are into it. */
struct tls_octets {
	uint8_t spki[TLS_ROLE__MAX][128];
	uint8_t request[TLS_ROLE__MAX][HSM_REQUEST_MAX];
};

/*
 * Public halves, and requests that go to the operator's CA.  Names and
 * addresses that peers look for are the CA's to add: they may change, and the
 * key does not sign a request again.
 */
static enum err
tls_keys(struct hsm_proc *p, struct tls_octets *o, struct why *why)
{
	char name[64];
	size_t n;
	enum err rc;

	if ((rc = hsm_find_tls_keys(p->token, why)) != ERR_OK)
		return rc;
	for (enum tls_role r = 0; r < TLS_ROLE__MAX; r++) {
		(void)snprintf(name, sizeof(name), "keywarden %s",
		    tls_role_name(r));
		rc = hsm_public_key(p->token, tls_key_of(r), o->spki[r],
		    sizeof(o->spki[r]), &n);
		if (rc != ERR_OK)
			return why_set(why, rc, "%s", hsm_why());
		rd_init(&p->state.tls_key[r], o->spki[r], n);
		rc = hsm_certificate_request(p->token, tls_key_of(r), name,
		    o->request[r], &n);
		if (rc != ERR_OK)
			return why_set(why, rc, "%s", hsm_why());
		rd_init(&p->state.tls_request[r], o->request[r], n);
	}
	return ERR_OK;
}

/* The public halves, into `spki`, for who seals to the token or verifies. */
static enum err
public_keys(struct hsm_proc *p, uint8_t spki[3][SPKI_MAX], struct why *why)
{
	const struct {
		enum hsm_key key;
		struct rd *out;
	} all[3] = {{HSM_KEY_SEED_IMPORT, &p->state.import_key},
	    {HSM_KEY_SPOOL, &p->state.spool_key},
	    {HSM_KEY_HI2, &p->state.hi2_key}};
	size_t n;
	enum err rc;

	for (unsigned i = 0; i < 3; i++) {
		rc =
		    hsm_public_key(p->token, all[i].key, spki[i], SPKI_MAX, &n);
		if (rc != ERR_OK)
			return why_set(why, rc, "%s", hsm_why());
		rd_init(all[i].out, spki[i], n);
	}
	return ERR_OK;
}

/* Before anything is made: can the promises rest on this token? */
static enum err
judge_token(struct hsm *token, const struct ibe_setup *setup, struct why *why)
{
	static struct caps caps;
	struct caps_try *t = NULL;
	enum err rc;

	if ((rc = caps_try_new(token, setup, false, &t)) != ERR_OK)
		return why_set(why, rc, "%s", err_str(rc));
	caps_try_all(t, &caps);
	caps_try_free(&t);
	return caps_judge(&caps, CAP__INIT_MAX, why);
}

/* Keys, parameters, seal. */
static enum err
make(struct hsm_proc *p, uint8_t *out, size_t cap, size_t *len, struct why *why)
{
	uint8_t point[IBE_POINT_MAX], params[IBE_PARAMS_MAX];
	uint8_t spki[3][SPKI_MAX];
	struct tls_octets tls;
	struct ibe_setup *setup = NULL;
	char scheme[32];
	struct rd r;
	struct wr w;
	size_t n;
	enum err rc;

	if (view_text(p->state.scheme, scheme, sizeof(scheme)) != ERR_OK ||
	    (rc = ibe_setup_new(scheme, &setup)) != ERR_OK)
		return why_set(why, ERR_UNSUPPORTED, "no such IBE scheme");
	if ((rc = judge_token(p->token, setup, why)) != ERR_OK ||
	    (rc = hsm_create_keys(p->token, ibe_setup_ec_params(setup), point,
		 &n, why)) != ERR_OK)
		goto out;
	rd_init(&r, point, n);
	if ((rc = ibe_setup_finish(setup, r, params, &n)) != ERR_OK) {
		(void)why_set(why, rc,
		    "the token's public point is not on "
		    "the curve it was given");
		goto out;
	}
	rd_init(&p->state.params, params, n);
	if ((rc = hsm_find_keys(p->token, why)) != ERR_OK ||
	    (rc = public_keys(p, spki, why)) != ERR_OK ||
	    (rc = tls_keys(p, &tls, why)) != ERR_OK)
		goto out;
	p->state.created = clock_seconds();
	p->state.serial = 1;
	wr_init(&w, out, cap - HSM_SEAL_LEN);
	kms_state_put(&w, &p->state);
	if ((rc = wr_finish(&w, &n)) != ERR_OK) {
		(void)why_set(why, rc, "too many persons or clients");
		goto out;
	}
	rc = hsm_seal(p->token, HSM_KEY_SEAL_STATE, out, n, out + n);
	if (rc != ERR_OK)
		(void)why_set(why, rc, "%s", hsm_why());
	*len = n + HSM_SEAL_LEN;
	if (rc == ERR_OK)
		rc = first_head(p, out, *len, why);
out:
	ibe_setup_free(&setup);
	return rc;
}

void
hsm_ceremony(void *ctx, struct rd order)
{
	static uint8_t out[KMS_STATE_MAX];
	struct hsm_proc *p = ctx;
	struct secret *pin, *so_pin;
	struct why why = {""};
	struct rd sealed, seal, draft;
	struct init_order o;
	size_t len;
	enum err rc;

	if (init_order_get(order, &o) != ERR_OK ||
	    view_text(o.module, p->at.module, sizeof(p->at.module)) != ERR_OK ||
	    view_text(o.label, p->at.label, sizeof(p->at.label)) != ERR_OK)
		fatal("keywarden init sent an order that is none");
	pin = read_pin(p->pin_fd);

	if ((rc = kms_state_read(p->state_fd, &p->state_octets, &len, &why)) !=
	    ERR_OK)
		ctl_fail(rc, &why);
	rd_init(&draft, p->state_octets, len);
	if (kms_state_parse(draft, &p->state, &sealed, &seal) != ERR_OK)
		fatal("the draft of the KMS's state is not one");
	if (o.make_token) {
		so_pin = read_pin(p->so_pin_fd);
		rc = hsm_init_token(p->at.module, p->at.label, so_pin, pin,
		    &why);
		secret_free(&so_pin);
		if (rc != ERR_OK)
			ctl_fail(rc, &why);
	}
	rc = hsm_open(p->at.module, p->at.label, pin, &p->token, &why);
	secret_free(&pin);
	if (rc == ERR_OK && o.production && hsm_info(p->token)->test_token)
		rc = why_set(&why, ERR_DENIED, PRODUCTION_NO_SOFTHSM);
	if (rc != ERR_OK ||
	    (rc = make(p, out, sizeof(out), &len, &why)) != ERR_OK)
		ctl_fail(rc, &why);
	if (write(p->new_state_fd, out, len) != (ssize_t)len)
		ctl_fail(why_errno(&why, "cannot write the state"), &why);
	hsm_close(&p->token);
	if (ipc_ctl_send(CTL_FD, MSG_CTL_INIT_DONE, 0, NULL, 0, -1) != ERR_OK)
		fatal("keywarden init has gone");
	_exit(0);
}
