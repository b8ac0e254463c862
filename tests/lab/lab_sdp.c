/* Session descriptions, RFC 4566, with the key-mgmt line of RFC 4567. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "lab_sip.h"

#define KEY_MGMT "a=key-mgmt:"

enum err
sdp_print(const struct sdp *s, struct rd mikey, char *out, size_t cap)
{
	const char *net = s->ip6 ? "IP6" : "IP4";
	uint8_t line[SDP_MAX];
	struct wr w;
	size_t n;
	enum err rc;

	if (mikey.left > SDP_MAX / 2 || cap == 0)
		return ERR_TOOBIG;
	wr_init(&w, out, cap - 1);
	sip_put(&w,
	    "v=0\r\n"
	    "o=- %llu %u IN %s %s\r\n"
	    "s=-\r\n"
	    "c=IN %s %s\r\n"
	    "t=0 0\r\n"
	    "m=audio %u RTP/SAVP 0\r\n"
	    "a=rtpmap:0 PCMU/8000\r\n"
	    "a=ptime:20\r\n"
	    "a=sendrecv\r\n",
	    (unsigned long long)s->session, s->version, net, s->addr, net,
	    s->addr, s->port);
	if (mikey.left > 0) {
		n = (size_t)EVP_EncodeBlock(line, mikey.p, (int)mikey.left);
		sip_put(&w, KEY_MGMT "mikey ");
		wr_copy(&w, line, n);
		sip_put(&w, "\r\n");
	}
	if ((rc = wr_finish(&w, &n)) != ERR_OK)
		return rc;
	out[n] = '\0';
	return ERR_OK;
}

/* The next line, without its end; false when there is none. */
static bool
next_line(const char **at, const char *end, char *line, size_t cap)
{
	const char *eol;
	size_t n;

	if (*at >= end)
		return false;
	eol = memchr(*at, '\n', (size_t)(end - *at));
	n = (size_t)((eol != NULL ? eol : end) - *at);
	if (n >= cap)
		return false;
	memcpy(line, *at, n);
	*at = eol != NULL ? eol + 1 : end;
	if (n > 0 && line[n - 1] == '\r')
		n--;
	line[n] = '\0';
	return true;
}

static enum err
parse_media(const char *line, struct sdp *s)
{
	char *end;
	unsigned long port = strtoul(line + strlen("m=audio "), &end, 10);

	if (port == 0 || port > 65535 || strcmp(end, " RTP/SAVP 0") != 0)
		return ERR_UNSUPPORTED;
	s->port = (uint16_t)port;
	return ERR_OK;
}

enum err
sdp_parse(const char *body, size_t len, struct sdp *s)
{
	const char *at = body, *end = body + len;
	char line[SDP_MAX];
	bool media = false;
	enum err rc;

	memset(s, 0, sizeof(*s));
	while (next_line(&at, end, line, sizeof(line))) {
		if (strncmp(line, "c=IN IP4 ", 9) == 0 ||
		    strncmp(line, "c=IN IP6 ", 9) == 0) {
			if (strlen(line + 9) >= sizeof(s->addr))
				return ERR_MALFORMED;
			memcpy(s->addr, line + 9, strlen(line + 9) + 1);
			s->ip6 = line[7] == '6';
		} else if (strncmp(line, "m=audio ", 8) == 0 && !media) {
			if ((rc = parse_media(line, s)) != ERR_OK)
				return rc;
			media = true;
		}
	}
	return media && s->addr[0] != '\0' ? ERR_OK : ERR_MALFORMED;
}

static enum err
decode(const char *text, uint8_t *out, size_t cap, size_t *out_len)
{
	const size_t n = strlen(text);
	uint8_t buf[SDP_MAX];
	int got;

	if (n == 0 || n % 4 != 0 || n > sizeof(buf))
		return ERR_MALFORMED;
	got = EVP_DecodeBlock(buf, (const unsigned char *)text, (int)n);
	if (got < 0)
		return ERR_MALFORMED;
	*out_len = (size_t)got - (text[n - 1] == '=') - (text[n - 2] == '=');
	if (*out_len > cap)
		return ERR_TOOBIG;
	memcpy(out, buf, *out_len);
	return ERR_OK;
}

enum err
sdp_mikey(const char *body, size_t len, size_t nth, uint8_t *out, size_t cap,
    size_t *out_len)
{
	const char *at = body, *end = body + len, *s;
	char line[SDP_MAX];

	while (next_line(&at, end, line, sizeof(line))) {
		if (strncmp(line, KEY_MGMT, strlen(KEY_MGMT)) != 0)
			continue;
		s = line + strlen(KEY_MGMT);
		s += *s == ' '; /* one is allowed here */
		if (strncmp(s, "mikey ", 6) != 0 || nth-- > 0)
			continue;
		return decode(s + 6, out, cap, out_len);
	}
	return ERR_NOTFOUND;
}
