/* How the processes are confined, and what the token's module needs there. */
#include <stdlib.h>
#include <string.h>

#include "appliance/config_int.h"
#include "appliance/confine.h"

cfg_opt_t config_sandbox_opts[] = {
    CFG_INT("landlock", 2, CFGF_NONE),
    CFG_STR("namespaces", "yes", CFGF_NONE),
    CFG_STR("users", "yes", CFGF_NONE),
    CFG_STR("memory_locked", "yes", CFGF_NONE),
    CFG_END(),
};

static enum err
take_layer(cfg_t *c, const char *name, enum config_layer *out, struct why *why)
{
	static const char *const words[] =
	    {[LAYER_NO] = "no", [LAYER_TRY] = "try", [LAYER_YES] = "yes"};
	const char *s = cfg_getstr(c, name);

	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(s, words[i]) == 0) {
			*out = (enum config_layer)i;
			return ERR_OK;
		}
	return why_set(why, ERR_MALFORMED,
	    "sandbox.%s must be \"yes\", \"try\" or \"no\"", name);
}

static enum err
take_environment(struct config *f, cfg_t *token, struct why *why)
{
	if (cfg_size(token, "environment") > MAX_ENVIRONMENT)
		return why_set(why, ERR_MALFORMED,
		    "token.environment has at most %d entries",
		    MAX_ENVIRONMENT);
	while (f->n_environment < cfg_size(token, "environment")) {
		const char *s =
		    cfg_getnstr(token, "environment", f->n_environment);

		if (strchr(s, '=') == NULL)
			return why_set(why, ERR_MALFORMED,
			    "token.environment: not NAME=value");
		if (strncmp(s, "KEYWARDEN_", 10) == 0)
			return why_set(why, ERR_MALFORMED,
			    "token.environment: names that begin with "
			    "KEYWARDEN_ are the appliance's own");
		f->environment[f->n_environment++] = strdup(s);
	}
	return ERR_OK;
}

static enum err
take_files(struct config *f, cfg_t *token, struct why *why)
{
	if (cfg_size(token, "files") > MAX_TOKEN_FILES)
		return why_set(why, ERR_MALFORMED,
		    "token.files has at most %d entries", MAX_TOKEN_FILES);
	while (f->n_token_files < cfg_size(token, "files")) {
		const char *s = cfg_getnstr(token, "files", f->n_token_files);

		if (!confine_can_name(s))
			return why_set(why, ERR_MALFORMED,
			    "token.files: absolute paths without a colon, and "
			    "not the root");
		f->token_file[f->n_token_files++] = strdup(s);
	}
	return ERR_OK;
}

enum err
config_reach(const struct config *f, struct reach *out, struct why *why)
{
	enum err rc = ERR_OK;

	*out = (struct reach){.n_ports = 0};
	for (unsigned i = 0; i < f->n_token_calls && rc == ERR_OK; i++)
		rc = reach_add(out, "token.calls", f->token_call[i], why);
	return rc;
}

static enum err
take_calls(struct config *f, cfg_t *token, struct why *why)
{
	struct reach r;

	if (cfg_size(token, "calls") > REACH_MOST)
		return why_set(why, ERR_MALFORMED,
		    "token.calls has at most %d entries", REACH_MOST);
	for (unsigned i = 0; i < cfg_size(token, "calls"); i++) {
		f->token_call[i] = strdup(cfg_getnstr(token, "calls", i));
		if (f->token_call[i] == NULL)
			return why_set(why, ERR_NOMEM, "out of memory");
		f->n_token_calls++;
	}
	return config_reach(f, &r, why);
}

enum err
config_take_sandbox(struct config *f, cfg_t *root, struct why *why)
{
	cfg_t *c = cfg_getsec(root, "sandbox"),
	      *token = cfg_getsec(root, "token");
	const struct number n[] = {{"landlock", 0, 255, &f->landlock}};
	enum err rc;

	if ((rc = config_nums(c, "sandbox", n, 1, why)) != ERR_OK ||
	    (rc = take_layer(c, "namespaces", &f->namespaces, why)) != ERR_OK ||
	    (rc = take_layer(c, "users", &f->users, why)) != ERR_OK ||
	    (rc = take_layer(c, "memory_locked", &f->memory_locked, why)) !=
		ERR_OK ||
	    (rc = take_environment(f, token, why)) != ERR_OK)
		return rc;
	rc = take_files(f, token, why);
	return rc == ERR_OK ? take_calls(f, token, why) : rc;
}

void
config_free_sandbox(struct config *f)
{
	for (unsigned i = 0; i < f->n_environment; i++)
		free(f->environment[i]);
	for (unsigned i = 0; i < f->n_token_files; i++)
		free(f->token_file[i]);
	for (unsigned i = 0; i < f->n_token_calls; i++)
		free(f->token_call[i]);
}
