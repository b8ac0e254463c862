/*
 * ipc: frames between our own processes, and between keywarden(1) and the
 * appliance.  A frame is u32 length of what follows, u16 type, u32 id, body;
 * all big-endian, fields written one by one, never a struct.  The messages
 * themselves are in appliance/proto.h and docs/PROTOCOL.md.
 *
 * A neighbour that sends something not in the receiver's table is broken or
 * taken over: the receiver does not answer, it ends the channel or itself.
 */
#ifndef BASE_IPC_H
#define BASE_IPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"

#define IPC_HEADER_LEN 10

struct ipc_frame {
	uint16_t type;
	uint32_t id;
	struct rd body; /* view into the channel: dies at the next ipc_ call */
};

/* One end of a non-blocking byte-stream socket with its two buffers. */
struct ipc_chan;

/*
 * Takes `fd` over (closed by ipc_chan_free, or here on failure) and makes it
 * non-blocking.  A frame over `max_body` octets of body is malformed; no more
 * than `max_queue` octets wait to be sent.
 */
enum err ipc_chan_new(int fd, size_t max_body, size_t max_queue,
    struct ipc_chan **out) MUST_CHECK;
void ipc_chan_free(struct ipc_chan **);
int ipc_chan_fd(const struct ipc_chan *);

/* Read what has come.  ERR_OK, ERR_CLOSED, or ERR_IO. */
enum err ipc_fill(struct ipc_chan *) MUST_CHECK;

/*
 * The next whole frame: ERR_OK, ERR_AGAIN when there is none yet, or
 * ERR_MALFORMED for a length no frame may have.  What the frame before held
 * is erased: bodies may carry keys.
 */
enum err ipc_next(struct ipc_chan *, struct ipc_frame *out) MUST_CHECK;

/* Append a frame to the queue.  ERR_TOOBIG, ERR_FULL, ERR_NOMEM. */
enum err ipc_send(struct ipc_chan *, uint16_t type, uint32_t id,
    const void *body, size_t len) MUST_CHECK;

/*
 * The same without a copy: a writer of at most `cap` octets of body right in
 * the queue, ended by ipc_commit(), which returns the writer's own failure
 * (and then drops the frame).  Nothing else may be sent in between.
 */
enum err ipc_begin(struct ipc_chan *, uint16_t type, uint32_t id, size_t cap,
    struct wr *out) MUST_CHECK;
enum err ipc_commit(struct ipc_chan *, const struct wr *) MUST_CHECK;

/* Write what the socket takes now; sent octets are erased. */
enum err ipc_flush(struct ipc_chan *) MUST_CHECK;
size_t ipc_queued(const struct ipc_chan *);

/*
 * What a process permits from one peer.  `states` has a bit per state of that
 * peer; sizes bound the body.  A handler returns ERR_OK or the reason why the
 * peer cannot be trusted any longer.
 */
struct ipc_rule {
	uint16_t type;
	uint32_t min, max;
	unsigned states;
	enum err (*handler)(void *ctx, const struct ipc_frame *);
};

/* ERR_MALFORMED for what the table does not permit, else the handler's. */
enum err ipc_dispatch(const struct ipc_rule *table, size_t n, unsigned state,
    void *ctx, const struct ipc_frame *) MUST_CHECK;

/*
 * Packets with a descriptor, on the SOCK_SEQPACKET socket between supervisor
 * and process: same header, one packet a message.  `fd` is -1 for none; a
 * received descriptor is the caller's and close-on-exec.  Both block.
 */
#define IPC_CTL_MAX 65536
enum err ipc_ctl_send(int sock, uint16_t type, uint32_t id, const void *body,
    size_t len, int fd) MUST_CHECK;
enum err ipc_ctl_recv(int sock, uint8_t *buf, size_t cap, struct ipc_frame *out,
    int *fd) MUST_CHECK;
/* A message that may be left out: ERR_AGAIN, and not sent, if it had to wait.
 */
enum err ipc_ctl_try(int sock, uint16_t type, const void *body,
    size_t len) MUST_CHECK;

#endif
