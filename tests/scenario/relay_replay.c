/*
 * What a process said before, said again in its name, octet by octet: the true
 * one is no more, and what comes back is kept and goes nowhere.
 */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <glob.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "relay.h"

#define COMES_BACK_MS 3000
#define LISTEN_MS 100

struct record {
	enum ctl_peer kind;
	char path[2300];
	off_t len;
};

static struct wire *
wire_to(struct relay *r, enum ctl_peer kind)
{
	for (unsigned i = 0; i < r->n_wires; i++)
		if (r->wire[i].kind == kind && r->wire[i].outer != -1)
			return &r->wire[i];
	return NULL;
}

/* Is it being written just now? */
static bool
is_current(const struct relay *r, const struct stat *st)
{
	struct stat kept;

	for (unsigned i = 0; i < r->n_wires; i++)
		if (r->wire[i].from.kept != -1 &&
		    fstat(r->wire[i].from.kept, &kept) == 0 &&
		    kept.st_ino == st->st_ino)
			return true;
	return false;
}

/* The longest one to that peer; false: there is none. */
static bool
find(const struct relay *r, enum ctl_peer kind, struct record *out)
{
	char pattern[2200];
	glob_t found;
	struct stat st;

	*out = (struct record){.kind = kind};
	(void)snprintf(pattern, sizeof(pattern), "%s.%s.from.*", r->self,
	    relay_peer_name(kind));
	if (glob(pattern, 0, NULL, &found) != 0)
		return false;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		if (stat(found.gl_pathv[i], &st) == -1 || is_current(r, &st) ||
		    st.st_size <= out->len)
			continue;
		out->len = st.st_size;
		(void)snprintf(out->path, sizeof(out->path), "%s",
		    found.gl_pathv[i]);
	}
	globfree(&found);
	return out->len > 0;
}

/* Until the channel is there, or it has been waited for long enough. */
static struct wire *
wait_for(struct relay *r, enum ctl_peer kind, relay_turn_fn *turn)
{
	const int64_t until = clock_uptime_ms() + COMES_BACK_MS;
	struct wire *w;

	while ((w = wire_to(r, kind)) == NULL && clock_uptime_ms() < until)
		turn(10);
	return w;
}

/* False: it is not there.  *ended: it has had enough before or behind the end.
 */
static bool
say_again(struct relay *r, const struct record *f, relay_turn_fn *turn,
    bool *ended)
{
	struct wire *w = wait_for(r, f->kind, turn);
	const unsigned life = w == NULL ? 0 : w->life;
	const int64_t until = clock_uptime_ms() + COMES_BACK_MS;
	char *p = malloc((size_t)f->len);
	FILE *in = fopen(f->path, "re");
	size_t at = 0, len = 0;

	if (p == NULL || in == NULL ||
	    (len = fread(p, 1, (size_t)f->len, in)) == 0)
		relay_stop(r, f->path);
	(void)fclose(in);
	while (w != NULL && at < len && clock_uptime_ms() < until) {
		const ssize_t n = w->life == life && w->outer != -1
		    ? send(w->outer, p + at, len - at, MSG_NOSIGNAL)
		    : 0;

		if (n == 0 || (n == -1 && errno != EAGAIN))
			break;
		at += n > 0 ? (size_t)n : 0;
		turn(10);
	}
	free(p);
	for (unsigned i = 0; w != NULL && i < LISTEN_MS / 10; i++)
		turn(10);
	*ended = w != NULL && (w->life != life || w->outer == -1);
	return w != NULL && (*ended || at == len);
}

void
relay_replay(struct relay *r, relay_turn_fn *turn, FILE *out)
{
	r->alone = true;
	(void)kill(r->pid, SIGKILL);
	(void)waitpid(r->pid, NULL, 0);
	for (unsigned k = 0; k < CTL_PEER__MAX; k++) {
		struct record f;
		bool ended, again = false, ok;

		if (!find(r, (enum ctl_peer)k, &f))
			continue;
		ok = say_again(r, &f, turn, &ended);
		/* Who has been started anew knows nothing of before. */
		if (ended)
			again = say_again(r, &f, turn, &(bool){false});
		(void)fprintf(out, "%s %s to %s: %lld octets%s\n",
		    ok ? "ok" : "FAILED", r->name + strlen("keywarden-"),
		    relay_peer_name((enum ctl_peer)k), (long long)f.len,
		    !ended	? ""
			: again ? ", which ends the channel, and again"
				: ", which ends the channel for good");
	}
	(void)fprintf(out, "done\n");
	(void)fflush(out);
	_exit(0);
}
