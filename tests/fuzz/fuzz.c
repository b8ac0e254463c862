#include <sys/mman.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"

void
must_failed(const char *what, const char *file, int line)
{
	(void)fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
	abort();
}

void
must_be_within(struct rd whole, struct rd part)
{
	const uintptr_t a = (uintptr_t)whole.p, b = (uintptr_t)part.p;

	if (part.left > 0)
		MUST(b >= a && b - a <= whole.left &&
		    part.left <= whole.left - (b - a));
}

void
must_have_written(const struct wr *w, struct rd want)
{
	size_t len = 0;

	MUST(wr_finish(w, &len) == ERR_OK);
	MUST(rd_is(&want, w->p, len));
}

static void *
must_alloc(size_t n)
{
	void *p = malloc(n > 0 ? n : 1);

	MUST(p != NULL);
	return p;
}

struct rd
own_copy(struct rd v)
{
	uint8_t *p = must_alloc(v.left);
	struct rd out;

	if (v.left > 0)
		memcpy(p, v.p, v.left);
	rd_init(&out, p, v.left);
	return out;
}

void
own_free(struct rd *v)
{
	void *p;

	memcpy(&p, &v->p, sizeof(p));
	free(p);
	rd_init(v, NULL, 0);
}

uint8_t
take_u8(struct rd *in)
{
	uint8_t v = 0;

	return rd_u8(in, &v) == ERR_OK ? v : 0;
}

uint16_t
take_u16(struct rd *in)
{
	uint16_t v = 0;

	return rd_u16(in, &v) == ERR_OK ? v : 0;
}

uint64_t
take_u64(struct rd *in)
{
	uint64_t v = 0;

	return rd_u64(in, &v) == ERR_OK ? v : 0;
}

/* At most `n` octets. */
static struct rd
take_up_to(struct rd *in, size_t n)
{
	struct rd v = {NULL, 0};

	MUST(rd_view(in, n < in->left ? n : in->left, &v) == ERR_OK);
	return v;
}

struct rd
take_view8(struct rd *in)
{
	return take_up_to(in, take_u8(in));
}

struct rd
take_view16(struct rd *in)
{
	return take_up_to(in, take_u16(in));
}

char *
take_text(struct rd in)
{
	char *s = must_alloc(in.left + 1);

	if (in.left > 0)
		memcpy(s, in.p, in.left);
	s[in.left] = '\0';
	return s;
}

struct rd
read_whole(const char *path)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	struct rd out;
	uint8_t *p;

	if (fd == -1)
		perror(path);
	MUST(fd != -1 && fstat(fd, &st) == 0);
	p = must_alloc((size_t)st.st_size);
	MUST(read(fd, p, (size_t)st.st_size) == st.st_size);
	close(fd);
	rd_init(&out, p, (size_t)st.st_size);
	return out;
}

int
memory_file(struct rd content)
{
	const int fd = memfd_create("fuzz", MFD_CLOEXEC);

	MUST(fd != -1 && fchmod(fd, 0600) == 0);
	if (content.left > 0)
		MUST(pwrite(fd, content.p, content.left, 0) ==
		    (ssize_t)content.left);
	return fd;
}

int
lowest_free_fd(void)
{
	const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	MUST(fd != -1);
	close(fd);
	return fd;
}
