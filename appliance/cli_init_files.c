/*
 * The files that `keywarden init` makes, and what it must not find there.  The
 * last one, kms-state, comes whole: before it, nothing serves.
 */
#include <sys/file.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/rand.h>

#include "appliance/audit_log.h"
#include "appliance/cli_file.h"
#include "appliance/cli_init.h"
#include "policy/digest.h"
#include "version.h"

#define PIN_CHARS 24

/* ---- the state directory ---- */

static enum err
make_dir(const char *path, struct why *why)
{
	struct stat st;

	if (mkdir(path, 0700) == -1 && errno != EEXIST)
		return why_errno(why, "cannot make %s", path);
	if (stat(path, &st) == -1)
		return why_errno(why, "%s", path);
	if (!S_ISDIR(st.st_mode))
		return why_set(why, ERR_DENIED, "%s: not a directory", path);
	/* What we make must be the appliance's to use, and nobody else's. */
	if (st.st_uid != geteuid())
		return why_set(why, ERR_DENIED,
		    "%s belongs to another user: run this as that user", path);
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return why_set(why, ERR_DENIED,
		    "%s: others may write in it: chmod 700 it", path);
	return ERR_OK;
}

static enum err
lock_state(struct init *t, struct why *why)
{
	char *path = config_path(t->config, "lock");
	enum err rc = ERR_OK;

	if (path == NULL)
		return why_set(why, ERR_NOMEM, "out of memory");
	t->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (t->lock_fd == -1)
		rc = why_errno(why, "%s", path);
	else if (flock(t->lock_fd, LOCK_EX | LOCK_NB) == -1)
		rc = why_set(why, ERR_EXISTS,
		    "keywardend or another keywarden init works on %s",
		    t->config->state_dir);
	free(path);
	return rc;
}

/* Only kms-state makes a KMS; what lies here without it serves nobody. */
static enum err
nothing_left(const struct config *f, struct why *why)
{
	static const char *const names[] = {STATE_KMS, STATE_TOKEN, STATE_LOG,
	    STATE_DB, STATE_HEAD, STATE_SPOOL};
	enum err rc = ERR_OK;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char *path = config_path(f, names[i]);

		if (path == NULL)
			return why_set(why, ERR_NOMEM, "out of memory");
		if (access(path, F_OK) != 0)
			rc = ERR_OK;
		else if (i == 0)
			rc = why_set(why, ERR_EXISTS,
			    "%s exists: this KMS has been made already", path);
		else
			rc = why_set(why, ERR_EXISTS,
			    "%s is there without a kms-state, as an init that "
			    "did not finish leaves it: remove it and run init "
			    "again",
			    path);
		free(path);
		if (rc != ERR_OK)
			return rc;
	}
	return ERR_OK;
}

enum err
init_state_dir(struct init *t, struct why *why)
{
	enum err rc;

	if ((rc = make_dir(t->config->state_dir, why)) != ERR_OK ||
	    (rc = lock_state(t, why)) != ERR_OK)
		return rc;
	return nothing_left(t->config, why);
}

/* ---- SoftHSM's token ---- */

static enum err
random_pin(char out[PIN_CHARS + 1], struct why *why)
{
	static const char chars[] = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrs"
				    "tuvwxyz23456789";
	uint8_t b;

	for (unsigned i = 0; i < PIN_CHARS;) {
		if (RAND_priv_bytes(&b, 1) != 1)
			return why_set(why, ERR_CRYPTO, "no randomness");
		if (b < 4 * (sizeof(chars) - 1))
			out[i++] = chars[b % (sizeof(chars) - 1)];
	}
	out[PIN_CHARS] = '\0';
	return ERR_OK;
}

static enum err
make_pin(const char *path, struct why *why)
{
	char pin[PIN_CHARS + 1];
	enum err rc = random_pin(pin, why);

	if (rc == ERR_OK)
		rc = cli_write_file(path, pin, PIN_CHARS, 0400, why);
	explicit_bzero(pin, sizeof(pin));
	return rc;
}

/* A user PIN that is there is used. */
static enum err
make_user_pin(struct init *t, struct why *why)
{
	enum err rc;

	if (access(t->config->pin_file, F_OK) == 0)
		return ERR_OK;
	rc = make_pin(t->config->pin_file, why);
	t->made_pin = rc == ERR_OK;
	return rc;
}

enum err
init_softhsm(struct init *t, struct why *why)
{
	char *dir = config_path(t->config, STATE_TOKEN);
	char *tokens = config_path(t->config, STATE_SOFTHSM_TOKENS);
	char *conf = config_path(t->config, STATE_SOFTHSM_CONF);
	char *so = config_path(t->config, STATE_TOKEN "/so-pin");
	char *text = NULL;
	enum err rc;

	if (dir == NULL || tokens == NULL || conf == NULL || so == NULL ||
	    asprintf(&text,
		"directories.tokendir = %s\nobjectstore.backend = file\n"
		"log.level = ERROR\nslots.removable = false\n",
		tokens) == -1) {
		rc = why_set(why, ERR_NOMEM, "out of memory");
		goto out;
	}
	if (mkdir(dir, 0700) == -1) {
		rc = why_errno(why, "cannot make %s", dir);
		goto out;
	}
	t->make_token = true;
	if (mkdir(tokens, 0700) == -1)
		rc = why_errno(why, "cannot make %s", tokens);
	else if ((rc = cli_write_file(conf, text, strlen(text), 0400, why)) ==
		ERR_OK &&
	    (rc = make_pin(so, why)) == ERR_OK)
		rc = make_user_pin(t, why);
out:
	free(dir);
	free(tokens);
	free(conf);
	free(so);
	free(text);
	return rc;
}

