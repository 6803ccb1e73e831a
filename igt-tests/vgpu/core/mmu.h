/* SPDX-License-Identifier: MIT */
/* The operations on a chip's page tables that core/mem.c needs. */
#ifndef VG_MMU_H
#define VG_MMU_H

#include "core/mem.h"

enum vg_walk_status {
	VG_WALK_OK,
	VG_WALK_RANGE,	   /* the VMID has no page tables, or they do not cover the address */
	VG_WALK_INVALID,   /* the entry at vg_translation.level is not valid */
	VG_WALK_BAD_TABLE, /* a directory entry is bad: no memory at its table, or a bad field */
};

/* The result of a walk: the block of 1 << shift bytes that contains the address. */
struct vg_translation {
	uint64_t phys;	     /* physical address of the virtual address */
	uint64_t entry;	     /* the last entry that was read: the PTE, or the invalid entry */
	unsigned int shift;  /* log2 of the size of the block, which is naturally aligned */
	unsigned int access; /* enum vg_access bits */
	unsigned int level;  /* the table that has @entry; 0: the page table, above: directories */
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
	/* Has the driver asked that a user's access that fails like this goes to a default page? */
	bool (*default_page)(const struct vgpu *vg, enum vg_hub_id hub, unsigned int vmid,
			     enum vg_access access, enum vg_walk_status why);
};

#endif
