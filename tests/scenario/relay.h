/*
 * relay: attack-relay stands in the place of any process of the appliance, and
 * in front of it: keywardend starts it, it starts the true one, "true/NAME" in
 * the folder of its own program, and hands on what is said.  Whatever passes on
 * a channel is kept, and the true one can be put before every message that
 * somebody else might send it.
 *
 * NAME.PEER.to.N and NAME.PEER.from.N, beside its program: all octets of its
 * Nth channel to that peer: those to the process, and from it.  NAME.socket: an
 * order, one line; what comes of it, lines that begin with "ok" or "FAILED", to
 * the end.
 *
 *	sweep, sweep all
 *		each message of docs/PROTOCOL.md, B3, and others, from each
 *		peer to a copy of the process that is alone with them; the
 *		relay ends after it.  Without "all" numbers that neither of the
 *		two has to do with are left out, but for some
 *	replay
 *		what it said on a channel of before, the longest of each peer,
 *		to who is at the other end now; the relay ends after it
 */
#ifndef RELAY_H
#define RELAY_H

#include <stdio.h>
#include <sys/types.h>

#include "appliance/proto.h"

#define RELAY_FILES 32
#define RELAY_WIRES 160

/* One way of a channel. */
struct flow {
	int kept; /* the file */
	uint8_t *p; /* read, and not written on */
	size_t len;
};

struct wire {
	enum ctl_peer kind;
	unsigned index;
	int outer, inner; /* to the peer; to the true process */
	unsigned life; /* another one for each channel */
	struct flow to, from;
};

struct relay {
	char self[2048]; /* path of the program */
	const char *name; /* the end of it */
	pid_t pid;
	int line; /* to the true process */
	bool alone; /* it is no more: what comes for it goes nowhere */
	unsigned lives;
	struct {
		enum ctl_file kind;
		int fd;
	} file[RELAY_FILES];
	unsigned n_files;
	uint8_t *settings;
	size_t settings_len;
	struct wire wire[RELAY_WIRES];
	unsigned n_wires;
};

_Noreturn void relay_stop(const struct relay *, const char *what);

/* ---- relay_wire.c ---- */

/* A channel in place of the one before to that peer; the end for `inner`. */
int relay_wire_new(struct relay *, enum ctl_peer, unsigned index, int outer);
/* One turn: waits for at most so many ms, also for the descriptors in `more`.
 */
struct pollfd;
void relay_pump(struct relay *, int ms, struct pollfd *more, unsigned n);

/* ---- relay_sweep.c ---- */

void relay_sweep(struct relay *, bool all, FILE *out);

/* ---- relay_replay.c ---- */

/* One turn of all that is not an order, of at most so many ms. */
typedef void relay_turn_fn(int ms);
void relay_replay(struct relay *, relay_turn_fn *, FILE *out);

/* ---- relay_table.c: docs/PROTOCOL.md, B3 ---- */

struct message {
	uint16_t type;
	char name[32];
	unsigned from, to; /* a bit for each process; none: another party */
	size_t min, max;
	uint8_t *example; /* the longest body that the process was sent */
	size_t example_len;
};
bool relay_may_say(const struct message *, enum ctl_peer from,
    enum ctl_peer to);
/* The rows; ends the program if there are none. */
struct message *relay_table(const struct relay *, unsigned *n);
/* Their examples, out of what was kept. */
void relay_examples(const struct relay *, enum ctl_peer self);
const char *relay_peer_name(enum ctl_peer);

#endif
