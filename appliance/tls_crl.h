/*
 * tls_crl: the lists of revoked certificates of one section of the
 * configuration, as the process holds them that speaks TLS by it.  New ones
 * come while it runs; who is connected is judged again then.
 */
#ifndef APPLIANCE_TLS_CRL_H
#define APPLIANCE_TLS_CRL_H

#include <openssl/ssl.h>

#include "appliance/crl.h"
#include "appliance/tls_fds.h"

/*
 * A new connection needs a list that has not ended.  One that is there may
 * stay for an hour longer: its peer was not revoked when it came, and a person
 * has that time to bring the next list.  Not more: whoever keeps new lists
 * away must not keep a revoked peer connected.
 */
#define TLS_CRL_GRACE 3600 /* seconds */

struct tls_crl {
	const char *section; /* of the configuration, for messages: "xk" */
	bool wanted; /* lists are asked for */
	struct crl_set *set; /* NULL: none has been read */
	bool fresh; /* connections are to be judged again */
	int64_t next_end; /* and at this time */
	enum crl_state told; /* to the log and to the supervisor, with this */
	int64_t told_ends;
};

/*
 * From now on by the lists in this file, which is closed; -1: none are asked
 * for.  Lists that cannot be read, or are older than those in use, are told to
 * the log; those in use stay.
 */
void tls_crl_use(struct tls_crl *, int fd);
/* The same with those that have come, of a configuration or new ones. */
void tls_crl_take(struct tls_crl *, struct tls_fds *);

/* Could they be taken?  Closes it; ERR_MALFORMED with what is wrong. */
enum err tls_crl_check(int fd, const char *section, struct why *why) MUST_CHECK;

/* In place of X509_verify_cert(): it, and then the lists. */
int tls_crl_verify(X509_STORE_CTX *, const struct tls_crl *);
/* A server's context goes by them; they must outlive it. */
void tls_crl_guard(SSL_CTX *, struct tls_crl *);

/* A connection that is there: X509_V_OK, or why it must end. */
int tls_crl_judge(const struct tls_crl *, const SSL *);

/*
 * Once a second or more often: how the lists stand is told where it is news.
 * True: judge all connections that are there.
 */
bool tls_crl_tick(struct tls_crl *) MUST_CHECK;

#endif
