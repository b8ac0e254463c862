#include "fuzz.h"
#include "hi2_peers_queue.h"

struct stand stand;

static enum err
spool_fails(struct why *why)
{
	if (stand.fail_in == 0 || --stand.fail_in > 0)
		return ERR_OK;
	return why_set(why, ERR_IO, "it was to fail");
}

static uint32_t
number_in(struct rd name)
{
	MUST(name.left == 2 && name.p[1] >= '0' && name.p[1] <= '9');
	return name.p[1] - '0';
}

enum err
spool_place(struct spool *s, struct rd lemf, struct rd liid, uint32_t cin,
    int64_t now, struct spool_place *out, struct why *why)
{
	(void)s;
	(void)now;
	*out = (struct spool_place){.day = 0};
	stand.next = (struct stand_row){.content = cin,
	    .leg = number_in(liid),
	    .lemf = number_in(lemf)};
	return spool_fails(why);
}

enum err
spool_put(struct spool *s, const struct spool_place *at, struct rd pdu,
    struct why *why)
{
	const struct stand_row *next = &stand.next;

	(void)s;
	(void)at;
	MUST(pdu.left > 0);
	stand.pdu = pdu;
	for (unsigned i = 0; i < stand.n; i++)
		MUST(stand.row[i].content != next->content ||
		    stand.row[i].leg != next->leg ||
		    stand.row[i].lemf != next->lemf);
	MUST(stand.n < ROWS);
	if (spool_fails(why) != ERR_OK)
		return ERR_IO;
	stand.row[stand.n++] = *next;
	return ERR_OK;
}

enum err
spool_commit(struct spool *s, struct why *why)
{
	(void)s;
	if (spool_fails(why) != ERR_OK)
		return ERR_IO;
	for (unsigned i = 0; i < stand.n; i++)
		stand.row[i].on_disk = true;
	return ERR_OK;
}

void
spool_give_up(struct spool *s)
{
	(void)s;
	while (stand.n > 0 && !stand.row[stand.n - 1].on_disk)
		stand.n--;
}

void
spool_counts(const struct spool *s, struct spool_counts *out)
{
	(void)s;
	*out = (struct spool_counts){.records = stand.n};
}

unsigned
stand_rows_of(uint32_t content, uint32_t leg)
{
	unsigned n = 0;

	for (unsigned i = 0; i < stand.n; i++)
		n += stand.row[i].on_disk && stand.row[i].leg == leg &&
		    stand.row[i].content == content;
	return n;
}
