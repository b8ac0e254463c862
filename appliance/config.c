#include <sys/stat.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "appliance/allowance.h"
#include "appliance/config_int.h"
#include "appliance/tls_role.h"

#define MAX_CONFIG ((size_t)1 << 20)

/* libconfuse reports through a callback; the first report is the cause. */
static struct why *report;
static const char *report_path; /* a section's cfg_t does not know it */

static void report_error(cfg_t *cfg, const char *fmt, va_list ap)
    PRINTF_LIKE(2, 0);

static void
report_error(cfg_t *cfg, const char *fmt, va_list ap)
{
	size_t n;

	if (report == NULL || report->text[0] != '\0')
		return;
	(void)snprintf(report->text, sizeof(report->text),
	    "%s:%d: ", report_path, cfg != NULL ? cfg->line : 0);
	n = strlen(report->text);
	(void)vsnprintf(report->text + n, sizeof(report->text) - n, fmt, ap);
}

/* libconfuse takes the defaults of lists as char *. */
static char default_listen[] = "{127.0.0.1:7300}", empty_list[] = "{}";

static cfg_opt_t xk_opts[] = {
    CFG_STR_LIST("listen", default_listen, CFGF_NONE),
    CFG_STR("certificate", NULL, CFGF_NODEFAULT),
    CFG_STR("key", NULL, CFGF_NODEFAULT),
    CFG_STR("client_ca", NULL, CFGF_NODEFAULT),
    CFG_STR("crl", NULL, CFGF_NODEFAULT),
    CFG_INT("max_connections", 64, CFGF_NONE),
    CFG_INT("max_outstanding", 1024, CFGF_NONE),
    CFG_INT("max_outstanding_each", 128, CFGF_NONE),
    CFG_INT("max_outstanding_client", 512, CFGF_NONE),
    CFG_INT("max_queued", 1048576, CFGF_NONE),
    CFG_INT("handshake_seconds", 10, CFGF_NONE),
    CFG_INT("idle_seconds", 120, CFGF_NONE),
    CFG_INT("request_seconds", 10, CFGF_NONE),
    CONFIG_ADMISSION_OPTS,
    CFG_INT("client_requests", 1000, CFGF_NONE),
    CFG_END(),
};

/* Of versions whose clients stood here: known, to say what to do. */
static cfg_opt_t client_opts[] = {
    CFG_STR("certificate", NULL, CFGF_NODEFAULT),
    CFG_END(),
};
static cfg_opt_t token_opts[] = {
    CFG_STR("module", "/usr/lib/softhsm/libsofthsm2.so", CFGF_NONE),
    CFG_STR("label", "keywarden", CFGF_NONE),
    CFG_STR("pin_file", "/etc/keywarden/pin", CFGF_NONE),
    CFG_INT("workers", 1, CFGF_NONE),
    CFG_INT("call_seconds", 5, CFGF_NONE),
    CFG_INT("job_seconds", 10, CFGF_NONE),
    CFG_STR_LIST("environment", empty_list, CFGF_NONE),
    CFG_STR_LIST("files", empty_list, CFGF_NONE),
    CFG_STR_LIST("calls", empty_list, CFGF_NONE),
    CFG_END(),
};
static cfg_opt_t kms_opts[] = {
    CFG_STR("scheme", "ss512", CFGF_NONE),
    CFG_STR("uri", NULL, CFGF_NODEFAULT),
    CFG_STR("period", "day", CFGF_NONE),
    CFG_END(),
};
static cfg_opt_t audit_opts[] = {
    CFG_INT("chunk_mib", 4, CFGF_NONE),
    CFG_INT("most_mib", 0, CFGF_NONE),
    CFG_END(),
};
/* Put behind the file's text: reached only if the file was whole. */
#define END_MARK "end_of_the_file"

