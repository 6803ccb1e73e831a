/* SPDX-License-Identifier: MIT */
/* The event loop: it serves one client's messages and lets the engines work in between. */
#ifndef VG_HOST_SERVER_H
#define VG_HOST_SERVER_H

#include "vfio_user.h"

/*
 * Listen at @path and serve the first client that connects, until the client
 * leaves, the model stops, or SIGINT or SIGTERM arrives; this function blocks
 * both signals for good.  Returns
 *  - 0 when the client left in order or a signal arrived;
 *  - -ECANCELED when the model has stopped;
 *  - -EPROTO, with dev->error set, when the client broke the protocol;
 *  - another -errno, with dev->error set, when there could be no connection.
 *
 * With @lockstep the engines do as many steps after each message as the seed says.  Only
 * when the client has been silent for a while, they do everything that they can do, up to
 * the limit of vgpu_drain().  So a run depends less on the speed of the host.
 */
int vg_server_run(struct vg_vfio_user *dev, const char *path, bool lockstep);

#endif
