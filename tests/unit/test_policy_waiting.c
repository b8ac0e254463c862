/* Requests that wait: how signatures come together. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "appliance/policy_waiting.h"
#include "help.h"
#include "pki.h"

enum who { MEYER, SANTOS, BRANDT, SIMON, SILVA, N_PERSONS };
static const char *const names[N_PERSONS] = {"meyer", "santos", "brandt",
    "simon", "silva"};

struct rig {
	EVP_PKEY *key[N_PERSONS];
	X509 *cert[N_PERSONS];
	struct authority *a;
	uint8_t *request; /* a revocation's octets are those of nothing here */
	size_t len;
};

static void
make_request(struct rig *g, unsigned char nonce)
{
	static const char body[] =
	    "{\"liid\":\"L1\",\"targets\":[{\"identities\":[\"sip:a@b\"]}],"
	    "\"period\":{\"start\":\"2027-01-01T00:00:00Z\",\"end\":"
	    "\"2028-01-01T00:00:00Z\"},\"clients\":[\"df2\"],\"products\":"
	    "[\"keys\"],\"delivery\":[\"xk\"]}";
	struct request_head h = {.kind = REQUEST_WARRANT_ADD,
	    .kms = "kms.example",
	    .requester = "meyer",
	    .issued = PKI_NOW,
	    .expires = PKI_NOW + 3600,
	    .nonce = {nonce}};
	struct why why = {""};

	free(g->request);
	if (request_write(&h, view(body, strlen(body)), &g->request, &g->len,
		&why) != ERR_OK)
		fail_msg("%s", why.text);
}

static int
set_up(void **state)
{
	const struct genesis genesis = {.time = PKI_NOW, .kms = "kms.example"};
	struct rig *g = calloc(1, sizeof(*g));
	struct why why = {""};

	assert_non_null(g);
	assert_int_equal(authority_new(&genesis, &g->a), ERR_OK);
	for (unsigned i = 0; i < N_PERSONS; i++) {
		uint8_t *der;
		size_t len;

		g->key[i] = EVP_EC_gen("P-256");
		g->cert[i] = pki_cert(g->key[i], names[i], (long)i + 1);
		der = pki_cert_der(g->cert[i], &len);
		if (authority_first_person(g->a, names[i],
			i < SIMON ? ROLE_OFFICER : ROLE_SECURITY_OFFICER,
			view(der, len), &why) != ERR_OK)
			fail_msg("%s", why.text);
		free(der);
	}
	make_request(g, 1);
	*state = g;
	return 0;
}

static int
tear_down(void **state)
{
	struct rig *g = *state;

	for (unsigned i = 0; i < N_PERSONS; i++) {
		EVP_PKEY_free(g->key[i]);
		X509_free(g->cert[i]);
	}
	authority_free(&g->a);
	free(g->request);
	free(g);
	return 0;
}

/* The request signed by each of a list that ends with N_PERSONS. */
static struct octets
signed_by(const struct rig *g, const enum who *who)
{
	struct pki_signer s[N_PERSONS] = {{.cert = NULL}};
	struct octets o;
	size_t n = 0;

	for (; who[n] != N_PERSONS; n++) {
		s[n].cert = g->cert[who[n]];
		s[n].key = g->key[who[n]];
	}
	o.p = pki_sign(g->request, g->len, s, n, &o.len);
	return o;
}
#define SIGNED(g, ...) signed_by(g, (const enum who[]){__VA_ARGS__, N_PERSONS})

/* Takes the document. */
static enum err
merge(const struct rig *g, const struct waiting *before, struct octets cms,
    struct waiting **out, bool *complete)
{
	struct why why = {""};
	enum err rc;

	rc = waiting_merge(g->a, before, view(g->request, g->len),
	    octets_view(&cms), PKI_NOW, out, complete, &why);
	assert_true(rc == ERR_OK || why.text[0] != '\0');
	free(cms.p);
	return rc;
}

