/*
 * Starting, wiring, restarting with back-off, stopping.  Channels are made
 * whenever one of their two ends is started: the other end gets its new half
 * over its line and drops the old one.
 */
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "appliance/ctl.h"
#include "appliance/spawn.h"
#include "appliance/supervisor.h"
#include "base/clock.h"
#include "base/log.h"

#define BACKOFF_FIRST_MS 100
#define BACKOFF_MOST_MS 30000
#define STABLE_MS 60000
#define CREDIT_MS 2000
#define STOP_MS 5000
#define SAY_SECONDS 3
#define KILL_MS 1000 /* from SIGKILL to the end of a process */

static const char *const programs[CTL_PEER__MAX] = {"keywarden-xk",
    "keywarden-policy", "keywarden-audit", "keywarden-hsm", "keywarden-x2",
    "keywarden-hi2", "keywarden-xkc", "keywarden-hi2c", "keywarden-signer"};

/* The pipeline: who talks to whom. */
static const struct {
	enum ctl_peer a, b;
} channels[] = {{CTL_PEER_XK, CTL_PEER_POLICY},
    {CTL_PEER_POLICY, CTL_PEER_AUDIT}, {CTL_PEER_AUDIT, CTL_PEER_HSM},
    {CTL_PEER_HSM, CTL_PEER_XK}, {CTL_PEER_X2, CTL_PEER_POLICY},
    {CTL_PEER_X2, CTL_PEER_HI2}, {CTL_PEER_POLICY, CTL_PEER_HI2},
    {CTL_PEER_HSM, CTL_PEER_HI2}, {CTL_PEER_X2, CTL_PEER_XKC},
    {CTL_PEER_HSM, CTL_PEER_XKC}, {CTL_PEER_HI2, CTL_PEER_AUDIT},
    {CTL_PEER_HI2, CTL_PEER_HI2C}, {CTL_PEER_SIGNER, CTL_PEER_XK},
    {CTL_PEER_SIGNER, CTL_PEER_X2}, {CTL_PEER_SIGNER, CTL_PEER_XKC},
    {CTL_PEER_SIGNER, CTL_PEER_HI2C}};

const char *
child_name(const struct child *c)
{
	static char name[MAX_NAME + 32];

	if (c->kind == CTL_PEER_HSM)
		(void)snprintf(name, sizeof(name), "keywarden-hsm %u",
		    c->index);
	else if (c->kind == CTL_PEER_HI2C)
		(void)snprintf(name, sizeof(name), "keywarden-hi2c for %s",
		    c->lemf);
	else
		return programs[c->kind];
	return name;
}

const char *
child_program(enum ctl_peer kind)
{
	return programs[kind];
}

static struct child *
add_child(struct supervisor *s, enum ctl_peer kind, unsigned index)
{
	struct child *c = &s->child[s->n_children++];

	*c = (struct child){.kind = kind,
	    .index = index,
	    .ctl = -1,
	    .wanted = kind != CTL_PEER_HSM || index == 0,
	    .backoff_ms = BACKOFF_FIRST_MS};
	return c;
}

static bool
has_link(const struct supervisor *s, const char *lemf)
{
	for (unsigned i = 0; i < s->n_children; i++)
		if (s->child[i].kind == CTL_PEER_HI2C &&
		    strcmp(s->child[i].lemf, lemf) == 0)
			return true;
	return false;
}

void
sup_add_links(struct supervisor *s)
{
	const struct config *f = s->config;

	for (unsigned i = 0; i < f->n_lemfs; i++) {
		const struct config_lemf *l = &f->lemf[i];
		struct child *c;

		if (!config_is_linked(f, l) || has_link(s, l->name))
			continue;
		c = add_child(s, CTL_PEER_HI2C, l->slot);
		(void)snprintf(c->lemf, sizeof(c->lemf), "%s", l->name);
	}
}

void
sup_add_signer(struct supervisor *s)
{
	for (unsigned i = 0; i < s->n_children; i++)
		if (s->child[i].kind == CTL_PEER_SIGNER)
			return;
	if (config_uses_token_key(s->config))
		(void)add_child(s, CTL_PEER_SIGNER, 0);
}

