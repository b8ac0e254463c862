/*
 * What is around each process beside its filter, layer by layer and without the
 * filter: so each is shown to hold by itself.  Each act is done without any
 * layer first: what is refused then is refused by something else, and left out.
 */
#include <sys/wait.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "appliance/landlock.h"
#include "appliance/reach.h"
#include "appliance/sandbox.h"
#include "base/log.h"
#include "layer_acts.h"

#define SKIPPED 77

enum layer {
	NONE,
	LANDLOCK,
	NAMESPACES,
	USER_NAMESPACE,
	OWN_USER,
	MEMORY,
	LAYERS
};
static const char *const layer_names[LAYERS] = {"no layer", "Landlock",
    "namespaces", "a user namespace", "a user of its own", "locked memory"};

/* Beside them, an hsm whose module calls a network HSM. */
#define HSM_THAT_CALLS SANDBOX__MAX
#define KINDS (SANDBOX__MAX + 1)

/* What each process has of the machine. */
static const struct kind {
	const char *name;
	bool folder, calls, secrets;
} kinds[KINDS] = {[SANDBOX_XK] = {"xk", false, false, true},
    [SANDBOX_POLICY] = {"policy", true, false, false},
    [SANDBOX_AUDIT] = {"audit", false, false, false},
    [SANDBOX_HSM] = {"hsm", true, false, true},
    [SANDBOX_X2] = {"x2", false, false, true},
    [SANDBOX_HI2] = {"hi2", true, false, true},
    [SANDBOX_XKC] = {"xkc", false, true, true},
    [SANDBOX_HI2C] = {"hi2c", false, true, true},
    [SANDBOX_SIGNER] = {"signer", true, false, true},
    [HSM_THAT_CALLS] = {"hsm that calls", true, true, true}};

/* ---- what is to come of them ---- */

#define OPEN 0 /* it works */
#define ANY (-1) /* another layer's matter */

/* Who an act is tried by. */
enum whose {
	ALL,
	WITH_FOLDER,
	WITHOUT_NETWORK,
	WITH_SERVER,
	WITH_SECRETS,
	WITHOUT_SECRETS
};

