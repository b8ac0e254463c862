/* What the queue of HI2 asks of audit. */
#include "appliance/audit_proc.h"
#include "appliance/proto_hi2.h"

static void
hi2_closed(void *ctx, struct peer *p)
{
	(void)p;
	audit_hi2_left(ctx);
}

const struct peer_ops audit_hi2_ops = {.name = "hi2",
    .max_body = MAX_IPC_BODY,
    .max_queue = MAX_IPC_QUEUE,
    .closed = hi2_closed};

void
audit_hi2_left(struct audit *a)
{
	audit_drop_after_sync(a, a->hi2);
	peer_free(&a->hi2);
}
