#include <string.h>

#include "policy/words.h"

bool
words_have(const struct words *l, struct rd what)
{
	bool hit = false;

	for (unsigned i = 0; i < l->n; i++)
		hit |= rd_is(&what, l->w[i], strlen(l->w[i]));
	return hit;
}
