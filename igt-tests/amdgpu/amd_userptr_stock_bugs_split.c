// SPDX-License-Identifier: MIT
/*
 * REPLACE or CLEAR takes the middle out of a huge mapping, for which the page directory has one
 * entry. The stock driver writes page table entries for the middle only, so accesses to the parts
 * before and behind it fault. If the same BO replaces the middle, the stock driver writes the
 * entries of all parts.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "igt.h"

#include "lib/amdgpu/amd_userptr_area.h"
#include "lib/amdgpu/amd_userptr_fault.h"

#include "amd_userptr_stock_bugs.h"

struct split {
	uint32_t operation; /* AMDGPU_VA_OP_* for the middle */
	uint32_t flags;	    /* flags of the userptrs */
	bool same; /* REPLACE by the memory that is mapped there already, with another flag */
};

enum { SEED_LEFT = 1, SEED_MIDDLE, SEED_RIGHT, SEED_OTHER, SEED_STORED };

static void copy_without_fault(struct amd_userptr *mine, uint64_t to, uint64_t from, size_t size)
{
	amd_kfd_queue_copy(mine->queue, to, from, size);
	amd_kfd_queue_submit(mine->queue);
	igt_assert_f(amd_userptr_done_or_faulted(mine),
		     "GPU page fault in the rest of a split mapping\n");
}

static void assert_reads(struct amd_userptr *mine, uint64_t va, size_t size, uint32_t seed)
{
	copy_without_fault(mine, mine->out.va, va, size);
	amd_pattern_check(mine->out.cpu, size, seed, "read by the GPU");
}

/*
 * Assert that the GPU can read and write [va, va + size).  The stock driver does not wait for its
 * TLB flush, so the read may still use the old entry of the whole mapping.  The store comes later,
 * as a rule after the flush, and then needs the new entries.
 */
static void assert_translates(struct amd_userptr *mine, uint64_t va, void *cpu, size_t size,
			      uint32_t seed)
{
	assert_reads(mine, va, size, seed);
	amd_pattern_fill(mine->in.cpu, size, SEED_STORED);
	copy_without_fault(mine, va, mine->in.va, size);
	amd_pattern_check(cpu, size, SEED_STORED, "written by the GPU");
}

/*
 * Replace or clear the middle of a huge mapping.  Check that the GPU reads and writes every part
 * that is still mapped.  Returns the BO of the whole mapping.
 */
static struct amd_userptr_bo *split_one(struct amd_userptr *mine, const struct split *split,
					size_t size)
{
	const size_t left = AMD_USERPTR_AREA_HUGE / 2, right = left - size;
	struct amd_userptr_area area;
	const char *reason = amd_userptr_area_init(&area, mine, amd_userptr_backing("thp"), true);
	struct amd_userptr_bo *bo, *middle = NULL;
	uint64_t offset = 0;

	igt_assert_f(!reason, "%s\n", reason);
	amd_pattern_fill(area.cpu, left, SEED_LEFT);
	amd_pattern_fill(area.cpu + left, size, SEED_MIDDLE);
	amd_pattern_fill(area.cpu + left + size, right, SEED_RIGHT);
	bo = amd_userptr_create(mine, area.cpu, area.size, split->flags);
	igt_assert(amd_userptr_area_is_contiguous(&area));
	bo->va = amd_kfd_va_reserve(area.size, area.size);
	igt_assert(bo->va);
	igt_assert_eq(__amd_userptr_va(mine, AMDGPU_VA_OP_MAP, bo->handle, bo->va, 0, area.size,
				       AMD_USERPTR_RW),
		      0);
	amd_kfd_smi_mark(&mine->smi);
	assert_reads(mine, bo->va + left, size, SEED_MIDDLE);

	if (split->same) {
		middle = bo;
		offset = left;
	} else if (split->operation == AMDGPU_VA_OP_REPLACE) {
		middle = amd_userptr_create(mine, amd_userptr_mmap(mine, size, SEED_OTHER), size,
					    split->flags);
	}
	/*
	 * If the same memory replaces the middle, add a flag: with the same flags the driver would
	 * have nothing to do for an HSA userptr.
	 */
	igt_assert_eq(__amd_userptr_va(mine, split->operation, middle ? middle->handle : 0,
				       bo->va + left, offset, size,
				       split->same ? AMD_USERPTR_RW | AMDGPU_VM_PAGE_EXECUTABLE
						   : AMD_USERPTR_RW),
		      0);
	assert_translates(mine, bo->va, area.cpu, left, SEED_LEFT);
	assert_translates(mine, bo->va + left + size, area.cpu + left + size, right, SEED_RIGHT);
	if (middle)
		assert_translates(mine, bo->va + left, (char *)middle->cpu + offset, size,
				  split->same ? SEED_MIDDLE : SEED_OTHER);
	if (!split->same)
		amd_pattern_check(area.cpu + left, size, SEED_MIDDLE,
				  "no longer mapped on the GPU");
	amd_userptr_area_fini(&area);
	return bo;
}

