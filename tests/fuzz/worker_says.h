/* worker_says: for fuzz_worker: what audit says to an hsm worker. */
#ifndef WORKER_SAYS_H
#define WORKER_SAYS_H

#include "worker_told.h"

/* The body of the next frame, empty. */
struct wr body(void);

/* False: the worker ends. */
bool say(uint16_t type, uint32_t id, const struct wr *);

/* Any frame: its questions have no answer that is known. */
bool any(uint8_t what, struct rd *in);

#endif
