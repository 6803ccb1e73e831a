/* SPDX-License-Identifier: MIT */
/*
 * Registers of the memory hub, which is on the I/O die: page table contexts, invalidate
 * engines, fault status.  SDMA and IH translate their addresses in this hub.
 */
#include "core/bits.h"
#include "gfx9/gfx9.h"
#include "gfx9/regs_mmhub.h"
#include "ivsrcid/vmc/irqsrcs_vmc_1_0.h"
#include "soc15_ih_clientid.h"

static const struct vg_reg regs[] = {
	/* These tune caches and queues that the model does not have. */
	VG_RANGE_PLAIN(VM_L2_CNTL, VM_L2_CNTL3),
	VG_REG_PLAIN(VM_L2_CNTL4),
	VG_REG_PLAIN(MC_VM_MX_L1_TLB_CNTL),

	/*
	 * GPU page faults.  The driver's default page has zeros, so the model gives zeros itself
	 * and does not use the page's address.  A kernel queue that works for a user reads zeros
	 * after a fault.  A user's queue halts, unless vg_config.default_page lets its packet read
	 * zeros, too.
	 */
	VG_REG(VM_L2_PROTECTION_FAULT_CNTL, NULL, vg_gmc_write_fault_cntl),
	VG_REG_PLAIN(VM_L2_PROTECTION_FAULT_CNTL2),
	VG_REG(VM_L2_PROTECTION_FAULT_STATUS, NULL, vg_reg_ignore_write),
	VG_RANGE(VM_L2_PROTECTION_FAULT_ADDR_LO32, VM_L2_PROTECTION_FAULT_ADDR_HI32, NULL,
		 vg_reg_ignore_write),
	VG_RANGE_PLAIN(VM_L2_PROTECTION_FAULT_DEFAULT_ADDR_LO32,
		       VM_L2_PROTECTION_FAULT_DEFAULT_ADDR_HI32),

	/* The driver turns this aperture off, by a low address above the high one. */
	VG_RANGE_PLAIN(VM_L2_CONTEXT1_IDENTITY_APERTURE_LOW_ADDR_LO32,
		       VM_L2_CONTEXT_IDENTITY_PHYSICAL_OFFSET_HI32),

	/* vg_gmc_walk() reads the registers below on every walk. */
	VG_RANGE_PLAIN(VM_CONTEXT0_CNTL, VM_CONTEXT15_CNTL),
	VG_RANGE_PLAIN(VM_CONTEXT0_PAGE_TABLE_BASE_ADDR_LO32,
		       VM_CONTEXT15_PAGE_TABLE_END_ADDR_HI32),

	/*
	 * The semaphore of an engine always reads as free (1).  For this GPU the driver does not
	 * use it (gmc_v9_0_use_invalidate_semaphore()).
	 */
	{ .first = VG_ADDR(VM_INVALIDATE_ENG0_SEM),
	  .count = VG_NUM_INVALIDATE_ENGINES,
	  .name = "VM_INVALIDATE_ENG0_SEM",
	  .write = vg_reg_ignore_write,
	  .reset = 1 },
	VG_REGS(VG_NUM_INVALIDATE_ENGINES, VM_INVALIDATE_ENG0_REQ, NULL,
		vg_gmc_write_invalidate_req),
	VG_REGS(VG_NUM_INVALIDATE_ENGINES, VM_INVALIDATE_ENG0_ACK, NULL, vg_reg_ignore_write),
	/* The model ignores the range: a flush always covers the whole address space. */
	VG_RANGE_PLAIN(VM_INVALIDATE_ENG0_ADDR_RANGE_LO32, VM_INVALIDATE_ENG17_ADDR_RANGE_HI32),

	/* The range of addresses at which VMID 0 reaches VRAM without page tables. */
	VG_REG_RESET(MC_VM_FB_LOCATION_BASE, VG_FB_LOCATION_BASE),
	VG_REG_RESET(MC_VM_FB_LOCATION_TOP, VG_FB_LOCATION_TOP),
	/*
	 * The driver turns AGP off by a bottom above the top.  The system aperture
	 * covers VRAM and GART, so it has no effect: vg_gmc_fb_offset() finds out which
	 * of the two an address is in.
	 */
	VG_RANGE_PLAIN(MC_VM_AGP_TOP, MC_VM_AGP_BASE),
	VG_RANGE_PLAIN(MC_VM_SYSTEM_APERTURE_LOW_ADDR, MC_VM_SYSTEM_APERTURE_HIGH_ADDR),
	VG_RANGE_PLAIN(MC_VM_SYSTEM_APERTURE_DEFAULT_ADDR_LSB,
		       MC_VM_SYSTEM_APERTURE_DEFAULT_ADDR_MSB),

	/*
	 * The registers below decide whether writes of SDMA snoop the CPU's caches.  The
	 * model has no caches, so these registers have no effect.
	 */
	VG_RANGE_PLAIN(DAGB0_WRCLI_GPU_SNOOP_OVERRIDE, DAGB0_WRCLI_GPU_SNOOP_OVERRIDE_VALUE),
	VG_RANGE_PLAIN(DAGB1_WRCLI_GPU_SNOOP_OVERRIDE, DAGB1_WRCLI_GPU_SNOOP_OVERRIDE_VALUE),
	VG_RANGE_PLAIN(DAGB2_WRCLI_GPU_SNOOP_OVERRIDE, DAGB2_WRCLI_GPU_SNOOP_OVERRIDE_VALUE),
	VG_RANGE_PLAIN(DAGB3_WRCLI_GPU_SNOOP_OVERRIDE, DAGB3_WRCLI_GPU_SNOOP_OVERRIDE_VALUE),
	VG_RANGE_PLAIN(DAGB4_WRCLI_GPU_SNOOP_OVERRIDE, DAGB4_WRCLI_GPU_SNOOP_OVERRIDE_VALUE),
};

const struct vg_block vg_mmhub_block = {
	.name = "mmhub",
	.regs = regs,
	.num_regs = VG_COUNT(regs),
};

const struct vg_hub_regs vg_mmhub_regs = {
	.fb_base = VG_ADDR(MC_VM_FB_LOCATION_BASE),
	.fb_top = VG_ADDR(MC_VM_FB_LOCATION_TOP),
	.context_cntl = VG_ADDR(VM_CONTEXT0_CNTL),
	.base_lo = VG_ADDR(VM_CONTEXT0_PAGE_TABLE_BASE_ADDR_LO32),
	.start_lo = VG_ADDR(VM_CONTEXT0_PAGE_TABLE_START_ADDR_LO32),
	.end_lo = VG_ADDR(VM_CONTEXT0_PAGE_TABLE_END_ADDR_LO32),
	.eng_req = VG_ADDR(VM_INVALIDATE_ENG0_REQ),
	.eng_ack = VG_ADDR(VM_INVALIDATE_ENG0_ACK),
	.fault_cntl = VG_ADDR(VM_L2_PROTECTION_FAULT_CNTL),
	.fault_status = VG_ADDR(VM_L2_PROTECTION_FAULT_STATUS),
	.fault_addr_lo = VG_ADDR(VM_L2_PROTECTION_FAULT_ADDR_LO32),
	.ih_client = SOC15_IH_CLIENTID_VMC,
	.ih_source = VMC_1_0__SRCID__VM_FAULT,
	.ih_node = VG_NODE_AID0,
};
