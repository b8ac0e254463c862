/*
 * rtp_file: packets in the clear as a capture of their own, for speech and
 * pictures of codecs that others play: pcap of raw IP, each packet with the
 * addresses, ports and time it had.
 */
#ifndef MEDIA_RTP_FILE_H
#define MEDIA_RTP_FILE_H

#include "media/streams.h"

struct rtp_file;

/* In the place of a file that was there, mode 600.  ERR_IO, ERR_NOMEM. */
enum err rtp_file_new(const char *path, struct rtp_file **,
    struct why *) MUST_CHECK;
enum err rtp_file_put(struct rtp_file *, const struct stream_packet *,
    struct why *) MUST_CHECK;

/* What was not written is told here; NULL is let through. */
enum err rtp_file_close(struct rtp_file **, struct why *) MUST_CHECK;

#endif
