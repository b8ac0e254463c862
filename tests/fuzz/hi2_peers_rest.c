/*
 * For fuzz_hi2_peers: in place of the other files of keywarden-hi2, of which
 * nothing is said there.
 */
#include "appliance/hi2_proc.h"
#include "fuzz.h"

#define UNSAID(name) \
	enum err name(void *ctx, const struct ipc_frame *f) \
	{ \
		(void)ctx; \
		(void)f; \
		must_failed("nothing of " #name, __FILE__, __LINE__); \
	}
UNSAID(hi2_on_intake)
UNSAID(hi2_on_intake_gone)
UNSAID(hi2_on_intake_more)
UNSAID(hi2_on_task_done)
UNSAID(hi2_on_task_failed)

/* There is no journal. */
enum err
spool_intake_done(struct spool_intake *t, uint64_t call,
    const uint8_t mark[INTAKE_MARK_LEN], uint64_t leg, bool *had,
    struct why *why)
{
	(void)t;
	(void)call;
	(void)mark;
	(void)leg;
	(void)had;
	(void)why;
	must_failed("no mark", __FILE__, __LINE__);
}

void
spool_intake_count(const struct spool_intake *t,
    struct spool_intake_counts *out)
{
	(void)t;
	(void)out;
	must_failed("no count", __FILE__, __LINE__);
}

/* Nothing goes out. */
void
delivery_noted(struct delivery *d, uint32_t id, enum err rc)
{
	(void)d;
	(void)id;
	(void)rc;
}

void
delivery_audit_gone(struct delivery *d)
{
	(void)d;
}

void
hi2_tasks_audit_gone(struct hi2 *h)
{
	(void)h;
}

struct moment
hi2_now(void)
{
	return (struct moment){0, 0};
}