static cfg_opt_t opts[] = {
    CFG_STR("state_dir", "/var/lib/keywarden", CFGF_NONE),
    CFG_STR("control_socket", "/run/keywarden/control", CFGF_NONE),
    CFG_STR("log_level", "info", CFGF_NONE),
    CFG_BOOL("production", cfg_false, CFGF_NONE),
    CFG_SEC("xk", xk_opts, CFGF_NONE),
    CFG_SEC("x2", config_x2_opts, CFGF_NONE),
    CFG_SEC("xk_client", config_xkc_opts, CFGF_NONE),
    CFG_SEC("hi2", config_hi2_opts, CFGF_NONE),
    CFG_SEC("lemf", config_lemf_opts,
	CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
    CFG_SEC("client", client_opts, CFGF_MULTI | CFGF_TITLE),
    CFG_SEC("token", token_opts, CFGF_NONE),
    CFG_SEC("kms", kms_opts, CFGF_NONE),
    CFG_SEC("audit", audit_opts, CFGF_NONE),
    CFG_SEC("sandbox", config_sandbox_opts, CFGF_NONE),
    CFG_BOOL(END_MARK, cfg_false, CFGF_NONE),
    CFG_END(),
};

char *
config_str(cfg_t *c, const char *name)
{
	const char *s = cfg_getstr(c, name);

	return s == NULL ? NULL : strdup(s);
}

char *
config_crl(cfg_t *c)
{
	const char *s = cfg_getstr(c, "crl");

	return s == NULL || strcmp(s, "none") == 0 ? NULL : strdup(s);
}

static enum err
num(cfg_t *c, const char *section, const char *name, long min, long max,
    uint32_t *out, struct why *why)
{
	const long v = cfg_getint(c, name);

	if (v < min || v > max)
		return why_set(why, ERR_MALFORMED,
		    "%s.%s must be %ld to %ld, is %ld", section, name, min, max,
		    v);
	*out = (uint32_t)v;
	return ERR_OK;
}

enum err
config_take_server(struct config_server *v, const char *section, cfg_t *c,
    unsigned least, struct why *why)
{
	const unsigned n = cfg_size(c, "listen");

	v->section = section;
	if (n < least || n > MAX_LISTEN)
		return why_set(why, ERR_MALFORMED,
		    "%s.listen must name %u to %d addresses", section, least,
		    MAX_LISTEN);
	while (v->n_listen < n) {
		v->listen[v->n_listen] =
		    strdup(cfg_getnstr(c, "listen", v->n_listen));
		v->n_listen++;
	}
	v->certificate = config_str(c, "certificate");
	v->key = config_str(c, "key");
	v->client_ca = config_str(c, "client_ca");
	v->crl = config_crl(c);
	v->crl_said = cfg_getstr(c, "crl") != NULL;
	return ERR_OK;
}

enum err
config_nums(cfg_t *c, const char *section, const struct number *n, size_t count,
    struct why *why)
{
	enum err rc = ERR_OK;

	for (size_t i = 0; i < count && rc == ERR_OK; i++)
		rc = num(c, section, n[i].name, n[i].min, n[i].max, n[i].out,
		    why);
	return rc;
}

enum err
config_take_admission(struct admission_settings *a, const char *section,
    cfg_t *c, struct why *why)
{
	const struct number n[] = {{"address_rate", 0, ALLOWANCE_RATE_MOST,
				       &a->address_rate},
	    {"address_connections", 0, MAX_CONNECTIONS,
		&a->address_connections},
	    {"max_handshakes", 1, MAX_CONNECTIONS, &a->max_handshakes},
	    {"client_rate", 0, ALLOWANCE_RATE_MOST, &a->client_rate},
	    {"client_connections", 0, MAX_CONNECTIONS, &a->client_connections}};

	return config_nums(c, section, n, sizeof(n) / sizeof(n[0]), why);
}

static enum err
take_xk(struct config *f, cfg_t *c, struct why *why)
{
	struct xk_settings *x = &f->xk;
	const struct number n[] = {{"max_connections", 1, MAX_CONNECTIONS,
				       &x->max_connections},
	    {"max_outstanding", 1, 65536, &x->max_outstanding},
	    {"max_outstanding_each", 1, 65536, &x->max_outstanding_each},
	    {"max_outstanding_client", 1, 65536, &x->max_outstanding_client},
	    {"max_queued", MAX_XK_PDU, 1 << 28, &x->max_queued},
	    {"handshake_seconds", 1, 300, &x->handshake_seconds},
	    {"idle_seconds", 1, 86400, &x->idle_seconds},
	    {"request_seconds", 1, 300, &x->request_seconds},
	    {"client_requests", 0, ALLOWANCE_RATE_MOST,
		&x->admission.client_requests}};
	enum err rc = config_take_server(&f->xk_server, "xk", c, 1, why);

	if (rc == ERR_OK)
		rc = config_take_admission(&x->admission, "xk", c, why);
	return rc == ERR_OK
	    ? config_nums(c, "xk", n, sizeof(n) / sizeof(n[0]), why)
	    : rc;
}

static enum err
no_clients(cfg_t *root, struct why *why)
{
	return cfg_size(root, "client") == 0
	    ? ERR_OK
	    : why_set(why, ERR_MALFORMED,
		  "client \"%s\": clients are no part of the configuration: "
		  "take the section out and enrol it with 'keywarden client "
		  "add' or 'keywarden init --client'",
		  cfg_title(cfg_getnsec(root, "client", 0)));
}

static enum err
take_rest(struct config *f, cfg_t *root, struct why *why)
{
	cfg_t *token = cfg_getsec(root, "token");
	cfg_t *kms = cfg_getsec(root, "kms"),
	      *audit = cfg_getsec(root, "audit");
	uint32_t chunk = 0, most = 0;
	enum err rc;

	f->state_dir = config_str(root, "state_dir");
	f->control_socket = config_str(root, "control_socket");
	f->log_level = config_str(root, "log_level");
	f->production = cfg_getbool(root, "production");
	f->token_module = config_str(token, "module");
	f->token_label = config_str(token, "label");
	f->pin_file = config_str(token, "pin_file");
	f->kms_scheme = config_str(kms, "scheme");
	f->kms_uri = config_str(kms, "uri");
	f->kms_period = config_str(kms, "period");
	if ((rc = num(token, "token", "workers", 1, MAX_WORKERS, &f->workers,
		 why)) != ERR_OK ||
	    (rc = num(token, "token", "call_seconds", 1, 300, &f->call_seconds,
		 why)) != ERR_OK ||
	    (rc = num(token, "token", "job_seconds", 1, 300, &f->job_seconds,
		 why)) != ERR_OK ||
	    (rc = num(audit, "audit", "chunk_mib", 1, 1024, &chunk, why)) !=
		ERR_OK ||
	    (rc = num(audit, "audit", "most_mib", 0, 1 << 24, &most, why)) !=
		ERR_OK)
		return rc;
	f->audit.chunk = (uint64_t)chunk << 20;
	f->audit.most = (uint64_t)most << 20;
	if (strcmp(f->log_level, "debug") != 0 &&
	    strcmp(f->log_level, "info") != 0 &&
	    strcmp(f->log_level, "warning") != 0 &&
	    strcmp(f->log_level, "error") != 0)
		return why_set(why, ERR_MALFORMED,
		    "log_level must be error, warning, info or debug");
	if (strlen(f->token_label) < 1 || strlen(f->token_label) > 32)
		return why_set(why, ERR_MALFORMED,
		    "token.label has 1 to 32 characters");
	if (f->state_dir[0] != '/' || f->control_socket[0] != '/' ||
	    strchr(f->state_dir, ':') != NULL)
		return why_set(why, ERR_MALFORMED,
		    "state_dir and control_socket must be absolute paths, "
		    "state_dir without a colon");
	return ERR_OK;
}

/* What is wrong past the grammar names the file too. */
static enum err
name_file(const char *path, enum err rc, struct why *why)
{
	const struct why what = *why;

	return rc == ERR_OK ? ERR_OK
			    : why_set(why, rc, "%s: %s", path, what.text);
}

static enum err
check_file(const char *path, struct why *why)
{
	struct stat st;

	if (stat(path, &st) == -1)
		return why_errno(why, "cannot read the configuration %s", path);
	if (S_ISDIR(st.st_mode))
		return why_set(why, ERR_MALFORMED,
		    "%s: a folder, not a configuration", path);
	if ((st.st_uid != 0 && st.st_uid != geteuid()) ||
	    (st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return why_set(why, ERR_DENIED,
		    "%s: others may write the configuration: chown root and "
		    "chmod go-w it",
		    path);
	return ERR_OK;
}

/* The text of the file with the mark behind it; the caller frees. */
static enum err
read_text(const char *path, char **out, struct why *why)
{
	static const char mark[] = "\n" END_MARK " = true\n";
	FILE *f = fopen(path, "re");
	char *text = f == NULL ? NULL : malloc(MAX_CONFIG + sizeof(mark));
	size_t n;
	enum err rc = ERR_OK;

	if (text == NULL) {
		rc = why_errno(why, "cannot read the configuration %s", path);
		if (f != NULL)
			(void)fclose(f);
		return rc;
	}
	n = fread(text, 1, MAX_CONFIG, f);
	if (ferror(f) != 0 || n == MAX_CONFIG || memchr(text, '\0', n) != NULL)
		rc = why_set(why, ERR_MALFORMED, "%s: not a configuration",
		    path);
	(void)fclose(f);
	memcpy(text + n, mark, sizeof(mark));
	if (rc == ERR_OK)
		*out = text;
	else
		free(text);
	return rc;
}

/* The grammar alone; libconfuse takes any end for a good one. */
static enum err
parse(cfg_t *root, const char *path, const char *text, struct why *why)
{
	if (cfg_parse_buf(root, text) != CFG_SUCCESS)
		return strstr(why->text, END_MARK) != NULL
		    ? why_set(why, ERR_MALFORMED,
			  "%s: the file ends within a section", path)
		    : why->text[0] != '\0'
		    ? ERR_MALFORMED
		    : why_set(why, ERR_MALFORMED, "%s: unreadable", path);
	return cfg_getbool(root, END_MARK)
	    ? ERR_OK
	    : why_set(why, ERR_MALFORMED,
		  "%s: the file ends within a comment or a string", path);
}

enum err
config_load(const char *path, struct config **out, struct why *why)
{
	struct config *f;
	char *text = NULL;
	cfg_t *root;
	enum err rc;

	if ((rc = check_file(path, why)) != ERR_OK)
		return rc;
	if ((rc = read_text(path, &text, why)) != ERR_OK)
		return rc;
	if ((f = calloc(1, sizeof(*f))) == NULL) {
		free(text);
		return why_set(why, ERR_NOMEM, "out of memory");
	}
	why->text[0] = '\0';
	report = why;
	report_path = path;
	root = cfg_init(opts, CFGF_NONE);
	(void)cfg_set_error_function(root, report_error);
	if ((rc = parse(root, path, text, why)) == ERR_OK &&
	    (rc = take_xk(f, cfg_getsec(root, "xk"), why)) == ERR_OK &&
	    (rc = config_take_df2(f, root, why)) == ERR_OK &&
	    (rc = config_take_lemfs(f, root, why)) == ERR_OK &&
	    (rc = no_clients(root, why)) == ERR_OK &&
	    (rc = config_take_sandbox(f, root, why)) == ERR_OK)
		rc = take_rest(f, root, why);
	if (rc != ERR_OK && strncmp(why->text, path, strlen(path)) != 0)
		rc = name_file(path, rc, why);
	report = NULL;
	cfg_free(root);
	free(text);
	if (rc != ERR_OK)
		config_free(&f);
	else
		*out = f;
	return rc;
}

static void
free_server(struct config_server *v)
{
	for (unsigned i = 0; i < v->n_listen; i++)
		free(v->listen[i]);
	free(v->certificate);
	free(v->key);
	free(v->client_ca);
	free(v->crl);
}

void
config_free(struct config **fp)
{
	struct config *f = *fp;

	if (f == NULL)
		return;
	free_server(&f->xk_server);
	free_server(&f->x2_server);
	config_free_df2(f);
	config_free_lemfs(f);
	config_free_sandbox(f);
	free(f->state_dir);
	free(f->control_socket);
	free(f->log_level);
	free(f->token_module);
	free(f->token_label);
	free(f->pin_file);
	free(f->kms_scheme);
	free(f->kms_uri);
	free(f->kms_period);
	free(f);
	*fp = NULL;
}

char *
config_path(const struct config *f, const char *name)
{
	char *p;

	return asprintf(&p, "%s/%s", f->state_dir, name) == -1 ? NULL : p;
}

bool
config_key_in_token(const char *key)
{
	return key != NULL && strcmp(key, TLS_KEY_IN_TOKEN) == 0;
}

/* Is there a section in use whose key is in the token, or is not? */
static bool
uses_key(const struct config *f, bool in_token)
{
	bool any = config_key_in_token(f->xk_server.key) == in_token;

	if (config_is_df2(f))
		any |= config_key_in_token(f->x2_server.key) == in_token;
	if (config_is_remote(f))
		any |= config_key_in_token(f->xkc.key) == in_token;
	for (unsigned i = 0; i < f->n_lemfs; i++)
		if (config_is_linked(f, &f->lemf[i]))
			any |= config_key_in_token(f->lemf[i].link.key) ==
			    in_token;
	return any;
}

unsigned
config_without_crl(const struct config *f, const char *section[CONFIG_PEERS])
{
	unsigned n = 0;

	if (!f->xk_server.crl_said)
		section[n++] = f->xk_server.section;
	if (config_is_df2(f) && !f->x2_server.crl_said)
		section[n++] = f->x2_server.section;
	if (config_is_remote(f) && !f->xkc.crl_said)
		section[n++] = f->xkc.section;
	return n;
}

bool
config_uses_token_key(const struct config *f)
{
	return uses_key(f, true);
}

bool
config_uses_pem_key(const struct config *f)
{
	return uses_key(f, false);
}

bool
config_is_softhsm(const struct config *f)
{
	return strstr(f->token_module, "softhsm") != NULL;
}
