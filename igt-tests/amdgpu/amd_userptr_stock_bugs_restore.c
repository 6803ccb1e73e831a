// SPDX-License-Identifier: MIT
/*
 * A change of the memory of a KFD userptr makes the restore worker write its mapping once.  The
 * stock driver does that.  An earlier version of the series wrote invalid entries first, and freed
 * page tables: the result was right, so only the trace shows it.
 */
#include <sys/mman.h>

#include "igt.h"

#include "lib/amdgpu/amd_vm_trace.h"
#include "lib/igt_tracefs.h"

#include "amd_userptr_stock_bugs.h"

/* Whole page tables. */
#define RESTORE_SIZE ((size_t)4 << 20)
#define HUGE_PAGE    ((size_t)2 << 20)

enum { CHANGES = 10 };

/* Change one page, and count the updates of the whole mapping. */
static void change(struct amd_userptr *up, uint32_t *cpu, uint64_t va, uint32_t seed)
{
	struct amd_vm_trace trace;

	igt_tracefs_clear();
	amd_kfd_smi_mark(&up->smi);
	igt_assert_eq(madvise(cpu, getpagesize(), MADV_DONTNEED), 0);
	amd_pattern_fill(cpu, getpagesize(), seed);
	amd_userptr_expect_evictions(up, 1);
	trace = amd_vm_trace_read(va, RESTORE_SIZE);
	/* The worker starts again when it could not finish, and then it may write again. */
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
