/* SPDX-License-Identifier: MIT */
/*
 * All state of one simulated GPU.  Rules for every file of the model:
 *  - all state hangs off struct vgpu, file-scope data is const;
 *  - the GPU accesses memory through core/mem.h only (gfx9/hdp.c does the accesses of
 *    the CPU to VRAM, and the page oracle reads its ring itself);
 *  - a block accesses registers of another block through core/reg.h or through
 *    a function of that block;
 *  - the model stops (core/log.h) at everything that it does not know, because
 *    a guess would let a bug of the driver pass.
 */
#ifndef VG_GPU_H
#define VG_GPU_H

#include "core/chip.h"
#include "core/inject.h"
#include "core/judge.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/reg.h"
#include "core/sched.h"
#include "core/tlb.h"
#include "vgpu.h"

enum { VG_MAX_BLOCKS = 24 };

struct vgpu {
	struct vg_config config;
	const struct vg_host_ops *ops;
	void *host;
	uint64_t time;	/* virtual time: one tick for each step and each access of the host */
	char stop[256]; /* why the model has stopped; empty while it runs */

	const struct vg_chip *chip;
	void *chip_state; /* the chip's own state, which chip->init() allocates */

	const struct vg_block *block[VG_MAX_BLOCKS]; /* vgpu_reset() resets them in this order */
	size_t num_blocks;
	uint32_t regs[VG_MMIO_DWORDS]; /* storage of the registers, by dword address */
	const struct vg_reg *reg_at[VG_MMIO_DWORDS]; /* NULL: no block has this address */
	struct vg_reg *instance_regs[VG_MAX_XCCS];   /* registers of the instances from 1 on */

	unsigned int num_hubs;
	struct vg_tlb *tlb[VG_MAX_HUBS]; /* @num_hubs of them are in use */
	unsigned int bus_writes;	 /* writes to other devices that are not complete */
	struct vg_sched sched;
	struct vg_injection injection[VG_NUM_INJECTIONS];

	const struct vg_judge *judge;
	struct vg_oracle *oracle; /* the page oracle's own state */
	uint32_t mark;		  /* last value that the guest wrote to VG_ORACLE_MARK; 0: none */
};

static inline unsigned int vg_num_xccs(const struct vgpu *vg)
{
	return vg->config.xccs ? vg->config.xccs : 1;
}

/* The GPU's clock counter, as the driver and the packets read it. */
uint64_t vg_gpu_clock(const struct vgpu *vg);

#endif
