#include <sys/wait.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "hsm/hsm.h"
#include "token_rate.h"

#define BURST_NS 3e8
#define POINTS 16
#define PROCESSES 16
#define RECORD 256 /* a leaf of the log with its frame, about */

static void
stop(const char *what, const char *text)
{
	(void)fprintf(stderr, "bench: %s: %s\n", what, text);
	exit(1);
}

/* ---- the child: a token, points, bursts ---- */

static struct secret *
read_pin(const char *path)
{
	struct secret *pin = NULL;
	FILE *f = fopen(path, "r");
	size_t n;

	if (f == NULL || secret_new(256, &pin) != ERR_OK)
		stop(path, "no PIN");
	n = fread(secret_data(pin), 1, 256, f);
	while (n > 0 && secret_data(pin)[n - 1] == '\n')
		n--;
	secret_truncate(pin, n);
	(void)fclose(f);
	return pin;
}

static struct ibe *
read_params(const char *path)
{
	uint8_t der[IBE_PARAMS_MAX];
	struct why why = {""};
	struct ibe *ibe;
	struct rd r;
	FILE *f = fopen(path, "rb");

	if (f == NULL)
		stop(path, "cannot be read");
	rd_init(&r, der, fread(der, 1, sizeof(der), f));
	(void)fclose(f);
	if (ibe_load("ss512", r, &ibe, &why) != ERR_OK)
		stop(path, why.text);
	return ibe;
}

/* Points as they come in envelopes: 04 || x || y. */
static void
make_points(struct ibe *ibe, uint8_t point[POINTS][IBE_POINT_MAX])
{
	uint8_t m[32] = {0}, v[64], w[32];
	struct rd id;

	rd_init(&id, "bench", 5);
	for (unsigned i = 0; i < POINTS; i++) {
		point[i][0] = 4;
		if (ibe_encrypt(ibe, id, m, sizeof(m), point[i] + 1, v, w) !=
		    ERR_OK)
			stop("a point", "cannot be made");
	}
}

struct burst {
	double n, ns;
};

int
token_child(const struct token_where *where)
{
	uint8_t point[POINTS][IBE_POINT_MAX], x[64];
	struct secret *pin = read_pin(where->pin_file);
	struct ibe *ibe = read_params(where->params);
	const size_t len = 1 + 2 * ibe_coordinate_octets(ibe);
	struct ibe_token token;
	struct why why = {""};
	struct hsm *h;
	char go;

	make_points(ibe, point);
	if (hsm_open(where->module, where->label, pin, &h, &why) != ERR_OK ||
	    hsm_find_keys(h, &why) != ERR_OK ||
	    hsm_learn_point(h, ibe, &why) != ERR_OK)
		stop("the token", why.text);
	ibe_free(&ibe);
	secret_free(&pin);
	token = hsm_ibe_token(h);
	while (read(STDIN_FILENO, &go, 1) == 1) {
		struct burst b = {0, 0};
		const double t0 = bench_now_ns();

		for (; b.ns < BURST_NS; b.n++) {
			if (token.mul(token.ctx, point[(unsigned)b.n % POINTS],
				len, x, sizeof(x)) != ERR_OK)
				stop("the token", hsm_why());
			b.ns = bench_now_ns() - t0;
		}
		if (write(STDOUT_FILENO, &b, sizeof(b)) != sizeof(b))
			break;
	}
	hsm_close(&h);
	return 0;
}

/* ---- the parent ---- */

struct token_rate {
	unsigned n;
	struct {
		int to, from;
		pid_t pid;
	} child[PROCESSES];
};

static pid_t
start(const char *program, const struct token_where *w, int in, int out)
{
	const char *args[] = {program, TOKEN_CHILD, "--module", w->module,
	    "--label", w->label, "--pin-file", w->pin_file, "--params",
	    w->params, NULL};
	char *argv[sizeof(args) / sizeof(args[0])];
	const pid_t pid = fork();

	if (pid != 0)
		return pid;
	memcpy(argv, args, sizeof(args));
	if (dup2(in, STDIN_FILENO) != -1 && dup2(out, STDOUT_FILENO) != -1)
		(void)execv("/proc/self/exe", argv);
	_exit(127);
}

struct token_rate *
token_rate_new(const char *program, unsigned n, const struct token_where *where)
{
	struct token_rate *t = calloc(1, sizeof(*t));
	int to[2], from[2];

	if (t == NULL || n > PROCESSES)
		stop("the token", "too many processes");
	for (t->n = 0; t->n < n; t->n++) {
		if (pipe2(to, O_CLOEXEC) == -1 || pipe2(from, O_CLOEXEC) == -1)
			stop("pipe", "failed");
		t->child[t->n].pid = start(program, where, to[0], from[1]);
		if (t->child[t->n].pid == -1)
			stop("fork", "failed");
		close(to[0]);
		close(from[1]);
		t->child[t->n].to = to[1];
		t->child[t->n].from = from[0];
	}
	(void)token_rate_burst(t); /* logins are over when it answers */
	return t;
}

double
token_rate_burst(struct token_rate *t)
{
	double rate = 0;
	struct burst b;

	for (unsigned i = 0; i < t->n; i++)
		if (write(t->child[i].to, "g", 1) != 1)
			stop("the token", "a process of it has ended");
	for (unsigned i = 0; i < t->n; i++) {
		if (read(t->child[i].from, &b, sizeof(b)) != sizeof(b))
			stop("the token", "a process of it has ended");
		rate += b.n / (b.ns / 1e9);
	}
	return rate;
}

void
token_rate_free(struct token_rate *t)
{
	for (unsigned i = 0; i < t->n; i++) {
		close(t->child[i].to);
		close(t->child[i].from);
		(void)waitpid(t->child[i].pid, NULL, 0);
	}
	free(t);
}

void
disk_syncs(const char *folder, double *ns, size_t n)
{
	static const uint8_t record[RECORD] = {1};
	char path[4096];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/.bench-sync", folder);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd == -1 || posix_fallocate(fd, 0, (off_t)(n * RECORD)) != 0 ||
	    fsync(fd) == -1)
		stop(path, "cannot be written");
	for (size_t i = 0; i < n; i++) {
		double t0;

		if (pwrite(fd, record, RECORD, (off_t)(i * RECORD)) != RECORD)
			stop(path, "cannot be written");
		t0 = bench_now_ns();
		if (fdatasync(fd) == -1)
			stop(path, "cannot be synced");
		ns[i] = bench_now_ns() - t0;
	}
	close(fd);
	(void)unlink(path);
}
