#include <sys/stat.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "appliance/kms_state.h"

#define MAGIC 0x4b57535aU /* "KWSZ" */
#define VERSION 1

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
	wr_u8(w, (uint8_t)s->n_officers);
	for (unsigned i = 0; i < s->n_officers; i++) {
		wr_view8(w, s->officer[i].name.p, s->officer[i].name.left);
		wr_view16(w, s->officer[i].cert.p, s->officer[i].cert.left);
	}
}

enum err
kms_state_parse(struct rd in, struct kms_state *out, struct rd *sealed,
    struct rd *seal)
{
	struct rd whole = in;
	uint16_t version;
	uint32_t magic;
	uint8_t period, n;

	if (rd_u32(&in, &magic) != ERR_OK || magic != MAGIC ||
	    rd_u16(&in, &version) != ERR_OK || version != VERSION ||
	    rd_i64(&in, &out->created) != ERR_OK ||
	    rd_u32(&in, &out->serial) != ERR_OK ||
	    rd_view8(&in, &out->scheme) != ERR_OK ||
	    rd_view16(&in, &out->uri) != ERR_OK ||
	    rd_u8(&in, &period) != ERR_OK || period >= KEY_PERIOD__MAX ||
	    rd_view16(&in, &out->params) != ERR_OK ||
	    rd_view16(&in, &out->import_key) != ERR_OK ||
	    rd_u8(&in, &n) != ERR_OK || n > MAX_OFFICERS)
		return ERR_MALFORMED;
	out->period = (enum key_period)period;
	out->n_officers = n;
	for (unsigned i = 0; i < n; i++)
		if (rd_view8(&in, &out->officer[i].name) != ERR_OK ||
		    rd_view16(&in, &out->officer[i].cert) != ERR_OK)
			return ERR_MALFORMED;
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
	return kms_state_parse(in, out, sealed, seal) == ERR_OK
	    ? ERR_OK
	    : why_set(why, ERR_MALFORMED, "kms-state is not one of ours");
}

enum err
view_text(struct rd v, char *out, size_t cap)
{
	if (v.left >= cap)
		return ERR_TOOBIG;
	if (v.left > 0)
		memcpy(out, v.p, v.left);
	out[v.left] = '\0';
	return ERR_OK;
}

enum err
kms_state_officers(const struct kms_state *s, struct officers **out,
    struct why *why)
{
	struct officers *set = NULL;
	char name[MAX_NAME + 1];
	enum err rc;

	if ((rc = officers_new(&set)) != ERR_OK)
		return why_set(why, rc, "out of memory");
	for (unsigned i = 0; i < s->n_officers; i++) {
		rc = view_text(s->officer[i].name, name, sizeof(name));
		if (rc == ERR_OK)
			rc = officers_add(set, name, s->officer[i].cert, why);
		if (rc != ERR_OK) {
			officers_free(&set);
			return rc;
		}
	}
	*out = set;
	return ERR_OK;
}