bool
sup_logs_in(enum ctl_peer kind)
{
	return kind == CTL_PEER_HSM || kind == CTL_PEER_SIGNER;
}

void
sup_add_children(struct supervisor *s)
{
	(void)add_child(s, CTL_PEER_AUDIT, 0);
	(void)add_child(s, CTL_PEER_POLICY, 0);
	(void)add_child(s, CTL_PEER_XK, 0);
	if (config_is_df2(s->config)) {
		(void)add_child(s, CTL_PEER_HI2, 0);
		(void)add_child(s, CTL_PEER_X2, 0);
		if (config_is_remote(s->config))
			(void)add_child(s, CTL_PEER_XKC, 0);
		sup_add_links(s);
	}
	(void)add_child(s, CTL_PEER_HSM, 0);
	sup_add_signer(s); /* not behind all the others: they start in order */
	for (unsigned i = 1; i < s->config->workers; i++)
		(void)add_child(s, CTL_PEER_HSM, i);
}

enum err
sup_say(const struct child *c, uint16_t type, uint32_t id, const void *body,
    size_t len, int fd)
{
	const enum err rc = ipc_ctl_send(c->ctl, type, id, body, len, fd);

	if (rc == ERR_AGAIN) {
		log_error("%s does not read what the supervisor says: it is "
			  "ended",
		    child_name(c));
		(void)kill(c->pid, SIGKILL);
	}
	return rc;
}

/* ---- wiring ---- */

static bool
talk(enum ctl_peer a, enum ctl_peer b)
{
	for (size_t i = 0; i < sizeof(channels) / sizeof(channels[0]); i++)
		if ((channels[i].a == a && channels[i].b == b) ||
		    (channels[i].a == b && channels[i].b == a))
			return true;
	return false;
}

static void
connect_children(const struct child *a, const struct child *b)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == -1)
		fatal("socketpair: %s", strerror(errno));
	/* One that has just gone is noticed when it is reaped. */
	if (sup_say(a, MSG_CTL_PEER, CTL_PEER_ID(b->kind, b->index), NULL, 0,
		pair[0]) != ERR_OK ||
	    sup_say(b, MSG_CTL_PEER, CTL_PEER_ID(a->kind, a->index), NULL, 0,
		pair[1]) != ERR_OK)
		log_debug("a channel could not be handed over");
	close(pair[0]);
	close(pair[1]);
}

static void
wire(struct supervisor *s, struct child *c)
{
	for (unsigned i = 0; i < s->n_children; i++) {
		struct child *o = &s->child[i];

		if (o != c && o->pid != 0 && talk(o->kind, c->kind))
			connect_children(c, o);
	}
}

/* ---- starting ---- */

static void
try_again_later(struct child *c)
{
	c->wanted = true;
	c->restart_at = clock_uptime_ms() + c->backoff_ms;
	c->backoff_ms = c->backoff_ms * 2 > BACKOFF_MOST_MS ? BACKOFF_MOST_MS
							    : c->backoff_ms * 2;
}

static void
start(struct supervisor *s, struct child *c)
{
	char **env = sup_logs_in(c->kind) ? spawn_hsm_env(s->config)
					  : spawn_plain_env(s->config);
	const struct timeval patience = {.tv_sec = SAY_SECONDS};
	struct why why = {""};
	enum err rc;

	c->wanted = c->ready = false;
	/* Without a word of it a process would not be confined. */
	if (env == NULL || !sup_confine_env(s, c->kind, env))
		rc = why_set(&why, ERR_NOMEM, "out of memory");
	else
		rc = spawn_process(programs[c->kind], env, &c->pid, &c->ctl,
		    &why);
	spawn_env_free(env);
	if (rc != ERR_OK) {
		log_error("%s: %s", child_name(c), why.text);
		try_again_later(c);
		return;
	}
	/* Who does not read what we say holds nobody else up for longer. */
	if (setsockopt(c->ctl, SOL_SOCKET, SO_SNDTIMEO, &patience,
		sizeof(patience)) == -1)
		fatal("setsockopt: %s", strerror(errno));
	c->started = c->heard = clock_uptime_ms();
	c->ending = 0;
	c->starts++;
	s->health_new = true;
	wire(s, c);
	if (sup_hand_over(s, c, &why) != ERR_OK) {
		log_error("%s: %s", child_name(c), why.text);
		(void)kill(c->pid, SIGKILL); /* reaped like any other end */
	}
}

