/* SPDX-License-Identifier: MIT */
/*
 * gfx942, a chip of the ninth generation, with one or two compute dies (XCCs), one I/O die
 * (AID) and one SDMA engine for each XCC.  This header declares the chip and its state.
 */
#ifndef VG_GFX9_H
#define VG_GFX9_H

#include "core/gpu.h"
#include "gfx9/cp.h"
#include "gfx9/gmc.h"
#include "gfx9/hdp.h"
#include "gfx9/ih.h"
#include "gfx9/sdma.h"

enum { VG_NUM_SMN_REGS = 9 }; /* registers that PCIE_INDEX2/DATA2 reach, gfx9/nbio.c */

struct vg_gfx9 {
	uint32_t smn[VG_NUM_SMN_REGS];
	struct vg_hub hub[VG_MAX_HUBS];
	struct vg_hdp hdp;
	struct vg_ih ih;
	struct vg_cp cp[VG_MAX_XCCS];
	struct vg_sdma sdma;
};

static inline struct vg_gfx9 *vg_gfx9(const struct vgpu *vg)
{
	return vg->chip_state;
}

extern const struct vg_chip vg_gfx942;

/* The IP blocks. */
extern const struct vg_block vg_nbio_block, vg_smuio_block, vg_mp_block, vg_hdp_block,
	vg_athub_block, vg_gmc_block, vg_gfxhub_block, vg_mmhub_block, vg_ih_block, vg_grbm_block,
	vg_rlc_block, vg_cp_block, vg_sdma_block;

/* The compute queue that GRBM_GFX_CNTL of an XCC selects, or NULL. */
struct vg_hqd *vg_grbm_hqd(struct vgpu *vg, unsigned int xcc);

/* Do one step of the HDP flush that packets have requested, if one is under way. */
void vg_nbio_step(struct vgpu *vg);

/* The PASID of the process that has @vmid, by the registers of the ATHUB; -1: there is none. */
int vg_vmid_pasid(struct vgpu *vg, unsigned int vmid);
void vg_vmid_set_pasid(struct vgpu *vg, unsigned int vmid, unsigned int pasid);

#endif
