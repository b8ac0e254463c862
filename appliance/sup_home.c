/*
 * The folders of the state that a process opens files in by name.  Each is one
 * process's alone, so that it can be all that this process sees.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "appliance/spawn.h"
#include "appliance/supervisor.h"

void
sup_owner(struct supervisor *s)
{
	struct stat st;

	s->owner = geteuid();
	if (s->owner == 0 && stat(s->config->state_dir, &st) == 0)
		s->owner = st.st_uid;
	spawn_trust(s->owner);
}

/* ---- whose it is ---- */

static struct sup_user heir; /* nftw(3) hands nothing on */

static int
give_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)flag;
	(void)ftw;
	return st->st_uid == heir.uid && st->st_gid == heir.gid
	    ? 0
	    : lchown(path, heir.uid, heir.gid);
}

/* To the user whom the process will be; who is not root owns all of it. */
static enum err
give(const struct supervisor *s, const char *path, enum ctl_peer kind,
    struct why *why)
{
	if (geteuid() != 0)
		return ERR_OK;
	heir = s->confine.own_user ? s->user[kind]
				   : (struct sup_user){geteuid(), getegid()};
	return nftw(path, give_one, 16, FTW_PHYS) == 0
	    ? ERR_OK
	    : why_errno(why, "%s cannot be given to the user of %s", path,
		  child_program(kind));
}

static enum err
folder(const struct supervisor *s, const char *dir, enum ctl_peer kind,
    struct why *why)
{
	char *path = config_path(s->config, dir);
	enum err rc;

	if (path == NULL)
		return why_set(why, ERR_NOMEM, "out of memory");
	if (mkdir(path, 0700) == -1 && errno != EEXIST)
		rc = why_errno(why, "cannot make %s", path);
	else
		rc = give(s, path, kind, why);
	free(path);
	return rc;
}

static enum err
token(const struct supervisor *s, struct why *why)
{
	/* The SO's PIN, which lies beside them, is of no use to a worker. */
	static const char *const parts[] = {STATE_SOFTHSM_CONF,
	    STATE_SOFTHSM_TOKENS};
	enum err rc = ERR_OK;

	for (unsigned i = 0; i < 2 && rc == ERR_OK; i++) {
		char *path = config_path(s->config, parts[i]);

		if (path == NULL)
			return why_set(why, ERR_NOMEM, "out of memory");
		/* Also under a module of another name: it is SoftHSM's. */
		if (access(path, F_OK) == 0)
			rc = give(s, path, CTL_PEER_HSM, why);
		free(path);
	}
	return rc;
}

enum err
sup_home(struct supervisor *s, struct why *why)
{
	enum err rc;

	if ((rc = folder(s, STATE_DB_DIR, CTL_PEER_POLICY, why)) != ERR_OK ||
	    (config_is_df2(s->config) &&
		(rc = folder(s, STATE_SPOOL_DIR, CTL_PEER_HI2, why)) != ERR_OK))
		return rc;
	return token(s, why);
}
