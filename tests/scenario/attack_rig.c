#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "appliance/kms_state.h"
#include "appliance/spawn.h"
#include "attack_rig.h"

#define PATIENCE_MS 10000
#define SOFTWARE_ERROR 70 /* the exit status of fatal() */

void
rig_stop(const char *what)
{
	(void)fprintf(stderr, "attack: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void
must(enum err rc, const char *what)
{
	if (rc != ERR_OK)
		rig_stop(what);
}

/*
 * As audit.  Policy may have ended itself meanwhile, and that is seen when its
 * channels are read.
 */
static void
say_as_audit(struct rig *g, uint16_t type, uint32_t id, const void *body,
    size_t len)
{
	must(ipc_send(g->audit, type, id, body, len), "queue");
	while (ipc_queued(g->audit) > 0 && ipc_flush(g->audit) == ERR_OK)
		;
}

/* ---- a process ---- */

static void
hand_down(struct rig *g, uint16_t type, uint32_t id, int fd)
{
	must(ipc_ctl_send(g->ctl, type, id, NULL, 0, fd), "line to policy");
	close(fd);
}

static void
give_channel(struct rig *g, enum ctl_peer kind, struct ipc_chan **ours)
{
	int pair[2];

	ipc_chan_free(ours);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
		pair) == -1)
		rig_stop("socketpair");
	must(ipc_chan_new(pair[0], MAX_IPC_BODY, MAX_IPC_QUEUE, ours),
	    "channel");
	hand_down(g, MSG_CTL_PEER, CTL_PEER_ID(kind, 0), pair[1]);
}

static int
control_socket(struct rig *g)
{
	const struct sockaddr_un any = {.sun_family = AF_UNIX};
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	/* A name that the kernel chooses. */
	if (fd == -1 ||
	    bind(fd, (const struct sockaddr *)&any, sizeof(sa_family_t)) ==
		-1 ||
	    listen(fd, 1) == -1)
		rig_stop("control socket");
	g->name_len = sizeof(g->name);
	if (getsockname(fd, (struct sockaddr *)&g->name, &g->name_len) == -1)
		rig_stop("control socket");
	return fd;
}

/* The configuration that init has fixed: it is the approved one. */
static void
send_settings(struct rig *g)
{
	static uint8_t buf[IPC_CTL_MAX];
	static struct kms_state state;
	struct policy_settings s = {.df2 = g->df2, .owner = geteuid()};
	struct rd sealed, seal;
	struct why why = {""};
	uint8_t *octets = NULL;
	char path[4096];
	struct wr w;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/kms-state", g->state);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		rig_stop(path);
	must(kms_state_load(fd, &octets, &state, &sealed, &seal, &why), path);
	s.config = state.config;
	(void)snprintf(path, sizeof(path), "%s/registry/registry.db", g->state);
	rd_init(&s.database, path, strlen(path));
	wr_init(&w, buf, sizeof(buf) - IPC_HEADER_LEN);
	policy_settings_put(&w, &s);
	must(w.rc, "settings");
	must(ipc_ctl_send(g->ctl, MSG_CTL_SETUP, 0, buf, w.len, -1),
	    "line to policy");
	close(fd);
	free(octets);
}

/* As audit: all is well. */
static void
send_service(struct rig *g)
{
	const struct msg_service m = {.workers = 1, .log_has_room = true};
	uint8_t body[MSG_SERVICE_LEN];
	struct wr w;

	wr_init(&w, body, sizeof(body));
	msg_service_put(&w, &m);
	say_as_audit(g, MSG_SERVICE, 0, body, w.len);
}

/* As audit: the entry is on disk. */
static void
record(struct rig *g, const struct ipc_frame *f)
{
	static const char alarm_word[] = "ALARM";
	const uint8_t done = ERR_OK;
	struct audit_entry e;

	must(audit_entry_decode(f->body, &e), "an entry");
	if (e.type == AUDIT_CLIENT_EVENT &&
	    memmem(e.text.p, e.text.left, alarm_word, sizeof(alarm_word) - 1) !=
		NULL)
		g->alarms++;
	if (e.client.left > 0 && e.client.left < sizeof(g->last_client)) {
		memcpy(g->last_client, e.client.p, e.client.left);
		g->last_client[e.client.left] = '\0';
	}
	say_as_audit(g, MSG_RECORDED, f->id, &done, 1);
}