static int
remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static int
sync_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	int fd;

	(void)st;
	(void)ftw;
	if (flag != FTW_F && flag != FTW_DP)
		return 0;
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		return -1;
	if (fsync(fd) == -1) {
		close(fd);
		return -1;
	}
	return close(fd);
}

enum err
init_sync_token(const struct init *t, struct why *why)
{
	char *dir = config_path(t->config, STATE_TOKEN);
	enum err rc = ERR_OK;

	if (t->make_token && dir != NULL &&
	    nftw(dir, sync_one, 16, FTW_DEPTH | FTW_PHYS) != 0)
		rc = why_errno(why, "cannot sync %s", dir);
	free(dir);
	return rc;
}

void
init_undo(const struct init *t)
{
	char *dir = config_path(t->config, STATE_TOKEN);
	char *log = config_path(t->config, STATE_LOG);
	char *head = config_path(t->config, STATE_HEAD);

	if (t->make_token && dir != NULL)
		(void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	if (t->made_pin)
		(void)unlink(t->config->pin_file);
	if (t->made_log && log != NULL)
		(void)unlink(log);
	if (t->made_head && head != NULL)
		(void)unlink(head);
	free(dir);
	free(log);
	free(head);
}

/* ---- head, log and state ---- */

enum err
init_make_head(struct init *t, struct why *why)
{
	char *path = config_path(t->config, STATE_HEAD);
	enum err rc = ERR_OK;

	if (path == NULL)
		return why_set(why, ERR_NOMEM, "out of memory");
	t->head_fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (t->head_fd == -1)
		rc = why_errno(why, "cannot make %s", path);
	t->made_head = rc == ERR_OK;
	free(path);
	return rc;
}

enum err
init_sync_head(const struct init *t, struct why *why)
{
	struct stat st;

	if (fstat(t->head_fd, &st) == -1 || fsync(t->head_fd) == -1)
		return why_errno(why, "the head of the warrant state");
	if (st.st_size == 0)
		return why_set(why, ERR_INTERNAL,
		    "the hsm worker has sealed no head of the warrant state");
	return cli_sync_dir(t->config->state_dir, why);
}

enum err
init_write_log(struct init *t, struct why *why)
{
	char *path = config_path(t->config, STATE_LOG), *names = NULL;
	struct audit_entry created = {.type = AUDIT_LOG_CREATED};
	struct audit_entry kms = {.type = AUDIT_KMS_CREATED};
	static const char text[] = "keywarden " KEYWARDEN_VERSION;
	struct audit_log log;
	struct rd state;
	bool torn;
	int fd = -1;
	enum err rc;

	names = init_names(t);
	if (path == NULL || names == NULL) {
		rc = why_set(why, ERR_NOMEM, "out of memory");
		goto out;
	}
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd == -1) {
		rc = why_errno(why, "cannot make the audit log %s", path);
		goto out;
	}
	t->made_log = true;
	rc = audit_log_open(&log, fd, t->config->audit.chunk,
	    t->config->audit.most, NULL, NULL, &torn, why);
	if (rc != ERR_OK)
		goto out;
	rd_init(&created.text, text, strlen(text));
	rd_init(&kms.text, names, strlen(names));
	rd_init(&state, t->state, t->state_len);
	if (digest_of(state, kms.digest) != ERR_OK ||
	    audit_log_append(&log, &created, NULL, NULL) != ERR_OK ||
	    audit_log_append(&log, &kms, NULL, NULL) != ERR_OK ||
	    audit_log_sync(&log) != ERR_OK)
		rc = why_set(why, ERR_IO, "the audit log cannot be written");
	else
		rc = cli_sync_dir(t->config->state_dir, why);
out:
	if (fd != -1)
		close(fd);
	free(path);
	free(names);
	return rc;
}

enum err
init_put_in_force(const struct init *t, struct why *why)
{
	char *path = config_path(t->config, STATE_KMS);
	char *draft = config_path(t->config, STATE_KMS ".new");
	enum err rc;

	if (path == NULL || draft == NULL) {
		rc = why_set(why, ERR_NOMEM, "out of memory");
		goto out;
	}
	(void)unlink(draft); /* of one that was cut off here */
	rc = cli_write_file(draft, t->state, t->state_len, 0400, why);
	if (rc == ERR_OK && rename(draft, path) == -1)
		rc = why_errno(why, "%s", path);
	if (rc == ERR_OK)
		rc = cli_sync_dir(t->config->state_dir, why);
	else
		(void)unlink(draft);
out:
	free(path);
	free(draft);
	return rc;
}
