/*
 * keywarden init: makes the KMS.  All that can be wrong is looked at before
 * anything is made; a token directory made here goes again when a later step
 * fails.
 */
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

#include "appliance/audit_log.h"
#include "appliance/cli.h"
#include "appliance/kms_state.h"
#include "appliance/spawn.h"
#include "hsm/ibe.h"
#include "version.h"

#define PIN_CHARS 24
#define CEREMONY_SECONDS 120

struct init {
	struct config *config;
	struct officers *set;
	const char *officer[MAX_OFFICERS];
	unsigned n_officers;
	uint8_t *cert[MAX_OFFICERS];
	size_t cert_len[MAX_OFFICERS];
	char name[MAX_OFFICERS][MAX_NAME + 1];
	bool make_token, made_log;
	int lock_fd, draft_fd, state_fd;
	uint8_t *state;
	size_t state_len;
};

/* ---- what is asked for ---- */

static enum err
read_officer(struct init *t, unsigned i, struct why *why)
{
	const char *eq = strchr(t->officer[i], '=');
	unsigned char *der = NULL;
	struct rd view;
	BIO *b;
	X509 *x;
	int n;

	if (eq == NULL || eq == t->officer[i] ||
	    (size_t)(eq - t->officer[i]) > MAX_NAME)
		return why_set(why, ERR_MALFORMED,
		    "--officer %s: not NAME=CERT.pem", t->officer[i]);
	memcpy(t->name[i], t->officer[i], (size_t)(eq - t->officer[i]));
	if ((b = BIO_new_file(eq + 1, "r")) == NULL)
		return why_errno(why, "--officer %s", t->officer[i]);
	x = PEM_read_bio_X509(b, NULL, NULL, NULL);
	BIO_free(b);
	if (x == NULL || (n = i2d_X509(x, &der)) <= 0) {
		X509_free(x);
		return why_set(why, ERR_MALFORMED,
		    "--officer %s: no PEM certificate in it", t->officer[i]);
	}
	X509_free(x);
	t->cert[i] = der;
	t->cert_len[i] = (size_t)n;
	rd_init(&view, der, (size_t)n);
	return officers_add(t->set, t->name[i], view, why);
}

static enum err
check_order(struct init *t, struct why *why)
{
	struct ibe_strength strength;
	enum key_period period;
	char *state = config_path(t->config, STATE_KMS);
	enum err rc;

	if (state == NULL)
		return why_set(why, ERR_NOMEM, "out of memory");
	if (access(state, F_OK) == 0)
		rc = why_set(why, ERR_EXISTS,
		    "%s exists: this KMS has been made already", state);
	else if (t->config->kms_uri == NULL)
		rc = why_set(why, ERR_MALFORMED,
		    "kms.uri is not set in the configuration");
	else if (ibe_strength(t->config->kms_scheme, &strength) != ERR_OK)
		rc = why_set(why, ERR_UNSUPPORTED, "kms.scheme %s is not known",
		    t->config->kms_scheme);
	else if (key_period_by_name(t->config->kms_period, &period) != ERR_OK)
		rc = why_set(why, ERR_UNSUPPORTED,
		    "kms.period must be day, week or month");
	else if (t->n_officers < 2)
		rc = why_set(why, ERR_MALFORMED,
		    "a warrant takes two officers: give --officer at least "
		    "twice");
	else
		rc = officers_new(&t->set);
	for (unsigned i = 0; i < t->n_officers && rc == ERR_OK; i++)
		rc = read_officer(t, i, why);
	free(state);
	return rc;
}

/* ---- files around the token ---- */

static enum err
make_dir(const char *path, struct why *why)
{
	if (mkdir(path, 0700) == -1 && errno != EEXIST)
		return why_errno(why, "cannot make %s", path);
	return ERR_OK;
}

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

/* A PIN that is there is used; SoftHSM's is made if it is not. */
static enum err
make_pin(const char *path, struct why *why)
{
	char pin[PIN_CHARS + 1];
	enum err rc;

	if (access(path, F_OK) == 0)
		return ERR_OK;
	if ((rc = random_pin(pin, why)) == ERR_OK)
		rc = cli_write_file(path, pin, PIN_CHARS, 0400, why);
	explicit_bzero(pin, sizeof(pin));
	return rc;
}

