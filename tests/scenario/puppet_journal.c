#include <string.h>

#include "appliance/proto.h"
#include "puppet_journal.h"

static void
say(struct wr *out, uint16_t type, uint64_t number)
{
	wr_u32(out, IPC_HEADER_LEN - 4 + 8);
	wr_u16(out, type);
	wr_u32(out, 0);
	wr_u64(out, number);
}

/* The head is there, or all of a shorter frame. */
static void
judge(struct journal *j, struct wr *out)
{
	uint32_t len = 0, id = 0;
	uint64_t number = 0;
	uint16_t type = 0;
	struct rd r;

	rd_init(&r, j->head, j->have);
	if (rd_u32(&r, &len) != ERR_OK || rd_u16(&r, &type) != ERR_OK ||
	    rd_u32(&r, &id) != ERR_OK || rd_u64(&r, &number) != ERR_OK)
		return;
	if (type == MSG_INTAKE_MORE)
		say(out, MSG_INTAKE_END, 1);
	if (type == MSG_INTAKE || type == MSG_INTAKE_GONE)
		say(out, MSG_INTAKE_STORED, number);
}

static size_t
whole_of(const struct journal *j)
{
	uint32_t len = 0;
	struct rd r;

	rd_init(&r, j->head, j->have);
	return rd_u32(&r, &len) == ERR_OK ? len + 4 : JOURNAL_HEAD;
}

void
journal_hear(struct journal *j, const uint8_t *octets, size_t len,
    struct wr *out)
{
	while (len > 0) {
		size_t n;

		if (j->left > 0) {
			n = len < j->left ? len : j->left;
			j->left -= (uint32_t)n;
			octets += n;
			len -= n;
			continue;
		}
		j->head[j->have++] = *octets++;
		len--;
		n = whole_of(j);
		if (j->have < JOURNAL_HEAD && j->have < n)
			continue;
		judge(j, out);
		j->left = (uint32_t)(n - j->have);
		j->have = 0;
	}
}
