// SPDX-License-Identifier: MIT
/*
 * The socket and the event loop: a server process with the fake model, and this
 * process as its client.
 */
#include "client.h"
#include "host/server.h"
#include "host/vfio_user_sock.h"
#include "socket_client.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	DEADLINE_S = 30,
	EXIT_LEFT = 10,
	EXIT_PROTOCOL,
	EXIT_STOPPED,
	EXIT_OTHER,
};

struct server {
	char dir[32], path[48];
	pid_t pid;
	int fd; /* the client's socket; -1: not connected */
	bool lockstep;
};

static void name_path(struct server *s)
{
	strcpy(s->dir, "/tmp/test_server.XXXXXX");
	t_assert(mkdtemp(s->dir));
	snprintf(s->path, sizeof(s->path), "%s/socket", s->dir);
}

static int exit_status(int ret)
{
	switch (ret) {
	case 0:
		return EXIT_LEFT;
	case -EPROTO:
		return EXIT_PROTOCOL;
	case -ECANCELED:
		return EXIT_STOPPED;
	}
	return EXIT_OTHER;
}

#define FOR_EVER UINT32_MAX

/*
 * Body of the server process.  Its fake model is busy for @polls steps.  Then it stops with the
 * reason @stops, unless that is NULL.
 */
static void serve(const struct server *s, uint32_t polls, const char *stops)
{
	struct vg_vfio_user dev;
	int ret;

	alarm(DEADLINE_S);
	if (vg_vfio_user_init(&dev, &(struct vg_config){ 0 }, NULL))
		_exit(EXIT_OTHER);
	dev.vg->busy_steps = polls;
	dev.vg->waiting = polls;
	if (polls)
		dev.vg->stops_when_done = stops;
	else
		dev.vg->stopped = stops;
	if (!s->lockstep)
		_exit(exit_status(vg_server_run(&dev, s->path, false)));
	ret = vg_server_run(&dev, s->path, true);
	/*
	 * In lockstep a server whose client is silent must call vgpu_drain() once, however
	 * much there is to do, and never vgpu_run().
	 */
	_exit(dev.vg->drains == 1 && !dev.vg->runs ? exit_status(ret) : EXIT_OTHER);
}

static void start(struct server *s, uint32_t polls, const char *stops)
{
	name_path(s);
	s->pid = fork();
	t_assert(s->pid >= 0);
	if (!s->pid)
		serve(s, polls, stops);
	s->fd = socket_connect(s->path);
}

static int finish(struct server *s)
{
	int status;

	if (s->fd >= 0)
		close(s->fd);
	t_equal(waitpid(s->pid, &status, 0), s->pid);
	t_assert(WIFEXITED(status));
	t_equal(rmdir(s->dir), 0); /* fails unless the server has removed its socket */
	return WEXITSTATUS(status);
}

static void start_negotiated(struct server *s)
{
	start(s, 0, NULL);
	socket_negotiate(s->fd);
}

static void client_that_leaves_in_order_ends_the_server(void)
{
	struct server s = { 0 };

	start_negotiated(&s);
	t_equal(finish(&s), EXIT_LEFT);
}

static void client_may_leave_without_a_word(void)
{
	struct server s = { 0 };

	start(&s, 0, NULL);
	t_equal(finish(&s), EXIT_LEFT);
}

static void leaving_inside_a_message_is_a_protocol_error(void)
{
	const struct vfio_user_header header = {
		.command = VFIO_USER_DEVICE_GET_INFO,
		.size = 32,
	};
	struct server s = { 0 };

	start_negotiated(&s);
	t_equal(send(s.fd, &header, 7, 0), 7);
	t_equal(finish(&s), EXIT_PROTOCOL);

	start_negotiated(&s);
	t_equal(send(s.fd, &header, sizeof(header), 0), sizeof(header));
	t_equal(finish(&s), EXIT_PROTOCOL);
}

static void message_in_pieces_is_one_message(void)
{
	struct {
		struct vfio_user_header header;
		struct vfio_user_device_info info;
	} message = {
		{ .command = VFIO_USER_DEVICE_GET_INFO, .size = sizeof(message) },
		{ .argsz = sizeof(message.info) },
	};
	struct server s = { 0 };

	start_negotiated(&s);
	for (size_t i = 0; i < sizeof(message); i++)
		t_equal(send(s.fd, (uint8_t *)&message + i, 1, 0), 1);
	t_equal(socket_receive(s.fd, &message.info, sizeof(message.info), NULL), 0);
	t_equal(message.info.num_regions, VFIO_PCI_NUM_REGIONS);
	t_equal(finish(&s), EXIT_LEFT);
}

