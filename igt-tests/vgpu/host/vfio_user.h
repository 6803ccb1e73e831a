/* SPDX-License-Identifier: MIT */
/*
 * The device side of vfio-user: the handlers of messages.  The handlers work on
 * buffers, so that a test or a fuzzer needs no socket; vfio_user_sock.h has the
 * socket.
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
	int vram_fd;	  /* memfd of VG_VRAM_SIZE bytes, which this process has at @vram */
	FILE *trace;	  /* the trace goes to this file; NULL: there is no trace */
	uint64_t started; /* CLOCK_MONOTONIC in ns when vg_host_ops.clock() was 0 */
	bool trap_vram;	  /* the client gets no descriptor of the VRAM, so it sends messages */
	bool negotiated;  /* the client has sent VERSION */
	char error[160];  /* the reason why the connection must end */
	/* Sends a command to the client; 0 or -errno.  NULL: there is no connection. */
	int (*send)(void *arg, const void *message, size_t size);
	void *send_arg;
	uint16_t last_id;	 /* of the last command that this process sent */
	unsigned int unanswered; /* number of sent commands without a reply so far */
};

/*
 * Set up the device with a model of its own.  The device allocates the VRAM, so the
 * caller leaves @config->vram empty; @trace may be NULL.  Returns 0 or -errno.
 * vg_vfio_user_fini() frees everything but @trace.
 */
int vg_vfio_user_init(struct vg_vfio_user *dev, const struct vg_config *config, FILE *trace);
void vg_vfio_user_fini(struct vg_vfio_user *dev);

/* A reply; its size is 0 when the client gets none. */
struct vg_reply {
	size_t size;
	int fd; /* descriptor to send with the reply, which stays open; or -1 */
	uint8_t data[VFIO_USER_MAX_MESSAGE];
};

/*
 * Check the header of a client's message before the rest has arrived.  Returns 0, or
 * -EPROTO with dev->error set when no message can begin with it.
 */
int vg_vfio_user_check_header(struct vg_vfio_user *dev, const struct vfio_user_header *header);

/*
 * Handle one whole message of @size bytes.  The @nfds descriptors came with it, and
 * the device has to close them.  A request that fails gets an error reply.  -EPROTO,
 * with dev->error set, means that the client has broken the protocol or that a DMA_MAP or
 * DMA_UNMAP has failed, so the connection must end after @reply, if any, has been sent.
 */
int vg_vfio_user_handle(struct vg_vfio_user *dev, const void *message, size_t size, int *fds,
			unsigned int nfds, struct vg_reply *reply);

#endif
