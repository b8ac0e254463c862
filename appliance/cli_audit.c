/*
 * keywarden audit ...: reads the log's file, running appliance or not.  What
 * is said here does not depend on any process of the appliance.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "appliance/audit_log.h"
#include "appliance/audit_open.h"
#include "appliance/cli.h"
#include "policy/rfc3339.h"
#include "xk/xk_pdu.h"

struct reading {
	struct cli_common common;
	struct audit_reader *r;
	int fd;
	const char *log, *size, *root, *from;
	uint64_t first, head_size; /* of --from, --size and --root */
	uint8_t head_root[32];
};

static int
open_log(struct reading *t)
{
	struct config *f = NULL;
	struct why why = {""};
	char *path = NULL;
	int code;

	if (t->log == NULL) {
		if ((code = cli_config(&t->common, &f)) != EXIT_DONE)
			return code;
		path = config_path(f, STATE_LOG);
		config_free(&f);
	}
	t->fd = open(t->log != NULL ? t->log : path, O_RDONLY | O_CLOEXEC);
	if (t->fd == -1) {
		cli_error("cannot read the audit log %s",
		    t->log != NULL ? t->log : path);
		free(path);
		return EXIT_CONFIG;
	}
	free(path);
	if ((t->r = malloc(sizeof(*t->r))) == NULL)
		return EXIT_REFUSED;
	if (audit_reader_open(t->r, t->fd, &why) == ERR_OK)
		return EXIT_DONE;
	cli_error("%s", why.text);
	return EXIT_UNSOUND;
}

static void
close_log(struct reading *t)
{
	free(t->r);
	if (t->fd != -1)
		close(t->fd);
}

static int
options(const struct command *c, int argc, char **argv, struct reading *t,
    const struct cli_option *own)
{
	int code = EXIT_DONE;
	const int n = cli_options(c, argc, argv, own, &t->common, &code);

	t->fd = -1;
	t->r = NULL;
	if (n == -1)
		return code;
	if (n != 0)
		return cli_usage(c, EXIT_USAGE);
	if (t->from != NULL &&
	    cli_number(t->from, INT64_MAX, &t->first) != ERR_OK)
		return cli_misuse(c, "--from %s: not a number", t->from);
	if ((t->size == NULL) != (t->root == NULL))
		return cli_misuse(c, "--size and --root go together");
	if (t->size != NULL &&
	    cli_number(t->size, INT64_MAX, &t->head_size) != ERR_OK)
		return cli_misuse(c, "--size %s: not a number", t->size);
	if (t->root != NULL && hex_get(t->root, t->head_root, 32) != ERR_OK)
		return cli_misuse(c, "--root: not 64 hex digits");
	if ((code = open_log(t)) != EXIT_DONE)
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

	if (t->r->next != size)
		return EXIT_DONE;
	if (merkle_root(&t->r->tree, root) != ERR_OK ||
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
		rc = audit_reader_next(t->r, &e, &why);
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
		    (unsigned long long)t->r->next, (unsigned long long)size);
		return EXIT_UNSOUND;
	}
	return EXIT_DONE;
}

static int
report(const struct reading *t, const struct tally *y)
{
	char root[2 * MERKLE_HASH_LEN + 1];
	uint8_t hash[MERKLE_HASH_LEN];

	if (merkle_root(&t->r->tree, hash) != ERR_OK)
		return EXIT_REFUSED;
	hex_put(hash, sizeof(hash), root);
	if (t->common.json)
		return cli_print_json(
		    json_pack("{s:b, s:I, s:s, s:I, s:I, s:I, s:I, s:I}",
			"sound", 1, "size", (json_int_t)t->r->next, "root",
			root, "intents", (json_int_t)y->intents, "released",
			(json_int_t)y->released, "refused",
			(json_int_t)y->refused, "open", (json_int_t)y->open.n,
			"clockSteps", (json_int_t)y->backwards));
	(void)printf("sound: %llu entries, root %s\n",
	    (unsigned long long)t->r->next, root);
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
	struct reading t = {.fd = -1};
	const struct cli_option own[] = {{.name = "log", .one = &t.log},
	    {.name = "size", .one = &t.size}, {.name = "root", .one = &t.root},
	    {NULL, NULL, NULL, 0, NULL, NULL}};
	struct tally y = {0};
	int code = options(c, argc, argv, &t, own);

	if (code == -1)
		code = walk(&t, &y, t.size != NULL, t.head_size, t.head_root);
	if (code == EXIT_DONE && t.r != NULL)
		code = report(&t, &y);
	audit_open_done(&y.open);
	close_log(&t);
	return code;
}