static void messages_in_one_piece_are_answered_one_by_one(void)
{
	struct {
		struct vfio_user_header header;
		struct vfio_user_device_info info;
	} message[3];
	struct vfio_user_device_info info;
	struct server s = { 0 };

	start_negotiated(&s);
	for (int i = 0; i < 3; i++) {
		message[i].header = (struct vfio_user_header){
			.command = VFIO_USER_DEVICE_GET_INFO,
			.size = sizeof(message[i]),
		};
		message[i].info.argsz = sizeof(info);
	}
	t_equal(send(s.fd, message, sizeof(message), 0), sizeof(message));
	for (int i = 0; i < 3; i++)
		t_equal(socket_receive(s.fd, &info, sizeof(info), NULL), 0);
	t_equal(finish(&s), EXIT_LEFT);
}

static void oversize_message_is_a_protocol_error(void)
{
	const struct vfio_user_header header = {
		.command = VFIO_USER_REGION_WRITE,
		.size = VFIO_USER_MAX_MESSAGE + 1,
	};
	struct server s = { 0 };

	start_negotiated(&s);
	t_equal(send(s.fd, &header, sizeof(header), 0), sizeof(header));
	t_equal(socket_receive(s.fd, NULL, 0, NULL), -1);
	t_equal(finish(&s), EXIT_PROTOCOL);
}

static void largest_read_comes_back_whole(void)
{
	struct vfio_user_region_access access = { 0, VG_PCI_VRAM, VFIO_USER_MAX_DATA };
	uint8_t *body = malloc(sizeof(access) + VFIO_USER_MAX_DATA);
	struct server s = { 0 };

	t_assert(body);
	start_negotiated(&s);
	socket_send(s.fd, VFIO_USER_REGION_READ, &access, sizeof(access), NULL, 0);
	t_equal(socket_receive(s.fd, body, sizeof(access) + VFIO_USER_MAX_DATA, NULL), 0);
	free(body);
	t_equal(finish(&s), EXIT_LEFT);
}

static void unknown_command_is_answered_before_the_end(void)
{
	struct server s = { 0 };

	start_negotiated(&s);
	socket_send(s.fd, 15, NULL, 0, NULL, 0);
	t_equal(socket_receive(s.fd, NULL, 0, NULL), ENOTSUP);
	t_equal(socket_receive(s.fd, NULL, 0, NULL), -1);
	t_equal(finish(&s), EXIT_PROTOCOL);
}

