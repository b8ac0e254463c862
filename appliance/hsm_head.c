/*
 * The highest head of the warrant state that any worker has accepted, sealed
 * by a token key.  Two slots: the older one is overwritten, so that a crash
 * leaves the other.  All workers of the machine share the file and lock it.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "appliance/hsm_proc.h"

static const uint8_t magic[8] = "KWHEAD1";

#define SLOT 512
#define SEALED_LEN (sizeof(magic) + 8 + DIGEST_LEN + 8)
#define SLOT_LEN (SEALED_LEN + HSM_SEAL_LEN)

static enum err
lock(struct hsm_proc *p, short how, struct why *why)
{
	struct flock l = {.l_type = how, .l_whence = SEEK_SET};

	while (fcntl(p->head_fd, F_SETLKW, &l) == -1)
		if (errno != EINTR)
			return why_errno(why, "the file head: lock");
	return ERR_OK;
}

static enum err
put(const struct sealed_head *s, uint8_t out[SLOT_LEN])
{
	struct wr w;
	size_t len;

	wr_init(&w, out, SLOT_LEN);
	wr_copy(&w, magic, sizeof(magic));
	wr_u64(&w, s->head.number);
	wr_copy(&w, s->head.hash, sizeof(s->head.hash));
	wr_i64(&w, s->time);
	wr_copy(&w, s->seal, sizeof(s->seal));
	return wr_finish(&w, &len);
}

/* ERR_NOTFOUND: the slot holds no head of this token. */
static enum err
get(struct hsm_proc *p, unsigned slot, struct sealed_head *out)
{
	uint8_t octets[SLOT_LEN], m[sizeof(magic)];
	struct rd r, seal;
	enum err rc;

	if (pread(p->head_fd, octets, sizeof(octets), (off_t)slot * SLOT) !=
	    (ssize_t)sizeof(octets))
		return ERR_NOTFOUND;
	rd_init(&r, octets, sizeof(octets));
	if (rd_copy(&r, m, sizeof(m)) != ERR_OK ||
	    memcmp(m, magic, sizeof(m)) != 0 ||
	    rd_u64(&r, &out->head.number) != ERR_OK ||
	    rd_copy(&r, out->head.hash, sizeof(out->head.hash)) != ERR_OK ||
	    rd_i64(&r, &out->time) != ERR_OK)
		return ERR_NOTFOUND;
	seal = r;
	rc = hsm_seal_check(p->token, HSM_KEY_SEAL_STATE, octets, SEALED_LEN,
	    seal);
	if (rc != ERR_OK)
		return rc == ERR_MISMATCH ? ERR_NOTFOUND : rc;
	return rd_copy(&r, out->seal, sizeof(out->seal));
}

static bool
later(const struct sealed_head *a, const struct sealed_head *b)
{
	return a->head.number != b->head.number
	    ? a->head.number > b->head.number
	    : a->time > b->time;
}

/* The file's last, and the slot that is to be overwritten next. */
static enum err
newest(struct hsm_proc *p, struct sealed_head *out, unsigned *other,
    struct why *why)
{
	struct sealed_head s[2];
	enum err rc[2];

	for (unsigned i = 0; i < 2; i++) {
		rc[i] = get(p, i, &s[i]);
		if (rc[i] != ERR_OK && rc[i] != ERR_NOTFOUND)
			return why_set(why, rc[i], "%s", hsm_why());
	}
	if (rc[0] != ERR_OK && rc[1] != ERR_OK) {
		hsm_doubt_token(p); /* it may be that alone */
		return why_set(why, ERR_MALFORMED,
		    "the file head has no head that this token sealed: bring "
		    "back the last one from the backup");
	}
	*other = rc[1] != ERR_OK || (rc[0] == ERR_OK && later(&s[0], &s[1]));
	*out = s[*other == 1 ? 0 : 1];
	return ERR_OK;
}

enum err
hsm_head_read(struct hsm_proc *p, struct sealed_head *out, struct why *why)
{
	unsigned other;
	enum err rc;

	if ((rc = lock(p, F_RDLCK, why)) != ERR_OK)
		return rc;
	rc = newest(p, out, &other, why);
	return lock(p, F_UNLCK, why) == ERR_OK ? rc : ERR_IO;
}

static enum err
write_slot(struct hsm_proc *p, unsigned slot, struct sealed_head *s,
    struct why *why)
{
	uint8_t octets[SLOT_LEN];
	enum err rc;

	if ((rc = put(s, octets)) != ERR_OK ||
	    (rc = hsm_seal(p->token, HSM_KEY_SEAL_STATE, octets, SEALED_LEN,
		 s->seal)) != ERR_OK)
		return why_set(why, rc, "%s", hsm_why());
	memcpy(octets + SEALED_LEN, s->seal, sizeof(s->seal));
	if (pwrite(p->head_fd, octets, sizeof(octets), (off_t)slot * SLOT) !=
		(ssize_t)sizeof(octets) ||
	    fdatasync(p->head_fd) == -1)
		return why_errno(why, "the file head");
	return ERR_OK;
}

enum err
hsm_head_write(struct hsm_proc *p, const struct head *h, int64_t time,
    struct sealed_head *out, struct why *why)
{
	struct sealed_head last = {.time = 0}, made = {.head = *h};
	unsigned other = 0;
	enum err rc;

	if ((rc = lock(p, F_WRLCK, why)) != ERR_OK)
		return rc;
	if ((rc = newest(p, &last, &other, why)) == ERR_OK &&
	    (h->number < last.head.number ||
		(h->number == last.head.number && !head_equal(h, &last.head))))
		rc = why_set(why, ERR_MISMATCH,
		    "head %llu is not above the last one, %llu",
		    (unsigned long long)h->number,
		    (unsigned long long)last.head.number);
	made.time = time;
	if (rc == ERR_OK)
		rc = write_slot(p, other, &made, why);
	*out = made;
	return lock(p, F_UNLCK, why) == ERR_OK ? rc : ERR_IO;
}

enum err
hsm_head_create(struct hsm_proc *p, const struct head *h, int64_t time,
    struct why *why)
{
	struct sealed_head made = {.head = *h, .time = time};

	return write_slot(p, 0, &made, why);
}
