// SPDX-License-Identifier: MIT
/*
 * The VA ioctl maps and replaces parts of a BO of many ranges, and a range of the BO becomes a hole
 * and heals.
 */
#include <unistd.h>
#include <sys/mman.h>

#include "igt.h"

#include "lib/amdgpu/amd_userptr_fault.h"
#include "lib/igt_mm.h"

#include "amd_userptr_scatter.h"

/*
 * The test needs a round in which the queues are still evicted when it unmaps the BO.  It stops
 * after CAUGHT_ENOUGH such rounds, or after CATCH_ROUNDS rounds of any kind.
 */
enum { CATCH_ROUNDS = 50, CAUGHT_ENOUGH = 3 };

static void make_hole(struct amd_userptr_scatter *scatter, struct amd_userptr *up)
{
	amd_userptr_scatter_pages(scatter, up, FEW_RANGES);
	amd_userptr_scatter_map(scatter, 0);
	amd_kfd_smi_mark(&up->smi);
	igt_assert_eq(munmap(scatter_changed(scatter), page()), 0);
	amd_userptr_expect_evictions(up, 1);
	scatter_rest_goes_on(scatter, 1);
}

static void write_hole(struct amd_userptr *mine, void *data)
{
	struct amd_userptr_scatter scatter;

	amd_userptr_use_queue(mine, ((struct amd_userptr *)data)->queue->type);
	make_hole(&scatter, mine);
	scatter_map_fresh(scatter_changed(&scatter));
	amd_pattern_fill(scatter_changed(&scatter), page(), 5);
	amd_userptr_store_faults(mine, scatter.va + CHANGED * page(), page());
	amd_pattern_check(scatter_changed(&scatter), page(), 5, "mapped after the munmap");
}

static void hole_then_access(struct amd_userptr *up)
{
	amd_userptr_in_faulting_child(up, write_hole, up);
}

static void heal(struct amd_userptr *up, unsigned int poked)
{
	struct amd_userptr_scatter scatter;

	make_hole(&scatter, up);
	scatter_map_fresh(scatter_changed(&scatter));
	amd_pattern_fill(scatter_changed(&scatter), page(), 5);
	amd_kfd_smi_mark(&up->smi);
	igt_assert_eq(__igt_mm_poke((void *)(uintptr_t)scatter.ranges[poked].addr, page()), 0);
	amd_userptr_expect_evictions(up, 0);
	amd_userptr_gpu_check(up, scatter.va + CHANGED * page(), page(), 5);
	amd_userptr_scatter_roundtrip(&scatter, 6);
}

static void hole_heals(struct amd_userptr *up)
{
	heal(up, CHANGED);
}

static void hole_heals_beside(struct amd_userptr *up)
{
	heal(up, CHANGED + 2);
}

static uint64_t map_part(struct amd_userptr_scatter *scatter, uint64_t va, unsigned int first,
			 unsigned int pages)
{
	igt_assert_eq(__amd_userptr_va(scatter->up, AMDGPU_VA_OP_MAP, scatter->bo->handle, va,
				       first * page(), pages * page(), AMD_USERPTR_RW),
		      0);
	return va - first * page();
}

/* Map two parts and the whole BO, each at an address of its own. */
static void partial_maps(struct amd_userptr *up)
{
	const uint64_t room = 4 * FEW_RANGES * page(), va = amd_kfd_va_reserve(room, 0);
	uint64_t part, single, whole;
	struct amd_userptr_scatter scatter;

	igt_assert(va);
	amd_userptr_scatter_pages(&scatter, up, FEW_RANGES);
	amd_userptr_scatter_create(&scatter, 0);
	part = map_part(&scatter, va + FEW_RANGES * page(), CHANGED - 1, 4);
	single = map_part(&scatter, va + 2 * FEW_RANGES * page(), CHANGED, 1);
	whole = map_part(&scatter, va + 3 * FEW_RANGES * page(), 0, FEW_RANGES);
	for (unsigned int round = 0; round < 3; round++) {
		scatter.va = part;
		amd_userptr_scatter_writes(&scatter, (CHANGED - 1) * page(), 4 * page(), round);
		scatter.va = single;
		amd_userptr_scatter_reads(&scatter, CHANGED * page(), page());
		scatter.va = whole;
		amd_userptr_scatter_roundtrip(&scatter, 10 + round);
		amd_kfd_smi_mark(&up->smi);
		igt_assert_eq(__igt_mm_fork_and_write(scatter_changed(&scatter), page()), 0);
		amd_userptr_expect_evictions(up, 0);
	}
	igt_assert_eq(__amd_userptr_va(up, AMDGPU_VA_OP_UNMAP, scatter.bo->handle,
				       part + (CHANGED - 1) * page(), 0, 4 * page(), 0),
		      0);
	scatter.va = single;
	amd_userptr_scatter_writes(&scatter, CHANGED * page(), page(), 20);
	scatter.va = whole;
	amd_userptr_scatter_roundtrip(&scatter, 21);
	amd_userptr_destroy(up, scatter.bo);
	amd_kfd_va_release(va, room);
}

