/*
 * audit_log: the file of the audit log.  Append-only; each record is
 *
 *	u32 length of the leaf, the leaf, SHA-256(00 || leaf)
 *
 * behind a 16-octet header.  Space is written with zeros ahead of use, so that
 * a full disk is met before a record is begun, never in the middle of one, and
 * so that fdatasync() has no file size to write.  A length of 0 ends the log.
 */
#ifndef APPLIANCE_AUDIT_LOG_H
#define APPLIANCE_AUDIT_LOG_H

#include <stdint.h>

#include "base/bytes.h"
#include "policy/audit_entry.h"
#include "policy/merkle.h"

#define AUDIT_LOG_HEADER "KEYWARDEN AUDIT1"
#define AUDIT_LOG_HEADER_LEN 16
#define AUDIT_RECORD_MAX (4 + MAX_AUDIT_LEAF + MERKLE_HASH_LEN)

/* An outcome of any kind, or abandoned: no text, no names. */
#define AUDIT_OUTCOME_RECORD_MAX 96

/* Octets written between two syncs: what a crash can leave torn. */
#define AUDIT_BATCH_MAX 65536

/* ---- writing: the audit process ---- */

struct audit_log {
	int fd;
	uint64_t end; /* where the next record goes */
	uint64_t synced; /* what is before is on disk */
	uint64_t prepared; /* zeros are on disk up to here */
	uint64_t chunk, most;
	uint64_t next; /* number of the next leaf */
	bool failed; /* a write or sync failed: nothing more goes in */
	struct merkle tree;
};

/* Called for each leaf that is found on opening. */
typedef void audit_log_seen(void *ctx, const struct audit_entry *);

/*
 * Take over the descriptor of the log, empty or not: check every record,
 * continue behind the last.  What a crash left unfinished at the end, never
 * acknowledged as it was not synced, is cut off; *torn tells.  It is at most
 * AUDIT_BATCH_MAX octets and begins with a record of which a part was never
 * written: the file ends in it, a block of the disk in it or all behind some
 * point of it is zero.  ERR_MALFORMED: the file is not a log or was changed;
 * it is left as it is.
 */
enum err audit_log_open(struct audit_log *, int fd, uint64_t chunk,
    uint64_t most, audit_log_seen *seen, void *ctx, bool *torn,
    struct why *why) MUST_CHECK;

/*
 * Append one entry; number and times are filled in.  The leaf as written goes
 * to `leaf` (MAX_AUDIT_LEAF octets) if that is not NULL.  ERR_FULL: no room,
 * nothing written.  ERR_IO: see `failed`.
 */
enum err audit_log_append(struct audit_log *, struct audit_entry *,
    uint8_t *leaf, size_t *leaf_len) MUST_CHECK;

/* On disk when this returns ERR_OK. */
enum err audit_log_sync(struct audit_log *) MUST_CHECK;

/* Prepare space for the future if it is getting short; ERR_FULL if none. */
enum err audit_log_prepare(struct audit_log *) MUST_CHECK;

/* Octets of records for which there is space prepared. */
uint64_t audit_log_room(const struct audit_log *);

/* ---- reading: keywarden(1) ---- */

struct audit_reader {
	int fd;
	uint64_t at;
	uint64_t next;
	struct merkle tree;
	uint8_t record[AUDIT_RECORD_MAX];
};

enum err audit_reader_open(struct audit_reader *, int fd,
    struct why *why) MUST_CHECK;

/*
 * The next leaf, checked: ERR_OK; ERR_NOTFOUND at the end; ERR_TRUNCATED for
 * a record that is cut off; ERR_MALFORMED for one that was changed, and for
 * octets behind the end, with where and what in `why`.
 */
enum err audit_reader_next(struct audit_reader *, struct audit_entry *out,
    struct why *why) MUST_CHECK;

#endif
