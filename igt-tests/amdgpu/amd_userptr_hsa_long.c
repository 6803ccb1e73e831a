// SPDX-License-Identifier: MIT
/*
 * One range that is as long as several huge pages.  The driver follows such a range in segments,
 * and a change of one page must not touch the other segments.
 */
#include <sys/mman.h>

#include "igt.h"

#include "lib/amdgpu/amd_userptr_fault.h"

#include "amd_userptr_hsa.h"

/* The driver's default size of a segment (amdgpu.userptr_segment_size). */
#define LONG_SEGMENT ((size_t)2 << 20)
/* Wherever the range begins, it contains several whole segments. */
#define LONG_SIZE    (5 * LONG_SEGMENT)

enum { SEED_OLD = 1, SEED_NEW = 1 << 20 };

/* Assert that the GPU can store to [@at, @at + @size) of the BO, and read what the CPU stores. */
static void part_works(struct amd_userptr *up, struct amd_userptr_bo *bo, size_t at, size_t size,
		       uint32_t seed)
{
	amd_userptr_gpu_fill(up, bo->va + at, size, seed);
	amd_pattern_check(bo->cpu + at, size, seed, "written by the GPU");
	amd_pattern_fill(bo->cpu + at, size, seed + 1);
	amd_userptr_gpu_check(up, bo->va + at, size, seed + 1);
}

/*
 * The most evictions by munmap() of a page in the middle of a mapping.  The kernel calls the
 * notifiers where it cuts the VMA, at both ends of the page, because a huge page might be there
 * (mm/huge_memory.c:vma_adjust_trans_huge()), and then for the page itself.  The driver may restore
 * the queues in between.
 */
#define MUNMAP_EVICTIONS 3

static void lose_a_page(struct amd_userptr *mine, void *data)
{
	struct amd_userptr_bo *bo = amd_userptr_tracked(mine, LONG_SIZE, SEED_OLD);
	const size_t middle = LONG_SIZE / 2;

	amd_kfd_smi_mark(&mine->smi);
	igt_assert_eq(munmap(bo->cpu + middle, getpagesize()), 0);
	amd_userptr_expect_evictions(mine, 0);
	igt_assert_lte(mine->smi.count.evictions, MUNMAP_EVICTIONS);
	part_works(mine, bo, 0, middle - LONG_SEGMENT, SEED_NEW);
	part_works(mine, bo, middle + LONG_SEGMENT, LONG_SIZE - middle - LONG_SEGMENT, SEED_NEW);
	amd_userptr_store_faults(mine, bo->va + middle, getpagesize());
	amd_pattern_check(bo->cpu, middle - LONG_SEGMENT, SEED_NEW + 1, "before the hole");
	amd_pattern_check(bo->cpu + middle + LONG_SEGMENT, LONG_SIZE - middle - LONG_SEGMENT,
			  SEED_NEW + 1, "behind the hole");
}

static void long_hole(struct amd_userptr *up)
{
	amd_userptr_in_faulting_child(up, lose_a_page, NULL);
}

/* Drop two pages, and assert that the GPU sees new ones, and the old ones right beside them. */
static void drop_two_pages(struct amd_userptr *up, struct amd_userptr_bo *bo, size_t at)
{
	const size_t page = getpagesize();
	char *two = bo->cpu + at;

	amd_pattern_fill(two - page, page, SEED_OLD);
	amd_pattern_fill(two + 2 * page, page, SEED_OLD);
	amd_kfd_smi_mark(&up->smi);
	igt_assert_eq(madvise(two, 2 * page, MADV_DONTNEED), 0);
	amd_userptr_expect_evictions(up, 1);
	amd_userptr_gpu_check_zero(up, bo->va + at, 2 * page);
	amd_userptr_gpu_check(up, bo->va + at - page, page, SEED_OLD);
	amd_userptr_gpu_check(up, bo->va + at + 2 * page, page, SEED_OLD);
	part_works(up, bo, at - page, 4 * page, SEED_NEW);
}

static void long_change(struct amd_userptr *up)
{
	struct amd_userptr_bo *bo = amd_userptr_tracked(up, LONG_SIZE, SEED_OLD);
	/* A segment begins at this byte of the range. */
	const size_t cut = 2 * LONG_SEGMENT - (uintptr_t)bo->cpu % LONG_SEGMENT;
	const size_t page = getpagesize();

	drop_two_pages(up, bo, page);
	drop_two_pages(up, bo, cut - 2 * page);
	drop_two_pages(up, bo, cut - page);
	drop_two_pages(up, bo, cut);
	drop_two_pages(up, bo, LONG_SIZE - 3 * page);
}

const struct amd_userptr_subtest amd_userptr_long_subtests[] = {
	{ .name = "long-change",
	  .run = long_change,
	  .describe = "The GPU sees the change of single pages of a range of 10 MiB." },
	{ .name = "long-hole",
	  .run = long_hole,
	  .describe = "If a page of 10 MiB is missing, the GPU reaches the other segments." },
};
const unsigned int amd_userptr_num_long_subtests = ARRAY_LENGTH(amd_userptr_long_subtests);
