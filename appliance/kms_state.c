#include <sys/stat.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "appliance/kms_state.h"
#include "appliance/proto.h"

#define MAGIC 0x4b57535aU /* "KWSZ" */
#define VERSION 5

void
kms_state_put(struct wr *w, const struct kms_state *s)
{
	wr_u32(w, MAGIC);
	wr_u16(w, VERSION);
	wr_i64(w, s->created);
	wr_u32(w, s->serial);
	wr_view8(w, s->scheme.p, s->scheme.left);
	wr_view16(w, s->uri.p, s->uri.left);
	wr_u8(w, (uint8_t)s->period);
	wr_view16(w, s->params.p, s->params.left);
	wr_view16(w, s->import_key.p, s->import_key.left);
	wr_view16(w, s->spool_key.p, s->spool_key.left);
	wr_view16(w, s->hi2_key.p, s->hi2_key.left);
	for (unsigned i = 0; i < TLS_ROLE__MAX; i++) {
		wr_view16(w, s->tls_key[i].p, s->tls_key[i].left);
		wr_view16(w, s->tls_request[i].p, s->tls_request[i].left);
	}
	wr_view16(w, s->config.p, s->config.left);
	wr_u8(w, (uint8_t)s->n_persons);
	for (unsigned i = 0; i < s->n_persons; i++) {
		wr_view8(w, s->person[i].name.p, s->person[i].name.left);
		wr_u8(w, (uint8_t)s->person[i].role);
		wr_view16(w, s->person[i].cert.p, s->person[i].cert.left);
	}
	wr_u16(w, (uint16_t)s->n_clients);
	for (unsigned i = 0; i < s->n_clients; i++) {
		wr_view8(w, s->client[i].name.p, s->client[i].name.left);
		wr_view16(w, s->client[i].cert.p, s->client[i].cert.left);
	}
}

static enum err
get_tls(struct rd *in, struct kms_state *out)
{
	enum err rc = ERR_OK;

	for (unsigned i = 0; i < TLS_ROLE__MAX && rc == ERR_OK; i++)
		if ((rc = rd_view16(in, &out->tls_key[i])) == ERR_OK)
			rc = rd_view16(in, &out->tls_request[i]);
	return rc;
}

static enum err
get_enrolled(struct rd *in, struct kms_state *out)
{
	uint8_t n, role;
	uint16_t clients;

	if (rd_u8(in, &n) != ERR_OK || n > MAX_INIT_PERSONS)
		return ERR_MALFORMED;
	out->n_persons = n;
	for (unsigned i = 0; i < n; i++) {
		if (rd_view8(in, &out->person[i].name) != ERR_OK ||
		    rd_u8(in, &role) != ERR_OK || role >= ROLE__MAX ||
		    rd_view16(in, &out->person[i].cert) != ERR_OK)
			return ERR_MALFORMED;
		out->person[i].role = (enum role)role;
	}
	if (rd_u16(in, &clients) != ERR_OK || clients > MAX_CLIENTS)
		return ERR_MALFORMED;
	out->n_clients = clients;
	for (unsigned i = 0; i < clients; i++)
		if (rd_view8(in, &out->client[i].name) != ERR_OK ||
		    rd_view16(in, &out->client[i].cert) != ERR_OK)
			return ERR_MALFORMED;
	return ERR_OK;
}

enum err
kms_state_parse(struct rd in, struct kms_state *out, struct rd *sealed,
    struct rd *seal)
{
	struct rd whole = in;
	uint16_t version;
	uint32_t magic;
	uint8_t period;

	if (rd_u32(&in, &magic) != ERR_OK || magic != MAGIC ||
	    rd_u16(&in, &version) != ERR_OK)
		return ERR_MALFORMED;
	if (version != VERSION)
		return ERR_UNSUPPORTED;
	if (rd_i64(&in, &out->created) != ERR_OK ||
	    rd_u32(&in, &out->serial) != ERR_OK ||
	    rd_view8(&in, &out->scheme) != ERR_OK ||
	    rd_view16(&in, &out->uri) != ERR_OK ||
	    rd_u8(&in, &period) != ERR_OK || period >= KEY_PERIOD__MAX ||
	    rd_view16(&in, &out->params) != ERR_OK ||
	    rd_view16(&in, &out->import_key) != ERR_OK ||
	    rd_view16(&in, &out->spool_key) != ERR_OK ||
	    rd_view16(&in, &out->hi2_key) != ERR_OK ||
	    get_tls(&in, out) != ERR_OK ||
	    rd_view16(&in, &out->config) != ERR_OK ||
	    get_enrolled(&in, out) != ERR_OK)
		return ERR_MALFORMED;
	out->period = (enum key_period)period;
	if (in.left != KMS_STATE_SEAL_LEN)
		return ERR_MALFORMED;
	*seal = in;
	return rd_view(&whole, whole.left - in.left, sealed) == ERR_OK
	    ? ERR_OK
	    : ERR_MALFORMED;
}

