/* supervisor: what the files of keywardend share. */
#ifndef APPLIANCE_SUPERVISOR_H
#define APPLIANCE_SUPERVISOR_H

#include <sys/types.h>

#include "appliance/config.h"
#include "appliance/stamp.h"
#include "appliance/confine.h"
#include "appliance/proto_health.h"
#include "appliance/tls_role.h"
#include "base/secret.h"

#define MAX_CHILDREN (7 + MAX_WORKERS + MAX_LEMFS)

/* A file without which no worker knows which warrant state is the last. */
#define HEAD_WHAT \
	"the sealed head of the warrant state (bring it back from the backup)"

struct child {
	enum ctl_peer kind;
	unsigned index; /* of a worker, or a LEMF's slot */
	char lemf[MAX_NAME + 1]; /* of hi2c: whose it is */
	pid_t pid; /* 0: not running */
	int ctl;
	bool ready;
	bool held; /* not started again before a person acts */
	bool wanted; /* to be started at restart_at */
	bool stopping; /* not started again at all */
	int64_t started; /* ms */
	int64_t restart_at;
	unsigned backoff_ms;
	struct stamp crl_stamp; /* of the lists that it was handed */
	struct msg_crl crl; /* how they stand, as it says */
	unsigned starts;
	/* of a worker, for `keywarden status` and to know that it lives */
	struct health health; /* as it said last */
	int64_t heard; /* ms: when it said anything last */
	int64_t ending; /* ms: when it said that it ends; 0: it has not */
	enum err end; /* why the last one ended; ERR_OK: it has not said */
	char cause[WHY_MAX]; /* the same in words; empty: none has */
};

struct supervisor {
	const char *config_path;
	struct config *config;
	struct secret *pin; /* from --pin-fd; NULL: from pin_file */
	bool pin_refused; /* the one of --pin-fd */
	struct child child[MAX_CHILDREN];
	unsigned n_children;
	int xk_fd[MAX_LISTEN], x2_fd[MAX_LISTEN]; /* listening sockets */
	int control_fd, lock_fd, signal_fd;
	bool stopping, was_ready;
	bool left; /* one did not end when all were stopped */
	int64_t crl_due; /* when files of lists are looked at next */
	bool health_new; /* policy is to be told of workers and lists */
	int64_t health_told; /* ms */
	struct confine confine; /* of each process, but for its user */
	struct why lack[3]; /* what was tried of it and is not to be had */
	struct sup_user {
		uid_t uid;
		gid_t gid;
	} user[CTL_PEER__MAX]; /* if confine.own_user */
	uid_t owner; /* of the state: who uses keywarden(1), besides root */
	char told[MAX_CONFIG_TEXT + 1]; /* what policy was told of config */
};

const char *child_name(const struct child *);
/* The program, and the user, of the processes of that kind. */
const char *child_program(enum ctl_peer);

/* ---- sup_confine.c ---- */

/*
 * What this machine can do of the confinement that the configuration asks for;
 * ERR_DENIED if that is less than it requires.  Once, before anything secret is
 * in memory: it tries in a child.
 */
enum err sup_confine(struct supervisor *, struct why *why) MUST_CHECK;
/* That, on the log. */
void sup_confine_say(const struct supervisor *);
/* For a child of that kind, into its environment. */
bool sup_confine_env(const struct supervisor *, enum ctl_peer,
    char **env) MUST_CHECK;

/* ---- sup_home.c ---- */

/* Who the state belongs to, and may own secrets; before one is opened. */
void sup_owner(struct supervisor *);
/*
 * The folders that are one process's alone belong to the user of that process.
 * Under the lock.
 */
enum err sup_home(struct supervisor *, struct why *why) MUST_CHECK;

/* ---- sup_sockets.c ---- */

/* Sockets and lock, once; ERR_ with what and where in `why`. */
enum err sup_open(struct supervisor *, struct why *why) MUST_CHECK;
void sup_close(struct supervisor *);

/* ---- sup_settings.c ---- */

/* A child's settings as MSG_CTL_SETUP or MSG_CTL_RELOAD. */
enum err sup_send_settings(struct supervisor *, const struct child *,
    uint16_t type, struct why *why) MUST_CHECK;

