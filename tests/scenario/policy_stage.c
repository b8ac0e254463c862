/* The token, the KMS and the warrant state with which every attack begins. */
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "appliance/audit_log.h"
#include "appliance/kms_state.h"
#include "policy_play.h"
#include "xk/call.h"

#define DAY 86400
#define HOUR 3600
#define PIN "1234-a-pin"
#define LABEL "keywarden"
#define CHUNK 262144

const uint8_t seed_alice[32] = {1, 2, 3}, seed_bob[32] = {4, 5, 6},
	      seed_tina[32] = {7, 8, 9};

static void
must(enum err rc, const char *what)
{
	if (rc != ERR_OK)
		rig_stop(what, err_str(rc));
}

static void
write_file(const struct rig *g, const char *file, const void *p, size_t len)
{
	const int fd = rig_open(g, file, O_WRONLY | O_CREAT | O_TRUNC);

	if (write(fd, p, len) != (ssize_t)len)
		rig_stop(file, strerror(errno));
	close(fd);
}

static struct rd
read_file(const struct rig *g, const char *file)
{
	static uint8_t buf[4 * 1024 * 1024];
	const int fd = rig_open(g, file, O_RDONLY);
	const ssize_t n = read(fd, buf, sizeof(buf));

	close(fd);
	if (n < 0)
		rig_stop(file, strerror(errno));
	return keep(buf, (size_t)n);
}

/* ---- the ceremony ---- */

static void
make_folder(struct rig *g, const char *dir)
{
	char path[512], conf[1024];

	(void)snprintf(g->dir, sizeof(g->dir), "%s", dir);
	(void)snprintf(path, sizeof(path), "%s/tokens", dir);
	if (mkdir(dir, 0700) == -1 || mkdir(path, 0700) == -1)
		rig_stop(path, strerror(errno));
	(void)snprintf(conf, sizeof(conf),
	    "directories.tokendir = %s\nobjectstore.backend = file\n"
	    "log.level = ERROR\nslots.removable = false\n",
	    path);
	write_file(g, "softhsm2.conf", conf, strlen(conf));
	write_file(g, "pin", PIN, strlen(PIN));
	write_file(g, "so-pin", PIN, strlen(PIN));
	write_file(g, "head", "", 0);
	write_file(g, "kms-state", "", 0);
}

/* Those that init enrols, in a draft that nobody has sealed. */
static size_t
write_draft(uint8_t *out, size_t cap)
{
	struct kms_state s = {.n_persons = ENROLLED, .n_clients = 2};
	struct wr w;

	s.scheme = text_of("ss512");
	s.uri = text_of(PLAY_KMS);
	s.config = text_of("kms.uri = " PLAY_KMS "\n");
	must(key_period_by_name("day", &s.period), "a period");
	for (unsigned i = 0; i < ENROLLED; i++) {
		s.person[i].name = text_of(play.people[i].name);
		s.person[i].cert = play.people[i].der;
		s.person[i].role = play.people[i].role;
	}
	s.client[0] = (struct kms_client){text_of("df2"), play.people[EVE].der};
	s.client[1] =
	    (struct kms_client){text_of("df2b"), play.people[MALLORY].der};
	wr_init(&w, out, cap - KMS_STATE_SEAL_LEN);
	kms_state_put(&w, &s);
	must(w.rc, "the draft");
	memset(out + w.len, 0, KMS_STATE_SEAL_LEN);
	return w.len + KMS_STATE_SEAL_LEN;
}