enum err
kms_state_read(int fd, uint8_t **out, size_t *len, struct why *why)
{
	struct stat st;
	uint8_t *p;
	ssize_t n;

	if (fstat(fd, &st) == -1)
		return why_errno(why, "kms-state");
	if (st.st_size <= 0 || st.st_size > KMS_STATE_MAX)
		return why_set(why, ERR_MALFORMED,
		    "kms-state has %lld octets: not one of ours",
		    (long long)st.st_size);
	if ((p = malloc((size_t)st.st_size)) == NULL)
		return why_set(why, ERR_NOMEM, "out of memory");
	n = pread(fd, p, (size_t)st.st_size, 0);
	if (n != st.st_size) {
		free(p);
		return why_errno(why, "kms-state: short read");
	}
	*out = p;
	*len = (size_t)n;
	return ERR_OK;
}

enum err
kms_state_load(int fd, uint8_t **octets, struct kms_state *out,
    struct rd *sealed, struct rd *seal, struct why *why)
{
	struct rd in;
	size_t len;
	enum err rc;

	if ((rc = kms_state_read(fd, octets, &len, why)) != ERR_OK)
		return rc;
	rd_init(&in, *octets, len);
	rc = kms_state_parse(in, out, sealed, seal);
	if (rc == ERR_UNSUPPORTED)
		return why_set(why, ERR_MALFORMED,
		    "kms-state was made by another version of keywarden, and "
		    "its token lacks keys or has others: use that version, or "
		    "'keywarden init' with a new token");
	return rc == ERR_OK ? ERR_OK
			    : why_set(why, rc, "kms-state is not one of ours");
}

static enum err
name_of(struct rd v, char out[MAX_NAME + 1], struct why *why)
{
	return view_text(v, out, MAX_NAME + 1) == ERR_OK
	    ? ERR_OK
	    : why_set(why, ERR_TOOBIG,
		  "kms-state: a name has more than %d octets", MAX_NAME);
}

static enum err
first_enrolment(const struct kms_state *s, struct authority *a, struct why *why)
{
	char name[MAX_NAME + 1];
	enum err rc;

	for (unsigned i = 0; i < s->n_persons; i++) {
		const struct kms_person *p = &s->person[i];

		if ((rc = name_of(p->name, name, why)) != ERR_OK ||
		    (rc = authority_first_person(a, name, p->role, p->cert,
			 why)) != ERR_OK)
			return rc;
	}
	for (unsigned i = 0; i < s->n_clients; i++) {
		const struct kms_client *c = &s->client[i];

		if ((rc = name_of(c->name, name, why)) != ERR_OK ||
		    (rc = authority_first_client(a, name, c->cert, why)) !=
			ERR_OK)
			return rc;
	}
	return ERR_OK;
}

enum err
kms_state_authority(const struct kms_state *s, struct rd whole,
    struct authority **out, struct why *why)
{
	struct genesis g = {.time = s->created};
	struct authority *a = NULL;
	char kms[256];
	enum err rc;

	if (view_text(s->uri, kms, sizeof(kms)) != ERR_OK)
		return why_set(why, ERR_MALFORMED,
		    "the KMS's URI has more than 255 octets");
	g.kms = kms;
	if ((rc = digest_of(whole, g.digest)) != ERR_OK ||
	    (rc = digest_of(s->config, g.config)) != ERR_OK ||
	    (rc = authority_new(&g, &a)) != ERR_OK)
		return why_set(why, rc, "out of memory");
	if ((rc = first_enrolment(s, a, why)) != ERR_OK)
		authority_free(&a);
	else
		*out = a;
	return rc;
}
