// SPDX-License-Identifier: MIT
#include "vfio_user_sock.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* How long to wait for a client that does not read its reply.  QEMU's own limit is 5 s. */
enum { SEND_TIMEOUT_MS = 5000 };

static int bind_at(int fd, const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	strcpy(addr.sun_path, path);
	return bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ? -errno : 0;
}

int vg_sock_listen(const char *path)
{
	char hidden[sizeof(((struct sockaddr_un *)0)->sun_path) + 16];
	struct stat st;
	int fd, ret;

	if (lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode))
		return -EEXIST;
	ret = snprintf(hidden, sizeof(hidden), "%s.%d", path, (int)getpid());
	if (ret < 0 || (size_t)ret >= sizeof(hidden))
		return -ENAMETOOLONG;

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	ret = bind_at(fd, hidden);
	if (ret) {
		close(fd);
		return ret;
	}
	/* Listen before @path exists, so that a client that waits for @path can connect at once. */
	if (listen(fd, 1) < 0 || rename(hidden, path) < 0) {
		ret = -errno;
		unlink(hidden);
		close(fd);
		return ret;
	}
	return fd;
}

void vg_sock_init(struct vg_sock *sock, int fd)
{
	sock->fd = fd;
	sock->have = 0;
	sock->nfds = 0;
}

static void close_fds(struct vg_sock *sock)
{
	while (sock->nfds)
		close(sock->fds[--sock->nfds]);
}

void vg_sock_fini(struct vg_sock *sock)
{
	close_fds(sock);
	close(sock->fd);
}

static int end_with(struct vg_vfio_user *dev, const char *what, int err)
{
	snprintf(dev->error, sizeof(dev->error), "%s%s%s", what, err ? ": " : "",
		 err ? strerror(err) : "");
	return -EPROTO;
}

/* Take the descriptors out of @msg; close those that exceed the limit. */
static int take_fds(struct vg_sock *sock, struct msghdr *msg)
{
	int ret = msg->msg_flags & MSG_CTRUNC ? -EMFILE : 0;
	struct cmsghdr *cmsg;

	for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		size_t count;

		if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		count = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(fd), sizeof(fd));
			if (sock->nfds < VFIO_USER_MAX_FDS) {
				sock->fds[sock->nfds++] = fd;
			} else {
				close(fd);
				ret = -EMFILE;
			}
		}
	}
	return ret;
}

/*
 * Read until @want bytes of the message are there.  Read no byte more, because
 * descriptors belong to the message with which they arrive.  Returns 1 when the
 * bytes are there, 0 when some have not arrived yet.
 */
static int receive(struct vg_sock *sock, struct vg_vfio_user *dev, size_t want)
{
	union {
		struct cmsghdr align;
		uint8_t space[CMSG_SPACE(VFIO_USER_MAX_FDS * sizeof(int))];
	} control;
	struct iovec iov;
	struct msghdr msg;
	ssize_t n;

	while (sock->have < want) {
		iov = (struct iovec){ sock->message + sock->have, want - sock->have };
		msg = (struct msghdr){
			.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = &control,
			.msg_controllen = sizeof(control),
		};
		n = recvmsg(sock->fd, &msg, MSG_CMSG_CLOEXEC);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n < 0)
			return end_with(dev, "receiving", errno);
		if (n == 0 && sock->have)
			return end_with(dev, "the client left inside a message", 0);
		if (n == 0)
			return -EPIPE;
		sock->have += n;
		if (take_fds(sock, &msg))
			return end_with(dev, "too many file descriptors", 0);
	}
	return 1;
}

static int wait_writable(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLOUT };
	int ret;

	do {
		ret = poll(&pfd, 1, SEND_TIMEOUT_MS);
	} while (ret < 0 && errno == EINTR);
	return ret < 0 ? -errno : ret == 0 ? -ETIMEDOUT : 0;
}

/* Send a message, and with it the descriptor @fd unless that is -1. */
static int send_message(const struct vg_sock *sock, const void *message, size_t size, int fd)
{
	union {
		struct cmsghdr align;
		uint8_t space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	size_t sent = 0;

	while (sent < size) {
		struct iovec iov = { (uint8_t *)message + sent, size - sent };
		struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
		ssize_t n;
		int ret;

		if (!sent && fd >= 0) {
			control.align.cmsg_level = SOL_SOCKET;
			control.align.cmsg_type = SCM_RIGHTS;
			control.align.cmsg_len = CMSG_LEN(sizeof(int));
			memcpy(CMSG_DATA(&control.align), &fd, sizeof(int));
			msg.msg_control = &control;
			msg.msg_controllen = sizeof(control);
		}
		n = sendmsg(sock->fd, &msg, MSG_NOSIGNAL);
		if (n >= 0) {
			sent += n;
		} else if (errno == EAGAIN) {
			ret = wait_writable(sock->fd);
			if (ret)
				return ret;
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}

static int send_reply(const struct vg_sock *sock, struct vg_vfio_user *dev, struct vg_reply *reply)
{
	int ret = send_message(sock, reply->data, reply->size, reply->fd);

	return ret ? end_with(dev, "sending the reply", -ret) : 0;
}

int vg_sock_send(const struct vg_sock *sock, const void *message, size_t size)
{
	return send_message(sock, message, size, -1);
}

int vg_sock_serve(struct vg_sock *sock, struct vg_vfio_user *dev, struct vg_reply *reply)
{
	struct vfio_user_header header;
	unsigned int nfds;
	int ret, sent = 0;

	ret = receive(sock, dev, sizeof(header));
	if (ret <= 0)
		return ret;
	memcpy(&header, sock->message, sizeof(header));
	ret = vg_vfio_user_check_header(dev, &header);
	if (ret)
		return ret;
	ret = receive(sock, dev, header.size);
	if (ret <= 0)
		return ret;

	nfds = sock->nfds;
	sock->have = 0;
	sock->nfds = 0;
	ret = vg_vfio_user_handle(dev, sock->message, header.size, sock->fds, nfds, reply);
	/* Send no reply to a message that stopped the model. */
	if (vgpu_stopped(dev->vg))
		return ret ? ret : 1;
	if (reply->size) {
		char why[sizeof(dev->error)];

		/* Keep the first reason to end the connection. */
		memcpy(why, dev->error, sizeof(why));
		sent = send_reply(sock, dev, reply);
		if (ret)
			memcpy(dev->error, why, sizeof(why));
	}
	return ret ? ret : sent ? sent : 1;
}
