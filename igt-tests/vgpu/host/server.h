/* SPDX-License-Identifier: MIT */
/* The event loop: one client's messages, and the model's engines in between. */
#ifndef VG_HOST_SERVER_H
#define VG_HOST_SERVER_H

#include "vfio_user.h"

/*
 * Listen at @path, serve the first client that connects until it leaves, the
 * model stops, or SIGINT or SIGTERM arrives (both are blocked from here on).
 * Returns 0 when the client left in order or a signal came, -ECANCELED when
 * the model has stopped, and with dev->error set -EPROTO when the client broke
 * the protocol, another -errno when there could be no connection.
 *
 * With @lockstep the engines move only by messages, and when the client is
 * silent for a while, then as far as they get: how fast the host is no longer
 * counts.
 */
int vg_server_run(struct vg_vfio_user *dev, const char *path, bool lockstep);

#endif
