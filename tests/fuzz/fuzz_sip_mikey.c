/* An intercepted SIP message: nothing is found that does not stand there. */
#include <stdarg.h>
#include <string.h>

#include <openssl/evp.h>
#include <osipparser2/osip_port.h>

#include "fuzz.h"
#include "hi2/sip_mikey.h"

static void
say_nothing(const char *file, int line, osip_trace_level_t level,
    const char *fmt, va_list ap)
{
	(void)file;
	(void)line;
	(void)level;
	(void)fmt;
	(void)ap;
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	MUST(sip_mikey_start() == ERR_OK);
	/* By itself it writes what it dislikes to standard output. */
	osip_trace_initialize_func(TRACE_LEVEL0, say_nothing);
	return 0;
}

/* All but its last four characters, whose spare bits may be anything. */
static bool
stands_there(struct rd sip, const uint8_t *octets, size_t len)
{
	static unsigned char text[SIP_MAX + 8];
	const int n = EVP_EncodeBlock(text, octets, (int)len);

	return memmem(sip.p, sip.left, text, (size_t)n - 4) != NULL;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sip_mikey s;
	struct rd in;
	enum err rc;

	rd_init(&in, data, size);
	rc = sip_mikey_extract(in, &s);
	MUST(rc == ERR_OK || rc == ERR_MALFORMED);
	if (rc != ERR_OK) {
		MUST(s.n == 0);
		return 0;
	}
	MUST(s.n <= SIP_MIKEY_MAX);
	MUST(memchr(s.call_id, 0, sizeof(s.call_id)) != NULL);
	for (unsigned i = 0; i < s.n; i++) {
		MUST(s.message[i].len > 0 && s.message[i].len <= MAX_MIKEY + 3);
		MUST(stands_there(in, s.message[i].octets, s.message[i].len));
		for (unsigned k = 0; k < i; k++)
			MUST(s.message[i].len != s.message[k].len ||
			    memcmp(s.message[i].octets, s.message[k].octets,
				s.message[i].len) != 0);
	}
	sip_mikey_done(&s);
	MUST(s.n == 0);
	return 0;
}
