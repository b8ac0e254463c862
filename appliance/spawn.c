#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "appliance/ctl.h"
#include "appliance/reach.h"
#include "appliance/spawn.h"

#ifndef KW_LIBEXECDIR
#define KW_LIBEXECDIR "/usr/libexec/keywarden"
#define KW_LIBEXEC_FROM_BIN "../libexec/keywarden"
#endif

/*
 * In the folder of the running program (a build tree), in the libexec folder
 * that belongs to it (an installed tree, wherever it was put), or where the
 * build was told to install.
 */
static enum err
find_program(const char *program, char *out, size_t cap, struct why *why)
{
	static const char *const below[] = {"", KW_LIBEXEC_FROM_BIN "/"};
	char self[2048];
	const ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	self[n > 0 ? n : 0] = '\0';
	slash = strrchr(self, '/');
	for (size_t i = 0; slash != NULL && i < sizeof(below) / sizeof(*below);
	     i++) {
		const int len = (int)(slash + 1 - self);

		if (snprintf(out, cap, "%.*s%s%s", len, self, below[i],
			program) < (int)cap &&
		    access(out, X_OK) == 0)
			return ERR_OK;
	}
	(void)snprintf(out, cap, "%s/%s", KW_LIBEXECDIR, program);
	if (access(out, X_OK) == 0)
		return ERR_OK;
	return why_errno(why, "program %s", out);
}

/*
 * In the child: nothing is open but 0, 1, 2 and the line.  What comes on
 * standard input, a terminal it may be, is nothing for it.
 */
static _Noreturn void
exec_child(const char *path, const char *program, int line, char *const env[])
{
	char *name = strdup(program);
	char *const argv[] = {name, NULL};
	int null;

	if (line != CTL_FD && dup2(line, CTL_FD) == -1)
		_exit(71);
	if ((null = open("/dev/null", O_RDONLY)) == -1 ||
	    dup2(null, STDIN_FILENO) == -1)
		_exit(71);
	if (fcntl(CTL_FD, F_SETFD, 0) == -1 ||
	    close_range(CTL_FD + 1, ~0U, 0) == -1)
		_exit(71);
	execve(path, argv, env);
	_exit(71);
}

enum err
spawn_process(const char *program, char *const env[], pid_t *pid, int *ctl,
    struct why *why)
{
	char path[4096];
	sigset_t none;
	int pair[2];
	pid_t p;
	enum err rc;

	if ((rc = find_program(program, path, sizeof(path), why)) != ERR_OK)
		return rc;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1)
		return why_errno(why, "socketpair");
	if ((p = fork()) == -1) {
		close(pair[0]);
		close(pair[1]);
		return why_errno(why, "fork");
	}
	if (p == 0) {
		(void)sigemptyset(&none);
		(void)sigprocmask(SIG_SETMASK, &none, NULL);
		exec_child(path, program, pair[1], env);
	}
	close(pair[1]);
	*pid = p;
	*ctl = pair[0];
	return ERR_OK;
}

static _Noreturn void
try_here(enum err (*act)(const void *ctx, struct why *), const void *ctx,
    int out)
{
	struct why why = {""};

	if (act(ctx, &why) == ERR_OK)
		_exit(0);
	_exit(write(out, why.text, strlen(why.text)) > 0 ? 1 : 71);
}

enum err
spawn_try(enum err (*act)(const void *ctx, struct why *), const void *ctx,
    enum err as, struct why *why)
{
	char text[WHY_MAX];
	int line[2], status = -1;
	ssize_t n;
	pid_t pid;

	if (pipe2(line, O_CLOEXEC) == -1)
		return why_errno(why, "pipe");
	if ((pid = fork()) == 0)
		try_here(act, ctx, line[1]);
	close(line[1]);
	if (pid == -1) {
		close(line[0]);
		return why_errno(why, "fork");
	}
	n = read(line[0], text, sizeof(text) - 1);
	close(line[0]);
	while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return ERR_OK;
	text[n > 0 ? n : 0] = '\0';
	return why_set(why, as, "%s",
	    n > 0 ? text : "the trial ended without a word");
}

static void
add(char **env, size_t *n, char *entry)
{
	if (entry != NULL)
		env[(*n)++] = entry;
}

char **
spawn_plain_env(const struct config *c)
{
	char **env = calloc(MAX_ENVIRONMENT + 6, sizeof(*env)), *s;
	size_t n = 0;

	if (env != NULL && asprintf(&s, "KEYWARDEN_LOG=%s", c->log_level) != -1)
		add(env, &n, s);
	return env;
}

/* Whom the module calls; without a word of it: nobody. */
static void
put_reach(const struct config *c, char **env)
{
	char text[REACH_TEXT_MAX];
	struct reach r;

	if (c->n_token_calls == 0 || config_reach(c, &r, NULL) != ERR_OK)
		return;
	reach_print(&r, text);
	(void)!spawn_env_put(env, REACH_ENV, text);
}

char **
spawn_hsm_env(const struct config *c)
{
	char **env = spawn_plain_env(c), *s;
	size_t n = 1;

	if (env == NULL || env[0] == NULL)
		return env;
	if (config_is_softhsm(c) &&
	    asprintf(&s, "SOFTHSM2_CONF=%s/%s", c->state_dir,
		STATE_SOFTHSM_CONF) != -1)
		add(env, &n, s);
	for (unsigned i = 0; i < c->n_environment; i++)
		add(env, &n, strdup(c->environment[i]));
	put_reach(c, env);
	return env;
}

bool
spawn_env_put(char **env, const char *name, const char *value)
{
	size_t n = 0;
	char *s;

	while (env[n] != NULL)
		n++;
	if (asprintf(&s, "%s=%s", name, value) == -1)
		return false;
	add(env, &n, s);
	return true;
}

void
spawn_env_free(char **env)
{
	for (size_t i = 0; env != NULL && env[i] != NULL; i++)
		free(env[i]);
	free(env);
}

enum err
open_file(const char *path, const char *what, int *fd, struct why *why)
{
	if (path == NULL)
		return why_set(why, ERR_MALFORMED,
		    "%s is not set in the configuration", what);
	if ((*fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		return why_errno(why, "%s %s", what, path);
	return ERR_OK;
}

static uid_t trusted;

void
spawn_trust(uid_t owner)
{
	trusted = owner;
}

enum err
open_secret_file(const char *path, const char *what, int *fd, struct why *why)
{
	struct stat st;
	enum err rc;

	if ((rc = open_file(path, what, fd, why)) != ERR_OK)
		return rc;
	if (fstat(*fd, &st) == -1)
		rc = why_errno(why, "%s %s", what, path);
	else if (!S_ISREG(st.st_mode))
		rc = why_set(why, ERR_DENIED, "%s %s: not a regular file", what,
		    path);
	else if ((st.st_uid != 0 && st.st_uid != geteuid() &&
		     st.st_uid != trusted) ||
	    (st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		rc = why_set(why, ERR_DENIED,
		    "%s %s: others may read it: it must belong to the user "
		    "who runs this, or root, with mode 400",
		    what, path);
	if (rc != ERR_OK) {
		close(*fd);
		*fd = -1;
	}
	return rc;
}
