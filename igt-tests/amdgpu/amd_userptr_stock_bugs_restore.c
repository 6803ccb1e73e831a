// SPDX-License-Identifier: MIT
/*
 * When the memory of a KFD userptr changes, the restore worker must write the page table entries of
 * its mapping only once.  The stock driver does so.  An earlier version of the series wrote invalid
 * entries first, and freed page tables.  The entries were right in the end, so only the trace of
 * the writes shows this bug.
 */
#include <sys/mman.h>

#include "igt.h"

#include "lib/amdgpu/amd_vm_trace.h"
#include "lib/igt_tracefs.h"

#include "amd_userptr_stock_bugs.h"

/* The mapping covers whole page tables, because the bug freed only such page tables. */
#define RESTORE_SIZE ((size_t)4 << 20)
#define HUGE_PAGE    ((size_t)2 << 20)

enum { CHANGES = 10 };

/* Change one page, and check how often the restore worker writes the whole mapping. */
static void change(struct amd_userptr *up, uint32_t *cpu, uint64_t va, uint32_t seed)
{
	struct amd_vm_trace trace;

	igt_tracefs_clear();
	amd_kfd_smi_mark(&up->smi);
	igt_assert_eq(madvise(cpu, getpagesize(), MADV_DONTNEED), 0);
	amd_pattern_fill(cpu, getpagesize(), seed);
	amd_userptr_expect_evictions(up, 1);
	trace = amd_vm_trace_read(va, RESTORE_SIZE);
	/* If the worker could not finish, it starts again, and then may write the mapping again. */
	igt_assert_f(trace.windows >= 1 && trace.windows <= 1 + up->smi.count.rescheduled,
		     "a restore wrote the mapping %u times, and started again %u times\n",
		     trace.windows, up->smi.count.rescheduled);
	amd_userptr_gpu_check(up, va, getpagesize(), seed);
}

static void restore_writes(struct amd_userptr *up)
{
	uint32_t *cpu = amd_userptr_mmap(up, RESTORE_SIZE, 1);
	const uint64_t va = amd_kfd_va_reserve(RESTORE_SIZE, HUGE_PAGE);
	struct amd_kfd_mem mem;

	igt_assert(va);
	amd_kfd_register(&up->kfd, cpu, RESTORE_SIZE, va, &mem);
	amd_userptr_gpu_check(up, va, RESTORE_SIZE, 1);
	amd_vm_trace_start();
	for (unsigned int i = 0; i < CHANGES; i++)
		change(up, cpu, va, 2 + i);
	igt_tracefs_off();
	amd_kfd_free(&up->kfd, &mem);
	amd_kfd_va_release(va, RESTORE_SIZE);
}

const struct amd_userptr_subtest amd_userptr_restore_subtest = {
	.name = "restore-writes-once-kfd",
	.run = restore_writes,
	.describe = "A restore of KFD writes the page table entries of a changed userptr once.",
};
