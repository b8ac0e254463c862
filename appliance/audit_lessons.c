/*
 * Revocations: written down, then taught to every worker; policy hears that it
 * is done when each has learnt it.  A worker learns all of them when it joins,
 * before any work.
 */
#include <stdlib.h>
#include <string.h>

#include "appliance/audit_proc.h"
#include "base/log.h"

void
audit_finish_lesson(struct audit *a, struct lesson *l)
{
	const uint8_t logged = l->logged;

	for (unsigned i = 0; i < MAX_WORKERS; i++)
		if (l->waits_for[i])
			return;
	l->used = false;
	if (a->policy != NULL && l->asker == a->policy_epoch)
		audit_after_sync(a, a->policy, MSG_REVOKED, l->policy_id,
		    &logged, 1);
}

/* Pass a revocation on to every worker and note who is to learn it. */
static void
teach(struct audit *a, struct lesson *l, struct rd cms)
{
	const uint32_t id = (uint32_t)(l - a->lesson);

	for (unsigned i = 0; i < MAX_WORKERS; i++) {
		if (a->worker[i].peer == NULL)
			continue;
		l->waits_for[i] = true;
		audit_after_sync(a, a->worker[i].peer, MSG_LEARN, id, cms.p,
		    cms.left);
	}
	audit_finish_lesson(a, l);
}

static enum err
keep_revocation(struct audit *a, struct rd cms)
{
	struct cms_blob *list =
	    realloc(a->revocation, (a->n_revocations + 1) * sizeof(*list));
	uint8_t *copy = malloc(cms.left);

	if (list != NULL)
		a->revocation = list;
	if (list == NULL || copy == NULL) {
		free(copy);
		return ERR_NOMEM;
	}
	memcpy(copy, cms.p, cms.left);
	a->revocation[a->n_revocations++] = (struct cms_blob){copy, cms.left};
	return ERR_OK;
}

static bool
knows_revocation(const struct audit *a, struct rd cms)
{
	for (size_t i = 0; i < a->n_revocations; i++)
		if (rd_is(&cms, a->revocation[i].p, a->revocation[i].len))
			return true;
	return false;
}

/* A full log must not keep a warrant alive: written or not, it ends. */
static bool
write_revocation(struct audit *a, struct audit_entry *e)
{
	if (!audit_has_room(a) || audit_write(a, e, NULL, NULL) != ERR_OK) {
		log_error("the audit log is full or unwritable: a revocation "
			  "takes effect without an entry");
		return false;
	}
	if (warrant_set_add(&a->revoked, e->warrant) != ERR_OK)
		fatal("out of memory");
	return true;
}

enum err
audit_on_revoke(void *ctx, const struct ipc_frame *f)
{
	struct audit *a = ctx;
	struct lesson *l = NULL;
	struct audit_entry e;
	struct msg_revoke m;
	bool known, logged;
	enum err rc;

	if (msg_revoke_get(f->body, &m) != ERR_OK ||
	    (m.entry.left > 0 &&
		audit_wished_entry(m.entry, AUDIT_WARRANT_REVOKED, &e) !=
		    ERR_OK))
		return ERR_MALFORMED;
	for (unsigned i = 0; i < AUDIT_LESSONS && l == NULL; i++)
		if (!a->lesson[i].used)
			l = &a->lesson[i];
	if (l == NULL)
		return ERR_FULL; /* policy sends one at a time */
	logged = m.entry.left == 0 || write_revocation(a, &e);
	known = knows_revocation(a, m.cms);
	if (!known && (rc = keep_revocation(a, m.cms)) != ERR_OK)
		return rc;
	*l = (struct lesson){.used = true,
	    .logged = logged,
	    .policy_id = f->id,
	    .asker = a->policy_epoch};
	if (known)
		audit_finish_lesson(a, l);
	else
		teach(a, l, m.cms);
	return ERR_OK;
}

/* A new channel to a worker: it learns what is revoked, one by one. */
void
audit_worker_joined(struct audit *a, unsigned index)
{
	a->worker[index].taught = 0;
	a->worker[index].learning = true;
	audit_teach_next(a, index);
}

void
audit_teach_next(struct audit *a, unsigned index)
{
	struct worker *w = &a->worker[index];
	const struct cms_blob *b;

	if (w->taught == a->n_revocations) {
		w->learning = false;
		audit_dispatch(a);
		return;
	}
	b = &a->revocation[w->taught++];
	if (peer_send(w->peer, MSG_LEARN, AUDIT_LESSONS, b->p, b->len) !=
	    ERR_OK)
		fatal("a worker does not take the revocations");
}
