/* Persons and clients that `keywarden init` enrols. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "appliance/cli_init.h"

static const char *const option[ROLE__MAX] = {"--officer", "--security-officer",
    "--engineer", "--auditor"};

/* One that has ended signs nothing any more. */
static enum err
valid_now(const X509 *x, struct why *why)
{
	if (X509_cmp_current_time(X509_get0_notAfter(x)) != 1)
		return why_set(why, ERR_DENIED, "the certificate has ended");
	if (X509_cmp_current_time(X509_get0_notBefore(x)) != -1)
		return why_set(why, ERR_DENIED,
		    "the certificate is not valid yet");
	return ERR_OK;
}

/* Requests name people by it: printable, no blanks. */
static bool
is_name(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] <= 0x20 || s[i] >= 0x7f)
			return false;
	return n > 0 && n <= MAX_NAME;
}

static enum err
read_entry(const char *arg, const char *opt, struct init_entry *out,
    struct why *why)
{
	const char *eq = strchr(arg, '=');
	unsigned char *der = NULL;
	struct why what = {""};
	BIO *b;
	X509 *x;
	int n;
	enum err rc;

	if (eq == NULL || !is_name(arg, (size_t)(eq - arg)))
		return why_set(why, ERR_MALFORMED,
		    "%s %s: not NAME=CERT.pem, NAME of 1 to %d characters "
		    "without blanks",
		    opt, arg, MAX_NAME);
	memcpy(out->name, arg, (size_t)(eq - arg));
	if ((b = BIO_new_file(eq + 1, "r")) == NULL)
		return why_errno(why, "%s %s", opt, arg);
	x = PEM_read_bio_X509(b, NULL, NULL, NULL);
	BIO_free(b);
	if (x == NULL || (n = i2d_X509(x, &der)) <= 0) {
		X509_free(x);
		return why_set(why, ERR_MALFORMED,
		    "%s %s: no PEM certificate in it", opt, arg);
	}
	out->cert = der;
	out->cert_len = (size_t)n;
	rc = valid_now(x, &what);
	X509_free(x);
	if (rc == ERR_OK && n > MAX_CERT)
		rc = why_set(&what, ERR_TOOBIG,
		    "the certificate has over %d octets", MAX_CERT);
	return rc == ERR_OK
	    ? ERR_OK
	    : why_set(why, rc, "%s %s: %s", opt, arg, what.text);
}

static enum err
read_persons(struct init *t, struct authority *a, struct why *why)
{
	struct why what = {""};
	struct rd cert;
	enum err rc;

	for (unsigned role = 0; role < ROLE__MAX; role++)
		for (unsigned i = 0; i < t->n_person_args[role]; i++) {
			const char *arg = t->person_arg[role][i];
			struct init_entry *p;

			if (t->n_persons == MAX_INIT_PERSONS)
				return why_set(why, ERR_TOOBIG,
				    "init enrols at most %d persons",
				    MAX_INIT_PERSONS);
			p = &t->person[t->n_persons++];
			p->role = (enum role)role;
			rc = read_entry(arg, option[role], p, why);
			if (rc != ERR_OK)
				return rc;
			rd_init(&cert, p->cert, p->cert_len);
			rc = authority_first_person(a, p->name, p->role, cert,
			    &what);
			if (rc != ERR_OK)
				return why_set(why, rc, "%s %s: %s",
				    option[role], arg, what.text);
		}
	return ERR_OK;
}

static enum err
read_clients(struct init *t, struct authority *a, struct why *why)
{
	struct why what = {""};
	struct rd cert;
	enum err rc;

	for (unsigned i = 0; i < t->n_client_args; i++) {
		struct init_entry *c = &t->client[t->n_clients++];

		rc = read_entry(t->client_arg[i], "--client", c, why);
		if (rc != ERR_OK)
			return rc;
		rd_init(&cert, c->cert, c->cert_len);
		rc = authority_first_client(a, c->name, cert, &what);
		if (rc != ERR_OK)
			return why_set(why, rc, "--client %s: %s",
			    t->client_arg[i], what.text);
	}
	return ERR_OK;
}

enum err
init_read_people(struct init *t, struct why *why)
{
	const struct genesis g = {.kms = t->config->kms_uri};
	struct authority *a = NULL;
	enum err rc;

	if (t->n_person_args[ROLE_OFFICER] < 2)
		return why_set(why, ERR_MALFORMED,
		    "a warrant takes two officers: give --officer at least "
		    "twice");
	if (t->n_person_args[ROLE_SECURITY_OFFICER] < 2)
		return why_set(why, ERR_MALFORMED,
		    "persons, clients and subscribers take two security "
		    "officers: give --security-officer at least twice");
	if (authority_new(&g, &a) != ERR_OK)
		return why_set(why, ERR_NOMEM, "out of memory");
	if ((rc = read_persons(t, a, why)) == ERR_OK)
		rc = read_clients(t, a, why);
	authority_free(&a);
	return rc;
}

char *
init_names(const struct init *t)
{
	const size_t each = MAX_NAME + 32;
	char *s = calloc(t->n_persons + t->n_clients + 1, each);
	size_t n = 0;

	for (unsigned i = 0; s != NULL && i < t->n_persons; i++)
		n +=
		    (size_t)snprintf(s + n, each, "%s%s %s", i == 0 ? "" : ", ",
			t->person[i].name, role_name(t->person[i].role));
	for (unsigned i = 0; s != NULL && i < t->n_clients; i++)
		n += (size_t)snprintf(s + n, each, ", %s client",
		    t->client[i].name);
	return s;
}
