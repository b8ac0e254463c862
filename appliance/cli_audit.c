/*
 * keywarden audit ...: reads the log's file, running appliance or not.  What
 * is said here does not depend on any process of the appliance.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "appliance/audit_open.h"
#include "appliance/cli_log.h"
#include "xk/xk_pdu.h"

struct reading {
	struct log_reading log;
	const char *size, *root, *from;
	uint64_t first, head_size; /* of --from, --size and --root */
	uint8_t head_root[32];
};

static int
options(const struct command *c, int argc, char **argv, struct reading *t,
    const struct cli_option *own)
{
	int code = EXIT_DONE;
	const int n = cli_options(c, argc, argv, own, &t->log.common, &code);

	t->log.fd = -1;
	t->log.r = NULL;
	if (n == -1)
		return code;
	if (n != 0)
		return cli_usage(c, EXIT_USAGE);
	if (t->from != NULL &&
	    number_get(t->from, INT64_MAX, &t->first) != ERR_OK)
		return cli_misuse(c, "--from %s: not a number", t->from);
	if ((t->size == NULL) != (t->root == NULL))
		return cli_misuse(c, "--size and --root go together");
	if (t->size != NULL &&
	    number_get(t->size, INT64_MAX, &t->head_size) != ERR_OK)
		return cli_misuse(c, "--size %s: not a number", t->size);
	if (t->root != NULL && hex_get(t->root, t->head_root, 32) != ERR_OK)
		return cli_misuse(c, "--root: not 64 hex digits");
	if ((code = cli_log_open(&t->log)) != EXIT_DONE)
		return code;
	return -1;
}

/* ---- verify ---- */

struct tally {
	struct audit_open open;
	uint64_t intents, released, refused, backwards;
	int64_t last_ns;
};

static enum err
count(struct tally *y, const struct audit_entry *e)
{
	bool was_open;
	enum err rc;

	if ((rc = audit_open_see(&y->open, e, &was_open)) != ERR_OK)
		return rc;
	y->intents += e->type == AUDIT_KEY_INTENT;
	y->refused += e->type == AUDIT_KEY_REFUSED;
	if (e->type == AUDIT_KEY_OUTCOME && was_open)
		y->released += e->reason == XK_GRANTED;
	else if (e->type == AUDIT_KEY_OUTCOME && y->released > 0)
		y->released--; /* its last word: withheld after all */
	y->backwards += e->realtime_ns < y->last_ns;
	y->last_ns = e->realtime_ns;
	return ERR_OK;
}

/* The head that was noted earlier must be that of our first N entries. */
static int
check_head(const struct reading *t, uint64_t size, const uint8_t want[32])
{
	uint8_t root[MERKLE_HASH_LEN];

	if (t->log.r->next != size)
		return EXIT_DONE;
	if (merkle_root(&t->log.r->tree, root) != ERR_OK ||
	    memcmp(root, want, sizeof(root)) != 0) {
		cli_error("the first %llu entries are not those whose root "
			  "was noted: the log was changed",
		    (unsigned long long)size);
		return EXIT_UNSOUND;
	}
	return -1; /* found and good */
}

static int
walk(struct reading *t, struct tally *y, bool with_head, uint64_t size,
    const uint8_t root[32])
{
	struct audit_entry e;
	struct why why = {""};
	bool head_seen = !with_head;
	enum err rc;
	int code;

	do {
		if (!head_seen &&
		    (code = check_head(t, size, root)) != EXIT_DONE) {
			if (code == EXIT_UNSOUND)
				return code;
			head_seen = true;
		}
		rc = cli_log_next(&t->log, &e, &why);
		if (rc == ERR_OK && count(y, &e) != ERR_OK)
			rc = why_set(&why, ERR_NOMEM, "out of memory");
	} while (rc == ERR_OK);
	if (rc != ERR_NOTFOUND) {
		cli_error("%s", why.text);
		return EXIT_UNSOUND;
	}
	if (!head_seen) {
		cli_error("the log has %llu entries, the noted head %llu: "
			  "entries are missing",
		    (unsigned long long)t->log.r->next,
		    (unsigned long long)size);
		return EXIT_UNSOUND;
	}
	return EXIT_DONE;
}

