#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lab_sip.h"

static const struct {
	char compact;
	const char *name;
} compact[] = {{'v', "Via"}, {'f', "From"}, {'t', "To"}, {'i', "Call-ID"},
    {'m', "Contact"}, {'l', "Content-Length"}, {'c', "Content-Type"},
    {'k', "Supported"}};

bool
sip_is(const void *p, size_t len)
{
	static const char version[] = "SIP/2.0";
	const char *s = p, *eol = memchr(p, '\n', len);
	size_t n;

	if (eol == NULL || len < sizeof(version))
		return false;
	if (memcmp(s, version, sizeof(version) - 1) == 0)
		return true;
	n = (size_t)(eol - s);
	if (n > 0 && s[n - 1] == '\r')
		n--;
	return n > sizeof(version) && s[0] >= 'A' && s[0] <= 'Z' &&
	    memcmp(s + n - (sizeof(version) - 1), version,
		sizeof(version) - 1) == 0;
}

/* The next line of a text, ended with a NUL; *at moves behind it. */
static char *
next_line(char **at, char *end)
{
	char *line = *at, *eol;

	if (line >= end ||
	    (eol = memchr(line, '\n', (size_t)(end - line))) == NULL)
		return NULL;
	*at = eol + 1;
	*eol = '\0';
	if (eol > line && eol[-1] == '\r')
		eol[-1] = '\0';
	return line;
}

static char *
trim(char *s)
{
	char *end;

	while (*s == ' ' || *s == '\t')
		s++;
	end = s + strlen(s);
	while (end > s && (end[-1] == ' ' || end[-1] == '\t'))
		*--end = '\0';
	return s;
}

/* A line that starts with a blank goes on with the header before it. */
static void
unfold(char *p, char *end)
{
	for (char *s = p; s + 1 < end; s++) {
		if (*s != '\n')
			continue;
		if (s - p >= 3 && s[-1] == '\r' && s[-2] == '\n')
			return; /* the empty line: the body follows */
		if (s[1] != ' ' && s[1] != '\t')
			continue;
		if (s > p && s[-1] == '\r')
			s[-1] = ' ';
		*s = ' ';
	}
}

static enum err
parse_start(struct sip *m, char *line)
{
	char *sp1 = strchr(line, ' '), *sp2;

	if (sp1 == NULL || (sp2 = strchr(sp1 + 1, ' ')) == NULL)
		return ERR_MALFORMED;
	*sp1 = '\0';
	*sp2 = '\0';
	if (strcmp(line, "SIP/2.0") == 0) {
		m->status = (unsigned)strtoul(sp1 + 1, NULL, 10);
		m->reason = sp2 + 1;
		return m->status >= 100 && m->status < 700 ? ERR_OK
							   : ERR_MALFORMED;
	}
	m->request = true;
	m->method = line;
	m->uri = sp1 + 1;
	return strcmp(sp2 + 1, "SIP/2.0") == 0 ? ERR_OK : ERR_MALFORMED;
}

static enum err
parse_headers(struct sip *m, char **at, char *end)
{
	char *line, *colon;

	while ((line = next_line(at, end)) != NULL) {
		if (*line == '\0')
			return ERR_OK;
		if ((colon = strchr(line, ':')) == NULL ||
		    m->n_h == SIP_HEADERS_MAX)
			return ERR_MALFORMED;
		*colon = '\0';
		m->h[m->n_h].name = trim(line);
		m->h[m->n_h].value = trim(colon + 1);
		m->n_h++;
	}
	return ERR_TRUNCATED; /* no empty line */
}

static enum err
parse_cseq(struct sip *m)
{
	const char *v = sip_get(m, "CSeq", 0);
	char *end;
	unsigned long n;

	if (v == NULL)
		return ERR_MALFORMED;
	n = strtoul(v, &end, 10);
	if (end == v || n > 0x7fffffff || (*end != ' ' && *end != '\t'))
		return ERR_MALFORMED;
	while (*end == ' ' || *end == '\t')
		end++;
	m->cseq = (uint32_t)n;
	m->cseq_method = end;
	return ERR_OK;
}

enum err
sip_parse(const void *p, size_t len, struct sip *m)
{
	const char *length;
	char *at, *end, *line;
	unsigned long n;

	if (len > SIP_MAX)
		return ERR_TOOBIG;
	memset(m, 0, sizeof(*m));
	memcpy(m->buf, p, len);
	at = m->buf;
	end = m->buf + len;
	unfold(at, end);
	if ((line = next_line(&at, end)) == NULL ||
	    parse_start(m, line) != ERR_OK ||
	    parse_headers(m, &at, end) != ERR_OK)
		return ERR_MALFORMED;
	m->body = at;
	m->body_len = (size_t)(end - at);
	if ((length = sip_get(m, "Content-Length", 0)) != NULL) {
		n = strtoul(length, NULL, 10);
		if (n > m->body_len)
			return ERR_TRUNCATED;
		m->body_len = n;
	}
	if (sip_get(m, "Call-ID", 0) == NULL || sip_get(m, "Via", 0) == NULL ||
	    sip_get(m, "From", 0) == NULL || sip_get(m, "To", 0) == NULL)
		return ERR_MALFORMED;
	return parse_cseq(m);
}

static const char *
moved(const struct sip *to, const struct sip *from, const char *s)
{
	return s != NULL ? to->buf + (s - from->buf) : NULL;
}

