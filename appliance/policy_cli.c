/*
 * The control socket: what persons do with keywarden(1).  Each act is in the
 * log before it is told; a document that is refused is noted too.
 */
#include <sys/socket.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "appliance/policy_cli.h"
#include "appliance/sandbox.h"
#include "base/log.h"

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

void
cli_page(struct cli *c, json_t *rows, int64_t next)
{
	json_t *j = json_object();

	json_object_set_new(j, "rows", rows);
	if (next >= 0)
		json_object_set_new(j, "next", json_integer(next));
	cli_json(c->p, c->id, j);
}

void
cli_refuse_document(struct cli *c, struct rd cms, enum err rc,
    const struct why *why)
{
	struct audit_entry e = {.type = AUDIT_DOCUMENT_REFUSED};
	struct pending *d;
	uint32_t id;

	if (digest_of(cms, e.digest) != ERR_OK)
		fatal("SHA-256 failed");
	rd_init(&e.text, why->text, strlen(why->text));
	if ((d = policy_pending(c->p, PENDING_DOCUMENT, &id)) == NULL) {
		cli_error(c->p, c->id, rc, why->text);
		return;
	}
	d->cli = c->id;
	d->rc = rc;
	d->why = *why;
	if (policy_record_entry(c->p, &e, id) != ERR_OK) {
		slots_drop(c->p->pending, id);
		cli_error(c->p, c->id, rc, why->text);
	}
}

/* ---- connections ---- */

static const struct ipc_rule cli_rules[] = {
    {MSG_CLI_STATUS, 0, 0, 1, cli_on_status},
    {MSG_CLI_SUBMIT, 1, MAX_SIGNED_DOC, 1, cli_on_submit},
    {MSG_CLI_WARRANT_LIST, 4, 4, 1, cli_on_warrant_list},
    {MSG_CLI_WARRANT_CHECK, 1, MAX_SIGNED_DOC, 1, cli_on_warrant_check},
    {MSG_CLI_REQUEST_LIST, 4, 4, 1, cli_on_request_list},
    {MSG_CLI_REQUEST_SHOW, DIGEST_LEN, DIGEST_LEN, 1, cli_on_request_show},
    {MSG_CLI_SUBSCRIBER_LIST, 4, 4, 1, cli_on_subscriber_list},
    {MSG_CLI_STATE, 0, 0, 1, cli_on_state},
    {MSG_CLI_DELIVERY, 4, 4, 1, cli_on_delivery},
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
    .max_body = MAX_SIGNED_DOC,
    .max_queue = MAX_IPC_QUEUE,
    .closed = cli_closed,
    .foreign = true};

/* Who is not in the user namespace of a process has this name there. */
#define OVERFLOW_USER 65534

/*
 * The socket's mode lets in who may; this is the second lock.  In a user
 * namespace it cannot tell root from others, and leaves that to the mode.
 */
static bool
may_speak(const struct policy *p, int fd)
{
	struct ucred u;
	socklen_t len = sizeof(u);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &u, &len) != 0)
		return false;
	if (u.uid == OVERFLOW_USER)
		return sandbox_confinement()->namespaces ==
		    CONFINE_USER_NAMESPACE;
	return u.uid == 0 || u.uid == geteuid() || u.uid == p->owner;
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
	if (!may_speak(p, fd) || (c = slots_take(p->clis, &id)) == NULL) {
		close(fd);
		return;
	}
	c->p = p;
	c->id = id;
	if (peer_new(&p->loop, fd, &cli_ops, c, &c->peer) != ERR_OK)
		slots_drop(p->clis, id);
}
