#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "layer_acts.h"

static char folder[64], inside[128], secret[128];
static pid_t other; /* a process outside */
static int abstract_fd = -1, shared = -1;
static struct sockaddr_un abstract_name = {.sun_family = AF_UNIX};
static socklen_t abstract_len;

/* ---- acts: 0, or the errno ---- */

static int
outcome(long rc)
{
	return rc == -1 ? errno : 0;
}

static int
open_close(const char *path, int how)
{
	const int fd = open(path, how | O_CLOEXEC, 0600);

	return fd == -1 ? errno : outcome(close(fd));
}

static const char *
in_folder(const char *name)
{
	static char path[sizeof(inside) + 16];

	(void)snprintf(path, sizeof(path), "%s/%.14s", inside, name);
	return path;
}

int
layer_read_own(void)
{
	return open_close(in_folder("own"), O_RDWR);
}

int
layer_make_own(void)
{
	const int e = open_close(in_folder("new"), O_RDWR | O_CREAT);

	return e != 0 ? e : outcome(unlink(in_folder("new")));
}

int
layer_read_folder(void)
{
	return open_close(inside, O_RDONLY | O_DIRECTORY);
}

/* Of each of these the result is taken back, for the next layer. */
int
layer_make_folder_in_own(void)
{
	const int e = outcome(mkdir(in_folder("folder"), 0700));

	(void)rmdir(in_folder("folder"));
	return e;
}

int
layer_make_link(void)
{
	const int e = outcome(symlink("/etc", in_folder("link")));

	(void)unlink(in_folder("link"));
	return e;
}

int
layer_make_device(void)
{
	const int e =
	    outcome(mknod(in_folder("device"), S_IFCHR | 0600, makedev(1, 3)));

	(void)unlink(in_folder("device"));
	return e;
}

int
layer_read_secret(void)
{
	return open_close(secret, O_RDONLY);
}

int
layer_write_secret(void)
{
	return open_close(secret, O_WRONLY);
}

int
layer_read_machine(void)
{
	return open_close("/etc/passwd", O_RDONLY);
}

int
layer_list_root(void)
{
	return open_close("/", O_RDONLY | O_DIRECTORY);
}

int
layer_see_machine(void)
{
	return outcome(access("/proc", F_OK));
}

int
layer_write_root(void)
{
	const int e = open_close("/kw-sandbox-layers", O_WRONLY | O_CREAT);

	(void)unlink("/kw-sandbox-layers");
	return e;
}

/* In a child, which the act would replace. */
int
layer_run_program(void)
{
	char *const argv[] = {(char[]){"true"}, NULL};
	const pid_t pid = fork();
	int status;

	if (pid == 0) {
		(void)execv("/bin/true", argv);
		_exit(errno & 0x7f);
	}
	return pid == -1 || waitpid(pid, &status, 0) == -1
	    ? errno
	    : WEXITSTATUS(status);
}

static int
call(int type, uint16_t port)
{
	const struct sockaddr_in a = {.sin_family = AF_INET,
	    .sin_port = htons(port),
	    .sin_addr = {htonl(INADDR_LOOPBACK)}};
	const int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	int e = fd == -1 ? errno : 0;

	if (e == 0 && connect(fd, (const struct sockaddr *)&a, sizeof(a)) == -1)
		e = errno == ECONNREFUSED ? 0 : errno;
	if (fd != -1)
		close(fd);
	return e;
}

int
layer_call_its_server(void)
{
	return call(SOCK_STREAM, LAYER_ALLOWED_PORT);
}

int
layer_call_another(void)
{
	return call(SOCK_STREAM, LAYER_OTHER_PORT);
}

int
layer_send_datagrams(void)
{
	return call(SOCK_DGRAM, LAYER_OTHER_PORT);
}

int
layer_listen_tcp(void)
{
	const struct sockaddr_in a = {.sin_family = AF_INET,
	    .sin_addr = {htonl(INADDR_ANY)}};
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int e = fd == -1
	    ? errno
	    : outcome(bind(fd, (const struct sockaddr *)&a, sizeof(a)));

	if (fd != -1)
		close(fd);
	return e;
}

