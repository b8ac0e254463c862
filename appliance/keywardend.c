/*
 * keywardend: the supervisor.  Opens sockets and files, starts the processes
 * and hands them what they need, starts them again when they end.  Parses its
 * configuration, the certificates named there and, where keys of TLS are in the
 * token, their public halves in kms-state; nothing else.
 */
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "appliance/production.h"
#include "appliance/supervisor.h"
#include "base/bytes.h"
#include "base/log.h"
#include "base/secret_fd.h"
#include "version.h"

static void
usage(void)
{
	(void)printf(
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
	    "state, 70 something else, which is said.\n");
}

static enum err
read_pin_fd(int fd, struct secret **out, struct why *why)
{
	const enum err rc = secret_read(fd, out);

	close(fd);
	if (rc == ERR_NOMEM)
		return why_set(why, rc, "no locked memory");
	return rc == ERR_OK
	    ? ERR_OK
	    : why_set(why, ERR_PIN, "--pin-fd: no PIN could be read from it");
}

/* "3" to 3; -1 is none. */
static int
descriptor(const char *text)
{
	uint64_t n;

	return number_get(text, INT_MAX, &n) == ERR_OK ? (int)n : -1;
}

static int
misuse(const char *what, const char *arg)
{
	(void)fprintf(stderr,
	    "keywardend: %s: %s ('keywardend --help' tells more)\n", arg, what);
	return 64;
}

