#include "appliance/ctl_loop.h"

static void
on_ctl(uv_poll_t *h, int status, int events)
{
	const struct ctl_watch *w = h->data;

	(void)status;
	(void)events;
	ctl_receive(w->handlers, w->ctx);
}

void
ctl_watch(uv_loop_t *loop, struct ctl_watch *w, const struct ctl_handlers *h,
    void *ctx)
{
	w->handlers = h;
	w->ctx = ctx;
	w->poll.data = w;
	(void)uv_poll_init(loop, &w->poll, CTL_FD);
	(void)uv_poll_start(&w->poll, UV_READABLE, on_ctl);
}
