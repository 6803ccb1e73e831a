// SPDX-License-Identifier: MIT
/*
 * The VA ioctl unmaps memory that a queue on the last XCC of the partition has accessed.  The stock
 * driver flushes the TLB of the first XCC only, so the other XCCs still reach the memory.  On a GPU
 * with one XCC the first XCC is the last one, and the stock driver passes.
 */
#include "igt.h"

#include "lib/amdgpu/amd_userptr_fault.h"

#include "amd_userptr_stock_bugs.h"

#define MEMORY_SIZE ((size_t)16 * getpagesize())

/* The queue of @mine is a PM4 queue, which runs on the last XCC: amd_kfd_queue.c. */
static void store_after_va_unmap(struct amd_userptr *mine, void *data)
{
	void *cpu = amd_userptr_mmap(mine, MEMORY_SIZE, 1);
	struct amd_userptr_bo *bo =
		amd_userptr_create(mine, cpu, MEMORY_SIZE, AMD_USERPTR_UNTRACKED);

	uint64_t va;

	amd_userptr_map(mine, bo);
	va = bo->va;
	amd_userptr_gpu_check(mine, va, MEMORY_SIZE, 1);
	amd_userptr_unmap(mine, bo);
	amd_userptr_store_faults(mine, va, MEMORY_SIZE);
	amd_pattern_check(cpu, MEMORY_SIZE, 1, "no longer mapped on the GPU");
}

static void va_unmap_last_xcc(struct amd_userptr *up)
{
	amd_userptr_in_faulting_child(up, store_after_va_unmap, NULL);
}

const struct amd_userptr_subtest amd_userptr_xcc_subtest = {
	.name = "va-unmap-last-xcc",
	.run = va_unmap_last_xcc,
	.describe = "Memory that the VA ioctl has unmapped is out of reach for the last XCC, too.",
};