static int
report(const struct reading *t, const struct tally *y)
{
	char root[2 * MERKLE_HASH_LEN + 1];
	uint8_t hash[MERKLE_HASH_LEN];

	if (merkle_root(&t->log.r->tree, hash) != ERR_OK)
		return EXIT_REFUSED;
	hex_put(hash, sizeof(hash), root);
	if (t->log.common.json)
		return cli_print_json(
		    json_pack("{s:b, s:I, s:s, s:I, s:I, s:I, s:I, s:I}",
			"sound", 1, "size", (json_int_t)t->log.r->next, "root",
			root, "intents", (json_int_t)y->intents, "released",
			(json_int_t)y->released, "refused",
			(json_int_t)y->refused, "open", (json_int_t)y->open.n,
			"clockSteps", (json_int_t)y->backwards));
	(void)printf("sound: %llu entries, root %s\n",
	    (unsigned long long)t->log.r->next, root);
	(void)printf("%llu key requests taken on (%llu released, %llu still "
		     "open), %llu refused\n",
	    (unsigned long long)y->intents, (unsigned long long)y->released,
	    (unsigned long long)y->open.n, (unsigned long long)y->refused);
	if (y->backwards > 0)
		(void)printf("note: the clock went backwards %llu time(s)\n",
		    (unsigned long long)y->backwards);
	return EXIT_DONE;
}

int
cmd_audit_verify(const struct command *c, int argc, char **argv)
{
	struct reading t = {.log = {.fd = -1}};
	const struct cli_option own[] = {{.name = "log", .one = &t.log.log},
	    {.name = "size", .one = &t.size}, {.name = "root", .one = &t.root},
	    {NULL, NULL, NULL, 0, NULL, NULL}};
	struct tally y = {0};
	int code = options(c, argc, argv, &t, own);

	if (code == -1)
		code = walk(&t, &y, t.size != NULL, t.head_size, t.head_root);
	if (code == EXIT_DONE && t.log.r != NULL)
		code = report(&t, &y);
	audit_open_done(&y.open);
	cli_log_close(&t.log);
	return code;
}

int
cmd_audit_head(const struct command *c, int argc, char **argv)
{
	struct reading t = {.log = {.fd = -1}};
	const struct cli_option own[] = {{.name = "log", .one = &t.log.log},
	    {NULL, NULL, NULL, 0, NULL, NULL}};
	char root[2 * MERKLE_HASH_LEN + 1];
	uint8_t hash[MERKLE_HASH_LEN];
	struct tally y = {0};
	int code = options(c, argc, argv, &t, own);

	if (code == -1)
		code = walk(&t, &y, false, 0, hash);
	if (code == EXIT_DONE && t.log.r != NULL &&
	    merkle_root(&t.log.r->tree, hash) == ERR_OK) {
		hex_put(hash, sizeof(hash), root);
		if (t.log.common.json)
			code = cli_print_json(json_pack("{s:I, s:s}", "size",
			    (json_int_t)t.log.r->next, "root", root));
		else
			(void)printf("--size %llu --root %s\n",
			    (unsigned long long)t.log.r->next, root);
	}
	audit_open_done(&y.open);
	cli_log_close(&t.log);
	return code;
}

/* ---- show ---- */

int
cmd_audit_show(const struct command *c, int argc, char **argv)
{
	struct reading t = {.log = {.fd = -1}};
	const struct cli_option own[] = {{.name = "log", .one = &t.log.log},
	    {.name = "from", .one = &t.from},
	    {NULL, NULL, NULL, 0, NULL, NULL}};
	struct audit_entry e;
	struct why why = {""};
	enum err rc = ERR_NOTFOUND;
	int code = options(c, argc, argv, &t, own);

	if (code != -1) {
		cli_log_close(&t.log);
		return code;
	}
	while ((rc = cli_log_next(&t.log, &e, &why)) == ERR_OK) {
		json_t *j;

		if (e.number < t.first)
			continue;
		j = cli_entry_json(&e);
		if (t.log.common.json) {
			char *s = json_dumps(j, JSON_COMPACT);

			(void)puts(s == NULL ? "" : s);
			free(s);
		} else
			cli_entry_print(j);
		json_decref(j);
	}
	code = rc == ERR_NOTFOUND ? EXIT_DONE : EXIT_UNSOUND;
	if (code != EXIT_DONE)
		cli_error("%s", why.text);
	cli_log_close(&t.log);
	return code;
}
