// SPDX-License-Identifier: MIT
/*
 * The kernel moves the content of a userptr to other pages or to swap, or mremap() moves the pages
 * to another address.
 */
#include <errno.h>
#include <sys/mman.h>

#include "igt.h"
#include "igt_os.h"

#include "lib/igt_mm.h"
#include "lib/igt_procfs.h"
#include "lib/igt_reclaim.h"

#include "amd_userptr_hsa.h"

static void mremap_away(struct amd_userptr *up)
{
	const int prot = PROT_READ | PROT_WRITE;
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
	struct amd_userptr_bo *bo = amd_userptr_tracked(up, AMD_USERPTR_SIZE, 1);
	struct amd_userptr_bo *moved;
	const size_t size = AMD_USERPTR_SIZE;
	void *old = bo->cpu;
	void *to = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	amd_userptr_adopt(up, to, size);
	amd_kfd_smi_mark(&up->smi);
	igt_assert(mremap(old, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to);
	/*
	 * Map new memory at the old address.  No notifier runs for that, so perhaps the BO gets
	 * this memory only at the next event.
	 */
	igt_assert(mmap(old, size, prot, flags, -1, 0) == old);
	igt_assert_eq(madvise(old, size, MADV_NOHUGEPAGE), 0);
	amd_userptr_expect_evictions(up, 0);
	amd_pattern_check(to, size, 1, "moved");

	/*
	 * The old BO belongs to the old address.  A new BO of the new address has the moved pages.
	 */
	moved = amd_userptr_create(up, to, size, AMD_USERPTR_TRACKED);
	amd_userptr_map(up, moved);
	amd_userptr_gpu_check(up, moved->va, size, 1);
	amd_userptr_roundtrip(up, moved, 2);

	/* After the next event the old BO has the new memory at the old address. */
	amd_pattern_fill(old, size, 4);
	amd_kfd_smi_mark(&up->smi);
	amd_userptr_dontneed(bo);
	amd_userptr_expect_evictions(up, 0);
	amd_userptr_gpu_check_zero(up, bo->va, size);
	amd_userptr_roundtrip(up, bo, 5);
	amd_pattern_check(to, size, 3, "the moved pages, written last by the CPU");
}

static bool all_pages_moved(struct amd_userptr_bo *bo, const uint64_t *pfns)
{
	for (int i = 0; i < AMD_USERPTR_PAGES; i++) {
		if (igt_procfs_pfn(amd_userptr_page(bo, i)) == pfns[i])
			return false;
	}
	return true;
}

static bool any_page_moved(struct amd_userptr_bo *bo, const uint64_t *pfns)
{
	for (int i = 0; i < AMD_USERPTR_PAGES; i++) {
		if (igt_procfs_pfn(amd_userptr_page(bo, i)) != pfns[i])
			return true;
	}
	return false;
}

static void migrate(struct amd_userptr *up)
{
	struct amd_userptr_bo *bo = amd_userptr_tracked(up, AMD_USERPTR_SIZE, 1);
	uint64_t pfns[AMD_USERPTR_PAGES];
	int ret;

	/*
	 * The kernel may have taken pages of several nodes.  Move all pages to one node first,
	 * because the migration below would leave a page in place that is already on its target
	 * node.
	 */
	amd_kfd_smi_mark(&up->smi);
	ret = __igt_mm_migrate(bo->cpu, bo->size, getpagesize());
	if (ret != -ENODEV) {
		igt_assert_eq(ret, 0);
		amd_userptr_expect_evictions(up, 0);
	}
	for (int i = 0; i < AMD_USERPTR_PAGES; i++) {
		pfns[i] = igt_procfs_pfn(amd_userptr_page(bo, i));
		igt_require_f(pfns[i], "page frame numbers are hidden (not root?)\n");
	}
	amd_kfd_smi_mark(&up->smi);
	ret = __igt_mm_migrate(bo->cpu, bo->size, getpagesize());
	if (ret != -ENODEV) {
		igt_assert_eq(ret, 0);
		igt_assert(all_pages_moved(bo, pfns));
	} else {
		igt_require_f(!__igt_mm_compact(bo->cpu),
			      "one NUMA node, and no compaction or too much memory for it\n");
		igt_require_f(any_page_moved(bo, pfns), "compaction moved none of the pages\n");
	}
	amd_userptr_expect_evictions(up, 0);
	amd_userptr_gpu_check(up, bo->va, bo->size, 1);
	amd_userptr_roundtrip(up, bo, 2);
}

static void thp_collapse(struct amd_userptr *up)
{
	const size_t huge = 2u << 20;
	uint32_t *cpu = amd_userptr_mmap(up, 2 * huge, 0);
	struct amd_userptr_bo *bo;
	uint64_t pfn;

	cpu = (void *)(((uintptr_t)cpu + huge - 1) & ~(huge - 1));
	amd_pattern_fill(cpu, huge, 1);
	bo = amd_userptr_create(up, cpu, huge, AMD_USERPTR_TRACKED);
	amd_userptr_map(up, bo);
	amd_userptr_gpu_check(up, bo->va, huge, 1);
	pfn = igt_procfs_pfn(cpu);

	amd_kfd_smi_mark(&up->smi);
	igt_assert_eq(madvise(cpu, huge, MADV_HUGEPAGE), 0);
	igt_require_f(!__igt_mm_collapse(cpu, huge), "the kernel has no huge page\n");
	igt_require_f(igt_procfs_pfn(cpu) != pfn, "the pages were not moved, or are hidden\n");
	amd_userptr_expect_evictions(up, 0);
	amd_userptr_gpu_check(up, bo->va, huge, 1);
	amd_userptr_roundtrip(up, bo, 2);

	/* Split the huge page again by dropping its second half. */
	amd_kfd_smi_mark(&up->smi);
	igt_assert_eq(madvise((char *)cpu + huge / 2, huge / 2, MADV_DONTNEED), 0);
	amd_userptr_expect_evictions(up, 0);
	amd_userptr_gpu_check(up, bo->va, huge / 2, 3);
	amd_userptr_gpu_check_zero(up, bo->va + huge / 2, huge / 2);
	amd_userptr_roundtrip(up, bo, 4);
}

static void pageout(struct amd_userptr *up)
{
	struct amd_userptr_bo *bo;

	igt_require_f(igt_get_total_swap_mb(), "no swap space is in use\n");
	bo = amd_userptr_tracked(up, AMD_USERPTR_SIZE, 1);
	amd_userptr_roundtrip(up, bo, 2);

	amd_kfd_smi_mark(&up->smi);
	igt_require_f(!__igt_reclaim_pageout(bo->cpu, bo->size), "the kernel reclaimed nothing\n");
	amd_userptr_expect_evictions(up, 0);
	amd_userptr_gpu_check(up, bo->va, bo->size, 3);
	amd_userptr_roundtrip(up, bo, 4);
}

const struct amd_userptr_subtest amd_userptr_move_subtests[] = {
	{ .name = "userptr-mremap",
	  .run = mremap_away,
	  .describe = "A GPU mapping stays with the CPU address and does not follow moved pages." },
	{ .name = "migrate",
	  .run = migrate,
	  .describe = "The GPU uses the new pages after a migration." },
	{ .name = "thp-collapse",
	  .run = thp_collapse,
	  .describe =
		  "The GPU uses the new pages after a collapse into a huge page, and after its split." },
	{ .name = "pageout",
	  .run = pageout,
	  .describe = "Pages that were swapped out come back with their content." },
};
const unsigned int amd_userptr_num_move_subtests = ARRAY_LENGTH(amd_userptr_move_subtests);
