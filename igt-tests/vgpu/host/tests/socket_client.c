// SPDX-License-Identifier: MIT
#include "socket_client.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "host/vfio_user_proto.h"
#include "test.h"

int socket_connect(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	const struct timespec ms = { .tv_nsec = 1000000 };
	struct stat st;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(addr.sun_path, path);
	while (stat(path, &st) < 0)
		nanosleep(&ms, NULL);
	t_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

void socket_send(int sock, uint16_t command, const void *body, size_t len, const int *fds,
		 unsigned int nfds)
{
	struct vfio_user_header header = { .command = command, .size = sizeof(header) + len };
	union {
		struct cmsghdr align;
		uint8_t space[CMSG_SPACE(32 * sizeof(int))];
	} control = { 0 };
	struct iovec iov[] = {
		{ &header, sizeof(header) },
		{ (void *)body, len },
	};
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };

	if (nfds) {
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(nfds * sizeof(int));
		memcpy(CMSG_DATA(&control.align), fds, nfds * sizeof(int));
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
	}
	t_equal(sendmsg(sock, &msg, MSG_NOSIGNAL), header.size);
}

int socket_receive(int sock, void *body, size_t len, int *fd)
{
	union {
		struct cmsghdr align;
		uint8_t space[CMSG_SPACE(sizeof(int))];
	} control;
	struct vfio_user_header header;
	struct iovec iov = { &header, sizeof(header) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(sock, &msg, MSG_WAITALL | MSG_CMSG_CLOEXEC);
	struct cmsghdr *cmsg;

	if (n <= 0)
		return -1;
	t_equal(n, sizeof(header));
	cmsg = CMSG_FIRSTHDR(&msg);
	if (fd && cmsg)
		memcpy(fd, CMSG_DATA(cmsg), sizeof(*fd));
	else
		t_assert(!fd && !cmsg);
	if (header.flags & VFIO_USER_F_ERROR)
		return header.error;
	t_equal(header.size, sizeof(header) + len);
	if (len)
		t_equal(recv(sock, body, len, MSG_WAITALL), len);
	return 0;
}

void socket_negotiate(int sock)
{
	const struct vfio_user_version version = { 0, 0 };
	uint8_t header[16], rest[256];
	const struct vfio_user_header *h = (const void *)header;

	socket_send(sock, VFIO_USER_VERSION, &version, sizeof(version), NULL, 0);
	t_equal(recv(sock, header, sizeof(header), MSG_WAITALL), sizeof(header));
	t_equal(h->flags, VFIO_USER_F_TYPE_REPLY);
	t_equal(recv(sock, rest, h->size - sizeof(*h), MSG_WAITALL), h->size - sizeof(*h));
}
