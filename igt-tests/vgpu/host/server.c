// SPDX-License-Identifier: MIT
#include "server.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vfio_user_sock.h"

enum {
	/*
	 * How long to sleep while all queues wait for the guest.  The server sleeps
	 * because the guest needs the host's CPUs to do its work.  It sleeps for a
	 * short time only, because the guest sends no message when the work is done.
	 * The pauses of the engines have the same length.
	 */
	BACK_OFF_MS = 1,
	/*
	 * With --lockstep, assume that a guest waits for the GPU when it has sent no
	 * message for this time.
	 */
	LOCKSTEP_MS = 5,
};

struct server {
	struct vg_vfio_user *dev;
	struct vg_sock sock;
	struct vg_reply reply;
	int signal_fd;
	bool lockstep;
	bool pause; /* vgpu_run() said that the host may sleep before the next steps */
};

static int fail(struct vg_vfio_user *dev, const char *what, int err)
{
	snprintf(dev->error, sizeof(dev->error), "%s: %s", what, strerror(err));
	return -err;
}

/* Open a descriptor for SIGINT and SIGTERM, so that one poll() waits for all events. */
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

/* The timeout of the next poll(), in ms; -1 when the engines have nothing to do. */
static int idle_timeout(const struct server *srv)
{
	if (!vgpu_busy(srv->dev->vg))
		return -1;
	if (srv->lockstep)
		return LOCKSTEP_MS;
	return srv->pause ? BACK_OFF_MS : 0;
}

/* Let the engines work.  @none says that no message has come since they worked last. */
static void run_engines(struct server *srv, bool none)
{
	if (none && srv->lockstep)
		vgpu_drain(srv->dev->vg);
	else
		srv->pause = vgpu_run(srv->dev->vg);
}

static int send_command(void *arg, const void *message, size_t size)
{
	return vg_sock_send(arg, message, size);
}

static int serve_client(struct server *srv)
{
	struct vgpu *vg = srv->dev->vg;
	bool none;

	while (!vgpu_stopped(vg)) {
		int ret = wait_for(srv->sock.fd, srv->signal_fd, idle_timeout(srv));

		if (ret == -EINTR)
			return 0;
		if (ret < 0)
			return fail(srv->dev, "poll", -ret);
		none = !ret;
		if (ret > 0) {
			ret = vg_sock_serve(&srv->sock, srv->dev, &srv->reply);
			if (vgpu_stopped(vg))
				break;
			if (ret < 0)
				return ret == -EPIPE ? 0 : ret;
		}
		run_engines(srv, none);
	}
	return -ECANCELED;
}

/* Wait for the client, accept it, and remove @path from the file system. */
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

int vg_server_run(struct vg_vfio_user *dev, const char *path, bool lockstep)
{
	struct server *srv = calloc(1, sizeof(*srv));
	int fd, ret;

	if (!srv)
		return fail(dev, "server", ENOMEM);
	srv->dev = dev;
	srv->lockstep = lockstep;
	srv->signal_fd = open_signals();
	if (srv->signal_fd < 0) {
		ret = fail(dev, "signalfd", errno);
		goto out;
	}
	fd = accept_client(dev, path, srv->signal_fd);
	ret = fd == -EINTR ? 0 : fd;
	if (fd >= 0) {
		vg_sock_init(&srv->sock, fd);
		dev->send = send_command;
		dev->send_arg = &srv->sock;
		ret = serve_client(srv);
		dev->send = NULL;
		vg_sock_fini(&srv->sock);
	}
	close(srv->signal_fd);
out:
	free(srv);
	return ret;
}