/* The LEMFs as hi2 is told of them; views into the configuration. */
void sup_lemf_settings(const struct config *, struct hi2_settings *out);

/* ---- sup_files.c: what the children are handed ---- */

/* Of what matters in the configuration, if files of it are other ones now. */
void sup_tell_policy(struct supervisor *);

/* Files and settings to a child that has just been started. */
enum err sup_hand_over(struct supervisor *, struct child *,
    struct why *why) MUST_CHECK;

/* After SIGHUP: new files and settings to one that runs. */
enum err sup_reload_child(struct supervisor *, struct child *,
    struct why *why) MUST_CHECK;

/* ---- sup_crl.c: lists of revoked certificates ---- */

/* The file as it is now is the one that the child is about to get. */
void sup_crl_seen(const struct supervisor *, struct child *);
/* Those that have changed go down; when to look again, in ms, or -1. */
int sup_crl_watch(struct supervisor *);
/*
 * A child says how its lists stand: its MSG_CTL_CRL_STATE.  ERR_MALFORMED: it
 * is none, or not for it to say.
 */
enum err sup_crl_is(struct supervisor *, struct child *,
    struct rd body) MUST_CHECK;
/* How all of them stand, to policy.  ERR_AGAIN: it does not read that now. */
enum err sup_crl_tell(const struct supervisor *,
    const struct child *policy) MUST_CHECK;

/* ---- sup_token_key.c ---- */

/*
 * Open the key of a section: a file of ours or, where it is in the token, its
 * public half as PEM in a file without a name: the same each time, so that who
 * is handed it again can tell.
 */
enum err sup_open_key(const struct config *, const char *path, enum tls_role,
    const char *what, int *fd, struct why *why) MUST_CHECK;

/* ---- sup_check.c ---- */

/* Could all the files that it names be taken now, and its profiles? */
enum err sup_check(const struct config *, struct why *why) MUST_CHECK;
/* Is there what `keywarden init` makes?  Asked once, before anything starts. */
enum err sup_check_state(const struct config *, struct why *why) MUST_CHECK;

/* ---- sup_words.c: what children say ---- */
void sup_from_child(struct supervisor *, struct child *);
/* What one that has ended had still on its line. */
void sup_last_words(struct supervisor *, struct child *);

/* ---- sup_health.c: the workers, as they are ---- */

/* Its MSG_CTL_HEALTH; ERR_MALFORMED: it is none, or not for it to say. */
enum err sup_health(struct supervisor *, struct child *,
    struct rd body) MUST_CHECK;
/*
 * End those that do not answer, and any that said it would end and has not;
 * tell policy how workers and lists are.
 */
void sup_look_at_workers(struct supervisor *);
/* When that is next needed, in ms from now; -1: not at all. */
int sup_next_look(const struct supervisor *);

/* ---- sup_children.c ---- */

/*
 * One message down its line.  A child that reads none for some seconds is
 * ended, so that it holds up no other; ERR_AGAIN then.  ERR_CLOSED: it has
 * gone, which is seen when it is reaped.
 */
enum err sup_say(const struct child *, uint16_t type, uint32_t id,
    const void *body, size_t len, int fd) MUST_CHECK;
void sup_add_children(struct supervisor *);
/*
 * The processes of LEMFs that the configuration has no more end; those of new
 * ones are started when that is due.
 */
void sup_end_links(struct supervisor *);
void sup_add_links(struct supervisor *);
/* The signer, from when the configuration has keys of TLS in the token. */
void sup_add_signer(struct supervisor *);
/* Does it log in?  The PIN is tried by one of these at a time. */
bool sup_logs_in(enum ctl_peer);
void sup_start_due(struct supervisor *);
/* When sup_start_due() is next needed, in ms from now; -1: not at all. */
int sup_next_start(const struct supervisor *);
void sup_reap(struct supervisor *);
/* A child has ended, or is given up, and is started again unless held. */
void sup_ended(struct supervisor *, struct child *, const char *how);
/*
 * One that is stuck in the kernel outlives SIGKILL.  It is left to it, and its
 * place is given to a fresh one.
 */
void sup_leave(struct supervisor *, struct child *);
void sup_release_held(struct supervisor *);
void sup_stop_all(struct supervisor *);

#endif