/* As audit: the warrant state is the log's. */
static void
hear_chain(struct rig *g)
{
	struct pollfd p = {ipc_chan_fd(g->audit), POLLIN, 0};
	const uint8_t done = ERR_OK;
	struct msg_chain m = {.last = false};
	struct ipc_frame f;

	while (!m.last) {
		if (poll(&p, 1, PATIENCE_MS) != 1 ||
		    ipc_fill(g->audit) != ERR_OK)
			rig_stop("no warrant state");
		while (ipc_next(g->audit, &f) == ERR_OK) {
			if (f.type == MSG_RECORD) { /* of the machine's clock */
				record(g, &f);
				continue;
			}
			if (f.type != MSG_CHAIN ||
			    msg_chain_get(f.body, &m) != ERR_OK)
				rig_stop("no warrant state");
			must(ipc_send(g->audit, MSG_CHAINED, f.id, &done, 1),
			    "channel");
			must(ipc_flush(g->audit), "channel");
		}
	}
}

void
rig_start(struct rig *g)
{
	static char level[] = "KEYWARDEN_LOG=error";
	char *env[] = {level, NULL}, path[4096];
	uint8_t buf[IPC_CTL_MAX];
	struct ipc_frame f;
	struct why why = {""};
	int fd;

	rig_end(g);
	g->alarms = g->grants = 0;
	g->last_client[0] = '\0';
	if (spawn_process("keywarden-policy", env, &g->pid, &g->ctl, &why) !=
	    ERR_OK)
		rig_stop(why.text);
	(void)snprintf(path, sizeof(path), "%s/kms-state", g->state);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		rig_stop(path);
	hand_down(g, MSG_CTL_FILE, CTL_FILE_KMS_STATE, fd);
	hand_down(g, MSG_CTL_FILE, CTL_FILE_CONTROL, control_socket(g));
	give_channel(g, CTL_PEER_AUDIT, &g->audit);
	give_channel(g, CTL_PEER_XK, &g->xk);
	if (g->df2) {
		give_channel(g, CTL_PEER_X2, &g->x2);
		give_channel(g, CTL_PEER_HI2, &g->hi2);
	}
	send_settings(g);
	must(ipc_ctl_recv(g->ctl, buf, sizeof(buf), &f, &fd), "READY");
	if (f.type != MSG_CTL_READY)
		rig_stop("policy is not READY");
	send_service(g);
	hear_chain(g);
}

static void
forget(struct rig *g)
{
	close(g->ctl);
	ipc_chan_free(&g->xk);
	ipc_chan_free(&g->audit);
	ipc_chan_free(&g->x2);
	ipc_chan_free(&g->hi2);
	g->pid = 0;
}

void
rig_end(struct rig *g)
{
	if (g->pid == 0)
		return;
	(void)kill(g->pid, SIGKILL);
	(void)waitpid(g->pid, NULL, 0);
	forget(g);
}

/* Has it ended itself, as it does at a message that is not permitted? */
static enum act_end
how_it_ended(struct rig *g)
{
	int status = 0;
	const pid_t p = waitpid(g->pid, &status, 0);

	if (p != g->pid || !WIFEXITED(status) ||
	    WEXITSTATUS(status) != SOFTWARE_ERROR)
		rig_stop("policy has ended in another way");
	forget(g);
	return ENDED;
}

/* ---- what it says ---- */

/* Of one frame; NOTHING: go on. */
static enum act_end
heard_as_audit(struct rig *g, const struct ipc_frame *f)
{
	if (f->type == MSG_RECORD)
		record(g, f);
	else if (f->type == MSG_GRANT)
		g->grants++;
	else
		rig_stop("policy told audit something else");
	return f->type == MSG_GRANT ? GRANTED : NOTHING;
}

static enum act_end
heard_as_xk(const struct ipc_frame *f, uint8_t *nonce, bool *have_nonce)
{
	struct msg_refuse m;
	struct rd body = f->body;

	if (f->type == MSG_REFUSE) {
		must(msg_refuse_get(f->body, &m), "a refusal");
		return m.reason == XK_NO_AUTHORISATION ? REFUSED
						       : REFUSED_OTHERWISE;
	}
	if (f->type != MSG_CONN_NONCE || nonce == NULL)
		rig_stop("policy told xk something else");
	must(rd_copy(&body, nonce, CLIENT_NONCE_LEN), "a nonce");
	*have_nonce = true;
	return NOTHING;
}