static void
make_keys(struct rig *g)
{
	static uint8_t draft[KMS_STATE_MAX], buf[IPC_CTL_MAX];
	static const char module[] = "/usr/lib/softhsm/libsofthsm2.so";
	struct init_order o = {.make_token = true};
	struct rig_proc p = {.pid = 0};
	struct ipc_frame f;
	struct wr w;
	int fd;

	write_file(g, "draft", draft, write_draft(draft, sizeof(draft)));
	rig_spawn(g, "keywarden-hsm", &p);
	rig_hand(&p, MSG_CTL_FILE, CTL_FILE_KMS_STATE,
	    rig_open(g, "draft", O_RDONLY));
	rig_hand(&p, MSG_CTL_FILE, CTL_FILE_NEW_STATE,
	    rig_open(g, "kms-state", O_RDWR));
	rig_hand(&p, MSG_CTL_FILE, CTL_FILE_HEAD, rig_open(g, "head", O_RDWR));
	rig_hand(&p, MSG_CTL_FILE, CTL_FILE_PIN, rig_open(g, "pin", O_RDONLY));
	rig_hand(&p, MSG_CTL_FILE, CTL_FILE_SO_PIN,
	    rig_open(g, "so-pin", O_RDONLY));
	o.module = text_of(module);
	o.label = text_of(LABEL);
	wr_init(&w, draft, sizeof(draft));
	init_order_put(&w, &o);
	must(ipc_ctl_send(p.ctl, MSG_CTL_INIT, 0, draft, w.len, -1), "INIT");
	must(ipc_ctl_recv(p.ctl, buf, sizeof(buf), &f, &fd), "INIT");
	if (f.type != MSG_CTL_INIT_DONE)
		rig_stop("the ceremony", "was not done");
	(void)waitpid(p.pid, NULL, 0);
	close(p.ctl);
}

/* The log with what init writes into it. */
static void
make_log(struct rig *g, const uint8_t digest[DIGEST_LEN])
{
	struct audit_entry created = {.type = AUDIT_LOG_CREATED},
			   kms = {.type = AUDIT_KMS_CREATED};
	struct audit_log log;
	struct why why = {""};
	bool torn;
	const int fd = rig_open(g, "audit.log", O_RDWR | O_CREAT | O_TRUNC);

	created.text = kms.text = text_of("by a test");
	memcpy(kms.digest, digest, sizeof(kms.digest));
	must(audit_log_open(&log, fd, CHUNK, 0, NULL, NULL, &torn, &why),
	    "the log");
	must(audit_log_append(&log, &created, NULL, NULL), "the log");
	must(audit_log_append(&log, &kms, NULL, NULL), "the log");
	must(audit_log_sync(&log), "the log");
	close(fd);
}

static void
make_kms(struct rig *g, const char *dir)
{
	struct kms_state s;
	struct rd sealed, seal, whole;
	struct head h = {.number = 0};

	make_folder(g, dir);
	make_keys(g);
	whole = read_file(g, "kms-state");
	must(kms_state_parse(whole, &s, &sealed, &seal), "kms-state");
	must(digest_of(whole, h.hash), "kms-state");
	make_log(g, h.hash);
	play.params = s.params;
	play.import_key = s.import_key;
	play.world.head = h;
}

/* ---- calls ---- */

struct call_at_hand
stage_call(const char *target, const uint8_t seed[32], int64_t ago)
{
	static struct call call;
	static uint8_t wire[16 * MAX_MIKEY];
	struct xk_get_keys k = {.public_kms_identity = text_of(target)};
	struct call_at_hand c = {.csb_id = 0};
	struct rd m[3];
	struct wr w;

	lab_call(target, seed, ago, m, c.key);
	k.i_message1 = m[0];
	k.r_message1 = m[1];
	k.i_message2 = m[2];
	if (call_from_request(&k, &call) != XK_GRANTED)
		rig_stop("a call", "is none");
	wr_init(&w, wire, sizeof(wire));
	call_put(&w, &call);
	must(w.rc, "a call");
	c.octets = keep(wire, w.len);
	c.csb_id = call.r1.csb_id;
	c.ts_type = (uint8_t)call_key_time(&call, &c.ts);
	return c;
}

/* ---- the world ---- */

static uint64_t
must_enter(struct change c, const char *what)
{
	if (!enter(&c))
		rig_stop("the world", what);
	return play.world.n;
}

static void
add_warrant(enum warrant_at_hand i, const char *liid, const char *target,
    const char *client, bool test, int64_t from)
{
	const int64_t now = time(NULL);

	play.warrant[i] = (struct
	    paper_warrant){.number =
			       must_enter(change_by_two(REQUEST_WARRANT_ADD,
					      body_warrant(liid, target, client,
						  test, now + from,
						  now + from + 2 * DAY),
					      ONE, TWO),
				   liid),
	    .liid = liid,
	    .target = target,
	    .client = client,
	    .test = test};
}

