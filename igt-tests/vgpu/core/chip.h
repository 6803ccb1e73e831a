/* SPDX-License-Identifier: MIT */
/*
 * A chip: its blocks, and the operations that the core and the packet engines need
 * from it.  vgpu.c chooses the chip.  The core and the engines know chips only through
 * this structure.
 */
#ifndef VG_CHIP_H
#define VG_CHIP_H

#include "core/mmu.h"
#include "core/reg.h"

struct vg_pm4_chip;  /* engine/pm4.h */
struct vg_sdma_chip; /* engine/sdma.h */

/* A file that the driver requests from the guest's user space. */
struct vg_image {
	const char *name;
	/* Write the file to @buf, VG_IMAGE_MAX zero bytes; returns its size. */
	size_t (*make)(const struct vg_config *config, uint8_t *buf);
};

struct vg_chip {
	const char *name;
	const struct vg_block *const *blocks; /* vgpu_reset() resets them in this order */
	size_t num_blocks;
	/* The distance in dwords from a register of an XCC to the same register of the next XCC. */
	uint32_t xcc_distance;

	/* Allocate vg->chip_state and register the queues; 0 or -ENOMEM. */
	int (*init)(struct vgpu *vg);
	/* Free vg->chip_state. */
	void (*free)(struct vgpu *vg);

	struct vg_mmu_ops mmu;
	/* Do one step of each flush under way.  Called by vgpu_step() if sched.flushes is not 0. */
	void (*step_flushes)(struct vgpu *vg);

	/* Access [offset, offset + len) of VRAM for the CPU.  core/vram.c has checked the range. */
	void (*vram_read)(struct vgpu *vg, uint64_t offset, void *data, size_t len);
	void (*vram_write)(struct vgpu *vg, uint64_t offset, const void *data, size_t len);

	/*
	 * Handle a doorbell write; @index counts dwords.  Return true when the GPU's interrupt
	 * handler (IH), or a queue, has claimed that doorbell.
	 */
	bool (*interrupt_doorbell)(struct vgpu *vg, uint32_t index, uint64_t value);
	bool (*queue_doorbell)(struct vgpu *vg, uint32_t index, uint64_t value, unsigned int size);

	unsigned int clock_mhz; /* rate of the GPU's clock counter */
	const struct vg_pm4_chip *pm4;
	const struct vg_sdma_chip *sdma;
	const struct vg_image *images;
	size_t num_images;
};

#endif
