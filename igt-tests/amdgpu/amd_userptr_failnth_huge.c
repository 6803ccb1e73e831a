// SPDX-License-Identifier: MIT
/*
 * GEM_VA takes a page out of the mapping of a huge page, and one of the ioctl's allocations fails.
 * At that time the driver may have made a page table whose address is not in the page directory
 * yet, so the page directory still maps the huge page.  After the handle is closed and the memory
 * unmapped, the queues must not reach the memory.  While the BO is mapped, the queues must reach
 * all of the huge page except for the page that was taken out, also after another update of the
 * page directory.
 */
#include <sys/mman.h>
#include <xf86drm.h>

#include "igt.h"

#include "lib/amdgpu/amd_userptr_fault.h"
#include "lib/igt_fail_nth.h"
#include "lib/igt_procfs.h"
#include "lib/igt_time.h"

#include "amd_userptr_failnth.h"

/* The size of a huge page, which one entry of a page directory can map without a page table. */
#define HUGE_SIZE ((size_t)2 << 20)

/* After this time the page tables of a BO that was closed are clear. */
enum { CLEARED_MS = 1000 };

/*
 * Let only every third allocation fail, because each attempt takes long: most attempts end in a GPU
 * page fault, and the next attempt then needs a new process.
 */
enum { STRIDE = 3 };