static void
add_subscriber(const char *identity, const uint8_t seed[32], bool test,
    struct rd *record)
{
	const uint64_t n =
	    must_enter(change_by_two(REQUEST_SUBSCRIBER_ADD,
			   body_subscriber(identity, seed, test), SAFE1, SAFE2),
		identity);
	const struct rd none = {NULL, 0};
	const struct verdict v = say_record(n, none, record);

	if (v.heard != HEARD || v.rc != ERR_OK)
		rig_stop(identity, v.text);
}

static const uint8_t *
hash_of(enum warrant_at_hand i)
{
	return play.world.change[play.warrant[i].number - 1].hash;
}

static void
fill_world(void)
{
	char at[64];
	struct tm tm;
	const time_t past = time(NULL) - HOUR / 2;

	add_warrant(W_ALICE, "LIID-1", ALICE, "df2", false, -HOUR);
	add_warrant(W_BOB, "LIID-2", BOB, "df2b", false, -HOUR);
	add_warrant(W_TINA, "LIID-3", TINA, "df2", true, -HOUR);
	add_warrant(W_ALICE_TEST, "LIID-4", ALICE, "df2", true, -HOUR);
	add_warrant(W_TINA_REAL, "LIID-5", TINA, "df2", false, -HOUR);
	add_warrant(W_LATER, "LIID-6", ALICE, "df2", false, DAY);
	add_warrant(W_ENDED, "LIID-7", ALICE, "df2", false, -HOUR);
	add_warrant(W_REVOKED, "LIID-8", ALICE, "df2", false, -HOUR);
	add_warrant(W_SUSPENDED, "LIID-9", ALICE, "df2", false, -HOUR);
	(void)gmtime_r(&past, &tm);
	(void)strftime(at, sizeof(at), "\",\"end\":\"%Y-%m-%dT%H:%M:%SZ\"}",
	    &tm);
	{
		char body[256];
		const char *on = body_on(hash_of(W_ENDED));

		/* {"warrant":"..."} with the end behind it */
		(void)snprintf(body, sizeof(body), "%.*s%s",
		    (int)strlen(on) - 2, on, at);
		(void)must_enter(change_by_two(REQUEST_WARRANT_END, body, ONE,
				     TWO),
		    "an end");
	}
	(void)must_enter(change_by_two(REQUEST_WARRANT_REVOKE,
			     body_on(hash_of(W_REVOKED)), ONE, TWO),
	    "a revocation");
	(void)must_enter(change_by_two(REQUEST_WARRANT_SUSPEND,
			     body_on(hash_of(W_SUSPENDED)), ONE, TWO),
	    "a suspension");
	add_subscriber(ALICE, seed_alice, false, &play.alice);
	add_subscriber(BOB, seed_bob, false, &play.bob);
	add_subscriber(TINA, seed_tina, true, &play.tina);
}

/* What stage_fresh() goes back to; the token itself never changes. */
static struct {
	struct rd head, log, first_log, alice;
	struct world world;
} base;

static void
first_start(void)
{
	struct verdict v;

	play.rig.n_workers = 1;
	rig_start(&play.rig);
	v = say_chain(NULL, 0);
	if (v.heard != HEARD || v.rc != ERR_OK ||
	    !rig_await_workers(&play.rig, 1))
		rig_stop("the first start", play.rig.failed);
}

void
stage_make(const char *dir)
{
	people_make();
	make_kms(&play.rig, dir);
	base.first_log = read_file(&play.rig, "audit.log");
	first_start();
	fill_world();
	play.call = stage_call(ALICE, seed_alice, 60);
	play.other_call = stage_call(ALICE, seed_alice, 120);
	play.old_call = stage_call(ALICE, seed_alice, 5 * DAY);
	play.tinas_call = stage_call(TINA, seed_tina, 60);
	rig_end(&play.rig);
	base.head = read_file(&play.rig, "head");
	base.log = read_file(&play.rig, "audit.log");
	base.world = play.world;
	base.alice = play.alice;
}