/* It may hold the PIN, and it hands out what the others need. */
static int
forbid_dumps(void)
{
	const struct rlimit none = {0, 0};

	return prctl(PR_SET_DUMPABLE, 0) == -1 ? -1
					       : setrlimit(RLIMIT_CORE, &none);
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

static bool
lists_differ(char *const a[], unsigned n_a, char *const b[], unsigned n_b)
{
	for (unsigned i = 0; i < n_a && i < n_b; i++)
		if (strcmp(a[i], b[i]) != 0)
			return true;
	return n_a != n_b;
}

static bool
listens_elsewhere(const struct config_server *a, const struct config_server *b)
{
	return lists_differ(a->listen, a->n_listen, b->listen, b->n_listen);
}

/* A worker that runs keeps whom it may call. */
static bool
calls_others(const struct config *a, const struct config *b)
{
	return lists_differ(a->token_call, a->n_token_calls, b->token_call,
	    b->n_token_calls);
}

/* Paths and numbers that a running process cannot take over. */
static bool
needs_restart(const struct config *a, const struct config *b)
{
	return listens_elsewhere(&a->xk_server, &b->xk_server) ||
	    listens_elsewhere(&a->x2_server, &b->x2_server) ||
	    strcmp(a->state_dir, b->state_dir) != 0 ||
	    strcmp(a->control_socket, b->control_socket) != 0 ||
	    strcmp(a->token_module, b->token_module) != 0 ||
	    strcmp(a->token_label, b->token_label) != 0 || calls_others(a, b) ||
	    a->workers != b->workers || a->production != b->production ||
	    a->landlock != b->landlock || a->namespaces != b->namespaces ||
	    a->users != b->users || a->memory_locked != b->memory_locked ||
	    config_is_remote(a) != config_is_remote(b);
}

/* That nobody can be revoked is to be chosen, not forgotten. */
static void
warn_of_crl(const struct config *f)
{
	const char *section[CONFIG_PEERS];
	const unsigned n = config_without_crl(f, section);

	for (unsigned i = 0; i < n; i++)
		log_warning("%s.crl is not set: a certificate of its CA "
			    "is taken until it ends (crl = \"none\" says "
			    "that this is meant)",
		    section[i]);
}

static void
reload(struct supervisor *s)
{
	struct config *fresh = NULL, *old = s->config;
	struct why why = {""};
	enum err rc;

	rc = config_load(s->config_path, &fresh, &why);
	if (rc == ERR_OK && needs_restart(old, fresh))
		rc = why_set(&why, ERR_UNSUPPORTED,
		    "state_dir, control_socket, token, workers, sandbox, "
		    "production, xk_client's being there, x2.listen or "
		    "xk.listen changed: these need a restart");
	if (rc == ERR_OK)
		rc = production_check(fresh, s->pin == NULL, &why);
	if (rc == ERR_OK)
		rc = sup_check(fresh, &why);
	if (rc != ERR_OK) {
		log_error("%s: the configuration in use stays", why.text);
		config_free(&fresh);
		sup_release_held(s);
		return;
	}
	config_slots(fresh, old);
	s->config = fresh;
	log_init("keywardend", log_level_of(fresh->log_level));
	warn_of_crl(fresh);
	sup_end_links(s);
	for (unsigned i = 0; i < s->n_children; i++) {
		struct child *c = &s->child[i];

		if (c->pid != 0 && sup_reload_child(s, c, &why) != ERR_OK)
			log_error("%s", why.text);
	}
	sup_add_links(s);
	sup_add_signer(s);
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

/* Of two times to wait, -1 being for ever. */
static int
sooner(int a, int b)
{
	return a == -1 || (b != -1 && b < a) ? b : a;
}

static void
run(struct supervisor *s)
{
	warn_of_crl(s->config);
	config_slots(s->config, NULL);
	sup_add_children(s);
	while (!s->stopping) {
		struct pollfd fds[1 + MAX_CHILDREN] = {
		    {s->signal_fd, POLLIN, 0}};
		int wait;

		sup_start_due(s);
		wait = sooner(sooner(sup_next_start(s), sup_crl_watch(s)),
		    sup_next_look(s));
		for (unsigned i = 0; i < s->n_children; i++)
			fds[1 + i] =
			    (struct pollfd){s->child[i].ctl, POLLIN, 0};
		if (poll(fds, 1 + s->n_children, wait) == -1 && errno != EINTR)
			fatal("poll: %s", strerror(errno));
		/* Words first: an end that follows them is then understood. */
		for (unsigned i = 0; i < s->n_children; i++)
			if ((fds[1 + i].revents & POLLIN) != 0)
				sup_from_child(s, &s->child[i]);
		on_signal(s);
		sup_look_at_workers(s);
	}
	sup_stop_all(s);
	sup_close(s);
	log_info("stopped");
}

/* All that can fail before there is a process to serve. */
static enum err
open_all(struct supervisor *s, int pin_fd, struct why *why)
{
	enum err rc;

	if ((rc = config_load(s->config_path, &s->config, why)) != ERR_OK)
		return rc;
	log_init("keywardend", log_level_of(s->config->log_level));
	if ((rc = production_check(s->config, pin_fd == -1, why)) != ERR_OK ||
	    (rc = sup_confine(s, why)) != ERR_OK)
		return rc;
	sup_owner(s);
	if ((pin_fd != -1 &&
		(rc = read_pin_fd(pin_fd, &s->pin, why)) != ERR_OK) ||
	    (rc = sup_check(s->config, why)) != ERR_OK ||
	    (rc = sup_check_state(s->config, why)) != ERR_OK)
		return rc;
	return sup_open(s, why);
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

	log_init("keywardend", LOG_LVL_INFO);
	opterr = 0;
	while ((c = getopt_long(argc, argv, ":", longs, NULL)) != -1)
		switch (c) {
		case 'c':
			s.config_path = optarg;
			break;
		case 'p':
			if ((pin_fd = descriptor(optarg)) == -1)
				return misuse("not the number of a descriptor",
				    optarg);
			break;
		case 'v':
			puts("keywarden " KEYWARDEN_VERSION);
			return 0;
		case 'h':
			usage();
			return 0;
		default:
			return misuse(c == ':' ? "something must follow"
					       : "no such option",
			    argv[optind - 1]);
		}
	if (optind != argc)
		return misuse("not an option", argv[optind]);
	if (forbid_dumps() == -1)
		fatal("cannot forbid core dumps: %s", strerror(errno));
	(void)umask(077);
	if ((s.signal_fd = block_signals()) == -1)
		fatal("signals: %s", strerror(errno));
	if (open_all(&s, pin_fd, &why) != ERR_OK) {
		log_error("%s", why.text);
		return 78;
	}
	sup_confine_say(&s);
	run(&s);
	config_free(&s.config);
	return s.left ? 70 : 0;
}
