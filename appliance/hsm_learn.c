/*
 * The warrant state of a worker.  What lies below the head that was sealed
 * last is known by that head: it was judged when it was sealed.  What is above
 * is judged here, and then the head is sealed.  A state that does not reach
 * the sealed head is an older one: the worker does not work by it.
 */
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "appliance/ctl.h"
#include "appliance/hsm_proc.h"
#include "appliance/hsm_watch.h"
#include "base/clock.h"
#include "base/log.h"

/* A stop may be dated so far ahead of this worker's clock, s. */
#define STOP_AHEAD 86400

/* How often the time in the sealed head is brought up to date, s. */
#define HEAD_REFRESH 600

static int64_t
boot_seconds(void)
{
	struct timespec t = {0, 0};

	(void)clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec;
}

bool
hsm_now(struct hsm_proc *p, int64_t *now)
{
	struct sealed_head h;
	struct why why = {""};
	enum err rc;

	*now = clock_guard_now(&p->time, clock_seconds(), boot_seconds());
	if (p->current && *now - p->head_time >= HEAD_REFRESH) {
		const struct head head = authority_head(p->authority);

		p->head_time = *now;
		hsm_watch_work();
		rc = hsm_head_write(p, &head, *now, &h, &why);
		hsm_watch_done();
		if (rc == ERR_HSM || rc == ERR_PIN)
			hsm_token_failed(p, "sealing the head");
		if (rc != ERR_OK)
			log_warning("%s", why.text);
	}
	return !p->time.stopped;
}

void
hsm_forget_state(struct hsm_proc *p)
{
	struct rd sealed, seal, whole;
	struct why why = {""};

	/* The octets that were checked at the start, not the file's. */
	authority_free(&p->authority);
	p->current = false;
	rd_init(&whole, p->state_octets, p->state_len);
	if (kms_state_parse(whole, &p->state, &sealed, &seal) != ERR_OK ||
	    kms_state_authority(&p->state, whole, &p->authority, &why) !=
		ERR_OK)
		ctl_fail(ERR_MALFORMED, &why);
}

/* It has been this late: by the sealed head, by the log. */
static void
raise_floor(struct hsm_proc *p, int64_t floor)
{
	const int64_t real = clock_seconds(), boot = boot_seconds();
	const bool was = p->time.stopped;

	if (floor > clock_guard_now(&p->time, real, boot))
		clock_guard_init(&p->time, real, boot, floor);
	/* A later floor alone starts no clock that has been stopped. */
	p->time.stopped |= was;
	if (p->time.stopped && !was)
		log_error("the clock is behind the time that the log has "
			  "seen: nothing is released until two security "
			  "officers accept it (keywarden clock accept)");
}

/* One that nobody has sealed yet. */
static enum err
judge(struct hsm_proc *p, const struct change *c, bool fresh, struct why *why)
{
	int64_t now =
	    clock_guard_now(&p->time, clock_seconds(), boot_seconds());
	struct approval a;
	enum err rc;

	if (!p->current)
		return why_set(why, ERR_MISMATCH,
		    "change %llu does not follow the head that was sealed",
		    (unsigned long long)c->number);
	if (!fresh && !change_is_stop(c->kind))
		return why_set(why, ERR_DENIED,
		    "change %llu took effect under no sealed head",
		    (unsigned long long)c->number);
	if (p->time.stopped && !request_rule(c->kind)->at_any_time)
		return why_set(why, ERR_DENIED,
		    "the clock has stepped back: accept it first");
	/*
	 * Taking away is as good later as it was then.  It may also be dated
	 * ahead of a clock that has stepped back: policy goes by what has gone
	 * by since, which a worker that was started after the step cannot know.
	 */
	if (change_is_stop(c->kind) &&
	    (p->time.stopped || c->time <= now + STOP_AHEAD))
		now = c->time;
	if (c->kind == REQUEST_CLOCK_ACCEPT)
		now = clock_seconds(); /* the one that is to be accepted */
	if ((rc = authority_check(p->authority, c, now, &a, why)) != ERR_OK)
		return rc;
	approval_done(&a);
	return ERR_OK;
}

/* One that lies below the sealed head, which has to be able to be reached. */
static enum err
lies_below(struct hsm_proc *p, const struct change *c, bool fresh,
    const struct sealed_head *s, struct why *why)
{
	const struct head before = authority_head(p->authority);
	struct head h;

	if (head_after(&before, c, &h) != ERR_OK)
		return why_set(why, ERR_CRYPTO, "SHA-256 failed");
	if (c->number < s->head.number ? fresh : !head_equal(&h, &s->head))
		return why_set(why, ERR_MISMATCH,
		    "change %llu is not the one that was sealed",
		    (unsigned long long)c->number);
	return ERR_OK;
}

/* Does it declare signatures void on which a known warrant may rest? */
static bool
voids(const struct change *c)
{
	struct request *q = NULL;
	struct why why;
	bool does;

	if (c->kind != REQUEST_PERSON_REMOVE ||
	    request_parse_known(c->request, &q, &why) != ERR_OK)
		return false;
	does = q->voids;
	request_free(&q);
	return does;
}