static void split_middle(struct amd_userptr *mine, void *data)
{
	const struct split *split = data;
	const size_t large = (size_t)64 << 10;
	struct amd_userptr_bo *bo;

	split_one(mine, split, getpagesize());
	amd_userptr_cleanup(mine);
	bo = split_one(mine, split, large);
	if (split->operation != AMDGPU_VA_OP_CLEAR)
		return;
	amd_userptr_store_faults(mine, bo->va + AMD_USERPTR_AREA_HUGE / 2, large);
	amd_pattern_check(bo->cpu + AMD_USERPTR_AREA_HUGE / 2, large, SEED_MIDDLE,
			  "no longer mapped on the GPU");
}

static void split_mapping(struct amd_userptr *up, const void *split)
{
	amd_userptr_in_faulting_child(up, split_middle, (void *)split);
}

static const struct split replace = { AMDGPU_VA_OP_REPLACE, AMD_USERPTR_UNTRACKED, false };
static const struct split replace_same = { AMDGPU_VA_OP_REPLACE, AMD_USERPTR_UNTRACKED, true };
static const struct split clear = { AMDGPU_VA_OP_CLEAR, AMD_USERPTR_UNTRACKED, false };
static const struct split replace_hsa = { AMDGPU_VA_OP_REPLACE, AMD_USERPTR_TRACKED, false };
static const struct split replace_same_hsa = { AMDGPU_VA_OP_REPLACE, AMD_USERPTR_TRACKED, true };
static const struct split clear_hsa = { AMDGPU_VA_OP_CLEAR, AMD_USERPTR_TRACKED, false };

const struct amd_userptr_subtest amd_userptr_split_subtests[] = {
	{ .name = "split-replace",
	  .run_with = split_mapping,
	  .data = &replace,
	  .describe = "REPLACE of the middle of a huge mapping keeps both sides mapped." },
	{ .name = "split-replace-same",
	  .run_with = split_mapping,
	  .data = &replace_same,
	  .describe = "REPLACE of the middle by the same memory keeps all of it mapped." },
	{ .name = "split-clear",
	  .run_with = split_mapping,
	  .data = &clear,
	  .describe = "CLEAR of the middle of a huge mapping keeps both sides mapped." },
};
const unsigned int amd_userptr_num_split_subtests = ARRAY_LENGTH(amd_userptr_split_subtests);

const struct amd_userptr_subtest amd_userptr_split_hsa_subtests[] = {
	{ .name = "split-replace-hsa",
	  .run_with = split_mapping,
	  .data = &replace_hsa,
	  .describe = "REPLACE of the middle of an HSA userptr keeps both sides mapped." },
	{ .name = "split-replace-same-hsa",
	  .run_with = split_mapping,
	  .data = &replace_same_hsa,
	  .describe =
		  "REPLACE of the middle of an HSA userptr by the same memory keeps all mapped." },
	{ .name = "split-clear-hsa",
	  .run_with = split_mapping,
	  .data = &clear_hsa,
	  .describe = "CLEAR of the middle of an HSA userptr keeps both sides mapped." },
};
const unsigned int amd_userptr_num_split_hsa_subtests =
	ARRAY_LENGTH(amd_userptr_split_hsa_subtests);
