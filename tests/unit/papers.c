#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "help.h"
#include "papers.h"

struct signatory
signatory_make(const char *name, long serial, int64_t until)
{
	struct signatory s = {.name = name, .key = EVP_EC_gen("P-256")};
	struct pki_cert c = {.subject = name,
	    .serial = serial,
	    .from = PKI_FROM,
	    .until = until};

	assert_non_null(s.key);
	c.key = s.key;
	s.cert = pki_cert_make(&c);
	s.der = pki_cert_der(s.cert, &s.len);
	return s;
}

void
signatory_done(struct signatory *s)
{
	EVP_PKEY_free(s->key);
	X509_free(s->cert);
	free(s->der);
	*s = (struct signatory){.name = NULL};
}

struct rd
signatory_cert(const struct signatory *s)
{
	return view(s->der, s->len);
}

struct rd
paper_view(const struct paper *p)
{
	return view(p->p, p->len);
}

struct paper
paper_write(const struct request_head *h, const char *body)
{
	struct paper p = {.kind = h->kind};
	struct why why = {""};

	if (request_write(h, view(body, strlen(body)), &p.p, &p.len, &why) !=
	    ERR_OK)
		fail_msg("%s: %s", body, why.text);
	assert_int_equal(digest_of(paper_view(&p), p.hash), ERR_OK);
	return p;
}

struct request_head
paper_head(enum request_kind kind, const char *requester, uint64_t version)
{
	static uint64_t count;
	struct request_head h = {.kind = kind,
	    .kms = PAPERS_KMS,
	    .requester = requester,
	    .policy_version = version,
	    .issued = PKI_NOW,
	    .expires = PKI_NOW + 86400};

	count++;
	memcpy(h.nonce, &count, sizeof(count));
	return h;
}

uint8_t *
paper_sign(const struct paper *p, const struct signatory *const *who, size_t n,
    size_t *len)
{
	struct pki_signer s[8];
	CMS_ContentInfo *c;
	uint8_t *der;

	assert_true(n <= 8);
	for (size_t i = 0; i < n; i++)
		s[i] = (struct pki_signer){.cert = who[i]->cert,
		    .key = who[i]->key};
	c = pki_cms(p->p, p->len, NID_undef, s, n, CMS_NOCERTS);
	der = pki_cms_der(c, len);
	CMS_ContentInfo_free(c);
	return der;
}

uint8_t *
papers_evidence(const struct rd *cms, unsigned n, size_t *len)
{
	struct evidence e = {.n = n};
	uint8_t *out;
	struct wr w;

	assert_true(n <= MAX_APPROVALS);
	memcpy(e.cms, cms, n * sizeof(*cms));
	out = malloc(evidence_size(&e));
	assert_non_null(out);
	wr_init(&w, out, evidence_size(&e));
	evidence_put(&w, &e);
	assert_int_equal(wr_finish(&w, len), ERR_OK);
	return out;
}

struct change
paper_change(const struct paper *p, uint64_t number, struct rd evidence)
{
	struct change c = {.number = number,
	    .time = PKI_NOW,
	    .kind = p->kind,
	    .request = paper_view(p),
	    .evidence = evidence};

	memcpy(c.hash, p->hash, sizeof(c.hash));
	return c;
}

char *
papers_cert_body(const char *name, struct rd cert, const char *more)
{
	const size_t cap = 4 * cert.left + strlen(name) + strlen(more) + 64;
	unsigned char *text = malloc(4 * cert.left + 8);
	char *out = malloc(cap);

	assert_non_null(text);
	assert_non_null(out);
	(void)EVP_EncodeBlock(text, cert.p, (int)cert.left);
	(void)snprintf(out, cap, "{%s\"certificate\":\"%s\",\"name\":\"%s\"}",
	    more, (const char *)text, name);
	free(text);
	return out;
}
