/* SPDX-License-Identifier: MIT */
/*
 * Run list controller (RLC).  It manages power and clocks, which the model does not have.
 * The block also has the clock counter, and handshakes, which complete at once.
 */
#include "core/bits.h"
#include "gfx9/gfx9.h"
#include "gfx9/regs_gc.h"

static void write_capture(struct vgpu *vg, const struct vg_reg *reg, uint32_t index, uint32_t value)
{
	uint64_t now = vg_gpu_clock(vg);

	VG_XCC_REG(vg, reg->instance, RLC_GPU_CLOCK_COUNT_LSB) = vg_lo(now);
	VG_XCC_REG(vg, reg->instance, RLC_GPU_CLOCK_COUNT_MSB) = vg_hi(now);
}

/* The request is done at once, so CMD reads back as 0. */
static void write_safe_mode(struct vgpu *vg, const struct vg_reg *reg, uint32_t index,
			    uint32_t value)
{
	vg->regs[reg->first] = VG_FIELD_SET(value, RLC_SAFE_MODE, CMD, 0);
}

static const struct vg_reg regs[] = {
	VG_REG(RLC_SAFE_MODE, NULL, write_safe_mode),
	VG_REG(RLC_CAPTURE_GPU_CLOCK_COUNT, NULL, write_capture),
	VG_REG(RLC_GPU_CLOCK_COUNT_LSB, NULL, vg_reg_ignore_write),
	VG_REG(RLC_GPU_CLOCK_COUNT_MSB, NULL, vg_reg_ignore_write),

	/* All these read as 0: the RLC is idle, and nothing is pending. */
	VG_REG(RLC_STAT, NULL, vg_reg_ignore_write),
	VG_REG(RLC_GPM_STAT, NULL, vg_reg_ignore_write),
	VG_REG(RLC_INT_STAT, NULL, vg_reg_ignore_write),
	VG_REG(RLC_UTCL1_STATUS, NULL, vg_reg_ignore_write),
	VG_REG(RLC_SERDES_CU_MASTER_BUSY, NULL, vg_reg_ignore_write),
	VG_REG(RLC_SERDES_NONCU_MASTER_BUSY, NULL, vg_reg_ignore_write),
	VG_REG_PLAIN(RLC_GPM_GENERAL_6),
	/* A mailbox to the SMU, which is not there; the driver only dumps it. */
	VG_REG_PLAIN(RLC_SMU_COMMAND),
	VG_REG_PLAIN(RLC_SMU_MESSAGE),
	VG_REG_PLAIN(RLC_SMU_ARGUMENT_1),
	VG_REG_PLAIN(RLC_SMU_ARGUMENT_2),
	VG_REG_PLAIN(RLC_SMU_SAFE_MODE),
	VG_REG_PLAIN(SMU_RLC_RESPONSE),

	/* These start the RLC and set up clock gating, memory sleep and performance streaming. */
	VG_REG_PLAIN(RLC_CNTL),
	VG_REG_PLAIN(RLC_MEM_SLP_CNTL),
	VG_REG_PLAIN(RLC_CGTT_MGCG_OVERRIDE),
	VG_REG_PLAIN(RLC_CGCG_CGLS_CTRL),
	VG_REG_PLAIN(RLC_SPM_MC_CNTL),
	VG_REG_PLAIN(RLC_SRM_CNTL),

	/* The driver loads firmware here; the model does not execute it. */
	VG_REG_PLAIN(RLC_GPM_UCODE_ADDR),
	VG_REG_PLAIN(RLC_GPM_UCODE_DATA),

	/*
	 * In this register the driver says which queue is the KIQ.  The model does not
	 * need that, because it treats each queue of VMID 0 as privileged.
	 */
	VG_REG_PLAIN(RLC_CP_SCHEDULERS),
};

const struct vg_block vg_rlc_block = {
	.name = "rlc",
	.regs = regs,
	.num_regs = VG_COUNT(regs),
	.repeated = true,
};