/*
 * Those who log in start one after the other: the PIN in hand may be wrong by
 * now, and tries that are made side by side would lock the token.
 */
static bool
may_start(const struct supervisor *s, const struct child *c)
{
	if (!c->wanted || c->pid != 0 || c->held)
		return false;
	for (unsigned i = 0; i < s->n_children; i++) {
		const struct child *o = &s->child[i];

		if (sup_logs_in(c->kind) && sup_logs_in(o->kind) &&
		    o->pid != 0 && !o->ready)
			return false;
	}
	return true;
}

static bool
reads_cas(const struct child *c)
{
	return c->kind == CTL_PEER_XK || c->kind == CTL_PEER_X2 ||
	    c->kind == CTL_PEER_XKC || c->kind == CTL_PEER_HI2C;
}

void
sup_start_due(struct supervisor *s)
{
	const int64_t now = clock_uptime_ms();
	bool told = false;

	for (unsigned i = 0; i < s->n_children; i++) {
		struct child *c = &s->child[i];

		if (!may_start(s, c) || c->restart_at > now)
			continue;
		if (!told && reads_cas(c)) {
			sup_tell_policy(s);
			told = true;
		}
		start(s, c);
	}
}

int
sup_next_start(const struct supervisor *s)
{
	const int64_t now = clock_uptime_ms();
	int64_t best = -1;

	for (unsigned i = 0; i < s->n_children; i++) {
		const struct child *c = &s->child[i];
		int64_t d = c->restart_at - now;

		if (!may_start(s, c))
			continue; /* what it waits for is an event */
		if (d < 0)
			d = 0;
		if (best == -1 || d < best)
			best = d;
	}
	return (int)best;
}

/* ---- ends ---- */

/*
 * One that has lived is no sign of a fault that comes again at once.  That a
 * token is opened anew is nothing out of the way: there what would be waited is
 * halved for each CREDIT_MS of the process's life.
 */
static void
credit(struct child *c)
{
	int64_t lived = clock_uptime_ms() - c->started;

	if (lived > STABLE_MS)
		c->backoff_ms = BACKOFF_FIRST_MS;
	for (; sup_logs_in(c->kind) && lived >= CREDIT_MS; lived -= CREDIT_MS)
		c->backoff_ms = c->backoff_ms / 2 < BACKOFF_FIRST_MS
		    ? BACKOFF_FIRST_MS
		    : c->backoff_ms / 2;
}

/* What it has said itself says more than `how`. */
static void
note_cause(struct child *c, const char *how)
{
	if (c->ending == 0)
		(void)snprintf(c->cause, sizeof(c->cause), "%s", how);
	if (c->ending == 0 && !c->held)
		c->end = ERR_OK;
	c->ending = 0;
}

void
sup_ended(struct supervisor *s, struct child *c, const char *how)
{
	c->pid = 0;
	sup_last_words(s, c);
	close(c->ctl);
	c->ctl = -1;
	c->ready = false;
	s->health_new = true;
	if (s->stopping || c->stopping)
		return;
	note_cause(c, how);
	credit(c);
	if (c->held) {
		log_warning("%s %s", child_name(c), how);
		return;
	}
	log_warning("%s %s; next try in %u ms", child_name(c), how,
	    c->backoff_ms);
	try_again_later(c);
}

void
sup_leave(struct supervisor *s, struct child *c)
{
	log_error("%s does not end: it is stuck in a device", child_name(c));
	s->left = s->left || s->stopping;
	(void)kill(c->pid, SIGKILL); /* if it was not: whoever asks was late */
	sup_ended(s, c, "it is stuck in a device");
}

