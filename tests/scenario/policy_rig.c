#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "appliance/ctl.h"
#include "appliance/kms_state.h"
#include "policy_rig.h"

#define PATIENCE_MS 15000
#define CHUNK 262144
#define TOKEN_LABEL "keywarden"

void
rig_stop(const char *what, const char *why)
{
	(void)fprintf(stderr, "attack-policy: %s: %s\n", what, why);
	exit(2);
}

static void
must(enum err rc, const char *what)
{
	if (rc != ERR_OK)
		rig_stop(what, err_str(rc));
}

/* ---- processes ---- */

int
rig_open(const struct rig *g, const char *file, int flags)
{
	char path[512];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", g->dir, file);
	if ((fd = open(path, flags | O_CLOEXEC, 0600)) == -1)
		rig_stop(path, strerror(errno));
	return fd;
}

/* The program beside this one. */
static void
program_path(const char *program, char *out, size_t cap)
{
	const ssize_t n = readlink("/proc/self/exe", out, cap - 1);
	char *slash;

	out[n > 0 ? n : 0] = '\0';
	if ((slash = strrchr(out, '/')) == NULL)
		rig_stop(program, "no folder");
	(void)snprintf(slash + 1, cap - (size_t)(slash + 1 - out), "%s",
	    program);
}

static _Noreturn void
become(const struct rig *g, const char *program, int line)
{
	char path[512], conf[512], name[64];
	char *argv[] = {name, NULL};
	char *env[] = {conf, NULL};
	const int log = rig_open(g, "log", O_WRONLY | O_APPEND | O_CREAT);

	program_path(program, path, sizeof(path));
	(void)snprintf(name, sizeof(name), "%s", program);
	(void)snprintf(conf, sizeof(conf), "SOFTHSM2_CONF=%s/softhsm2.conf",
	    g->dir);
	if (dup2(log, STDERR_FILENO) == -1 || dup2(line, CTL_FD) == -1 ||
	    fcntl(CTL_FD, F_SETFD, 0) == -1 ||
	    close_range(CTL_FD + 1, ~0U, 0) == -1)
		_exit(71);
	(void)execve(path, argv, env);
	_exit(71);
}

void
rig_spawn(struct rig *g, const char *program, struct rig_proc *p)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1 ||
	    (p->pid = fork()) == -1)
		rig_stop(program, strerror(errno));
	if (p->pid == 0)
		become(g, program, fcntl(pair[1], F_DUPFD_CLOEXEC, 16));
	close(pair[1]);
	p->ctl = pair[0];
	p->status = 0;
}

void
rig_hand(const struct rig_proc *p, uint16_t type, uint32_t id, int fd)
{
	must(ipc_ctl_send(p->ctl, type, id, NULL, 0, fd), "line");
	close(fd);
}

void
rig_forget_proc(struct rig_proc *p)
{
	close(p->ctl);
	p->pid = 0;
}

static void
kill_proc(struct rig_proc *p)
{
	if (p->pid == 0)
		return;
	(void)kill(p->pid, SIGKILL);
	(void)waitpid(p->pid, NULL, 0);
	rig_forget_proc(p);
}

/* ---- channels ---- */

static int
pair_up(struct ipc_chan **ours)
{
	int pair[2];

	ipc_chan_free(ours);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
		pair) == -1)
		rig_stop("socketpair", strerror(errno));
	must(ipc_chan_new(pair[0], MAX_IPC_BODY, MAX_IPC_QUEUE, ours),
	    "channel");
	return pair[1];
}

void
rig_cut_wire(struct rig_wire *w)
{
	for (int s = 0; s < 2; s++) {
		ipc_chan_free(&w->end[s]);
		free(w->held[s].body);
		w->held[s] = (struct rig_held){.at = 0};
	}
}

static void
new_wire(struct rig *g, unsigned i)
{
	struct rig_wire *w = &g->wire[i];
	int fd;

	rig_cut_wire(w);
	fd = pair_up(&w->end[FROM_AUDIT]);
	rig_hand(&g->audit, MSG_CTL_PEER, CTL_PEER_ID(CTL_PEER_HSM, i), fd);
	fd = pair_up(&w->end[FROM_WORKER]);
	rig_hand(&g->worker[i], MSG_CTL_PEER, CTL_PEER_ID(CTL_PEER_AUDIT, 0),
	    fd);
}

void
rig_join_policy(struct rig *g)
{
	g->type = 0;
	rig_hand(&g->audit, MSG_CTL_PEER, CTL_PEER_ID(CTL_PEER_POLICY, 0),
	    pair_up(&g->policy));
}

