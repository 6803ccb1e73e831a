/* SPDX-License-Identifier: MIT */
/*
 * Host data path (HDP): the way of the CPU's accesses to VRAM.  They go straight to the memory of
 * VRAM, so the registers have no effect.
 */
#include <string.h>

#include "core/bits.h"
#include "gfx9/gfx9.h"
#include "gfx9/regs_hdp.h"

static uint8_t *vram(struct vgpu *vg, uint64_t at)
{
	return (uint8_t *)vg->config.vram + at;
}

void vg_hdp_read(struct vgpu *vg, uint64_t at, void *data, size_t len)
{
	memcpy(data, vram(vg, at), len);
}

void vg_hdp_write(struct vgpu *vg, uint64_t at, const void *data, size_t len)
{
	memcpy(vram(vg, at), data, len);
}

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
