/* hi2_file: PS-PDUs back to back in a file, as `receive` writes them. */
#ifndef LEMF_HI2_FILE_H
#define LEMF_HI2_FILE_H

#include "base/bytes.h"

struct hi2_file;

/* ERR_IO, ERR_NOMEM.  What was read is erased when it is closed. */
enum err hi2_file_open(const char *path, struct hi2_file **out,
    struct why *why) MUST_CHECK;
void hi2_file_close(struct hi2_file **);

/*
 * The next PS-PDU, a view until the next call.  ERR_CLOSED: that was all;
 * ERR_TRUNCATED: the file ends inside it; ERR_MALFORMED, ERR_TOOBIG: there is
 * none, or one over RECORD_PDU_MAX; ERR_IO.  After an error there is no next.
 */
enum err hi2_file_next(struct hi2_file *, struct rd *pdu,
    struct why *why) MUST_CHECK;

/* Where in the file the PDU given last begins, or where there is none. */
uint64_t hi2_file_at(const struct hi2_file *);

#endif
