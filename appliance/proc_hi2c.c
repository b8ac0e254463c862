/*
 * keywarden-hi2c: delivers to one LEMF.  It is given the records of that LEMF
 * alone, by the queue, and holds them until they have gone; it has no file,
 * and of keys only its own of TLS and those in records that are on their way.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/rand.h>

#include "appliance/hi2_profiles.h"
#include "appliance/hi2c_proc.h"
#include "appliance/sandbox.h"
#include "base/log.h"

/* ---- files ---- */

static void
on_file(void *ctx, enum ctl_file kind, int fd)
{
	struct hi2c *h = ctx;

	if (!tls_fds_keep(&h->files, kind, fd))
		fatal("a file that is not for this process");
}

static void
stamps_of(const struct tls_fds *f, struct stamp out[HI2C_FILES])
{
	const int fd[HI2C_FILES] = {f->cert, f->key, f->ca};

	for (unsigned i = 0; i < HI2C_FILES; i++)
		out[i] = stamp_of(fd[i]);
}

/* Nothing of what has come differs from what is in use. */
static bool
is_same(const struct hi2c *h, struct rd settings)
{
	struct stamp stamp[HI2C_FILES];

	if (!rd_is(&settings, h->settings, h->settings_len))
		return false;
	stamps_of(&h->files, stamp);
	for (unsigned i = 0; i < HI2C_FILES; i++)
		if (!stamp_same(&stamp[i], &h->stamp[i]))
			return false;
	return true;
}

static void
keep_same(struct hi2c *h, struct rd settings)
{
	uint8_t *p = malloc(settings.left);

	if (p == NULL)
		fatal("out of memory");
	memcpy(p, settings.p, settings.left);
	free(h->settings);
	h->settings = p;
	h->settings_len = settings.left;
}

static void
judge_lists(struct hi2c *h)
{
	if (tls_crl_tick(&hi2c_lists))
		tls_link_judge(h->link);
}

static void
on_lists(void *ctx)
{
	struct hi2c *h = ctx;

	tls_crl_take(&hi2c_lists, &h->files);
	judge_lists(h);
}

/* ---- settings ---- */

static enum err
new_machine(const struct hi2c_settings *s, struct deliver **out,
    enum deliver_rule *of, struct why *why)
{
	static const enum deliver_rule rules[] = {[LINK_SENT] = DELIVER_SENT,
	    [LINK_KEEPALIVE] = DELIVER_KEEPALIVE,
	    [LINK_ACKNOWLEDGED] = DELIVER_ACKNOWLEDGED};
	static const enum deliver_integrity integrity[] =
	    {[LINK_NO_INTEGRITY] = DELIVER_NO_INTEGRITY,
		[LINK_HASH] = DELIVER_HASH,
		[LINK_SIGNATURE] = DELIVER_SIGNATURE};
	static const enum deliver_hash hash[] = {[LINK_SHA256] = DELIVER_SHA256,
	    [LINK_SHA384] = DELIVER_SHA384,
	    [LINK_SHA512] = DELIVER_SHA512};
	const struct link_settings *k = &s->how;
	struct deliver_config c = {.rule = rules[k->rule],
	    .time1 = 1000 * (int64_t)k->keep_alive_seconds,
	    .time2 = 1000 * (int64_t)k->answer_seconds,
	    .time3 = 1000 * (int64_t)k->dead_seconds,
	    .integrity = integrity[k->integrity],
	    .hash = hash[k->hash],
	    .hash_pdus = k->hash_records,
	    .hash_ms = k->hash_ms,
	    .sign_hashes = k->sign_hashes,
	    .sign_ms = 1000 * (int64_t)k->sign_seconds};
	enum err rc;

	if ((rc = hi2_profile_read(&s->lemf, &c.profile, why)) != ERR_OK)
		return rc;
	if (RAND_bytes(c.key, sizeof(c.key)) != 1)
		return why_set(why, ERR_CRYPTO, "no randomness");
	*of = c.rule;
	rc = deliver_new(&c, out);
	return rc == ERR_OK ? ERR_OK
			    : why_set(why, rc, "delivery: %s", err_str(rc));
}

/* The files have been closed after this. */
static enum err
new_tls(struct hi2c *h, const struct hi2c_settings *s, SSL_CTX **out,
    struct why *why)
{
	const struct tls_fds files = tls_fds_take(&h->files);
	struct stamp stamp[HI2C_FILES];
	const struct tls_client_kind old = hi2c_tls_kind;
	uint8_t old_pin[MAX_LEMF_PINS][DIGEST_LEN];
	enum err rc;

	stamps_of(&files, stamp);
	memcpy(old_pin, h->pin, sizeof(old_pin));
	memcpy(h->pin, s->pin, sizeof(h->pin));
	hi2c_tls_kind.section = h->section;
	hi2c_tls_kind.tls12 = s->how.tls12;
	hi2c_tls_kind.n_pins = s->n_pins;
	hi2c_tls_kind.pin = h->pin;
	rc = tls_client_new(&hi2c_tls_kind, &files, out, why);
	if (rc == ERR_OK) {
		memcpy(h->stamp, stamp, sizeof(stamp));
	} else { /* the context in use has these */
		hi2c_tls_kind = old;
		memcpy(h->pin, old_pin, sizeof(old_pin));
	}
	return rc;
}

