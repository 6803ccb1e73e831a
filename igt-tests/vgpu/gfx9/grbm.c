/* SPDX-License-Identifier: MIT */
/*
 * Graphics register bus.  GRBM_GFX_CNTL selects the queue whose copy of a banked register
 * the driver accesses.  The table also has the registers of shader units, caches and GDS.
 * The model does not have these units, because no shader ever runs, so their registers
 * have no effect.
 */
#include "core/bits.h"
#include "gfx9/gfx9.h"
#include "gfx9/regs_gc.h"

struct vg_hqd *vg_grbm_hqd(struct vgpu *vg, unsigned int xcc)
{
	uint32_t selection = VG_XCC_REG(vg, xcc, GRBM_GFX_CNTL);
	unsigned int me = VG_FIELD(selection, GRBM_GFX_CNTL, MEID);

	if (me < 1 || me > VG_NUM_MECS)
		return NULL;
	return vg_cp_hqd(vg, xcc, me, VG_FIELD(selection, GRBM_GFX_CNTL, PIPEID),
			 VG_FIELD(selection, GRBM_GFX_CNTL, QUEUEID));
}

static const struct vg_reg regs[] = {
	VG_REG_PLAIN(GRBM_GFX_CNTL),
	VG_REG_PLAIN(GRBM_GFX_INDEX),

	/*
	 * A bit is set while a unit is busy or stalled.  All units are idle, so these
	 * read as 0.  The driver reads them for the dump of a hung GPU
	 * (gfx_v9_4_3.c:64-111) and for AMDGPU_INFO_READ_MMR_REG.
	 */
	VG_REG(GRBM_STATUS, NULL, vg_reg_ignore_write),
	VG_REG(GRBM_STATUS2, NULL, vg_reg_ignore_write),
	VG_REG(GRBM_STATUS_SE0, NULL, vg_reg_ignore_write),
	VG_REG(GRBM_STATUS_SE1, NULL, vg_reg_ignore_write),
	VG_REG(GRBM_STATUS_SE2, NULL, vg_reg_ignore_write),
	VG_REG(GRBM_STATUS_SE3, NULL, vg_reg_ignore_write),
	VG_REG(GDS_PROTECTION_FAULT, NULL, vg_reg_ignore_write),
	VG_REG(GDS_VM_PROTECTION_FAULT, NULL, vg_reg_ignore_write),
	VG_REG(RMI_UTCL1_STATUS, NULL, vg_reg_ignore_write),
	VG_REG(SQC_DCACHE_UTCL1_STATUS, NULL, vg_reg_ignore_write),
	VG_REG(SQC_ICACHE_UTCL1_STATUS, NULL, vg_reg_ignore_write),
	VG_REG(SQ_UTCL1_STATUS, NULL, vg_reg_ignore_write),
	VG_REG(TCP_UTCL1_STATUS, NULL, vg_reg_ignore_write),
	VG_REG(WD_UTCL1_STATUS, NULL, vg_reg_ignore_write),

	/* 0: all shader arrays work, so the driver finds all CUs. */
	VG_REG(CC_GC_SHADER_ARRAY_CONFIG, NULL, vg_reg_ignore_write),
	VG_REG_PLAIN(GC_USER_SHADER_ARRAY_CONFIG),

	/*
	 * Only shaders use these.  The hardware has one copy for every VMID.  The model
	 * has a single one, which it never reads.
	 */
	VG_REG_PLAIN(SH_MEM_BASES),
	VG_REG_PLAIN(SH_MEM_CONFIG),
	VG_REG_PLAIN(SQ_CONFIG1),
	VG_RANGE_PLAIN(SQ_SHADER_TBA_LO, SQ_SHADER_TMA_HI),
	VG_REG_PLAIN(SPI_GDBG_PER_VMID_CNTL),

	/* These tune and debug shaders and caches. */
	VG_REG_PLAIN(SQ_TIMEOUT_CONFIG),
	VG_REG_PLAIN(DB_DEBUG2),
	VG_REG_PLAIN(GB_ADDR_CONFIG),
	VG_REG_PLAIN(TCP_UTCL1_CNTL2),
	VG_REG_PLAIN(SPI_WCL_PIPE_PERCENT_GFX),
	VG_RANGE_PLAIN(SPI_WCL_PIPE_PERCENT_CS0, SPI_WCL_PIPE_PERCENT_CS3),

	/* These give each VMID its part of global data share, wave sync and ordered append. */
	VG_RANGE_PLAIN(GDS_VMID0_BASE, GDS_VMID15_SIZE),
	VG_RANGE_PLAIN(GDS_GWS_VMID0, GDS_GWS_VMID15),
	VG_RANGE_PLAIN(GDS_OA_VMID0, GDS_OA_VMID15),
};

const struct vg_block vg_grbm_block = {
	.name = "grbm",
	.regs = regs,
	.num_regs = VG_COUNT(regs),
	.repeated = true,
};
