/* The state that init fixed: as fuzz_subscriber, then those whom it enrols. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "appliance/kms_state.h"
#include "fuzz.h"

/* All of those that it enrols, or no warrant state at all. */
static void
check_authority(const struct kms_state *s, struct rd whole)
{
	struct authority *a = NULL;
	struct why why = {""};
	uint8_t digest[DIGEST_LEN];
	struct cert_entry c;
	struct person p;

	if (kms_state_authority(s, whole, &a, &why) != ERR_OK) {
		MUST(a == NULL && why.text[0] != '\0');
		MUST(memchr(why.text, 0, sizeof(why.text)) != NULL);
		return;
	}
	MUST(authority_head(a).number == 0);
	MUST(digest_of(whole, digest) == ERR_OK);
	MUST(memcmp(authority_head(a).hash, digest, DIGEST_LEN) == 0);
	MUST(authority_time(a) == s->created);
	MUST(persons_count(authority_persons(a)) == s->n_persons);
	for (unsigned i = 0; i < s->n_persons; i++) {
		p = persons_get(authority_persons(a), i);
		MUST(p.from == 0 && p.until == PERSON_STAYS && !p.voided);
		MUST(p.role == s->person[i].role);
		MUST(rd_equal(&p.cert, &s->person[i].cert));
		MUST(s->person[i].name.left >= strlen(p.name));
	}
	MUST(authority_clients(a) == s->n_clients);
	for (unsigned i = 0; i < s->n_clients; i++) {
		c = authority_client(a, i);
		MUST(rd_equal(&c.cert, &s->client[i].cert));
		MUST(s->client[i].name.left >= strlen(c.name));
	}
	authority_free(&a);
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
	check_authority(&s, in);
	return 0;
}
