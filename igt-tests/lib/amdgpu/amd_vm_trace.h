/* SPDX-License-Identifier: MIT */
#ifndef AMD_VM_TRACE_H
#define AMD_VM_TRACE_H

#include "lib/amdgpu/amd_userptr.h"

/*
 * What the driver writes to page tables, by its tracepoints: amdgpu_vm_bo_update
 * is one window, amdgpu_vm_update_ptes the entries in it.
 *
 * Updates of [va, va + size) since the trace was cleared:
 */
struct amd_vm_trace {
	unsigned int windows;		/* of mappings that begin at va */
	uint64_t pages;			/* entries, in pages */
	uint64_t first, last;		/* of them, counted from va */
	uint64_t valid;			/* those of them that translate */
	uint64_t flags;			/* of the valid ones, without the fragment field */
	bool mixed;			/* not all valid ones have these flags */
	unsigned int fragment;		/* the largest of the valid ones, log2 of pages */
};

/* Trace these; skips when there is nothing to trace with. */
void amd_vm_trace_start(void);
struct amd_vm_trace amd_vm_trace_read(uint64_t va, uint64_t size);

#endif
