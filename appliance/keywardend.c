/*
 * keywardend: the supervisor.  Opens sockets and files, starts the processes
 * and hands them what they need, starts them again when they end.  Parses
 * nothing from outside this machine.
 */
#include <sys/signalfd.h>
#include <sys/stat.h>

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "appliance/supervisor.h"
#include "base/log.h"
#include "version.h"

static void
usage(FILE *to)
{
	(void)fprintf(to,
	    "usage: keywardend [--config FILE] [--pin-fd N]\n"
	    "\n"
	    "Runs the appliance in the foreground; see keywardend(8).\n"
	    "\n"
	    "  --config FILE  instead of " CONFIG_DEFAULT_PATH "\n"
	    "  --pin-fd N     read the token's PIN from descriptor N\n"
	    "  --version\n"
	    "  --help\n"
	    "\n"
	    "SIGTERM stops it, SIGHUP has it read the configuration again.\n"
	    "Exit codes: 0 stopped by request, 64 usage, 78 configuration or\n"
	    "state, 71 system.\n");
}

static enum err
read_pin_fd(int fd, struct secret **out, struct why *why)
{
	struct secret *s = NULL;
	uint8_t *b;
	ssize_t n;

	if (secret_new(256, &s) != ERR_OK)
		return why_set(why, ERR_NOMEM, "no locked memory");
	b = secret_data(s);
	n = read(fd, b, 256);
	close(fd);
	while (n > 0 && (b[n - 1] == '\n' || b[n - 1] == '\r'))
		n--;
	if (n <= 0 || n == 256) {
		secret_free(&s);
		return why_set(why, ERR_PIN,
		    "--pin-fd: no PIN could be read from it");
	}
	secret_truncate(s, (size_t)n);
	*out = s;
	return ERR_OK;
}

static int
block_signals(void)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGHUP);
	(void)sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &set, NULL) == -1)
		return -1;
	(void)signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Paths and numbers that a running process cannot take over. */
static bool
needs_restart(const struct config *a, const struct config *b)
{
	return strcmp(a->state_dir, b->state_dir) != 0 ||
	    strcmp(a->control_socket, b->control_socket) != 0 ||
	    strcmp(a->token_module, b->token_module) != 0 ||
	    strcmp(a->token_label, b->token_label) != 0 ||
	    a->workers != b->workers || a->n_listen != b->n_listen;
}

static void
reload(struct supervisor *s)
{
	struct config *fresh = NULL, *old = s->config;
	struct why why = {""};

	if (config_load(s->config_path, &fresh, &why) != ERR_OK) {
		log_error("%s: the configuration in use stays", why.text);
		sup_release_held(s);
		return;
	}
	if (needs_restart(old, fresh)) {
		log_error("state_dir, control_socket, token, workers or "
			  "xk.listen changed: these need a restart; the "
			  "configuration in use stays");
		config_free(&fresh);
		sup_release_held(s);
		return;
	}
	s->config = fresh;
	for (unsigned i = 0; i < s->n_children; i++) {
		struct child *c = &s->child[i];

		if (c->pid != 0 && sup_reload_child(s, c, &why) != ERR_OK)
			log_error("%s", why.text);
	}
	config_free(&old);
	sup_release_held(s);
	log_info("configuration read again");
}

static void
on_signal(struct supervisor *s)
{
	struct signalfd_siginfo i;

	while (read(s->signal_fd, &i, sizeof(i)) == (ssize_t)sizeof(i))
		switch (i.ssi_signo) {
		case SIGCHLD:
			sup_reap(s);
			break;
		case SIGHUP:
			reload(s);
			break;
		default:
			s->stopping = true;
			break;
		}
}

static void
run(struct supervisor *s)
{
	while (!s->stopping) {
		struct pollfd fds[1 + MAX_CHILDREN] = {
		    {s->signal_fd, POLLIN, 0}};

		sup_start_due(s);
		for (unsigned i = 0; i < s->n_children; i++)
			fds[1 + i] =
			    (struct pollfd){s->child[i].ctl, POLLIN, 0};
		if (poll(fds, 1 + s->n_children, sup_next_start(s)) == -1 &&
		    errno != EINTR)
			fatal("poll: %s", strerror(errno));
		/* Words first: an end that follows them is then understood. */
		for (unsigned i = 0; i < s->n_children; i++)
			if ((fds[1 + i].revents & POLLIN) != 0)
				sup_from_child(s, &s->child[i]);
		on_signal(s);
	}
	sup_stop_all(s);
	sup_close(s);
	log_info("stopped");
}

int
main(int argc, char **argv)
{
	static const struct option longs[] = {{"config", required_argument,
						  NULL, 'c'},
	    {"pin-fd", required_argument, NULL, 'p'},
	    {"version", no_argument, NULL, 'v'},
	    {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	static struct supervisor s = {.config_path = CONFIG_DEFAULT_PATH,
	    .control_fd = -1,
	    .lock_fd = -1};
	struct why why = {""};
	int c, pin_fd = -1;
	enum err rc;

	log_init("keywardend", LOG_LVL_INFO);
	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1)
		switch (c) {
		case 'c':
			s.config_path = optarg;
			break;
		case 'p':
			pin_fd = (int)strtol(optarg, NULL, 10);
			break;
		case 'v':
			puts("keywarden " KEYWARDEN_VERSION);
			return 0;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return 64;
		}
	if (optind != argc) {
		usage(stderr);
		return 64;
	}
	(void)umask(077);
	if ((s.signal_fd = block_signals()) == -1)
		fatal("signals: %s", strerror(errno));
	rc = config_load(s.config_path, &s.config, &why);
	if (rc == ERR_OK && pin_fd != -1)
		rc = read_pin_fd(pin_fd, &s.pin, &why);
	if (rc == ERR_OK)
		rc = sup_open(&s, &why);
	if (rc != ERR_OK) {
		log_error("%s", why.text);
		return 78;
	}
	if (geteuid() == 0)
		log_warning("running as root: the unit's user is better");
	sup_add_children(&s);
	run(&s);
	config_free(&s.config);
	return 0;
}
