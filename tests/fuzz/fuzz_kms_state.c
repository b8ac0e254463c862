/* The state that init fixed: as fuzz_subscriber, then the officers in it. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "appliance/kms_state.h"
#include "fuzz.h"

static void
check_officers(const struct kms_state *s)
{
	struct officers *set = NULL;
	struct why why;

	if (kms_state_officers(s, &set, &why) != ERR_OK) {
		MUST(set == NULL && memchr(why.text, 0, sizeof(why.text)));
		return;
	}
	MUST(officers_count(set) == s->n_officers);
	for (unsigned i = 0; i < s->n_officers; i++)
		MUST(s->officer[i].name.left >= strlen(officers_name(set, i)));
	officers_free(&set);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t again[KMS_STATE_MAX];
	static struct kms_state s;
	struct rd in, sealed, seal, back;
	uint8_t *p = NULL;
	struct why why;
	struct wr w;
	size_t len = 0;
	int fd;

	rd_init(&in, data, size);
	fd = memory_file(in);
	if (kms_state_read(fd, &p, &len, &why) == ERR_OK) {
		rd_init(&back, p, len);
		MUST(rd_equal(&in, &back));
	} else
		MUST(size == 0 || size > KMS_STATE_MAX);
	free(p);
	close(fd);
	if (kms_state_parse(in, &s, &sealed, &seal) != ERR_OK)
		return 0;
	MUST(sealed.p == in.p && sealed.left + seal.left == size);
	MUST(seal.left == KMS_STATE_SEAL_LEN);
	wr_init(&w, again, sizeof(again));
	kms_state_put(&w, &s);
	must_have_written(&w, sealed);
	check_officers(&s);
	return 0;
}
