/* stamp: what tells whether a file is another one than it was. */
#ifndef APPLIANCE_STAMP_H
#define APPLIANCE_STAMP_H

#include <sys/stat.h>

#include <stdbool.h>

struct stamp {
	dev_t dev;
	ino_t ino;
	off_t size; /* -1: there is none */
	struct timespec changed;
};

/* Of an open file; of -1 that there is none. */
struct stamp stamp_of(int fd);
bool stamp_same(const struct stamp *, const struct stamp *);

#endif
