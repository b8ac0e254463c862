/* x2_opt: what lab-x2 is told on its command line. */
#ifndef TESTS_LAB_X2_OPT_H
#define TESTS_LAB_X2_OPT_H

#include "lab_x2.h"
#include "lab_x2_link.h"
#include "x2_call.h"

#define X2_XIDS_MAX 64
#define X2_CONNECTIONS_MAX 64
#define X2_CALLS_MAX 256

/* How lab-x2 ends. */
enum { X2_OK = 0, X2_FAILED = 1, X2_USAGE = 2 };

enum x2_say_direction { SAY_AUTO, SAY_TO, SAY_FROM };

struct x2_opt {
	struct x2_link_opt link;
	uint8_t xid[X2_XIDS_MAX][LAB_X2_XID_LEN];
	unsigned n_xids;
	bool has_correlation;
	uint8_t correlation[LAB_X2_CORRELATION_LEN];
	enum x2_say_direction direction;
	const char *target;

	struct x2_call_opt call;
	const char *dirs[X2_CALLS_MAX], *calls; /* --call, --calls */
	unsigned n_dirs;
	char **files; /* --sip and what follows it */
	unsigned n_files;
	const char *sip_dir, *raw;

	unsigned connections; /* at least 1 */
	bool shuffle, duplicate;
	uint64_t seed;
	struct lab_x2_pdu like; /* type, format, major and extras */
	bool no_sequence, no_time;
	unsigned wait_ack_s, rate, background, seconds;
	const char *print_dir, *dump;
};

/* 0 to go on, or the status to exit with plus 1. */
int x2_opt_parse(struct x2_opt *, int argc, char **argv);

#endif
