/*
 * `keywarden init` and its worker: one process makes the token's keys, a fresh
 * one reads them back as keywardend's will.
 */
#include <sys/mman.h>
#include <sys/wait.h>

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "appliance/cli_init.h"
#include "appliance/kms_state.h"
#include "appliance/spawn.h"
#include "base/ipc.h"

#define CEREMONY_SECONDS 120

static enum err
write_draft(struct init *t, struct why *why)
{
	static uint8_t buf[KMS_STATE_MAX];
	const struct config *f = t->config;
	static struct kms_state s;
	struct wr w;
	size_t len;

	rd_init(&s.scheme, f->kms_scheme, strlen(f->kms_scheme));
	rd_init(&s.uri, f->kms_uri, strlen(f->kms_uri));
	if (key_period_by_name(f->kms_period, &s.period) != ERR_OK)
		return ERR_INTERNAL;
	rd_init(&s.config, t->matters, strlen(t->matters));
	for (s.n_persons = 0; s.n_persons < t->n_persons; s.n_persons++) {
		const struct init_entry *e = &t->person[s.n_persons];
		struct kms_person *p = &s.person[s.n_persons];

		p->role = e->role;
		rd_init(&p->name, e->name, strlen(e->name));
		rd_init(&p->cert, e->cert, e->cert_len);
	}
	for (s.n_clients = 0; s.n_clients < t->n_clients; s.n_clients++) {
		const struct init_entry *e = &t->client[s.n_clients];
		struct kms_client *c = &s.client[s.n_clients];

		rd_init(&c->name, e->name, strlen(e->name));
		rd_init(&c->cert, e->cert, e->cert_len);
	}
	wr_init(&w, buf, sizeof(buf) - KMS_STATE_SEAL_LEN);
	kms_state_put(&w, &s);
	if (wr_finish(&w, &len) != ERR_OK)
		return why_set(why, ERR_TOOBIG,
		    "the certificates have over %d octets in all",
		    KMS_STATE_MAX);
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
	struct init_order o = {.make_token = t->make_token,
	    .production = f->production};
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
	    ipc_ctl_send(ctl, MSG_CTL_FILE, CTL_FILE_HEAD, NULL, 0,
		t->head_fd) != ERR_OK ||
	    ipc_ctl_send(ctl, MSG_CTL_INIT, 0, body, w.len, -1) != ERR_OK)
		return why_set(why, ERR_CLOSED, "hsm worker lost");
	return ERR_OK;
}

/* A worker as keywardend starts it: it reads all back and tests itself. */
static enum err
give_setup(const struct init *t, int ctl, struct why *why)
{
	const struct config *f = t->config;
	struct hsm_settings h = {.call_seconds = f->call_seconds,
	    .job_seconds = f->job_seconds,
	    .production = f->production};
	uint8_t body[8192];
	struct wr w;
	enum err rc;

	rd_init(&h.module, f->token_module, strlen(f->token_module));
	rd_init(&h.label, f->token_label, strlen(f->token_label));
	wr_init(&w, body, sizeof(body));
	hsm_settings_put(&w, &h);
	if ((rc = send_secret(ctl, CTL_FILE_PIN, f->pin_file, why)) != ERR_OK)
		return rc;
	if (w.rc != ERR_OK || lseek(t->head_fd, 0, SEEK_SET) == -1 ||
	    ipc_ctl_send(ctl, MSG_CTL_FILE, CTL_FILE_KMS_STATE, NULL, 0,
		t->state_fd) != ERR_OK ||
	    ipc_ctl_send(ctl, MSG_CTL_FILE, CTL_FILE_HEAD, NULL, 0,
		t->head_fd) != ERR_OK ||
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

enum err
init_make_keys(struct init *t, struct why *why)
{
	enum err rc;

	if ((rc = write_draft(t, why)) != ERR_OK)
		return rc;
	return run_worker(t, give_order, MSG_CTL_INIT_DONE, why);
}

enum err
init_read_back(const struct init *t, struct why *why)
{
	return run_worker(t, give_setup, MSG_CTL_READY, why);
}