/* ---- start and end ---- */

static bool
await_ready(struct rig *g, const struct rig_proc *p)
{
	static uint8_t buf[IPC_CTL_MAX];
	struct pollfd line = {p->ctl, POLLIN, 0};
	struct ipc_frame f;
	struct rd text;
	enum err rc;
	int fd;

	if (poll(&line, 1, PATIENCE_MS) != 1)
		rig_stop("a process", "is not READY");
	if (ipc_ctl_recv(p->ctl, buf, sizeof(buf), &f, &fd) != ERR_OK)
		return false;
	if (f.type == MSG_CTL_READY)
		return true;
	if (f.type == MSG_CTL_FAILED &&
	    msg_error_get(f.body, &rc, &text) == ERR_OK)
		must(view_text(text, g->failed, sizeof(g->failed)), "a reason");
	return false;
}

void
rig_start_audit(struct rig *g)
{
	const struct audit_settings s = {.chunk = CHUNK, .most = g->log_most};
	uint8_t body[64];
	struct wr w;

	rig_spawn(g, "keywarden-audit", &g->audit);
	rig_hand(&g->audit, MSG_CTL_FILE, CTL_FILE_LOG,
	    rig_open(g, "audit.log", O_RDWR));
	rig_join_policy(g);
	for (unsigned i = 0; i < g->n_workers; i++)
		if (g->worker[i].pid != 0)
			new_wire(g, i);
	wr_init(&w, body, sizeof(body));
	audit_settings_put(&w, &s);
	must(w.rc, "settings");
	must(ipc_ctl_send(g->audit.ctl, MSG_CTL_SETUP, 0, body, w.len, -1),
	    "line");
	if (!await_ready(g, &g->audit))
		rig_stop("audit", "does not start");
}

static void
send_hsm_settings(const struct rig_proc *p, unsigned index)
{
	struct hsm_settings h = {.index = index,
	    .call_seconds = 10,
	    .job_seconds = RIG_JOB_SECONDS,
	    .threads = 1};
	static const char module[] = "/usr/lib/softhsm/libsofthsm2.so";
	uint8_t body[4096];
	struct wr w;

	rd_init(&h.module, module, strlen(module));
	rd_init(&h.label, TOKEN_LABEL, strlen(TOKEN_LABEL));
	wr_init(&w, body, sizeof(body));
	hsm_settings_put(&w, &h);
	must(w.rc, "settings");
	must(ipc_ctl_send(p->ctl, MSG_CTL_SETUP, 0, body, w.len, -1), "line");
}

bool
rig_start_worker(struct rig *g, unsigned i)
{
	struct rig_proc *p = &g->worker[i];

	rig_spawn(g, "keywarden-hsm", p);
	rig_hand(p, MSG_CTL_FILE, CTL_FILE_KMS_STATE,
	    rig_open(g, "kms-state", O_RDONLY));
	rig_hand(p, MSG_CTL_FILE, CTL_FILE_PIN, rig_open(g, "pin", O_RDONLY));
	rig_hand(p, MSG_CTL_FILE, CTL_FILE_HEAD, rig_open(g, "head", O_RDWR));
	new_wire(g, i);
	rig_hand(p, MSG_CTL_PEER, CTL_PEER_ID(CTL_PEER_XK, 0),
	    pair_up(&g->xk[i]));
	send_hsm_settings(p, i);
	if (await_ready(g, p))
		return true;
	(void)waitpid(p->pid, &p->status, 0);
	rig_forget_proc(p);
	rig_cut_wire(&g->wire[i]);
	ipc_chan_free(&g->xk[i]);
	return false;
}

void
rig_start(struct rig *g)
{
	rig_end(g);
	rig_start_audit(g);
	for (unsigned i = 0; i < g->n_workers; i++)
		(void)rig_start_worker(g, i);
	rig_mark(g);
}

void
rig_kill_audit(struct rig *g)
{
	kill_proc(&g->audit);
	ipc_chan_free(&g->policy);
	for (unsigned i = 0; i < RIG_WORKERS; i++)
		rig_cut_wire(&g->wire[i]);
}

void
rig_kill_worker(struct rig *g, unsigned i)
{
	kill_proc(&g->worker[i]);
	rig_cut_wire(&g->wire[i]);
	ipc_chan_free(&g->xk[i]);
}

void
rig_end(struct rig *g)
{
	for (unsigned i = 0; i < RIG_WORKERS; i++)
		rig_kill_worker(g, i);
	rig_kill_audit(g);
	g->service = (struct msg_service){.workers = 0};
	g->type = 0;
}
