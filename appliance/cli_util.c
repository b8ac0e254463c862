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
#include "base/log.h"

#define MAX_OPTIONS 16
#define ANSWER_SECONDS 60
/* Between noun and verb, if there is one. */
#define GAP(c) ((c)->verb[0] == '\0' ? "" : " ")

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
	if (exit_code == EXIT_DONE)
		(void)printf("usage: keywarden %s%s%s %s\n\n%s", c->noun,
		    GAP(c), c->verb, c->synopsis, c->help);
	else
		(void)cli_misuse(c, "usage: keywarden %s%s%s %s", c->noun,
		    GAP(c), c->verb, c->synopsis);
	return exit_code;
}

int
cli_misuse(const struct command *c, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	cli_error("%s ('keywarden %s%s%s --help' tells more)", text, c->noun,
	    GAP(c), c->verb);
	return EXIT_USAGE;
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

/* Over all characters, so that what getopt_long() leaves in optopt is clear. */
enum { OPT_CONFIG = 256, OPT_JSON, OPT_HELP, OPT_OWN };

static int
bad_option(const struct command *c, int opt, char **argv)
{
	if (optopt > 0 && optopt < OPT_CONFIG)
		return cli_misuse(c, "no such option: -%c", optopt);
	return cli_misuse(c, "%s: %s",
	    opt == ':'	      ? "something must follow"
		: optopt != 0 ? "it takes nothing after ="
			      : "no such option",
	    argv[optind - 1]);
}

int
cli_options(const struct command *c, int argc, char **argv,
    const struct cli_option *own, struct cli_common *common, int *code)
{
	struct option longs[MAX_OPTIONS + 4] = {{"config", required_argument,
						    NULL, OPT_CONFIG},
	    {"json", no_argument, NULL, OPT_JSON},
	    {"help", no_argument, NULL, OPT_HELP}};
	unsigned n = 3;
	int opt;

	*common = (struct cli_common){.config = CONFIG_DEFAULT_PATH};
	for (unsigned i = 0; own != NULL && own[i].name != NULL; i++)
		longs[n++] = (struct option){own[i].name,
		    own[i].flag != NULL ? no_argument : required_argument, NULL,
		    OPT_OWN + (int)i};
	optind = 1;
	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":", longs, NULL)) != -1) {
		if (opt == OPT_CONFIG)
			common->config = optarg;
		else if (opt == OPT_JSON)
			common->json = true;
		else if (opt == OPT_HELP) {
			*code = cli_usage(c, EXIT_DONE);
			return -1;
		} else if (opt < OPT_OWN) {
			*code = bad_option(c, opt, argv);
			return -1;
		} else if (!take(&own[opt - OPT_OWN], optarg)) {
			*code = cli_misuse(c, "--%s is given too often",
			    own[opt - OPT_OWN].name);
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
exchange(struct ipc_chan *c, int seconds, struct ipc_frame *f, struct why *why)
{
	enum err rc;

	while ((rc = ipc_next(c, f)) == ERR_AGAIN) {
		struct pollfd p = {ipc_chan_fd(c),
		    (short)(POLLIN | (ipc_queued(c) > 0 ? POLLOUT : 0)), 0};

		if (poll(&p, 1, seconds * 1000) == 0)
			return why_set(why, ERR_CLOSED,
			    "no answer within %d s: see what was done with "
			    "'keywarden audit show'",
			    seconds);
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
cli_try(const struct config *f, int seconds, enum msg_type type,
    const void *body, size_t len, json_t **out, struct why *why)
{
	struct ipc_chan *c = NULL;
	struct ipc_frame frame;
	enum err rc;

	if ((rc = dial(f, &c, why)) != ERR_OK)
		return rc;
	if ((rc = ipc_send(c, (uint16_t)type, 1, body, len)) != ERR_OK)
		(void)why_set(why, rc, "request too long");
	else if ((rc = exchange(c, seconds, &frame, why)) == ERR_OK)
		rc = read_answer(&frame, out, why);
	ipc_chan_free(&c);
	return rc;
}

int
cli_ask(const struct config *f, enum msg_type type, const void *body,
    size_t len, json_t **out)
{
	struct why why = {""};
	const enum err rc =
	    cli_try(f, ANSWER_SECONDS, type, body, len, out, &why);

	if (rc == ERR_OK)
		return EXIT_DONE;
	cli_error("%s", why.text);
	return rc == ERR_CLOSED ? EXIT_NOT_RUNNING : EXIT_REFUSED;
}

int
cli_ask_list(const struct config *f, enum msg_type type, json_t **out)
{
	json_t *list = json_array(), *page = NULL, *next;
	uint8_t body[4];
	uint32_t from = 0;
	struct wr w;
	int code;

	for (;;) {
		wr_init(&w, body, sizeof(body));
		wr_u32(&w, from);
		code = cli_ask(f, type, body, sizeof(body), &page);
		if (code != EXIT_DONE)
			break;
		json_array_extend(list, json_object_get(page, "rows"));
		next = json_object_get(page, "next");
		if (next == NULL) {
			*out = list;
			list = NULL;
			break;
		}
		from = (uint32_t)json_integer_value(next);
		json_decref(page);
		page = NULL;
	}
	json_decref(page);
	json_decref(list);
	return code;
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

int
cli_list(const struct command *c, int argc, char **argv, enum msg_type type,
    void (*print)(json_t *row), const char *none)
{
	struct cli_common common;
	struct config *f = NULL;
	json_t *j = NULL, *row;
	size_t i;
	int code, n;

	if ((n = cli_options(c, argc, argv, NULL, &common, &code)) == -1)
		return code;
	if (n != 0)
		return cli_usage(c, EXIT_USAGE);
	if ((code = cli_config(&common, &f)) == EXIT_DONE)
		code = cli_ask_list(f, type, &j);
	config_free(&f);
	if (code != EXIT_DONE)
		return code;
	if (common.json)
		return cli_print_json(j);
	json_array_foreach (j, i, row)
		print(row);
	if (json_array_size(j) == 0)
		(void)printf("%s\n", none);
	json_decref(j);
	return EXIT_DONE;
}
