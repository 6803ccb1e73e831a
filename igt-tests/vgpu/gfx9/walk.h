/* SPDX-License-Identifier: MIT */
/* The GPUVM page walk: pure, memory is read through a callback. */
#ifndef VG_WALK_H
#define VG_WALK_H

#include <stdbool.h>
#include <stdint.h>

/* What VM_CONTEXTn_* say. */
struct vg_vm_context {
	bool enabled;
	unsigned int depth;	/* PAGE_TABLE_DEPTH: directory levels */
	unsigned int block_size; /* PAGE_TABLE_BLOCK_SIZE: log2 of PTB pages - 9 */
	uint64_t root;		/* PAGE_TABLE_BASE: a directory entry */
	uint64_t start, last;	/* bytes, both included */
};

enum vg_walk_status {
	VG_WALK_OK,
	VG_WALK_RANGE,		/* context off or address outside of it */
	VG_WALK_INVALID,	/* entry without VALID; level says which */
	VG_WALK_BAD_TABLE,	/* an entry points where there is no memory */
};

/* Where a block of 1 << shift bytes that contains the address lies. */
struct vg_translation {
	uint64_t phys;		/* of the address asked for */
	uint64_t entry;		/* the PTE, or the invalid entry */
	unsigned int shift;	/* the PTE holds for the naturally aligned block */
	unsigned int access;	/* enum vg_access bits */
	unsigned int level;	/* 0 is the page table */
	bool system;
	bool prt;
};

typedef bool (*vg_walk_read_fn)(void *arg, uint64_t phys, bool system,
				uint64_t *entry);

enum vg_walk_status vg_walk(const struct vg_vm_context *ctx, uint64_t va,
			    vg_walk_read_fn read, void *arg,
			    struct vg_translation *out);

#endif
