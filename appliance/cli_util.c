#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "appliance/cli.h"
#include "appliance/kms_state.h"
#include "base/log.h"

#define MAX_OPTIONS 16
#define ANSWER_SECONDS 60

void
cli_error(const char *fmt, ...)
{
	va_list ap;

	(void)fputs("keywarden: ", stderr);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fputc('\n', stderr);
}

void
cli_progress(const char *fmt, ...)
{
	va_list ap;

	if (!isatty(STDERR_FILENO))
		return;
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fputc('\n', stderr);
}

int
cli_usage(const struct command *c, int exit_code)
{
	FILE *to = exit_code == EXIT_DONE ? stdout : stderr;

	(void)fprintf(to, "usage: keywarden %s%s%s %s\n\n%s", c->noun,
	    c->verb[0] == '\0' ? "" : " ", c->verb, c->synopsis, c->help);
	return exit_code;
}

/* ---- options ---- */

static bool
take(const struct cli_option *o, const char *arg)
{
	if (o->flag != NULL) {
		*o->flag = true;
		return true;
	}
	if (o->many != NULL) {
		if (*o->n == o->most)
			return false;
		o->many[(*o->n)++] = arg;
		return true;
	}
	if (*o->one != NULL)
		return false;
	*o->one = arg;
	return true;
}

int
cli_options(const struct command *c, int argc, char **argv,
    const struct cli_option *own, struct cli_common *common, int *code)
{
	struct option longs[MAX_OPTIONS + 4] = {{"config", required_argument,
						    NULL, 'c'},
	    {"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}};
	unsigned n = 3;
	int opt;

	*common = (struct cli_common){.config = CONFIG_DEFAULT_PATH};
	for (unsigned i = 0; own != NULL && own[i].name != NULL; i++)
		longs[n++] = (struct option){own[i].name,
		    own[i].flag != NULL ? no_argument : required_argument, NULL,
		    256 + (int)i};
	optind = 1;
	while ((opt = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (opt == 'c')
			common->config = optarg;
		else if (opt == 'j')
			common->json = true;
		else if (opt == 'h') {
			*code = cli_usage(c, EXIT_DONE);
			return -1;
		} else if (opt < 256 || !take(&own[opt - 256], optarg)) {
			if (opt >= 256)
				cli_error("--%s is given too often",
				    own[opt - 256].name);
			*code = cli_usage(c, EXIT_USAGE);
			return -1;
		}
	}
	return argc - optind;
}

int
cli_config(const struct cli_common *common, struct config **out)
{
	struct why why = {""};

	if (config_load(common->config, out, &why) == ERR_OK)
		return EXIT_DONE;
	cli_error("%s", why.text);
	return EXIT_CONFIG;
}

/* ---- the appliance ---- */

static enum err
dial(const struct config *f, struct ipc_chan **out, struct why *why)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(f->control_socket) >= sizeof(a.sun_path))
		return why_set(why, ERR_MALFORMED,
		    "control_socket: path too long");
	memcpy(a.sun_path, f->control_socket, strlen(f->control_socket) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return why_errno(why, "socket");
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == -1) {
		(void)why_set(why, ERR_CLOSED,
		    "the appliance does not answer on %s (%s): is keywardend "
		    "running, and are you its user?",
		    f->control_socket, strerror(errno));
		close(fd);
		return ERR_CLOSED;
	}
	if (ipc_chan_new(fd, 64 * 1024 * 1024, MAX_IPC_QUEUE, out) != ERR_OK)
		return why_set(why, ERR_NOMEM, "out of memory");
	return ERR_OK;
}

static enum err
exchange(struct ipc_chan *c, struct ipc_frame *f, struct why *why)
{
	enum err rc;

	while ((rc = ipc_next(c, f)) == ERR_AGAIN) {
		struct pollfd p = {ipc_chan_fd(c),
		    (short)(POLLIN | (ipc_queued(c) > 0 ? POLLOUT : 0)), 0};

		if (poll(&p, 1, ANSWER_SECONDS * 1000) == 0)
			return why_set(why, ERR_CLOSED,
			    "no answer within %d s: see what was done with "
			    "'keywarden audit show'",
			    ANSWER_SECONDS);
		if ((rc = ipc_flush(c)) != ERR_OK ||
		    ((p.revents & (POLLIN | POLLHUP)) != 0 &&
			(rc = ipc_fill(c)) != ERR_OK))
			return why_set(why, ERR_CLOSED,
			    "the appliance ended the connection");
	}
	return rc == ERR_OK ? ERR_OK
			    : why_set(why, rc, "the answer is not one");
}

static enum err
read_answer(const struct ipc_frame *f, json_t **out, struct why *why)
{
	char text[WHY_MAX];
	json_error_t e;
	struct rd words;
	enum err rc;

	if (f->type == MSG_CLI_OK) {
		*out = json_loadb((const char *)f->body.p, f->body.left,
		    JSON_DECODE_ANY, &e);
		return *out != NULL
		    ? ERR_OK
		    : why_set(why, ERR_MALFORMED, "the answer is not one");
	}
	if (f->type != MSG_CLI_ERROR ||
	    msg_error_get(f->body, &rc, &words) != ERR_OK ||
	    view_text(words, text, sizeof(text)) != ERR_OK)
		return why_set(why, ERR_MALFORMED, "the answer is not one");
	return why_set(why, rc == ERR_OK ? ERR_INTERNAL : rc, "%s",
	    text[0] == '\0' ? err_str(rc) : text);
}

enum err
cli_try(const struct config *f, enum msg_type type, const void *body,
    size_t len, json_t **out, struct why *why)
{
	struct ipc_chan *c = NULL;
	struct ipc_frame frame;
	enum err rc;

	if ((rc = dial(f, &c, why)) != ERR_OK)
		return rc;
	if ((rc = ipc_send(c, (uint16_t)type, 1, body, len)) != ERR_OK)
		(void)why_set(why, rc, "request too long");
	else if ((rc = exchange(c, &frame, why)) == ERR_OK)
		rc = read_answer(&frame, out, why);
	ipc_chan_free(&c);
	return rc;
}

int
cli_ask(const struct config *f, enum msg_type type, const void *body,
    size_t len, json_t **out)
{
	struct why why = {""};
	const enum err rc = cli_try(f, type, body, len, out, &why);

	if (rc == ERR_OK)
		return EXIT_DONE;
	cli_error("%s", why.text);
	return rc == ERR_CLOSED ? EXIT_NOT_RUNNING : EXIT_REFUSED;
}

int
cli_print_json(json_t *j)
{
	char *text = json_dumps(j, JSON_INDENT(2));

	json_decref(j);
	if (text == NULL || puts(text) == EOF) {
		free(text);
		return EXIT_REFUSED;
	}
	free(text);
	return EXIT_DONE;
}
