// SPDX-License-Identifier: MIT
/*
 * Every allocation of GEM_VA and GEM_CLOSE fails once.  Afterwards the GPU must reach the right
 * pages or none.
 */
#include <errno.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xf86drm.h>

#include "igt.h"

#include "lib/amdgpu/amd_info.h"
#include "lib/amdgpu/amd_userptr_fault.h"
#include "lib/igt_fail_nth.h"
#include "lib/igt_time.h"

#include "amd_userptr_failnth.h"

/*
 * The size that one page directory covers: an address in the next directory needs new page tables.
 */
#define DIRECTORY_SIZE (1ull << 30)

/*
 * An update by SDMA begins with a job of AMDGPU_VM_SDMA_MIN_NUM_DW (amdgpu_vm_sdma.c), 256 dwords.
 * An entry takes two dwords, so with VA_ENTRIES entries the update needs another job, which is
 * another allocation.  There is an entry for each GPU page, so this is a number of GPU pages.
 */
enum { VA_ENTRIES = 144 };

static unsigned int va_pages(void)
{
	return VA_ENTRIES * AMD_GPU_PAGE_SIZE / getpagesize();
}

/* Call GEM_VA once, with a timeline point, because the driver allocates for the point, too. */
static int va_once(struct amd_userptr *mine, uint32_t syncobj, uint32_t operation,
		   const struct amd_userptr_bo *bo, uint64_t va, uint64_t size)
{
	struct amd_gem_va_args args = {
		.handle = bo ? bo->handle : 0,
		.operation = operation,
		.flags = AMD_USERPTR_RW,
		.va_address = va,
		.map_size = size,
		.vm_timeline_syncobj_out = syncobj,
		.vm_timeline_point = 1,
	};

	return ioctl(mine->fd, AMD_IOCTL_GEM_VA, &args) ? -errno : 0;
}

static void wait_point(struct amd_userptr *mine, uint32_t syncobj)
{
	uint64_t point = 1;
	struct timespec now;
	int64_t deadline;

	clock_gettime(CLOCK_MONOTONIC, &now);
	deadline = now.tv_sec * 1000000000ll + now.tv_nsec + AMD_USERPTR_WAIT_MS * 1000000ll;
	igt_assert_eq(drmSyncobjTimelineWait(mine->fd, &syncobj, &point, 1, deadline,
					     DRM_SYNCOBJ_WAIT_FLAGS_WAIT_ALL, NULL),
		      0);
}

int failnth_va(struct amd_userptr *mine, const struct failnth_case *what,
	       struct igt_fail_nth *inject, struct failnth_count *count, uint32_t operation,
	       const struct amd_userptr_bo *bo, uint64_t va, uint64_t size)
{
	uint32_t syncobj;
	bool failed;
	int ret;

	igt_assert_eq(drmSyncobjCreate(mine->fd, 0, &syncobj), 0);
	igt_fail_nth_arm(inject, count->n);
	ret = va_once(mine, syncobj, operation, bo, va, size);
	failed = igt_fail_nth_disarm(inject);
	if (!ret)
		wait_point(mine, syncobj);
	drmSyncobjDestroy(mine->fd, syncobj);
	failnth_note(count, what->what, failed, ret);
	return ret;
}

static void make_mapped(struct failnth_memory *memory, struct amd_userptr *mine, bool many,
			uint32_t seed)
{
	failnth_memory_init(memory, mine, many, va_pages(), seed);
	failnth_make(memory);
	amd_userptr_map(mine, memory->scatter.bo);
	igt_assert(failnth_reads(memory, memory->scatter.bo->va));
}

/* Replace the pages, and wait until the driver has updated every mapping that is left. */
static void change(struct amd_userptr *mine, struct failnth_memory *memory, uint32_t seed)
{
	amd_kfd_smi_mark(&mine->smi);
	failnth_memory_change(memory, seed);
	amd_userptr_expect_evictions(mine, 0);
	amd_kfd_smi_mark(&mine->smi);
}

static bool fail_map(struct amd_userptr *mine, const struct failnth_case *what,
		     struct igt_fail_nth *inject, struct failnth_count *count)
{
	struct failnth_memory memory;
	uint64_t va;
	int ret;

