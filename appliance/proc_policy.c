/*
 * keywarden-policy: decides from warrants who may have what, and takes the
 * requests of persons.  Its files are the database of changes, requests and
 * subscribers; no network but the control socket of this machine, no key.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "appliance/policy_cli.h"
#include "appliance/policy_delivery.h"
#include "appliance/policy_x2.h"
#include "appliance/sandbox.h"
#include "base/log.h"

#define MAX_CLIS 16

static void
on_file(void *ctx, enum ctl_file kind, int fd)
{
	struct policy *p = ctx;

	if (kind == CTL_FILE_KMS_STATE)
		p->state_fd = fd;
	else if (kind == CTL_FILE_CONTROL)
		p->control_fd = fd;
	else
		fatal("a file that is not for this process");
}

static void
on_df2_peer(struct policy *p, enum ctl_peer kind, int fd)
{
	const bool x2 = kind == CTL_PEER_X2;
	struct peer **to = x2 ? &p->x2 : &p->hi2;

	peer_free(to);
	*(x2 ? &p->x2_counts : &p->hi2_counts) = (struct msg_counts){.n = 0};
	if (!x2)
		policy_delivery_forget(p);
	if (peer_new(&p->loop, fd, x2 ? &policy_x2_ops : &policy_hi2_ops, p,
		to) != ERR_OK)
		fatal("no channel to the DF2/MF");
}

static void
on_peer(void *ctx, enum ctl_peer kind, unsigned index, int fd)
{
	struct policy *p = ctx;

	(void)index;
	if (kind == CTL_PEER_XK) {
		peer_free(&p->xk);
		policy_forget_connections(p);
		if (peer_new(&p->loop, fd, &policy_xk_ops, p, &p->xk) != ERR_OK)
			fatal("no channel to xk");
		return;
	}
	if (kind == CTL_PEER_X2 || kind == CTL_PEER_HI2) {
		on_df2_peer(p, kind, fd);
		return;
	}
	if (kind != CTL_PEER_AUDIT)
		fatal("a peer that is not for this process");
	if (p->audit != NULL)
		policy_audit_left(p);
	if (peer_new(&p->loop, fd, &policy_audit_ops, p, &p->audit) != ERR_OK)
		fatal("no channel to audit");
	if (p->db != NULL) /* else: when there is something to tell */
		policy_audit_joined(p);
}

static void
read_state(struct policy *p)
{
	struct rd sealed, seal, whole;
	struct why why = {""};

	if (kms_state_load(p->state_fd, &p->state_octets, &p->state, &sealed,
		&seal, &why) != ERR_OK)
		ctl_fail(ERR_MALFORMED, &why);
	rd_init(&whole, p->state_octets, sealed.left + seal.left);
	if (kms_state_authority(&p->state, whole, &p->authority, &why) !=
	    ERR_OK)
		ctl_fail(ERR_MALFORMED, &why);
	close(p->state_fd);
}

static void
on_setup(void *ctx, struct rd settings)
{
	struct policy_settings s;
	struct policy *p = ctx;
	struct why why = {""};
	char path[4096];
	enum err rc;

	if (p->state_fd == -1 || p->control_fd == -1 ||
	    policy_settings_get(settings, &s) != ERR_OK ||
	    view_text(s.database, path, sizeof(path)) != ERR_OK)
		fatal("incomplete start");
	sandbox_confine(SANDBOX_POLICY, 0);
	sandbox_enter(SANDBOX_POLICY);
	read_state(p);
	if ((rc = db_open(path, &p->db, &why)) != ERR_OK)
		ctl_fail(rc, &why);
	policy_load(p);
	policy_clock_start(p);
	policy_config_use(p, s.config, true);
	p->df2 = s.df2;
	p->remote = s.remote;
	p->production = s.production;
	p->owner = (uid_t)s.owner;
	if (p->audit != NULL) /* it came before there was anything to tell */
		policy_audit_joined(p);
}

static void
on_reload(void *ctx, struct rd settings)
{
	struct policy_settings s;

	if (policy_settings_get(settings, &s) != ERR_OK)
		fatal("bad settings");
	policy_config_use(ctx, s.config, false);
}

static void
on_crls(void *ctx, struct rd states)
{
	policy_crls_are(ctx, states);
}

static void
on_workers(void *ctx, struct rd workers)
{
	struct policy *p = ctx;
	struct rd kept;

	if (workers.left > sizeof(p->told_workers))
		fatal("bad word of the workers");
	memcpy(p->told_workers, workers.p, workers.left);
	rd_init(&kept, p->told_workers, workers.left);
	if (msg_workers_get(kept, &p->workers) != ERR_OK)
		fatal("bad word of the workers");
}

static void
on_stop(void *ctx)
{
	struct policy *p = ctx;

	db_close(&p->db);
	_exit(0);
}

static const struct ctl_handlers handlers = {.file = on_file,
    .peer = on_peer,
    .setup = on_setup,
    .reload = on_reload,
    .crls = on_crls,
    .stop = on_stop,
    .workers = on_workers};

static void
on_control(uv_poll_t *h, int status, int events)
{
	(void)status;
	(void)events;
	policy_cli_accept(h->data);
}

int
main(void)
{
	static struct policy p = {.state_fd = -1, .control_fd = -1};

	ctl_init("keywarden-policy");
	sandbox_start(SANDBOX_POLICY);
	if (uv_loop_init(&p.loop) != 0 ||
	    slots_new(sizeof(struct pending), POLICY_PENDING, &p.pending) !=
		ERR_OK ||
	    slots_new(sizeof(struct cli), MAX_CLIS, &p.clis) != ERR_OK)
		fatal("out of memory");
	p.control.data = &p;
	ctl_start(&handlers, &p);
	ctl_watch(&p.loop, &p.ctl, &handlers, &p);
	(void)uv_poll_init(&p.loop, &p.control, p.control_fd);
	(void)uv_poll_start(&p.control, UV_READABLE, on_control);
	policy_watch_start(&p);
	policy_x2_start(&p);
	ctl_ready();
	return uv_run(&p.loop, UV_RUN_DEFAULT);
}
