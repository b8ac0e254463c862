/*
 * What the processes are confined with: looked for once, tried once as a whole,
 * in a child, and then the same for each process that is started.
 */
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "appliance/landlock.h"
#include "appliance/sandbox.h"
#include "appliance/spawn.h"
#include "appliance/supervisor.h"
#include "base/log.h"

static enum err
try_it(const void *ctx, struct why *why)
{
	const struct confine_use use = {.secrets = true};
	const struct confine *c = ctx;
	enum err rc;

	if ((rc = confine_lock(c, why)) != ERR_OK ||
	    (rc = confine_apart(c, false, why)) != ERR_OK ||
	    (rc = confine_enter(c, &use, why)) != ERR_OK)
		return rc;
	return confine_prove(c, &use, why);
}

static enum err
can_have(const struct confine *c, struct why *why)
{
	return spawn_try(try_it, c, ERR_DENIED, why);
}

/* ---- layer by layer ---- */

static const struct {
	const char *option, *said;
} layers[] = {{"namespaces", "namespaces of their own"},
    {"users", "users of their own"}, {"memory_locked", "locked memory"}};
enum { AT_NAMESPACES, AT_USERS, AT_MEMORY };

/* What is missing: kept to be said, or the end if it is required. */
static enum err
without(struct supervisor *s, enum config_layer how, unsigned layer,
    const struct why *what, struct why *why)
{
	if (how == LAYER_YES)
		return why_set(why, ERR_DENIED,
		    "sandbox.%s = \"yes\" cannot be kept: %s; set it to \"no\" "
		    "to go without",
		    layers[layer].option, what->text);
	if (how == LAYER_TRY)
		(void)why_set(&s->lack[layer], ERR_DENIED,
		    "the processes have no %s: %s", layers[layer].said,
		    what->text);
	return ERR_OK;
}

static const struct why unbuilt = {"a build for sanitizers"};

static enum err
find_memory(struct supervisor *s, struct why *why)
{
	const enum config_layer how = s->config->memory_locked;
	const struct confine c = {.memory_locked = true};
	struct why what = unbuilt;

	if (how == LAYER_NO)
		return ERR_OK;
	if (!sandbox_is_built() || can_have(&c, &what) != ERR_OK)
		return without(s, how, AT_MEMORY, &what, why);
	s->confine.memory_locked = true;
	return ERR_OK;
}

static enum err
find_landlock(struct supervisor *s, struct why *why)
{
	const uint32_t least = s->config->landlock;

	s->confine.landlock = sandbox_is_built() ? landlock_abi() : 0;
	if (s->confine.landlock >= least)
		return ERR_OK;
	return why_set(why, ERR_DENIED,
	    "sandbox.landlock = %u cannot be kept: %s has %u (0: none); set it "
	    "to that to go on",
	    least,
	    sandbox_is_built() ? "this kernel" : "a build for sanitizers",
	    s->confine.landlock);
}

static enum err
find_namespaces(struct supervisor *s, struct why *why)
{
	const enum config_layer how = s->config->namespaces;
	struct why what = {""};

	if (!sandbox_is_built())
		return without(s, how, AT_NAMESPACES, &unbuilt, why);
	if (how == LAYER_NO)
		return ERR_OK;
	for (unsigned n = geteuid() == 0 ? CONFINE_NAMESPACES
					 : CONFINE_USER_NAMESPACE;
	     n < CONFINE_NAMESPACES__MAX; n++) {
		s->confine.namespaces = (enum confine_namespaces)n;
		if (can_have(&s->confine, &what) == ERR_OK)
			return ERR_OK;
	}
	s->confine.namespaces = CONFINE_NO_NAMESPACES;
	return without(s, how, AT_NAMESPACES, &what, why);
}

static enum err
look_up_users(struct supervisor *s, struct why *why)
{
	if (geteuid() != 0)
		return why_set(why, ERR_DENIED,
		    "keywardend was not started by root");
	if (s->confine.namespaces != CONFINE_NAMESPACES)
		return why_set(why, ERR_DENIED,
		    "that needs namespaces made by root");
	for (unsigned i = 0; i < CTL_PEER__MAX; i++) {
		/* A token of files belongs to one user. */
		const char *name = child_program(sup_logs_in((enum ctl_peer)i)
			? CTL_PEER_HSM
			: (enum ctl_peer)i);
		const struct passwd *p = getpwnam(name);

		if (p == NULL || p->pw_uid == 0 || p->pw_gid == 0)
			return why_set(why, ERR_DENIED,
			    "there is no user %s (systemd-sysusers makes it)",
			    name);
		s->user[i] = (struct sup_user){p->pw_uid, p->pw_gid};
	}
	return ERR_OK;
}

