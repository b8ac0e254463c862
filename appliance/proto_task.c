/* Tasks of the token, what keywarden(1) says of them, and errors. */
#include <string.h>

#include "appliance/proto_int.h"

enum err
proto_get_err(struct rd *r, enum err *out)
{
	uint8_t v;

	if (rd_u8(r, &v) != ERR_OK || v >= ERR__MAX)
		return ERR_MALFORMED;
	*out = (enum err)v;
	return ERR_OK;
}

void
msg_task_put(struct wr *w, const struct msg_task *m)
{
	wr_u8(w, (uint8_t)m->kind);
	wr_view16(w, m->entry.p, m->entry.left);
	wr_view32(w, m->body.p, m->body.left);
}

enum err
msg_task_get(struct rd r, struct msg_task *m)
{
	uint8_t kind;
	enum err rc;

	if ((rc = rd_u8(&r, &kind)) == ERR_OK &&
	    (rc = rd_view16(&r, &m->entry)) == ERR_OK)
		rc = rd_view32(&r, &m->body);
	if (rc == ERR_OK && kind >= TASK__MAX)
		rc = ERR_MALFORMED;
	if (rc == ERR_OK)
		m->kind = (enum task_kind)kind;
	return proto_whole(&r, rc);
}

void
msg_result_put(struct wr *w, const struct msg_result *m)
{
	wr_u8(w, (uint8_t)m->rc);
	wr_view32(w, m->result.p, m->result.left);
}

enum err
msg_result_get(struct rd r, struct msg_result *m)
{
	enum err rc;

	if ((rc = proto_get_err(&r, &m->rc)) == ERR_OK)
		rc = rd_view32(&r, &m->result);
	return proto_whole(&r, rc);
}

void
task_subscriber_put(struct wr *w, const struct task_subscriber *m)
{
	wr_u64(w, m->number);
	wr_view32(w, m->request.p, m->request.left);
	wr_view16(w, m->record.p, m->record.left);
}

enum err
task_subscriber_get(struct rd r, struct task_subscriber *m)
{
	enum err rc;

	if ((rc = rd_u64(&r, &m->number)) == ERR_OK &&
	    (rc = rd_view32(&r, &m->request)) == ERR_OK)
		rc = rd_view16(&r, &m->record);
	return proto_whole(&r, rc);
}

void
task_subscriber_result_put(struct wr *w, const struct task_subscriber_result *m)
{
	wr_view16(w, m->record.p, m->record.left);
	wr_view16(w, m->for_device.p, m->for_device.left);
}

enum err
task_subscriber_result_get(struct rd r, struct task_subscriber_result *m)
{
	enum err rc;

	if ((rc = rd_view16(&r, &m->record)) == ERR_OK)
		rc = rd_view16(&r, &m->for_device);
	return proto_whole(&r, rc);
}

void
task_key_put(struct wr *w, const struct task_key *m)
{
	wr_view16(w, m->subscriber.p, m->subscriber.left);
	wr_view8(w, m->identity.p, m->identity.left);
	wr_i64(w, m->at);
}

enum err
task_key_get(struct rd r, struct task_key *m)
{
	enum err rc;

	if ((rc = rd_view16(&r, &m->subscriber)) == ERR_OK &&
	    (rc = rd_view8(&r, &m->identity)) == ERR_OK)
		rc = rd_i64(&r, &m->at);
	return proto_whole(&r, rc);
}

void
task_key_result_put(struct wr *w, const struct task_key_result *m)
{
	wr_i64(w, m->not_before);
	wr_i64(w, m->not_after);
	wr_view16(w, m->enveloped.p, m->enveloped.left);
}

enum err
task_key_result_get(struct rd r, struct task_key_result *m)
{
	enum err rc;

	if ((rc = rd_i64(&r, &m->not_before)) == ERR_OK &&
	    (rc = rd_i64(&r, &m->not_after)) == ERR_OK)
		rc = rd_view16(&r, &m->enveloped);
	return proto_whole(&r, rc);
}

void
cli_key_issue_put(struct wr *w, const struct cli_key_issue *m)
{
	wr_view8(w, m->subscriber.p, m->subscriber.left);
	wr_view8(w, m->identity.p, m->identity.left);
	wr_i64(w, m->at);
}

enum err
cli_key_issue_get(struct rd r, struct cli_key_issue *m)
{
	enum err rc;

	if ((rc = rd_view8(&r, &m->subscriber)) == ERR_OK &&
	    (rc = rd_view8(&r, &m->identity)) == ERR_OK)
		rc = rd_i64(&r, &m->at);
	return proto_whole(&r, rc);
}

void
msg_error_put(struct wr *w, enum err e, const char *text)
{
	wr_u8(w, (uint8_t)e);
	wr_view16(w, text, strlen(text));
}

enum err
msg_error_get(struct rd r, enum err *e, struct rd *text)
{
	enum err rc;

	if ((rc = proto_get_err(&r, e)) == ERR_OK)
		rc = rd_view16(&r, text);
	return proto_whole(&r, rc);
}