static const struct row {
	const char *name;
	int (*act)(void);
	enum whose whose;
	unsigned abi; /* from which Landlock has it */
	int end[LAYERS];
} rows[] = {
    {"its own file", layer_read_own, WITH_FOLDER, 1,
	{OPEN, OPEN, OPEN, OPEN, OPEN, OPEN}},
    {"a new file beside it", layer_make_own, WITH_FOLDER, 1,
	{OPEN, OPEN, OPEN, OPEN, OPEN, OPEN}},
    {"its own folder", layer_read_folder, WITH_FOLDER, 1,
	{OPEN, OPEN, OPEN, OPEN, OPEN, OPEN}},
    {"a folder in it", layer_make_folder_in_own, WITH_FOLDER, 1,
	{OPEN, EACCES, ANY, ANY, ANY, ANY}},
    {"a link in it", layer_make_link, WITH_FOLDER, 1,
	{OPEN, EACCES, ANY, ANY, ANY, ANY}},
    {"a device in it", layer_make_device, WITH_FOLDER, 1,
	{ANY, EACCES, EPERM, EPERM, EPERM, EPERM}},
    {"another file of its user", layer_read_secret, ALL, 1,
	{OPEN, EACCES, ENOENT, ENOENT, ENOENT, ANY}},
    {"to write that", layer_write_secret, ALL, 1,
	{OPEN, EACCES, ENOENT, ENOENT, ENOENT, ANY}},
    {"a file of the machine", layer_read_machine, ALL, 1,
	{OPEN, EACCES, ENOENT, ENOENT, ENOENT, ANY}},
    {"the root folder", layer_list_root, ALL, 1,
	{OPEN, EACCES, ANY, ANY, ANY, ANY}},
    {"is there a /proc?", layer_see_machine, ALL, 1,
	{OPEN, ANY, ENOENT, ENOENT, ENOENT, ANY}},
    {"a file in the root", layer_write_root, ALL, 1,
	{ANY, EACCES, EROFS, EROFS, EROFS, ANY}},
    {"another program", layer_run_program, ALL, 1,
	{OPEN, EACCES, ENOENT, ENOENT, ENOENT, ANY}},
    {"its server", layer_call_its_server, WITH_SERVER, 4,
	{OPEN, OPEN, OPEN, OPEN, OPEN, OPEN}},
    {"another port", layer_call_another, WITH_SERVER, 4,
	{OPEN, EACCES, ANY, ANY, ANY, ANY}},
    {"any address", layer_call_another, WITHOUT_NETWORK, 4,
	{OPEN, EACCES, ENETUNREACH, ENETUNREACH, ENETUNREACH, ANY}},
    {"datagrams", layer_send_datagrams, WITHOUT_NETWORK, 1,
	{OPEN, ANY, ENETUNREACH, ENETUNREACH, ENETUNREACH, ANY}},
    {"a TCP port of its own", layer_listen_tcp, ALL, 4,
	{OPEN, EACCES, ANY, ANY, ANY, ANY}},
    {"an abstract socket", layer_call_abstract, WITHOUT_NETWORK, 6,
	{OPEN, EPERM, ECONNREFUSED, ECONNREFUSED, ECONNREFUSED, ANY}},
    {"a signal to another process", layer_signal_other, ALL, 6,
	{OPEN, EPERM, ANY, ANY, EPERM, ANY}},
    {"another process's memory", layer_read_memory, ALL, 1,
	{OPEN, EPERM, ANY, EPERM, EPERM, ANY}},
    {"shared memory of others", layer_shared_memory, ALL, 1,
	{OPEN, ANY, EINVAL, EINVAL, EINVAL, ANY}},
    {"the machine's name", layer_name_machine, ALL, 1,
	{ANY, EPERM, EPERM, EPERM, EPERM, EPERM}},
    {"another root", layer_change_root, ALL, 1,
	{ANY, EPERM, EPERM, EPERM, EPERM, EPERM}},
    {"a mount", layer_mount_something, ALL, 1,
	{ANY, EPERM, EPERM, EPERM, EPERM, EPERM}},
    {"another namespace", layer_make_namespace, ALL, 1,
	{ANY, EPERM, EPERM, EPERM, EPERM, EPERM}},
    {"to be root", layer_become_root, ALL, 1, {ANY, ANY, ANY, ANY, EPERM, ANY}},
    {"a higher limit", layer_raise_limit, ALL, 1,
	{ANY, EPERM, EPERM, EPERM, EPERM, EPERM}},
    {"a page sent to swap", layer_page_out, WITH_SECRETS, 1,
	{OPEN, ANY, ANY, ANY, ANY, EINVAL}},
    {"memory that it locks", layer_lock_memory, WITHOUT_SECRETS, 1,
	{OPEN, EPERM, EPERM, EPERM, EPERM, EPERM}},
    {"to be looked into", layer_dumpable, ALL, 1,
	{ANY, EPERM, EPERM, EPERM, EPERM, EPERM}},
    {"new privileges", layer_new_privileges, ALL, 1,
	{ANY, EPERM, EPERM, EPERM, EPERM, EPERM}},
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

static bool
concerns(const struct row *r, enum sandbox which)
{
	const struct kind *k = &kinds[which];

	return r->whose == ALL || (r->whose == WITH_FOLDER && k->folder) ||
	    (r->whose == WITHOUT_NETWORK && !k->calls) ||
	    (r->whose == WITH_SERVER && k->calls) ||
	    (r->whose == WITH_SECRETS && k->secrets) ||
	    (r->whose == WITHOUT_SECRETS && !k->secrets);
}

/* ---- a process in a layer ---- */

static void
put_on(enum sandbox which, enum layer layer)
{
	struct confine c = {.landlock = layer == LANDLOCK ? landlock_abi() : 0,
	    .own_user = layer == OWN_USER,
	    .memory_locked = layer == MEMORY,
	    .uid = LAYER_USER,
	    .gid = LAYER_USER};
	const struct reach to = {.n_ports = 1, .port = {LAYER_ALLOWED_PORT}};
	uint16_t port = kinds[which].calls ? LAYER_ALLOWED_PORT : 0;
	char text[CONFINE_TEXT_MAX], whom[REACH_TEXT_MAX];

	if (layer == NAMESPACES || layer == OWN_USER)
		c.namespaces = CONFINE_NAMESPACES;
	if (layer == USER_NAMESPACE)
		c.namespaces = CONFINE_USER_NAMESPACE;
	confine_print(&c, text);
	if (setenv(CONFINE_ENV, text, 1) == -1 ||
	    setenv(CONFINE_FILES_ENV, kinds[which].folder ? layer_folder() : "",
		1) == -1)
		fatal("setenv: %s", strerror(errno));
	if (which == HSM_THAT_CALLS) {
		reach_print(&to, whom);
		if (setenv(REACH_ENV, whom, 1) == -1)
			fatal("setenv: %s", strerror(errno));
		which = SANDBOX_HSM;
		port = 0;
	}
	sandbox_start(which);
	sandbox_confine(which, port);
}

/* The ends of all acts; false: the layer could not be put on. */
static bool
ends_of(enum sandbox which, enum layer layer, int end[ROWS])
{
	const size_t size = ROWS * sizeof(end[0]);
	int line[2], status;
	pid_t pid;
	bool whole;

	if (pipe(line) == -1 || (pid = fork()) == -1)
		fatal("fork: %s", strerror(errno));
	if (pid == 0) {
		close(line[0]);
		if (layer != NONE)
			put_on(which, layer);
		/* Without a layer, not what the machine would feel. */
		for (size_t i = 0; i < ROWS; i++)
			end[i] = layer == NONE && rows[i].end[NONE] == ANY
			    ? ANY
			    : rows[i].act();
		_exit(write(line[1], end, size) == (ssize_t)size ? 0 : 1);
	}
	close(line[1]);
	whole = read(line[0], end, size) == (ssize_t)size;
	close(line[0]);
	return waitpid(pid, &status, 0) == pid && whole;
}

static unsigned
judge(enum sandbox which, enum layer layer, const int bare[ROWS])
{
	unsigned failed = 0;
	int end[ROWS];

	if (!ends_of(which, layer, end)) {
		(void)printf("FAILED: %s: %s cannot be put on\n",
		    kinds[which].name, layer_names[layer]);
		return 1;
	}
	for (size_t i = 0; i < ROWS; i++) {
		const int expected = rows[i].end[layer];

		if (expected == ANY || !concerns(&rows[i], which) ||
		    end[i] == expected ||
		    (layer == LANDLOCK && landlock_abi() < rows[i].abi) ||
		    (rows[i].end[NONE] == OPEN && bare[i] != OPEN))
			continue;
		failed++;
		(void)printf("FAILED: %s in %s: %s: %s, ", kinds[which].name,
		    layer_names[layer], rows[i].name, strerror(end[i]));
		(void)printf("expected: %s\n", strerror(expected));
	}
	return failed;
}

/* ---- proofs ---- */

/* Whoever has not put a layer on must not be able to prove it. */
static unsigned
judge_proofs(void)
{
	static const struct {
		const char *says;
		struct confine c;
		bool root;
	} claims[] = {
	    {"Landlock does not hold", {.landlock = 1}, false},
	    {"the mount namespace does not hold",
		{.namespaces = CONFINE_NAMESPACES}, false},
	    {"the mount namespace does not hold",
		{.namespaces = CONFINE_USER_NAMESPACE}, false},
	    {"locked memory does not hold", {.memory_locked = true}, false},
	    {"the end of privileges does not hold", {.landlock = 0}, true},
	};
	const struct confine_use use = {.secrets = true};
	unsigned failed = 0;

	for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
		struct why why = {""};

		if ((claims[i].root && geteuid() != 0) ||
		    (confine_prove(&claims[i].c, &use, &why) == ERR_DENIED &&
			strstr(why.text, claims[i].says) != NULL))
			continue;
		failed++;
		(void)printf("FAILED: proof %zu: \"%s\", expected: %s\n", i,
		    why.text, claims[i].says);
	}
	return failed;
}

