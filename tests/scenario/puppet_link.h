/* puppet_link: the other end of a puppet's socket; puppet.h. */
#ifndef PUPPET_LINK_H
#define PUPPET_LINK_H

#include "base/ipc.h"
#include "puppet.h"

struct puppet {
	int fd;
	struct octets_in {
		uint8_t *p;
		size_t at, len, cap;
	} in, wire[256];
	int wire_at; /* frames of this one are given out; -1: of none */
};

enum word { WORD_NONE, WORD_FRAME, WORD_CLOSED, WORD_NEW };

_Noreturn void puppet_stop(const char *what);
void puppet_open(struct puppet *, const char *socket);

/* Octets as they are; a whole frame. */
void puppet_write(struct puppet *, uint8_t wire, const void *octets,
    size_t len);
void puppet_send(struct puppet *, uint8_t wire, uint16_t type, uint32_t id,
    const void *body, size_t len);

/* What comes next within so many ms.  A frame lives until the next call. */
enum word puppet_hear(struct puppet *, int ms, uint8_t *wire,
    struct ipc_frame *);

#endif
