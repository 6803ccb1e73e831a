// SPDX-License-Identifier: MIT
/*
 * The subtests provoke bugs of the stock driver, with a userptr without AMDGPU_GEM_USERPTR_HSA or
 * with KFD's own userptr, and some also with the flag.  On a kernel that has the bug the subtest
 * fails; docs/upstreaming.md names the patch that fixes it.  Five subtests may pass on a stock
 * kernel: restore-writes-once-kfd, whose bug only an earlier version of the series had;
 * split-replace-same, because the stock driver handles that case; unmap-failed-kfd, when the page
 * table update is fast; va-under-signals, unless the CPU writes the page tables; and
 * va-unmap-last-xcc, unless the partition has several XCCs.
 *
 * The memory that the GPU reaches because of a bug belongs to this test, so nothing else of the
 * machine is at risk, except that the subtest invalidate-while-closing crashes a stock kernel.  On
 * a stock kernel run each subtest in a process of its own, because some bugs leave the queues of
 * the process evicted for ever.
 */
#include <sys/mman.h>

#include "igt.h"

#include "lib/amdgpu/amd_userptr_fault.h"
#include "lib/igt_procfs.h"

#include "amd_userptr_stock_bugs.h"

IGT_TEST_DESCRIPTION("Bugs of the stock driver around userptrs that KFD queues access.");

#define MEMORY_SIZE	 ((size_t)16 * getpagesize())
#define MEMORY_PAGES	 (MEMORY_SIZE / getpagesize())
#define MEMORY_MAX_PAGES 16

#define FRESH_ROUNDS 16

/* Free the pages of a userptr, then allocate until the kernel hands out one of them again. */
static uint32_t *free_and_reuse(struct amd_userptr *mine, struct amd_userptr_bo **bo,
				uint32_t **fresh, unsigned int *index)
{
	uint64_t pfns[MEMORY_MAX_PAGES];

	igt_assert(MEMORY_PAGES <= MEMORY_MAX_PAGES);
	for (unsigned int i = 0; i < FRESH_ROUNDS; i++) {
		char *cpu = (char *)amd_userptr_mmap(mine, MEMORY_SIZE, 1);
		uint32_t *reused;

		*bo = amd_userptr_create(mine, cpu, MEMORY_SIZE, AMD_USERPTR_UNTRACKED);
		for (unsigned int page = 0; page < MEMORY_PAGES; page++)
			pfns[page] = igt_procfs_pfn(cpu + page * getpagesize());
		amd_userptr_munmap(mine, cpu, MEMORY_SIZE);
		*fresh = amd_userptr_mmap(mine, AMD_USERPTR_FRESH_SIZE, 2);
		reused = amd_userptr_find_reused(*fresh, pfns, MEMORY_PAGES, index);
		if (reused)
			return reused;
		amd_userptr_munmap(mine, *fresh, AMD_USERPTR_FRESH_SIZE);
		amd_userptr_destroy(mine, *bo);
	}
	igt_assert_f(false, "the new memory got none of the freed pages\n");
	return NULL;
}

void amd_userptr_stray_store(struct amd_userptr *mine, uint64_t va, const uint32_t *canary,
			     uint32_t seed, const char *who)
{
	amd_kfd_smi_mark(&mine->smi);
	amd_userptr_gpu_store(mine, va, AMD_USERPTR_STRAY_VALUE);
	amd_userptr_done_or_faulted(mine);
	amd_pattern_check(canary, AMD_USERPTR_FRESH_SIZE, seed, who);
	amd_kfd_smi_wait(&mine->smi, KFD_SMI_EVENT_VMFAULT, 1, AMD_USERPTR_WAIT_MS);
}

/*
 * H1 of docs/upstreaming.md.  amdgpu_vm_bo_update() wrote the page addresses of the last bind,
 * although the kernel had freed the pages, so the GPU could store to the memory of their new owner.
 */
static void map_after_munmap(struct amd_userptr *mine, void *data)
{
	struct amd_userptr_bo *bo;
	unsigned int index;
	uint32_t *fresh;

	free_and_reuse(mine, &bo, &fresh, &index);
	amd_userptr_map(mine, bo);
	amd_userptr_stray_store(mine, bo->va + index * getpagesize(), fresh, 2,
				"memory that has a freed page");
}

static void run_map_after_munmap(struct amd_userptr *up)
{
	amd_userptr_in_faulting_child(up, map_after_munmap, NULL);
}

/*
 * hmm_range_fault() returns -EPERM for memory that is not writable any more.  KFD's restore worker
 * took that for a temporary error and tried again for ever, so the queues stayed evicted.
 */
