/*
 * A configuration is tried before any of it is taken: else one half of a
 * mistake would be in force, and the next process to be started could not be.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "appliance/address.h"
#include "appliance/hi2_profiles.h"
#include "appliance/spawn.h"
#include "appliance/sup_tls.h"
#include "appliance/tls_client.h"
#include "appliance/tls_server.h"

static enum err
make_context(const struct tls_section *t, const int fd[TLS_FILES],
    struct why *why)
{
	const struct tls_server_kind server = {.section = t->name,
	    .role = t->role};
	const struct tls_client_kind client = {.section = t->name,
	    .role = t->role,
	    .ca_name = t->ca_name,
	    .tls12 = t->tls12};
	const struct tls_fds files = {fd[TLS_CERTIFICATE], fd[TLS_KEY],
	    fd[TLS_CA], fd[TLS_CRL]};
	SSL_CTX *c = NULL;
	enum err rc;

	rc = t->client
	    ? tls_client_new(&client, &files, &c, why)
	    : tls_server_new(&server, files.cert, files.key, files.ca, &c, why);
	return rc == ERR_OK && files.crl != -1
	    ? tls_crl_check(files.crl, t->name, why)
	    : rc;
}

struct tls_trial {
	const struct tls_section *section;
	const int *fd;
	struct confine confine; /* as of the process that will have the key */
};

static enum err
try_tls(const void *ctx, struct why *why)
{
	const struct tls_trial *t = ctx;
	const enum err rc = confine_lock(&t->confine, why);

	return rc == ERR_OK ? make_context(t->section, t->fd, why) : rc;
}

/*
 * The private key is parsed in a child, so that it stays in no memory of ours.
 */
static enum err
check_tls(const struct config *f, const struct tls_section *t,
    const int fd[TLS_FILES], struct why *why)
{
	const struct tls_trial trial = {t, fd,
	    {.memory_locked = f->memory_locked == LAYER_YES}};

	return spawn_try(try_tls, &trial, ERR_MALFORMED, why);
}

static enum err
check_section(const struct config *f, const struct tls_section *t,
    struct why *why)
{
	int fd[TLS_FILES] = {-1, -1, -1, -1};
	enum err rc = ERR_OK;

	for (unsigned i = 0; i < TLS_FILES && rc == ERR_OK; i++)
		rc = sup_tls_open(f, t, (enum tls_file)i, &fd[i], why);
	if (rc == ERR_OK)
		rc = check_tls(f, t, fd, why);
	for (unsigned i = 0; i < TLS_FILES; i++)
		if (fd[i] != -1)
			close(fd[i]);
	return rc;
}

static enum err
check_server(const struct config *f, enum tls_role role,
    const struct config_server *v, struct why *why)
{
	const struct tls_section t = sup_tls_server(v, role);

	return check_section(f, &t, why);
}

/* One that calls a server, at the address of that option. */
static enum err
check_called(const struct config *f, const struct tls_section *t,
    const char *option, const char *address, struct why *why)
{
	char what[MAX_NAME + 32];
	struct address a;
	enum err rc;

	(void)snprintf(what, sizeof(what), "%s.%s", t->name, option);
	rc = address_parse(what, address, &a, why);
	return rc == ERR_OK ? check_section(f, t, why) : rc;
}

static enum err
check_client(const struct config *f, struct why *why)
{
	const struct tls_section t = sup_tls_client(&f->xkc);

	return check_called(f, &t, "connect", f->xkc.address, why);
}

static enum err
check_link(const struct config *f, const struct config_link *k, struct why *why)
{
	const struct tls_section t = sup_tls_link(k);

	return check_called(f, &t, "address", k->address, why);
}

static enum err
check_links(const struct config *f, struct why *why)
{
	enum err rc = ERR_OK;

	for (unsigned i = 0; i < f->n_lemfs && rc == ERR_OK; i++)
		if (config_is_linked(f, &f->lemf[i]))
			rc = check_link(f, &f->lemf[i].link, why);
	return rc;
}

/* hi2 would keep the profiles that it has, and not start with these. */
static enum err
check_lemfs(const struct config *f, struct why *why)
{
	static struct hi2_settings settings;
	static struct hi2_profiles profiles;

	sup_lemf_settings(f, &settings);
	return hi2_profiles_read(&settings, &profiles, why);
}

enum err
sup_check(const struct config *f, struct why *why)
{
	char text[MAX_CONFIG_TEXT + 1];
	enum err rc;

	if ((rc = config_matters(f, text, sizeof(text), why)) != ERR_OK ||
	    (rc = check_server(f, TLS_ROLE_XK, &f->xk_server, why)) != ERR_OK)
		return rc;
	if (config_is_df2(f) &&
	    (rc = check_server(f, TLS_ROLE_X2, &f->x2_server, why)) == ERR_OK)
		rc = check_lemfs(f, why);
	if (rc == ERR_OK && config_is_remote(f))
		rc = check_client(f, why);
	if (rc == ERR_OK)
		rc = check_links(f, why);
	return rc;
}

static enum err
can_open(const struct config *f, const char *name, int how, const char *what,
    struct why *why)
{
	char *path = config_path(f, name);
	int fd;

	if (path == NULL)
		return why_set(why, ERR_NOMEM, "out of memory");
	if ((fd = open(path, how | O_CLOEXEC)) == -1)
		(void)why_errno(why, "%s %s", what, path);
	else
		close(fd);
	free(path);
	return fd == -1 ? ERR_IO : ERR_OK;
}

enum err
sup_check_state(const struct config *f, struct why *why)
{
	static const struct {
		const char *name, *what;
		int how;
	} file[] = {
	    {STATE_KMS, "the KMS's state (run 'keywarden init')", O_RDONLY},
	    {STATE_LOG, "the audit log (made by 'keywarden init')", O_RDWR},
	    {STATE_HEAD, HEAD_WHAT, O_RDWR},
	};
	enum err rc = ERR_OK;

	for (size_t i = 0; i < sizeof(file) / sizeof(*file); i++) {
		rc = can_open(f, file[i].name, file[i].how, file[i].what, why);
		if (rc != ERR_OK)
			break;
	}
	return rc;
}
