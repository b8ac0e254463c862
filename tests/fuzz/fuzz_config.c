/* keywarden.conf: what loads is complete and within its limits. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "appliance/config.h"
#include "fuzz.h"

static void
check_link(const struct config *f, const struct config_lemf *l)
{
	const struct config_link *k = &l->link;
	const struct link_settings *h = &k->how;

	MUST(k->section != NULL && l->queue_mib >= 1);
	MUST(k->n_pins <= MAX_LEMF_PINS && h->rule < LINK_RULE__MAX);
	MUST(h->integrity < LINK_INTEGRITY__MAX && h->hash < LINK_HASH__MAX);
	MUST(h->answer_seconds >= 1 && h->dead_seconds >= h->answer_seconds);
	MUST(h->hash_records >= 1 && h->sign_hashes >= 1);
	MUST(h->keep_alive_seconds > 0 || h->rule == LINK_SENT);
	if (!config_is_linked(f, l))
		return;
	MUST(k->server_ca != NULL || (k->n_pins > 0 && k->crl == NULL));
	for (const char *p = l->name; *p != '\0'; p++)
		MUST(*p >= ' ' && *p <= '~');
}

static void
check_df2(const struct config *f)
{
	MUST(f->x2_server.n_listen <= MAX_LISTEN);
	for (unsigned i = 0; i < f->x2_server.n_listen; i++)
		MUST(f->x2_server.listen[i] != NULL);
	MUST(config_is_df2(f) == (f->x2_server.n_listen > 0));
	MUST(f->x2.max_connections > 0 && f->x2.max_calls >= 16);
	MUST(f->x2.max_mib > 0 && f->x2.wait_ms >= 100);
	MUST(f->n_lemfs <= MAX_LEMFS);
	for (unsigned i = 0; i < f->n_lemfs; i++) {
		const struct config_lemf *l = &f->lemf[i];

		MUST(l->name[0] != '\0' && strlen(l->name) <= MAX_NAME);
		MUST(l->profile[0] != '\0' && strlen(l->profile) <= MAX_NAME);
		MUST(l->n_options <= MAX_LEMF_OPTIONS);
		for (unsigned k = 0; k < l->n_options; k++)
			MUST(l->option[k] != NULL && strlen(l->value[k]) < 256);
		check_link(f, l);
		for (unsigned k = 0; k < i; k++)
			MUST(strcmp(l->name, f->lemf[k].name) != 0);
	}
}

static void
check(const struct config *f)
{
	char *p;

	MUST(f->state_dir != NULL && f->state_dir[0] == '/');
	MUST(f->control_socket != NULL && f->control_socket[0] == '/');
	MUST(f->log_level != NULL && f->token_module != NULL);
	MUST(f->token_label != NULL && strlen(f->token_label) <= 32);
	MUST(f->pin_file != NULL && f->kms_scheme != NULL);
	MUST(f->kms_period != NULL);
	MUST(f->xk_server.n_listen >= 1 && f->xk_server.n_listen <= MAX_LISTEN);
	for (unsigned i = 0; i < f->xk_server.n_listen; i++)
		MUST(f->xk_server.listen[i] != NULL);
	MUST(f->n_environment <= MAX_ENVIRONMENT);
	for (unsigned i = 0; i < f->n_environment; i++)
		MUST(strchr(f->environment[i], '=') != NULL);
	MUST(f->workers >= 1 && f->workers <= MAX_WORKERS);
	MUST(f->job_seconds >= 1 && f->job_seconds <= 300);
	MUST(f->audit.chunk >= 1 << 20 && f->audit.chunk <= 1 << 30);
	MUST(f->xk.max_queued >= MAX_XK_PDU && f->xk.max_connections > 0);
	check_df2(f);
	(void)config_is_softhsm(f);
	p = config_path(f, STATE_LOG);
	MUST(p != NULL && p[0] == '/');
	free(p);
}

/* Sorted lines, whatever the values are. */
static void
check_matters(struct config *f, const char *ca)
{
	char text[MAX_CONFIG_TEXT + 1];
	struct why why = {""};
	const char *last = "", *end;

	free(f->xk_server.client_ca);
	free(f->x2_server.client_ca);
	MUST((f->xk_server.client_ca = strdup(ca)) != NULL);
	MUST((f->x2_server.client_ca = strdup(ca)) != NULL);
	if (config_matters(f, text, sizeof(text), &why) != ERR_OK) {
		MUST(why.text[0] != '\0');
		return;
	}
	MUST(strlen(text) <= MAX_CONFIG_TEXT);
	for (const char *p = text; *p != '\0'; p = end + 1) {
		MUST((end = strchr(p, '\n')) != NULL && end > p);
		MUST(strncmp(last, p, (size_t)(end - p) + 1) <= 0);
		last = p;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config *f = NULL;
	struct why why = {""};
	char path[64];
	struct rd in;
	int fd;
	enum err rc;

	rd_init(&in, data, size);
	/* The operator's file may name others; this one may not. */
	if (memmem(data, size, "include", 7) != NULL)
		return 0;
	fd = memory_file(in);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	rc = config_load(path, &f, &why);
	MUST((rc == ERR_OK) == (f != NULL));
	if (rc == ERR_OK) {
		check(f);
		check_matters(f, path);
	} else
		MUST(rc == ERR_MALFORMED && why.text[0] != '\0');
	config_free(&f);
	close(fd);
	return 0;
}
