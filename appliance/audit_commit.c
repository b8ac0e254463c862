/*
 * Entries into the log, and what may leave only when they are on disk: one
 * sync for all that came in a turn of the loop.
 */
#include <stdlib.h>
#include <string.h>

#include "appliance/audit_proc.h"
#include "base/log.h"

/* ---- entries ---- */

enum err
audit_write(struct audit *a, struct audit_entry *e, uint8_t *leaf,
    size_t *leaf_len)
{
	enum err rc = audit_log_append(&a->log, e, leaf, leaf_len);

	if (a->log.failed)
		fatal("the audit log cannot be written: restart to read what "
		      "is on disk");
	if (rc == ERR_OK && state_seen_entry(&a->seen, e) != ERR_OK)
		fatal("out of memory");
	return rc;
}

bool
audit_has_room(const struct audit *a)
{
	/* Each item still writes an outcome, perhaps two; a stop one more. */
	return audit_log_room(&a->log) >= 2 * AUDIT_RECORD_MAX +
	    2 * (slots_used(a->items) + 1ULL) * AUDIT_OUTCOME_RECORD_MAX;
}

void
audit_alarm(struct audit *a, const char *text)
{
	struct audit_entry e = {.type = AUDIT_ALARM};

	rd_init(&e.text, text, strlen(text));
	if (!audit_has_room(a) || audit_write(a, &e, NULL, NULL) != ERR_OK)
		log_error("the next could not be written into the log");
	log_error("%s", text);
}

/* ---- what waits for the disk ---- */

void
audit_after_sync(struct audit *a, struct peer *to, uint16_t type, uint32_t id,
    const uint8_t *body, size_t len)
{
	struct after_sync *s = malloc(sizeof(*s) + len);

	if (s == NULL)
		fatal("out of memory");
	*s = (struct after_sync){.to = to, .type = type, .id = id, .len = len};
	if (len > 0)
		memcpy(s->body, body, len);
	*a->out_end = s;
	a->out_end = &s->next;
}

void
audit_drop_after_sync(struct audit *a, const struct peer *to)
{
	struct after_sync **at = &a->out, *s;

	while ((s = *at) != NULL) {
		if (s->to != to || to == NULL) {
			at = &s->next;
			continue;
		}
		*at = s->next;
		free(s);
	}
	a->out_end = at;
}

static void
send_out(struct audit *a)
{
	while (a->out != NULL) {
		struct after_sync *s = a->out;

		a->out = s->next;
		if (a->out == NULL)
			a->out_end = &a->out;
		if (s->to == NULL)
			audit_queue_item(a, s->id);
		else if (peer_send(s->to, s->type, s->id, s->body, s->len) !=
		    ERR_OK)
			fatal("a process does not take what it is sent");
		free(s);
	}
}

/* Giving work out may itself write an outcome: hence the loop. */
void
audit_commit(struct audit *a)
{
	if (a->policy != NULL && !a->alarmed_old && audit_state_old(a)) {
		a->alarmed_old = true;
		audit_alarm(a,
		    "the warrant state that policy goes by is not "
		    "the last one that the log or a worker has seen:"
		    " nothing is released");
	}
	while (a->out != NULL || a->log.synced != a->log.end ||
	    a->change.state == CHANGE_WRITTEN) {
		if (audit_log_sync(&a->log) != ERR_OK)
			fatal("the audit log cannot be synced: nothing is "
			      "released");
		send_out(a);
		audit_change_synced(a);
		audit_dispatch(a);
	}
	if (audit_log_prepare(&a->log) == ERR_IO)
		fatal("the audit log cannot be extended");
	if (a->policy != NULL &&
	    (audit_has_room(a) != a->told_room ||
		audit_state_old(a) != a->told_old ||
		audit_usable_workers(a) != a->told_workers))
		audit_tell_service(a);
}
