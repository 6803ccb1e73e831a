/* SPDX-License-Identifier: MIT */
/* Memory controller: the two hubs' registers and what core/mem.c asks of them. */
#ifndef VG_GMC_H
#define VG_GMC_H

#include "core/model.h"
#include "gfx9/walk.h"

/* Register addresses of one hub; the hubs have the same registers. */
struct vg_hub_regs {
	const char *name;
	uint32_t fb_base, fb_top;	/* MC_VM_FB_LOCATION_BASE, _TOP */
	uint32_t context_cntl;		/* of context 0, one register each */
	uint32_t base_lo, start_lo, end_lo; /* of context 0, LO and HI each */
	uint32_t eng_req, eng_ack;	/* of engine 0 */
	uint32_t fault_status, fault_addr_lo;
	uint8_t ih_client, ih_source, ih_node;
};

extern const struct vg_hub_regs vg_gfxhub_regs, vg_mmhub_regs;
extern const struct vg_block vg_gmc_block, vg_gfxhub_block, vg_mmhub_block;

/* 16 MiB units; where the driver expects a discrete GPU's VRAM to begin. */
#define VG_FB_LOCATION_BASE 0x8000u
#define VG_FB_LOCATION_TOP \
	(VG_FB_LOCATION_BASE + (VG_VRAM_SIZE >> VG_FB_LOCATION_SHIFT) - 1)
#define VG_FB_LOCATION_SHIFT 24

const struct vg_hub_regs *vg_hub_regs(enum vg_hub_id hub);
void vg_gmc_context(struct vgpu *vg, enum vg_hub_id hub, unsigned int vmid,
		    struct vg_vm_context *ctx);
/* Is @va of VMID 0 in the frame buffer aperture?  Then the offset in VRAM. */
bool vg_gmc_fb_offset(struct vgpu *vg, enum vg_hub_id hub, uint64_t va,
		      uint64_t *offset);
/* Report a failed access: registers and interrupt, or a stop for VMID 0. */
void vg_gmc_fault(struct vgpu *vg, const struct vg_port *port,
		  unsigned int vmid, uint64_t va, enum vg_access access,
		  enum vg_walk_status why);

/* Register handlers, in the tables of both hubs. */
void vg_gmc_write_invalidate_req(struct vgpu *vg, const struct vg_reg *reg,
				 uint32_t index, uint32_t value);
void vg_gmc_write_fault_cntl(struct vgpu *vg, const struct vg_reg *reg,
			     uint32_t index, uint32_t value);

#endif