static struct waiting *
must_merge(const struct rig *g, const struct waiting *before, struct octets cms,
    bool complete)
{
	struct waiting *w = NULL;
	bool is = !complete;

	assert_int_equal(merge(g, before, cms, &w, &is), ERR_OK);
	assert_non_null(w);
	assert_int_equal(is, complete);
	return w;
}

static void
refused(const struct rig *g, const struct waiting *before, struct octets cms,
    enum err want)
{
	struct waiting *mark = (struct waiting *)(uintptr_t)0x1234, *w = mark;
	bool complete;

	assert_int_equal(merge(g, before, cms, &w, &complete), want);
	assert_ptr_equal(w, mark);
}

/* ---- promises ---- */

static void
two_documents_of_two_officers_complete_a_request(void **state)
{
	struct rig *g = *state;
	struct waiting *one = must_merge(g, NULL, SIGNED(g, MEYER), false);
	struct waiting *two = must_merge(g, one, SIGNED(g, SANTOS), true);

	assert_int_equal(one->approvers, 1);
	assert_string_equal(one->signers, "meyer");
	assert_int_equal(two->approvers, 2);
	assert_string_equal(two->signers, "meyer, santos");
	assert_true(two->entered == one->entered);
	waiting_free(&one);
	waiting_free(&two);
}

static void
one_document_of_two_officers_is_enough(void **state)
{
	struct rig *g = *state;
	struct waiting *w = must_merge(g, NULL, SIGNED(g, SANTOS, MEYER), true);

	assert_int_equal(w->n_signers, 2);
	waiting_free(&w);
}

static void
a_document_without_a_new_signer_is_refused(void **state)
{
	struct rig *g = *state;
	struct waiting *w = must_merge(g, NULL, SIGNED(g, MEYER), false);

	refused(g, w, SIGNED(g, MEYER), ERR_EXISTS);
	assert_int_equal(w->approvers, 1); /* as it was */
	waiting_free(&w);
}

static void
the_requester_signs_first(void **state)
{
	struct rig *g = *state;

	refused(g, NULL, SIGNED(g, SANTOS), ERR_DENIED);
	refused(g, NULL, SIGNED(g, SANTOS, BRANDT), ERR_DENIED);
}

static void
who_may_not_approve_spoils_nothing(void **state)
{
	struct rig *g = *state;
	struct waiting *w = must_merge(g, NULL, SIGNED(g, MEYER), false);
	struct waiting *two;

	refused(g, w, SIGNED(g, SIMON), ERR_DENIED);
	refused(g, w, SIGNED(g, SANTOS, SILVA), ERR_DENIED);
	two = must_merge(g, w, SIGNED(g, SANTOS), true);
	waiting_free(&w);
	waiting_free(&two);
}

static void
signatures_over_other_octets_are_refused(void **state)
{
	struct rig *g = *state;
	struct waiting *w = must_merge(g, NULL, SIGNED(g, MEYER), false);
	struct octets other;

	make_request(g, 2);
	other = SIGNED(g, SANTOS);
	make_request(g, 1);
	refused(g, w, other, ERR_DENIED);
	waiting_free(&w);
}

static void
what_was_kept_is_as_it_was(void **state)
{
	struct rig *g = *state;
	struct waiting *w = must_merge(g, NULL, SIGNED(g, MEYER), false);
	struct waiting *again = NULL, *two;
	struct why why = {""};

	assert_int_equal(waiting_restore(g->a, octets_view(&w->request),
			     octets_view(&w->evidence), 42, 1, &again, &why),
	    ERR_OK);
	assert_true(again->entered == 42);
	assert_int_equal(again->approvers, 1);
	assert_string_equal(again->signers, "meyer");
	two = must_merge(g, again, SIGNED(g, SANTOS), true);
	waiting_free(&w);
	waiting_free(&again);
	waiting_free(&two);
}

