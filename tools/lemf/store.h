/*
 * store: the folder of `receive`: a file LIID.hi2 of PS-PDUs, as they came,
 * for each LIID.  What store_sync() has been through stays, whatever happens
 * to this process or the machine.
 */
#ifndef LEMF_STORE_H
#define LEMF_STORE_H

#include "lemf/order.h"

/* A name of 3 octets for one of the LIID, ".hi2" and a NUL. */
#define STORE_NAME (3 * MAX_LIID + 5)

struct store;

/* What is there already: each PDU, in order, by store_open(). */
struct store_ops {
	enum err (*had)(void *ctx, struct rd pdu, const struct order_place *);
	/* A PDU that was not wholly written, and so never answered, has gone.
	 */
	void (*cut)(void *ctx, const char *file, uint64_t octets);
	void *ctx;
};

/*
 * The folder, made with mode 700 if it is not there, is this process's alone.
 * ERR_IO; ERR_EXISTS: another process has it; ERR_MALFORMED: a file with
 * something else than PS-PDUs; ERR_NOMEM; or what ops.had has said.
 */
enum err store_open(const char *dir, const struct store_ops *,
    struct store **out, struct why *why) MUST_CHECK;
void store_close(struct store **);

/*
 * A PDU behind those of its LIID; of no LIID, left = 0, in a file of such.
 * ERR_FULL, ERR_IO: it is not there, nor a part of it; ERR_NOMEM.
 */
enum err store_put(struct store *, struct rd liid, struct rd pdu,
    struct order_place *where, struct why *why) MUST_CHECK;

/* What was put, whether synced or not.  ERR_IO. */
enum err store_read(struct store *, const struct order_place *,
    uint8_t *out) MUST_CHECK;

/*
 * All that was put is on the disk.  ERR_IO: that is not known, nor can it be
 * found out by another try.
 */
enum err store_sync(struct store *, struct why *why) MUST_CHECK;

/* The file of a LIID; letters, digits, '-', '_' and inner '.' stay. */
const char *store_name(struct rd liid, char out[STORE_NAME]);

#endif
