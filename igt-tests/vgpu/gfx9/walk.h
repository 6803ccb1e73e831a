/* SPDX-License-Identifier: MIT */
/* The walk of GFX9 page tables.  It reads memory through a callback only. */
#ifndef VG_WALK_H
#define VG_WALK_H

#include "core/mmu.h"

/* The page tables of a VMID, as the registers VM_CONTEXTn_* describe them. */
struct vg_vm_context {
	bool enabled;
	unsigned int depth;	 /* PAGE_TABLE_DEPTH: number of levels of directories */
	unsigned int block_size; /* PAGE_TABLE_BLOCK_SIZE: a PTB maps 1 << (9 + this) pages */
	uint64_t root;		 /* PAGE_TABLE_BASE, which has the format of a directory entry */
	uint64_t start, last;	 /* first and last byte that the page tables cover */
};

enum vg_walk_status vg_walk(const struct vg_vm_context *ctx, uint64_t va, vg_walk_read_fn read,
			    void *arg, struct vg_translation *out);

#endif
