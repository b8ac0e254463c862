/* What processes must be able to do, through the libc that they really use. */
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sandbox_test.h"

struct held held;

int
outcome(long rc)
{
	return rc == -1 ? errno : 0;
}

#define BIG ((size_t)4 << 20) /* malloc() takes a mapping of its own */

static int
act_read_write(void)
{
	char c = 'x';

	if (write(held.pipe[1], &c, 1) != 1 || read(held.pipe[0], &c, 1) != 1)
		return errno;
	return 0;
}

/* As the frames of base/ipc go, with a descriptor. */
static int
act_message(void)
{
	union {
		struct cmsghdr h;
		char b[CMSG_SPACE(sizeof(int))];
	} u = {{0}};
	char c = 'x';
	struct iovec v = {&c, 1};
	struct msghdr m = {.msg_iov = &v,
	    .msg_iovlen = 1,
	    .msg_control = u.b,
	    .msg_controllen = sizeof(u.b)};
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);

	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(h), &held.file, sizeof(int));
	if (sendmsg(held.pair[0], &m, MSG_NOSIGNAL) != 1 ||
	    recvmsg(held.pair[1], &m, 0) != 1 ||
	    send(held.pair[0], &c, 1, MSG_NOSIGNAL) != 1)
		return errno;
	return 0;
}

int
act_recv(void)
{
	char c;
	const int e = outcome(recv(held.pair[0], &c, 1, MSG_DONTWAIT));

	return e == EAGAIN ? 0 : e;
}

static int
act_memory(void)
{
	char *p = malloc(BIG);

	if (p == NULL)
		return ENOMEM;
	memset(p, 1, BIG);
	free(p);
	return 0;
}

int
act_memory_grows(void)
{
	char *p = malloc(BIG), *q;

	if (p == NULL || (q = realloc(p, 4 * BIG)) == NULL)
		return ENOMEM;
	free(q);
	return 0;
}

static int
act_locked_memory(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || mlock(p, 4096) == -1 ||
	    madvise(p, 4096, MADV_DONTDUMP) == -1 ||
	    mprotect(p, 4096, PROT_READ) == -1 || munmap(p, 4096) == -1)
		return errno;
	return 0;
}

static int
act_time_and_chance(void)
{
	struct timespec ts;
	struct timeval tv;
	char b[32];

	if (clock_gettime(CLOCK_REALTIME, &ts) == -1 ||
	    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &ts) == -1 ||
	    syscall(SYS_gettimeofday, &tv, NULL) == -1 || time(NULL) == -1 ||
	    getrandom(b, sizeof(b), 0) != sizeof(b))
		return errno;
	return 0;
}

/* As a contended lock sleeps and wakes. */
static int
act_futex(void)
{
	int word = 1;

	if (syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) ==
	    -1)
		return errno;
	if (syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0) !=
		-1 ||
	    errno != EAGAIN)
		return errno == EAGAIN ? EINVAL : errno;
	return 0;
}

ACT(act_time, SYS_time, NULL)
ACT(act_yield, SYS_sched_yield)
ACT(act_exit, SYS_exit, 0)
/* What a thread does first that a library started before the filter. */
ACT(act_rseq, SYS_rseq, NULL, 0, 0, 0)
ACT(act_robust_list, SYS_set_robust_list, NULL, 0)

static int
act_earlier_thread(void)
{
	char c = 'x';

	if (write(held.thread[0], &c, 1) != 1)
		return errno;
	/* Its end is ours; this end never comes. */
	return read(held.thread[0], &c, 1) == -1 ? errno : 0;
}

static int
act_of_a_descriptor(void)
{
	struct stat st;

	if (fcntl(held.pipe[0], F_GETFL) == -1 ||
	    fcntl(held.pipe[0], F_SETFD, FD_CLOEXEC) == -1 ||
	    fstat(held.file, &st) == -1 || st.st_size != 12 ||
	    lseek(held.file, 3, SEEK_SET) != 3 || close(held.file) == -1)
		return errno;
	return 0;
}

static int
act_not_blocking(void)
{
	int one = 1;

	return outcome(ioctl(held.pair[0], FIONBIO, &one));
}

static int
act_signals(void)
{
	sigset_t none, old;

	(void)sigemptyset(&none);
	return outcome(pthread_sigmask(SIG_BLOCK, &none, &old) == 0 ? 0 : -1);
}

static const struct act acts[] = {
    {"read and write", act_read_write, WORKS},
    {"messages with a descriptor", act_message, WORKS},
    {"memory", act_memory, WORKS},
    {"locked memory, not in dumps", act_locked_memory, WORKS},
    {"time and randomness", act_time_and_chance, WORKS},
    {"futex", act_futex, WORKS},
    {"a forbidden act of an earlier thread", act_earlier_thread, DIES},
    {"what is done to an open descriptor", act_of_a_descriptor, WORKS},
    {"signal masks", act_signals, WORKS},
    {"ioctl FIONBIO", act_not_blocking, WORKS},
};
const struct acts allowed_to_all = ACTS(acts);

