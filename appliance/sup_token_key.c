/* Public halves of the token's keys of TLS, for those who use them. */
#include <sys/mman.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "appliance/kms_state.h"
#include "appliance/spawn.h"
#include "appliance/supervisor.h"

#define PEM_MAX 1024

static enum err
pem_of(struct rd spki, char out[PEM_MAX], size_t *len, struct why *why)
{
	const unsigned char *p = spki.p;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &p, (long)spki.left);
	BIO *b = BIO_new(BIO_s_mem());
	int n = -1;

	if (key != NULL && b != NULL && PEM_write_bio_PUBKEY(b, key) == 1)
		n = BIO_read(b, out, PEM_MAX);
	BIO_free(b);
	EVP_PKEY_free(key);
	if (n <= 0 || n == PEM_MAX)
		return why_set(why, ERR_MALFORMED,
		    "kms-state holds no key of TLS");
	*len = (size_t)n;
	return ERR_OK;
}

/* What init fixed does not change while this runs. */
static enum err
read_key(const struct config *f, enum tls_role role, char out[PEM_MAX],
    size_t *len, struct why *why)
{
	static struct kms_state state;
	char *path = config_path(f, STATE_KMS);
	uint8_t *octets = NULL;
	struct rd sealed, seal;
	int fd = -1;
	enum err rc;

	rc =
	    open_file(path, "the KMS's state (run 'keywarden init')", &fd, why);
	free(path);
	if (rc != ERR_OK)
		return rc;
	rc = kms_state_load(fd, &octets, &state, &sealed, &seal, why);
	close(fd);
	if (rc == ERR_OK)
		rc = pem_of(state.tls_key[role], out, len, why);
	free(octets);
	return rc;
}

static enum err
sealed_file(const char *text, size_t len, int *out, struct why *why)
{
	const int m = memfd_create("key", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	enum err rc;

	if (m != -1 && write(m, text, len) == (ssize_t)len &&
	    fcntl(m, F_ADD_SEALS,
		F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) !=
		-1) {
		*out = m;
		return ERR_OK;
	}
	rc = why_errno(why, "memory for a public key");
	if (m != -1)
		close(m);
	return rc;
}

static enum err
public_half(const struct config *f, enum tls_role role, int *fd,
    struct why *why)
{
	static int kept[TLS_ROLE__MAX]; /* 0: not made yet */
	char pem[PEM_MAX], path[64];
	size_t len;
	enum err rc;

	if (kept[role] == 0) {
		if ((rc = read_key(f, role, pem, &len, why)) != ERR_OK)
			return rc;
		if ((rc = sealed_file(pem, len, &kept[role], why)) != ERR_OK)
			return rc;
	}
	/* Each reader has a place of its own in it. */
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", kept[role]);
	return open_file(path, "a public key", fd, why);
}

enum err
sup_open_key(const struct config *f, const char *path, enum tls_role role,
    const char *what, int *fd, struct why *why)
{
	return config_key_in_token(path)
	    ? public_half(f, role, fd, why)
	    : open_secret_file(path, what, fd, why);
}
