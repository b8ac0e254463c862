#include <stdlib.h>
#include <unistd.h>

#include "appliance/ctl.h"
#include "appliance/tls_crl.h"
#include "base/clock.h"
#include "base/log.h"
#include "policy/rfc3339.h"

/* A whole file, at most CRL_MOST_OCTETS and one; the caller frees. */
static enum err
read_file(int fd, uint8_t **out, size_t *len, struct why *why)
{
	size_t cap = 65536, n = 0;
	uint8_t *p = malloc(cap), *more;
	ssize_t got = 1;

	while (p != NULL && got > 0 && n <= CRL_MOST_OCTETS) {
		if (n == cap) {
			if ((more = realloc(p, cap *= 2)) == NULL)
				break;
			p = more;
		}
		got = read(fd, p + n, cap - n);
		n += got > 0 ? (size_t)got : 0;
	}
	if (p == NULL || (got > 0 && n <= CRL_MOST_OCTETS)) {
		free(p);
		return why_set(why, ERR_NOMEM, "out of memory");
	}
	if (got == -1) {
		free(p);
		return why_errno(why, "it cannot be read");
	}
	*out = p;
	*len = n;
	return ERR_OK;
}

static enum err
read_set(int fd, struct crl_set **out, struct why *why)
{
	uint8_t *p = NULL;
	size_t len = 0;
	struct rd pem;
	enum err rc;

	if ((rc = read_file(fd, &p, &len, why)) != ERR_OK)
		return rc;
	rd_init(&pem, p, len);
	rc = crl_set_read(pem, out, why);
	free(p);
	return rc;
}

enum err
tls_crl_check(int fd, const char *section, struct why *why)
{
	struct crl_set *set = NULL;
	struct why what = {""};
	enum err rc = read_set(fd, &set, &what);

	close(fd);
	crl_set_free(&set);
	return rc == ERR_OK
	    ? ERR_OK
	    : why_set(why, ERR_MALFORMED, "%s.crl: %s", section, what.text);
}

void
tls_crl_use(struct tls_crl *l, int fd)
{
	struct crl_set *set = NULL;
	struct why why = {""};
	enum err rc;

	l->wanted = fd != -1;
	l->fresh = true;
	if (fd == -1) {
		crl_set_free(&l->set);
		return;
	}
	if ((rc = read_set(fd, &set, &why)) == ERR_OK)
		rc = crl_set_follow(set, l->set, &why);
	close(fd);
	if (rc != ERR_OK) {
		log_error("%s.crl: %s: %s", l->section, why.text,
		    l->set == NULL ? "nobody is let in"
				   : "the lists in use stay");
		crl_set_free(&set);
		return;
	}
	if (l->set != NULL)
		log_info("%s.crl: new lists are in use", l->section);
	crl_set_free(&l->set);
	l->set = set;
}

void
tls_crl_take(struct tls_crl *l, struct tls_fds *from)
{
	tls_crl_use(l, tls_fds_take_crl(from));
}

/* ---- judging ---- */

static int
judge(const struct tls_crl *l, STACK_OF(X509) * chain, int64_t grace)
{
	if (!l->wanted)
		return X509_V_OK;
	return l->set == NULL
	    ? X509_V_ERR_UNABLE_TO_GET_CRL
	    : crl_set_judge(l->set, chain, clock_seconds(), grace);
}

int
tls_crl_verify(X509_STORE_CTX *x, const struct tls_crl *l)
{
	int v;

	if (X509_verify_cert(x) != 1)
		return 0;
	v = judge(l, X509_STORE_CTX_get0_chain(x), 0);
	X509_STORE_CTX_set_error(x, v);
	return v == X509_V_OK;
}

static int
verify(X509_STORE_CTX *x, void *arg)
{
	return tls_crl_verify(x, arg);
}

void
tls_crl_guard(SSL_CTX *c, struct tls_crl *l)
{
	SSL_CTX_set_cert_verify_callback(c, verify, l);
}

int
tls_crl_judge(const struct tls_crl *l, const SSL *ssl)
{
	return judge(l, SSL_get0_verified_chain(ssl), TLS_CRL_GRACE);
}

/* ---- time ---- */

static void
say_state(const struct tls_crl *l, enum crl_state state, int64_t ends)
{
	char when[RFC3339_LEN];

	(void)rfc3339_print(ends, when);
	switch (state) {
	case CRL_ENDING:
		log_warning("%s.crl: a list ends at %s: bring the next one, or "
			    "peers are refused",
		    l->section, when);
		break;
	case CRL_ENDED:
		log_error("%s.crl: a list is not in force (the first ends at "
			  "%s): peers of its issuer are refused",
		    l->section, when);
		break;
	case CRL_GOOD:
		if (l->told == CRL_ENDING || l->told == CRL_ENDED)
			log_info("%s.crl: all lists are in force", l->section);
		break;
	case CRL_NONE:
	case CRL_MISSING: /* the log has why */
	case CRL_STATE__MAX:
		break;
	}
}

bool
tls_crl_tick(struct tls_crl *l)
{
	const int64_t now = clock_seconds();
	const bool due = l->fresh || (l->set != NULL && now >= l->next_end);
	enum crl_state state = l->wanted ? CRL_MISSING : CRL_NONE;
	int64_t ends = 0;

	if (l->wanted && l->set != NULL)
		state = crl_set_state(l->set, now, &ends);
	if (state != l->told)
		say_state(l, state, ends);
	if (state != l->told || ends != l->told_ends)
		ctl_lists(state, ends);
	l->told = state;
	l->told_ends = ends;
	l->fresh = false;
	if (due && l->set != NULL)
		l->next_end = crl_set_next_end(l->set, now, TLS_CRL_GRACE);
	return due;
}
