// SPDX-License-Identifier: MIT
/*
 * What went wrong with userptrs before AMDGPU_GEM_USERPTR_HSA, and does not any
 * more: userptrs without the flag in the VM of a KFD process, and KFD's own.
 *
 * A kernel with a hole fails the subtest.  What the GPU may reach by mistake is
 * memory of the test, and each subtest is a process of its own, since queues may
 * stay stopped for ever.
 */
#include <sys/mman.h>

#include "igt.h"

#include "lib/amdgpu/amd_userptr_fault.h"
#include "lib/igt_procfs.h"

#include "amd_userptr_stock_bugs.h"

IGT_TEST_DESCRIPTION("Holes of the driver around userptrs, with and without the flag for KFD queues.");

#define HOLE_SIZE	((size_t)64 << 10)
#define HOLE_PAGES	(HOLE_SIZE / getpagesize())
#define HOLE_MAX_PAGES	16

/* What a GPU stores where it should not. */
#define HOLE_VALUE	0xdeadbeefu

#define FRESH_ROUNDS	16

/* The pages of a userptr are freed, and one of them is ours again, by another name. */
static uint32_t *free_and_reuse(struct amd_userptr *mine, struct amd_userptr_bo **bo,
				uint32_t **fresh, unsigned int *index)
{
	uint64_t pfns[HOLE_MAX_PAGES];

	igt_assert(HOLE_PAGES <= HOLE_MAX_PAGES);
	for (unsigned int i = 0; i < FRESH_ROUNDS; i++) {
		char *cpu = (char *)amd_userptr_mmap(mine, HOLE_SIZE, 1);
		uint32_t *reused;

		*bo = amd_userptr_create(mine, cpu, HOLE_SIZE, AMD_USERPTR_UNTRACKED);
		for (unsigned int page = 0; page < HOLE_PAGES; page++)
			pfns[page] = igt_procfs_pfn(cpu + page * getpagesize());
		amd_userptr_munmap(mine, cpu, HOLE_SIZE);
		*fresh = amd_userptr_mmap(mine, AMD_USERPTR_FRESH_SIZE, 2);
		reused = amd_userptr_find_reused(*fresh, pfns, HOLE_PAGES, index);
		if (reused)
			return reused;
		amd_userptr_munmap(mine, *fresh, AMD_USERPTR_FRESH_SIZE);
		amd_userptr_destroy(mine, *bo);
	}
	igt_assert_f(false, "none of the freed pages came back\n");
	return NULL;
}

/* amdgpu_vm_bo_update() wrote the addresses that a BO was bound to last, whoever has them now. */
static void map_after_munmap(struct amd_userptr *mine, void *data)
{
	struct amd_userptr_bo *bo;
	unsigned int index;
	uint32_t *fresh;
	bool stored;

	free_and_reuse(mine, &bo, &fresh, &index);
	amd_userptr_map(mine, bo);
	amd_kfd_smi_mark(&mine->smi);
	amd_userptr_gpu_store(mine, bo->va + index * getpagesize(), HOLE_VALUE);
	stored = amd_userptr_done_or_faulted(mine);
	amd_pattern_check(fresh, AMD_USERPTR_FRESH_SIZE, 2, "memory that has a freed page");
	igt_assert(!stored);
}

static void h1_map_after_munmap(struct amd_userptr *up)
{
	amd_userptr_in_faulting_child(up, map_after_munmap, NULL);
}

/* -EPERM, since the memory is not writable any more, was tried again for ever. */
static void mprotect_kfd(struct amd_userptr *mine, void *data)
{
	uint32_t *cpu = amd_userptr_mmap(mine, HOLE_SIZE, 1);
	uint32_t *other = amd_userptr_mmap(mine, HOLE_SIZE, 2);
	struct amd_kfd_mem mem, other_mem;

	amd_kfd_register(&mine->kfd, cpu, HOLE_SIZE, 0, &mem);
	amd_kfd_register(&mine->kfd, other, HOLE_SIZE, 0, &other_mem);
	amd_userptr_gpu_check(mine, mem.va, HOLE_SIZE, 1);

	amd_kfd_smi_mark(&mine->smi);
	igt_assert_eq(mprotect(cpu, HOLE_SIZE, PROT_READ), 0);
	amd_userptr_expect_stops(mine, 1);
	amd_userptr_gpu_check(mine, other_mem.va, HOLE_SIZE, 2);
	amd_userptr_gpu_fill(mine, other_mem.va, HOLE_SIZE, 3);
	amd_pattern_check(other, HOLE_SIZE, 3, "written by the GPU");

	amd_kfd_smi_mark(&mine->smi);
	igt_assert_eq(mprotect(cpu, HOLE_SIZE, PROT_READ | PROT_WRITE), 0);
	amd_userptr_expect_stops(mine, 1);
	amd_userptr_gpu_check(mine, mem.va, HOLE_SIZE, 1);

	igt_assert_eq(mprotect(cpu, HOLE_SIZE, PROT_READ), 0);
	amd_userptr_queue_alive(mine);
	amd_userptr_store_faults(mine, mem.va, HOLE_SIZE);
	amd_pattern_check(cpu, HOLE_SIZE, 1, "made read-only");
}

static void k1_mprotect_kfd(struct amd_userptr *up)
{
	amd_userptr_in_faulting_child(up, mprotect_kfd, NULL);
}

static const struct amd_userptr_subtest holes[] = {
	{ .name = "h1-map-after-munmap", .run = h1_map_after_munmap,
	  .describe = "A userptr that is mapped after its memory was freed does not lead there." },
	{ .name = "k1-mprotect-kfd", .run = k1_mprotect_kfd,
	  .describe = "KFD's queues go on when the CPU loses write access to a userptr." },
};

static struct amd_userptr up;

int igt_main()
{
	igt_fixture()
		amd_userptr_start(&up);

	amd_userptr_run(&up, holes, ARRAY_LENGTH(holes));
	amd_userptr_run(&up, &amd_userptr_window_subtest, 1);
	amd_userptr_run(&up, amd_userptr_any_kernel_subtests, amd_userptr_num_any_kernel_subtests);
	igt_subtest_group() {
		igt_fixture()
			amd_userptr_require_flag(&up);
		amd_userptr_run(&up, &amd_userptr_window_hsa_subtest, 1);
		amd_userptr_run(&up, amd_userptr_flag_subtests, amd_userptr_num_flag_subtests);
	}

	igt_fixture()
		amd_userptr_stop(&up);
}
