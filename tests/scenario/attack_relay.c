/* attack-relay: see relay.h.  It confines itself to nothing. */
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "appliance/ctl.h"
#include "appliance/spawn.h"
#include "base/log.h"
#include "relay.h"

extern char **environ;

static struct relay relay = {.line = -1};
static int listener = -1;

void
relay_stop(const struct relay *r, const char *what)
{
	fatal("relay of %s: %s: %s", r->name, what, strerror(errno));
}

static void
to_process(const struct ipc_frame *f, int fd)
{
	/* One that has gone is seen on its line. */
	if (ipc_ctl_send(relay.line, f->type, f->id, f->body.p, f->body.left,
		fd) != ERR_OK)
		log_debug("it has gone");
}

/* ---- from the supervisor ---- */

/* Of each kind the last one, but there may be several sockets. */
static void
keep_file(enum ctl_file kind, int fd)
{
	unsigned i = 0;

	while (i < relay.n_files &&
	    (kind == CTL_FILE_LISTEN || relay.file[i].kind != kind))
		i++;
	if (i == RELAY_FILES)
		relay_stop(&relay, "too many files");
	if (i < relay.n_files)
		close(relay.file[i].fd);
	else
		relay.n_files++;
	relay.file[i].kind = kind;
	relay.file[i].fd = fd;
}

static void
keep_settings(struct rd settings)
{
	free(relay.settings);
	if ((relay.settings = malloc(settings.left + 1)) == NULL)
		relay_stop(&relay, "out of memory");
	if (settings.left > 0)
		memcpy(relay.settings, settings.p, settings.left);
	relay.settings_len = settings.left;
}

static void
from_supervisor(void)
{
	static uint8_t buf[IPC_CTL_MAX];
	struct ipc_frame f;
	int fd = -1, inner;
	const enum err rc = ipc_ctl_recv(CTL_FD, buf, sizeof(buf), &f, &fd);

	if (rc == ERR_CLOSED)
		_exit(0);
	if (rc != ERR_OK)
		return;
	if (f.type == MSG_CTL_PEER) {
		inner = relay_wire_new(&relay, (enum ctl_peer)(f.id >> 8),
		    f.id & 0xff, fd);
		to_process(&f, inner);
		close(inner);
		return;
	}
	to_process(&f, fd);
	if (f.type == MSG_CTL_FILE)
		keep_file((enum ctl_file)f.id, fd);
	if (f.type == MSG_CTL_SETUP || f.type == MSG_CTL_RELOAD)
		keep_settings(f.body);
}

/* ---- from the process ---- */

/* What it has said last is handed on; then the relay ends as it did. */
static _Noreturn void
ends(void)
{
	int status = 0;

	relay_pump(&relay, 50, NULL, 0);
	relay_pump(&relay, 0, NULL, 0);
	if (waitpid(relay.pid, &status, 0) == relay.pid && WIFSIGNALED(status))
		(void)kill(getpid(), WTERMSIG(status));
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : SIGKILL);
}

static void
from_process(void)
{
	static uint8_t buf[IPC_CTL_MAX];
	struct ipc_frame f;
	int fd = -1;
	const enum err rc = ipc_ctl_recv(relay.line, buf, sizeof(buf), &f, &fd);

	if (rc == ERR_AGAIN)
		return;
	if (rc != ERR_OK)
		ends();
	if (ipc_ctl_send(CTL_FD, f.type, f.id, f.body.p, f.body.left, fd) !=
	    ERR_OK)
		_exit(0);
}

/* ---- orders ---- */

static void
turn_alone(int ms)
{
	struct pollfd p = {CTL_FD, POLLIN, 0};

	relay_pump(&relay, ms, &p, 1);
	if (p.revents != 0)
		from_supervisor();
}

static void
obey(void)
{
	char order[32] = "";
	const int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	FILE *io = fd == -1 ? NULL : fdopen(fd, "r+");

	if (io == NULL || fgets(order, sizeof(order), io) == NULL)
		relay_stop(&relay, "an order that is none");
	if (strcmp(order, "replay\n") == 0)
		relay_replay(&relay, turn_alone, io);
	if (strncmp(order, "sweep", 5) == 0)
		relay_sweep(&relay, strcmp(order, "sweep all\n") == 0, io);
	(void)fclose(io);
}

static void
listen_for_orders(void)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	char path[2100];

	(void)snprintf(path, sizeof(path), "%s.socket", relay.self);
	(void)unlink(path);
	if (strlen(path) >= sizeof(name.sun_path))
		relay_stop(&relay, "the folder's name is too long");
	memcpy(name.sun_path, path, strlen(path) + 1);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener == -1 ||
	    bind(listener, (const struct sockaddr *)&name, sizeof(name)) ==
		-1 ||
	    listen(listener, 1) == -1)
		relay_stop(&relay, path);
}

int
main(void)
{
	const ssize_t n =
	    readlink("/proc/self/exe", relay.self, sizeof(relay.self) - 1);
	char program[256];
	struct why why = {""};

	ctl_init("attack-relay");
	if (n <= 0 || (relay.name = strrchr(relay.self, '/')) == NULL)
		fatal("it does not know its own name");
	relay.name++;
	(void)snprintf(program, sizeof(program), "true/%s", relay.name);
	listen_for_orders();
	if (spawn_process(program, environ, &relay.pid, &relay.line, &why) !=
	    ERR_OK)
		fatal("%s", why.text);
	for (;;) {
		struct pollfd p[3] = {{CTL_FD, POLLIN, 0},
		    {relay.line, POLLIN, 0}, {listener, POLLIN, 0}};

		relay_pump(&relay, -1, p, 3);
		if (p[0].revents != 0)
			from_supervisor();
		if (p[1].revents != 0)
			from_process();
		if (p[2].revents != 0)
			obey();
	}
}
