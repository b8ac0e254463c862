/*
 * keywarden-policy: decides from warrants who may have what.  Its files are
 * the database of warrants and subscribers; no network but the control socket
 * of this machine, no key.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "appliance/policy_proc.h"
#include "appliance/sandbox.h"
#include "base/log.h"
#include "policy/digest.h"

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
on_peer(void *ctx, enum ctl_peer kind, unsigned index, int fd)
{
	struct policy *p = ctx;

	(void)index;
	if (kind == CTL_PEER_XK) {
		peer_free(&p->xk);
		if (peer_new(&p->loop, fd, &policy_xk_ops, p, &p->xk) != ERR_OK)
			fatal("no channel to xk");
		return;
	}
	if (kind != CTL_PEER_AUDIT)
		fatal("a peer that is not for this process");
	if (p->audit != NULL)
		policy_audit_left(p);
	if (peer_new(&p->loop, fd, &policy_audit_ops, p, &p->audit) != ERR_OK)
		fatal("no channel to audit");
	policy_audit_joined(p);
}

static struct client *
read_clients(const struct policy_settings *s)
{
	struct client *list = calloc(s->n_clients + 1, sizeof(*list));

	if (list == NULL)
		fatal("out of memory");
	for (unsigned i = 0; i < s->n_clients; i++) {
		if (view_text(s->client[i].name, list[i].name,
			sizeof(list[i].name)) != ERR_OK)
			fatal("bad settings");
		memcpy(list[i].fingerprint, s->client[i].fingerprint,
		    sizeof(list[i].fingerprint));
	}
	return list;
}

static void
read_state(struct policy *p)
{
	struct rd sealed, seal;
	struct why why = {""};

	if (kms_state_load(p->state_fd, &p->state_octets, &p->state, &sealed,
		&seal, &why) != ERR_OK)
		ctl_fail(ERR_MALFORMED, &why);
	if (kms_state_officers(&p->state, &p->officers, &why) != ERR_OK)
		ctl_fail(ERR_MALFORMED, &why);
	close(p->state_fd);
}

static void
on_setup(void *ctx, struct rd settings)
{
	static struct policy_settings s;
	struct policy *p = ctx;
	struct why why = {""};
	char path[4096];
	enum err rc;

	if (p->state_fd == -1 || p->control_fd == -1 ||
	    policy_settings_get(settings, &s) != ERR_OK ||
	    view_text(s.database, path, sizeof(path)) != ERR_OK)
		fatal("incomplete start");
	p->client = read_clients(&s);
	p->n_clients = s.n_clients;
	sandbox_enter(SANDBOX_POLICY);
	read_state(p);
	if ((rc = db_open(path, &p->db, &why)) != ERR_OK)
		ctl_fail(rc, &why);
	policy_load(p);
	if (p->audit != NULL) /* it came before there was anything to tell */
		policy_audit_joined(p);
}

void
policy_config_recorded(struct policy *p, struct pending *d, enum err rc)
{
	if (rc == ERR_OK) {
		free(p->client);
		p->client = d->client;
		p->n_clients = d->n_clients;
	} else {
		log_error("a change of clients could not be written into the "
			  "audit log: those in use stay");
		free(d->client);
	}
	d->client = NULL;
}

/* New clients count once the change is in the log. */
static void
on_reload(void *ctx, struct rd settings)
{
	static struct policy_settings s;
	static const char text[] = "configuration read again";
	struct policy *p = ctx;
	struct audit_entry e = {.type = AUDIT_CONFIG};
	struct pending *d;
	uint32_t id;

	if (policy_settings_get(settings, &s) != ERR_OK)
		fatal("bad settings");
	if ((d = policy_pending(p, PENDING_CONFIG, &id)) == NULL) {
		log_error("too much under way: send SIGHUP again");
		return;
	}
	d->client = read_clients(&s);
	d->n_clients = s.n_clients;
	rd_init(&e.text, text, strlen(text));
	if (digest_of(settings, e.digest) != ERR_OK ||
	    policy_record(p, &e, id) != ERR_OK) {
		policy_config_recorded(p, d, ERR_CLOSED);
		slots_drop(p->pending, id);
	}
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
    .stop = on_stop};

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
	ctl_ready();
	return uv_run(&p.loop, UV_RUN_DEFAULT);
}
