/*
 * keywarden-policy: the control socket, SQLite on its database, and what
 * OpenSSL does to make nonces and to verify what clients sign.
 */
#include <sys/timex.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

#include "appliance/policy_db.h"
#include "policy/client_proof.h"
#include "sandbox_test.h"

/* As it starts: a database made in the filter, written and read again. */
static int
act_database(void)
{
	struct db *db = NULL;
	struct why why = {""};
	struct rd name, body;

	rd_init(&name, "name", 4);
	rd_init(&body, "body", 4);
	if (db_open(held.free_path, &db, &why) != ERR_OK ||
	    db_put_subscriber(db, name, 1, body, &why) != ERR_OK ||
	    db_drop_subscriber(db, name, &why) != ERR_OK)
		return EIO;
	db_close(&db);
	return 0;
}

/* A nonce, and the signature of a client over nothing but that. */
static int
act_proof(void)
{
	static const char text[] = "TLS 1.3, client CertificateVerify";
	uint8_t nonce[CLIENT_NONCE_LEN], content[64 + sizeof(text) + 32];
	uint8_t signature[128];
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	X509 *x = X509_new();
	struct client_proof p = {.scheme = 0x0403};
	unsigned char *der = NULL;
	size_t len = sizeof(signature);
	int n;

	memset(content, ' ', 64);
	memcpy(content + 64, text, sizeof(text));
	if (key == NULL || c == NULL || x == NULL ||
	    RAND_bytes(nonce, sizeof(nonce)) != 1 ||
	    X509_set_pubkey(x, key) != 1 ||
	    X509_gmtime_adj(X509_getm_notBefore(x), 0) == NULL ||
	    X509_gmtime_adj(X509_getm_notAfter(x), 60) == NULL ||
	    X509_sign(x, key, EVP_sha256()) == 0 ||
	    (n = i2d_X509(x, &der)) <= 0 ||
	    EVP_Digest(nonce, sizeof(nonce), content + 64 + sizeof(text), NULL,
		EVP_sha256(), NULL) != 1 ||
	    EVP_DigestSignInit(c, NULL, EVP_sha256(), NULL, key) != 1 ||
	    EVP_DigestSign(c, signature, &len, content, sizeof(content)) != 1)
		return EIO;
	rd_init(&p.cert, der, (size_t)n);
	rd_init(&p.signature, signature, len);
	rd_init(&p.transcript, nonce, sizeof(nonce));
	return client_proof_check(&p, nonce, NULL) == ERR_OK ? 0 : EIO;
}

/* It may not be there for an unprivileged process: then it says so. */
static int
act_is_synchronised(void)
{
	struct timex t = {.modes = 0};

	return adjtimex(&t) == -1 && errno != EPERM ? errno : 0;
}

ACT(act_other_clock, SYS_clock_adjtime, CLOCK_TAI, NULL)

static const struct act own[] = {
    {"connect", act_connect, DIES},
    {"socket, IP", act_socket_ip, EACCES},
    {"accept4", act_accept4, WORKS},
    {"who is at the control socket", act_getsockopt, WORKS},
    {"a database", act_database, WORKS},
    {"a nonce, and a client's proof with it", act_proof, WORKS},
    {"openat to read", act_openat_read, WORKS},
    {"openat to write", act_openat_write, WORKS},
    {"stat of a path", act_stat_path, WORKS},
    {"unlink", act_unlink, WORKS},
    {"pread", act_pread, WORKS},
    {"pwrite", act_pwrite, WORKS},
    {"fsync", act_fsync, WORKS},
    {"fdatasync", act_fdatasync, WORKS},
    {"ftruncate", act_ftruncate, WORKS},
    {"whether the clock is synchronised", act_is_synchronised, WORKS},
    {"clock_adjtime of another clock", act_other_clock, DIES},
    {"getdents64", act_getdents, DIES},
    {"setsockopt", act_setsockopt, DIES},
    {"shutdown", act_shutdown, DIES},
    {"poll", act_poll, DIES},
    {"alarm", act_alarm, DIES},
};

static const struct acts own_acts = ACTS(own);
const struct tried tried = {.which = SANDBOX_POLICY,
    .tables = {&allowed_to_all, &allowed_to_loops, &own_acts,
	&forbidden_to_all}};
