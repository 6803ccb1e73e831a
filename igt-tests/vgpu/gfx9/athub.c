/* SPDX-License-Identifier: MIT */
/* Address translation hub (ATHUB).  Its registers say which process (PASID) has a VMID. */
#include "core/bits.h"
#include "gfx9/gfx9.h"
#include "gfx9/regs_athub.h"

/* A mapping takes effect at once, so its status bit is always set. */
static uint32_t read_update_status(struct vgpu *vg, const struct vg_reg *reg, uint32_t index)
{
	return (1u << VG_NUM_VMIDS) - 1;
}

static const struct vg_reg regs[] = {
	VG_REG(ATC_VMID_PASID_MAPPING_UPDATE_STATUS, read_update_status, vg_reg_ignore_write),
	/* vg_vmid_pasid() reads these. */
	VG_RANGE_PLAIN(ATC_VMID0_PASID_MAPPING, ATC_VMID15_PASID_MAPPING),
	/*
	 * Performance counters, which the driver does not use.  While the KIQ does not run, the
	 * driver looks for PASIDs in these registers, because ATHUB 1.0 had the PASIDs at these
	 * addresses (drivers/gpu/drm/amd/amdgpu/gmc_v9_0.c:753).  The registers read as 0, so the
	 * driver finds none.
	 */
	VG_REGS(VG_NUM_VMIDS, ATC_PERFCOUNTER2_CFG, NULL, vg_reg_ignore_write),
};

int vg_vmid_pasid(struct vgpu *vg, unsigned int vmid)
{
	uint32_t map = vg->regs[VG_ADDR(ATC_VMID0_PASID_MAPPING) + vmid];

	if (!VG_FIELD(map, ATC_VMID0_PASID_MAPPING, VALID))
		return -1;
	return VG_FIELD(map, ATC_VMID0_PASID_MAPPING, PASID);
}

void vg_vmid_set_pasid(struct vgpu *vg, unsigned int vmid, unsigned int pasid)
{
	vg->regs[VG_ADDR(ATC_VMID0_PASID_MAPPING) + vmid] =
		VG_FIELD_PREP(ATC_VMID0_PASID_MAPPING, PASID, pasid) |
		VG_FIELD_PREP(ATC_VMID0_PASID_MAPPING, VALID, 1);
	vg_ih_set_pasid(vg, vmid, pasid);
}

const struct vg_block vg_athub_block = {
	.name = "athub",
	.regs = regs,
	.num_regs = VG_COUNT(regs),
};