static void
reaped(struct supervisor *s, struct child *c, int status)
{
	char how[64];

	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		(void)snprintf(how, sizeof(how),
		    "was killed for a forbidden system call (SIGSYS)");
	else if (WIFSIGNALED(status))
		(void)snprintf(how, sizeof(how), "was ended by signal %d (%s)",
		    WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		(void)snprintf(how, sizeof(how), "ended with status %d",
		    WEXITSTATUS(status));
	sup_ended(s, c, how);
}

void
sup_reap(struct supervisor *s)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (unsigned i = 0; i < s->n_children; i++)
			if (s->child[i].pid == pid)
				reaped(s, &s->child[i], status);
}

void
sup_release_held(struct supervisor *s)
{
	bool first = true;

	for (unsigned i = 0; i < s->n_children; i++) {
		struct child *c = &s->child[i];
		const bool was_held = c->held;

		if (sup_logs_in(c->kind) && s->pin_refused)
			continue; /* it is still the same PIN */
		c->held = false;
		/* Somebody has acted: what waits for its time waits no more. */
		c->backoff_ms = BACKOFF_FIRST_MS;
		if (c->pid != 0)
			continue;
		c->restart_at = 0;
		if (!was_held)
			continue;
		/* One tries the PIN; the others follow when it can. */
		c->wanted = !sup_logs_in(c->kind) || first;
		first = first && !sup_logs_in(c->kind);
	}
	s->health_new = true;
}

/* ---- stopping ---- */

/* Is there one that is being stopped?  After its time it is ended, or left. */
static bool
end_marked(struct supervisor *s, int64_t until)
{
	const int64_t now = clock_uptime_ms();
	bool any = false;

	for (unsigned i = 0; i < s->n_children; i++) {
		struct child *c = &s->child[i];

		if (!c->stopping || c->pid == 0)
			continue;
		if (now > until + KILL_MS) {
			sup_leave(s, c);
			continue;
		}
		any = true;
		if (now > until)
			(void)kill(c->pid, SIGKILL);
	}
	return any;
}

/*
 * Those that are being stopped are asked to end, and do within STOP_MS: their
 * time, or ours.
 */
static void
stop_marked(struct supervisor *s)
{
	const int64_t until = clock_uptime_ms() + STOP_MS;

	for (unsigned i = 0; i < s->n_children; i++)
		if (s->child[i].stopping && s->child[i].pid != 0 &&
		    sup_say(&s->child[i], MSG_CTL_STOP, 0, NULL, 0, -1) !=
			ERR_OK)
			log_debug("%s has gone already",
			    child_name(&s->child[i]));
	sup_reap(s);
	while (end_marked(s, until)) {
		const struct timespec nap = {0, 5000000};

		(void)nanosleep(&nap, NULL);
		sup_reap(s);
	}
}

/* Against the flow, so that what is under way still finds the log. */
void
sup_stop_all(struct supervisor *s)
{
	static const enum ctl_peer order[] = {CTL_PEER_XK, CTL_PEER_X2,
	    CTL_PEER_POLICY, CTL_PEER_HSM, CTL_PEER_XKC, CTL_PEER_HI2C,
	    CTL_PEER_SIGNER, CTL_PEER_HI2, CTL_PEER_AUDIT};

	s->stopping = true;
	for (size_t k = 0; k < sizeof(order) / sizeof(order[0]); k++) {
		for (unsigned i = 0; i < s->n_children; i++)
			if (s->child[i].kind == order[k])
				s->child[i].stopping = true;
		stop_marked(s);
	}
}

void
sup_end_links(struct supervisor *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->n_children; i++)
		s->child[i].stopping = s->child[i].kind == CTL_PEER_HI2C &&
		    config_link_named(s->config, s->child[i].lemf) == NULL;
	stop_marked(s);
	for (unsigned i = 0; i < s->n_children; i++)
		if (!s->child[i].stopping)
			s->child[n++] = s->child[i];
	s->n_children = n;
}
