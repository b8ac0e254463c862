/* cscf_opt: what lab-cscf is told on its command line. */
#ifndef TESTS_LAB_CSCF_OPT_H
#define TESTS_LAB_CSCF_OPT_H

#include <netinet/in.h>

#include "lab_x2.h"
#include "lab_x2_link.h"

#define CSCF_LEGS_MAX 32
#define CSCF_TARGETS_MAX 256
#define CSCF_XIDS_MAX 16 /* of one target */

struct cscf_addr {
	struct sockaddr_storage ss;
	socklen_t len;
	char text[80];
};

/* Legs 0 and 1 belong together, 2 and 3, and so on. */
struct cscf_leg {
	struct cscf_addr listen, forward;
};

struct cscf_target {
	char uri[320];
	uint8_t xid[CSCF_XIDS_MAX][LAB_X2_XID_LEN];
	unsigned n_xids;
};

struct cscf_opt {
	struct x2_link_opt link;
	struct cscf_leg leg[CSCF_LEGS_MAX];
	unsigned n_legs; /* even */
	struct cscf_target target[CSCF_TARGETS_MAX];
	unsigned n_targets;
	bool report_all;
	uint8_t all_xid[LAB_X2_XID_LEN];
	const char *ready, *nfid;
};

/* 0 to go on, or the status to exit with plus 1. */
int cscf_opt_parse(struct cscf_opt *, int argc, char **argv);

#endif
