#include <stdlib.h>
#include <string.h>

#include "hsm/ibe_scheme.h"

struct ibe {
	const struct ibe_scheme *scheme;
	void *of_scheme;
};
struct ibe_setup {
	const struct ibe_scheme *scheme;
	void *of_scheme;
};

static const struct ibe_scheme *const schemes[] = {&ibe_ss512};

static const struct ibe_scheme *
find(const char *name)
{
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (strcmp(schemes[i]->strength.scheme, name) == 0)
			return schemes[i];
	return NULL;
}

enum err
ibe_strength(const char *scheme, struct ibe_strength *out)
{
	const struct ibe_scheme *s = find(scheme);

	if (s == NULL)
		return ERR_NOTFOUND;
	*out = s->strength;
	return ERR_OK;
}

enum err
ibe_setup_new(const char *scheme, struct ibe_setup **out)
{
	const struct ibe_scheme *s = find(scheme);
	struct ibe_setup *t;
	enum err rc;

	if (s == NULL)
		return ERR_NOTFOUND;
	if ((t = calloc(1, sizeof(*t))) == NULL)
		return ERR_NOMEM;
	t->scheme = s;
	if ((rc = s->setup_new(&t->of_scheme)) != ERR_OK) {
		free(t);
		return rc;
	}
	*out = t;
	return ERR_OK;
}

void
ibe_setup_free(struct ibe_setup **tp)
{
	struct ibe_setup *t = *tp;

	if (t == NULL)
		return;
	t->scheme->setup_free(t->of_scheme);
	free(t);
	*tp = NULL;
}

struct rd
ibe_setup_ec_params(const struct ibe_setup *t)
{
	return t->scheme->setup_ec_params(t->of_scheme);
}

struct rd
ibe_setup_subgroup_params(const struct ibe_setup *t)
{
	return t->scheme->setup_subgroup_params(t->of_scheme);
}

enum err
ibe_setup_finish(const struct ibe_setup *t, struct rd public_point,
    uint8_t *der, size_t *len)
{
	return t->scheme->setup_finish(t->of_scheme, public_point, der, len);
}

enum err
ibe_load(const char *scheme, struct rd der, struct ibe **out, struct why *why)
{
	const struct ibe_scheme *s = find(scheme);
	struct ibe *t;
	enum err rc;

	if (s == NULL)
		return why_set(why, ERR_NOTFOUND, "no IBE scheme of that name");
	if ((t = calloc(1, sizeof(*t))) == NULL)
		return why_set(why, ERR_NOMEM, "out of memory");
	t->scheme = s;
	if ((rc = s->load(der, &t->of_scheme, why)) != ERR_OK) {
		free(t);
		return rc;
	}
	*out = t;
	return ERR_OK;
}

void
ibe_free(struct ibe **tp)
{
	struct ibe *t = *tp;

	if (t == NULL)
		return;
	t->scheme->free(t->of_scheme);
	free(t);
	*tp = NULL;
}

size_t
ibe_coordinate_octets(const struct ibe *t)
{
	return t->scheme->coordinate_octets(t->of_scheme);
}

void
ibe_known_product(const struct ibe *b, uint8_t point[IBE_POINT_MAX],
    size_t *len, uint8_t x[IBE_POINT_MAX], size_t *x_len)
{
	b->scheme->known_product(b->of_scheme, point, x);
	*x_len = b->scheme->coordinate_octets(b->of_scheme);
	*len = 1 + 2 * *x_len;
}

size_t
ibe_v_octets(const struct ibe *t)
{
	return t->scheme->v_octets(t->of_scheme);
}

enum err
ibe_open(struct ibe *t, const struct ibe_token *token, const struct rd *ids,
    size_t n_ids, const struct ibe_envelope *e, uint8_t *plain, size_t *which)
{
	return t->scheme->open(t->of_scheme, token, ids, n_ids, e, plain,
	    which);
}

enum err
ibe_encrypt(struct ibe *t, struct rd id, const uint8_t *plain, size_t len,
    uint8_t *u, uint8_t *v, uint8_t *w)
{
	return t->scheme->encrypt(t->of_scheme, id, plain, len, u, v, w);
}

enum err
ibe_private_key(struct ibe *t, const struct ibe_token *token, struct rd id,
    uint8_t *der, size_t *len)
{
	return t->scheme->private_key(t->of_scheme, token, id, der, len);
}

void
ibe_forget_ids(struct ibe *t)
{
	t->scheme->forget_ids(t->of_scheme);
}
