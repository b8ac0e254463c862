#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "calls.h"
#include "exchange.h"
#include "xk/xk_pdu.h"

#define PARAMS_MAX 1024
#define DAY 86400

static void
stop(const char *what, const char *text)
{
	(void)fprintf(stderr, "bench_getkeys: %s: %s\n", what, text);
	exit(1);
}

static size_t
read_file(const char *path, void *out, size_t cap)
{
	FILE *f = fopen(path, "rb");
	size_t n;

	if (f == NULL)
		stop(path, "cannot be read");
	n = fread(out, 1, cap, f);
	(void)fclose(f);
	return n;
}

static void
read_seed(const char *path, uint8_t seed[LAB_SEED_LEN])
{
	char hex[2 * LAB_SEED_LEN + 1] = "";

	(void)read_file(path, hex, 2 * LAB_SEED_LEN);
	if (hex_get(hex, seed, LAB_SEED_LEN) != ERR_OK)
		stop(path, "no seed in hex");
}

static struct rd
octets(const struct exchange *x, enum exchange_message m)
{
	struct rd r;

	rd_init(&r, x->message[m].p, x->message[m].len);
	return r;
}

static void
make_order(struct call_order *o, uint32_t id, const struct exchange *x,
    const char *target)
{
	struct xk_get_keys k = {.i_message1 = octets(x, EXCHANGE_I1),
	    .r_message1 = octets(x, EXCHANGE_R1),
	    .i_message2 = octets(x, EXCHANGE_I2)};

	rd_init(&k.public_kms_identity, target, strlen(target));
	if (xk_encode_get_keys(id, &k, &o->der, &o->len) != ERR_OK)
		stop("a call", "cannot be encoded");
	memcpy(o->key, x->keys.key[0].key, sizeof(o->key));
}

void
calls_make(struct calls *c, const struct calls_parties *p, size_t n,
    bool initiator, bool a_day_each)
{
	uint8_t params[PARAMS_MAX], seed_a[LAB_SEED_LEN], seed_b[LAB_SEED_LEN];
	struct exchange *x = calloc(1, sizeof(*x));
	struct exchange_maker *maker = NULL;
	struct exchange_spec spec;
	struct why why = {""};

	exchange_spec_init(&spec);
	rd_init(&spec.kms_i.params, params,
	    read_file(p->params, params, sizeof(params)));
	spec.kms_r = spec.kms_i;
	read_seed(p->alice_seed, seed_a);
	read_seed(p->bob_seed, seed_b);
	spec.initiator.identity = p->alice;
	spec.initiator.seed = seed_a;
	spec.responder.identity = p->bob;
	spec.responder.seed = seed_b;
	*c = (struct calls){.n = n, .order = calloc(n, sizeof(*c->order))};
	if (c->order == NULL || x == NULL)
		stop("calls", "out of memory");
	for (size_t i = 0; i < n; i++) {
		if (i == 0 || a_day_each) {
			exchange_maker_free(&maker);
			spec.has_time = a_day_each;
			spec.time = (int64_t)time(NULL) - (int64_t)i * DAY;
			if (exchange_maker_new(&spec, &maker, &why) != ERR_OK)
				stop("a call", why.text);
		}
		if (exchange_make(maker, x, &why) != ERR_OK)
			stop("a call", why.text);
		make_order(&c->order[i], (uint32_t)i, x,
		    initiator ? p->alice : p->bob);
	}
	exchange_maker_free(&maker);
	explicit_bzero(x, sizeof(*x));
	free(x);
}

void
calls_free(struct calls *c)
{
	for (size_t i = 0; i < c->n; i++)
		xk_der_free(&c->order[i].der, c->order[i].len);
	free(c->order);
}
