// SPDX-License-Identifier: MIT
/*
 * vgpu: a simulated gfx942 GPU for QEMU's vfio-user-pci device.  Options, the
 * wiring of host and model, and the event loop; nothing else.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "host/vfio_user.h"
#include "host/vfio_user_sock.h"
#include "vgpu.h"

enum {
	EXIT_USAGE = 1,
	EXIT_PROTOCOL = 2,
	EXIT_STOPPED = 3,
};

/*
 * The engines and the guest's CPUs share the machine's cores.  Engines run at
 * full speed after each message; when no message has come for a while they get
 * a fraction of a core, since a queue that only polls is busy for ever.
 */
enum {
	STEPS_PER_BURST = 64,
	FULL_SPEED_NS = 10 * 1000 * 1000,
	SLICE_NS = 300 * 1000,
	BACK_OFF_MS = 1,
};

static const char usage[] =
	"Usage: vgpu --socket PATH [--trace FILE] [--seed N]\n"
	"       vgpu --write-images DIR\n"
	"\n"
	"A simulated gfx942 GPU for QEMU's vfio-user-pci device.\n"
	"\n"
	"  --socket PATH       listen at PATH and serve one client\n"
	"  --trace FILE        write what the GPU does to FILE\n"
	"  --seed N            seed of the engines' schedule (default 0)\n"
	"  --write-images DIR  write the IP discovery binary and the firmware\n"
	"                      images that amdgpu loads to DIR/amdgpu\n"
	"  --help, --version\n"
	"\n"
	"Exit status: 0 the client left in order, 1 usage or start-up, 2 protocol\n"
	"error, 3 the GPU stopped on something a GPU would not survive.\n";

struct options {
	const char *socket, *trace, *images;
	uint64_t seed;
};

static int parse_seed(const char *text, uint64_t *seed)
{
	char *end;

	errno = 0;
	*seed = strtoull(text, &end, 0);
	return errno || end == text || *end || *text == '-' ? -EINVAL : 0;
}

/* Returns -1 to go on, else the exit status. */
static int parse_options(int argc, char **argv, struct options *opts)
{
	static const struct option longopts[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "trace", required_argument, NULL, 't' },
		{ "seed", required_argument, NULL, 'r' },
		{ "write-images", required_argument, NULL, 'w' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ 0 },
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "", longopts, NULL)) != -1) {
		switch (opt) {
		case 's':
			opts->socket = optarg;
			break;
		case 't':
			opts->trace = optarg;
			break;
		case 'r':
			if (!parse_seed(optarg, &opts->seed))
				break;
			fprintf(stderr, "vgpu: bad seed '%s'\n", optarg);
			return EXIT_USAGE;
		case 'w':
			opts->images = optarg;
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		case 'v':
			puts("vgpu " VGPU_VERSION);
			return 0;
		default:
			return EXIT_USAGE;
		}
	}
	if (optind < argc || !opts->socket == !opts->images) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	return -1;
}

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

/* SIGINT and SIGTERM as a descriptor, so that there is one place to wait. */
static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Wait for @fd; 1 when it is ready, 0 after @timeout_ms, -EINTR on a signal. */
static int wait_for(int fd, int signal_fd, int timeout_ms)
{
	struct pollfd pfds[] = {
		{ .fd = fd, .events = POLLIN },
		{ .fd = signal_fd, .events = POLLIN },
	};
	int ret = poll(pfds, 2, timeout_ms);

	if (ret < 0)
		return errno == EINTR ? 0 : -errno;
	if (pfds[1].revents)
		return -EINTR;
	return pfds[0].revents ? 1 : 0;
}

static int stopped(const struct vg_vfio_user *dev)
{
	fprintf(stderr, "vgpu: stopped: %s\n", vgpu_stopped(dev->vg));
	if (dev->trace)
		fprintf(dev->trace, "stopped: %s\n", vgpu_stopped(dev->vg));
	return EXIT_STOPPED;
}

static void run_engines(struct vgpu *vg)
{
	for (int i = 0; i < STEPS_PER_BURST && vgpu_step(vg); i++)
		;
}