/* ---- the machine ---- */

/* Can a process be given this here? */
static bool
is_had(enum layer layer)
{
	static const enum confine_namespaces namespaces[LAYERS] =
	    {[NAMESPACES] = CONFINE_NAMESPACES,
		[USER_NAMESPACE] = CONFINE_USER_NAMESPACE,
		[OWN_USER] = CONFINE_NAMESPACES};
	const struct confine c = {.namespaces = namespaces[layer],
	    .memory_locked = layer == MEMORY};
	const struct confine_use use = {.secrets = true};
	struct why why = {""};
	int status;
	pid_t pid;

	if (layer == LANDLOCK)
		return landlock_abi() > 0;
	if (layer == OWN_USER && geteuid() != 0)
		return false;
	if ((pid = fork()) == 0)
		_exit(confine_lock(&c, &why) == ERR_OK &&
			    confine_apart(&c, false, &why) == ERR_OK &&
			    confine_enter(&c, &use, &why) == ERR_OK
			? 0
			: 1);
	return waitpid(pid, &status, 0) == pid && status == 0;
}

int
main(void)
{
	unsigned failed = 0;
	int bare[ROWS];

	if (!KW_SANDBOX) {
		(void)printf("built without the sandbox\n");
		return SKIPPED;
	}
	log_init("sandbox-layers", LOG_LVL_INFO);
	(void)setvbuf(stdout, NULL, _IONBF, 0); /* nothing twice after a fork */
	(void)alarm(100);
	layer_prepare();
	if (!ends_of(SANDBOX_XK, NONE, bare))
		fatal("the acts cannot be tried");
	for (size_t i = 0; i < ROWS; i++)
		if (rows[i].end[NONE] == OPEN && bare[i] != OPEN)
			(void)printf("left out, not of this machine: %s (%s)\n",
			    rows[i].name, strerror(bare[i]));
	for (enum layer l = LANDLOCK; l < LAYERS; l++) {
		if (!is_had(l)) {
			(void)printf("left out, not of this machine: %s\n",
			    layer_names[l]);
			continue;
		}
		for (unsigned k = 0; k < KINDS; k++)
			failed += judge((enum sandbox)k, l, bare);
	}
	failed += judge_proofs();
	layer_take_back();
	(void)printf("Landlock %u, %zu acts, %u not as expected\n",
	    landlock_abi(), ROWS, failed);
	return failed == 0 ? 0 : 1;
}
