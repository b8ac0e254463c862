/* config_int: what the files of config share. */
#ifndef APPLIANCE_CONFIG_INT_H
#define APPLIANCE_CONFIG_INT_H

#include <confuse.h>

#include "appliance/config.h"

/* A number of a section, and where it goes. */
struct number {
	const char *name;
	long min, max;
	uint32_t *out;
};
enum err config_nums(cfg_t *, const char *section, const struct number *,
    size_t count, struct why *) MUST_CHECK;

/* A copy of a string option; NULL stays NULL. */
char *config_str(cfg_t *, const char *name);

/* A path, or "none"; NULL for that and where nothing is set. */
char *config_crl(cfg_t *);

/* The options that xk and x2 share; at least so many addresses. */
enum err config_take_server(struct config_server *, const char *section,
    cfg_t *, unsigned least, struct why *) MUST_CHECK;

/* What xk and x2 have of admission: their defaults, and the numbers. */
#define CONFIG_ADMISSION_OPTS \
	CFG_INT("address_rate", 50, CFGF_NONE), \
	    CFG_INT("address_connections", 32, CFGF_NONE), \
	    CFG_INT("max_handshakes", 32, CFGF_NONE), \
	    CFG_INT("client_rate", 20, CFGF_NONE), \
	    CFG_INT("client_connections", 16, CFGF_NONE)
enum err config_take_admission(struct admission_settings *, const char *section,
    cfg_t *, struct why *) MUST_CHECK;

/* ---- config_df2.c ---- */
extern cfg_opt_t config_x2_opts[], config_xkc_opts[];

/* The sections x2 and xk_client; what is taken is freed with the rest. */
enum err config_take_df2(struct config *, cfg_t *root, struct why *) MUST_CHECK;
void config_free_df2(struct config *); /* but for x2's server */

/* ---- config_sandbox.c ---- */
extern cfg_opt_t config_sandbox_opts[];

/* The section sandbox, and token.environment and token.files. */
enum err config_take_sandbox(struct config *, cfg_t *root,
    struct why *) MUST_CHECK;
void config_free_sandbox(struct config *);

/* ---- config_lemf.c ---- */
extern cfg_opt_t config_hi2_opts[], config_lemf_opts[];

/* The sections hi2 and lemf. */
enum err config_take_lemfs(struct config *, cfg_t *root,
    struct why *) MUST_CHECK;
void config_free_lemfs(struct config *);

#endif
