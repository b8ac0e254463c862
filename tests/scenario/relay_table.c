/*
 * The rows of docs/PROTOCOL.md, B3: "No | Name | From -> to | Body | Octets".
 * What a process takes is tried by what is written there.
 */
#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "base/ipc.h"
#include "relay.h"

#define MOST 128
#define LONGEST (1024 * 1024 + 64)

static struct message table[MOST];
static unsigned rows;

/* "xk, x2 -> signer": those of one side */
static unsigned
peers_of(const char *at, size_t len)
{
	unsigned set = 0;

	while (len > 0) {
		const size_t n =
		    strcspn(at, ", ") < len ? strcspn(at, ", ") : len;

		for (unsigned k = 0; k < CTL_PEER__MAX; k++) {
			const char *name = relay_peer_name((enum ctl_peer)k);

			if (strlen(name) == n && strncmp(at, name, n) == 0)
				set |= 1U << k;
		}
		at += n < len ? n + 1 : n;
		len -= n < len ? n + 1 : n;
	}
	return set;
}

/* The first five; "\|" is part of the text of one. */
static bool
get_cells(char *line, char *cell[5])
{
	char *at = line + 1;

	for (unsigned i = 0; i < 5; i++) {
		cell[i] = at + strspn(at, " ");
		do
			if ((at = strstr(at, " |")) == NULL)
				return false;
			else
				at += 2;
		while (at[-3] == '\\');
		at[-2] = '\0';
	}
	return true;
}

/* "16", "20-524288" */
static bool
get_row(char *line, struct message *m)
{
	char *cell[5], *arrow, *dash;

	if (!get_cells(line, cell) ||
	    (m->type = (uint16_t)strtoul(cell[0], NULL, 10)) == 0 ||
	    (arrow = strstr(cell[2], " -> ")) == NULL)
		return false;
	m->from = peers_of(cell[2], (size_t)(arrow - cell[2]));
	m->to = peers_of(arrow + 4, strlen(arrow + 4));
	(void)snprintf(m->name, sizeof(m->name), "%s", cell[1]);
	m->min = strtoul(cell[4], &dash, 10);
	m->max = *dash == '-' ? strtoul(dash + 1, NULL, 10) : m->min;
	return true;
}

bool
relay_may_say(const struct message *m, enum ctl_peer from, enum ctl_peer to)
{
	return (m->from & 1U << from) != 0 && (m->to & 1U << to) != 0;
}

struct message *
relay_table(const struct relay *r, unsigned *n)
{
	char line[4096];
	FILE *f;

	*n = rows;
	if (rows > 0)
		return table;
	if ((f = fopen(KW_TESTS "/../docs/PROTOCOL.md", "re")) == NULL)
		relay_stop(r, KW_TESTS "/../docs/PROTOCOL.md");
	while (fgets(line, sizeof(line), f) != NULL)
		if (line[0] == '|' && rows < MOST &&
		    get_row(line, &table[rows]))
			rows++;
	(void)fclose(f);
	if (rows == 0)
		relay_stop(r, "no messages");
	*n = rows;
	return table;
}

/* ---- examples ---- */

static void
keep_longest(struct message *m, const uint8_t *p, size_t len)
{
	if (m->example != NULL && m->example_len >= len)
		return;
	free(m->example);
	if ((m->example = malloc(len + 1)) == NULL)
		abort();
	memcpy(m->example, p, len);
	m->example_len = len;
}

static bool
next(FILE *f, uint16_t *type, uint8_t *body, size_t *len)
{
	uint8_t head[IPC_HEADER_LEN];
	uint32_t size = 0, id;
	struct rd r;

	if (fread(head, sizeof(head), 1, f) != 1)
		return false;
	rd_init(&r, head, sizeof(head));
	if (rd_u32(&r, &size) != ERR_OK || rd_u16(&r, type) != ERR_OK ||
	    rd_u32(&r, &id) != ERR_OK || size < IPC_HEADER_LEN - 4 ||
	    size > LONGEST)
		return false;
	*len = size - (IPC_HEADER_LEN - 4);
	return fread(body, 1, *len, f) == *len;
}

static void
read_kept(const char *path, enum ctl_peer from, enum ctl_peer self)
{
	static uint8_t body[LONGEST];
	FILE *f = fopen(path, "re");
	uint16_t type;
	size_t len;

	while (f != NULL && next(f, &type, body, &len))
		for (unsigned i = 0; i < rows; i++)
			if (table[i].type == type &&
			    relay_may_say(&table[i], from, self))
				keep_longest(&table[i], body, len);
	if (f != NULL)
		(void)fclose(f);
}

void
relay_examples(const struct relay *r, enum ctl_peer self)
{
	char pattern[2200];

	for (unsigned k = 0; k < CTL_PEER__MAX; k++) {
		glob_t found;

		(void)snprintf(pattern, sizeof(pattern), "%s.%s.to.*", r->self,
		    relay_peer_name((enum ctl_peer)k));
		if (glob(pattern, 0, NULL, &found) != 0)
			continue;
		for (size_t i = 0; i < found.gl_pathc; i++)
			read_kept(found.gl_pathv[i], (enum ctl_peer)k, self);
		globfree(&found);
	}
}
