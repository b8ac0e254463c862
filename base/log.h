/*
 * log: the operator's log, one line a message on standard error (the journal
 * reads it).  Not the audit log: no target identity, LIID or secret ever goes
 * here.  Only programs call it; libraries return errors instead.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stddef.h>

#include "base/error.h"

enum log_level { LOG_LVL_ERROR, LOG_LVL_WARNING, LOG_LVL_INFO, LOG_LVL_DEBUG };

/* `name` is kept, not copied: the process's own name. */
void log_init(const char *name, enum log_level most);

/* "error", "warning", "info" or "debug"; info for anything else and NULL. */
enum log_level log_level_of(const char *name);

void log_error(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_warning(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_info(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_debug(const char *fmt, ...) PRINTF_LIKE(1, 2);

/*
 * Something that cannot be in a sound system: a sibling's bad message, a
 * broken invariant.  Logs and ends the process with status 70; the supervisor
 * judges.
 */
_Noreturn void fatal(const char *fmt, ...) PRINTF_LIKE(1, 2);

/*
 * A line that may come often: at most `burst` in each 10 s, then one that
 * says how many were left out.  `l` is static and zero at first.
 */
struct log_limit {
	long long window_start;
	unsigned n, dropped;
};
void log_limited(struct log_limit *l, unsigned burst, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

/*
 * Foreign text made fit for one line of a log: printable ASCII stays, the
 * rest becomes \xNN, at most `cap` - 1 chars and a NUL.  Returns `out`.
 */
const char *log_escape(const void *p, size_t len, char *out, size_t cap);

#endif
