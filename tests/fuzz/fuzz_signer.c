/*
 * What the processes that face the network say to the signer, each on its
 * channel, in pieces: as a plain reading of each stream, a hash is signed by
 * that channel's key as that channel's end, in order; the first frame that is
 * none ends that channel, and no other.
 *
 * Input: u8 channel, u8 length and octets, and so on.
 */
#include <sys/socket.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "appliance/proto.h"
#include "appliance/signer_proc.h"
#include "fuzz.h"

#define LINKS 4
#define STREAM_MAX 4096
#define FRAME(hash) (IPC_HEADER_LEN + (size_t)(hash))

static const enum hsm_key keys[LINKS] = {HSM_KEY_TLS_XK, HSM_KEY_TLS_X2,
    HSM_KEY_TLS_XKC, HSM_KEY_TLS_HI2};
static const char *const contexts[LINKS] = {"TLS 1.3, server CertificateVerify",
    "TLS 1.3, server CertificateVerify", "TLS 1.3, client CertificateVerify",
    "TLS 1.3, client CertificateVerify"};

struct peer_end {
	int fd;
	uint8_t stream[STREAM_MAX]; /* all that it has said */
	size_t len, at; /* octets, and those of frames that were answered */
};

static struct run {
	struct signer s;
	struct peer_end end[LINKS];
	unsigned now; /* whose turn it is */
	unsigned signs; /* in this turn */
} run;

/* The plain reading: the next frame's hash, or none; false: no such frame. */
static bool
plain_next(struct peer_end *e, uint32_t *id, struct rd *hash)
{
	struct rd in, v;
	uint32_t len;
	uint16_t type;

	*hash = (struct rd){NULL, 0};
	rd_init(&in, e->stream + e->at, e->len - e->at);
	if (rd_u32(&in, &len) != ERR_OK)
		return true;
	if (len < 6 || len > 6 + 48)
		return false;
	if (rd_view(&in, len, &v) != ERR_OK)
		return true;
	MUST(rd_u16(&v, &type) == ERR_OK && rd_u32(&v, id) == ERR_OK);
	if (type != MSG_TLS_SIGN || (v.left != 32 && v.left != 48))
		return false;
	*hash = v;
	return true;
}

enum err __wrap_hsm_sign(struct hsm *, enum hsm_key, const uint8_t *data,
    size_t len, uint8_t sig[HSM_SIGNATURE_MAX], size_t *sig_len);

enum err
__wrap_hsm_sign(struct hsm *h, enum hsm_key which, const uint8_t *data,
    size_t len, uint8_t sig[HSM_SIGNATURE_MAX], size_t *sig_len)
{
	struct rd hash;
	uint32_t id;

	(void)h;
	MUST(which == keys[run.now]);
	MUST(plain_next(&run.end[run.now], &id, &hash) && hash.left > 0);
	MUST(len == 98 + hash.left);
	for (unsigned i = 0; i < 64; i++)
		MUST(data[i] == ' ');
	MUST(memcmp(data + 64, contexts[run.now], 34) == 0);
	MUST(memcmp(data + 98, hash.p, hash.left) == 0);
	memset(sig, 's', HSM_SIGNATURE_MAX);
	memcpy(sig, hash.p, 32);
	*sig_len = 32 + run.signs % 41;
	run.signs++;
	return ERR_OK;
}

/* The answer to the frame that is next, at its other end. */
static void
check_answer(struct peer_end *e, uint32_t id, struct rd hash)
{
	uint8_t got[256];
	const ssize_t n = read(e->fd, got, sizeof(got));
	struct rd in;
	uint32_t len, back;
	uint16_t type;

	MUST(n >= (ssize_t)FRAME(32) && n <= (ssize_t)FRAME(72));
	rd_init(&in, got, (size_t)n);
	MUST(rd_u32(&in, &len) == ERR_OK && len == in.left);
	MUST(rd_u16(&in, &type) == ERR_OK && type == MSG_TLS_SIGNED);
	MUST(rd_u32(&in, &back) == ERR_OK && back == id);
	MUST(memcmp(in.p, hash.p, 32) == 0);
	e->at += FRAME(hash.left);
}

/* One turn of the signer's loop for it. */
static bool
turn(unsigned i)
{
	struct signer_link *k = &run.s.link[i];
	struct peer_end *e = &run.end[i];
	struct rd hash;
	uint32_t id = 0;
	bool good;

	if (k->chan == NULL)
		return false;
	run.now = i;
	run.signs = 0;
	good = plain_next(e, &id, &hash);
	signer_serve(k);
	MUST(run.signs <= 1);
	if (run.signs == 1)
		check_answer(e, id, hash);
	MUST(!good || k->chan != NULL);
	return run.signs == 1;
}

static void
begin(void)
{
	int pair[2];

	for (unsigned i = 0; i < LINKS; i++) {
		struct signer_link *k = &run.s.link[i];

		MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
			 pair) == 0);
		MUST(ipc_chan_new(pair[0], TLS_HASH_MOST, 164, &k->chan) ==
		    ERR_OK);
		k->signer = &run.s;
		k->role = (enum tls_role)i;
		run.end[i].fd = pair[1];
		run.end[i].len = run.end[i].at = 0;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const int lowest = lowest_free_fd();
	struct rd in, piece, hash;
	uint32_t id;

	rd_init(&in, data, size);
	begin();
	while (in.left > 0) {
		const unsigned i = take_u8(&in) % LINKS;
		struct peer_end *e = &run.end[i];

		piece = take_view8(&in);
		if (piece.left > STREAM_MAX - e->len)
			continue;
		if (run.s.link[i].chan != NULL && piece.left > 0)
			MUST(write(e->fd, piece.p, piece.left) ==
			    (ssize_t)piece.left);
		memcpy(e->stream + e->len, piece.p, piece.left);
		e->len += piece.left;
		(void)turn(i);
	}
	/* What is whole is answered, and what is none has ended its channel. */
	for (unsigned i = 0; i < LINKS; i++) {
		for (unsigned n = 0; n < STREAM_MAX / FRAME(32) + 2; n++)
			(void)turn(i);
		MUST(plain_next(&run.end[i], &id, &hash) ==
		    (run.s.link[i].chan != NULL));
		MUST(hash.left == 0);
		ipc_chan_free(&run.s.link[i].chan);
		close(run.end[i].fd);
	}
	MUST(lowest_free_fd() == lowest);
	return 0;
}