static enum err
find_users(struct supervisor *s, struct why *why)
{
	const enum config_layer how = s->config->users;
	struct why what = {""};
	struct confine c;

	if (how == LAYER_NO)
		return ERR_OK;
	if (look_up_users(s, &what) != ERR_OK)
		return without(s, how, AT_USERS, &what, why);
	c = s->confine;
	c.own_user = true;
	c.uid = s->user[CTL_PEER_XK].uid;
	c.gid = s->user[CTL_PEER_XK].gid;
	if (can_have(&c, &what) != ERR_OK)
		return without(s, how, AT_USERS, &what, why);
	s->confine.own_user = true;
	return ERR_OK;
}

enum err
sup_confine(struct supervisor *s, struct why *why)
{
	enum err rc;

	if ((rc = find_memory(s, why)) != ERR_OK ||
	    (rc = find_landlock(s, why)) != ERR_OK ||
	    (rc = find_namespaces(s, why)) != ERR_OK)
		return rc;
	return find_users(s, why);
}

void
sup_confine_say(const struct supervisor *s)
{
	static const char *const namespaces[CONFINE_NAMESPACES__MAX] =
	    {"no namespaces", "namespaces", "namespaces (unprivileged)"};

	log_info("each process is confined by: a filter%s, Landlock %u, %s, "
		 "%s, %s",
	    sandbox_is_built() ? "" : " that is not built in",
	    s->confine.landlock, namespaces[s->confine.namespaces],
	    s->confine.own_user ? "a user of its own" : "one user for all",
	    s->confine.memory_locked ? "locked memory"
				     : "memory that is not locked as a whole");
	for (unsigned i = 0; i < s->config->n_token_calls; i++)
		log_info("the token's module may call %s",
		    s->config->token_call[i]);
	for (size_t i = 0; i < sizeof(s->lack) / sizeof(s->lack[0]); i++)
		if (s->lack[i].text[0] != '\0')
			log_warning("%s", s->lack[i].text);
}

/* ---- for a child ---- */

/* "A:B"; the caller frees. */
static char *
joined(char *list, const char *more)
{
	char *s = NULL;

	if (list == NULL || more == NULL ||
	    asprintf(&s, "%s%s%s", list, list[0] == '\0' ? "" : ":", more) ==
		-1)
		s = NULL;
	free(list);
	return s;
}

static char *
with_path(char *list, const struct config *f, const char *name)
{
	char *path = config_path(f, name);
	char *s = joined(list, path);

	free(path);
	return s;
}

/* What it opens by name; the caller frees. */
static char *
files_of(const struct config *f, enum ctl_peer kind)
{
	char *list = strdup("");

	if (kind == CTL_PEER_POLICY)
		list = with_path(list, f, STATE_DB_DIR);
	if (kind == CTL_PEER_HI2)
		list = with_path(list, f, STATE_SPOOL_DIR);
	if (!sup_logs_in(kind))
		return list;
	if (config_is_softhsm(f)) {
		list = with_path(list, f, STATE_SOFTHSM_CONF);
		list = with_path(list, f, STATE_SOFTHSM_TOKENS);
	}
	for (unsigned i = 0; i < f->n_token_files; i++)
		list = joined(list, f->token_file[i]);
	for (unsigned i = 0; i < f->n_token_calls; i++)
		if (f->token_call[i][0] == '/')
			list = joined(list, f->token_call[i]);
	return list;
}

bool
sup_confine_env(const struct supervisor *s, enum ctl_peer kind, char **env)
{
	struct confine c = s->confine;
	char text[CONFINE_TEXT_MAX], *files = files_of(s->config, kind);
	bool done;

	if (c.own_user) {
		c.uid = s->user[kind].uid;
		c.gid = s->user[kind].gid;
	}
	confine_print(&c, text);
	done = files != NULL && spawn_env_put(env, CONFINE_ENV, text) &&
	    spawn_env_put(env, CONFINE_FILES_ENV, files);
	free(files);
	return done;
}
