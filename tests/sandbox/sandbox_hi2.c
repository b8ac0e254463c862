/*
 * keywarden-hi2: SQLite on its queue, and what OpenSSL does to make data keys
 * and to seal records.  Nobody connects to it, and the clock is none of its
 * business.
 */
#include <errno.h>
#include <time.h>

#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "appliance/hi2_spool.h"
#include "sandbox_test.h"

static unsigned char *spki;
static int spki_len;

static void
make_key(void)
{
	EVP_PKEY *k = EVP_RSA_gen(3072);

	spki_len = k == NULL ? -1 : i2d_PUBKEY(k, &spki);
	EVP_PKEY_free(k);
}

static int
turn(struct spool *s, unsigned n)
{
	static const uint8_t pdu[2000];
	struct spool_place p;
	struct why why;
	struct rd name, record;

	rd_init(&name, "north", 5);
	rd_init(&record, pdu, sizeof(pdu));
	for (unsigned i = 0; i < n; i++)
		if (spool_place(s, name, name, i, 1800000000, &p, &why) !=
			ERR_OK ||
		    spool_put(s, &p, record, &why) != ERR_OK)
			return EIO;
	return spool_commit(s, &why) == ERR_OK ? 0 : EIO;
}

/* Made in the filter, filled beyond what its log holds, and opened again. */
static int
act_queue(void)
{
	static const uint8_t kms[QUEUE_DIGEST_LEN] = {1};
	struct spool *s = NULL;
	struct why why = {""};
	struct spool_config c = {.path = held.free_path, .kms = kms};

	if (spki_len <= 0)
		return EIO;
	rd_init(&c.spki, spki, (size_t)spki_len);
	for (unsigned life = 0; life < 2; life++) {
		if (spool_open(&c, &s, &why) != ERR_OK)
			return EIO;
		for (unsigned i = 0; i < 20; i++)
			if (turn(s, 500) != 0)
				return EIO;
		spool_change_key(s);
		if (turn(s, 1) != 0)
			return EIO;
		spool_close(&s);
	}
	return 0;
}

ACT(act_is_synchronised, SYS_clock_adjtime, CLOCK_REALTIME, NULL)

static const struct act own[] = {
    {"connect", act_connect, DIES},
    {"socket, IP", act_socket_ip, EACCES},
    {"a queue", act_queue, WORKS},
    {"openat to read", act_openat_read, WORKS},
    {"openat to write", act_openat_write, WORKS},
    {"stat of a path", act_stat_path, WORKS},
    {"unlink", act_unlink, WORKS},
    {"pread", act_pread, WORKS},
    {"pwrite", act_pwrite, WORKS},
    {"fsync", act_fsync, WORKS},
    {"fdatasync", act_fdatasync, WORKS},
    {"ftruncate", act_ftruncate, WORKS},
    {"fchmod", act_fchmod, WORKS},
    {"a lock", act_lock, WORKS},
    {"accept4", act_accept4, DIES},
    {"getsockopt", act_getsockopt, DIES},
    {"setsockopt", act_setsockopt, DIES},
    {"shutdown", act_shutdown, DIES},
    {"whether the clock is synchronised", act_is_synchronised, DIES},
    {"getdents64", act_getdents, DIES},
    {"poll", act_poll, DIES},
    {"alarm", act_alarm, DIES},
};

static const struct acts own_acts = ACTS(own);
const struct tried tried = {.which = SANDBOX_HI2,
    .prepare = make_key,
    .tables = {&allowed_to_all, &allowed_to_loops, &own_acts,
	&forbidden_to_all}};
