/* SPDX-License-Identifier: MIT */
/* The kernel's trace of chosen events, in an instance of our own; needs root. */
#ifndef AMD_VM_TRACE_H
#define AMD_VM_TRACE_H

#include "lib/amdgpu/amd_userptr.h"

#define AMD_USERPTR_TRACE "/sys/kernel/tracing/instances/amd_userptr/"

/* @events: "SYSTEM/EVENT".  False when there is no tracefs, or not such an event. */
bool amd_userptr_trace_on(const char *const *events, unsigned int count);
void amd_userptr_trace_off(void);
/* Forget what has been traced. */
void amd_userptr_trace_clear(void);

/* The number in @base after the first @word of @line. */
bool amd_userptr_trace_number(const char *line, const char *word, int base, uint64_t *number);

/*
 * What the driver writes to page tables, by its tracepoints: amdgpu_vm_bo_update
 * is one window, amdgpu_vm_update_ptes the entries in it.
 *
 * Updates of [va, va + size) since the trace was cleared:
 */
struct amd_userptr_trace {
	unsigned int windows;		/* of mappings that begin at va */
	uint64_t pages;			/* entries, in pages */
	uint64_t first, last;		/* of them, counted from va */
	uint64_t valid;			/* those of them that translate */
	uint64_t flags;			/* of the valid ones, without the fragment field */
	bool mixed;			/* not all valid ones have these flags */
	unsigned int fragment;		/* the largest of the valid ones, log2 of pages */
};

/* Trace these; skips when there is nothing to trace with. */
void amd_userptr_trace_start(void);
struct amd_userptr_trace amd_userptr_trace_read(uint64_t va, uint64_t size);

#endif
