/* lab_x2_int: what the files of lab_x2_link share. */
#ifndef TESTS_LAB_X2_INT_H
#define TESTS_LAB_X2_INT_H

#include <sys/socket.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "lab_x2_link.h"

struct x2_item {
	uint8_t *p;
	size_t len;
	bool keepalive;
	uint32_t number; /* of a keep-alive, on this connection */
	bool written; /* on a connection before */
};

enum x2_state { X2_DOWN, X2_CONNECTING, X2_SHAKING, X2_UP };

struct x2_link {
	const struct x2_link_opt *opt;
	char host[256];
	struct sockaddr_storage addr;
	socklen_t addr_len;
	SSL_CTX *tls;
	SSL *ssl;
	int fd;
	enum x2_state state;
	int64_t retry_at, keepalive_due; /* ms */
	bool want_write; /* OpenSSL waits for the socket to take more */
	bool want_acks, broken;
	unsigned since_break;
	struct x2_item *ring;
	size_t head, n, cap;
	size_t next; /* the first that is not wholly written */
	size_t off; /* octets of it, or of the batch, that are */
	size_t chunk; /* octets of the write under way; 0: none */
	uint8_t *batch; /* several in one */
	size_t batch_len, batch_n;
	uint32_t next_keepalive;
	uint8_t in[4096];
	size_t got;
	struct x2_link_counts counts;
	char trouble[256];
};

static inline struct x2_item *
x2_link_item(const struct x2_link *l, size_t i)
{
	return &l->ring[(l->head + i) % l->cap];
}

/* All that waits, up to `most` octets, as one batch. */
void x2_link_gather(struct x2_link *, size_t most);

/* A client's TLS on the link's socket, or NULL. */
SSL *x2_tls_new(struct x2_link *);
const char *x2_tls_words(const SSL *);

#endif
