#include <string.h>

#include <openssl/evp.h>

#include "appliance/hsm_watch.h"
#include "fuzz.h"
#include "worker_stand.h"

struct stand stand;

/* ---- the token ---- */

void
stand_seal(const uint8_t *data, size_t len, uint8_t seal[HSM_SEAL_LEN])
{
	MUST(EVP_Q_digest(NULL, "SHA256", NULL, data, len, seal, NULL) == 1);
	seal[0] ^= 1; /* not just anybody's hash */
}

enum err
hsm_seal(struct hsm *h, enum hsm_key key, const uint8_t *data, size_t len,
    uint8_t seal[HSM_SEAL_LEN])
{
	(void)h;
	MUST(key == HSM_KEY_SEAL_STATE || key == HSM_KEY_SEAL_REGISTRY);
	stand_seal(data, len, seal);
	return ERR_OK;
}

enum err
hsm_seal_check(struct hsm *h, enum hsm_key key, const uint8_t *data, size_t len,
    struct rd seal)
{
	uint8_t want[HSM_SEAL_LEN];

	MUST(hsm_seal(h, key, data, len, want) == ERR_OK);
	return rd_is(&seal, want, sizeof(want)) ? ERR_OK : ERR_MISMATCH;
}

enum err
hsm_open_record(struct hsm *h, struct rd record, struct subscriber *out)
{
	struct rd sealed, seal;

	if (subscriber_parse(record, out, &sealed, &seal) != ERR_OK)
		return ERR_MALFORMED;
	return hsm_seal_check(h, HSM_KEY_SEAL_REGISTRY, sealed.p, sealed.left,
	    seal);
}

enum err
hsm_sign(struct hsm *h, enum hsm_key key, const uint8_t *data, size_t len,
    uint8_t sig[HSM_SIGNATURE_MAX], size_t *sig_len)
{
	(void)h;
	MUST(key == HSM_KEY_HI2 && data != NULL && len > 0);
	memset(sig, 's', HSM_SIGNATURE_MAX);
	*sig_len = 70;
	return ERR_OK;
}

enum err
hsm_known_signed(const struct hsm_known *k, const uint8_t *data, size_t len,
    const uint8_t *sig, size_t sig_len)
{
	(void)k;
	MUST(data != NULL && len > 0 && sig[0] == 's' && sig_len == 70);
	return ERR_OK;
}

enum err
hsm_data_key_open(struct hsm *h, struct rd wrapped,
    uint8_t key[HSM_DATA_KEY_LEN])
{
	(void)h;
	MUST(wrapped.left > 0);
	memset(key, 'k', HSM_DATA_KEY_LEN);
	return stand.token_refuses ? ERR_MISMATCH : ERR_OK;
}

enum err
hsm_seed_generate(struct hsm *h, struct rd device_spki,
    uint8_t store[HSM_SEED_BLOB_MAX], size_t *store_len,
    uint8_t device[HSM_DEVICE_BLOB_MAX], size_t *device_len)
{
	(void)h;
	MUST(device_spki.left > 0);
	memset(store, 's', *store_len = HSM_SEED_BLOB_LEN);
	memset(device, 'd', *device_len = 256);
	return stand.token_refuses ? ERR_UNSUPPORTED : ERR_OK;
}

enum err
hsm_seed_import(struct hsm *h, struct rd wrapped,
    uint8_t store[HSM_SEED_BLOB_MAX], size_t *store_len)
{
	(void)h;
	MUST(wrapped.left > 0);
	memset(store, 's', *store_len = HSM_SEED_BLOB_LEN);
	return stand.token_refuses ? ERR_MISMATCH : ERR_OK;
}

enum err
hsm_seed_open(struct hsm *h, struct rd store, struct hsm_seed *out)
{
	(void)h;
	MUST(store.left == HSM_SEED_BLOB_LEN);
	out->handle = 1;
	return ERR_OK;
}

void
hsm_seed_close(struct hsm *h, struct hsm_seed *s)
{
	(void)h;
	s->handle = 0;
}

struct ibe_token
hsm_ibe_token(struct hsm *h)
{
	(void)h;
	return (struct ibe_token){NULL, NULL};
}

enum err
ibe_private_key(struct ibe *ibe, const struct ibe_token *t, struct rd id,
    uint8_t *der, size_t *len)
{
	(void)ibe;
	(void)t;
	MUST(id.left > 8);
	memset(der, 'p', *len = 100);
	return ERR_OK;
}

const char *
hsm_why(void)
{
	return "";
}

/* ---- the threads ---- */

struct hsm_job *
hsm_run_free(struct hsm_run *r)
{
	(void)r;
	for (unsigned i = 0; i < THREADS; i++)
		if (!stand.busy[i])
			return &stand.job[i];
	return NULL;
}

void
hsm_run_start(struct hsm_run *r, struct hsm_job *j)
{
	(void)r;
	MUST(j >= stand.job && !stand.busy[j - stand.job]);
	MUST(j->body != NULL && j->answer == NULL);
	stand.busy[j - stand.job] = true;
}

struct hsm_job *
hsm_run_next(struct hsm_run *r)
{
	struct hsm_job *j = stand.done;

	(void)r;
	stand.done = NULL;
	if (j != NULL)
		stand.busy[j - stand.job] = false;
	return j;
}

/* ---- how it ends, and who watches ---- */

_Noreturn void __wrap_fatal(const char *fmt, ...) PRINTF_LIKE(1, 2);
void __wrap_log_error(const char *fmt, ...) PRINTF_LIKE(1, 2);
void __wrap_log_warning(const char *fmt, ...) PRINTF_LIKE(1, 2);

void
__wrap_fatal(const char *fmt, ...)
{
	(void)fmt;
	longjmp(stand.ended, 1);
}

void
__wrap_log_error(const char *fmt, ...)
{
	(void)fmt;
}

void
__wrap_log_warning(const char *fmt, ...)
{
	(void)fmt;
}

_Noreturn void
hsm_end(struct hsm_proc *p, enum err rc, const struct why *why)
{
	(void)p;
	(void)rc;
	MUST(why->text[0] != '\0');
	longjmp(stand.ended, 1);
}

_Noreturn void
hsm_token_failed(struct hsm_proc *p, const char *doing)
{
	(void)p;
	must_failed(doing, __FILE__, __LINE__);
}

void
hsm_doubt_token(struct hsm_proc *p)
{
	(void)p;
}

void
hsm_watch_work(void)
{
}

void
hsm_watch_done(void)
{
}
