/*
 * A stream of frames in pieces: what comes out of the channel must be what a
 * simple reading of the whole stream gives, and answers must arrive as sent.
 *
 * Input: u8 limit of a body / 4, u8 and sizes of the pieces, the stream.
 */
#include <sys/socket.h>

#include <stdlib.h>
#include <unistd.h>

#include "base/ipc.h"
#include "fuzz.h"

struct run {
	struct ipc_chan *chan;
	int peer;
	size_t max_body;
	struct rd expect; /* the stream, from the next frame on */
	struct rd sizes;
	bool ended;
};

/* The plain reading: ERR_OK, ERR_AGAIN, ERR_MALFORMED. */
static enum err
plain_next(struct run *r, struct ipc_frame *f)
{
	struct rd in = r->expect, v;
	uint32_t len;

	if (rd_u32(&in, &len) != ERR_OK)
		return ERR_AGAIN;
	if (len < 6 || len > 6 + r->max_body)
		return ERR_MALFORMED;
	if (rd_view(&in, len, &v) != ERR_OK)
		return ERR_AGAIN;
	MUST(rd_u16(&v, &f->type) == ERR_OK && rd_u32(&v, &f->id) == ERR_OK);
	f->body = v;
	r->expect = in;
	return ERR_OK;
}

/* Send the body back and read it at the other end. */
static enum err
echo(void *ctx, const struct ipc_frame *f)
{
	static uint8_t got[IPC_HEADER_LEN + 1024];
	struct run *r = ctx;
	struct rd body = own_copy(f->body), back;
	struct ipc_frame t;
	uint32_t len;
	ssize_t n;
	enum err rc;

	rc = ipc_send(r->chan, f->type | 1, f->id, body.p, body.left);
	MUST(rc == ERR_OK && ipc_queued(r->chan) == 10 + body.left);
	MUST(ipc_flush(r->chan) == ERR_OK && ipc_queued(r->chan) == 0);
	n = read(r->peer, got, sizeof(got));
	MUST(n == (ssize_t)(10 + body.left));
	rd_init(&back, got, (size_t)n);
	MUST(rd_u32(&back, &len) == ERR_OK && len == back.left);
	MUST(rd_u16(&back, &t.type) == ERR_OK && t.type == (f->type | 1));
	MUST(rd_u32(&back, &t.id) == ERR_OK && t.id == f->id);
	MUST(rd_equal(&back, &body));
	own_free(&body);
	return ERR_OK;
}

static enum err
nothing(void *ctx, const struct ipc_frame *f)
{
	(void)ctx;
	(void)f;
	return ERR_OK;
}

static void
dispatch(struct run *r, const struct ipc_frame *f)
{
	static const struct ipc_rule table[] = {{20, 0, 1024, 1, echo},
	    {22, 4, 64, 2, nothing}, {24, 0, 8, 3, nothing}};
	const unsigned state = 1 + (f->id & 1);
	const size_t n = f->body.left;
	bool fits = false;
	enum err rc;

	for (size_t i = 0; i < 3; i++)
		if (table[i].type == f->type)
			fits = (table[i].states & state) != 0 &&
			    n >= table[i].min && n <= table[i].max;
	rc = ipc_dispatch(table, 3, state, r, f);
	MUST(rc == (fits ? ERR_OK : ERR_MALFORMED));
}

static void
frames(struct run *r)
{
	struct ipc_frame got, want;
	enum err rc;

	while ((rc = ipc_next(r->chan, &got)) == ERR_OK) {
		MUST(plain_next(r, &want) == ERR_OK);
		MUST(got.type == want.type && got.id == want.id &&
		    rd_equal(&got.body, &want.body));
		dispatch(r, &got);
	}
	MUST(rc == ERR_AGAIN || rc == ERR_MALFORMED);
	if (rc == ERR_MALFORMED)
		MUST(plain_next(r, &want) == ERR_MALFORMED);
	r->ended = rc == ERR_MALFORMED;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run r = {.peer = -1};
	struct rd in, piece, sizes;
	struct ipc_frame f;
	int s[2];
	enum err rc;

	rd_init(&in, data, size);
	r.max_body = 4 * (size_t)take_u8(&in);
	r.sizes = take_view8(&in);
	r.expect = in;
	sizes = r.sizes;
	MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s) == 0);
	MUST(ipc_chan_new(s[0], r.max_body, 4096, &r.chan) == ERR_OK);
	r.peer = s[1];
	while (in.left > 0 && !r.ended) {
		size_t n;

		if (sizes.left == 0)
			sizes = r.sizes;
		n = 1 + (size_t)take_u8(&sizes);
		MUST(rd_view(&in, n < in.left ? n : in.left, &piece) == ERR_OK);
		MUST(write(r.peer, piece.p, piece.left) == (ssize_t)piece.left);
		/* A full queue takes no more until frames are read. */
		do {
			MUST(ipc_fill(r.chan) == ERR_OK);
			frames(&r);
		} while (!r.ended && recv(s[0], &n, 1, MSG_PEEK) > 0);
	}
	/* Nothing was lost: what is left over is no whole frame. */
	rc = plain_next(&r, &f);
	MUST(rc == (r.ended ? ERR_MALFORMED : ERR_AGAIN));
	close(r.peer);
	if (!r.ended)
		MUST(ipc_fill(r.chan) == ERR_CLOSED);
	ipc_chan_free(&r.chan);
	return 0;
}