static enum err
make_softhsm(struct init *t, struct why *why)
{
	char *dir = config_path(t->config, STATE_TOKEN);
	char *tokens = config_path(t->config, STATE_TOKEN "/tokens");
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
	if ((rc = make_dir(tokens, why)) == ERR_OK &&
	    (rc = cli_write_file(conf, text, strlen(text), 0400, why)) ==
		ERR_OK &&
	    (rc = make_pin(so, why)) == ERR_OK)
		rc = make_pin(t->config->pin_file, why);
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

/* SoftHSM never syncs what it writes. */
static enum err
sync_token(const struct init *t, struct why *why)
{
	char *dir = config_path(t->config, STATE_TOKEN);
	enum err rc = ERR_OK;

	if (t->make_token && dir != NULL &&
	    nftw(dir, sync_one, 16, FTW_DEPTH | FTW_PHYS) != 0)
		rc = why_errno(why, "cannot sync %s", dir);
	free(dir);
	return rc;
}

static void
undo(const struct init *t)
{
	char *dir = config_path(t->config, STATE_TOKEN);
	char *log = config_path(t->config, STATE_LOG);

	if (t->make_token && dir != NULL)
		(void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	if (t->made_log && log != NULL)
		(void)unlink(log);
	free(dir);
	free(log);
}

/* ---- the ceremony, in a worker of its own ---- */

static enum err
write_draft(struct init *t, struct why *why)
{
	static uint8_t buf[KMS_STATE_MAX];
	const struct config *f = t->config;
	struct kms_state s = {.n_officers = t->n_officers};
	struct wr w;
	size_t len;

	rd_init(&s.scheme, f->kms_scheme, strlen(f->kms_scheme));
	rd_init(&s.uri, f->kms_uri, strlen(f->kms_uri));
	if (key_period_by_name(f->kms_period, &s.period) != ERR_OK)
		return ERR_INTERNAL;
	for (unsigned i = 0; i < t->n_officers; i++) {
		rd_init(&s.officer[i].name, t->name[i], strlen(t->name[i]));
		rd_init(&s.officer[i].cert, t->cert[i], t->cert_len[i]);
	}
	wr_init(&w, buf, sizeof(buf) - KMS_STATE_SEAL_LEN);
	kms_state_put(&w, &s);
	if (wr_finish(&w, &len) != ERR_OK)
		return why_set(why, ERR_TOOBIG, "too many officers");
	memset(buf + len, 0, KMS_STATE_SEAL_LEN); /* a draft is not sealed */
	len += KMS_STATE_SEAL_LEN;
	t->draft_fd = memfd_create("draft", MFD_CLOEXEC);
	t->state_fd = memfd_create("state", MFD_CLOEXEC);
	if (t->draft_fd == -1 || t->state_fd == -1 ||
	    write(t->draft_fd, buf, len) != (ssize_t)len)
		return why_errno(why, "cannot keep the draft");
	return ERR_OK;
}

/* Wait for one message of the wanted type; FAILED brings its own words. */
static enum err
await(int ctl, uint16_t type, struct why *why)
{
	static uint8_t buf[IPC_CTL_MAX];
	struct pollfd p = {ctl, POLLIN, 0};
	struct ipc_frame f;
	struct rd text;
	int fd = -1;
	enum err rc;

	if (poll(&p, 1, CEREMONY_SECONDS * 1000) != 1)
		return why_set(why, ERR_HSM,
		    "the token does not answer within %d s", CEREMONY_SECONDS);
	if (ipc_ctl_recv(ctl, buf, sizeof(buf), &f, &fd) != ERR_OK)
		return why_set(why, ERR_HSM,
		    "the hsm worker ended without a word");
	if (f.type == type)
		return ERR_OK;
	if (f.type != MSG_CTL_FAILED ||
	    msg_error_get(f.body, &rc, &text) != ERR_OK)
		return why_set(why, ERR_INTERNAL, "unexpected message");
	if (view_text(text, why->text, sizeof(why->text)) != ERR_OK)
		why->text[0] = '\0';
	return rc;
}

static enum err
send_secret(int ctl, enum ctl_file kind, const char *path, struct why *why)
{
	int fd;
	enum err rc = open_secret_file(path, "PIN file", &fd, why);

	if (rc != ERR_OK)
		return rc;
	rc = ipc_ctl_send(ctl, MSG_CTL_FILE, (uint32_t)kind, NULL, 0, fd);
	close(fd);
	return rc == ERR_OK ? ERR_OK : why_set(why, rc, "hsm worker lost");
}

static enum err
give_order(const struct init *t, int ctl, struct why *why)
{
	const struct config *f = t->config;
	struct init_order o = {.make_token = t->make_token};
	char *so = config_path(f, STATE_TOKEN "/so-pin");
	uint8_t body[8192];
	struct wr w;
	enum err rc;

	rd_init(&o.module, f->token_module, strlen(f->token_module));
	rd_init(&o.label, f->token_label, strlen(f->token_label));
	wr_init(&w, body, sizeof(body));
	init_order_put(&w, &o);
	if ((rc = send_secret(ctl, CTL_FILE_PIN, f->pin_file, why)) == ERR_OK &&
	    t->make_token && so != NULL)
		rc = send_secret(ctl, CTL_FILE_SO_PIN, so, why);
	free(so);
	if (rc != ERR_OK)
		return rc;
	if (w.rc != ERR_OK ||
	    ipc_ctl_send(ctl, MSG_CTL_FILE, CTL_FILE_KMS_STATE, NULL, 0,
		t->draft_fd) != ERR_OK ||
	    ipc_ctl_send(ctl, MSG_CTL_FILE, CTL_FILE_NEW_STATE, NULL, 0,
		t->state_fd) != ERR_OK ||
	    ipc_ctl_send(ctl, MSG_CTL_INIT, 0, body, w.len, -1) != ERR_OK)
		return why_set(why, ERR_CLOSED, "hsm worker lost");
	return ERR_OK;
}

/* A worker as keywardend starts it: it reads all back and tests itself. */
static enum err
give_setup(const struct init *t, int ctl, struct why *why)
{
	const struct config *f = t->config;
	struct hsm_settings h = {.job_seconds = f->job_seconds};
	uint8_t body[8192];
	struct wr w;
	enum err rc;

	rd_init(&h.module, f->token_module, strlen(f->token_module));
	rd_init(&h.label, f->token_label, strlen(f->token_label));
	wr_init(&w, body, sizeof(body));
	hsm_settings_put(&w, &h);
	if ((rc = send_secret(ctl, CTL_FILE_PIN, f->pin_file, why)) != ERR_OK)
		return rc;
	if (w.rc != ERR_OK ||
	    ipc_ctl_send(ctl, MSG_CTL_FILE, CTL_FILE_KMS_STATE, NULL, 0,
		t->state_fd) != ERR_OK ||
	    ipc_ctl_send(ctl, MSG_CTL_SETUP, 0, body, w.len, -1) != ERR_OK)
		return why_set(why, ERR_CLOSED, "hsm worker lost");
	return ERR_OK;
}

static enum err
run_worker(const struct init *t,
    enum err (*give)(const struct init *, int, struct why *), uint16_t until,
    struct why *why)
{
	char **env = spawn_hsm_env(t->config);
	pid_t pid;
	int ctl;
	enum err rc;

	rc = spawn_process("keywarden-hsm", env, &pid, &ctl, why);
	spawn_env_free(env);
	if (rc != ERR_OK)
		return rc;
	if ((rc = give(t, ctl, why)) == ERR_OK)
		rc = await(ctl, until, why);
	close(ctl); /* which ends the worker */
	(void)waitpid(pid, NULL, 0);
	return rc;
}

/* ---- log and state ---- */

static enum err
write_log(struct init *t, struct why *why)
{
	char *path = config_path(t->config, STATE_LOG), *names = NULL;
	struct audit_entry created = {.type = AUDIT_LOG_CREATED};
	struct audit_entry kms = {.type = AUDIT_KMS_CREATED};
	static const char text[] = "keywarden " KEYWARDEN_VERSION;
	struct audit_log log;
	size_t n = 0;
	bool torn;
	int fd = -1;
	enum err rc;

	names = calloc(t->n_officers, MAX_NAME + 3);
	if (path == NULL || names == NULL) {
		rc = why_set(why, ERR_NOMEM, "out of memory");
		goto out;
	}
	for (unsigned i = 0; i < t->n_officers; i++)
		n += (size_t)snprintf(names + n, MAX_NAME + 3, "%s%s",
		    i == 0 ? "" : ", ", t->name[i]);
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
	rd_init(&kms.text, names, n);
	if (EVP_Q_digest(NULL, "SHA256", NULL, t->state, t->state_len,
		kms.digest, NULL) != 1 ||
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

static enum err
put_in_force(struct init *t, struct why *why)
{
	char *path = config_path(t->config, STATE_KMS);
	enum err rc;

	if (path == NULL)
		return why_set(why, ERR_NOMEM, "out of memory");
	rc = cli_write_file(path, t->state, t->state_len, 0400, why);
	free(path);
	return rc;
}

/* ---- all of it ---- */

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

static enum err
make_kms(struct init *t, struct why *why)
{
	enum err rc;

	if ((rc = check_order(t, why)) != ERR_OK ||
	    (rc = make_dir(t->config->state_dir, why)) != ERR_OK ||
	    (rc = lock_state(t, why)) != ERR_OK)
		return rc;
	if (config_is_softhsm(t->config)) {
		cli_progress("making a SoftHSM token under %s ...",
		    t->config->state_dir);
		if ((rc = make_softhsm(t, why)) != ERR_OK)
			return rc;
	}
	cli_progress("making IBE parameters and the token's keys (some "
		     "seconds) ...");
	if ((rc = write_draft(t, why)) != ERR_OK ||
	    (rc = run_worker(t, give_order, MSG_CTL_INIT_DONE, why)) !=
		ERR_OK ||
	    (rc = sync_token(t, why)) != ERR_OK)
		return rc;
	cli_progress("reading all of it back in a fresh process ...");
	if ((rc = run_worker(t, give_setup, MSG_CTL_READY, why)) != ERR_OK ||
	    (rc = kms_state_read(t->state_fd, &t->state, &t->state_len, why)) !=
		ERR_OK ||
	    (rc = write_log(t, why)) != ERR_OK)
		return rc;
	return put_in_force(t, why);
}

static int
report(const struct init *t, bool json)
{
	const struct config *f = t->config;
	struct ibe_strength s;
	json_t *j;

	if (ibe_strength(f->kms_scheme, &s) != ERR_OK)
		return EXIT_REFUSED;
	if (json) {
		j = json_pack("{s:s, s:s, s:s, s:i, s:i, s:b}", "kms",
		    f->kms_uri, "scheme", s.scheme, "period", f->kms_period,
		    "strengthBits", (int)s.bits, "officers", (int)t->n_officers,
		    "testToken", (int)t->make_token);
		return cli_print_json(j);
	}
	(void)printf("KMS %s made: scheme %s, key period %s, %u officers.\n",
	    f->kms_uri, s.scheme, f->kms_period, t->n_officers);
	(void)printf("Note: %s.\n", s.caution);
	if (t->make_token)
		(void)printf("TEST TOKEN: SoftHSM keeps its keys in files "
			     "under %s/%s.\nTake %s/%s/so-pin away from this "
			     "machine; the user PIN is in %s.\n",
		    f->state_dir, STATE_TOKEN, f->state_dir, STATE_TOKEN,
		    f->pin_file);
	(void)printf("Next: start keywardend, then 'keywarden subscriber add' "
		     "and 'keywarden warrant add'.\n");
	return EXIT_DONE;
}

int
cmd_init(const struct command *c, int argc, char **argv)
{
	static struct init t = {.lock_fd = -1, .draft_fd = -1, .state_fd = -1};
	const struct cli_option own[] = {{.name = "officer",
					     .many = t.officer,
					     .most = MAX_OFFICERS,
					     .n = &t.n_officers},
	    {NULL, NULL, NULL, 0, NULL, NULL}};
	struct cli_common common;
	struct why why = {""};
	int code, n;

	(void)umask(077);
	if ((n = cli_options(c, argc, argv, own, &common, &code)) == -1)
		return code;
	if (n != 0)
		return cli_usage(c, EXIT_USAGE);
	if ((code = cli_config(&common, &t.config)) != EXIT_DONE)
		return code;
	if (make_kms(&t, &why) != ERR_OK) {
		cli_error("%s", why.text);
		undo(&t);
		return EXIT_CONFIG;
	}
	return report(&t, common.json);
}
