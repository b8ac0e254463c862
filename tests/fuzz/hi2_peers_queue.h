/* hi2_peers_queue: in place of the queue, for fuzz_hi2_peers. */
#ifndef HI2_PEERS_QUEUE_H
#define HI2_PEERS_QUEUE_H

#include "appliance/hi2_spool.h"

#define ROWS 4096

struct stand_row {
	uint32_t content, leg, lemf; /* content is the CIN */
	bool on_disk;
};
struct stand {
	struct stand_row row[ROWS];
	unsigned n, fail_in; /* calls until one fails; 0: none does */
	struct stand_row next;
	struct rd pdu; /* where records are made */
};
extern struct stand stand;

/* On disk, of a content and leg: one for each LEMF. */
unsigned stand_rows_of(uint32_t content, uint32_t leg);

#endif