static void
take_names(struct hi2c *h, const struct hi2c_settings *s,
    const struct address *a)
{
	char name[MAX_NAME + 1];

	if (view_text(s->lemf.name, name, sizeof(name)) != ERR_OK ||
	    view_text(s->name, h->name, sizeof(h->name)) != ERR_OK)
		fatal("bad settings");
	(void)snprintf(h->whom, sizeof(h->whom), "the LEMF %s", name);
	(void)snprintf(h->section, sizeof(h->section), "lemf %s", name);
	if (h->name[0] == '\0')
		memcpy(h->name, a->host, sizeof(a->host));
}

/*
 * ERR_MALFORMED with the reason: what was in use stays so.  The supervisor has
 * tried all of it before.
 */
static enum err
take_settings(struct hi2c *h, const struct hi2c_settings *s, struct why *why)
{
	struct tls_link_to to = {.name = h->name,
	    .unheard_ms = 1000 * s->how.dead_seconds};
	enum deliver_rule rule = DELIVER_SENT;
	struct deliver *fresh = NULL;
	char address[256];
	enum err rc;

	if (view_text(s->address, address, sizeof(address)) != ERR_OK)
		fatal("bad settings");
	if ((rc = address_parse("lemf.address", address, &to.address, why)) !=
	    ERR_OK)
		return rc;
	h->port = address_port(&to.address);
	if (!sandbox_may_call(h->port)) {
		log_info("another port: this process ends and is started anew");
		tls_link_bye(h->link);
		_exit(0);
	}
	if ((rc = new_machine(s, &fresh, &rule, why)) != ERR_OK)
		return rc;
	take_names(h, s, &to.address);
	if ((rc = new_tls(h, s, &to.tls, why)) != ERR_OK) {
		deliver_free(&fresh);
		return rc;
	}
	tls_link_set(h->link, &to);
	SSL_CTX_free(to.tls); /* the link has its own */
	hi2c_replace(h, fresh, rule);
	return ERR_OK;
}

static bool
is_complete(const struct hi2c *h, const struct hi2c_settings *s)
{
	return h->files.cert != -1 && h->files.key != -1 &&
	    (h->files.ca != -1) == s->has_ca &&
	    (h->files.crl != -1) == s->has_crl;
}

/* ---- the line to the supervisor ---- */

static void
on_peer(void *ctx, enum ctl_peer kind, unsigned index, int fd)
{
	struct hi2c *h = ctx;

	(void)index;
	if (kind == CTL_PEER_SIGNER) {
		tls_asks_joined(&h->loop, fd);
		return;
	}
	if (kind != CTL_PEER_HI2)
		fatal("a peer that is not for this process");
	hi2c_hi2_joined(h, fd);
}

static void
on_setup(void *ctx, struct rd settings)
{
	struct hi2c *h = ctx;
	struct hi2c_settings s;
	struct why why = {""};

	if (hi2c_settings_get(settings, &s) != ERR_OK || !is_complete(h, &s))
		fatal("incomplete start");
	if (tls_link_new(&h->loop, &hi2c_link_ops, h, h->whom, &h->link) !=
	    ERR_OK)
		fatal("out of memory");
	if (take_settings(h, &s, &why) != ERR_OK)
		ctl_fail(ERR_MALFORMED, &why);
	tls_crl_take(&hi2c_lists, &h->files);
	keep_same(h, settings);
	sandbox_confine(SANDBOX_HI2C, h->port);
	sandbox_enter(SANDBOX_HI2C);
}

/* New files came before this. */
static void
on_reload(void *ctx, struct rd settings)
{
	struct hi2c *h = ctx;
	struct hi2c_settings s;
	struct why why = {""};

	if (hi2c_settings_get(settings, &s) != ERR_OK || !is_complete(h, &s))
		fatal("bad settings");
	on_lists(h);
	/* What is as it was is no reason to send anything again. */
	if (is_same(h, settings)) {
		tls_fds_close(&h->files);
	} else if (take_settings(h, &s, &why) != ERR_OK) {
		log_error("%s: the settings in use stay", why.text);
		tls_fds_close(&h->files);
	} else
		keep_same(h, settings);
}

static void
on_stop(void *ctx)
{
	struct hi2c *h = ctx;

	tls_link_bye(h->link);
	_exit(0);
}

static const struct ctl_handlers handlers = {.file = on_file,
    .peer = on_peer,
    .setup = on_setup,
    .reload = on_reload,
    .lists = on_lists,
    .stop = on_stop};

/* ---- the loop ---- */

static void
on_turned(uv_check_t *t)
{
	hi2c_settle(t->data);
}

static void
on_lists_tick(uv_timer_t *t)
{
	judge_lists(t->data);
}

int
main(void)
{
	static struct hi2c h = {.files = TLS_FDS_NONE,
	    .raise_at = INT64_MAX,
	    .prove_at = INT64_MAX,
	    .epoch = 1,
	    .why = "not tried yet"};

	ctl_init("keywarden-hi2c");
	sandbox_start(SANDBOX_HI2C);
	if (uv_loop_init(&h.loop) != 0)
		fatal("out of memory");
	h.turned.data = h.due.data = h.lists.data = &h;
	hi2c_lists.section = h.section;
	(void)uv_timer_init(&h.loop, &h.due);
	(void)uv_check_init(&h.loop, &h.turned);
	(void)uv_check_start(&h.turned, on_turned);
	ctl_start(&handlers, &h);
	ctl_watch(&h.loop, &h.ctl, &handlers, &h);
	(void)uv_timer_init(&h.loop, &h.lists);
	(void)uv_timer_start(&h.lists, on_lists_tick, 0, HI2C_LISTS_MS);
	/* The LEMF may be down: that is no reason not to serve. */
	ctl_ready();
	return uv_run(&h.loop, UV_RUN_DEFAULT);
}
