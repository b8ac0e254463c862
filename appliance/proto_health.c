#include "appliance/proto_health.h"
#include "appliance/proto_int.h"

void
health_put(struct wr *w, const struct health *h)
{
	wr_u32(w, h->calls);
	wr_u32(w, h->p50_us);
	wr_u32(w, h->max_us);
	wr_u64(w, (uint64_t)h->tested);
	wr_u8(w, h->pin);
}

static enum err
get(struct rd *r, struct health *h)
{
	uint64_t tested = 0;
	enum err rc;

	if ((rc = rd_u32(r, &h->calls)) == ERR_OK &&
	    (rc = rd_u32(r, &h->p50_us)) == ERR_OK &&
	    (rc = rd_u32(r, &h->max_us)) == ERR_OK &&
	    (rc = rd_u64(r, &tested)) == ERR_OK)
		rc = rd_u8(r, &h->pin);
	h->tested = (int64_t)tested;
	return rc;
}

enum err
health_get(struct rd r, struct health *h)
{
	const enum err rc = get(&r, h);

	return proto_whole(&r, rc);
}

const char *
worker_state_name(enum worker_state s)
{
	static const char *const names[WORKER__MAX] = {
	    [WORKER_NONE] = "notStarted",
	    [WORKER_STARTING] = "starting",
	    [WORKER_SERVING] = "serving",
	    [WORKER_WAITING] = "waiting",
	    [WORKER_WRONG] = "selfTestFailed",
	    [WORKER_PIN_REFUSED] = "pinRefused",
	    [WORKER_HELD] = "held",
	};

	return s < WORKER__MAX ? names[s] : "unknown";
}

void
msg_workers_put(struct wr *w, const struct msg_workers *m)
{
	wr_u8(w, (uint8_t)m->n);
	for (unsigned i = 0; i < m->n; i++) {
		const struct worker_health *h = &m->w[i];

		wr_bool(w, h->signer);
		wr_u8(w, h->index);
		wr_u8(w, (uint8_t)h->state);
		wr_u32(w, h->restarts);
		wr_u64(w, (uint64_t)h->next_ms);
		health_put(w, &h->health);
		wr_view8(w, h->cause.p, h->cause.left);
	}
}

static enum err
get_worker(struct rd *r, struct worker_health *h)
{
	uint64_t next = 0;
	uint8_t state = WORKER__MAX;
	enum err rc;

	if ((rc = rd_bool(r, &h->signer)) == ERR_OK &&
	    (rc = rd_u8(r, &h->index)) == ERR_OK &&
	    (rc = rd_u8(r, &state)) == ERR_OK &&
	    (rc = rd_u32(r, &h->restarts)) == ERR_OK &&
	    (rc = rd_u64(r, &next)) == ERR_OK &&
	    (rc = get(r, &h->health)) == ERR_OK)
		rc = rd_view8(r, &h->cause);
	if (rc == ERR_OK && state >= WORKER__MAX)
		rc = ERR_MALFORMED;
	h->state = (enum worker_state)state;
	h->next_ms = (int64_t)next;
	return rc;
}

enum err
msg_workers_get(struct rd r, struct msg_workers *m)
{
	uint8_t n = 0;
	enum err rc = rd_u8(&r, &n);

	if (rc == ERR_OK && n > MAX_TOKEN_USERS)
		rc = ERR_MALFORMED;
	m->n = n;
	for (unsigned i = 0; i < n && rc == ERR_OK; i++)
		rc = get_worker(&r, &m->w[i]);
	return proto_whole(&r, rc);
}