static void mprotect_kfd(struct amd_userptr *mine, void *data)
{
	uint32_t *cpu = amd_userptr_mmap(mine, MEMORY_SIZE, 1);
	uint32_t *other = amd_userptr_mmap(mine, MEMORY_SIZE, 2);
	struct amd_kfd_mem mem, other_mem;

	amd_kfd_register(&mine->kfd, cpu, MEMORY_SIZE, 0, &mem);
	amd_kfd_register(&mine->kfd, other, MEMORY_SIZE, 0, &other_mem);
	amd_userptr_gpu_check(mine, mem.va, MEMORY_SIZE, 1);

	amd_kfd_smi_mark(&mine->smi);
	igt_assert_eq(mprotect(cpu, MEMORY_SIZE, PROT_READ), 0);
	amd_userptr_expect_evictions(mine, 1);
	amd_userptr_gpu_check(mine, other_mem.va, MEMORY_SIZE, 2);
	amd_userptr_gpu_fill(mine, other_mem.va, MEMORY_SIZE, 3);
	amd_pattern_check(other, MEMORY_SIZE, 3, "written by the GPU");

	amd_kfd_smi_mark(&mine->smi);
	igt_assert_eq(mprotect(cpu, MEMORY_SIZE, PROT_READ | PROT_WRITE), 0);
	amd_userptr_expect_evictions(mine, 1);
	amd_userptr_gpu_check(mine, mem.va, MEMORY_SIZE, 1);

	igt_assert_eq(mprotect(cpu, MEMORY_SIZE, PROT_READ), 0);
	amd_userptr_queue_alive(mine);
	amd_userptr_store_faults(mine, mem.va, MEMORY_SIZE);
	amd_pattern_check(cpu, MEMORY_SIZE, 1, "made read-only");
}

static void run_mprotect_kfd(struct amd_userptr *up)
{
	amd_userptr_in_faulting_child(up, mprotect_kfd, NULL);
}

static const struct amd_userptr_subtest subtests[] = {
	{ .name = "map-after-munmap",
	  .run = run_map_after_munmap,
	  .describe =
		  "The GPU does not reach freed memory through a mapping that is made after the memory was freed." },
	{ .name = "mprotect-kfd",
	  .run = run_mprotect_kfd,
	  .describe = "KFD's queues are restored when the CPU loses write access to a userptr." },
};

static struct amd_userptr up;

int igt_main()
{
	igt_fixture()
		amd_userptr_fixture_open(&up);

	amd_userptr_run_subtests(&up, subtests, ARRAY_LENGTH(subtests));
	amd_userptr_run_subtests(&up, &amd_userptr_close_subtest, 1);
	amd_userptr_run_subtests(&up, amd_userptr_unmap_subtests, amd_userptr_num_unmap_subtests);
	amd_userptr_run_subtests(&up, &amd_userptr_free_subtest, 1);
	amd_userptr_run_subtests(&up, amd_userptr_submit_subtests, amd_userptr_num_submit_subtests);
	amd_userptr_run_subtests(&up, &amd_userptr_race_subtest, 1);
	amd_userptr_run_subtests(&up, amd_userptr_gone_subtests, amd_userptr_num_gone_subtests);
	amd_userptr_run_subtests(&up, amd_userptr_svm_subtests, amd_userptr_num_svm_subtests);
	amd_userptr_run_subtests(&up, &amd_userptr_restore_subtest, 1);
	amd_userptr_run_subtests(&up, &amd_userptr_window_subtest, 1);
	amd_userptr_run_subtests(&up, &amd_userptr_signal_subtest, 1);
	amd_userptr_run_subtests(&up, amd_userptr_thread_subtests, amd_userptr_num_thread_subtests);
	amd_userptr_run_subtests(&up, amd_userptr_split_subtests, amd_userptr_num_split_subtests);
	amd_userptr_run_subtests(&up, &amd_userptr_xcc_subtest, 1);
	amd_userptr_run_subtests(&up, &amd_userptr_stats_subtest, 1);
	igt_subtest_group() {
		igt_fixture()
			amd_userptr_require_flag(&up);
		amd_userptr_run_subtests(&up, &amd_userptr_submit_hsa_subtest, 1);
		amd_userptr_run_subtests(&up, &amd_userptr_window_hsa_subtest, 1);
		amd_userptr_run_subtests(&up, amd_userptr_thread_hsa_subtests,
					 amd_userptr_num_thread_hsa_subtests);
		amd_userptr_run_subtests(&up, amd_userptr_split_hsa_subtests,
					 amd_userptr_num_split_hsa_subtests);
	}

	igt_fixture()
		amd_userptr_fixture_close(&up);
}
