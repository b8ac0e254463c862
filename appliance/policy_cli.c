/*
 * The control socket: what officers and engineers do with keywarden(1).  Each
 * act is in the log before it takes effect; a document that is refused is
 * noted too.
 */
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>
#include <openssl/evp.h>

#include "appliance/policy_cli.h"
#include "base/clock.h"
#include "base/log.h"
#include "policy/rfc3339.h"
#include "version.h"

/* ---- answers ---- */

void
cli_error(struct policy *p, uint32_t cli, enum err rc, const char *text)
{
	struct cli *c = slots_find(p->clis, cli);
	struct wr w;

	if (c == NULL)
		return;
	if (peer_begin(c->peer, MSG_CLI_ERROR, 0, WHY_MAX + 8, &w) != ERR_OK)
		return;
	msg_error_put(&w, rc, text);
	if (peer_commit(c->peer, &w) != ERR_OK)
		log_warning("an answer to keywarden(1) could not be sent");
}

/* Takes the JSON over. */
void
cli_json(struct policy *p, uint32_t cli, json_t *j)
{
	struct cli *c = slots_find(p->clis, cli);
	char *text = j == NULL ? NULL : json_dumps(j, JSON_COMPACT);

	json_decref(j);
	if (c == NULL) {
		free(text);
		return;
	}
	if (text == NULL ||
	    peer_send(c->peer, MSG_CLI_OK, 0, text, strlen(text)) != ERR_OK)
		log_warning("an answer to keywarden(1) could not be sent");
	free(text);
}

json_t *
cli_time(int64_t t)
{
	char s[RFC3339_LEN];

	return json_string(rfc3339_print(t, s));
}

void
cli_unavailable(struct cli *c)
{
	cli_error(c->p, c->id, ERR_CLOSED,
	    "the audit process is out of service: nothing was done, try "
	    "again");
}

void
cli_page(struct cli *c, json_t *rows, int64_t next)
{
	json_t *j = json_object();

	json_object_set_new(j, "rows", rows);
	if (next >= 0)
		json_object_set_new(j, "next", json_integer(next));
	cli_json(c->p, c->id, j);
}

/* ---- audit's word on a record ---- */

void
policy_cli_recorded(struct policy *p, struct pending *d, enum err rc)
{
	if (d->kind == PENDING_DOCUMENT) {
		cli_error(p, d->cli, d->rc, d->why.text);
		return;
	}
	if (rc != ERR_OK) {
		cli_error(p, d->cli, rc,
		    "the audit log is full or unwritable: nothing was done");
		if (d->kind == PENDING_WARRANT)
			policy_free_warrant(&d->held);
		return;
	}
	if (d->kind == PENDING_WARRANT)
		policy_warrant_recorded(p, d);
	else
		policy_removal_recorded(p, d);
}

void
policy_cli_failed(struct policy *p, struct pending *d)
{
	if (d->kind == PENDING_WARRANT)
		policy_free_warrant(&d->held);
	cli_error(p, d->cli, ERR_CLOSED,
	    "the audit process went out of service meanwhile: see what was "
	    "done with 'keywarden audit show'");
}

/* ---- status ---- */

static enum err
on_status(void *ctx, const struct ipc_frame *f)
{
	struct cli *c = ctx;
	const struct policy *p = c->p;
	json_t *j = json_object();
	size_t in_force = 0;

	(void)f;
	for (size_t i = 0; i < p->n_warrants; i++)
		in_force +=
		    strcmp(policy_warrant_state(p->warrant[i], clock_seconds()),
			"in force") == 0;
	json_object_set_new(j, "version", json_string(KEYWARDEN_VERSION));
	json_object_set_new(j, "xk", json_boolean(p->xk != NULL));
	json_object_set_new(j, "audit", json_boolean(p->audit != NULL));
	json_object_set_new(j, "workers", json_integer(p->service.workers));
	json_object_set_new(j, "logHasRoom",
	    json_boolean(p->service.log_has_room));
	json_object_set_new(j, "serving",
	    json_boolean(p->xk != NULL && p->audit != NULL &&
		p->service.workers > 0 && p->service.log_has_room));
	json_object_set_new(j, "testToken",
	    json_boolean(p->service.test_token));
	json_object_set_new(j, "warrants",
	    json_integer((json_int_t)p->n_warrants));
	json_object_set_new(j, "warrantsInForce",
	    json_integer((json_int_t)in_force));
	json_object_set_new(j, "subscribers",
	    json_integer((json_int_t)p->n_subscribers));
	json_object_set_new(j, "clients", json_integer(p->n_clients));
	cli_json(c->p, c->id, j);
	return ERR_OK;
}

/* ---- connections ---- */

static const struct ipc_rule cli_rules[] = {
    {MSG_CLI_STATUS, 0, 0, 1, on_status},
    {MSG_CLI_WARRANT_ADD, 1, MAX_WARRANT_CMS, 1, cli_on_warrant_add},
    {MSG_CLI_WARRANT_LIST, 4, 4, 1, cli_on_warrant_list},
    {MSG_CLI_WARRANT_REVOKE, 1, MAX_WARRANT_CMS, 1, cli_on_warrant_revoke},
    {MSG_CLI_WARRANT_CHECK, 1, MAX_WARRANT_CMS, 1, cli_on_warrant_check},
    {MSG_CLI_SUBSCRIBER_ADD, 8, 32768, 1, cli_on_subscriber_add},
    {MSG_CLI_SUBSCRIBER_LIST, 4, 4, 1, cli_on_subscriber_list},
    {MSG_CLI_SUBSCRIBER_REMOVE, 1, MAX_PUBLIC_ID, 1, cli_on_subscriber_remove},
    {MSG_CLI_KEY_ISSUE, 10, 1024, 1, cli_on_key_issue},
};

static void
cli_closed(void *ctx, struct peer *peer)
{
	struct cli *c = ctx;

	(void)peer;
	peer_free(&c->peer);
	slots_drop(c->p->clis, c->id);
}

static const struct peer_ops cli_ops = {.name = "keywarden(1)",
    .table = cli_rules,
    .n_rules = sizeof(cli_rules) / sizeof(cli_rules[0]),
    .max_body = MAX_WARRANT_CMS,
    .max_queue = MAX_IPC_QUEUE,
    .closed = cli_closed,
    .foreign = true};

/* The socket's mode lets in who may; this is the second lock. */
static bool
may_speak(int fd)
{
	struct ucred u;
	socklen_t len = sizeof(u);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &u, &len) == 0 &&
	    (u.uid == 0 || u.uid == geteuid());
}

void
policy_cli_accept(struct policy *p)
{
	const int fd =
	    accept4(p->control_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct cli *c;
	uint32_t id;

	if (fd == -1)
		return;
	if (!may_speak(fd) || (c = slots_take(p->clis, &id)) == NULL) {
		close(fd);
		return;
	}
	c->p = p;
	c->id = id;
	if (peer_new(&p->loop, fd, &cli_ops, c, &c->peer) != ERR_OK)
		slots_drop(p->clis, id);
}
