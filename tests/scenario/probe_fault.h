/* probe_fault: what a client meets while a token fails. */
#ifndef TESTS_SCENARIO_PROBE_FAULT_H
#define TESTS_SCENARIO_PROBE_FAULT_H

#include <sys/types.h>

#include "appliance/df2_client.h"

struct probe_fault {
	unsigned times;
	const char *while_file; /* the fault lasts while there is such a file */
	pid_t daemon; /* gets SIGHUP before each, so that each is the first */
};

/*
 * Asks once before all faults; what is granted then is what must be granted
 * from then on.  At each fault one request meets it; then it is over, and asked
 * until keys come, for 60 s at most.  Prints
 *
 *	ASKED GRANTED UNAVAILABLE WRONG MEDIAN MOST MET
 *
 * MEDIAN and MOST being milliseconds until service, MET how many of the faults
 * kept that one request from its keys or held it up, and each wrong answer, as
 * text, on a line of its own before.  false, with the reason printed: the first
 * request was not granted, or the connection has ended.
 */
bool probe_faults(struct df2 *, const struct xk_get_keys *,
    const struct probe_fault *);

#endif