static const struct act of_loops[] = {
    {"epoll", act_epoll, WORKS},
    {"memory that grows", act_memory_grows, WORKS},
    {"recv", act_recv, WORKS},
    {"time, not of the vDSO", act_time, WORKS},
    {"sched_yield", act_yield, WORKS},
    {"rseq of a thread", act_rseq, EINVAL},
    {"set_robust_list of a thread", act_robust_list, EINVAL},
};
const struct acts allowed_to_loops = ACTS(of_loops);

static const struct act not_of_token[] = {
    {"epoll", act_epoll, DIES},
    {"recv", act_recv, DIES},
    {"time, not of the vDSO", act_time, DIES},
    {"sched_yield", act_yield, DIES},
    {"exit of a thread", act_exit, DIES},
    {"rseq of a thread", act_rseq, DIES},
    {"set_robust_list of a thread", act_robust_list, DIES},
};
const struct acts allowed_to_loops_alone = ACTS(not_of_token);

/* ---- rows of several processes ---- */

int
act_openat_read(void)
{
	return outcome(openat(AT_FDCWD, held.path, O_RDONLY | O_CLOEXEC));
}

int
act_openat_write(void)
{
	return outcome(openat(AT_FDCWD, held.free_path,
	    O_RDWR | O_CREAT | O_CLOEXEC, 0600));
}

int
act_stat_path(void)
{
	struct stat st;

	return outcome(stat(held.path, &st));
}

int
act_accept4(void)
{
	const int fd = accept4(held.listen, NULL, NULL, SOCK_CLOEXEC);

	return fd == -1 && errno == EAGAIN ? 0 : outcome(fd);
}

int
act_pread(void)
{
	char b[4];

	return outcome(pread(held.file, b, sizeof(b), 2));
}

int
act_pwrite(void)
{
	return outcome(pwrite(held.file, "what", 4, 0));
}

/* What was opened to be read stays unwritten: the kernel's part. */
int
act_pwrite_read_only(void)
{
	const int fd = openat(AT_FDCWD, held.path, O_RDONLY | O_CLOEXEC);

	return fd == -1 ? errno : outcome(pwrite(fd, "what", 4, 0));
}

/* As the file of the head is locked, waiting for whoever has it. */
int
act_lock(void)
{
	struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	if (fcntl(held.file, F_SETLKW, &l) == -1)
		return errno;
	l.l_type = F_UNLCK;
	return outcome(fcntl(held.file, F_SETLKW, &l));
}

int
act_fchmod(void)
{
	return outcome(fchmod(held.file, 0600));
}

int
act_fdatasync(void)
{
	return outcome(fdatasync(held.file));
}

int
act_fsync(void)
{
	return outcome(fsync(held.file));
}

int
act_poll(void)
{
	struct pollfd p = {held.pipe[0], POLLIN, 0};

	return outcome(poll(&p, 1, 0));
}

int
act_alarm(void)
{
	return outcome(syscall(SYS_alarm, 0));
}

int
act_getdents(void)
{
	char b[1024];

	return outcome(syscall(SYS_getdents64, held.dir, b, sizeof(b)));
}

int
act_unlink(void)
{
	return unlink(held.free_path) == 0 || errno == ENOENT ? 0 : errno;
}

int
act_ftruncate(void)
{
	return outcome(ftruncate(held.file, 12));
}

int
act_setsockopt(void)
{
	const int one = 1;

	return outcome(setsockopt(held.pair[0], SOL_SOCKET, SO_KEEPALIVE, &one,
	    sizeof(one)));
}

int
act_getsockopt(void)
{
	struct ucred u;
	socklen_t len = sizeof(u);

	return outcome(
	    getsockopt(held.pair[0], SOL_SOCKET, SO_PEERCRED, &u, &len));
}

/* To nothing that is an address. */
int
act_connect(void)
{
	return outcome(syscall(SYS_connect, held.pair[0], NULL, 0));
}

int
act_socket_ip(void)
{
	return outcome(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

int
act_shutdown(void)
{
	return outcome(shutdown(held.pair[0], SHUT_RDWR));
}

/* ---- an event loop ---- */

int
act_epoll(void)
{
	struct epoll_event e = {.events = EPOLLIN}, got;

	if (epoll_ctl(held.epoll, EPOLL_CTL_ADD, held.pipe[0], &e) == -1)
		return errno;
	return outcome(epoll_wait(held.epoll, &got, 1, 0));
}
