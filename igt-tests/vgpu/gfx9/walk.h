/* SPDX-License-Identifier: MIT */
/* The walk of GFX9 page tables.  It reads memory through a callback only. */
#ifndef VG_WALK_H
#define VG_WALK_H

#include "core/mmu.h"

/* The content of the registers VM_CONTEXTn_*. */
struct vg_vm_context {
	bool enabled;
	unsigned int depth;	 /* PAGE_TABLE_DEPTH: directory levels */
	unsigned int block_size; /* PAGE_TABLE_BLOCK_SIZE: log2 of the pages of a PTB, - 9 */
	uint64_t root;		 /* PAGE_TABLE_BASE: a directory entry */
	uint64_t start, last;	 /* first and last byte of the range */
};

enum vg_walk_status vg_walk(const struct vg_vm_context *ctx, uint64_t va, vg_walk_read_fn read,
			    void *arg, struct vg_translation *out);

#endif
