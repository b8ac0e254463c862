/*
 * proto_probe: `keywarden token probe` and the hsm worker that it starts.
 * Control packets (base/ipc.h); numbers are in proto.h.  The order goes down,
 * then come MSG_CTL_PROBE_TOKEN, for each capability in the order of hsm/caps.h
 * BEGINS and ENDED, and DONE; or MSG_CTL_FAILED instead of any of them.
 */
#ifndef APPLIANCE_PROTO_PROBE_H
#define APPLIANCE_PROTO_PROBE_H

#include "appliance/proto.h"
#include "hsm/caps.h"

#define MAX_PROBE_IDLE_MS (600 * 1000)

/* MSG_CTL_PROBE */
struct probe_order {
	bool clean; /* only remove what an earlier probe has left */
	bool quick; /* no speeds, and not each size of key */
	bool by_slot;
	uint64_t slot;
	uint32_t idle_ms; /* 0: not at all */
	struct rd module, label; /* no label: the only token there is */
};
void probe_order_put(struct wr *, const struct probe_order *);
enum err probe_order_get(struct rd, struct probe_order *) MUST_CHECK;

/* MSG_CTL_PROBE_TOKEN: which one it is, in its own words. */
struct probe_token {
	uint64_t slot;
	bool test_token;
	struct rd manufacturer, model, serial, label;
};
void probe_token_put(struct wr *, const struct probe_token *);
enum err probe_token_get(struct rd, struct probe_token *) MUST_CHECK;

/* MSG_CTL_PROBE_BEGINS: u8 enum cap. */
enum err probe_begins_get(struct rd, enum cap *) MUST_CHECK;

/* MSG_CTL_PROBE_ENDED */
struct probe_ended {
	enum cap cap;
	enum cap_state state;
	uint32_t tenths;
	struct rd text;
};
void probe_ended_put(struct wr *, const struct probe_ended *);
enum err probe_ended_get(struct rd, struct probe_ended *) MUST_CHECK;

#endif
