#include <sys/socket.h>

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/ipc.h"
#include "help.h"

struct pair {
	struct ipc_chan *a, *b;
};

static struct pair
pair_new(size_t max_body, size_t max_queue)
{
	struct pair p = {NULL, NULL};
	int fd[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	assert_int_equal(ipc_chan_new(fd[0], max_body, max_queue, &p.a),
	    ERR_OK);
	assert_int_equal(ipc_chan_new(fd[1], max_body, max_queue, &p.b),
	    ERR_OK);
	return p;
}

static void
pair_free(struct pair *p)
{
	ipc_chan_free(&p->a);
	ipc_chan_free(&p->b);
}

static void
frames_arrive_whole_and_in_order(void **state)
{
	struct pair p = pair_new(1000, 100000);
	struct ipc_frame f;
	char body[64];

	(void)state;
	for (uint32_t i = 0; i < 50; i++) {
		memset(body, (int)i, sizeof(body));
		assert_int_equal(ipc_send(p.a, 7, i, body, i), ERR_OK);
	}
	assert_int_equal(ipc_flush(p.a), ERR_OK);
	assert_int_equal(ipc_queued(p.a), 0);
	for (uint32_t i = 0; i < 50; i++) {
		enum err rc;

		while ((rc = ipc_next(p.b, &f)) == ERR_AGAIN)
			assert_int_equal(ipc_fill(p.b), ERR_OK);
		assert_int_equal(rc, ERR_OK);
		assert_int_equal(f.type, 7);
		assert_int_equal(f.id, i);
		memset(body, (int)i, sizeof(body));
		assert_true(rd_is(&f.body, body, i));
	}
	assert_int_equal(ipc_next(p.b, &f), ERR_AGAIN);
	pair_free(&p);
}

static void
one_octet_at_a_time_is_enough(void **state)
{
	const uint8_t wire[] = {0, 0, 0, 9, 0, 5, 0, 0, 0, 3, 'x', 'y', 'z'};
	struct ipc_chan *c;
	struct ipc_frame f;
	int fd[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	assert_int_equal(ipc_chan_new(fd[1], 100, 100, &c), ERR_OK);
	for (size_t i = 0; i < sizeof(wire); i++) {
		assert_int_equal(ipc_next(c, &f), ERR_AGAIN);
		assert_int_equal(write(fd[0], wire + i, 1), 1);
		assert_int_equal(ipc_fill(c), ERR_OK);
	}
	assert_int_equal(ipc_next(c, &f), ERR_OK);
	assert_int_equal(f.type, 5);
	assert_int_equal(f.id, 3);
	assert_true(rd_is(&f.body, "xyz", 3));
	close(fd[0]);
	assert_int_equal(ipc_fill(c), ERR_CLOSED);
	ipc_chan_free(&c);
}

static void
lengths_out_of_bounds_are_malformed(void **state)
{
	static const uint8_t wires[][4] = {{0, 0, 0, 5}, {0, 0, 0, 107},
	    {0xff, 0xff, 0xff, 0xff}, {0}};

	(void)state;
	for (size_t i = 0; i < sizeof(wires) / sizeof(wires[0]); i++) {
		struct ipc_chan *c;
		struct ipc_frame f;
		int fd[2];

		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
		assert_int_equal(ipc_chan_new(fd[1], 100, 100, &c), ERR_OK);
		assert_int_equal(write(fd[0], wires[i], 4), 4);
		assert_int_equal(ipc_fill(c), ERR_OK);
		assert_int_equal(ipc_next(c, &f), ERR_MALFORMED);
		close(fd[0]);
		ipc_chan_free(&c);
	}
}

static void
a_full_queue_refuses_and_keeps_what_it_had(void **state)
{
	struct pair p = pair_new(1000, 64);
	struct ipc_frame f;
	char body[60] = "";

	(void)state;
	assert_int_equal(ipc_send(p.a, 1, 1, "abc", 3), ERR_OK);
	assert_int_equal(ipc_send(p.a, 1, 2, body, sizeof(body)), ERR_FULL);
	assert_int_equal(ipc_flush(p.a), ERR_OK);
	assert_int_equal(ipc_fill(p.b), ERR_OK);
	assert_int_equal(ipc_next(p.b, &f), ERR_OK);
	assert_true(rd_is(&f.body, "abc", 3));
	assert_int_equal(ipc_next(p.b, &f), ERR_AGAIN);
	pair_free(&p);
}

static void
a_failed_writer_drops_its_frame_only(void **state)
{
	struct pair p = pair_new(1000, 1000);
	struct ipc_frame f;
	struct wr w;

	(void)state;
	assert_int_equal(ipc_begin(p.a, 1, 1, 4, &w), ERR_OK);
	wr_u64(&w, 1);
	assert_int_equal(ipc_commit(p.a, &w), ERR_TOOBIG);
	assert_int_equal(ipc_begin(p.a, 2, 2, 100, &w), ERR_OK);
	wr_u8(&w, 9);
	assert_int_equal(ipc_commit(p.a, &w), ERR_OK);
	assert_int_equal(ipc_flush(p.a), ERR_OK);
	assert_int_equal(ipc_fill(p.b), ERR_OK);
	assert_int_equal(ipc_next(p.b, &f), ERR_OK);
	assert_int_equal(f.type, 2);
	assert_int_equal(f.body.left, 1);
	assert_int_equal(ipc_next(p.b, &f), ERR_AGAIN);
	pair_free(&p);
}

static enum err
count(void *ctx, const struct ipc_frame *f)
{
	(void)f;
	++*(int *)ctx;
	return ERR_OK;
}

static void
what_the_table_does_not_permit_is_malformed(void **state)
{
	static const struct ipc_rule table[] = {{2, 1, 4, 1, count},
	    {4, 0, 0, 2, count}};
	struct ipc_frame f = {.type = 2};
	int n = 0;

	(void)state;
	rd_init(&f.body, "abcde", 4);
	assert_int_equal(ipc_dispatch(table, 2, 1, &n, &f), ERR_OK);
	assert_int_equal(n, 1);
	f.body.left = 5;
	assert_int_equal(ipc_dispatch(table, 2, 1, &n, &f), ERR_MALFORMED);
	f.body.left = 0;
	assert_int_equal(ipc_dispatch(table, 2, 1, &n, &f), ERR_MALFORMED);
	f.type = 4;
	assert_int_equal(ipc_dispatch(table, 2, 1, &n, &f), ERR_MALFORMED);
	assert_int_equal(ipc_dispatch(table, 2, 2, &n, &f), ERR_OK);
	f.type = 3;
	assert_int_equal(ipc_dispatch(table, 2, 3, &n, &f), ERR_MALFORMED);
	assert_int_equal(n, 2);
}

static void
a_descriptor_travels_with_its_packet(void **state)
{
	uint8_t buf[IPC_CTL_MAX];
	struct ipc_frame f;
	int s[2], p[2], fd = -1;
	char c;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s), 0);
	assert_int_equal(pipe(p), 0);
	assert_int_equal(ipc_ctl_send(s[0], 10, 20, "hi", 2, p[0]), ERR_OK);
	assert_int_equal(ipc_ctl_send(s[0], 11, 21, NULL, 0, -1), ERR_OK);
	assert_int_equal(ipc_ctl_recv(s[1], buf, sizeof(buf), &f, &fd), ERR_OK);
	assert_int_equal(f.type, 10);
	assert_int_equal(f.id, 20);
	assert_true(rd_is(&f.body, "hi", 2));
	assert_true(fd >= 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
	assert_int_equal(write(p[1], "!", 1), 1);
	assert_int_equal(read(fd, &c, 1), 1);
	close(fd);
	assert_int_equal(ipc_ctl_recv(s[1], buf, sizeof(buf), &f, &fd), ERR_OK);
	assert_int_equal(f.type, 11);
	assert_int_equal(fd, -1);
	close(s[0]);
	assert_int_equal(ipc_ctl_recv(s[1], buf, sizeof(buf), &f, &fd),
	    ERR_CLOSED);
	close(s[1]);
	close(p[0]);
	close(p[1]);
}

/* A packet with a good frame and `n` descriptors. */
static void
send_descriptors(int sock, const int *fds, unsigned n)
{
	static char frame[] = "\0\0\0\x06\0\x02\0\0\0";
	union {
		char buf[CMSG_SPACE(4 * sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct iovec iov = {frame, sizeof(frame)};
	struct msghdr m = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = control.buf,
	    .msg_controllen = CMSG_SPACE(n * sizeof(int))};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(c), fds, n * sizeof(int));
	assert_int_equal(sendmsg(sock, &m, 0), sizeof(frame));
}

/* A neighbour cannot use up our descriptors with packets that we refuse. */
static void
several_descriptors_are_malformed_and_none_stays_open(void **state)
{
	uint8_t buf[IPC_CTL_MAX];
	struct ipc_frame f;
	int s[2], fd = -1, lowest;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s), 0);
	lowest = dup(s[0]);
	close(lowest);
	for (unsigned n = 2; n <= 4; n++) {
		send_descriptors(s[0], (int[]){s[0], s[0], s[1], s[1]}, n);
		assert_int_equal(ipc_ctl_recv(s[1], buf, sizeof(buf), &f, &fd),
		    ERR_MALFORMED);
		assert_int_equal(fd, -1);
		fd = dup(s[0]);
		assert_int_equal(fd, lowest);
		close(fd);
	}
	close(s[0]);
	close(s[1]);
}

static void
a_packet_shorter_than_it_says_is_malformed(void **state)
{
	uint8_t buf[64];
	struct ipc_frame f;
	int s[2], fd;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s), 0);
	assert_int_equal(write(s[0], "\0\0\0\x09\0\x01\0\0\0\x01", 10), 10);
	assert_int_equal(ipc_ctl_recv(s[1], buf, sizeof(buf), &f, &fd),
	    ERR_MALFORMED);
	assert_int_equal(fd, -1);
	close(s[0]);
	close(s[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(frames_arrive_whole_and_in_order),
	    cmocka_unit_test(one_octet_at_a_time_is_enough),
	    cmocka_unit_test(lengths_out_of_bounds_are_malformed),
	    cmocka_unit_test(a_full_queue_refuses_and_keeps_what_it_had),
	    cmocka_unit_test(a_failed_writer_drops_its_frame_only),
	    cmocka_unit_test(what_the_table_does_not_permit_is_malformed),
	    cmocka_unit_test(a_descriptor_travels_with_its_packet),
	    cmocka_unit_test(
		several_descriptors_are_malformed_and_none_stays_open),
	    cmocka_unit_test(a_packet_shorter_than_it_says_is_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
