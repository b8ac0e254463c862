#include "appliance/ctl_loop.h"
#include "base/secret.h"

static void
on_ctl(uv_poll_t *h, int status, int events)
{
	const struct ctl_watch *w = h->data;

	(void)status;
	(void)events;
	ctl_receive(w->handlers, w->ctx);
}

static void
on_rest(uv_prepare_t *h)
{
	(void)h;
	secret_wipe_stack();
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
	(void)uv_prepare_init(loop, &w->rest);
	(void)uv_prepare_start(&w->rest, on_rest);
	uv_unref((uv_handle_t *)&w->rest);
}