bool
stage_restart(unsigned workers)
{
	struct verdict v;

	rig_end(&play.rig);
	play.rig.n_workers = workers;
	rig_start(&play.rig);
	v = say_chain(play.world.change, play.world.n);
	return v.heard == HEARD && v.rc == ERR_OK &&
	    rig_await_workers(&play.rig, workers);
}

void
stage_fresh(unsigned workers)
{
	rig_end(&play.rig);
	write_file(&play.rig, "head", base.head.p, base.head.left);
	write_file(&play.rig, "audit.log", base.log.p, base.log.left);
	play.world = base.world;
	play.alice = base.alice;
	if (!stage_restart(workers))
		rig_stop("a fresh start", "does not serve");
}

void
stage_first_log(void)
{
	write_file(&play.rig, "audit.log", base.first_log.p,
	    base.first_log.left);
}

/* Where the log ends and the number of its next leaf. */
static uint64_t
end_of_log(uint64_t *at)
{
	static struct audit_reader r;
	const int fd = rig_open(&play.rig, "audit.log", O_RDONLY);
	struct why why = {""};
	struct audit_entry e;

	must(audit_reader_open(&r, fd, &why), "the log");
	while (audit_reader_next(&r, &e, &why) == ERR_OK)
		;
	close(fd);
	*at = r.at;
	return r.next;
}

void
stage_log_of_tomorrow(void)
{
	struct audit_entry e = {.type = AUDIT_STARTED,
	    .text = text_of("tomorrow"),
	    .realtime_ns = ((int64_t)time(NULL) + DAY) * 1000000000};
	uint8_t record[AUDIT_RECORD_MAX];
	uint64_t at;
	struct rd leaf;
	struct wr w;
	size_t len;
	int fd;

	e.number = end_of_log(&at);
	must(audit_entry_encode(&e, record + 4, &len), "a leaf");
	wr_init(&w, record, 4);
	wr_u32(&w, (uint32_t)len);
	rd_init(&leaf, record + 4, len);
	must(merkle_leaf_hash(leaf, record + 4 + len), "a leaf");
	fd = rig_open(&play.rig, "audit.log", O_WRONLY);
	if (pwrite(fd, record, 4 + len + MERKLE_HASH_LEN, (off_t)at) == -1)
		rig_stop("the log", strerror(errno));
	close(fd);
}

void
stage_fill_log(void)
{
	struct audit_entry e = {.type = AUDIT_ALARM};
	char text[3000];
	uint8_t leaf[MAX_AUDIT_LEAF];
	size_t len;

	memset(text, 'x', sizeof(text));
	rd_init(&e.text, text, sizeof(text));
	must(audit_entry_encode(&e, leaf, &len), "a leaf");
	(void)stage_restart(1);
	for (unsigned i = 0; i < 1000 && play.rig.service.log_has_room; i++) {
		rig_send(&play.rig, MSG_RECORD, 1, leaf, len);
		(void)rig_await(&play.rig, MSG_RECORDED);
		rig_turn(&play.rig, 0);
	}
}

struct files
stage_get(void)
{
	return (struct files){read_file(&play.rig, "head"),
	    read_file(&play.rig, "audit.log")};
}

void
stage_put(const struct files *f)
{
	write_file(&play.rig, "head", f->head.p, f->head.left);
	write_file(&play.rig, "audit.log", f->log.p, f->log.left);
}

void
stage_other_token(struct rd *head, struct rd *alice)
{
	static struct play mine;
	static struct rd his_head, his_alice;
	char dir[300];

	if (his_head.left == 0) {
		mine = play;
		(void)snprintf(dir, sizeof(dir), "%s.other", mine.rig.dir);
		memset(&play.rig, 0, sizeof(play.rig));
		play.world.n = 0;
		play.world.version = 0;
		make_kms(&play.rig, dir);
		first_start();
		fill_world();
		rig_end(&play.rig);
		his_head = read_file(&play.rig, "head");
		his_alice = play.alice;
		free(play.rig.body);
		play = mine;
	}
	*head = his_head;
	*alice = his_alice;
}

void
stage_done(void)
{
	rig_end(&play.rig);
	keep_done();
}
