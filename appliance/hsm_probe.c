/*
 * The worker of `keywarden token probe`: it tries what a token can do, tells
 * each step, and ends.  Only the last step is under a worker's filter: what is
 * found there is whether the module can live with it.
 */
#include <string.h>
#include <unistd.h>

#include "appliance/ctl.h"
#include "appliance/hsm_proc.h"
#include "appliance/proto_probe.h"
#include "appliance/sandbox.h"
#include "appliance/tls_key.h"
#include "base/log.h"
#include "hsm/caps_try.h"

#define SCHEME "ss512" /* the one whose curve is tried */
#define RATE_MS 300
#define SPKI_MAX 128 /* P-256 has 91 */

static void
tell(uint16_t type, const struct wr *w)
{
	if (w->rc != ERR_OK ||
	    ipc_ctl_send(CTL_FD, type, 0, w->p, w->len, -1) != ERR_OK)
		fatal("keywarden token probe has gone");
}

static void
tell_token(const struct hsm_info *i)
{
	struct probe_token m = {.slot = i->slot, .test_token = i->test_token};
	uint8_t body[256];
	struct wr w;

	rd_init(&m.manufacturer, i->manufacturer, strlen(i->manufacturer));
	rd_init(&m.model, i->model, strlen(i->model));
	rd_init(&m.serial, i->serial, strlen(i->serial));
	rd_init(&m.label, i->label, strlen(i->label));
	wr_init(&w, body, sizeof(body));
	probe_token_put(&w, &m);
	tell(MSG_CTL_PROBE_TOKEN, &w);
}

static void
tell_begins(enum cap c)
{
	uint8_t body[1];
	struct wr w;

	wr_init(&w, body, sizeof(body));
	wr_u8(&w, (uint8_t)c);
	tell(MSG_CTL_PROBE_BEGINS, &w);
}

static void
tell_ended(enum cap c, const struct cap_result *r)
{
	struct probe_ended m = {.cap = c,
	    .state = r->state,
	    .tenths = r->tenths};
	uint8_t body[CAP_TEXT_MAX + 16];
	struct wr w;

	rd_init(&m.text, r->text, strlen(r->text));
	wr_init(&w, body, sizeof(body));
	probe_ended_put(&w, &m);
	tell(MSG_CTL_PROBE_ENDED, &w);
}

/* The public halves in kms-state are those of the keys that have signed. */
static enum err
check_tls_keys(struct hsm_proc *p, struct why *why)
{
	uint8_t spki[SPKI_MAX];
	struct rd r;
	size_t n;
	enum err rc;

	for (enum tls_role i = 0; i < TLS_ROLE__MAX; i++) {
		rc = hsm_public_key(p->token, tls_key_of(i), spki, sizeof(spki),
		    &n);
		if (rc != ERR_OK)
			return why_set(why, rc, "%s", hsm_why());
		rd_init(&r, spki, n);
		if (!rd_equal(&r, &p->state.tls_key[i]))
			return why_set(why, ERR_MISMATCH,
			    "the key of TLS for %s is not that of kms-state",
			    tls_role_name(i));
	}
	return ERR_OK;
}

/* What kms-state knows of the answers: the worker's self-test. */
static enum err
check_state(struct hsm_proc *p, struct why *why)
{
	enum err rc;

	if ((rc = hsm_find_keys(p->token, why)) != ERR_OK ||
	    (rc = hsm_find_tls_keys(p->token, why)) != ERR_OK ||
	    (rc = hsm_load_state(p, why)) != ERR_OK ||
	    (rc = hsm_known_try(p->known_answers, p->token, why)) != ERR_OK)
		return rc;
	return check_tls_keys(p, why);
}

static void
try_own(struct hsm_proc *p, struct caps_try *t, struct cap_result *out)
{
	struct why why = {""};

	caps_try_own(t, out);
	if (out->state != CAP_WORKS || p->state_fd == -1)
		return;
	if (check_state(p, &why) != ERR_OK)
		out->state = CAP_MISSING;
	else
		(void)why_set(&why, ERR_OK,
		    "%d keys, the answers of each checked, and they are those "
		    "of kms-state",
		    HSM_KEY__MAX);
	(void)snprintf(out->text, sizeof(out->text), "%.*s", CAP_TEXT_MAX - 1,
	    why.text);
}

