/*
 * worker_audit: for fuzz_worker: what audit says to an hsm worker, as it would
 * and as it would not.  Each is false when the worker takes it for a fault.
 */
#ifndef WORKER_AUDIT_H
#define WORKER_AUDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

#define EPOCH 7 /* of the taker whose jobs these are */

extern int64_t now; /* seconds */

/* Room for a body; the one before is gone. */
struct wr new_body(void);

/* A job under one of the warrants, with a fault or with none. */
bool audit_work(uint8_t what);
/* That the outcome of one job is on disk. */
bool audit_durable(uint8_t which);
/* Changes from one on, as many; of the last some are of other persons. */
bool audit_learn(uint8_t what, uint8_t how);
bool audit_task(uint8_t what);
bool audit_hi2_task(uint8_t what);
/* Any frame: its questions have no answer that is known. */
bool audit_any(uint8_t what, struct rd *in);

#endif
