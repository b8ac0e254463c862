/*
 * p11fault: what the parts of the fault-playing PKCS#11 module share.  One
 * call goes wrapper (entry.c) -> call_begin (call.c), which may answer it ->
 * the real module, perhaps through a shape_ function -> call_end.
 */
#ifndef P11FAULT_H
#define P11FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <p11-kit/pkcs11.h>

#include "base/error.h"

enum fn {
	FN__ANY = 0, /* "*" in a rule */
#define CALL(name, ...) FN_##name,
#define HOOK(name, ...) FN_##name,
#include "calls.def"
	FN__MAX
};

/* The names people write and read.  False, or FN__MAX, for unknown ones. */
enum fn names_fn(const char *text);
const char *names_of_fn(enum fn fn);
bool names_rv(const char *text, unsigned long *out);
bool names_mech(const char *text, unsigned long *out);
bool names_attr(const char *text, unsigned long *out);

/* "CKR_OK", or hex in `buf` for a value without a name; never NULL. */
#define NAMES_BUF 24
const char *names_of_rv(CK_RV rv, char buf[NAMES_BUF]);

/*
 * Actions up to ACT__TRAITS happen at one call, and the first rule that
 * matches is the only one.  Those behind it describe how the token is: each
 * acts on functions of its own, and all of them hold together.
 */
enum action {
	ACT_RV,
	ACT_AFTER,
	ACT_HANG,
	ACT_EXIT,
	ACT_SLOW,
	ACT_DROP_SESSIONS,
	ACT_REMOVE_DEVICE,
	ACT_NOT_LOGGED_IN,
	ACT_STALE_HANDLES,
	ACT__TRAITS,
	ACT_PIN_LOCK = ACT__TRAITS,
	ACT_PIN_PAD,
	ACT_TRUNCATE_ECDH,
	ACT_POINT_OCTET_STRING,
	ACT_NO_EXPLICIT_PARAMS,
	ACT_IDLE_DROP,
	ACT_WRONG_RESULT,
	ACT_NO_MECHANISM,
	ACT_POINT_RAW,
	ACT_SET_YES,
	ACT_SET_NO,
	ACT_DROP,
	ACT_MODEL,
	ACT__MAX
};

enum when {
	WHEN_ALWAYS,
	WHEN_NTH,
	WHEN_FROM,
	WHEN_EVERY,
	WHEN_CHANCE,
	WHEN_ONCE_FILE,
	WHEN_WHILE_FILE,
	WHEN__MAX
};

#define RULES_MAX 128
#define RULE_LINE_MAX 512
#define RULE_NO_ARG (~0UL)

struct rule {
	enum fn fn;
	enum when when;
	enum action action;
	unsigned long n; /* nth=, from=, every= */
	double chance; /* p= */
	uint64_t random; /* state of the pseudo-random sequence, from seed= */
	char path[RULE_LINE_MAX]; /* once-file=, while-file= */
	unsigned long arg; /* RULE_NO_ARG when left out */
};

struct script {
	struct rule rule[RULES_MAX];
	size_t n;
};

/*
 * Read a script.  A file that is not there is an empty one.  ERR_MALFORMED
 * and "file:line: what is wrong" in `why`; `out` is then unusable.
 */
enum err script_read(const char *path, struct script *out,
    struct why *why) MUST_CHECK;

/* The script in force; copied.  Counts of calls go on over a change. */
void rules_set(const struct script *script);

/* Once per call, before anything else is asked about it. */
void rules_count(enum fn fn);

/* The first rule for an event at this call, if one matches. */
bool rules_event(enum fn fn, struct rule *out);

/* Does a trait hold at this call of `fn`?  *arg is set if so. */
bool rules_trait(enum action trait, enum fn fn, unsigned long *arg);
bool rules_no_mechanism(enum fn fn, CK_MECHANISM_TYPE mech);
/* The same of an action whose value is what it acts on. */
bool rules_names(enum action trait, enum fn fn, unsigned long value);

/* Is there any rule for it in the script, whether it holds now or not? */
bool rules_any(enum action action);

/* What one call is about, as calls.def says; the rest is filled on the way. */
struct call {
	enum fn fn;
	bool has_session;
	CK_SESSION_HANDLE session;
	CK_SESSION_HANDLE *opened;
	bool has_mech;
	CK_MECHANISM_TYPE mech;
	bool uses_key;
	struct {
		CK_OBJECT_HANDLE handle;
		CK_RV stale; /* the answer when the handle is stale */
	} object[2];
	CK_OBJECT_HANDLE *made[2];
	const CK_ATTRIBUTE *params_t; /* template that may have CKA_EC_PARAMS */
	CK_ULONG params_n;
	bool asked; /* the real module has been called */
	bool has_after;
	CK_RV after; /* what to answer instead of what it said */
};

/* False when the call is answered already, by *rv. */
bool call_begin(struct call *c, CK_RV *rv);

/* Note what came of it and write the trace; what the caller is to get. */
CK_RV call_end(struct call *c, CK_RV rv);

/*
 * The real module: NULL until C_Initialize, and never unloaded.  ERR_IO or
 * ERR_MALFORMED when it cannot be had or is not whole.
 */
extern const CK_FUNCTION_LIST *real_list;
enum err real_open(const char *path, struct why *why) MUST_CHECK;

/* Our own list. */
CK_FUNCTION_LIST *entry_list(void);

#define CALL(...)
#define HOOK(name, params, ...) CK_RV shape_##name params;
#include "calls.def"

/*
 * The count of wrong PINs in the file KW_P11_STATE.  pin_open() holds the lock
 * on it until pin_close(), so that two processes cannot both have the last
 * try.
 */
struct pin_file {
	int fd;
	unsigned long failures;
};
void pin_set_path(const char *path);
enum err pin_open(struct pin_file *out) MUST_CHECK;
enum err pin_store(struct pin_file *f, unsigned long failures) MUST_CHECK;
void pin_close(struct pin_file *f);

/*
 * Where the token stands: "ADDRESS:PORT" or "/SOCKET", which gets "?" and says
 * "!", or a device that knows RNDGETENTCNT; NULL or
 * "": here.
 */
enum err server_set(const char *text, struct why *why) MUST_CHECK;
bool server_lets(void);

/* NULL or "" for no trace.  ERR_IO and why. */
enum err trace_open(const char *path, struct why *why) MUST_CHECK;
void trace_line(const struct call *c, const char *result);

#endif
