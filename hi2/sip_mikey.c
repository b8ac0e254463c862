#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>
#include <osipparser2/osip_parser.h>
#include <osipparser2/sdp_message.h>

#include "hi2/sip_mikey.h"

enum err
sip_mikey_start(void)
{
	return parser_init() == 0 ? ERR_OK : ERR_NOMEM;
}

void
sip_mikey_done(struct sip_mikey *s)
{
	for (unsigned i = 0; i < s->n; i++)
		free(s->message[i].octets);
	s->n = 0;
}

/* Base64 with nothing but its alphabet and padding. */
static uint8_t *
decode(const char *text, size_t n, size_t *len)
{
	uint8_t *out;
	size_t pad = 0;
	int got;

	while (n > 0 && (text[n - 1] == ' ' || text[n - 1] == '\r'))
		n--;
	if (n == 0 || n % 4 != 0 || n > 4 * (MAX_MIKEY / 3 + 1))
		return NULL;
	while (pad < 2 && text[n - 1 - pad] == '=')
		pad++;
	for (size_t i = 0; i < n - pad; i++)
		if (memchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwx"
			   "yz0123456789+/",
			text[i], 64) == NULL)
			return NULL;
	if ((out = malloc(3 * (n / 4) + 1)) == NULL)
		return NULL;
	got = EVP_DecodeBlock(out, (const unsigned char *)text, (int)n);
	if (got < 0 || (size_t)got < pad) {
		free(out);
		return NULL;
	}
	*len = (size_t)got - pad;
	return out;
}

/* Each line is taken by itself; equal copies count once. */
static void
add(struct sip_mikey *s, uint8_t *octets, size_t len)
{
	for (unsigned i = 0; i < s->n; i++)
		if (s->message[i].len == len &&
		    memcmp(s->message[i].octets, octets, len) == 0) {
			free(octets);
			return;
		}
	if (s->n == SIP_MIKEY_MAX) {
		free(octets);
		return;
	}
	s->message[s->n].octets = octets;
	s->message[s->n++].len = len;
}

/* "mikey BASE64", prtcl-id case-sensitive (RFC 4567 clause 3.1). */
static void
key_mgmt(struct sip_mikey *s, const char *value)
{
	uint8_t *octets;
	size_t len;

	while (*value == ' ')
		value++;
	if (strncmp(value, "mikey ", 6) != 0)
		return;
	value += 6;
	while (*value == ' ')
		value++;
	if ((octets = decode(value, strlen(value), &len)) != NULL)
		add(s, octets, len);
}

static void
attributes(struct sip_mikey *s, osip_list_t *list)
{
	for (int i = 0; !osip_list_eol(list, i); i++) {
		const sdp_attribute_t *a = osip_list_get(list, i);

		if (a->a_att_field != NULL && a->a_att_value != NULL &&
		    strcmp(a->a_att_field, "key-mgmt") == 0)
			key_mgmt(s, a->a_att_value);
	}
}

static void
body(struct sip_mikey *s, const osip_body_t *b)
{
	sdp_message_t *sdp = NULL;
	char *text;

	if (b->body == NULL || b->length < 2 || strncmp(b->body, "v=", 2) != 0)
		return;
	/*
	 * Behind a media line without formats libosip2 5.3.0 reads on after
	 * the octet that follows it, be that the NUL: give it two.
	 */
	if ((text = calloc(1, b->length + 2)) == NULL)
		return;
	memcpy(text, b->body, b->length);
	if (sdp_message_init(&sdp) != 0)
		goto out;
	if (sdp_message_parse(sdp, text) == 0) {
		attributes(s, &sdp->a_attributes);
		for (int i = 0; !osip_list_eol(&sdp->m_medias, i); i++) {
			sdp_media_t *m = osip_list_get(&sdp->m_medias, i);

			attributes(s, &m->a_attributes);
		}
	}
out:
	sdp_message_free(sdp);
	free(text);
}

/* The octets behind the empty line; SIZE_MAX if there is none. */
static size_t
body_octets(struct rd sip)
{
	for (size_t i = 0; i + 1 < sip.left; i++) {
		if (sip.p[i] != '\n')
			continue;
		if (sip.p[i + 1] == '\n')
			return sip.left - i - 2;
		if (i + 2 < sip.left && sip.p[i + 1] == '\r' &&
		    sip.p[i + 2] == '\n')
			return sip.left - i - 3;
	}
	return SIZE_MAX;
}

/* The parser loses a body that is shorter than it says without a word. */
static bool
length_holds(const osip_message_t *m, struct rd sip)
{
	const size_t have = body_octets(sip);
	char *end;
	long n;

	if (m->content_length == NULL || m->content_length->value == NULL)
		return true;
	n = strtol(m->content_length->value, &end, 10);
	if (n < 0 || *end != '\0')
		return false;
	return n == 0 || (have != SIZE_MAX && (size_t)n <= have);
}

static enum err
read_message(osip_message_t *m, struct rd sip, struct sip_mikey *out)
{
	const char *number, *host;
	size_t n;

	if (!length_holds(m, sip) || m->call_id == NULL ||
	    m->call_id->number == NULL)
		return ERR_MALFORMED;
	number = m->call_id->number;
	host = m->call_id->host;
	n = strlen(number) + 1 + (host == NULL ? 0 : strlen(host));
	if (n >= sizeof(out->call_id))
		return ERR_MALFORMED;
	memcpy(out->call_id, number, strlen(number) + 1);
	if (host != NULL) {
		out->call_id[strlen(number)] = '@';
		memcpy(out->call_id + strlen(number) + 1, host,
		    strlen(host) + 1);
	}
	for (int i = 0; !osip_list_eol(&m->bodies, i); i++)
		body(out, osip_list_get(&m->bodies, i));
	return ERR_OK;
}

enum err
sip_mikey_extract(struct rd sip, struct sip_mikey *out)
{
	osip_message_t *m = NULL;
	enum err rc = ERR_MALFORMED;
	char *text;

	*out = (struct sip_mikey){.n = 0};
	if (sip.left == 0 || sip.left > SIP_MAX)
		return ERR_MALFORMED;
	/* The parser reads a C string: a NUL inside would end it early. */
	if (memchr(sip.p, '\0', sip.left) != NULL)
		return ERR_MALFORMED;
	if ((text = malloc(sip.left + 1)) == NULL)
		return ERR_NOMEM;
	memcpy(text, sip.p, sip.left);
	text[sip.left] = '\0';
	if (osip_message_init(&m) == 0 &&
	    osip_message_parse(m, text, sip.left) == 0)
		rc = read_message(m, sip, out);
	osip_message_free(m);
	free(text);
	if (rc != ERR_OK)
		sip_mikey_done(out);
	return rc;
}
