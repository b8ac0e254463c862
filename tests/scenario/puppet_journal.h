/*
 * puppet_journal: the journal of what x2 has taken in, as a hi2 keeps it that
 * has been taken over and stays unnoticed: it says that all is stored, and has
 * nothing.  Without that word x2 acknowledges nothing, and takes nothing in.
 */
#ifndef PUPPET_JOURNAL_H
#define PUPPET_JOURNAL_H

#include "base/ipc.h"

#define JOURNAL_HEAD (IPC_HEADER_LEN + 8) /* and the first number of a body */

struct journal {
	uint8_t head[JOURNAL_HEAD];
	size_t have; /* octets of it, of the frame that comes in */
	uint32_t left; /* of that frame, behind them */
};

/* Octets of x2, in any pieces; what is to be answered is in `out`. */
void journal_hear(struct journal *, const uint8_t *octets, size_t len,
    struct wr *out);

#endif
