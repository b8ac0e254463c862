/* The sections of the DF2/MF: x2 and xk_client; config_lemf.c has the others.
 */
#include <stdlib.h>
#include <string.h>

#include "appliance/config_int.h"

/* libconfuse takes the defaults of lists as char *. */
static char not_listening[] = "{}";

cfg_opt_t config_x2_opts[] = {
    CFG_STR_LIST("listen", not_listening, CFGF_NONE),
    CFG_STR("certificate", NULL, CFGF_NODEFAULT),
    CFG_STR("key", NULL, CFGF_NODEFAULT),
    CFG_STR("client_ca", NULL, CFGF_NODEFAULT),
    CFG_STR("crl", NULL, CFGF_NODEFAULT),
    CFG_INT("max_connections", 64, CFGF_NONE),
    CFG_INT("handshake_seconds", 10, CFGF_NONE),
    CFG_INT("idle_seconds", 600, CFGF_NONE),
    CFG_INT("max_calls", 100000, CFGF_NONE),
    CFG_INT("max_mib", 256, CFGF_NONE),
    CFG_INT("call_idle_seconds", 43200, CFGF_NONE),
    CFG_INT("wait_ms", 5000, CFGF_NONE),
    CFG_INT("retry_seconds", 600, CFGF_NONE),
    CONFIG_ADMISSION_OPTS,
    CFG_END(),
};
cfg_opt_t config_xkc_opts[] = {
    CFG_STR("connect", NULL, CFGF_NODEFAULT),
    CFG_STR("name", NULL, CFGF_NODEFAULT),
    CFG_STR("certificate", NULL, CFGF_NODEFAULT),
    CFG_STR("key", NULL, CFGF_NODEFAULT),
    CFG_STR("server_ca", NULL, CFGF_NODEFAULT),
    CFG_STR("crl", NULL, CFGF_NODEFAULT),
    CFG_INT("request_seconds", 5, CFGF_NONE),
    CFG_INT("keep_alive_seconds", 60, CFGF_NONE),
    CFG_END(),
};

static enum err
take_x2(struct config *f, cfg_t *c, struct why *why)
{
	struct x2_settings *x = &f->x2;
	const struct number n[] = {{"max_connections", 1, MAX_CONNECTIONS,
				       &x->max_connections},
	    {"handshake_seconds", 1, 300, &x->handshake_seconds},
	    {"idle_seconds", 1, 86400, &x->idle_seconds},
	    {"max_calls", 16, 1 << 24, &x->max_calls},
	    {"max_mib", 1, 65536, &x->max_mib},
	    {"call_idle_seconds", 60, 7 * 86400, &x->call_idle_seconds},
	    {"wait_ms", 100, 60000, &x->wait_ms},
	    {"retry_seconds", 1, 86400, &x->retry_seconds}};
	enum err rc = config_take_server(&f->x2_server, "x2", c, 0, why);

	if (rc == ERR_OK)
		rc = config_take_admission(&x->admission, "x2", c, why);
	return rc == ERR_OK
	    ? config_nums(c, "x2", n, sizeof(n) / sizeof(n[0]), why)
	    : rc;
}

static enum err
take_xkc(struct config *f, cfg_t *c, struct why *why)
{
	struct config_client *x = &f->xkc;
	const struct number n[] = {{"request_seconds", 1, 300,
				       &x->request_seconds},
	    {"keep_alive_seconds", 1, 3600, &x->keep_alive_seconds}};

	x->section = "xk_client";
	x->address = config_str(c, "connect");
	x->name = config_str(c, "name");
	x->certificate = config_str(c, "certificate");
	x->key = config_str(c, "key");
	x->server_ca = config_str(c, "server_ca");
	x->crl = config_crl(c);
	x->crl_said = cfg_getstr(c, "crl") != NULL;
	if ((x->address != NULL && strlen(x->address) > 255) ||
	    (x->name != NULL && strlen(x->name) > 255))
		return why_set(why, ERR_MALFORMED,
		    "xk_client.connect and name have at most 255 characters");
	return config_nums(c, "xk_client", n, sizeof(n) / sizeof(n[0]), why);
}

enum err
config_take_df2(struct config *f, cfg_t *root, struct why *why)
{
	enum err rc = take_x2(f, cfg_getsec(root, "x2"), why);

	return rc == ERR_OK ? take_xkc(f, cfg_getsec(root, "xk_client"), why)
			    : rc;
}

void
config_free_df2(struct config *f)
{
	free(f->xkc.address);
	free(f->xkc.name);
	free(f->xkc.certificate);
	free(f->xkc.key);
	free(f->xkc.server_ca);
	free(f->xkc.crl);
}

bool
config_is_df2(const struct config *f)
{
	return f->x2_server.n_listen > 0;
}

bool
config_is_remote(const struct config *f)
{
	return config_is_df2(f) && f->xkc.address != NULL;
}