void
sip_copy(struct sip *to, const struct sip *from)
{
	*to = *from;
	to->method = moved(to, from, from->method);
	to->uri = moved(to, from, from->uri);
	to->reason = moved(to, from, from->reason);
	to->body = moved(to, from, from->body);
	to->cseq_method = moved(to, from, from->cseq_method);
	for (size_t i = 0; i < from->n_h; i++) {
		to->h[i].name = moved(to, from, from->h[i].name);
		to->h[i].value = moved(to, from, from->h[i].value);
	}
}

static bool
named(const char *have, const char *want)
{
	if (strcasecmp(have, want) == 0)
		return true;
	if (have[0] == '\0' || have[1] != '\0')
		return false;
	for (size_t i = 0; i < sizeof(compact) / sizeof(compact[0]); i++)
		if (strncasecmp(have, &compact[i].compact, 1) == 0)
			return strcasecmp(compact[i].name, want) == 0;
	return false;
}

const char *
sip_get(const struct sip *m, const char *name, size_t nth)
{
	for (size_t i = 0; i < m->n_h; i++)
		if (named(m->h[i].name, name) && nth-- == 0)
			return m->h[i].value;
	return NULL;
}

bool
sip_lists(const struct sip *m, const char *name, const char *token)
{
	const size_t n = strlen(token);
	const char *v;

	for (size_t i = 0; (v = sip_get(m, name, i)) != NULL; i++) {
		while (*v != '\0') {
			v += strspn(v, " \t,");
			if (strcspn(v, " \t,") == n &&
			    strncasecmp(v, token, n) == 0)
				return true;
			v += strcspn(v, ",");
		}
	}
	return false;
}

static enum err
copy_text(const char *p, size_t n, char *out, size_t cap)
{
	out[0] = '\0';
	if (n == 0 || n >= cap)
		return ERR_MALFORMED;
	memcpy(out, p, n);
	out[n] = '\0';
	return ERR_OK;
}

enum err
sip_param(const char *value, const char *name, char *out, size_t cap)
{
	const size_t n = strlen(name);
	const char *s;

	out[0] = '\0';
	if (value == NULL)
		return ERR_NOTFOUND;
	/* Parameters inside <> are the URI's, not the header's. */
	if ((s = strchr(value, '>')) == NULL)
		s = value;
	while ((s = strchr(s, ';')) != NULL) {
		s += 1 + strspn(s + 1, " \t");
		if (strncasecmp(s, name, n) == 0 && s[n] == '=')
			return copy_text(s + n + 1, strcspn(s + n + 1, "; \t,"),
			    out, cap);
	}
	return ERR_NOTFOUND;
}

enum err
sip_address(const char *value, char *out, size_t cap)
{
	const char *s;

	out[0] = '\0';
	if (value == NULL)
		return ERR_NOTFOUND;
	if ((s = strchr(value, '<')) == NULL)
		return copy_text(value, strcspn(value, "; \t,"), out, cap);
	return copy_text(s + 1, strcspn(s + 1, ">"), out, cap);
}

void
sip_put(struct wr *w, const char *fmt, ...)
{
	char text[SDP_MAX];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(text)) {
		w->rc = ERR_TOOBIG;
		return;
	}
	wr_copy(w, text, (size_t)n);
}

void
sip_put_body(struct wr *w, const char *sdp)
{
	if (sdp != NULL)
		sip_put(w, "Content-Type: application/sdp\r\n");
	sip_put(w, "Content-Length: %zu\r\n\r\n",
	    sdp != NULL ? strlen(sdp) : 0);
	if (sdp != NULL)
		wr_copy(w, sdp, strlen(sdp));
}

void
sip_put_request(struct wr *w, const struct sip_dialog *d, const char *method,
    uint32_t cseq, const char *branch)
{
	sip_put(w, "%s %s SIP/2.0\r\n", method, d->target);
	sip_put(w, "Via: SIP/2.0/UDP %s;rport;branch=%s\r\n", d->host, branch);
	sip_put(w, "Max-Forwards: 70\r\n");
	sip_put(w, "From: <%s>;tag=%s\r\n", d->local_uri, d->local_tag);
	if (d->remote_tag[0] != '\0')
		sip_put(w, "To: <%s>;tag=%s\r\n", d->remote_uri, d->remote_tag);
	else
		sip_put(w, "To: <%s>\r\n", d->remote_uri);
	sip_put(w, "Call-ID: %s\r\n", d->call_id);
	sip_put(w, "CSeq: %u %s\r\n", cseq, method);
	/* Methods that may change where the peer sends (RFC 3261 table 3). */
	if (strcmp(method, "INVITE") == 0)
		sip_put(w, "Contact: <sip:phone@%s>\r\n", d->host);
}

void
sip_put_response(struct wr *w, const struct sip_dialog *d,
    const struct sip *req, unsigned status, const char *reason)
{
	const char *v, *to = sip_get(req, "To", 0);
	char tag[SIP_TEXT_MAX];

	sip_put(w, "SIP/2.0 %u %s\r\n", status, reason);
	for (size_t i = 0; (v = sip_get(req, "Via", i)) != NULL; i++)
		sip_put(w, "Via: %s\r\n", v);
	sip_put(w, "From: %s\r\n", sip_get(req, "From", 0));
	if (status == 100 || sip_param(to, "tag", tag, sizeof(tag)) == ERR_OK)
		sip_put(w, "To: %s\r\n", to);
	else
		sip_put(w, "To: %s;tag=%s\r\n", to, d->local_tag);
	sip_put(w, "Call-ID: %s\r\n", sip_get(req, "Call-ID", 0));
	sip_put(w, "CSeq: %u %s\r\n", req->cseq, req->cseq_method);
	if (strcmp(req->cseq_method, "INVITE") == 0 && status > 100 &&
	    status < 300)
		sip_put(w, "Contact: <sip:phone@%s>\r\n", d->host);
}