	failnth_memory_init(&memory, mine, what->many, va_pages(), count->n);
	failnth_make(&memory);
	/*
	 * Never release these addresses.  If another mapping had made page tables there, MAP would
	 * allocate none.
	 */
	va = amd_kfd_va_reserve(memory.size, DIRECTORY_SIZE);
	igt_assert(va);
	ret = failnth_va(mine, what, inject, count, AMDGPU_VA_OP_MAP, memory.scatter.bo, va,
			 memory.size);
	if (ret && count->n % 2) {
		/* The mapping must not be there. */
		change(mine, &memory, count->n);
		igt_assert_f(!failnth_reads(&memory, va), "the GPU has a mapping that failed\n");
		return false;
	}
	if (ret)
		igt_assert_eq(__amd_userptr_va(mine, AMDGPU_VA_OP_MAP, memory.scatter.bo->handle,
					       va, 0, memory.size, AMD_USERPTR_RW),
			      0);
	change(mine, &memory, count->n);
	igt_assert(failnth_reads(&memory, va));
	return true;
}

/* Unmap.  After an error the mapping is there as before and can be unmapped, or it has gone. */
static bool fail_unmap(struct amd_userptr *mine, const struct failnth_case *what,
		       struct igt_fail_nth *inject, struct failnth_count *count)
{
	struct failnth_memory memory;
	struct amd_userptr_bo *bo;
	int ret;

	make_mapped(&memory, mine, what->many, count->n);
	bo = memory.scatter.bo;
	ret = failnth_va(mine, what, inject, count, AMDGPU_VA_OP_UNMAP, bo, bo->va, memory.size);
	change(mine, &memory, count->n);
	if (!failnth_reads(&memory, bo->va))
		return false;
	igt_assert_f(ret, "the GPU reads memory that was unmapped\n");
	igt_assert_eq(__amd_userptr_va(mine, AMDGPU_VA_OP_UNMAP, bo->handle, bo->va, 0, memory.size,
				       0),
		      0);
	amd_kfd_smi_mark(&mine->smi);
	igt_assert(!failnth_reads(&memory, bo->va));
	return false;
}

/* CLEAR the middle of a mapping: the parts before and behind have to be there in any case. */
static bool fail_clear(struct amd_userptr *mine, const struct failnth_case *what,
		       struct igt_fail_nth *inject, struct failnth_count *count)
{
	struct failnth_memory memory;
	uint64_t quarter, va;
	int ret;

	make_mapped(&memory, mine, what->many, count->n);
	quarter = memory.size / 4;
	va = memory.scatter.bo->va;
	ret = failnth_va(mine, what, inject, count, AMDGPU_VA_OP_CLEAR, NULL, va + quarter,
			 2 * quarter);
	/*
	 * After an error the queues may be evicted until the worker has written the rest of the
	 * mapping.
	 */
	amd_userptr_queue_alive(mine);
	change(mine, &memory, count->n);
	memory.scatter.va = va;
	amd_userptr_scatter_reads(&memory.scatter, 0, quarter);
	amd_userptr_scatter_reads(&memory.scatter, 3 * quarter, quarter);
	if (!failnth_reads(&memory, va))
		return false;
	igt_assert_f(ret, "the GPU reads memory that was cleared\n");
	return true;
}

/*
 * REPLACE by another BO.  After an error the GPU must reach the old BO or fault, after success it
 * must reach the new one.
 */
static bool fail_replace(struct amd_userptr *mine, const struct failnth_case *what,
			 struct igt_fail_nth *inject, struct failnth_count *count)
{
	struct failnth_memory memory, other;
	uint64_t va;
	int ret;

	make_mapped(&memory, mine, what->many, count->n);
	va = memory.scatter.bo->va;
	failnth_memory_init(&other, mine, what->many, va_pages(), ~count->n);
	failnth_make(&other);
	ret = failnth_va(mine, what, inject, count, AMDGPU_VA_OP_REPLACE, other.scatter.bo, va,
			 memory.size);
	change(mine, &memory, count->n);
	change(mine, &other, ~count->n);
	if (ret)
		return failnth_reads(&memory, va);
	igt_assert(failnth_reads(&other, va));
	return true;
}