/* Does the state reach the sealed head? */
static enum err
compare(struct hsm_proc *p, const struct sealed_head *s, struct why *why)
{
	const struct head h = authority_head(p->authority);

	p->current = head_equal(&h, &s->head);
	if (h.number == s->head.number && !p->current)
		return why_set(why, ERR_MISMATCH,
		    "the warrant state is not the one whose head %llu was "
		    "sealed",
		    (unsigned long long)h.number);
	return ERR_OK;
}

/*
 * Seal what was judged, and bring the clock to where it was accepted.  Of a
 * change that is no longer fresh another worker may have sealed what follows
 * it in the meantime: then that head is the one to be reached.
 */
static enum err
took_effect(struct hsm_proc *p, const struct change *c, bool fresh,
    struct sealed_head *s, struct why *why)
{
	const struct head h = authority_head(p->authority);
	enum err rc;

	if (c->kind == REQUEST_CLOCK_ACCEPT) {
		clock_guard_accept(&p->time, clock_seconds(), boot_seconds());
		log_warning("the clock was accepted as it is");
	}
	p->head_time =
	    clock_guard_now(&p->time, clock_seconds(), boot_seconds());
	rc = hsm_head_write(p, &h, p->head_time, s, why);
	if (rc != ERR_MISMATCH || fresh)
		return rc;
	if ((rc = hsm_head_read(p, s, why)) != ERR_OK)
		return rc;
	if (s->head.number <= h.number)
		return ERR_MISMATCH;
	*why = (struct why){""};
	return ERR_OK;
}

/*
 * One change: known by the sealed head, or judged and sealed.  `live`: this
 * worker is being told of something that happens now.
 */
static enum err
learn(struct hsm_proc *p, const struct change *c, bool fresh, bool live,
    struct sealed_head *s, struct why *why)
{
	const bool above = c->number > s->head.number;
	enum err rc;

	rc = above ? judge(p, c, fresh, why) : lies_below(p, c, fresh, s, why);
	if (rc != ERR_OK ||
	    (rc = authority_apply(p->authority, c, why)) != ERR_OK)
		return rc;
	p->voidings += voids(c) ? 1 : 0;
	if (above && (rc = took_effect(p, c, fresh, s, why)) != ERR_OK)
		return rc;
	/* Another worker has accepted the clock, just before that seal. */
	if (!above && live && c->kind == REQUEST_CLOCK_ACCEPT &&
	    c->number == s->head.number)
		clock_guard_init(&p->time, clock_seconds(), boot_seconds(),
		    s->time);
	return compare(p, s, why);
}

/* A lesson that begins with the first change is all of the state anew. */
static bool
begins_anew(const struct msg_learn *m)
{
	struct rd at = m->changes;
	struct change c;

	return !m->fresh && change_get(&at, &c) == ERR_OK && c.number == 1;
}

static enum err
learn_all(struct hsm_proc *p, const struct msg_learn *m, struct sealed_head *s,
    struct why *why)
{
	const bool anew =
	    begins_anew(m) && authority_head(p->authority).number > 0;
	/* What is told once more does not happen now. */
	const bool live = m->fresh || (p->current && !anew);
	struct rd at = m->changes;
	struct change c;
	enum err rc;

	if ((rc = hsm_head_read(p, s, why)) != ERR_OK)
		return rc;
	raise_floor(p, m->floor > s->time ? m->floor : s->time);
	if (anew)
		hsm_forget_state(p);
	if ((rc = compare(p, s, why)) != ERR_OK)
		return rc;
	while (at.left > 0) {
		if (change_get(&at, &c) != ERR_OK)
			return why_set(why, ERR_MALFORMED, "not a change");
		rc = learn(p, &c, m->fresh, live, s, why);
		if (rc != ERR_OK)
			return rc;
	}
	return ERR_OK;
}

enum err
hsm_on_learn(void *ctx, const struct ipc_frame *f)
{
	struct hsm_proc *p = ctx;
	const struct head before = authority_head(p->authority);
	struct sealed_head s = {.time = 0};
	struct msg_learnt out = {.current = false};
	struct why why = {""};
	struct msg_learn m;
	struct wr w;
	enum err rc;

	if (msg_learn_get(f->body, &m) != ERR_OK)
		return ERR_MALFORMED;
	/* A token that hangs would keep the head locked for all workers. */
	hsm_watch_work();
	out.rc = learn_all(p, &m, &s, &why);
	hsm_watch_done();
	if (out.rc == ERR_HSM || out.rc == ERR_PIN)
		hsm_token_failed(p, "a lesson");
	if (out.rc == ERR_IO)
		hsm_end(p, out.rc, &why);
	out.head = authority_head(p->authority);
	/* A state of which a part was refused is none to go on from. */
	if (out.rc != ERR_OK && (!m.fresh || !head_equal(&out.head, &before))) {
		log_error("%s", why.text);
		hsm_forget_state(p);
		out.head = authority_head(p->authority);
	}
	out.current = p->current;
	rd_init(&out.seal, s.seal,
	    head_equal(&s.head, &out.head) ? sizeof(s.seal) : 0);
	rd_init(&out.text, why.text, strlen(why.text));
	if ((rc = ipc_begin(p->audit, MSG_LEARNT, f->id, 512, &w)) != ERR_OK)
		return rc;
	msg_learnt_put(&w, &out);
	return ipc_commit(p->audit, &w);
}
