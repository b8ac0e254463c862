/* What the children are told of the configuration. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "appliance/ctl.h"
#include "appliance/supervisor.h"

static enum err
policy_settings(struct supervisor *s, struct wr *w, struct why *why)
{
	struct policy_settings p = {.df2 = config_is_df2(s->config),
	    .remote = config_is_remote(s->config),
	    .production = s->config->production,
	    .owner = (uint32_t)s->owner};
	char *db = config_path(s->config, STATE_DB);
	enum err rc;

	if (db == NULL)
		return why_set(why, ERR_NOMEM, "out of memory");
	rc = config_matters(s->config, s->told, sizeof(s->told), why);
	if (rc == ERR_OK) {
		rd_init(&p.database, db, strlen(db));
		rd_init(&p.config, s->told, strlen(s->told));
		policy_settings_put(w, &p);
	}
	free(db);
	return rc;
}

/*
 * While one job of a worker is in the token, its other threads compute.  That
 * pays where processors would be idle; with a worker for each it only costs.
 */
static uint32_t
threads(const struct config *f)
{
	const long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	return cpus > (long)f->workers ? (uint32_t)(cpus / f->workers + 1) : 1;
}

static struct rd
text(const char *s)
{
	struct rd r;

	rd_init(&r, s, strlen(s));
	return r;
}

static void
lemf_settings(const struct config *f, const struct config_lemf *from,
    struct lemf_settings *to)
{
	*to = (struct lemf_settings){.name = text(from->name),
	    .profile = text(from->profile),
	    .n_options = from->n_options,
	    .queue_mib = from->queue_mib,
	    .queue_days = from->queue_days};
	for (unsigned k = 0; k < from->n_options; k++)
		to->option[k] = (struct lemf_option){text(from->option[k]),
		    text(from->value[k])};
	if (config_is_linked(f, from)) {
		to->linked = true;
		to->slot = from->slot;
		to->dead_seconds = from->link.how.dead_seconds;
	}
}

void
sup_lemf_settings(const struct config *f, struct hi2_settings *out)
{
	*out = (struct hi2_settings){.n_lemfs = f->n_lemfs};
	for (unsigned i = 0; i < f->n_lemfs; i++)
		lemf_settings(f, &f->lemf[i], &out->lemf[i]);
}

static enum err
hi2_settings(const struct config *f, struct wr *w, struct why *why)
{
	char *spool = config_path(f, STATE_SPOOL);
	struct hi2_settings h;

	if (spool == NULL)
		return why_set(why, ERR_NOMEM, "out of memory");
	sup_lemf_settings(f, &h);
	h.spool = text(spool);
	h.intake_most = x2_intake_most(&f->x2);
	hi2_settings_put(w, &h);
	free(spool);
	return ERR_OK;
}

static void
xkc_settings(const struct config_client *c, struct wr *w)
{
	const struct xkc_settings x = {.address = text(c->address),
	    .name = text(c->name == NULL ? "" : c->name),
	    .request_seconds = c->request_seconds,
	    .keep_alive_seconds = c->keep_alive_seconds};

	xkc_settings_put(w, &x);
}

static enum err
hi2c_settings(const struct config *f, const struct child *c, struct wr *w)
{
	const struct config_lemf *l = config_link_in(f, c->index);
	struct hi2c_settings s = {.n_pins = 0};

	if (l == NULL) /* its process would have been stopped */
		return ERR_INTERNAL;
	lemf_settings(f, l, &s.lemf);
	s.address = text(l->link.address);
	s.name = text(l->link.name == NULL ? "" : l->link.name);
	s.has_ca = l->link.server_ca != NULL;
	s.has_crl = l->link.crl != NULL;
	s.n_pins = l->link.n_pins;
	memcpy(s.pin, l->link.pin, sizeof(s.pin));
	s.how = l->link.how;
	hi2c_settings_put(w, &s);
	return ERR_OK;
}

static enum err
settings(struct supervisor *s, const struct child *c, struct wr *w,
    struct why *why)
{
	const struct config *f = s->config;
	struct x2_settings x2 = f->x2;
	struct hsm_settings h = {.index = c->index,
	    .call_seconds = f->call_seconds,
	    .job_seconds = f->job_seconds,
	    .threads = threads(f),
	    .remote = config_is_remote(f),
	    .production = f->production};

	switch (c->kind) {
	case CTL_PEER_XK:
		xk_settings_put(w, &f->xk);
		break;
	case CTL_PEER_POLICY:
		return policy_settings(s, w, why);
	case CTL_PEER_AUDIT:
		audit_settings_put(w, &f->audit);
		break;
	case CTL_PEER_HSM:
	case CTL_PEER_SIGNER:
		rd_init(&h.module, f->token_module, strlen(f->token_module));
		rd_init(&h.label, f->token_label, strlen(f->token_label));
		hsm_settings_put(w, &h);
		break;
	case CTL_PEER_X2:
		x2.remote = config_is_remote(f);
		x2_settings_put(w, &x2);
		break;
	case CTL_PEER_HI2:
		return hi2_settings(f, w, why);
	case CTL_PEER_XKC:
		xkc_settings(&f->xkc, w);
		break;
	case CTL_PEER_HI2C:
		return hi2c_settings(f, c, w);
	case CTL_PEER__MAX:
		return ERR_INTERNAL;
	}
	return ERR_OK;
}

enum err
sup_send_settings(struct supervisor *s, const struct child *c, uint16_t type,
    struct why *why)
{
	static uint8_t body[IPC_CTL_MAX];
	struct wr w;
	size_t len;
	enum err rc;

	wr_init(&w, body, sizeof(body) - IPC_HEADER_LEN);
	if ((rc = settings(s, c, &w, why)) != ERR_OK)
		return rc;
	if ((rc = wr_finish(&w, &len)) == ERR_OK)
		rc = sup_say(c, type, 0, body, len, -1);
	return rc == ERR_OK
	    ? ERR_OK
	    : why_set(why, rc, "%s: settings not sent", child_name(c));
}
