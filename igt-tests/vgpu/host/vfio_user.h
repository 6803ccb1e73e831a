/* SPDX-License-Identifier: MIT */
/*
 * The device side of vfio-user: what each message does.  Works on buffers;
 * the socket is vfio_user_sock.h's, so a test or a fuzzer needs none.
 */
#ifndef VG_HOST_VFIO_USER_H
#define VG_HOST_VFIO_USER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "dma.h"
#include "irq.h"
#include "pci.h"
#include "vfio_user_proto.h"
#include "vgpu.h"

struct vg_vfio_user {
	struct vgpu *vg;
	struct vg_dma dma;
	struct vg_irq irq;
	struct vg_pci pci;
	void *vram;
	int vram_fd;		/* VG_VRAM_SIZE bytes, mapped at @vram */
	FILE *trace;		/* or NULL */
	uint64_t started;	/* CLOCK_MONOTONIC in ns; the clock counts from here */
	bool negotiated;	/* VERSION has been agreed on */
	char error[160];	/* why the connection has to end */
};

/*
 * @config without its memory, which is the device's; @trace may be NULL.  Returns 0 or -errno.  On success the device owns a
 * model; vg_vfio_user_fini() frees all but @trace.
 */
int vg_vfio_user_init(struct vg_vfio_user *dev, const struct vg_config *config,
		      FILE *trace);
void vg_vfio_user_fini(struct vg_vfio_user *dev);

/* What to send back; an empty one (size 0) stands for no reply. */
struct vg_reply {
	size_t size;
	int fd;			/* to go with it, still the device's; or -1 */
	uint8_t data[VFIO_USER_MAX_MESSAGE];
};

/*
 * Is @header one that a message of this server's client can begin with?
 * Returns 0, or -EPROTO with dev->error set.
 */
int vg_vfio_user_check_header(struct vg_vfio_user *dev,
			      const struct vfio_user_header *header);

/*
 * Handle one whole message of @size bytes with the @nfds descriptors that came
 * with it, which are the device's from here on.  What a handler finds wrong
 * becomes an error reply; -EPROTO and dev->error mean that the two sides do
 * not understand each other and the connection must end, after @reply has been
 * sent if there is one.
 */
int vg_vfio_user_handle(struct vg_vfio_user *dev, const void *message,
			size_t size, int *fds, unsigned int nfds,
			struct vg_reply *reply);

#endif
