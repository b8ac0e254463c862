/* df2_watch: what the processes of an appliance use, from /proc. */
#ifndef BENCH_DF2_WATCH_H
#define BENCH_DF2_WATCH_H

#include <sys/types.h>

#define DF2_PROCESSES 16
#define DF2_NAME 20

struct df2_process {
	char name[DF2_NAME];
	unsigned n; /* of that name: the workers */
	double cpu; /* seconds since it began, user and system */
	unsigned long rss_kib, pss_kib;
};

/* The process and all below it, by name; how many names. */
unsigned df2_watch(pid_t, struct df2_process out[DF2_PROCESSES]);

/* By name; NULL: none of that name. */
const struct df2_process *df2_watch_find(const struct df2_process *, unsigned n,
    const char *name);

#endif