void
rig_send_as(struct ipc_chan *c, uint16_t type, uint32_t id, const void *body,
    size_t len)
{
	/* One that policy ends itself at may meet a closed channel. */
	must(ipc_send(c, type, id, body, len), "queue");
	while (ipc_queued(c) > 0 && ipc_flush(c) == ERR_OK)
		;
}

void
rig_send(struct rig *g, uint16_t type, uint32_t id, const void *body,
    size_t len)
{
	rig_send_as(g->xk, type, id, body, len);
}

/* Reads both channels; false when policy has closed them. */
static bool
read_both(struct rig *g, uint8_t *nonce, bool *have_nonce, enum act_end *end)
{
	const enum err xk = ipc_fill(g->xk), audit = ipc_fill(g->audit);
	struct ipc_frame f;

	while (*end == NOTHING && ipc_next(g->audit, &f) == ERR_OK)
		*end = heard_as_audit(g, &f);
	while (*end == NOTHING && !*have_nonce && ipc_next(g->xk, &f) == ERR_OK)
		*end = heard_as_xk(&f, nonce, have_nonce);
	return xk == ERR_OK && audit == ERR_OK;
}

enum act_end
rig_wait(struct rig *g, uint8_t nonce[CLIENT_NONCE_LEN])
{
	struct timespec now, until;
	enum act_end end = NOTHING;
	bool have_nonce = false;

	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += PATIENCE_MS / 1000;
	do {
		struct pollfd p[2] = {{ipc_chan_fd(g->xk), POLLIN, 0},
		    {ipc_chan_fd(g->audit), POLLIN, 0}};

		(void)poll(p, 2, 100);
		if (!read_both(g, nonce, &have_nonce, &end) && end == NOTHING)
			return how_it_ended(g);
		(void)clock_gettime(CLOCK_MONOTONIC, &now);
	} while (end == NOTHING && !have_nonce && now.tv_sec < until.tv_sec);
	return end;
}

void
rig_new_xk(struct rig *g)
{
	give_channel(g, CTL_PEER_XK, &g->xk);
}

/* As audit: the change is in effect everywhere. */
static bool
changed(struct rig *g, const struct ipc_frame *f)
{
	const struct msg_changed m = {.rc = ERR_OK, .logged = true};
	uint8_t body[16];
	struct wr w;

	if (f->type == MSG_RECORD)
		record(g, f);
	if (f->type != MSG_CHANGE)
		return false;
	wr_init(&w, body, sizeof(body));
	msg_changed_put(&w, &m);
	say_as_audit(g, MSG_CHANGED, f->id, body, w.len);
	return true;
}

/* On the control socket, as keywarden(1): until it is in effect. */
void
rig_submit(struct rig *g, const uint8_t *cms, size_t len)
{
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct ipc_chan *c = NULL;
	struct ipc_frame f;
	bool done = false;

	if (fd == -1 ||
	    connect(fd, (const struct sockaddr *)&g->name, g->name_len) == -1 ||
	    fcntl(fd, F_SETFL, O_NONBLOCK) == -1)
		rig_stop("control socket");
	must(ipc_chan_new(fd, MAX_IPC_BODY, MAX_IPC_QUEUE, &c), "channel");
	must(ipc_send(c, MSG_CLI_SUBMIT, 0, cms, len), "queue");
	must(ipc_flush(c), "channel");
	while (!done) {
		struct pollfd p[2] = {{ipc_chan_fd(g->audit), POLLIN, 0},
		    {fd, POLLIN, 0}};

		if (poll(p, 2, PATIENCE_MS) < 1)
			rig_stop("no word on the request");
		if (ipc_fill(g->audit) != ERR_OK || ipc_fill(c) != ERR_OK)
			rig_stop("policy has gone");
		while (ipc_next(g->audit, &f) == ERR_OK)
			(void)changed(g, &f);
		if (ipc_next(c, &f) == ERR_OK) {
			if (f.type != MSG_CLI_OK)
				rig_stop("the request is refused");
			done = true;
		}
	}
	ipc_chan_free(&c);
}
