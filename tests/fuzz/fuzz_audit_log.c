/*
 * The file of the audit log.  Whatever it holds: the reader and the writer
 * agree on what is in it, and what the writer takes over it can go on with.
 *
 * Input: u8 flags; 1: the rest is the file as it is; otherwise leaves (u16 and
 * octets each) up to one of length 0, put in records with their hashes, and
 * behind them whatever is left.  2: leaves get their right number.
 */
#include <sys/stat.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "appliance/audit_log.h"
#include "fuzz.h"

static uint8_t file[1 << 21];

static struct rd
make_file(struct rd in)
{
	const uint8_t flags = take_u8(&in);
	uint8_t leaf[MAX_AUDIT_LEAF], hash[MERKLE_HASH_LEN];
	uint64_t number = 0;
	struct rd v, out;
	struct wr w, n;
	size_t len;

	if ((flags & 1) != 0)
		return in;
	wr_init(&w, file, sizeof(file));
	wr_copy(&w, AUDIT_LOG_HEADER, AUDIT_LOG_HEADER_LEN);
	while (w.cap - w.len > AUDIT_RECORD_MAX + in.left &&
	    (v = take_view16(&in)).left > 0) {
		if (v.left > sizeof(leaf))
			v.left = sizeof(leaf);
		memcpy(leaf, v.p, v.left);
		wr_init(&n, leaf + 2, 8);
		wr_u64(&n, number++);
		rd_init(&v, (flags & 2) != 0 && v.left > 10 ? leaf : v.p,
		    v.left);
		MUST(merkle_leaf_hash(v, hash) == ERR_OK);
		wr_view32(&w, v.p, v.left);
		wr_copy(&w, hash, sizeof(hash));
	}
	wr_copy(&w, in.p, in.left);
	MUST(wr_finish(&w, &len) == ERR_OK);
	rd_init(&out, file, len);
	return out;
}

/* Leaves up to the end or the first bad one, and how it ended. */
static enum err
read_all(int fd, uint64_t *n, uint8_t root[MERKLE_HASH_LEN])
{
	static struct audit_reader r;
	struct audit_entry e;
	struct why why;
	enum err rc;

	*n = 0;
	if ((rc = audit_reader_open(&r, fd, &why)) != ERR_OK)
		return rc;
	while ((rc = audit_reader_next(&r, &e, &why)) == ERR_OK)
		MUST(e.number == (*n)++);
	MUST(rc == ERR_NOTFOUND || rc == ERR_TRUNCATED || rc == ERR_MALFORMED);
	MUST(merkle_root(&r.tree, root) == ERR_OK && r.next == *n);
	return rc;
}

static void
count(void *ctx, const struct audit_entry *e)
{
	uint64_t *n = ctx;

	MUST(e->number == (*n)++);
}

static void
goes_on(int fd, struct audit_log *l)
{
	struct audit_entry e = {.type = AUDIT_STARTED};
	uint8_t mine[MERKLE_HASH_LEN], root[MERKLE_HASH_LEN];
	const uint64_t before = l->next;
	uint64_t n;

	for (int i = 0; i < 3; i++)
		MUST(audit_log_append(l, &e, NULL, NULL) == ERR_OK);
	MUST(audit_log_sync(l) == ERR_OK && audit_log_prepare(l) == ERR_OK);
	MUST(audit_log_room(l) > 0);
	MUST(read_all(fd, &n, root) == ERR_NOTFOUND && n == before + 3);
	MUST(merkle_root(&l->tree, mine) == ERR_OK);
	MUST(memcmp(mine, root, sizeof(root)) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t root[MERKLE_HASH_LEN];
	uint64_t read = 0, seen = 0;
	struct audit_log l;
	struct rd in;
	struct why why;
	bool torn, again;
	enum err rc, how;
	int fd;

	rd_init(&in, data, size);
	in = make_file(in);
	fd = memory_file(in);
	how = read_all(fd, &read, root);
	rc = audit_log_open(&l, fd, 32768, 0, count, &seen, &torn, &why);
	if (in.left > 0)
		MUST(seen == read);
	if (rc == ERR_OK) {
		/* A log that reads to its end is not torn, and only that. */
		MUST(in.left == 0 || torn == (how != ERR_NOTFOUND));
		MUST(l.next == read);
		goes_on(fd, &l);
		seen = 0;
		MUST(audit_log_open(&l, fd, 32768, 0, count, &seen, &again,
			 &why) == ERR_OK);
		MUST(!again && seen == read + 3);
	} else
		MUST(rc == ERR_MALFORMED || rc == ERR_TRUNCATED);
	close(fd);
	return 0;
}
