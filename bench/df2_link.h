/*
 * df2_link: one connection of bench_df2 to X2.  TLS records are made in memory
 * and leave in one send() for all that there is, so that what the sender costs
 * is the smallest part of what is measured.
 */
#ifndef BENCH_DF2_LINK_H
#define BENCH_DF2_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/ssl.h>

#define DF2_ACKS_MAX (1U << 20)

/* How long acknowledgements took, of all links. */
struct df2_acks {
	double *ns;
	size_t n;
};

struct df2_link;

/* A connection that is up.  Ends the program when it cannot. */
struct df2_link *df2_link_new(SSL_CTX *, const char *host, const char *port,
    struct df2_acks *);
void df2_link_free(struct df2_link **);
int df2_link_fd(const struct df2_link *);

/* One PDU, one record.  *at: set when its last octet is given to the kernel. */
void df2_link_put(struct df2_link *, const uint8_t *, size_t len, double *at);
void df2_link_keepalive(struct df2_link *);

/* Write what the socket takes.  False: it has taken less than all. */
bool df2_link_flush(struct df2_link *);
size_t df2_link_queued(const struct df2_link *);

/* Read acknowledgements; how many keep-alives still have none. */
unsigned df2_link_read(struct df2_link *);

#endif
