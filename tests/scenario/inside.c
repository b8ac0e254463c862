/* inside: see inside.h. */
#include <sys/mman.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "appliance/ctl.h"
#include "base/log.h"
#include "inside.h"

void __real_ctl_ready(void);
void __wrap_ctl_ready(void);
int __real_poll(struct pollfd *, nfds_t, int);
int __wrap_poll(struct pollfd *, nfds_t, int);

static struct inside *page;
static bool polls; /* hsm, signer: others have a loop of libuv */
static volatile sig_atomic_t waits; /* in that poll() */
static sigjmp_buf wait_of;

/*
 * The filters of those that poll have no rt_sigreturn: there an order comes in
 * the wait alone, and is left as a poll() that was interrupted is.
 */
static void
on_order(int signal)
{
	const int e = errno;

	(void)signal;
	page->end = inside_do(page);
	atomic_store(&page->done, 1);
	errno = e;
	if (waits)
		siglongjmp(wait_of, 1);
}

/* Before main(): nothing of the process is refused it yet. */
__attribute__((constructor)) static void
begin(void)
{
	const struct sigaction a = {.sa_handler = on_order,
	    .sa_flags = SA_RESTART};
	char name[2048];
	const ssize_t n = readlink("/proc/self/exe", name, sizeof(name) - 16);
	int fd;

	if (n <= 0)
		return;
	name[n] = '\0';
	polls = strstr(name, "keywarden-hsm") != NULL ||
	    strstr(name, "keywarden-signer") != NULL;
	(void)snprintf(name + n, 16, ".orders");
	if ((fd = open(name, O_RDWR | O_CLOEXEC)) == -1)
		return;
	page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
	    0);
	close(fd);
	if (page == MAP_FAILED || sigaction(SIGUSR1, &a, NULL) == -1)
		fatal("inside: %s: %s", name, strerror(errno));
	inside_begin();
}

static void
serves(void)
{
	if (page != NULL)
		atomic_store(&page->pid, getpid());
}

void
__wrap_ctl_ready(void)
{
	__real_ctl_ready();
	if (!polls)
		serves();
}

static void
let_in(int how)
{
	sigset_t order;

	(void)sigemptyset(&order);
	(void)sigaddset(&order, SIGUSR1);
	(void)sigprocmask(how, &order, NULL);
}

/* What is not the loop's is without descriptors. */
int
__wrap_poll(struct pollfd *fds, nfds_t n, int timeout)
{
	int rc;

	if (!polls || fds == NULL)
		return __real_poll(fds, n, timeout);
	let_in(SIG_BLOCK);
	if (sigsetjmp(wait_of, 1) != 0) {
		waits = 0;
		errno = EINTR;
		return -1;
	}
	waits = 1;
	serves();
	let_in(SIG_UNBLOCK);
	rc = __real_poll(fds, n, timeout);
	let_in(SIG_BLOCK);
	waits = 0;
	return rc;
}
