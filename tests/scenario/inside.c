/* inside: see inside.h. */
#include <sys/mman.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "appliance/ctl.h"
#include "base/log.h"
#include "inside.h"

void __real_ctl_ready(void);
void __wrap_ctl_ready(void);

static struct inside *page;

static void
on_order(int signal)
{
	const int e = errno;

	(void)signal;
	page->end = inside_do(page);
	atomic_store(&page->done, 1);
	errno = e;
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

void
__wrap_ctl_ready(void)
{
	__real_ctl_ready();
	if (page != NULL)
		atomic_store(&page->pid, getpid());
}