/* Map memory for one huge page, in a mapping of 2 * HUGE_SIZE that begins at @raw. */
static char *map_huge(struct amd_userptr *mine, char **raw)
{
	char *cpu;

	*raw = mmap(NULL, 2 * HUGE_SIZE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	amd_userptr_adopt(mine, *raw, 2 * HUGE_SIZE);
	cpu = (char *)(((uintptr_t)*raw + HUGE_SIZE - 1) & ~(HUGE_SIZE - 1));
	igt_require_f(!madvise(cpu, HUGE_SIZE, MADV_HUGEPAGE), "no huge pages\n");
	amd_pattern_fill(cpu, HUGE_SIZE, 1);
	return cpu;
}

static bool is_huge(const char *cpu)
{
	const char *last = cpu + HUGE_SIZE - getpagesize();
	const uint64_t first_pfn = igt_procfs_pfn(cpu);

	return first_pfn % (HUGE_SIZE / getpagesize()) == 0 &&
	       igt_procfs_pfn(last) - first_pfn == HUGE_SIZE / getpagesize() - 1;
}

static bool gpu_reads(struct amd_userptr *mine, uint64_t va)
{
	amd_kfd_smi_mark(&mine->smi);
	amd_kfd_queue_copy(mine->queue, mine->out.va, va, getpagesize());
	amd_kfd_queue_submit(mine->queue);
	return amd_userptr_done_or_faulted(mine);
}

/* Make a BO of a huge page at @cpu, and map it at @va. */
static struct amd_userptr_bo *map_bo(struct amd_userptr *mine, char *cpu, uint64_t va)
{
	struct amd_userptr_bo *bo;

	igt_assert(va);
	igt_assert_f(is_huge(cpu), "the kernel had no huge page\n");
	bo = amd_userptr_create(mine, cpu, HUGE_SIZE, AMD_USERPTR_TRACKED);
	igt_assert_eq(__amd_userptr_va(mine, AMDGPU_VA_OP_MAP, bo->handle, va, 0, HUGE_SIZE,
				       AMD_USERPTR_RW),
		      0);
	amd_userptr_gpu_check(mine, va, getpagesize(), 1);
	return bo;
}

static bool fail_then_close(struct amd_userptr *mine, const struct failnth_case *what,
			    struct igt_fail_nth *inject, struct failnth_count *count,
			    uint32_t operation)
{
	const uint64_t va = amd_kfd_va_reserve(HUGE_SIZE, HUGE_SIZE);
	char *raw, *cpu = map_huge(mine, &raw);
	struct amd_userptr_bo *bo = map_bo(mine, cpu, va), *other = NULL;

	if (operation == AMDGPU_VA_OP_REPLACE)
		other = amd_userptr_create(mine, amd_userptr_mmap(mine, getpagesize(), 2),
					   getpagesize(), AMD_USERPTR_TRACKED);

	failnth_va(mine, what, inject, count, operation, other, va + HUGE_SIZE / 2, getpagesize());
	count->n += STRIDE - 1;
	amd_userptr_destroy(mine, bo);
	igt_assert_eq(munmap(cpu, HUGE_SIZE), 0);
	igt_assert_f(!gpu_reads(mine, va), "closed and unmapped, and the GPU reads it\n");
	amd_kfd_va_release(va, HUGE_SIZE);
	return false;
}

/*
 * Like fail_then_close() with CLEAR, but the BO is in VRAM.  The driver tracks no pages of VRAM, so
 * no restore worker writes the page directory before the close.
 */
static bool fail_clear_vram(struct amd_userptr *mine, const struct failnth_case *what,
			    struct igt_fail_nth *inject, struct failnth_count *count)
{
	const uint64_t va = amd_kfd_va_reserve(HUGE_SIZE, HUGE_SIZE);
	struct drm_gem_close close = { 0 };
	uint64_t deadline;

	igt_assert(va);
	close.handle = failnth_map_plain(mine, AMDGPU_GEM_DOMAIN_VRAM, va, HUGE_SIZE);
	igt_assert(gpu_reads(mine, va));

	failnth_va(mine, what, inject, count, AMDGPU_VA_OP_CLEAR, NULL, va + HUGE_SIZE / 2,
		   getpagesize());
	count->n += STRIDE - 1;
	igt_assert_eq(drmIoctl(mine->fd, DRM_IOCTL_GEM_CLOSE, &close), 0);
	/*
	 * The driver clears the page tables after the close, and gives the VRAM to no other BO
	 * until then.
	 */
	deadline = igt_now_ms() + igt_patience(CLEARED_MS);
	while (gpu_reads(mine, va))
		igt_assert_f(igt_now_ms() < deadline, "closed, and the GPU reads it\n");
	amd_kfd_va_release(va, HUGE_SIZE);
	return false;
}

static bool fail_clear(struct amd_userptr *mine, const struct failnth_case *what,
		       struct igt_fail_nth *inject, struct failnth_count *count)
{
	return fail_then_close(mine, what, inject, count, AMDGPU_VA_OP_CLEAR);
}

static bool fail_replace(struct amd_userptr *mine, const struct failnth_case *what,
			 struct igt_fail_nth *inject, struct failnth_count *count)
{
	return fail_then_close(mine, what, inject, count, AMDGPU_VA_OP_REPLACE);
}

/*
 * Whether the CLEAR succeeds or not, the queues must reach the rest of the huge page.  Before the
 * check, map another BO, because the mapping makes the driver update the page directories.
 */
static bool fail_clear_rest(struct amd_userptr *mine, const struct failnth_case *what,
			    struct igt_fail_nth *inject, struct failnth_count *count)
{
	const uint64_t va = amd_kfd_va_reserve(HUGE_SIZE, HUGE_SIZE);
	char *raw, *cpu = map_huge(mine, &raw);
	struct amd_userptr_bo *bo = map_bo(mine, cpu, va), *other;

	failnth_va(mine, what, inject, count, AMDGPU_VA_OP_CLEAR, NULL, va + HUGE_SIZE / 2,
		   getpagesize());
	count->n += STRIDE - 1;
	other = amd_userptr_tracked(mine, getpagesize(), 2);
	igt_assert_f(gpu_reads(mine, va), "GPU page fault in the rest of a split mapping\n");
	amd_pattern_check(mine->out.cpu, getpagesize(), 1, "the rest of a split mapping");
	amd_userptr_destroy(mine, other);
	amd_userptr_destroy(mine, bo);
	amd_userptr_munmap(mine, raw, 2 * HUGE_SIZE);
	amd_kfd_va_release(va, HUGE_SIZE);
	return true;
}

/*
 * Like fail_clear_rest(), but the BO is in VRAM, so no worker of userptrs writes the rest.  Look at
 * both sides of the page that was taken out.
 */
static bool fail_clear_vram_rest(struct amd_userptr *mine, const struct failnth_case *what,
				 struct igt_fail_nth *inject, struct failnth_count *count)
{
	const uint64_t va = amd_kfd_va_reserve(HUGE_SIZE, HUGE_SIZE);
	const uint64_t behind = va + HUGE_SIZE / 2 + getpagesize();
	struct drm_gem_close close = { 0 };
	struct amd_userptr_bo *other;

	igt_assert(va);
	close.handle = failnth_map_plain(mine, AMDGPU_GEM_DOMAIN_VRAM, va, HUGE_SIZE);
	amd_userptr_gpu_fill(mine, va, getpagesize(), 1);
	amd_userptr_gpu_fill(mine, behind, getpagesize(), 2);

	failnth_va(mine, what, inject, count, AMDGPU_VA_OP_CLEAR, NULL, va + HUGE_SIZE / 2,
		   getpagesize());
	other = amd_userptr_tracked(mine, getpagesize(), 3);
	igt_assert_f(gpu_reads(mine, va), "GPU page fault before the part taken out of VRAM\n");
	amd_pattern_check(mine->out.cpu, getpagesize(), 1, "the rest before the part");
	igt_assert_f(gpu_reads(mine, behind), "GPU page fault behind the part taken out of VRAM\n");
	amd_pattern_check(mine->out.cpu, getpagesize(), 2, "the rest behind the part");
	amd_userptr_destroy(mine, other);
	igt_assert_eq(drmIoctl(mine->fd, DRM_IOCTL_GEM_CLOSE, &close), 0);
	amd_kfd_va_release(va, HUGE_SIZE);
	return true;
}

/*
 * Skip if the kernel makes no huge pages of this size.  The attempts run in a child, and only the
 * parent can skip.  With CPU pages larger than 4 KiB the kernel makes these huge pages only if the
 * administrator wants them (/sys/kernel/mm/transparent_hugepage/hugepages-2048kB), so try to get
 * one.
 */
static void require_huge(struct amd_userptr *up)
{
	char *raw, *cpu = map_huge(up, &raw);

	igt_require_f(is_huge(cpu), "the kernel makes no huge pages of 2 MiB\n");
	amd_userptr_munmap(up, raw, 2 * HUGE_SIZE);
}

static void clear_then_close(struct amd_userptr *up)
{
	require_huge(up);
	failnth_run(up, &(struct failnth_case){ .what = "CLEAR in a huge page",
						.attempt = fail_clear });
}

static void clear_vram_then_close(struct amd_userptr *up)
{
	failnth_run(up, &(struct failnth_case){ .what = "CLEAR in a huge page of VRAM",
						.attempt = fail_clear_vram });
}

static void clear_rest(struct amd_userptr *up)
{
	require_huge(up);
	failnth_run(up, &(struct failnth_case){ .what = "CLEAR in a huge page that stays mapped",
						.attempt = fail_clear_rest });
}

static void clear_vram_rest(struct amd_userptr *up)
{
	failnth_run(up, &(struct failnth_case){ .what = "CLEAR in VRAM that stays mapped",
						.attempt = fail_clear_vram_rest });
}

static void replace_then_close(struct amd_userptr *up)
{
	require_huge(up);
	failnth_run(up, &(struct failnth_case){ .what = "REPLACE in a huge page",
						.attempt = fail_replace });
}

const struct amd_userptr_subtest amd_userptr_failnth_huge_subtests[] = {
	{ .name = "clear-huge-close",
	  .run = clear_then_close,
	  .describe =
		  "After a CLEAR in a huge page that ran out of memory, the GPU reaches nothing of a closed BO." },
	{ .name = "clear-huge-close-vram",
	  .run = clear_vram_then_close,
	  .describe =
		  "After a CLEAR in a huge page of VRAM that ran out of memory, the GPU reaches nothing of a closed BO." },
	{ .name = "clear-huge-rest",
	  .run = clear_rest,
	  .describe =
		  "After a CLEAR in a huge page that ran out of memory, the GPU reaches the rest of the page." },
	{ .name = "clear-huge-rest-vram",
	  .run = clear_vram_rest,
	  .describe =
		  "After a CLEAR in a huge page of VRAM that ran out of memory, the GPU reaches the rest of the page." },
	{ .name = "replace-huge-close",
	  .run = replace_then_close,
	  .describe =
		  "After a REPLACE in a huge page that ran out of memory, the GPU reaches nothing of a closed BO." },
};
const unsigned int amd_userptr_num_failnth_huge_subtests =
	ARRAY_LENGTH(amd_userptr_failnth_huge_subtests);
