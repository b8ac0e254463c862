/* secret_fd: a secret out of a descriptor, and into one that is handed on. */
#ifndef BASE_SECRET_FD_H
#define BASE_SECRET_FD_H

#include "base/error.h"
#include "base/secret.h"

#define SECRET_LINE_MAX 255

/*
 * The one line that a read of `fd` gives, as a PIN is in a file or typed: line
 * ends at its end are cut off.  ERR_MALFORMED: it gives nothing, or over
 * SECRET_LINE_MAX octets; ERR_NOMEM: no locked memory.  `fd` stays the
 * caller's, `*out` becomes it.
 */
enum err secret_read(int fd, struct secret **out) MUST_CHECK;

/*
 * The read end of a pipe that holds the secret, of SECRET_LINE_MAX octets at
 * most, for another process to read: the caller's to close.  ERR_IO.
 */
enum err secret_pipe(struct secret *, int *fd, struct why *) MUST_CHECK;

#endif
