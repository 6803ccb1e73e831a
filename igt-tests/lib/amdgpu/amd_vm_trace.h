/* SPDX-License-Identifier: MIT */
#ifndef AMD_VM_TRACE_H
#define AMD_VM_TRACE_H

#include "lib/amdgpu/amd_userptr.h"

/*
 * The driver's tracepoints count pages of the GPU, which have 4 KiB even if the CPU's pages are
 * larger (AMDGPU_GPU_PAGE_SIZE).
 */
#define AMD_VM_TRACE_PAGE 4096

/*
 * The driver's writes to page tables, from its tracepoints.  The tracepoint amdgpu_vm_bo_update has
 * one event for each window that the driver writes in a mapping, and amdgpu_vm_update_ptes has
 * events for the entries in the window.  All numbers of pages are in pages of the CPU.  A page of
 * the CPU counts if the driver wrote an entry of any part of it.
 */
struct amd_vm_trace {
	unsigned int windows; /* amdgpu_vm_bo_update events of mappings that begin at va */
	uint64_t pages;	      /* how many pages the written entries are for */
	uint64_t first, last; /* the first and the last written page, counted from va */
	uint64_t valid;	      /* how many of these pages got a valid entry */
	uint64_t flags;	      /* flags of the valid entries, without the fragment field */
	bool mixed;	      /* not all valid entries have these flags */
	/*
	 * The largest fragment of the valid entries, as log2 of its pages.  It is 0 if no fragment
	 * is larger than one page.
	 */
	unsigned int fragment;
};

/* Start tracing; skips without tracefs. */
void amd_vm_trace_start(void);
/* Returns the writes to [va, va + size) since igt_tracefs_clear(). */
struct amd_vm_trace amd_vm_trace_read(uint64_t va, uint64_t size);

#endif