static int serve(struct vg_vfio_user *dev, struct vg_sock *sock,
		 struct vg_reply *reply, int signal_fd)
{
	int64_t last_message = now_ns(), slice = last_message;

	for (;;) {
		int timeout = -1, ret;

		if (vgpu_busy(dev->vg)) {
			int64_t now = now_ns();

			timeout = now - last_message > FULL_SPEED_NS &&
				  now - slice > SLICE_NS ? BACK_OFF_MS : 0;
		}
		ret = wait_for(sock->fd, signal_fd, timeout);
		if (ret == -EINTR)
			return 0;
		if (ret < 0) {
			fprintf(stderr, "vgpu: poll: %s\n", strerror(-ret));
			return EXIT_USAGE;
		}
		if (timeout)
			slice = now_ns();
		if (ret > 0) {
			ret = vg_sock_serve(sock, dev, reply);
			last_message = now_ns();
			if (vgpu_stopped(dev->vg))
				return stopped(dev);
			if (ret == -EPIPE)
				return 0;
			if (ret < 0) {
				fprintf(stderr, "vgpu: protocol error: %s\n", dev->error);
				return EXIT_PROTOCOL;
			}
		}
		run_engines(dev->vg);
		if (vgpu_stopped(dev->vg))
			return stopped(dev);
	}
}

/* Accept the one client; the socket is gone from the file system after. */
static int accept_client(const char *path, int signal_fd)
{
	int listener = vg_sock_listen(path), fd, ret;

	if (listener < 0) {
		fprintf(stderr, "vgpu: cannot listen at %s: %s\n", path,
			strerror(-listener));
		return listener;
	}
	ret = wait_for(listener, signal_fd, -1);
	fd = ret > 0 ? accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK) : ret;
	if (ret > 0 && fd < 0)
		fprintf(stderr, "vgpu: accept: %s\n", strerror(errno));
	unlink(path);
	close(listener);
	return fd;
}

static int run(const struct options *opts, FILE *trace)
{
	/* Too large for the stack, and there is exactly one of each. */
	struct vg_sock *sock = malloc(sizeof(*sock));
	struct vg_reply *reply = malloc(sizeof(*reply));
	struct vg_vfio_user dev;
	int signal_fd = open_signals(), fd, ret;

	ret = sock && reply && signal_fd >= 0 ?
		vg_vfio_user_init(&dev, opts->seed, trace) : -ENOMEM;
	if (ret) {
		fprintf(stderr, "vgpu: cannot start: %s\n", strerror(-ret));
		free(sock);
		free(reply);
		return EXIT_USAGE;
	}
	fd = accept_client(opts->socket, signal_fd);
	if (fd >= 0) {
		vg_sock_init(sock, fd);
		ret = serve(&dev, sock, reply, signal_fd);
		vg_sock_fini(sock);
	} else {
		ret = fd == -EINTR ? 0 : EXIT_USAGE;
	}
	vg_vfio_user_fini(&dev);
	free(sock);
	free(reply);
	return ret;
}

int main(int argc, char **argv)
{
	struct options opts = { 0 };
	FILE *trace = NULL;
	int ret = parse_options(argc, argv, &opts);

	if (ret >= 0)
		return ret;
	if (opts.images) {
		ret = vg_images_write(opts.images);
		if (ret)
			fprintf(stderr, "vgpu: cannot write images to %s: %s\n",
				opts.images, strerror(-ret));
		return ret ? EXIT_USAGE : 0;
	}
	if (opts.trace) {
		trace = fopen(opts.trace, "we");
		if (!trace) {
			fprintf(stderr, "vgpu: %s: %s\n", opts.trace, strerror(errno));
			return EXIT_USAGE;
		}
	}
	ret = run(&opts, trace);
	if (trace && fclose(trace)) {
		fprintf(stderr, "vgpu: %s: %s\n", opts.trace, strerror(errno));
		ret = ret ? ret : EXIT_USAGE;
	}
	return ret;
}