int
cmd_audit_head(const struct command *c, int argc, char **argv)
{
	struct reading t = {.fd = -1};
	const struct cli_option own[] = {{.name = "log", .one = &t.log},
	    {NULL, NULL, NULL, 0, NULL, NULL}};
	char root[2 * MERKLE_HASH_LEN + 1];
	uint8_t hash[MERKLE_HASH_LEN];
	struct tally y = {0};
	int code = options(c, argc, argv, &t, own);

	if (code == -1)
		code = walk(&t, &y, false, 0, hash);
	if (code == EXIT_DONE && t.r != NULL &&
	    merkle_root(&t.r->tree, hash) == ERR_OK) {
		hex_put(hash, sizeof(hash), root);
		if (t.common.json)
			code = cli_print_json(json_pack("{s:I, s:s}", "size",
			    (json_int_t)t.r->next, "root", root));
		else
			(void)printf("--size %llu --root %s\n",
			    (unsigned long long)t.r->next, root);
	}
	audit_open_done(&y.open);
	close_log(&t);
	return code;
}

/* ---- show ---- */

static void
set_text(json_t *j, const char *name, struct rd v)
{
	json_t *s = json_stringn((const char *)v.p, v.left);

	/* What is not UTF-8 came from outside: shown in hex. */
	if (s == NULL) {
		char *hex = malloc(2 * v.left + 1);

		if (hex == NULL)
			return;
		hex_put(v.p, v.left, hex);
		s = json_string(hex);
		free(hex);
	}
	json_object_set_new(j, name, s);
}

static void
set_hex(json_t *j, const char *name, const uint8_t *p, size_t len)
{
	char hex[2 * 64 + 1];

	hex_put(p, len, hex);
	json_object_set_new(j, name, json_string(hex));
}

static json_t *
entry_json(const struct audit_entry *e)
{
	const unsigned f = audit_fields(e->type);
	char t[RFC3339_LEN], ts[17];
	json_t *j = json_object();

	json_object_set_new(j, "entry", json_integer((json_int_t)e->number));
	json_object_set_new(j, "time",
	    json_string(rfc3339_print(e->realtime_ns / 1000000000, t)));
	json_object_set_new(j, "type", json_string(audit_type_name(e->type)));
	if (f & AUDIT_F_REF)
		json_object_set_new(j, "of", json_integer((json_int_t)e->ref));
	if (f & AUDIT_F_REASON)
		json_object_set_new(j, "result",
		    json_string(e->type == AUDIT_SUBSCRIBER_OUTCOME
			    ? err_str((enum err)e->reason)
			    : e->reason == XK_GRANTED
			    ? "released"
			    : xk_reason_name((enum xk_reason)e->reason)));
	if (f & AUDIT_F_COUNT)
		json_object_set_new(j, "count", json_integer(e->n_keys));
	if (f & AUDIT_F_CLIENT)
		set_text(j, "client", e->client);
	if (f & AUDIT_F_TARGET)
		set_text(j, "target", e->target);
	if (f & AUDIT_F_LIID)
		set_text(j, "liid", e->liid);
	if (f & AUDIT_F_WARRANT)
		set_hex(j, "warrant", e->warrant, sizeof(e->warrant));
	if (f & AUDIT_F_DIGEST)
		set_hex(j, "sha256", e->digest, sizeof(e->digest));
	if (f & AUDIT_F_CALL) {
		json_object_set_new(j, "csbId", json_integer(e->csb_id));
		json_object_set_new(j, "tType", json_integer(e->ts_type));
		(void)snprintf(ts, sizeof(ts), "%016llx",
		    (unsigned long long)e->ts);
		json_object_set_new(j, "t", json_string(ts));
	}
	if (f & AUDIT_F_TEXT)
		set_text(j, "text", e->text);
	return j;
}

/* One line: time, type, then name=value. */
static void
print_line(json_t *j)
{
	const char *key;
	json_t *v;

	(void)printf("%6lld %s %-17s",
	    (long long)json_integer_value(json_object_get(j, "entry")),
	    json_string_value(json_object_get(j, "time")),
	    json_string_value(json_object_get(j, "type")));
	json_object_foreach (j, key, v) {
		char *s;

		if (strcmp(key, "entry") == 0 || strcmp(key, "time") == 0 ||
		    strcmp(key, "type") == 0)
			continue;
		s = json_dumps(v, JSON_ENCODE_ANY);
		(void)printf(" %s=%s", key, s == NULL ? "?" : s);
		free(s);
	}
	(void)printf("\n");
}

int
cmd_audit_show(const struct command *c, int argc, char **argv)
{
	struct reading t = {.fd = -1};
	const struct cli_option own[] = {{.name = "log", .one = &t.log},
	    {.name = "from", .one = &t.from},
	    {NULL, NULL, NULL, 0, NULL, NULL}};
	struct audit_entry e;
	struct why why = {""};
	enum err rc = ERR_NOTFOUND;
	int code = options(c, argc, argv, &t, own);

	if (code != -1) {
		close_log(&t);
		return code;
	}
	while ((rc = audit_reader_next(t.r, &e, &why)) == ERR_OK) {
		json_t *j;

		if (e.number < t.first)
			continue;
		j = entry_json(&e);
		if (t.common.json) {
			char *s = json_dumps(j, JSON_COMPACT);

			(void)puts(s == NULL ? "" : s);
			free(s);
		} else
			print_line(j);
		json_decref(j);
	}
	code = rc == ERR_NOTFOUND ? EXIT_DONE : EXIT_UNSOUND;
	if (code != EXIT_DONE)
		cli_error("%s", why.text);
	close_log(&t);
	return code;
}