/*
 * Another BO replaces one range in the page tables.  When the memory of that range changes, the
 * driver must not write the entries again, because they belong to the other BO.
 */
static void replace_one(struct amd_userptr *up)
{
	struct amd_userptr_scatter scatter;
	void *cpu = amd_userptr_mmap(up, page(), 3);
	struct amd_userptr_bo *other;
	uint64_t va;

	amd_userptr_scatter_pages(&scatter, up, FEW_RANGES);
	amd_userptr_scatter_map(&scatter, 0);
	va = scatter.va + CHANGED * page();
	other = amd_userptr_create(up, cpu, page(), AMD_USERPTR_TRACKED);
	igt_assert_eq(__amd_userptr_va(up, AMDGPU_VA_OP_REPLACE, other->handle, va, 0, page(),
				       AMD_USERPTR_RW),
		      0);
	amd_userptr_gpu_check(up, va, page(), 3);
	scatter_rest_goes_on(&scatter, 4);
	amd_kfd_smi_mark(&up->smi);
	igt_assert_eq(madvise(scatter_changed(&scatter), page(), MADV_DONTNEED), 0);
	amd_userptr_expect_evictions(up, 1);
	amd_userptr_gpu_fill(up, va, page(), 7);
	amd_pattern_check(cpu, page(), 7, "the BO in its place");
	amd_pattern_check_zero(scatter_changed(&scatter), page(), "the range that was replaced");
	amd_kfd_smi_mark(&up->smi);
	igt_assert_eq(__igt_mm_fork_and_write(cpu, page()), 0);
	amd_userptr_expect_evictions(up, 0);
	amd_userptr_gpu_check(up, va, page(), 7);
	scatter_rest_goes_on(&scatter, 8);
}

static void unmap_while_dirty(struct amd_userptr *up)
{
	unsigned int caught = 0;

	for (unsigned int i = 0; i < CATCH_ROUNDS && caught < CAUGHT_ENOUGH; i++) {
		struct amd_userptr_scatter scatter;
		char *cpu = amd_userptr_scatter_pages(&scatter, up, FEW_RANGES * FEW_RANGES);

		amd_userptr_scatter_map(&scatter, 0);
		amd_kfd_smi_mark(&up->smi);
		igt_assert_eq(madvise(cpu, amd_userptr_scatter_size(&scatter), MADV_DONTNEED), 0);
		caught += amd_userptr_queues_evicted(up);
		amd_userptr_unmap(up, scatter.bo);
		amd_userptr_map(up, scatter.bo);
		scatter.va = scatter.bo->va;
		amd_userptr_scatter_reads(&scatter, 0, amd_userptr_scatter_size(&scatter));
		amd_userptr_scatter_roundtrip(&scatter, 1);
		amd_userptr_expect_evictions(up, 0);
		amd_userptr_cleanup(up);
	}
	igt_assert_lt(0, caught);
}

const struct amd_userptr_subtest amd_userptr_scatter_map_subtests[] = {
	{ .name = "hole-then-access",
	  .run = hole_then_access,
	  .sdma_too = true,
	  .describe =
		  "After munmap() of a range the others work, and a GPU access to that range faults." },
	{ .name = "hole-heals",
	  .run = hole_heals,
	  .sdma_too = true,
	  .describe =
		  "The GPU gets memory that is mapped into a hole with the next event of that range." },
	{ .name = "hole-heals-beside",
	  .run = hole_heals_beside,
	  .describe =
		  "The GPU gets memory that is mapped into a hole with the next event of another range." },
	{ .name = "partial-maps",
	  .run = partial_maps,
	  .sdma_too = true,
	  .describe = "The driver updates parts of a BO that are mapped at several addresses." },
	{ .name = "replace-one",
	  .run = replace_one,
	  .sdma_too = true,
	  .describe = "A BO that replaces one range stays mapped." },
	{ .name = "unmap-while-dirty",
	  .run = unmap_while_dirty,
	  .describe =
		  "A BO that is unmapped and mapped again before the restore has the current pages." },
};
const unsigned int amd_userptr_num_scatter_map_subtests =
	ARRAY_LENGTH(amd_userptr_scatter_map_subtests);
