/* Parts of the answers to keywarden(1). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "appliance/policy_cli.h"
#include "base/log.h"
#include "policy/rfc3339.h"

void
cli_put_count(json_t *j, const char *name, uint64_t v)
{
	json_object_set_new(j, name, json_integer((json_int_t)v));
}

json_t *
cli_time(int64_t t)
{
	char s[RFC3339_LEN];

	return json_string(rfc3339_print(t, s));
}

json_t *
cli_hex(const void *p, size_t len)
{
	char hex[2 * DIGEST_LEN + 1];

	if (len > DIGEST_LEN)
		fatal("more octets than hex has room for");
	hex_put(p, len, hex);
	return json_string(hex);
}

json_t *
cli_base64(struct rd v)
{
	const size_t cap = 4 * ((v.left + 2) / 3) + 1;
	char *text = malloc(cap);
	json_t *j;

	if (text == NULL || v.left > INT32_MAX / 2)
		fatal("out of memory");
	(void)EVP_EncodeBlock((unsigned char *)text, v.p, (int)v.left);
	j = json_string(text);
	free(text);
	return j;
}

json_t *
cli_text(struct rd v)
{
	return json_stringn((const char *)v.p, v.left);
}

json_t *
cli_words(const struct words *l)
{
	json_t *a = json_array();

	for (unsigned i = 0; i < l->n; i++)
		json_array_append_new(a, json_string(l->w[i]));
	return a;
}

json_t *
cli_bits(unsigned bits, const char *const *names)
{
	json_t *a = json_array();

	for (unsigned i = 0; names[i] != NULL; i++)
		if (bits & 1U << i)
			json_array_append_new(a, json_string(names[i]));
	return a;
}

/* ---- certificates ---- */

static json_t *
subject_of(const X509 *x)
{
	BIO *out = BIO_new(BIO_s_mem());
	json_t *j = NULL;
	char *text;
	long n;

	if (out != NULL &&
	    X509_NAME_print_ex(out, X509_get_subject_name(x), 0,
		XN_FLAG_RFC2253) >= 0 &&
	    (n = BIO_get_mem_data(out, &text)) >= 0)
		j = json_stringn(text, (size_t)n);
	BIO_free(out);
	return j != NULL ? j : json_string("");
}

void
cli_put_certificate(json_t *o, struct rd der)
{
	const unsigned char *p = der.p;
	uint8_t fingerprint[DIGEST_LEN];
	X509 *x;
	struct tm tm;

	if (digest_of(der, fingerprint) != ERR_OK)
		fatal("SHA-256 failed");
	json_object_set_new(o, "fingerprint",
	    cli_hex(fingerprint, sizeof(fingerprint)));
	if ((x = d2i_X509(NULL, &p, (long)der.left)) == NULL)
		return;
	json_object_set_new(o, "subject", subject_of(x));
	if (ASN1_TIME_to_tm(X509_get0_notAfter(x), &tm) == 1)
		json_object_set_new(o, "notAfter",
		    cli_time((int64_t)timegm(&tm)));
	X509_free(x);
}

/* ---- warrants ---- */

const char *
cli_warrant_state(const struct warrant *w, const struct warrant_state *s,
    int64_t now)
{
	if (s->revoked)
		return "revoked";
	if (s->suspended)
		return "suspended";
	if (now < w->start)
		return "not yet in force";
	if (now < s->end)
		return "in force";
	return now < s->end + w->grace ? "ended, in grace" : "ended";
}

static json_t *
xid_json(const uint8_t x[XID_LEN])
{
	char hex[2 * XID_LEN + 1], s[2 * XID_LEN + 5];

	hex_put(x, XID_LEN, hex);
	(void)snprintf(s, sizeof(s), "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8,
	    hex + 12, hex + 16, hex + 20);
	return json_string(s);
}

json_t *
cli_targets(const struct warrant *w)
{
	json_t *a = json_array();

	for (unsigned t = 0; t < w->n_targets; t++) {
		json_t *o = json_object(), *xids = json_array();

		for (unsigned i = 0; i < w->target[t].n_xids; i++)
			json_array_append_new(xids,
			    xid_json(w->target[t].xid[i]));
		json_object_set_new(o, "identities",
		    cli_words(&w->target[t].ids));
		json_object_set_new(o, "xids", xids);
		json_array_append_new(a, o);
	}
	return a;
}

void
cli_put_delivery(json_t *o, const struct warrant *w)
{
	static const char *const products[] = {"keys", "sip", "secrets",
	    "ecValues", NULL};
	static const char *const ways[] = {"xk", "hi2", NULL};

	json_object_set_new(o, "products", cli_bits(w->products, products));
	json_object_set_new(o, "delivery", cli_bits(w->deliveries, ways));
}
