#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "appliance/cli_log.h"

int
cli_log_open(struct log_reading *t)
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

void
cli_log_close(struct log_reading *t)
{
	free(t->r);
	if (t->fd != -1)
		close(t->fd);
}

enum err
cli_log_next(struct log_reading *t, struct audit_entry *e, struct why *why)
{
	return audit_reader_next(t->r, e, why);
}
