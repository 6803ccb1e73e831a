/* SPDX-License-Identifier: MIT */
/*
 * vfio-user over a UNIX stream socket.  This part cuts the stream into messages and
 * passes file descriptors.  It never waits for the rest of a message.
 */
#ifndef VG_HOST_VFIO_USER_SOCK_H
#define VG_HOST_VFIO_USER_SOCK_H

#include <stddef.h>
#include <stdint.h>

#include "vfio_user.h"

struct vg_sock {
	int fd;
	size_t have; /* bytes of the current message that have arrived */
	unsigned int nfds;
	int fds[VFIO_USER_MAX_FDS];
	uint8_t message[VFIO_USER_MAX_MESSAGE];
};

/*
 * Listen at @path.  The socket appears there only when a client can connect to it,
 * and replaces the socket of an earlier run.  Returns the descriptor or -errno.
 */
int vg_sock_listen(const char *path);

/* Use the connected, non-blocking @fd.  vg_sock_fini() closes it. */
void vg_sock_init(struct vg_sock *sock, int fd);
void vg_sock_fini(struct vg_sock *sock);

/* Send a message of the server; 0 or -errno. */
int vg_sock_send(const struct vg_sock *sock, const void *message, size_t size);

/*
 * Read the bytes that have arrived and serve at most one message.  Returns 1 when a
 * message was served, 0 when more bytes are needed, -EPIPE when the client left
 * between two messages, or -EPROTO with dev->error set when the connection must end
 * for another reason.
 */
int vg_sock_serve(struct vg_sock *sock, struct vg_vfio_user *dev, struct vg_reply *reply);

#endif
