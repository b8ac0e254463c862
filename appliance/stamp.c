#include "appliance/stamp.h"

struct stamp
stamp_of(int fd)
{
	struct stat st;

	if (fd == -1 || fstat(fd, &st) == -1)
		return (struct stamp){.size = -1};
	return (struct stamp){st.st_dev, st.st_ino, st.st_size, st.st_ctim};
}

bool
stamp_same(const struct stamp *a, const struct stamp *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	    a->changed.tv_sec == b->changed.tv_sec &&
	    a->changed.tv_nsec == b->changed.tv_nsec;
}