/*
 * Let an UNMAP of another BO run out of memory after it has removed the mapping, so that the next
 * call has to clear the page table entries.
 */
static void leave_freed(struct amd_userptr *mine, struct igt_fail_nth *inject)
{
	struct amd_userptr_bo *bo = amd_userptr_tracked(mine, getpagesize(), 1);
	bool failed;
	int ret;

	for (unsigned int n = 1;; n++) {
		igt_fail_nth_arm(inject, n);
		ret = va_once(mine, 0, AMDGPU_VA_OP_UNMAP, bo, bo->va, bo->size);
		failed = igt_fail_nth_disarm(inject);
		igt_assert_f(failed, "no UNMAP ran out of memory\n");
		if (!ret) {
			igt_assert_eq(__amd_userptr_va(mine, AMDGPU_VA_OP_MAP, bo->handle, bo->va,
						       0, bo->size, AMD_USERPTR_RW),
				      0);
			continue;
		}
		if (va_once(mine, 0, AMDGPU_VA_OP_UNMAP, bo, bo->va, bo->size) == -ENOENT)
			return;
		bo = amd_userptr_tracked(mine, getpagesize(), 1);
	}
}

/*
 * REPLACE a mapping by the same mapping, while the driver still has to clear the entries of another
 * mapping.  The mapping has to be there afterwards, even if REPLACE returns an error.
 */
static bool fail_replace_same(struct amd_userptr *mine, const struct failnth_case *what,
			      struct igt_fail_nth *inject, struct failnth_count *count)
{
	struct failnth_memory memory;
	uint64_t va;

	make_mapped(&memory, mine, what->many, count->n);
	va = memory.scatter.bo->va;
	leave_freed(mine, inject);
	failnth_va(mine, what, inject, count, AMDGPU_VA_OP_REPLACE, memory.scatter.bo, va,
		   memory.size);
	igt_assert_f(failnth_reads(&memory, va), "REPLACE has removed the same mapping\n");
	return true;
}

/*
 * Change the memory of a closed BO again and again, until the driver does not evict the queues for
 * it any more.
 */
static void wait_until_left_alone(struct amd_userptr *mine, struct failnth_memory *memory,
				  unsigned int n)
{
	const uint64_t deadline = igt_now_ms() + AMD_USERPTR_WAIT_MS;

	do {
		igt_assert_f(igt_now_ms() < deadline,
			     "closed, but the driver follows its memory for ever\n");
		amd_kfd_smi_mark(&mine->smi);
		failnth_memory_change(memory, n);
		amd_userptr_queue_alive(mine);
		amd_kfd_smi_drain(&mine->smi);
	} while (mine->smi.count.evictions);
}

/*
 * GEM_CLOSE cannot return an error.  When an allocation fails, the driver tracks the memory until
 * the restore worker has cleared the page table entries.
 */
static bool fail_close(struct amd_userptr *mine, const struct failnth_case *what,
		       struct igt_fail_nth *inject, struct failnth_count *count)
{
	struct drm_gem_close close = { 0 };
	struct failnth_memory memory;
	uint64_t va;
	bool failed;
	int ret;

	make_mapped(&memory, mine, what->many, count->n);
	va = memory.scatter.bo->va;
	close.handle = memory.scatter.bo->handle;
	memory.scatter.bo->handle = 0;
	amd_kfd_smi_mark(&mine->smi);
	igt_fail_nth_arm(inject, count->n);
	ret = ioctl(mine->fd, DRM_IOCTL_GEM_CLOSE, &close) ? -errno : 0;
	failed = igt_fail_nth_disarm(inject);
	igt_assert_eq(ret, 0);
	failnth_note(count, what->what, failed, 0);
	/* When the driver does not track the memory any more, the GPU must not reach it. */
	wait_until_left_alone(mine, &memory, count->n);
	igt_assert_f(!failnth_reads(&memory, va), "the GPU reads a BO that was closed\n");
	return false;
}

