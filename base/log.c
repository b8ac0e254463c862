#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"

#define LINE_MAX_CHARS 1024

static const char *log_name = "keywarden";
static enum log_level log_most = LOG_LVL_INFO;

void
log_init(const char *name, enum log_level most)
{
	log_name = name;
	log_most = most;
}

enum log_level
log_level_of(const char *name)
{
	static const char *const names[] = {[LOG_LVL_ERROR] = "error",
	    [LOG_LVL_WARNING] = "warning",
	    [LOG_LVL_INFO] = "info",
	    [LOG_LVL_DEBUG] = "debug"};

	for (size_t i = 0; name != NULL && i < sizeof(names) / sizeof(names[0]);
	     i++)
		if (strcmp(name, names[i]) == 0)
			return (enum log_level)i;
	return LOG_LVL_INFO;
}

static void emit(enum log_level level, const char *fmt, va_list ap)
    PRINTF_LIKE(2, 0);

/* One write(2) a line, so that lines of several processes do not mix. */
static void
emit(enum log_level level, const char *fmt, va_list ap)
{
	static const char *const word[] = {"error: ", "warning: ", "", ""};
	char line[LINE_MAX_CHARS];
	size_t n;
	int head;

	if (level > log_most)
		return;
	head = snprintf(line, sizeof(line) - 1, "%s[%d]: %s", log_name,
	    (int)getpid(), word[level]);
	if (head < 0 || (size_t)head >= sizeof(line) - 1)
		return;
	(void)vsnprintf(line + head, sizeof(line) - 1 - (size_t)head, fmt, ap);
	n = strlen(line);
	for (size_t i = (size_t)head; i < n; i++)
		if (line[i] == '\n' || line[i] == '\r')
			line[i] = ' ';
	line[n++] = '\n';
	if (write(STDERR_FILENO, line, n) == -1)
		return; /* nowhere left to say so */
}

void
log_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	emit(LOG_LVL_ERROR, fmt, ap);
	va_end(ap);
}

void
log_warning(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	emit(LOG_LVL_WARNING, fmt, ap);
	va_end(ap);
}

void
log_info(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	emit(LOG_LVL_INFO, fmt, ap);
	va_end(ap);
}

void
log_debug(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	emit(LOG_LVL_DEBUG, fmt, ap);
	va_end(ap);
}

void
fatal(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	emit(LOG_LVL_ERROR, fmt, ap);
	va_end(ap);
	_exit(70); /* EX_SOFTWARE */
}

#define WINDOW_SECONDS 10

void
log_limited(struct log_limit *l, unsigned burst, const char *fmt, ...)
{
	struct timespec ts;
	va_list ap;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	if (l->window_start == 0 ||
	    ts.tv_sec - l->window_start >= WINDOW_SECONDS) {
		if (l->dropped > 0)
			log_warning("%u lines like the next were left out",
			    l->dropped);
		*l = (struct log_limit){.window_start = ts.tv_sec};
	}
	if (l->n >= burst) {
		l->dropped++;
		return;
	}
	l->n++;
	va_start(ap, fmt);
	emit(LOG_LVL_WARNING, fmt, ap);
	va_end(ap);
}

const char *
log_escape(const void *p, size_t len, char *out, size_t cap)
{
	static const char digit[] = "0123456789abcdef";
	const uint8_t *b = p;
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (b[i] >= 0x20 && b[i] < 0x7f && b[i] != '\\') {
			if (n + 1 >= cap)
				break;
			out[n++] = (char)b[i];
			continue;
		}
		if (n + 4 >= cap)
			break;
		out[n++] = '\\';
		out[n++] = 'x';
		out[n++] = digit[b[i] >> 4];
		out[n++] = digit[b[i] & 15];
	}
	out[n] = '\0';
	return out;
}
