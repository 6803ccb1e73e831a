/* SPDX-License-Identifier: MIT */
/* The operations of a chip's page tables, for core/mem.c. */
#ifndef VG_MMU_H
#define VG_MMU_H

#include "core/mem.h"

enum vg_walk_status {
	VG_WALK_OK,
	VG_WALK_RANGE,	   /* the context is off or does not have the address */
	VG_WALK_INVALID,   /* an entry is not valid; level says which */
	VG_WALK_BAD_TABLE, /* an entry points where there is no memory */
};

/* The block of 1 << shift bytes that contains the address. */
struct vg_translation {
	uint64_t phys;	     /* of the address asked for */
	uint64_t entry;	     /* the page table entry, or the invalid one */
	unsigned int shift;  /* the entry holds for the naturally aligned block */
	unsigned int access; /* enum vg_access bits */
	unsigned int level;  /* 0 is the page table */
	bool system;	     /* guest RAM, else VRAM */
	bool prt;	     /* nothing is behind the block, on purpose */
};

/* Reads one entry of a page table; false when there is no memory at @phys. */
typedef bool (*vg_walk_read_fn)(void *arg, uint64_t phys, bool system, uint64_t *entry);

struct vg_mmu_ops {
	unsigned int va_bits; /* the engines ignore the bits above */
	/* Does @va of VMID 0 bypass the page tables?  Then its offset in VRAM. */
	bool (*direct)(struct vgpu *vg, enum vg_hub_id hub, uint64_t va, uint64_t *offset);
	enum vg_walk_status (*walk)(struct vgpu *vg, enum vg_hub_id hub, unsigned int vmid,
				    uint64_t va, vg_walk_read_fn read, void *arg,
				    struct vg_translation *out);
	/* Report a failed access.  @why is VG_WALK_OK when a right is missing. */
	void (*fault)(struct vgpu *vg, const struct vg_port *port, unsigned int vmid, uint64_t va,
		      enum vg_access access, enum vg_walk_status why);
};

#endif
