/*
 * capture: the UDP datagrams of a file in the formats of libpcap (pcap,
 * pcapng), whoever wrote it.
 */
#ifndef MEDIA_CAPTURE_H
#define MEDIA_CAPTURE_H

#include <stdio.h>

#include "media/packet.h"

/* What was passed over. */
struct capture_counts {
	uint64_t frames; /* all of them */
	uint64_t fragments; /* of IP: parts of datagrams */
	uint64_t cut; /* frames that the capture has not all of */
};

/*
 * One datagram; us: microseconds since 1970, as the file has it.  What is
 * returned ends the reading if it is not ERR_OK.
 */
typedef enum err (
    *capture_take)(void *arg, int64_t us, const struct packet *, struct why *);

/*
 * ERR_IO: cannot be opened, or is no capture; ERR_UNSUPPORTED: its link type;
 * or what `take` returned.  A file that ends inside a frame gives what stands
 * before, and then ERR_TRUNCATED.
 */
enum err capture_read(const char *path, capture_take take, void *arg,
    struct capture_counts *, struct why *) MUST_CHECK;

/* The same of an open file, which is closed; `name` is for `why`. */
enum err capture_read_file(FILE *, const char *name, capture_take take,
    void *arg, struct capture_counts *, struct why *) MUST_CHECK;

#endif
