#include <unistd.h>

#include "appliance/hsm_pin.h"

#define PIN_MAX 256

enum err
hsm_read_pin(int fd, struct secret **out, struct why *why)
{
	struct secret *s = NULL;
	uint8_t *b;
	ssize_t n;

	if (secret_new(PIN_MAX, &s) != ERR_OK)
		return why_set(why, ERR_NOMEM,
		    "no locked memory for the PIN (RLIMIT_MEMLOCK)");
	b = secret_data(s);
	n = read(fd, b, PIN_MAX);
	close(fd);
	while (n > 0 && (b[n - 1] == '\n' || b[n - 1] == '\r'))
		n--;
	if (n <= 0 || n == PIN_MAX) {
		secret_free(&s);
		return why_set(why, ERR_PIN,
		    "the PIN file is empty, unreadable or too long");
	}
	secret_truncate(s, (size_t)n);
	*out = s;
	return ERR_OK;
}
