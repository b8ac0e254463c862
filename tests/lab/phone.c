/* lab-phone: one phone of a MIKEY-IBAKE call with SRTP speech. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "base/log.h"
#include "lab_wav.h"
#include "phone.h"

static enum err
load_user(struct phone *p, struct why *why)
{
	const struct phone_opt *o = &p->opt;
	const char *peer = o->peer_params != NULL ? o->peer_params : o->params;
	enum err rc;

	if ((rc = lab_device_load(&p->user, o->device_key, o->device_cert,
		 why)) != ERR_OK ||
	    (rc = lab_params_load(o->params, &p->kms, why)) != ERR_OK ||
	    (rc = lab_params_load(peer, &p->peer_kms, why)) != ERR_OK)
		return rc;
	rc = o->seed != NULL
	    ? lab_seed_load(&p->user, o->seed, o->identity, why)
	    : lab_seed_hex_load(&p->user, o->seed_hex, why);
	for (size_t i = 0; i < o->n_keys && rc == ERR_OK; i++)
		rc = lab_key_load(&p->user, o->key[i], p->kms, o->period, why);
	return rc;
}

static enum err
prepare_call(struct phone *p, struct why *why)
{
	const struct phone_opt *o = &p->opt;
	struct lab_call *c = &p->call;

	c->user = &p->user;
	c->kms = p->kms;
	c->peer_kms = p->peer_kms;
	c->peer_period = o->peer_params != NULL ? o->peer_period : o->period;
	c->ec = lab_ec_by_name(o->curve);
	c->prf = o->prf;
	c->own_secret = o->own_secret;
	c->bad_inner_id = o->bad_inner_id;
	if (lab_ident_set(&c->own, o->identity) != ERR_OK ||
	    (o->peer_identity != NULL &&
		lab_ident_set(&c->peer, o->peer_identity) != ERR_OK) ||
	    (o->retarget != NULL &&
		lab_ident_set(&c->answer_as, o->retarget) != ERR_OK))
		return why_set(why, ERR_TOOBIG, "an identity is too long");
	if (lab_call_init(c) != ERR_OK)
		return why_set(why, ERR_CRYPTO, "no random numbers");
	return ERR_OK;
}

static enum err
open_log(struct phone *p, struct why *why)
{
	char path[1024];
	int n;

	if (mkdir(p->opt.out, 0777) == -1 && errno != EEXIST)
		return why_errno(why, "cannot create %s", p->opt.out);
	n = snprintf(path, sizeof(path), "%s/phone.log", p->opt.out);
	if (n < 0 || (size_t)n >= sizeof(path))
		return why_set(why, ERR_TOOBIG, "--out is too long");
	if ((p->log = fopen(path, "w")) == NULL)
		return why_errno(why, "cannot create %s", path);
	return ERR_OK;
}

static json_t *
key_json(const struct phone *p, size_t i)
{
	const struct lab_call_keys *k = lab_call_keys(&p->call);
	char id[11], tek[2 * LAB_TEK_LEN + 1], salt[2 * LAB_SALT_LEN + 1];
	json_t *o;

	(void)snprintf(id, sizeof(id), "%08x%02zx", p->call.csb_id, i + 1);
	hex_put(k->tek[i], LAB_TEK_LEN, tek);
	hex_put(k->salt[i], LAB_SALT_LEN, salt);
	o = json_pack("{s:s, s:s, s:s, s:I, s:I}", "cryptoSessionId", id,
	    "sessionKey", tek, "salt", salt, "ssrc",
	    (json_int_t)p->call.cs[i].ssrc, "roc",
	    (json_int_t)p->call.cs[i].roc);
	explicit_bzero(tek, sizeof(tek));
	explicit_bzero(salt, sizeof(salt));
	return o;
}

/* Only for the laboratory's own tests: a phone keeps its keys to itself. */
static enum err
dump_keys(const struct phone *p, struct why *why)
{
	json_t *list = json_array();
	json_t *all = json_pack("{s:o}", "keys", list);
	enum err rc = ERR_OK;
	int fd;

	for (size_t i = 0; i < LAB_CALL_CS; i++)
		(void)json_array_append_new(list, key_json(p, i));
	fd = open(p->opt.dump_keys, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
	    0600);
	if (fd == -1 || json_dumpfd(all, fd, JSON_INDENT(2)) != 0)
		rc = why_errno(why, "cannot write %s", p->opt.dump_keys);
	if (fd != -1)
		(void)close(fd);
	json_decref(all);
	return rc;
}

static enum err
prepare(struct phone *p, struct why *why)
{
	enum err rc;

	if ((rc = open_log(p, why)) != ERR_OK ||
	    (rc = load_user(p, why)) != ERR_OK ||
	    (rc = prepare_call(p, why)) != ERR_OK ||
	    (rc = speech_prepare(p, why)) != ERR_OK)
		return rc;
	return phone_open(p, why);
}

static void
finish(struct phone *p)
{
	for (unsigned i = 0; i < SLOT_COUNT; i++)
		phone_stop(p, i);
	speech_done(p);
	lab_call_done(&p->call);
	lab_user_done(&p->user);
	lab_ibe_free(&p->kms);
	lab_ibe_free(&p->peer_kms);
	if (p->sip_fd != -1)
		(void)close(p->sip_fd);
	if (p->log != NULL)
		(void)fclose(p->log);
}

int
main(int argc, char **argv)
{
	static struct phone phone;
	struct phone *p = &phone;
	const struct phone_role *role;
	struct why why = {{0}};
	int stop;

	log_init("lab-phone", LOG_LVL_INFO);
	if ((stop = phone_opt_parse(&p->opt, argc, argv)) != 0)
		return stop - 1;
	p->begin = lab_ms();
	p->sip_fd = -1;
	p->speech.fd = -1;
	p->result = PHONE_SETUP;
	role = p->opt.role == 'a' ? &phone_role_a : &phone_role_b;
	if (prepare(p, &why) != ERR_OK || role->start(p, &why) != ERR_OK) {
		log_error("%s", why.text);
		goto out;
	}
	phone_loop(p, role);
	if (speech_save(p, &why) != ERR_OK) {
		log_error("%s", why.text);
		p->result = PHONE_SETUP;
	}
	if (p->opt.dump_keys != NULL && lab_call_keys(&p->call) != NULL &&
	    dump_keys(p, &why) != ERR_OK) {
		log_error("%s", why.text);
		p->result = PHONE_SETUP;
	}
out:
	if (p->role != NULL)
		role->free(p);
	finish(p);
	return (int)p->result;
}
