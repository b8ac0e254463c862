#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

const char *
err_str(enum err e)
{
	switch (e) {
	case ERR_OK:
		return "success";
	case ERR_INTERNAL:
		return "internal error";
	case ERR_NOMEM:
		return "out of memory";
	case ERR_AGAIN:
		return "not complete yet";
	case ERR_CLOSED:
		return "peer closed";
	case ERR_TRUNCATED:
		return "truncated";
	case ERR_MALFORMED:
		return "malformed";
	case ERR_TOOBIG:
		return "over a limit";
	case ERR_UNSUPPORTED:
		return "unsupported";
	case ERR_MISMATCH:
		return "does not belong together";
	case ERR_DENIED:
		return "not authorised";
	case ERR_NOTFOUND:
		return "not found";
	case ERR_EXISTS:
		return "exists already";
	case ERR_IO:
		return "system call failed";
	case ERR_FULL:
		return "full";
	case ERR_CRYPTO:
		return "cryptographic failure";
	case ERR_HSM:
		return "token failure";
	case ERR_PIN:
		return "token refused the PIN";
	case ERR__MAX:
		break;
	}
	return "unknown error";
}

enum err
why_set(struct why *why, enum err e, const char *fmt, ...)
{
	va_list ap;

	if (why == NULL)
		return e;
	va_start(ap, fmt);
	(void)vsnprintf(why->text, sizeof(why->text), fmt, ap);
	va_end(ap);
	return e;
}

enum err
why_errno(struct why *why, const char *fmt, ...)
{
	int saved = errno;
	va_list ap;
	size_t n;

	if (why == NULL)
		return ERR_IO;
	va_start(ap, fmt);
	(void)vsnprintf(why->text, sizeof(why->text), fmt, ap);
	va_end(ap);
	n = strlen(why->text);
	(void)snprintf(why->text + n, sizeof(why->text) - n, ": %s",
	    strerror(saved));
	return ERR_IO;
}
