#include <stdlib.h>
#include <string.h>

#include "hi2/fifo.h"

#define PIECE 65536

struct fifo_piece {
	struct fifo_piece *next;
	size_t from, to; /* what is in it */
	uint8_t octets[PIECE];
};

static void
piece_free(struct fifo_piece *p)
{
	explicit_bzero(p->octets, p->to);
	free(p);
}

static void
free_from(struct fifo_piece *p)
{
	struct fifo_piece *next;

	for (; p != NULL; p = next) {
		next = p->next;
		piece_free(p);
	}
}

void
fifo_clear(struct fifo *f)
{
	free_from(f->first);
	free(f->spare);
	*f = (struct fifo){.len = 0};
}

/* One more piece at the end; the spare one first. */
static bool
grow(struct fifo *f)
{
	struct fifo_piece *p = f->spare;

	f->spare = NULL;
	if (p == NULL && (p = malloc(sizeof(*p))) == NULL)
		return false;
	p->next = NULL;
	p->from = p->to = 0;
	if (f->last == NULL)
		f->first = p;
	else
		f->last->next = p;
	f->last = p;
	return true;
}

/* Back to where it was before grow() failed. */
static void
shrink(struct fifo *f, struct fifo_piece *last)
{
	free_from(last == NULL ? f->first : last->next);
	f->last = last;
	if (last == NULL)
		f->first = NULL;
	else
		last->next = NULL;
}

/* Room for all of them first, so that none is put if one is not. */
enum err
fifo_put(struct fifo *f, struct rd in)
{
	struct fifo_piece *p = f->last;
	size_t room = p == NULL ? 0 : PIECE - p->to;
	enum err rc = ERR_OK;

	while (room < in.left) {
		if (!grow(f)) {
			shrink(f, p);
			return ERR_NOMEM;
		}
		room += PIECE;
	}
	if (p == NULL)
		p = f->first;
	f->len += in.left;
	while (in.left > 0 && rc == ERR_OK) {
		size_t n = PIECE - p->to;

		if (n > in.left)
			n = in.left;
		rc = rd_copy(&in, p->octets + p->to, n);
		p->to += n;
		if (p->to == PIECE && in.left > 0)
			p = p->next;
	}
	return rc;
}

struct rd
fifo_front(const struct fifo *f)
{
	struct rd r = {NULL, 0};

	if (f->len > 0)
		rd_init(&r, f->first->octets + f->first->from,
		    f->first->to - f->first->from);
	return r;
}

static void
drop_first(struct fifo *f)
{
	struct fifo_piece *p = f->first;

	f->first = p->next;
	if (f->first == NULL)
		f->last = NULL;
	if (f->spare == NULL)
		f->spare = p;
	else
		free(p);
}

void
fifo_drop(struct fifo *f, size_t n)
{
	if (n > f->len)
		n = f->len;
	f->len -= n;
	while (n > 0) {
		struct fifo_piece *p = f->first;
		size_t some = p->to - p->from;

		if (some > n)
			some = n;
		explicit_bzero(p->octets + p->from, some);
		p->from += some;
		n -= some;
		if (p->from == p->to)
			drop_first(f);
	}
}
