#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <fcntl.h>
#include <string.h>

#include <openssl/evp.h>

#include "appliance/hi2_spool_home.h"

static const char label[] = "keywarden spool home 1";
#define MACHINE_MAX 256

/*
 * The time of birth tells a file from those that had its inode before it.
 * Where the file system keeps none, the device has to do, though its number
 * may be another one after a restart: that costs cINResets, no record.
 */
enum err
spool_home_of(const char *path, struct rd machine,
    uint8_t out[QUEUE_DIGEST_LEN], struct why *why)
{
	uint8_t buf[sizeof(label) + 2 + MACHINE_MAX + 1 + 8 + 8 + 8];
	struct statx st;
	struct wr w;
	size_t len = 0;

	if (statx(AT_FDCWD, path, 0, STATX_INO | STATX_BTIME, &st) == -1)
		return why_errno(why, "spool %s", path);
	const bool born = (st.stx_mask & STATX_BTIME) != 0;

	wr_init(&w, buf, sizeof(buf));
	wr_copy(&w, label, sizeof(label));
	wr_view16(&w, machine.p,
	    machine.left < MACHINE_MAX ? machine.left : MACHINE_MAX);
	wr_bool(&w, born);
	wr_u64(&w, st.stx_ino);
	wr_i64(&w, born ? st.stx_btime.tv_sec : st.stx_dev_major);
	wr_i64(&w, born ? st.stx_btime.tv_nsec : st.stx_dev_minor);
	if (wr_finish(&w, &len) != ERR_OK ||
	    EVP_Digest(buf, len, out, NULL, EVP_sha256(), NULL) != 1)
		return why_set(why, ERR_CRYPTO, "spool: SHA-256 failed");
	return ERR_OK;
}
