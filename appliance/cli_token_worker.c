/* The worker of `keywarden token probe`, seen from outside. */
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "appliance/cli_token.h"
#include "appliance/spawn.h"
#include "base/ipc.h"
#include "base/log.h"
#include "base/secret_fd.h"

struct worker {
	pid_t pid;
	int ctl;
	enum cap now; /* CAP__MAX: none has begun */
	bool done;
};

/* ---- to the worker ---- */

static enum err
send_pin(const struct probe *p, int ctl, struct why *why)
{
	enum err rc;
	int fd;

	if ((rc = secret_pipe(p->pin, &fd, why)) != ERR_OK)
		return rc;
	rc = ipc_ctl_send(ctl, MSG_CTL_FILE, CTL_FILE_PIN, NULL, 0, fd);
	close(fd);
	return rc == ERR_OK ? ERR_OK : why_set(why, rc, "hsm worker lost");
}

/* Where there is a KMS already its own parameters are an answer known. */
static enum err
send_state(const struct probe *p, int ctl, struct why *why)
{
	const int fd =
	    p->state == NULL ? -1 : open(p->state, O_RDONLY | O_CLOEXEC);
	enum err rc;

	if (fd == -1)
		return ERR_OK;
	rc = ipc_ctl_send(ctl, MSG_CTL_FILE, CTL_FILE_KMS_STATE, NULL, 0, fd);
	close(fd);
	return rc == ERR_OK ? ERR_OK : why_set(why, rc, "hsm worker lost");
}

static enum err
start(const struct probe *p, bool clean, struct worker *w, struct why *why)
{
	struct probe_order o = p->order;
	uint8_t body[8192];
	struct wr out;
	enum err rc;

	*w = (struct worker){.ctl = -1, .now = CAP__MAX};
	rc = spawn_process("keywarden-hsm", p->env, &w->pid, &w->ctl, why);
	if (rc != ERR_OK)
		return rc;
	o.clean = clean;
	wr_init(&out, body, sizeof(body));
	probe_order_put(&out, &o);
	if (out.rc != ERR_OK)
		rc = why_set(why, out.rc, "the module's path is too long");
	else if ((rc = send_pin(p, w->ctl, why)) == ERR_OK &&
	    (rc = send_state(p, w->ctl, why)) == ERR_OK &&
	    ipc_ctl_send(w->ctl, MSG_CTL_PROBE, 0, body, out.len, -1) != ERR_OK)
		rc = why_set(why, ERR_CLOSED, "hsm worker lost");
	return rc;
}

/* ---- what it says ---- */

static void
take_token(struct probe *p, const struct probe_token *m)
{
	p->opened = true;
	p->slot = m->slot;
	p->test_token = m->test_token;
	(void)log_escape(m->manufacturer.p, m->manufacturer.left,
	    p->manufacturer, sizeof(p->manufacturer));
	(void)log_escape(m->model.p, m->model.left, p->model, sizeof(p->model));
	(void)log_escape(m->serial.p, m->serial.left, p->serial,
	    sizeof(p->serial));
	(void)log_escape(m->label.p, m->label.left, p->label, sizeof(p->label));
}

static void
take_ended(struct probe *p, const struct probe_ended *m)
{
	struct cap_result *r = &p->caps.of[m->cap];

	r->state = m->state;
	r->tenths = m->tenths;
	(void)log_escape(m->text.p, m->text.left, r->text, sizeof(r->text));
}

static enum err
take_failed(struct rd body, struct why *why)
{
	struct rd text;
	enum err rc;

	if (msg_error_get(body, &rc, &text) != ERR_OK || rc == ERR_OK)
		return why_set(why, ERR_INTERNAL,
		    "the hsm worker said what is no error");
	(void)log_escape(text.p, text.left, why->text, sizeof(why->text));
	return rc;
}

/* One message, in its turn. */
static enum err
take(struct probe *p, struct worker *w, const struct ipc_frame *f,
    probe_heard *heard, void *ctx, struct why *why)
{
	struct probe_token token;
	struct probe_ended ended;

	if (f->type == MSG_CTL_FAILED)
		return take_failed(f->body, why);
	if (f->type == MSG_CTL_PROBE_TOKEN &&
	    probe_token_get(f->body, &token) == ERR_OK) {
		take_token(p, &token);
		return ERR_OK;
	}
	if (f->type == MSG_CTL_PROBE_BEGINS &&
	    probe_begins_get(f->body, &w->now) == ERR_OK)
		return ERR_OK;
	if (f->type == MSG_CTL_PROBE_ENDED &&
	    probe_ended_get(f->body, &ended) == ERR_OK && ended.cap == w->now) {
		take_ended(p, &ended);
		heard(ctx, p, ended.cap);
		w->now = CAP__MAX;
		return ERR_OK;
	}
	if (f->type != MSG_CTL_PROBE_DONE || w->now != CAP__MAX)
		return why_set(why, ERR_INTERNAL,
		    "the hsm worker said what it must not (message %u)",
		    f->type);
	w->done = true;
	return ERR_OK;
}