uint32_t failnth_map_plain(struct amd_userptr *mine, uint64_t domain, uint64_t va, uint64_t size)
{
	union drm_amdgpu_gem_create args = {
		.in = { .bo_size = size, .domains = domain },
	};

	igt_assert_eq(drmIoctl(mine->fd, DRM_IOCTL_AMDGPU_GEM_CREATE, &args), 0);
	igt_assert_eq(__amd_userptr_va(mine, AMDGPU_VA_OP_MAP, args.out.handle, va, 0, size,
				       AMD_USERPTR_RW),
		      0);
	return args.out.handle;
}

/*
 * Close a BO that is no userptr.  If the close leaves its mapping behind, the next BO cannot be
 * mapped at the same address.
 */
static bool fail_close_plain(struct amd_userptr *mine, const struct failnth_case *what,
			     struct igt_fail_nth *inject, struct failnth_count *count)
{
	const uint64_t size = va_pages() * getpagesize();
	const uint64_t va = amd_kfd_va_reserve(size, DIRECTORY_SIZE);
	struct drm_gem_close close = { 0 };
	bool failed;
	int ret;

	igt_assert(va);
	close.handle = failnth_map_plain(mine, AMDGPU_GEM_DOMAIN_GTT, va, size);
	igt_fail_nth_arm(inject, count->n);
	ret = ioctl(mine->fd, DRM_IOCTL_GEM_CLOSE, &close) ? -errno : 0;
	failed = igt_fail_nth_disarm(inject);
	igt_assert_eq(ret, 0);
	failnth_note(count, what->what, failed, 0);

	close.handle = failnth_map_plain(mine, AMDGPU_GEM_DOMAIN_GTT, va, size);
	amd_kfd_queue_copy(mine->queue, mine->out.va, va, size);
	amd_kfd_queue_submit(mine->queue);
	igt_assert(amd_userptr_done_or_faulted(mine));
	igt_assert_eq(ioctl(mine->fd, DRM_IOCTL_GEM_CLOSE, &close), 0);
	return true;
}

#define SUBTEST(function, attempt_, name) \
	static void function(struct amd_userptr *up) \
	{ \
		failnth_run(up, &(struct failnth_case){ .what = name, .attempt = attempt_ }); \
	} \
	static void function##_scatter(struct amd_userptr *up) \
	{ \
		failnth_run(up, &(struct failnth_case){ .what = name " of many ranges", \
							.attempt = attempt_, \
							.many = true }); \
	}

SUBTEST(map, fail_map, "MAP")
SUBTEST(unmap, fail_unmap, "UNMAP")
SUBTEST(clear, fail_clear, "CLEAR")
SUBTEST(replace, fail_replace, "REPLACE")
SUBTEST(replace_same, fail_replace_same, "REPLACE by the same mapping")
SUBTEST(close_mapped, fail_close, "GEM_CLOSE")

static void close_plain(struct amd_userptr *up)
{
	failnth_run(up, &(struct failnth_case){ .what = "GEM_CLOSE of a BO that is no userptr",
						.attempt = fail_close_plain });
}

#define BOTH(name_, function, text) \
	{ .name = name_, .run = function, .describe = text }, \
		{ .name = name_ "-scatter", \
		  .run = function##_scatter, \
		  .describe = text " (many ranges)" }

const struct amd_userptr_subtest amd_userptr_failnth_va_subtests[] = {
	BOTH("map", map, "After a MAP that ran out of memory there is no mapping."),
	BOTH("unmap", unmap,
	     "After an UNMAP that ran out of memory the mapping is right, or the GPU faults."),
	BOTH("clear", clear,
	     "After a CLEAR that ran out of memory the middle is right or faults, and the rest is right."),
	BOTH("replace", replace,
	     "After a REPLACE that ran out of memory the GPU reaches the old BO or the new one, or faults."),
	BOTH("replace-same", replace_same,
	     "A REPLACE by the same mapping that ran out of memory leaves the mapping."),
	BOTH("close", close_mapped,
	     "When a close runs out of memory, the restore worker clears the page table entries."),
	{ .name = "close-plain",
	  .run = close_plain,
	  .describe = "A close that runs out of memory still removes the mapping of a plain BO." },
};
const unsigned int amd_userptr_num_failnth_va_subtests =
	ARRAY_LENGTH(amd_userptr_failnth_va_subtests);
