/*
 * What delivery over HI2 asks of the token: a data key of the queue unwrapped,
 * octets signed for LEMFs.  audit passes it on, and has an entry of the first
 * on disk; the result goes to hi2 and to nobody else.
 */
#include "appliance/hsm_proc.h"
#include "appliance/hsm_watch.h"
#include "appliance/proto_hi2.h"
#include "base/log.h"

/* One that does not verify is no word of this token to anybody. */
static enum err
sign(struct hsm_proc *p, struct rd octets, uint8_t *out, size_t *len)
{
	enum err rc;

	rc = hsm_sign(p->token, HSM_KEY_HI2, octets.p, octets.left, out, len);
	return rc != ERR_OK ? rc
			    : hsm_known_signed(p->known_answers, octets.p,
				  octets.left, out, *len);
}

static enum err
do_task(struct hsm_proc *p, const struct msg_hi2_task *t, uint8_t *out,
    size_t *len)
{
	switch (t->kind) {
	case HI2_TASK_UNWRAP:
		*len = HSM_DATA_KEY_LEN;
		return hsm_data_key_open(p->token, t->octets, out);
	case HI2_TASK_SIGN:
		return sign(p, t->octets, out, len);
	case HI2_TASK__MAX:
		break;
	}
	return ERR_INTERNAL;
}

static enum err
tell_hi2(struct hsm_proc *p, uint32_t id, const struct msg_hi2_done *m)
{
	struct ipc_chan *hi2 = p->taker[ROUTE_HI2];
	struct wr w;
	enum err rc;

	if (hi2 == NULL)
		return ERR_CLOSED;
	rc = ipc_begin(hi2, MSG_HI2_TASK_DONE, id, 1 + m->octets.left, &w);
	if (rc == ERR_OK) {
		msg_hi2_done_put(&w, m);
		rc = ipc_commit(hi2, &w);
	}
	if (rc != ERR_OK) /* it does not read: as if it had gone */
		log_warning("hi2 does not take what the token did for it: %s",
		    err_str(rc));
	return rc == ERR_OK ? ERR_OK : ERR_CLOSED;
}

static enum err
tell_audit(struct hsm_proc *p, uint32_t id, enum err rc)
{
	uint8_t body[1];
	struct wr w;

	wr_init(&w, body, sizeof(body));
	msg_hi2_ended_put(&w, rc);
	return ipc_send(p->audit, MSG_HI2_TASK_ENDED, id, body, w.len);
}

enum err
hsm_on_hi2_task(void *ctx, const struct ipc_frame *f)
{
	struct hsm_proc *p = ctx;
	struct msg_hi2_done done = {.rc = ERR_INTERNAL};
	struct secret *out = NULL;
	struct msg_do_hi2_task m;
	size_t len = 0;
	enum err rc;

	if (msg_do_hi2_task_get(f->body, &m) != ERR_OK)
		return ERR_MALFORMED;
	if ((rc = secret_new(MAX_HI2_SECRET, &out)) != ERR_OK)
		return rc;
	hsm_watch_work();
	done.rc = do_task(p, &m.task, secret_data(out), &len);
	hsm_watch_done();
	if (done.rc == ERR_HSM || done.rc == ERR_PIN)
		hsm_token_failed(p, "a task of delivery");
	if (m.task.kind == HI2_TASK_SIGN && done.rc == ERR_MISMATCH)
		hsm_end(p, done.rc,
		    &(struct why){"a signature for LEMFs that "
				  "does not verify"});
	rd_init(&done.octets, secret_data(out), done.rc == ERR_OK ? len : 0);
	rc = tell_hi2(p, m.hi2_id, &done);
	secret_free(&out);
	return tell_audit(p, f->id, rc == ERR_OK ? done.rc : rc);
}
