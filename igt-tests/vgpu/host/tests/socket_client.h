/* SPDX-License-Identifier: MIT */
/* A vfio-user client on a socket. */
#ifndef SOCKET_CLIENT_H
#define SOCKET_CLIENT_H

#include <stddef.h>
#include <stdint.h>

/* Wait until @path exists, then connect, which must succeed at once. */
int socket_connect(const char *path);

void socket_send(int sock, uint16_t command, const void *body, size_t len, const int *fds,
		 unsigned int nfds);

/*
 * Receive a reply that must have a body of @len bytes and, if @fd is given, a descriptor.
 * Returns the reply's errno, or -1 when the server has closed the connection.
 */
int socket_receive(int sock, void *body, size_t len, int *fd);

/* Negotiate the version: send VERSION and check the reply. */
void socket_negotiate(int sock);

#endif
