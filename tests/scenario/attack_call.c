#include <stdio.h>
#include <stdlib.h>

#include "attack_call.h"
#include "base/limits.h"
#include "xk/call.h"

static struct rd
read_message(const char *dir, const char *name)
{
	uint8_t *p = malloc(MAX_MIKEY);
	char path[4096];
	struct rd r;
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s.bin", dir, name);
	if (p == NULL || (f = fopen(path, "rb")) == NULL) {
		perror(path);
		exit(2);
	}
	rd_init(&r, p, fread(p, 1, MAX_MIKEY, f));
	(void)fclose(f);
	return r;
}

struct rd
attack_call(const char *dir)
{
	static uint8_t octets[MAX_IPC_BODY];
	static struct call call;
	static struct rd out;
	struct xk_get_keys k;
	struct wr w;

	if (out.left > 0) /* one program, one call */
		return out;
	k = (struct xk_get_keys){.i_message1 = read_message(dir, "i1"),
	    .r_message1 = read_message(dir, "r1"),
	    .i_message2 = read_message(dir, "i2")};
	if (call_from_request(&k, &call) != XK_GRANTED) {
		(void)fprintf(stderr, "%s: no call\n", dir);
		exit(2);
	}
	wr_init(&w, octets, sizeof(octets));
	call_put(&w, &call);
	rd_init(&out, octets, w.len);
	return out;
}
