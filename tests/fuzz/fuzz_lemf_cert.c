/*
 * Certificates of LEMFs: keys can be sealed to whatever is accepted, in its
 * time and no other; what is cut or has octets behind it is none.
 *
 * Input: u64 how many seconds after 2020, DER.
 */
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "appliance/envelope.h"
#include "der_mutate.h"
#include "policy/lemf_cert.h"
#include "policy/persons.h"

#define FROM_2020 1577836800
#define YEARS (80 * 366 * 86400LL)

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size,
    unsigned int seed)
{
	return size < 8
	    ? LLVMFuzzerMutate(data, size, max_size)
	    : 8 + der_mutate(data + 8, size - 8, max_size - 8, seed);
}

static void
can_be_sealed_to(struct rd der)
{
	const unsigned char *p = der.p;
	X509 *x = d2i_X509(NULL, &p, (long)der.left);
	uint8_t *cms = NULL;
	struct rd in;
	size_t len;

	rd_init(&in, "a key", 5);
	MUST(x != NULL && X509_check_ca(x) == 0);
	MUST(envelope(x, in, &cms, &len) == ERR_OK && len > in.left);
	OPENSSL_free(cms);
	X509_free(x);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct why why = {""};
	struct rd in, der;
	int64_t now;
	enum err rc;

	rd_init(&in, data, size);
	now = FROM_2020 + (int64_t)(take_u64(&in) % YEARS);
	der = own_copy(in);
	rc = lemf_cert_check(der, now, &why);
	MUST((rc == ERR_OK) == (why.text[0] == '\0'));
	if (rc == ERR_OK) {
		can_be_sealed_to(der);
		MUST(persons_cert_valid(der, now));
		der.left--;
		MUST(lemf_cert_check(der, now, &why) == ERR_MALFORMED);
	} else if (rc == ERR_DENIED)
		MUST(!persons_cert_valid(der, now));
	own_free(&der);
	return 0;
}
