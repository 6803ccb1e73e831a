/* SPDX-License-Identifier: MIT */
/* The IP blocks, and calls between them that nothing else needs. */
#ifndef VG_BLOCKS_H
#define VG_BLOCKS_H

#include "core/model.h"

extern const struct vg_block vg_nbio_block, vg_smuio_block, vg_mp_block,
	vg_hdp_block, vg_athub_block, vg_ih_block, vg_grbm_block, vg_rlc_block,
	vg_cp_block;

/* IH's own VMID to PASID tables, for both hubs. */
void vg_ih_set_pasid(struct vgpu *vg, unsigned int vmid, unsigned int pasid);
/* Doorbell dword index that is IH's read pointer, or -1. */
int vg_ih_doorbell(const struct vgpu *vg);

/* GRBM_GFX_CNTL's selection. */
unsigned int vg_grbm_vmid(const struct vgpu *vg);
/* NULL when no compute queue is selected. */
struct vg_hqd *vg_grbm_hqd(struct vgpu *vg);

/* Counter behind RLC_GPU_CLOCK_COUNT and clock packets, 100 MHz. */
uint64_t vg_gpu_clock(const struct vgpu *vg);

#endif
