/*
 * lab_x2_link: a connection of X2 over TLS 1.3 that loses nothing.  What was
 * given to it is kept until the acknowledgement of a later keep-alive has
 * come; after the loss of the connection what is left is sent again on a new
 * one.  Nothing here waits: the caller polls.
 */
#ifndef TESTS_LAB_X2_LINK_H
#define TESTS_LAB_X2_LINK_H

#include <poll.h>
#include <stdbool.h>

#include "base/error.h"

struct x2_link_opt {
	const char *connect; /* HOST:PORT */
	const char *ca, *cert, *key; /* PEM */
	int64_t keepalive_ms; /* between keep-alives; 0: only when asked */
	unsigned pieces; /* 0, or the most octets that are written at once */
	bool coalesce; /* all that there is in one write */
	unsigned break_after; /* 0, or reset the connection after so many */
	bool once; /* the first connection is the only one */
};

struct x2_link_counts {
	unsigned long put, sent, acked; /* PDUs; sent: first times only */
	unsigned long resent;
	unsigned connections, lost; /* lost: the other end went away */
};

struct x2_link;

/* `opt` and its texts are kept, not copied.  Says what is wrong with files. */
enum err x2_link_new(const struct x2_link_opt *opt, struct x2_link **out,
    struct why *why) MUST_CHECK;
void x2_link_free(struct x2_link **);

/* Takes the octets over. */
void x2_link_put(struct x2_link *, uint8_t *octets, size_t len);

/* What to poll for, and until when at most; then a turn. */
int x2_link_poll(const struct x2_link *, struct pollfd *);
void x2_link_turn(struct x2_link *);

/* From now on what is unacknowledged is followed by a keep-alive. */
void x2_link_want_acks(struct x2_link *);

/* All written to the connection; all acknowledged. */
bool x2_link_all_sent(const struct x2_link *);
bool x2_link_all_acked(const struct x2_link *);

/* With `once`: the connection has ended. */
bool x2_link_over(const struct x2_link *);

/* Ends the connection in good order, waiting for the other end a moment. */
void x2_link_close(struct x2_link *);

const struct x2_link_counts *x2_link_counts(const struct x2_link *);
/* What ended the last connection; "" if none was lost. */
const char *x2_link_trouble(const struct x2_link *);

#endif
