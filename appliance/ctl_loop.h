/* ctl_loop: the line to the supervisor on a libuv loop. */
#ifndef APPLIANCE_CTL_LOOP_H
#define APPLIANCE_CTL_LOOP_H

#include <uv.h>

#include "appliance/ctl.h"

struct ctl_watch {
	uv_poll_t poll;
	uv_prepare_t rest;
	const struct ctl_handlers *handlers;
	void *ctx;
};

/*
 * After ctl_start(): handle what the supervisor says while the loop runs.  And
 * before it waits, nothing is left on the stack of what was handled.
 */
void ctl_watch(uv_loop_t *, struct ctl_watch *, const struct ctl_handlers *,
    void *ctx);

#endif
