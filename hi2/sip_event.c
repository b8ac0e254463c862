#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>
#include <osipparser2/osip_parser.h>
#include <osipparser2/osip_port.h>

#include "hi2/arena.h"
#include "hi2/sip_event.h"

/*
 * What one message needs.  libosip2 5.3.0 does not free all that it takes; it
 * takes it from here, and each message begins anew.
 */
#define ROOM (1024 * 1024)

static struct arena room;
static bool lacked; /* the parser goes on without what it did not get */

static void *
osip_take(size_t n)
{
	void *p = arena_take(&room, n);

	lacked |= p == NULL;
	return p;
}

static void *
osip_grow(void *p, size_t n)
{
	void *out = arena_grow(&room, p, n);

	lacked |= out == NULL;
	return out;
}

static void
osip_give(void *p)
{
	(void)p;
}

/* By itself it writes what it dislikes to standard output. */
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

enum err
sip_event_start(void)
{
	if (parser_init() != 0)
		return ERR_NOMEM;
	osip_trace_initialize_func(TRACE_LEVEL0, say_nothing);
	if (room.base == NULL && arena_init(&room, ROOM) != ERR_OK)
		return ERR_NOMEM;
	osip_set_allocators(osip_take, osip_grow, osip_give);
	return ERR_OK;
}

void
sip_event_stop(void)
{
	osip_set_allocators(NULL, NULL, NULL);
	arena_done(&room);
}

/* ---- the body ---- */

static bool
in_base64(uint8_t c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	    (c >= '0' && c <= '9') || c == '+' || c == '/';
}

/* Base64 with nothing but its alphabet and padding. */
static enum err
decode(struct rd text, struct rd *out)
{
	size_t n = text.left, pad = 0;
	uint8_t *p;
	int got;

	while (n > 0 && text.p[n - 1] == ' ')
		n--;
	if (n == 0 || n % 4 != 0 || n > 4 * (MAX_MIKEY / 3 + 1))
		return ERR_MALFORMED;
	while (pad < 2 && text.p[n - 1 - pad] == '=')
		pad++;
	for (size_t i = 0; i < n - pad; i++)
		if (!in_base64(text.p[i]))
			return ERR_MALFORMED;
	if ((p = arena_take(&room, 3 * (n / 4))) == NULL)
		return ERR_TOOBIG;
	got = EVP_DecodeBlock(p, text.p, (int)n);
	if (got < 0 || (size_t)got <= pad)
		return ERR_MALFORMED;
	rd_init(out, p, (size_t)got - pad);
	return ERR_OK;
}

static void
skip_spaces(struct rd *r)
{
	uint8_t c;

	while (r->left > 0 && *r->p == ' ')
		(void)!rd_u8(r, &c);
}

/* If it begins with it. */
static bool
skip(struct rd *r, const char *begin)
{
	const size_t n = strlen(begin);
	struct rd front;

	if (r->left < n || memcmp(r->p, begin, n) != 0)
		return false;
	return rd_view(r, n, &front) == ERR_OK;
}

/*
 * "mikey BASE64", prtcl-id case-sensitive (RFC 4567 clause 3.1).  Each line is
 * taken by itself; equal copies count once.
 */
static enum err
key_mgmt(struct sip_event *e, struct rd value)
{
	struct rd m;
	enum err rc;

	skip_spaces(&value);
	if (!skip(&value, "mikey "))
		return ERR_OK;
	skip_spaces(&value);
	if ((rc = decode(value, &m)) != ERR_OK)
		return rc == ERR_MALFORMED ? ERR_OK : rc;
	for (unsigned i = 0; i < e->n_mikey; i++)
		if (rd_equal(&e->mikey[i], &m))
			return ERR_OK;
	if (e->n_mikey < SIP_MIKEY_MAX)
		e->mikey[e->n_mikey++] = m;
	return ERR_OK;
}

/* Ended by CR, LF or both; the octets behind it are left in *r. */
static struct rd
take_line(struct rd *r)
{
	struct rd line;
	size_t n = 0;
	uint8_t c;

	while (n < r->left && r->p[n] != '\r' && r->p[n] != '\n')
		n++;
	if (rd_view(r, n, &line) != ERR_OK || rd_u8(r, &c) != ERR_OK)
		return line;
	if (c == '\r' && r->left > 0 && *r->p == '\n')
		(void)!rd_u8(r, &c);
	return line;
}

