#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "df2_watch.h"

/* What stands behind a key at the start of a line; 0: no such line. */
static unsigned long
number_of(const char *path, const char *key)
{
	FILE *f = fopen(path, "r");
	unsigned long v = 0;
	char line[256];

	if (f == NULL)
		return 0;
	while (fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, key, strlen(key)) == 0) {
			v = strtoul(line + strlen(key), NULL, 10);
			break;
		}
	(void)fclose(f);
	return v;
}

static void
read_name(const char *path, struct df2_process *p)
{
	FILE *f = fopen(path, "r");

	if (f == NULL)
		return;
	if (fgets(p->name, sizeof(p->name), f) != NULL)
		p->name[strcspn(p->name, "\n")] = '\0';
	(void)fclose(f);
}

/* To the nanosecond, where stat has ticks. */
static double
cpu_of(pid_t pid)
{
	struct timespec t = {0, 0};
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) != 0 ||
	    clock_gettime(clock, &t) != 0)
		return 0;
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
add(struct df2_process *all, unsigned *n, const struct df2_process *p)
{
	unsigned i;

	for (i = 0; i < *n && strcmp(all[i].name, p->name) != 0; i++)
		;
	if (i == DF2_PROCESSES)
		return;
	if (i == *n)
		all[(*n)++] = (struct df2_process){.n = 0};
	memcpy(all[i].name, p->name, sizeof(p->name));
	all[i].n++;
	all[i].cpu += p->cpu;
	all[i].rss_kib += p->rss_kib;
	all[i].pss_kib += p->pss_kib;
}

static void
look(pid_t pid, struct df2_process *all, unsigned *n)
{
	struct df2_process p = {.n = 1};
	char path[64], line[1024] = "", *at = line;
	long child;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	read_name(path, &p);
	p.cpu = cpu_of(pid);
	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	p.rss_kib = number_of(path, "VmRSS:");
	(void)snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	p.pss_kib = number_of(path, "Pss:");
	add(all, n, &p);
	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children",
	    (int)pid, (int)pid);
	if ((f = fopen(path, "r")) == NULL)
		return;
	if (fgets(line, sizeof(line), f) == NULL)
		line[0] = '\0';
	(void)fclose(f);
	while ((child = strtol(at, &at, 10)) > 0)
		look((pid_t)child, all, n);
}

unsigned
df2_watch(pid_t pid, struct df2_process out[DF2_PROCESSES])
{
	unsigned n = 0;

	look(pid, out, &n);
	return n;
}

const struct df2_process *
df2_watch_find(const struct df2_process *p, unsigned n, const char *name)
{
	for (unsigned i = 0; i < n; i++)
		if (strcmp(p[i].name, name) == 0)
			return &p[i];
	return NULL;
}
