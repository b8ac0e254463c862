/* lab-exchange: made-up exchanges, written to files. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "base/log.h"
#include "exchange_opt.h"
#include "lab_wav.h"

#define PATH_LEN 1024

static enum err
make_dir(const char *path, struct why *why)
{
	if (mkdir(path, 0777) == -1 && errno != EEXIST)
		return why_errno(why, "cannot create %s", path);
	return ERR_OK;
}

/* A message that is not there leaves no file from a run before. */
static enum err
save_messages(const char *dir, const struct exchange *x, struct why *why)
{
	char path[PATH_LEN];
	enum err rc;

	for (enum exchange_message m = EXCHANGE_I1; m < EXCHANGE__MAX; m++) {
		const struct exchange_octets *o = &x->message[m];

		if (snprintf(path, sizeof(path), "%s/%s.bin", dir,
			exchange_message_name(m)) >= (int)sizeof(path))
			return why_set(why, ERR_TOOBIG, "--out is too long");
		if (o->len > 0)
			rc = lab_save(path, o->p, o->len, why);
		else if (unlink(path) == -1 && errno != ENOENT)
			rc = why_errno(why, "cannot remove %s", path);
		else
			rc = ERR_OK;
		if (rc != ERR_OK)
			return rc;
	}
	return ERR_OK;
}

static json_t *
hex_json(const void *p, size_t len)
{
	char text[2 * EXCHANGE_HEX_MAX + 1];

	hex_put(p, len, text);
	return json_string(text);
}

/* Member names are those of "keywarden-df2 get-keys --json". */
static json_t *
key_json(const struct exchange_key *k)
{
	json_t *o = json_pack("{s:o, s:o, s:o, s:I, s:I}", "cryptoSessionId",
	    hex_json(k->id, sizeof(k->id)), "sessionKey",
	    hex_json(k->key, sizeof(k->key)), "salt",
	    hex_json(k->salt, sizeof(k->salt)), "ssrc", (json_int_t)k->ssrc,
	    "roc", (json_int_t)k->roc);

	if (k->policy.p != NULL)
		(void)json_object_set_new(o, "policy",
		    hex_json(k->policy.p, k->policy.left));
	if (k->mki.p != NULL)
		(void)json_object_set_new(o, "mki",
		    hex_json(k->mki.p, k->mki.left));
	return o;
}

/* `name` in `dir`, or a path by itself when `dir` is NULL. */
static enum err
save_keys(const char *dir, const char *name, const struct exchange_keys *k,
    struct why *why)
{
	json_t *root, *list;
	char path[PATH_LEN];
	enum err rc = ERR_OK;

	if (name == NULL)
		return ERR_OK;
	if (snprintf(path, sizeof(path), "%s%s%s", dir != NULL ? dir : "",
		dir != NULL ? "/" : "", name) >= (int)sizeof(path))
		return why_set(why, ERR_TOOBIG, "%s is too long", name);
	list = json_array();
	for (size_t i = 0; i < k->n; i++)
		(void)json_array_append_new(list, key_json(&k->key[i]));
	root = json_pack("{s:o}", "keys", list);
	if (k->has_sk)
		(void)json_object_set_new(root, "sk",
		    hex_json(k->sk, sizeof(k->sk)));
	if (root == NULL || json_dump_file(root, path, JSON_INDENT(2)) != 0)
		rc = why_set(why, ERR_IO, "cannot write %s", path);
	json_decref(root);
	return rc;
}

/* Number `i` of several, or the only one. */
static enum err
save(const struct exchange_opt *o, unsigned i, const struct exchange *x,
    struct why *why)
{
	const bool many = o->count > 0;
	char dir[PATH_LEN];
	enum err rc;

	if (snprintf(dir, sizeof(dir), many ? "%s/%04u" : "%s", o->out, i) >=
	    (int)sizeof(dir))
		return why_set(why, ERR_TOOBIG, "--out is too long");
	if ((rc = make_dir(dir, why)) != ERR_OK ||
	    (rc = save_messages(dir, x, why)) != ERR_OK ||
	    (rc = save_keys(many ? dir : NULL, o->keys, &x->keys, why)) !=
		ERR_OK ||
	    (rc = save_keys(many ? dir : NULL, o->update_keys, &x->update,
		 why)) != ERR_OK)
		return rc;
	return save_keys(many ? dir : NULL, o->recipient_keys, &x->recipient,
	    why);
}

static enum err
run(const struct exchange_opt *o, struct why *why)
{
	static struct exchange x;
	struct exchange_maker *m = NULL;
	enum err rc;

	if ((rc = make_dir(o->out, why)) != ERR_OK ||
	    (rc = exchange_maker_new(&o->spec, &m, why)) != ERR_OK)
		return rc;
	for (unsigned i = 0; i < (o->count > 0 ? o->count : 1); i++)
		if ((rc = exchange_make(m, &x, why)) != ERR_OK ||
		    (rc = save(o, i, &x, why)) != ERR_OK)
			break;
	exchange_maker_free(&m);
	return rc;
}

static void
list_faults(void)
{
	struct exchange_fault f;

	for (size_t i = 0; exchange_fault_get(i, &f); i++)
		(void)printf("%s\t%s\t%s\t%s\t%s\t%s\n", f.name,
		    exchange_needs_name(f.needs),
		    exchange_outcome_name(f.initiator),
		    exchange_outcome_name(f.responder),
		    exchange_outcome_name(f.recipient), f.meaning);
}

int
main(int argc, char **argv)
{
	static struct exchange_opt o;
	struct why why = {{0}};
	enum err rc;
	int status;

	log_init("lab-exchange", LOG_LVL_INFO);
	(void)umask(077); /* the keys are among the files */
	if ((status = exchange_opt_parse(&o, argc, argv)) != 0)
		return status - 1;
	if (o.list_faults) {
		list_faults();
		return 0;
	}
	if ((rc = exchange_opt_load(&o, &why)) == ERR_OK)
		rc = run(&o, &why);
	if (rc != ERR_OK)
		log_error("%s", why.text);
	exchange_opt_done(&o);
	return rc == ERR_OK ? 0 : 1;
}