int
layer_call_abstract(void)
{
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int e = fd == -1
	    ? errno
	    : outcome(connect(fd, (const struct sockaddr *)&abstract_name,
		  abstract_len));

	if (fd != -1)
		close(fd);
	return e;
}

int
layer_signal_other(void)
{
	return outcome(kill(other, 0));
}

int
layer_read_memory(void)
{
	char c;
	const struct iovec to = {&c, 1}, from = {&other, 1};

	return outcome(process_vm_readv(other, &to, 1, &from, 1, 0));
}

int
layer_shared_memory(void)
{
	struct shmid_ds d;

	return outcome(shmctl(shared, IPC_STAT, &d));
}

int
layer_name_machine(void)
{
	char name[65];

	if (gethostname(name, sizeof(name)) == -1)
		return errno;
	return outcome(sethostname(name, strlen(name)));
}

int
layer_change_root(void)
{
	return outcome(chroot("/"));
}

int
layer_mount_something(void)
{
	const int e = outcome(mount("none", "/", "tmpfs", MS_NOSUID, NULL));

	if (e == 0)
		(void)umount2("/", MNT_DETACH);
	return e;
}

int
layer_become_root(void)
{
	return outcome(setresuid(0, 0, 0));
}

int
layer_make_namespace(void)
{
	return outcome(unshare(CLONE_NEWUTS));
}

int
layer_raise_limit(void)
{
	const struct rlimit l = {1, 1};

	return outcome(setrlimit(RLIMIT_MSGQUEUE, &l));
}

static void *
fresh_page(void)
{
	uint8_t *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		fatal("no page: %s", strerror(errno));
	p[0] = 1;
	return p;
}

int
layer_page_out(void)
{
	void *p = fresh_page();
	const int end = outcome(madvise(p, 4096, MADV_PAGEOUT));

	(void)munmap(p, 4096);
	return end;
}

int
layer_lock_memory(void)
{
	void *p = fresh_page();
	const int end = outcome(mlock(p, 4096));

	(void)munmap(p, 4096);
	return end;
}

int
layer_dumpable(void)
{
	return prctl(PR_GET_DUMPABLE) == 1 ? 0 : EPERM;
}

int
layer_new_privileges(void)
{
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0 ? 0 : EPERM;
}

/* ---- what there is ---- */

static void
make_file(const char *path)
{
	const int fd =
	    open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd == -1)
		fatal("%s: %s", path, strerror(errno));
	/* For whichever user the process becomes. */
	if (fchmod(fd, 0666) == -1)
		fatal("%s: %s", path, strerror(errno));
	close(fd);
}

void
layer_prepare(void)
{
	/* An act that should not have worked: mounts and names of this test. */
	if (geteuid() == 0 &&
	    (unshare(CLONE_NEWNS | CLONE_NEWUTS) == -1 ||
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1))
		(void)fprintf(stderr, "no namespace for the acts: %s\n",
		    strerror(errno));
	(void)snprintf(folder, sizeof(folder), "/tmp/kw-layers-XXXXXX");
	if (mkdtemp(folder) == NULL)
		fatal("mkdtemp: %s", strerror(errno));
	(void)snprintf(inside, sizeof(inside), "%s/inside", folder);
	(void)snprintf(secret, sizeof(secret), "%s/secret", folder);
	if (mkdir(inside, 0700) == -1 || chmod(inside, 0777) == -1 ||
	    chmod(folder, 0711) == -1)
		fatal("%s: %s", inside, strerror(errno));
	make_file(secret);
	make_file(in_folder("own"));
	abstract_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	abstract_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
	    (size_t)snprintf(abstract_name.sun_path + 1, 64, "%s", folder));
	if (abstract_fd == -1 ||
	    bind(abstract_fd, (struct sockaddr *)&abstract_name,
		abstract_len) == -1 ||
	    listen(abstract_fd, 64) == -1 ||
	    (shared = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600)) == -1)
		fatal("cannot prepare: %s", strerror(errno));
	other = getpid();
}

const char *
layer_folder(void)
{
	return inside;
}

void
layer_take_back(void)
{
	(void)shmctl(shared, IPC_RMID, NULL);
	(void)unlink(in_folder("own"));
	(void)unlink(secret);
	(void)rmdir(inside);
	(void)rmdir(folder);
}