/*
 * An SDP (RFC 4566 clause 5) begins with v=, has a letter and = in each line
 * and ends where a line has not, such as at the boundary of a multipart body.
 * That finds it in any part of any body, and whatever else is wrong with it: a
 * phone may read what a strict parser refuses.
 */
static enum err
body(struct sip_event *e, struct rd in)
{
	bool sdp = false;

	while (in.left > 0) {
		struct rd line = take_line(&in);
		enum err rc;

		if (line.left == 0)
			continue;
		if (line.left < 2 || line.p[1] != '=')
			sdp = false;
		else if (line.p[0] == 'v')
			sdp = true;
		if (sdp && skip(&line, "a=key-mgmt:") &&
		    (rc = key_mgmt(e, line)) != ERR_OK)
			return rc;
	}
	return ERR_OK;
}

/* ---- the headers ---- */

/*
 * Where they end: behind the empty line.  Lines in front of the first are let
 * through (RFC 3261 clause 7.5).
 */
static enum err
split(struct rd sip, struct rd *headers, struct rd *rest)
{
	size_t parts = 0, i;
	uint8_t c;

	while (sip.left > 0 && (*sip.p == '\r' || *sip.p == '\n'))
		(void)!rd_u8(&sip, &c);
	for (i = 1; i < sip.left; i++) {
		const uint8_t was = sip.p[i - 1];

		c = sip.p[i];
		if (i > SIP_HEADERS_MAX || parts > SIP_HEADER_PARTS_MAX)
			return ERR_TOOBIG;
		if (c == '\n' &&
		    (was == '\n' ||
			(was == '\r' && i > 1 && sip.p[i - 2] == '\n')))
			break;
		parts += c == '\n' || c == ';' || c == ',' || c == '&';
	}
	if (i >= sip.left)
		return ERR_MALFORMED;
	if (rd_view(&sip, i + 1, headers) != ERR_OK)
		return ERR_MALFORMED;
	*rest = sip;
	return ERR_OK;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Behind "name:" at the beginning of a line; NULL if it is another's. */
static char *
value_of(char *line, const char *name)
{
	const size_t n = strlen(name);

	if (strncasecmp(line, name, n) != 0)
		return NULL;
	line += n;
	while (*line == ' ' || *line == '\t')
		line++;
	return *line == ':' ? line + 1 : NULL;
}

/*
 * Cut the body to its Content-Length.  The parser is given the headers alone,
 * so it must not expect a body: zeros take the place of the number.
 */
static enum err
cut_body(char *headers, struct rd *rest)
{
	for (char *line = headers; line != NULL; line = strchr(line, '\n')) {
		char *v;
		size_t n = 0;

		line += *line == '\n';
		if ((v = value_of(line, "Content-Length")) == NULL &&
		    (v = value_of(line, "l")) == NULL)
			continue;
		while (is_blank(*v))
			v++;
		for (; *v >= '0' && *v <= '9'; v++) {
			n = 10 * n + (size_t)(*v - '0');
			if (n > rest->left)
				return ERR_MALFORMED;
			*v = '0';
		}
		rest->left = n;
	}
	return ERR_OK;
}

static enum sip_method
method_of(const char *name)
{
	static const char *const names[] = {[SIP_INVITE] = "INVITE",
	    [SIP_ACK] = "ACK",
	    [SIP_BYE] = "BYE",
	    [SIP_CANCEL] = "CANCEL",
	    [SIP_PRACK] = "PRACK",
	    [SIP_UPDATE] = "UPDATE"};

	for (unsigned i = SIP_INVITE; name != NULL && i <= SIP_UPDATE; i++)
		if (strcmp(name, names[i]) == 0)
			return (enum sip_method)i;
	return SIP_OTHER;
}

static void
text_view(const char *s, struct rd *out)
{
	rd_init(out, s, s == NULL ? 0 : strlen(s));
}

static void
tag_of(osip_from_t *f, struct rd *out)
{
	static char name[] = "tag";
	osip_generic_param_t *tag = NULL;

	rd_init(out, NULL, 0);
	if (f == NULL)
		return;
	(void)osip_uri_param_get_byname(&f->gen_params, name, &tag);
	if (tag != NULL)
		text_view(tag->gvalue, out);
}

static enum err
call_id(const osip_call_id_t *c, struct rd *out)
{
	size_t n, host;
	char *p;

	if (c == NULL || c->number == NULL)
		return ERR_MALFORMED;
	n = strlen(c->number);
	host = c->host == NULL ? 0 : 1 + strlen(c->host);
	if (n + host == 0 || n + host > SIP_CALL_ID_MAX)
		return ERR_MALFORMED;
	if ((p = arena_take(&room, n + host)) == NULL)
		return ERR_TOOBIG;
	memcpy(p, c->number, n);
	if (host > 0) {
		p[n] = '@';
		memcpy(p + n + 1, c->host, host - 1);
	}
	rd_init(out, p, n + host);
	return ERR_OK;
}

static enum err
cseq(const osip_cseq_t *c, struct sip_event *e)
{
	unsigned long n;
	char *end;

	if (c == NULL || c->number == NULL)
		return ERR_OK;
	n = strtoul(c->number, &end, 10);
	if (*c->number < '0' || *c->number > '9' || *end != '\0' ||
	    n > UINT32_MAX)
		return ERR_MALFORMED;
	e->cseq = (uint32_t)n;
	if (e->status != 0)
		e->method = method_of(c->method);
	return ERR_OK;
}

/* One that cut_body() did not see, because a line ended in CR alone. */
static bool
has_length(const osip_content_length_t *l)
{
	return l != NULL && l->value != NULL &&
	    l->value[strspn(l->value, "0")] != '\0';
}

static enum err
fields(osip_message_t *m, struct sip_event *e)
{
	enum err rc;

	if (has_length(m->content_length))
		return ERR_MALFORMED;
	if (m->sip_method == NULL) {
		if (m->status_code < 100 || m->status_code > 699)
			return ERR_MALFORMED;
		e->status = (uint16_t)m->status_code;
	} else {
		e->method = method_of(m->sip_method);
	}
	if ((rc = call_id(m->call_id, &e->call_id)) != ERR_OK)
		return rc;
	tag_of(m->from, &e->from_tag);
	tag_of(m->to, &e->to_tag);
	return cseq(m->cseq, e);
}

/* It reads a C string, and may look at one octet behind that. */
static enum err
header_text(struct rd headers, char **out)
{
	char *text;

	if (memchr(headers.p, '\0', headers.left) != NULL)
		return ERR_MALFORMED;
	if ((text = arena_take(&room, headers.left + 2)) == NULL)
		return ERR_TOOBIG;
	memcpy(text, headers.p, headers.left);
	memset(text + headers.left, 0, 2);
	*out = text;
	return ERR_OK;
}

enum err
sip_event_read(struct rd sip, struct sip_event *out)
{
	struct sip_event e = {.n_mikey = 0};
	osip_message_t *m = NULL;
	struct rd headers, rest;
	char *text;
	enum err rc;

	if (sip.left > SIP_MAX)
		return ERR_TOOBIG;
	arena_reset(&room);
	lacked = false;
	if ((rc = split(sip, &headers, &rest)) != ERR_OK ||
	    (rc = header_text(headers, &text)) != ERR_OK ||
	    (rc = cut_body(text, &rest)) != ERR_OK)
		return rc;
	if (osip_message_init(&m) != 0 ||
	    osip_message_parse(m, text, headers.left) != 0)
		rc = ERR_MALFORMED;
	if (lacked)
		rc = ERR_TOOBIG;
	if (rc != ERR_OK)
		return rc;
	if ((rc = fields(m, &e)) != ERR_OK)
		return rc;
	if (rest.left > 0 &&
	    memmem(rest.p, rest.left, "key-mgmt", strlen("key-mgmt")) != NULL &&
	    (rc = body(&e, rest)) != ERR_OK)
		return rc;
	*out = e;
	return ERR_OK;
}
