/* SPDX-License-Identifier: MIT */
/* What core/mem.c needs from a chip: operations on its page tables. */
#ifndef VG_MMU_H
#define VG_MMU_H

#include "core/mem.h"

enum vg_walk_status {
	VG_WALK_OK,
	VG_WALK_RANGE,	   /* the context is off or does not have the address */
	VG_WALK_INVALID,   /* the entry at vg_translation.level is not valid */
	VG_WALK_BAD_TABLE, /* an entry points where there is no memory */
};

/* The result of a walk: the block of 1 << shift bytes that contains the address. */
struct vg_translation {
	uint64_t phys;	     /* physical address of the virtual address */
	uint64_t entry;	     /* the page table entry, or the invalid one */
	unsigned int shift;  /* log2 of the size of the block, which is naturally aligned */
	unsigned int access; /* enum vg_access bits */
	unsigned int level;  /* 0 is the page table */
	bool system;	     /* the page is in guest RAM, else in VRAM */
	bool prt;	     /* the block has no memory on purpose: reads give 0 */
};

/* Reads one entry of a page table; false when there is no memory at @phys. */
typedef bool (*vg_walk_read_fn)(void *arg, uint64_t phys, bool system, uint64_t *entry);

struct vg_mmu_ops {
	unsigned int va_bits; /* the engines ignore the bits above */
	/* Does @va of VMID 0 bypass the page tables?  If so, *@offset is its offset in VRAM. */
	bool (*direct)(struct vgpu *vg, enum vg_hub_id hub, uint64_t va, uint64_t *offset);
	enum vg_walk_status (*walk)(struct vgpu *vg, enum vg_hub_id hub, unsigned int vmid,
				    uint64_t va, vg_walk_read_fn read, void *arg,
				    struct vg_translation *out);
	/* Report a failed access.  @why is VG_WALK_OK when a permission is missing. */
	void (*fault)(struct vgpu *vg, const struct vg_port *port, unsigned int vmid, uint64_t va,
		      enum vg_access access, enum vg_walk_status why);
};

#endif
