#include "lemf/fields.h"

enum err
fields_read(struct rd in, const struct field *f, unsigned n)
{
	struct ber e;
	enum err rc;

	for (unsigned i = 0; i < n; i++)
		*f[i].to = (struct rd){NULL, 0};
	while (in.left > 0) {
		if ((rc = ber_get(&in, &e)) != ERR_OK)
			return rc;
		for (unsigned i = 0; i < n; i++) {
			if (f[i].tag != e.tag)
				continue;
			if (f[i].to->p != NULL)
				return ERR_MALFORMED;
			*f[i].to = e.content;
		}
	}
	for (unsigned i = 0; i < n; i++)
		if (f[i].must && f[i].to->p == NULL)
			return ERR_MALFORMED;
	return ERR_OK;
}

enum err
fields_only(struct rd in, struct ber *out)
{
	enum err rc;

	return (rc = ber_get(&in, out)) != ERR_OK ? rc : rd_end(&in);
}