/* ERR_CLOSED: it has ended; ERR_AGAIN: it does not answer. */
static enum err
listen(struct probe *p, struct worker *w, unsigned seconds, probe_heard *heard,
    void *ctx, struct why *why)
{
	static uint8_t buf[IPC_CTL_MAX];
	enum err rc = ERR_OK;

	while (rc == ERR_OK && !w->done) {
		struct pollfd line = {w->ctl, POLLIN, 0};
		struct ipc_frame f;
		int fd = -1, n;

		if ((n = poll(&line, 1, (int)(seconds * 1000))) == 0)
			return ERR_AGAIN;
		if (n == -1 && errno == EINTR)
			continue;
		rc = ipc_ctl_recv(w->ctl, buf, sizeof(buf), &f, &fd);
		if (fd != -1)
			close(fd);
		if (rc == ERR_OK)
			rc = take(p, w, &f, heard, ctx, why);
	}
	return rc;
}

/* How it ended; killed first if it is still there. */
static int
end(struct worker *w, bool by_force)
{
	int status = 0;

	close(w->ctl);
	if (by_force)
		(void)kill(w->pid, SIGKILL);
	while (waitpid(w->pid, &status, 0) == -1 && errno == EINTR)
		;
	return status;
}

static void
say_cut_off(struct probe *p, const struct worker *w, bool hung, int status)
{
	struct cap_result *r = &p->caps.of[w->now];

	r->state = CAP_LOST;
	if (hung)
		(void)snprintf(r->text, sizeof(r->text),
		    "no answer for %u s: the worker was ended", p->seconds);
	else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS) {
		r->state = CAP_MISSING;
		(void)snprintf(r->text, sizeof(r->text),
		    "the kernel ended the worker for a call that it does not "
		    "have");
	} else if (WIFSIGNALED(status))
		(void)snprintf(r->text, sizeof(r->text),
		    "the worker crashed in the module (signal %d)",
		    WTERMSIG(status));
	else
		(void)snprintf(r->text, sizeof(r->text),
		    "the module ended the worker (status %d)",
		    WEXITSTATUS(status));
}

static void
ignore(void *ctx, const struct probe *p, enum cap c)
{
	(void)ctx;
	(void)p;
	(void)c;
}

/* What was cut off may have left an object that stays. */
static void
clean(struct probe *p)
{
	struct probe again = {.opened = false};
	struct worker w;
	struct why why = {""};
	enum err rc;

	if ((rc = start(p, true, &w, &why)) == ERR_OK)
		rc = listen(&again, &w, p->seconds, ignore, NULL, &why);
	if (w.ctl != -1)
		(void)end(&w, rc != ERR_OK);
	if (rc != ERR_OK)
		log_warning("an object \"keywarden-probe\" may be left in the "
			    "token: the next probe removes it");
}

enum err
probe_run(struct probe *p, probe_heard *heard, void *ctx, struct why *why)
{
	struct worker w;
	int status;
	enum err rc;

	if ((rc = start(p, false, &w, why)) == ERR_OK)
		rc = listen(p, &w, p->seconds + p->order.idle_ms / 1000, heard,
		    ctx, why);
	if (w.ctl == -1)
		return rc;
	status = end(&w, rc != ERR_OK && rc != ERR_CLOSED);
	if (rc != ERR_CLOSED && rc != ERR_AGAIN)
		return rc;
	if (w.now == CAP__MAX && rc == ERR_AGAIN)
		return why_set(why, ERR_HSM,
		    "the token did not answer within %u s: is its module in "
		    "order?",
		    p->seconds);
	if (w.now == CAP__MAX)
		return why_set(why, ERR_HSM, "the module ended the worker %s",
		    p->opened ? "between two steps"
			      : "before the token was open");
	say_cut_off(p, &w, rc == ERR_AGAIN, status);
	heard(ctx, p, w.now);
	if (p->opened)
		clean(p);
	return ERR_OK;
}
