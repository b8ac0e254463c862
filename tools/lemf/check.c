/* keywarden-lemf check: order and integrity of what is in files. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "lemf/hi2_file.h"
#include "lemf/lemf.h"
#include "lemf/print.h"

enum needs { NEEDS_NOTHING, NEEDS_HASH, NEEDS_SIGNATURE };

struct check {
	char **paths;
	struct order *order;
	struct record *record; /* it is long */
	bool json, wrong;
	enum needs needs;
	uint64_t unreadable;
	int again; /* the file that was read again last; -1: none */
	uint32_t again_of;
};

/* Records again, for the hashes over them. */
static enum err
read_back(void *ctx, const struct order_place *where, uint8_t *out)
{
	struct check *c = ctx;

	if (c->again == -1 || c->again_of != where->file) {
		if (c->again != -1)
			close(c->again);
		c->again = open(c->paths[where->file], O_RDONLY | O_CLOEXEC);
		c->again_of = where->file;
	}
	return c->again != -1 &&
		pread(c->again, out, where->len, (off_t)where->at) ==
		    (ssize_t)where->len
	    ? ERR_OK
	    : ERR_IO;
}

/* What is as it should be is counted, and not said. */
static void
on_event(void *ctx, const struct order_event *e)
{
	struct check *c = ctx;
	json_t *j;

	if (!order_is_wrong(e->what))
		return;
	c->wrong = true;
	if (!c->json) {
		print_event(stdout, e);
		return;
	}
	j = json_pack("{s:s, s:b}", "event", order_name(e->what), "wrong", 1);
	print_event_json(j, e);
	print_json_line(j);
}

static void
unreadable(struct check *c, const char *path, uint64_t at, const char *why)
{
	c->wrong = true;
	c->unreadable++;
	if (c->json)
		print_json_line(json_pack("{s:s, s:b, s:s, s:I, s:s}", "event",
		    "unreadable", "wrong", 1, "file", path, "at",
		    (json_int_t)at, "text", why));
	else
		(void)printf("WRONG: %s: at octet %" PRIu64 ": %s\n", path, at,
		    why);
}

static int
check_file(struct check *c, uint32_t index)
{
	const char *path = c->paths[index];
	struct hi2_file *f = NULL;
	struct order_place where;
	struct why why = {""};
	struct rd pdu;
	enum err rc;

	if ((rc = hi2_file_open(path, &f, &why)) != ERR_OK) {
		lemf_say("%s", why.text);
		return LEMF_FILE;
	}
	while (rc == ERR_OK && (rc = hi2_file_next(f, &pdu, &why)) == ERR_OK) {
		where = (struct order_place){index, (uint32_t)pdu.left,
		    hi2_file_at(f)};
		if (record_read(pdu, c->record, &why) != ERR_OK)
			unreadable(c, path, where.at, why.text);
		if (c->record->liid.left > 0)
			rc = order_take(c->order, c->record, &where);
	}
	if (rc == ERR_NOMEM || rc == ERR_IO)
		lemf_say("%s: %s", path,
		    rc == ERR_NOMEM ? "out of memory" : why.text);
	else if (rc != ERR_CLOSED)
		unreadable(c, path, hi2_file_at(f), why.text);
	hi2_file_close(&f);
	return rc == ERR_NOMEM || rc == ERR_IO ? LEMF_FILE : LEMF_DONE;
}

/* ---- the end ---- */

static void
summary(struct check *c)
{
	const struct order_counts *n = order_counts(c->order);
	const uint64_t records = n->of[ORDER_NEW] + n->of[ORDER_LATE];
	const uint64_t bare = c->needs == NEEDS_HASH ? records - n->hashed
	    : c->needs == NEEDS_SIGNATURE	     ? records - n->attested
						     : 0;
	json_t *j;

	c->wrong |= bare > 0;
	if (!c->json) {
		(void)printf("%" PRIu64 " records, %" PRIu64 " under a hash, "
			     "%" PRIu64 " under a signature; %" PRIu64
			     " again, %" PRIu64 " missing, %" PRIu64
			     " late, %" PRIu64 " with other octets, %" PRIu64
			     " not readable\n",
		    records, n->hashed, n->attested, n->of[ORDER_AGAIN],
		    n->of[ORDER_GAP], n->of[ORDER_LATE], n->of[ORDER_OTHER],
		    c->unreadable);
		if (bare > 0)
			(void)printf("WRONG: %" PRIu64 " records are not under "
				     "a %s\n",
			    bare,
			    c->needs == NEEDS_HASH ? "hash" : "signature");
		return;
	}
	j = json_pack("{s:s, s:b, s:I, s:I, s:I, s:I}", "event", "end", "wrong",
	    c->wrong, "records", (json_int_t)records, "hashed",
	    (json_int_t)n->hashed, "attested", (json_int_t)n->attested,
	    "unreadable", (json_int_t)c->unreadable);
	for (int i = 0; i < ORDER__MAX; i++)
		(void)json_object_set_new(j, order_name((enum order_what)i),
		    json_integer((json_int_t)n->of[i]));
	print_json_line(j);
}

static int
check_all(struct check *c, int n, struct rd verify_key)
{
	const struct order_ops ops = {.read = read_back,
	    .event = on_event,
	    .ctx = c,
	    .verify_key = verify_key};
	int code = LEMF_DONE, one;

	if ((c->record = malloc(sizeof(*c->record))) == NULL ||
	    order_new(&ops, &c->order) != ERR_OK) {
		lemf_say("out of memory");
		return LEMF_FILE;
	}
	for (int i = 0; i < n; i++)
		if ((one = check_file(c, (uint32_t)i)) > code)
			code = one;
	summary(c);
	return code != LEMF_DONE ? code : c->wrong ? LEMF_WRONG : LEMF_DONE;
}

int
run_check(const struct verb *v, int argc, char **argv)
{
	const char *verify_key = NULL, *needs = NULL;
	struct check c = {.needs = NEEDS_NOTHING, .again = -1};
	const struct lemf_option options[] = {{"json", NULL, &c.json},
	    {"verify-key", &verify_key, NULL}, {"needs", &needs, NULL},
	    {NULL, NULL, NULL}};
	struct rd spki = {NULL, 0};
	uint8_t *der = NULL;
	int code, n;

	if ((n = lemf_options(v, argc, argv, options, &c.paths, &code)) == -1)
		return code;
	if (n == 0)
		return lemf_misuse(v, "which files?");
	if (needs != NULL && strcmp(needs, "hash") == 0)
		c.needs = NEEDS_HASH;
	else if (needs != NULL && strcmp(needs, "signature") == 0)
		c.needs = NEEDS_SIGNATURE;
	else if (needs != NULL)
		return lemf_misuse(v, "--needs: hash or signature");
	if (c.needs == NEEDS_SIGNATURE && verify_key == NULL)
		return lemf_misuse(v, "--needs signature takes --verify-key");
	if ((code = lemf_verify_key(verify_key, &der, &spki)) == LEMF_DONE)
		code = check_all(&c, n, spki);
	order_free(&c.order);
	if (c.again != -1)
		close(c.again);
	free(c.record);
	OPENSSL_free(der);
	return code;
}
