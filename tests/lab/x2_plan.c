#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/rand.h>

#include "base/log.h"
#include "lab_sip.h"
#include "lab_store.h"
#include "lab_wav.h"
#include "x2_plan.h"

#define FILE_MAX (16 * 1024 * 1024)
#define PATH_LEN 1024

static void
random_octets(void *p, size_t len)
{
	if (RAND_bytes(p, (int)len) != 1)
		fatal("no random octets");
}

/* ---- what there is to send ---- */

static enum err
add_file(struct x2_plan *p, const char *path, struct why *why)
{
	uint8_t *b;
	size_t len;
	enum err rc = lab_slurp(path, FILE_MAX, &b, &len, why);

	if (rc != ERR_OK)
		return rc;
	if (len == 0)
		rc = why_set(why, ERR_MALFORMED, "%s is empty", path);
	else
		x2_list_add(&p->list, b, len);
	free(b);
	return rc;
}

static int
visible(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

/* Each entry of a folder in the order of names. */
static enum err
each_of(struct x2_plan *p, const char *dir,
    enum err (*add)(struct x2_plan *, const char *, struct why *),
    struct why *why)
{
	struct dirent **e;
	const int n = scandir(dir, &e, visible, alphasort);
	char path[PATH_LEN];
	enum err rc = ERR_OK;

	if (n < 0)
		return why_errno(why, "%s", dir);
	for (int i = 0; i < n; i++) {
		if (rc == ERR_OK) {
			(void)snprintf(path, sizeof(path), "%s/%s", dir,
			    e[i]->d_name);
			rc = add(p, path, why);
		}
		free(e[i]);
	}
	free(e);
	return rc;
}

/* Each call has a Call-ID of its own: the given one, or it with a number. */
static enum err
add_call(struct x2_plan *p, const char *dir, struct why *why)
{
	static unsigned n;
	const struct x2_opt *o = p->opt;
	struct x2_call_opt call = o->call;
	char id[SIP_TEXT_MAX];
	uint8_t r[8];

	if (call.call_id == NULL) {
		random_octets(r, sizeof(r));
		hex_put(r, sizeof(r), id);
	} else if (n == 0) {
		(void)snprintf(id, sizeof(id), "%s", call.call_id);
	} else {
		(void)snprintf(id, sizeof(id), "%u-%s", n, call.call_id);
	}
	n++;
	call.call_id = id;
	return x2_call_make(&call, dir, &p->list, why);
}

enum err
x2_plan_load(struct x2_plan *p, const struct x2_opt *o, struct why *why)
{
	enum err rc = ERR_OK;

	*p = (struct x2_plan){.opt = o, .numbers = lab_x2_numbers_new()};
	for (unsigned i = 0; i < o->n_dirs && rc == ERR_OK; i++)
		rc = add_call(p, o->dirs[i], why);
	if (rc == ERR_OK && o->calls != NULL)
		rc = each_of(p, o->calls, add_call, why);
	if (rc == ERR_OK && o->sip_dir != NULL)
		rc = each_of(p, o->sip_dir, add_file, why);
	for (unsigned i = 0; i < o->n_files && rc == ERR_OK; i++)
		rc = add_file(p, o->files[i], why);
	if (rc == ERR_OK && o->raw != NULL)
		rc = add_file(p, o->raw, why);
	return rc;
}

/* ---- in which PDUs ---- */

static void
append(struct x2_plan *p, const struct x2_planned *one)
{
	if (p->n == p->cap) {
		p->cap = p->cap > 0 ? 2 * p->cap : 64;
		p->p = reallocarray(p->p, p->cap, sizeof(*p->p));
		if (p->p == NULL)
			fatal("no memory");
	}
	p->p[p->n++] = *one;
}

/* What of the header follows from the SIP message. */
static void
describe(const struct x2_opt *o, struct rd sip, struct lab_x2_pdu *x)
{
	static struct sip m;
	enum lab_x2_direction d = LAB_X2_UNKNOWN;
	const bool ok = sip_parse(sip.p, sip.left, &m) == ERR_OK;

	if (o->has_correlation)
		memcpy(x->correlation, o->correlation, sizeof(x->correlation));
	else if (ok)
		lab_x2_correlate(sip_get(&m, "Call-ID", 0), x->correlation);
	if (o->direction == SAY_TO)
		d = LAB_X2_TO_TARGET;
	else if (o->direction == SAY_FROM)
		d = LAB_X2_FROM_TARGET;
	else if (ok && o->target != NULL &&
	    lab_x2_passes(&m, o->target, &d) != ERR_OK)
		d = LAB_X2_UNKNOWN;
	x->direction = (uint16_t)d;
}

static void
plan_sip(struct x2_plan *p, struct rd sip)
{
	const struct x2_opt *o = p->opt;
	struct x2_planned one = {.pdu = o->like};
	struct lab_x2_pdu *x = &one.pdu;

	describe(o, sip, x);
	x->payload = sip;
	for (unsigned i = 0; i < o->n_xids; i++) {
		memcpy(x->xid, o->xid[i], sizeof(x->xid));
		x->sequence = lab_x2_number(p->numbers, x->xid, x->correlation);
		x->has_sequence = !o->no_sequence;
		lab_x2_stamp(x);
		x->has_time = !o->no_time;
		append(p, &one);
		if (o->duplicate)
			append(p, &one);
	}
}

/* xorshift64*: the same seed gives the same order. */
static uint64_t
next_random(uint64_t *s)
{
	*s ^= *s >> 12;
	*s ^= *s << 25;
	*s ^= *s >> 27;
	return *s * UINT64_C(2685821657736338717);
}

static void
shuffle(struct x2_plan *p)
{
	uint64_t s = 2 * p->opt->seed + 1;

	for (size_t i = p->n; i > 1; i--) {
		const size_t k = (size_t)(next_random(&s) % i);
		const struct x2_planned t = p->p[k];

		p->p[k] = p->p[i - 1];
		p->p[i - 1] = t;
	}
}

void
x2_plan_order(struct x2_plan *p)
{
	const bool raw = p->opt->raw != NULL;

	for (size_t i = 0; i + (raw ? 1 : 0) < p->list.n; i++)
		plan_sip(p, p->list.m[i]);
	if (p->opt->shuffle)
		shuffle(p);
	if (raw)
		append(p,
		    &(struct x2_planned){.raw = true,
			.pdu.payload = p->list.m[p->list.n - 1]});
}

void
x2_plan_octets(const struct x2_plan *p, size_t i, uint8_t **out, size_t *len)
{
	struct x2_planned *one = &p->p[i];
	const struct rd r = one->pdu.payload;

	if (one->raw) {
		*len = r.left;
		if ((*out = malloc(r.left)) == NULL)
			fatal("no memory");
		memcpy(*out, r.p, r.left);
		return;
	}
	if (lab_x2_put(&one->pdu, out, len) != ERR_OK)
		fatal("a PDU cannot be made");
}

/* ---- background ---- */

static void
background_pdu(struct x2_plan *p, struct rd sip, const uint8_t *xid,
    void (*put)(void *ctx, uint8_t *, size_t), void *ctx)
{
	struct lab_x2_pdu x;
	uint8_t *b;
	size_t len;

	lab_x2_init(&x);
	describe(p->opt, sip, &x);
	memcpy(x.xid, xid, sizeof(x.xid));
	x.has_sequence = true;
	x.sequence = lab_x2_number(p->numbers, xid, x.correlation);
	x.payload = sip;
	if (lab_x2_put(&x, &b, &len) != ERR_OK)
		fatal("a PDU cannot be made");
	put(ctx, b, len);
}

void
x2_plan_background(struct x2_plan *p, void (*put)(void *ctx, uint8_t *, size_t),
    void *ctx)
{
	uint8_t xid[LAB_X2_XID_LEN];
	char id[2 * sizeof(xid) + 1], from[64], to[64];
	struct x2_call_opt call = {.from = from,
	    .to = to,
	    .call_id = id,
	    .bye = true,
	    .fork = 1,
	    .media = 1};
	struct x2_list list = {NULL, 0, 0};
	struct why why;

	random_octets(xid, sizeof(xid));
	hex_put(xid, sizeof(xid), id);
	(void)snprintf(from, sizeof(from), "sip:%.8s@a.example", id);
	(void)snprintf(to, sizeof(to), "sip:%.8s@b.example", id + 8);
	if (x2_call_make(&call, NULL, &list, &why) != ERR_OK)
		fatal("%s", why.text);
	for (size_t i = 0; i < list.n; i++)
		background_pdu(p, list.m[i], xid, put, ctx);
	x2_list_done(&list);
}

/* ---- into files ---- */

enum err
x2_plan_print(const struct x2_plan *p, const char *dir, struct why *why)
{
	char path[PATH_LEN];
	enum err rc = ERR_OK;

	if (mkdir(dir, 0777) == -1 && errno != EEXIST)
		return why_errno(why, "cannot create %s", dir);
	for (size_t i = 0; i < p->list.n && rc == ERR_OK; i++) {
		(void)snprintf(path, sizeof(path), "%s/%04zu.sip", dir, i + 1);
		rc = lab_save(path, p->list.m[i].p, p->list.m[i].left, why);
	}
	return rc;
}

enum err
x2_plan_dump(const struct x2_plan *p, const char *file, struct why *why)
{
	FILE *f = fopen(file, "wb");
	bool ok = f != NULL;
	uint8_t *b;
	size_t len;

	if (!ok)
		return why_errno(why, "cannot create %s", file);
	for (size_t i = 0; i < p->n; i++) {
		x2_plan_octets(p, i, &b, &len);
		ok = fwrite(b, 1, len, f) == len && ok;
		free(b);
	}
	ok = fclose(f) == 0 && ok;
	return ok ? ERR_OK : why_errno(why, "cannot write %s", file);
}

void
x2_plan_done(struct x2_plan *p)
{
	x2_list_done(&p->list);
	free(p->p);
	lab_x2_numbers_free(p->numbers);
}
