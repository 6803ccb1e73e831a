// SPDX-License-Identifier: MIT
#include "server.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "vfio_user_sock.h"

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

struct server {
	struct vg_vfio_user *dev;
	struct vg_sock sock;
	struct vg_reply reply;
	int signal_fd;
	int64_t last_message;	/* when */
	int64_t slice;		/* when the engines were last kept waiting */
};

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

static int fail(struct vg_vfio_user *dev, const char *what, int err)
{
	snprintf(dev->error, sizeof(dev->error), "%s: %s", what, strerror(err));
	return -err;
}

/* SIGINT and SIGTERM as a descriptor, so that there is one place to wait. */
static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -1;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Wait for @fd; 1 when it is ready, 0 after @timeout_ms, -EINTR on a signal. */
static int wait_for(int fd, int signal_fd, int timeout_ms)
{
	struct pollfd pfds[] = {
		{ .fd = fd, .events = POLLIN },
		{ .fd = signal_fd, .events = POLLIN },
	};
	int ret;

	do {
		ret = poll(pfds, 2, timeout_ms);
	} while (ret < 0 && errno == EINTR);
	if (ret < 0)
		return -errno;
	if (pfds[1].revents)
		return -EINTR;
	return pfds[0].revents ? 1 : 0;
}

/* How long may the next poll() sleep, in its own terms? */
static int idle_timeout(const struct server *srv)
{
	int64_t now;

	if (!vgpu_busy(srv->dev->vg))
		return -1;
	now = now_ns();
	return now - srv->last_message > FULL_SPEED_NS &&
	       now - srv->slice > SLICE_NS ? BACK_OFF_MS : 0;
}

static int serve_client(struct server *srv)
{
	struct vgpu *vg = srv->dev->vg;

	while (!vgpu_stopped(vg)) {
		int timeout = idle_timeout(srv);
		int ret = wait_for(srv->sock.fd, srv->signal_fd, timeout);

		if (ret == -EINTR)
			return 0;
		if (ret < 0)
			return fail(srv->dev, "poll", -ret);
		if (timeout)
			srv->slice = now_ns();
		if (ret > 0) {
			ret = vg_sock_serve(&srv->sock, srv->dev, &srv->reply);
			srv->last_message = now_ns();
			if (vgpu_stopped(vg))
				break;
			if (ret < 0)
				return ret == -EPIPE ? 0 : ret;
		}
		for (int i = 0; i < STEPS_PER_BURST && vgpu_step(vg); i++)
			;
	}
	return -ECANCELED;
}

/* The one client; @path is gone from the file system afterwards. */
static int accept_client(struct vg_vfio_user *dev, const char *path, int signal_fd)
{
	int listener = vg_sock_listen(path), fd, ret;

	if (listener < 0)
		return fail(dev, path, -listener);
	fd = ret = wait_for(listener, signal_fd, -1);
	if (ret > 0)
		fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (ret > 0 && fd < 0)
		fd = fail(dev, "accept", errno);
	unlink(path);
	close(listener);
	return fd;
}

int vg_server_run(struct vg_vfio_user *dev, const char *path)
{
	struct server *srv = calloc(1, sizeof(*srv));
	int fd, ret;

	if (!srv)
		return fail(dev, "server", ENOMEM);
	srv->dev = dev;
	srv->signal_fd = open_signals();
	if (srv->signal_fd < 0) {
		ret = fail(dev, "signalfd", errno);
		goto out;
	}
	fd = accept_client(dev, path, srv->signal_fd);
	ret = fd == -EINTR ? 0 : fd;
	if (fd >= 0) {
		vg_sock_init(&srv->sock, fd);
		srv->last_message = srv->slice = now_ns();
		ret = serve_client(srv);
		vg_sock_fini(&srv->sock);
	}
	close(srv->signal_fd);
out:
	free(srv);
	return ret;
}