/*
 * The last: closing the token is part of it, for a worker that stops does so
 * under its filter.
 */
static void
try_filter(struct hsm_proc *p, struct caps_try **t, struct caps *caps)
{
	struct cap_result *out = &caps->of[CAP_FILTER];

	if (sandbox_is_built()) {
		sandbox_enter(SANDBOX_HSM);
		caps_try_again(*t, caps, out);
	} else
		(void)snprintf(out->text, sizeof(out->text),
		    "this program was built without it");
	caps_try_free(t);
	hsm_close(&p->token);
}

static void
try_one(struct hsm_proc *p, const struct probe_order *o, struct caps_try **t,
    enum cap which, struct caps *caps)
{
	struct cap_result *out = &caps->of[which];

	if (which < CAP__INIT_MAX) {
		caps_try_one(*t, which, caps);
		if (!o->quick)
			caps_try_rate(*t, which, RATE_MS, caps);
	} else if (which == CAP_OWN_KEYS)
		try_own(p, *t, out);
	else if (which == CAP_IDLE && o->idle_ms > 0)
		caps_try_idle(*t, o->idle_ms, out);
	else if (which == CAP_FILTER)
		try_filter(p, t, caps);
}

static void
try_all(struct hsm_proc *p, const struct probe_order *o)
{
	struct ibe_setup *setup = NULL;
	struct caps_try *t = NULL;
	static struct caps caps;
	struct why why;

	if (ibe_setup_new(SCHEME, &setup) != ERR_OK ||
	    caps_try_new(p->token, setup, !o->quick, &t) != ERR_OK) {
		(void)why_set(&why, ERR_CRYPTO, "no curve to try it with");
		ctl_fail(ERR_CRYPTO, &why);
	}
	for (enum cap i = 0; i < CAP__MAX; i++) {
		tell_begins(i);
		try_one(p, o, &t, i, &caps);
		tell_ended(i, &caps.of[i]);
		if (caps.of[i].state == CAP_LOST)
			break;
	}
	caps_try_free(&t);
	ibe_setup_free(&setup);
}

static enum err
open_token(struct hsm_proc *p, const struct probe_order *o, struct why *why)
{
	struct secret *pin = NULL;
	enum err rc;

	if ((rc = hsm_read_pin(p->pin_fd, &pin, why)) != ERR_OK)
		return rc;
	rc = o->by_slot
	    ? hsm_open_slot(p->at.module, o->slot, pin, &p->token, why)
	    : hsm_open(p->at.module,
		  p->at.label[0] != '\0' ? p->at.label : NULL, pin, &p->token,
		  why);
	secret_free(&pin);
	return rc;
}

void
hsm_probe(void *ctx, struct rd order)
{
	struct hsm_proc *p = ctx;
	struct probe_order o;
	struct why why = {""};
	struct wr done;
	enum err rc;

	if (probe_order_get(order, &o) != ERR_OK ||
	    view_text(o.module, p->at.module, sizeof(p->at.module)) != ERR_OK ||
	    view_text(o.label, p->at.label, sizeof(p->at.label)) != ERR_OK)
		fatal("keywarden token probe sent an order that is none");
	if ((rc = open_token(p, &o, &why)) != ERR_OK)
		ctl_fail(rc, &why);
	tell_token(hsm_info(p->token));
	if ((rc = caps_try_clean(p->token)) != ERR_OK) {
		(void)why_set(&why, rc, "%s", hsm_why());
		ctl_fail(rc, &why);
	}
	if (!o.clean)
		try_all(p, &o);
	hsm_close(&p->token);
	wr_init(&done, NULL, 0);
	tell(MSG_CTL_PROBE_DONE, &done);
	_exit(0);
}
