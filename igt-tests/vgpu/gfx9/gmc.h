/* SPDX-License-Identifier: MIT */
/* Memory controller: page table contexts, TLB flushes and faults of the hubs. */
#ifndef VG_GMC_H
#define VG_GMC_H

#include "core/mmu.h"
#include "core/reg.h"
#include "gfx9/walk.h"

enum { VG_NUM_INVALIDATE_ENGINES = 18 };

/* The addresses of one hub's registers; all hubs have the same registers. */
struct vg_hub_regs {
	uint32_t fb_base, fb_top;	    /* MC_VM_FB_LOCATION_BASE, _TOP */
	uint32_t context_cntl;		    /* of VMID 0; those of the other VMIDs follow */
	uint32_t base_lo, start_lo, end_lo; /* of VMID 0, low half; HI and the other VMIDs follow */
	uint32_t eng_req, eng_ack;	    /* of invalidate engine 0; those of the others follow */
	uint32_t fault_cntl, fault_status, fault_addr_lo;
	uint8_t ih_client, ih_source, ih_node;
};

extern const struct vg_hub_regs vg_gfxhub_regs, vg_gfxhub1_regs, vg_mmhub_regs;

/* A flush that the driver has asked an invalidate engine for, until the engine acknowledges it. */
struct vg_flush {
	uint32_t vmids;	    /* mask of the VMIDs to flush; 0: no flush is under way */
	unsigned int steps; /* number of steps until the flush is done */
};

struct vg_hub {
	struct vg_flush flush[VG_NUM_INVALIDATE_ENGINES];
	bool fault_latched; /* the fault registers show a fault that the driver has not cleared */
};

/*
 * The addresses of VRAM in VMID 0, in units of 16 MiB.  The driver reads them from the registers
 * MC_VM_FB_LOCATION_BASE and _TOP.
 */
#define VG_FB_LOCATION_BASE  0x8000u
#define VG_FB_LOCATION_TOP   (VG_FB_LOCATION_BASE + (VG_VRAM_SIZE >> VG_FB_LOCATION_SHIFT) - 1)
#define VG_FB_LOCATION_SHIFT 24

const struct vg_hub_regs *vg_hub_regs(enum vg_hub_id hub);

/* These functions implement struct vg_mmu_ops and vg_chip.step_flushes. */
bool vg_gmc_fb_offset(struct vgpu *vg, enum vg_hub_id hub, uint64_t va, uint64_t *offset);
enum vg_walk_status vg_gmc_walk(struct vgpu *vg, enum vg_hub_id hub, unsigned int vmid, uint64_t va,
				vg_walk_read_fn read, void *arg, struct vg_translation *out);
void vg_gmc_fault(struct vgpu *vg, const struct vg_port *port, unsigned int vmid, uint64_t va,
		  enum vg_access access, enum vg_walk_status why);
bool vg_gmc_default_page(const struct vgpu *vg, enum vg_hub_id hub, unsigned int vmid,
			 enum vg_access access, enum vg_walk_status why);
void vg_gmc_step(struct vgpu *vg);

/*
 * Draw the number of steps that a new flush takes.  The TLB keeps its entries until these steps
 * are over.
 */
unsigned int vg_gmc_flush_steps(struct vgpu *vg);
/*
 * Flush all VMIDs that the process @pasid has in an XCC's GFX hub and, with @all_hubs, in the
 * MMHUB.
 */
void vg_tlb_invalidate_pasid(struct vgpu *vg, unsigned int xcc, unsigned int pasid, bool all_hubs,
			     const char *why);

/* Set the root of @vmid's page tables in a hub, as the scheduler firmware does, or get it. */
void vg_vmid_set_root(struct vgpu *vg, enum vg_hub_id hub, unsigned int vmid, uint64_t root);
uint64_t vg_vmid_root(const struct vgpu *vg, enum vg_hub_id hub, unsigned int vmid);

/* Handlers of register writes, for the tables of all hubs. */
void vg_gmc_write_invalidate_req(struct vgpu *vg, const struct vg_reg *reg, uint32_t index,
				 uint32_t value);
void vg_gmc_write_fault_cntl(struct vgpu *vg, const struct vg_reg *reg, uint32_t index,
			     uint32_t value);

#endif
