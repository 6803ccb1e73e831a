/* SPDX-License-Identifier: MIT */
/*
 * Host data path (HDP): the CPU's accesses to VRAM pass it.  With vg_config.hdp_fifo it holds
 * the CPU's writes in a FIFO, where neither the engines nor the page walks see them.
 */
#ifndef VG_HDP_H
#define VG_HDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vgpu;
struct vg_queue;

/* The ways in which software gets the held writes to VRAM. */
enum vg_hdp_way {
	VG_HDP_HOST,	/* the CPU writes HDP_MEM_COHERENCY_FLUSH_CNTL or the remapped page */
	VG_HDP_RING,	/* a packet of the driver writes GPU_HDP_FLUSH_REQ */
	VG_HDP_SDMA,	/* POLL_REGMEM as ROCr puts it into a user's queue */
	VG_HDP_ACQUIRE, /* the acquire fence of an AQL packet, at the scope "system" */
	VG_HDP_READ,	/* the CPU reads VRAM */
	VG_NUM_HDP_WAYS
};

struct vg_hdp_write; /* a write that is held; gfx9/hdp.c has its fields */

struct vg_hdp {
	/* A ring of @slots writes, of which @num are held, the oldest one at @first. */
	struct vg_hdp_write *fifo; /* NULL: the HDP holds no writes */
	size_t slots, first, num;
	bool overflowed; /* the FIFO was full since it was empty last */

	uint32_t clients;   /* bits in GPU_HDP_FLUSH_REQ that are not in GPU_HDP_FLUSH_DONE yet */
	unsigned int steps; /* number of steps until GPU_HDP_FLUSH_DONE gets them */
};

int vg_hdp_init(struct vgpu *vg); /* 0 or -ENOMEM */
void vg_hdp_free(struct vgpu *vg);
/* Access [at, at + len) of VRAM for the CPU.  The caller has checked the range. */
void vg_hdp_read(struct vgpu *vg, uint64_t at, void *data, size_t len);
void vg_hdp_write(struct vgpu *vg, uint64_t at, const void *data, size_t len);
/* Move all held writes to VRAM, unless an injected fault leaves this way out. */
void vg_hdp_flush(struct vgpu *vg, enum vg_hdp_way way);

/* gfx9/chip.c puts these two into its struct vg_pm4_chip and struct vg_sdma_chip. */
void vg_hdp_acquire(struct vgpu *vg, const struct vg_queue *q);
void vg_hdp_packet(struct vgpu *vg, const struct vg_queue *q);

#endif