/* It stays in sight, though nobody is counted. */
static void
kept_signatures_that_do_not_hold_count_nobody(void **state)
{
	struct rig *g = *state;
	struct waiting *w = NULL;
	const uint8_t none = 0;
	struct why why = {""};

	assert_int_equal(waiting_restore(g->a, view(g->request, g->len),
			     view(&none, 1), 1, 1, &w, &why),
	    ERR_OK);
	assert_int_equal(w->approvers, 0);
	assert_string_equal(w->signers, "");
	waiting_free(&w);
	assert_int_equal(waiting_restore(g->a, view("{}", 2), view(&none, 1), 1,
			     1, &w, &why),
	    ERR_MALFORMED);
	assert_null(w);
}

static void
the_list_has_each_request_once_in_order(void **state)
{
	static struct waiting_list l;
	struct rig *g = *state;
	struct waiting *one = must_merge(g, NULL, SIGNED(g, MEYER), false);
	struct waiting *more;
	struct why why = {""};
	uint8_t hash[DIGEST_LEN], other[DIGEST_LEN];

	memcpy(hash, one->q->hash, sizeof(hash));
	more = must_merge(g, one, SIGNED(g, SANTOS), true);
	assert_int_equal(waiting_put(&l, one, &why), ERR_OK);
	make_request(g, 2);
	one = must_merge(g, NULL, SIGNED(g, MEYER), false);
	memcpy(other, one->q->hash, sizeof(other));
	assert_int_equal(waiting_put(&l, one, &why), ERR_OK);
	assert_int_equal(waiting_put(&l, more, &why), ERR_OK);
	assert_int_equal(l.n, 2);
	assert_ptr_equal(l.w[0], more);
	assert_ptr_equal(waiting_find(&l, hash), more);
	assert_string_equal(waiting_state(more, g->a, PKI_NOW), "waiting");
	assert_string_equal(waiting_state(more, g->a, PKI_NOW + 3600),
	    "expired");
	waiting_drop(&l, hash);
	assert_null(waiting_find(&l, hash));
	assert_non_null(waiting_find(&l, other));
	waiting_drop(&l, hash);
	waiting_drop(&l, other);
	assert_int_equal(l.n, 0);
}

static void
one_requester_leaves_room_for_others(void **state)
{
	static struct waiting_list l;
	struct rig *g = *state;
	struct waiting *one = must_merge(g, NULL, SIGNED(g, MEYER), false);
	struct why why = {""};

	for (; l.n < MAX_REQUESTS_OF_ONE - 1; l.n++)
		l.w[l.n] = one; /* they are only counted */
	assert_int_equal(waiting_room(&l, "meyer", &why), ERR_OK);
	l.w[l.n++] = one;
	assert_int_equal(waiting_room(&l, "meyer", &why), ERR_FULL);
	assert_non_null(strstr(why.text, "requests of meyer"));
	assert_int_equal(waiting_room(&l, "santos", &why), ERR_OK);
	for (; l.n < MAX_REQUESTS; l.n++)
		l.w[l.n] = one;
	assert_int_equal(waiting_room(&l, "santos", &why), ERR_FULL);
	waiting_free(&one);
}

#define WITH_RIG(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_RIG(two_documents_of_two_officers_complete_a_request),
	    WITH_RIG(one_document_of_two_officers_is_enough),
	    WITH_RIG(a_document_without_a_new_signer_is_refused),
	    WITH_RIG(the_requester_signs_first),
	    WITH_RIG(who_may_not_approve_spoils_nothing),
	    WITH_RIG(signatures_over_other_octets_are_refused),
	    WITH_RIG(what_was_kept_is_as_it_was),
	    WITH_RIG(kept_signatures_that_do_not_hold_count_nobody),
	    WITH_RIG(the_list_has_each_request_once_in_order),
	    WITH_RIG(one_requester_leaves_room_for_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
