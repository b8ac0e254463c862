/*
 * df2_send: the CSCFs of bench_df2.  PDUs are made beforehand, with lab-x2,
 * and only their XID, correlation id and Call-ID are set anew: two streams of
 * them, calls of interest and others, each at its own pace over the same
 * connections, a TLS record for each PDU.
 */
#ifndef BENCH_DF2_SEND_H
#define BENCH_DF2_SEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DF2_CALL_ID "bench0000000000000000" /* in the files */
#define DF2_LINKS_MAX 16
#define DF2_OWN_MAX (1U << 20)

struct df2_where_x2 {
	const char *host, *port, *ca, *cert, *key;
	unsigned links;
};

enum df2_others {
	DF2_NO_WARRANT, /* each call of another XID, of no warrant */
	DF2_NO_MIKEY /* the XID in force, and no MIKEY message */
};

struct df2_traffic {
	double own_rate, other_rate; /* PDUs a second */
	enum df2_others others;
	uint64_t own_calls, other_calls; /* how many */
	/*
	 * A call begins every n / rate, n being its PDUs, and its next PDU
	 * comes so many such spans later.
	 */
	unsigned own_gap, other_gap;
	bool own_random; /* each span's PDUs at a random time of it */
};

struct df2_sent {
	uint64_t own, others, keepalives; /* PDUs */
	uint64_t first, calls; /* numbers of the calls of interest */
	double seconds;
	double late_ns; /* the most that a PDU was late */
	unsigned held; /* times that a socket took no more */
	double ack_p50, ack_p99, ack_most; /* ns from keep-alive to its ack */
};

struct df2_send;

/*
 * `own` is a list of files, one call of interest in each, of the same number
 * of PDUs; the third MIKEY message of each makes its exchange whole.  Ends the
 * program when it cannot.
 */
struct df2_send *df2_send_new(const struct df2_where_x2 *,
    const char *const *own, unsigned n_own, const char *other);
void df2_send_free(struct df2_send *);
unsigned df2_send_pdus(const struct df2_send *); /* of a call */
unsigned df2_send_other_pdus(const struct df2_send *);

/* Returns when all is written and the last keep-alive is acknowledged. */
void df2_send_run(struct df2_send *, const struct df2_traffic *,
    struct df2_sent *out);

/*
 * When the last octet of the PDU that makes the exchange of call `number`
 * whole was given to the kernel: before the call of send() that had it.
 */
double df2_send_at(const struct df2_send *, uint64_t number);

#endif
