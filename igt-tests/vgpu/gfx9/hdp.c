/* SPDX-License-Identifier: MIT */
/*
 * Host data path (HDP).  Its registers have no effect, because the CPU's accesses to the VRAM
 * BAR go straight to the memory of VRAM.
 */
#include "core/bits.h"
#include "gfx9/gfx9.h"
#include "gfx9/regs_hdp.h"

static const struct vg_reg regs[] = {
	VG_REG_PLAIN(HDP_NONSURFACE_BASE),
	VG_REG_PLAIN(HDP_NONSURFACE_BASE_HI),
	VG_REG_PLAIN(HDP_MISC_CNTL),
};

const struct vg_block vg_hdp_block = {
	.name = "hdp",
	.regs = regs,
	.num_regs = VG_COUNT(regs),
};
