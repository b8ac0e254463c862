/*
 * inside: somebody in a process of a complete appliance.  Each keywarden-PROC
 * is built once more as inside-PROC, of the same objects and with this beside
 * them; nothing else in it differs.  It serves until it gets SIGUSR1, and then
 * does what the page says that it shares with attack-inside: confined as the
 * process is by then, with what it has open.
 *
 * The page is a file beside the program, with ".orders" behind its name, which
 * is mapped before main() begins; without it the program is the product's own.
 */
#ifndef INSIDE_H
#define INSIDE_H

#include <stdatomic.h>

#define INSIDE_TEXT 512

enum inside_order {
	INSIDE_ROWS, /* how many rows of tests/sandbox are refused it: `n` */
	INSIDE_NAME, /* of row `n`, and what must come of it */
	INSIDE_ROW, /* row `n`; `text` is a file that it may read, if any */
	INSIDE_READ, /* open the file `text` */
	INSIDE_WRITE, /* the same to write */
	INSIDE_LOAD, /* dlopen() of `text` */
	INSIDE_CALL, /* TCP to port `n` of this machine */
	INSIDE_FILES, /* how many files it can read that it has open: `n` */
	INSIDE_OVER, /* write `text` at the beginning of standard error */
	INSIDE_PRIVILEGES, /* options of sockets that need some, on all it has
			    */
	INSIDE_NOISE, /* what is no frame, with a descriptor, to neighbours */
	/* on the line to the supervisor */
	INSIDE_UNKNOWN, /* a message that there is not, with a descriptor */
	INSIDE_PIN, /* that the PIN was refused */
	INSIDE_READY, /* that it is ready, which it has said */
	INSIDE_LISTS, /* `n` times, that its lists end and do not; and end */
	INSIDE_LAST, /* that it ends, and it does not */
	INSIDE_EMPTY, /* a packet of no length */
	INSIDE_DEAF, /* close it */
	INSIDE__MAX
};

struct inside {
	atomic_int pid; /* who serves, and waits for an order */
	atomic_int done; /* the order has been carried out */
	enum inside_order order;
	int n;
	int end; /* 0, or an errno */
	int expected; /* of a row: DIES, or an errno */
	char text[INSIDE_TEXT];
};

/* inside_acts.c: 0, or the errno. */
int inside_do(struct inside *);
/* As it was before anything was refused. */
void inside_begin(void);

#endif