static void vram_comes_as_a_descriptor(void)
{
	struct vfio_region_info info = { .argsz = sizeof(info), .index = VG_PCI_VRAM };
	struct vfio_user_region_access access = { 0x1000, VG_PCI_VRAM, 4 };
	struct {
		struct vfio_user_region_access access;
		uint32_t data;
	} __attribute__((packed)) body;
	struct server s = { 0 };
	uint32_t *vram;
	int fd = -1;

	start_negotiated(&s);
	socket_send(s.fd, VFIO_USER_DEVICE_GET_REGION_INFO, &info, sizeof(info), NULL, 0);
	t_equal(socket_receive(s.fd, &info, sizeof(info), &fd), 0);
	vram = mmap(NULL, info.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	t_assert(vram != MAP_FAILED);
	vram[access.offset / 4] = 0xabcd1234;
	socket_send(s.fd, VFIO_USER_REGION_READ, &access, sizeof(access), NULL, 0);
	t_equal(socket_receive(s.fd, &body, sizeof(body), NULL), 0);
	t_equal(body.data, 0xabcd1234);
	munmap(vram, info.size);
	close(fd);
	t_equal(finish(&s), EXIT_LEFT);
}

static void descriptor_of_the_client_is_received(void)
{
	struct vfio_irq_set set = {
		.argsz = sizeof(set),
		.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = VFIO_PCI_MSI_IRQ_INDEX,
		.count = 1,
	};
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	struct server s = { 0 };

	start_negotiated(&s);
	socket_send(s.fd, VFIO_USER_DEVICE_SET_IRQS, &set, sizeof(set), &fd, 1);
	t_equal(socket_receive(s.fd, NULL, 0, NULL), 0);
	set.flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER;
	socket_send(s.fd, VFIO_USER_DEVICE_SET_IRQS, &set, sizeof(set), NULL, 0);
	t_equal(socket_receive(s.fd, NULL, 0, NULL), 0);
	t_equal(poll(&pfd, 1, 0), 1);
	t_equal(finish(&s), EXIT_LEFT);
	close(fd);
}

static void too_many_descriptors_are_a_protocol_error(void)
{
	int fds[VFIO_USER_MAX_FDS + 1];
	struct server s = { 0 };

	for (size_t i = 0; i < T_ARRAY_SIZE(fds); i++)
		fds[i] = STDERR_FILENO;
	start_negotiated(&s);
	socket_send(s.fd, VFIO_USER_DEVICE_RESET, NULL, 0, fds, VFIO_USER_MAX_FDS + 1);
	t_equal(socket_receive(s.fd, NULL, 0, NULL), -1);
	t_equal(finish(&s), EXIT_PROTOCOL);
}

static void stopped_model_closes_the_connection_unanswered(void)
{
	struct vfio_user_device_info info = { .argsz = sizeof(info) };
	struct server s = { 0 };

	start(&s, 0, "the reason");
	socket_send(s.fd, VFIO_USER_DEVICE_GET_INFO, &info, sizeof(info), NULL, 0);
	t_equal(socket_receive(s.fd, &info, sizeof(info), NULL), -1);
	t_equal(finish(&s), EXIT_STOPPED);
}

static void signal_ends_the_server_with_or_without_a_client(void)
{
	struct stat st;
	struct server s = { 0 };

	start_negotiated(&s);
	t_equal(kill(s.pid, SIGTERM), 0);
	t_equal(finish(&s), EXIT_LEFT);

	name_path(&s);
	s.fd = -1;
	s.pid = fork();
	if (!s.pid)
		serve(&s, 0, NULL);
	while (stat(s.path, &st) < 0)
		usleep(1000);
	t_equal(kill(s.pid, SIGTERM), 0);
	t_equal(finish(&s), EXIT_LEFT);
}

static void socket_left_behind_is_replaced_but_no_other_file(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct server s = { 0 };
	int fd, status;

	name_path(&s);
	strcpy(addr.sun_path, s.path);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	t_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	close(fd);
	fd = vg_sock_listen(s.path);
	t_assert(fd >= 0);
	close(socket_connect(s.path));
	close(fd);
	t_equal(unlink(s.path), 0);

	fd = open(s.path, O_CREAT | O_WRONLY, 0600);
	close(fd);
	s.pid = fork();
	if (!s.pid)
		serve(&s, 0, NULL);
	t_equal(waitpid(s.pid, &status, 0), s.pid);
	t_equal(WEXITSTATUS(status), EXIT_OTHER);
	t_equal(unlink(s.path), 0);
	t_equal(rmdir(s.dir), 0);
}

/* A queue that polls keeps the model busy.  The server must still leave CPU time to others. */
static void polling_queue_does_not_take_a_core(void)
{
	const struct timespec second = { .tv_sec = 1 };
	struct rusage usage;
	struct server s = { 0 };
	int status, cpu_ms;

	start(&s, FOR_EVER, NULL);
	socket_negotiate(s.fd);
	nanosleep(&second, NULL);
	close(s.fd);
	t_equal(wait4(s.pid, &status, 0, &usage), s.pid);
	t_equal(WEXITSTATUS(status), EXIT_LEFT);
	t_equal(rmdir(s.dir), 0);
	cpu_ms = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
		 (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
	t_assert(cpu_ms < 300);
}

/*
 * A queue that waits for memory must look again and again, because no message says that memory has
 * changed.
 */
static void polling_queue_is_looked_at_again_without_messages(void)
{
	struct server s = { 0 };

	start(&s, 50, "polled enough");
	t_equal(socket_receive(s.fd, NULL, 0, NULL), -1);
	t_equal(finish(&s), EXIT_STOPPED);
}

static void engines_in_lockstep_do_all_when_the_client_is_silent(void)
{
	struct server s = { .lockstep = true };

	start(&s, 50, "drained");
	t_equal(socket_receive(s.fd, NULL, 0, NULL), -1);
	t_equal(finish(&s), EXIT_STOPPED);
}

int main(void)
{
	static const struct test tests[] = {
		TEST(client_that_leaves_in_order_ends_the_server),
		TEST(client_may_leave_without_a_word),
		TEST(leaving_inside_a_message_is_a_protocol_error),
		TEST(message_in_pieces_is_one_message),
		TEST(messages_in_one_piece_are_answered_one_by_one),
		TEST(oversize_message_is_a_protocol_error),
		TEST(largest_read_comes_back_whole),
		TEST(unknown_command_is_answered_before_the_end),
		TEST(vram_comes_as_a_descriptor),
		TEST(descriptor_of_the_client_is_received),
		TEST(too_many_descriptors_are_a_protocol_error),
		TEST(stopped_model_closes_the_connection_unanswered),
		TEST(signal_ends_the_server_with_or_without_a_client),
		TEST(socket_left_behind_is_replaced_but_no_other_file),
		TEST(polling_queue_does_not_take_a_core),
		TEST(polling_queue_is_looked_at_again_without_messages),
		TEST(engines_in_lockstep_do_all_when_the_client_is_silent),
	};

	alarm(DEADLINE_S);
	return run_tests(tests, T_ARRAY_SIZE(tests));
}
