/* secret_fd: a secret out of a descriptor, and into one that is handed on. */
#ifndef BASE_SECRET_FD_H
#define BASE_SECRET_FD_H

#include "base/error.h"
#include "base/secret.h"

#define SECRET_LINE_MAX 255

/*
 * What `fd` gives until a line ends or all of it does, as a PIN is in a file,
 * is typed or comes by a pipe: line ends at its end are cut off. ERR_MALFORMED:
 * it gives nothing, or over SECRET_LINE_MAX octets, or a signal came first;
 * ERR_NOMEM: no locked memory.  `fd` stays the caller's, `*out` becomes it.
 */
enum err secret_read(int fd, struct secret **out) MUST_CHECK;

/*
 * The read end of a pipe that holds the secret, of SECRET_LINE_MAX octets at
 * most, for another process to read: the caller's to close.  ERR_IO.
 */
enum err secret_pipe(struct secret *, int *fd, struct why *) MUST_CHECK;

#endif
