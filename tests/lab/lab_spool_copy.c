#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lab_spool.h"

#define WAL_HEADER_LEN 32
#define TRIES 50

/* A file that is not there copies as an empty one. */
static enum err
copy(const char *from, const char *to, struct why *why)
{
	FILE *in = fopen(from, "rb"), *out = NULL;
	enum err rc = ERR_OK;
	char buf[65536];
	size_t n;

	if (in == NULL && errno != ENOENT)
		return why_errno(why, "%s", from);
	if ((out = fopen(to, "wb")) == NULL)
		rc = why_errno(why, "%s", to);
	while (rc == ERR_OK && in != NULL &&
	    (n = fread(buf, 1, sizeof(buf), in)) > 0)
		if (fwrite(buf, 1, n, out) != n)
			rc = why_errno(why, "%s", to);
	if (in != NULL && ferror(in) != 0 && rc == ERR_OK)
		rc = why_errno(why, "%s", from);
	if (in != NULL)
		(void)fclose(in);
	if (out != NULL && fclose(out) != 0 && rc == ERR_OK)
		rc = why_errno(why, "%s", to);
	return rc;
}

/* Salts and count of checkpoints: another log has others.  0 if there is none.
 */
static void
header(const char *wal, uint8_t out[WAL_HEADER_LEN])
{
	FILE *f = fopen(wal, "rb");

	memset(out, 0, WAL_HEADER_LEN);
	if (f == NULL)
		return;
	if (fread(out, 1, WAL_HEADER_LEN, f) != WAL_HEADER_LEN)
		memset(out, 0, WAL_HEADER_LEN);
	(void)fclose(f);
}

/*
 * The database first, then the log: what a checkpoint moves meanwhile is in
 * the log still, as long as that is not begun anew.  If it was: once more.
 */
enum err
spool_copy_make(const char *path, struct spool_copy *out, struct why *why)
{
	const char *tmp = getenv("TMPDIR");
	uint8_t before[WAL_HEADER_LEN], after[WAL_HEADER_LEN];
	char wal[4200];
	enum err rc = ERR_AGAIN;

	if (access(path, R_OK) == -1)
		return why_errno(why, "%s", path);
	(void)snprintf(wal, sizeof(wal), "%.4095s-wal", path);
	(void)snprintf(out->dir, sizeof(out->dir), "%.200s/lab-spool-XXXXXX",
	    tmp != NULL ? tmp : "/tmp");
	if (mkdtemp(out->dir) == NULL)
		return why_errno(why, "%s", out->dir);
	(void)snprintf(out->db, sizeof(out->db), "%s/spool.db", out->dir);
	(void)snprintf(out->wal, sizeof(out->wal), "%s-wal", out->db);
	for (unsigned i = 0; i < TRIES && rc == ERR_AGAIN; i++) {
		header(wal, before);
		if ((rc = copy(path, out->db, why)) != ERR_OK ||
		    (rc = copy(wal, out->wal, why)) != ERR_OK)
			break;
		header(wal, after);
		if (memcmp(before, after, sizeof(before)) != 0)
			rc = ERR_AGAIN;
	}
	if (rc == ERR_AGAIN)
		(void)why_set(why, rc, "%s changes faster than it is copied",
		    path);
	if (rc != ERR_OK)
		spool_copy_done(out);
	return rc;
}

void
spool_copy_done(struct spool_copy *c)
{
	(void)unlink(c->db);
	(void)unlink(c->wal);
	(void)rmdir(c->dir);
}
