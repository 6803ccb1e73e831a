// SPDX-License-Identifier: MIT
/*
 * GEM userptrs with AMDGPU_GEM_USERPTR_HSA.  When the CPU's page tables change, the driver evicts
 * the process's KFD queues, updates the GPU mapping and restores the queues.
 *
 * Every subtest asserts by KFD's SMI events that the queues were evicted and restored (or that they
 * were not, if no page changed), and compares every byte on the CPU and on the GPU.  This file has
 * subtests in which memory is dropped, copied or protected; amd_userptr_hsa_move.c moves pages,
 * _long.c changes pages of a long range, _lifetime.c ends BOs and processes, _busy.c has queues at
 * work, _evict.c has evictions by TTM, and _fault.c has GPU page faults.
 */
#include <sys/mman.h>

#include "igt.h"

#include "lib/amdgpu/amd_userptr_area.h"
#include "lib/igt_gate.h"

#include "amd_userptr_hsa.h"

IGT_TEST_DESCRIPTION("CPU page table changes under GEM userptrs that only KFD queues access.");

static void map_and_access(struct amd_userptr *up)
{
	struct amd_userptr_bo *bo = amd_userptr_tracked(up, AMD_USERPTR_SIZE, 1);

	amd_kfd_smi_mark(&up->smi);
	amd_userptr_gpu_check(up, bo->va, bo->size, 1);
	amd_userptr_roundtrip(up, bo, 2);
	amd_userptr_unmap(up, bo);
	amd_userptr_destroy(up, bo);
	amd_userptr_queue_alive(up);
	amd_userptr_expect_no_eviction(up);
}

static void fork_cow(struct amd_userptr *up)
{
	struct amd_userptr_bo *bo = amd_userptr_tracked(up, AMD_USERPTR_SIZE, 1);
	struct igt_gate written;

	igt_gate_init(&written);
	amd_kfd_smi_mark(&up->smi);
	igt_fork(child, 1) {
		igt_assert(igt_gate_is_open(&written, AMD_USERPTR_WAIT_MS));
		amd_pattern_check(bo->cpu, bo->size, 1, "copy of the child");
	}
	amd_userptr_expect_evictions(up, 0);
	amd_userptr_gpu_check(up, bo->va, bo->size, 1);
	amd_userptr_roundtrip(up, bo, 2);

	igt_gate_open(&written);
	igt_waitchildren_timeout(AMD_USERPTR_WAIT_MS / 1000, "the child's comparison");
	amd_userptr_roundtrip(up, bo, 4);
	amd_userptr_expect_evictions(up, 0);
	igt_gate_fini(&written);
}

static void madvise_dontneed(struct amd_userptr *up)
{
	struct amd_userptr_bo *bo = amd_userptr_tracked(up, AMD_USERPTR_SIZE, 1);
	const unsigned int page = AMD_USERPTR_PAGES / 2;
	const size_t before = page * getpagesize();

	amd_kfd_smi_mark(&up->smi);
	amd_userptr_dontneed(bo);
	amd_userptr_expect_evictions(up, 1);
	amd_userptr_gpu_check_zero(up, bo->va, bo->size);
	amd_pattern_check_zero(bo->cpu, bo->size, "fresh pages");
	amd_userptr_roundtrip(up, bo, 2);

	/*
	 * Drop one page in the middle.  The other pages must still contain seed 3, which the CPU
	 * stored last in the round trip.
	 */
	amd_kfd_smi_mark(&up->smi);
	igt_assert_eq(madvise(amd_userptr_page(bo, page), getpagesize(), MADV_DONTNEED), 0);
	amd_userptr_expect_evictions(up, 1);
	amd_userptr_gpu_check(up, bo->va, before, 3);
	amd_userptr_gpu_check_zero(up, bo->va + before, getpagesize());
	amd_userptr_roundtrip(up, bo, 4);
}

/*
 * MADV_FREE lets the kernel drop pages to which nothing is stored afterwards.  A store of the GPU
 * must count like a store of the CPU, so each page that the GPU stores to keeps its content.
 * amd_userptr_stores tests whether reclaim keeps such pages.
 */
static void madvise_free(struct amd_userptr *up)
{
	struct amd_userptr_bo *bo = amd_userptr_tracked(up, AMD_USERPTR_SIZE, 1);

	amd_kfd_smi_mark(&up->smi);
	igt_assert_eq(madvise(bo->cpu, bo->size, MADV_FREE), 0);
	amd_userptr_expect_evictions(up, 1);
	/* The kernel has dropped nothing yet, because there is enough memory. */
	amd_userptr_gpu_check(up, bo->va, bo->size, 1);
	amd_userptr_roundtrip(up, bo, 2);
}

static void madvise_cold(struct amd_userptr *up)
{
	struct amd_userptr_bo *bo = amd_userptr_tracked(up, AMD_USERPTR_SIZE, 1);

	amd_kfd_smi_mark(&up->smi);
	igt_assert_eq(madvise(bo->cpu, bo->size, MADV_COLD), 0);
	amd_userptr_gpu_check(up, bo->va, bo->size, 1);
	amd_userptr_roundtrip(up, bo, 2);
	amd_userptr_expect_no_eviction(up);
}

static void partial_unmap(struct amd_userptr *up)
{
	const int prot = PROT_READ | PROT_WRITE;
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
	const size_t hole = 4 * getpagesize();
	struct amd_userptr_bo *bo = amd_userptr_tracked(up, AMD_USERPTR_SIZE, 1);
	struct amd_userptr_bo *other = amd_userptr_tracked(up, AMD_USERPTR_SIZE, 2);
	void *addr = amd_userptr_page(bo, AMD_USERPTR_PAGES / 4);

	amd_kfd_smi_mark(&up->smi);
	igt_assert_eq(munmap(addr, hole), 0);
	amd_userptr_expect_evictions(up, 1);
	amd_userptr_roundtrip(up, other, 3);

	/*
	 * No notifier runs for mmap() in a hole, so the driver looks for the memory at the next
	 * restore.  Drop the pages of the other BO to get one.
	 */
	igt_assert(mmap(addr, hole, prot, flags, -1, 0) == addr);
	amd_pattern_fill(bo->cpu, bo->size, 5);
	amd_kfd_smi_mark(&up->smi);
	amd_userptr_dontneed(other);
	amd_userptr_expect_evictions(up, 1);
	amd_userptr_gpu_check(up, bo->va, bo->size, 5);
	amd_userptr_roundtrip(up, bo, 6);
	amd_userptr_roundtrip(up, other, 8);
}

static void mprotect_read(struct amd_userptr *up)
{
	struct amd_userptr_bo *bo = amd_userptr_tracked(up, AMD_USERPTR_SIZE, 1);
	struct amd_userptr_bo *other = amd_userptr_tracked(up, AMD_USERPTR_SIZE, 2);

	amd_kfd_smi_mark(&up->smi);
	igt_assert_eq(mprotect(bo->cpu, bo->size, PROT_READ), 0);
	amd_userptr_expect_evictions(up, 1);
	amd_userptr_roundtrip(up, other, 3);
	amd_pattern_check(bo->cpu, bo->size, 1, "made read-only");

	amd_kfd_smi_mark(&up->smi);
	igt_assert_eq(mprotect(bo->cpu, bo->size, PROT_READ | PROT_WRITE), 0);
	amd_userptr_expect_evictions(up, 1);
	amd_userptr_gpu_check(up, bo->va, bo->size, 1);
	amd_userptr_roundtrip(up, bo, 5);
}

static void invalidate_before_va_map(struct amd_userptr *up)
{
	void *cpu = amd_userptr_mmap(up, AMD_USERPTR_SIZE, 1);
	struct amd_userptr_bo *bo =
		amd_userptr_create(up, cpu, AMD_USERPTR_SIZE, AMD_USERPTR_TRACKED);

	/*
	 * The driver tracks the pages from the creation of the BO, not only from the first GPU
	 * mapping.
	 */
	amd_kfd_smi_mark(&up->smi);
	amd_userptr_dontneed(bo);
	amd_userptr_expect_evictions(up, 1);

	amd_userptr_map(up, bo);
	amd_userptr_gpu_check_zero(up, bo->va, bo->size);
	amd_userptr_roundtrip(up, bo, 2);
}

static void invalidate_after_va_unmap(struct amd_userptr *up)
{
	struct amd_userptr_bo *bo = amd_userptr_tracked(up, AMD_USERPTR_SIZE, 1);

	amd_userptr_roundtrip(up, bo, 2);
	amd_userptr_unmap(up, bo);
	amd_kfd_smi_mark(&up->smi);
	amd_userptr_dontneed(bo);
	amd_userptr_expect_evictions(up, 1);
	amd_userptr_queue_alive(up);

	amd_userptr_map(up, bo);
	amd_userptr_gpu_check_zero(up, bo->va, bo->size);
	amd_userptr_roundtrip(up, bo, 4);
}

static void two_mappings(struct amd_userptr *up)
{
	struct amd_userptr_bo *bo = amd_userptr_tracked(up, AMD_USERPTR_SIZE, 1);
	uint64_t second = amd_kfd_va_reserve(AMD_USERPTR_SIZE, 0);

	igt_assert(second);
	igt_assert_eq(__amd_userptr_va(up, AMDGPU_VA_OP_MAP, bo->handle, second, 0,
				       AMD_USERPTR_SIZE, AMD_USERPTR_RW),
		      0);
	amd_userptr_gpu_check(up, second, AMD_USERPTR_SIZE, 1);

	amd_kfd_smi_mark(&up->smi);
	amd_userptr_dontneed(bo);
	amd_userptr_expect_evictions(up, 1);
	amd_userptr_gpu_check_zero(up, second, AMD_USERPTR_SIZE);
	amd_userptr_gpu_fill(up, second, AMD_USERPTR_SIZE, 2);
	amd_userptr_gpu_check(up, bo->va, AMD_USERPTR_SIZE, 2);
	amd_pattern_check(bo->cpu, AMD_USERPTR_SIZE, 2,
			  "written by the GPU through the second mapping");

	igt_assert_eq(__amd_userptr_va(up, AMDGPU_VA_OP_UNMAP, bo->handle, second, 0,
				       AMD_USERPTR_SIZE, 0),
		      0);
	amd_kfd_va_release(second, AMD_USERPTR_SIZE);
	amd_userptr_roundtrip(up, bo, 3);
}

/*
 * REPLACE the mapping of a huge page by a mapping of small pages.  In the page directory the
 * address of a page table takes the place of the entry that mapped the huge page.  The TLB still
 * contains the old entry, so the driver has to flush the TLB.
 */
static void va_replace_huge(struct amd_userptr *up)
{
	struct amd_userptr_area area;
	const char *reason = amd_userptr_area_init(&area, up, amd_userptr_backing("thp"), true);
	struct amd_userptr_bo *bo, *small;

	igt_require_f(!reason, "%s\n", reason);
	amd_pattern_fill(area.cpu, area.size, 1);
	igt_assert(amd_userptr_area_is_contiguous(&area));
	bo = amd_userptr_create(up, area.cpu, area.size, AMD_USERPTR_TRACKED);
	small = amd_userptr_create(up, amd_userptr_mmap(up, area.size, 2), area.size,
				   AMD_USERPTR_TRACKED);
	bo->va = amd_kfd_va_reserve(area.size, area.size);
	igt_assert(bo->va);
	igt_assert_eq(__amd_userptr_va(up, AMDGPU_VA_OP_MAP, bo->handle, bo->va, 0, area.size,
				       AMD_USERPTR_RW),
		      0);
	amd_userptr_gpu_check(up, bo->va, area.size, 1);
	igt_assert_eq(__amd_userptr_va(up, AMDGPU_VA_OP_REPLACE, small->handle, bo->va, 0,
				       area.size, AMD_USERPTR_RW),
		      0);
	amd_userptr_gpu_check(up, bo->va, area.size, 2);
	amd_userptr_gpu_fill(up, bo->va, area.size, 3);
	amd_pattern_check(small->cpu, area.size, 3, "written by the GPU");
	amd_pattern_check(area.cpu, area.size, 1, "no longer mapped on the GPU");
	amd_userptr_area_fini(&area);
}

static void readonly(struct amd_userptr *up)
{
	uint32_t *copy = amd_userptr_mmap(up, AMD_USERPTR_SIZE, 1);
	int fd = memfd_create("amd_userptr", MFD_CLOEXEC);
	struct amd_userptr_bo *bo;
	void *cpu;

	igt_assert_fd(fd);
	igt_assert_eq(write(fd, copy, AMD_USERPTR_SIZE), AMD_USERPTR_SIZE);
	cpu = mmap(NULL, AMD_USERPTR_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	amd_userptr_adopt(up, cpu, AMD_USERPTR_SIZE);
	bo = amd_userptr_create(up, cpu, AMD_USERPTR_SIZE,
				AMD_USERPTR_TRACKED | AMDGPU_GEM_USERPTR_READONLY);
	amd_userptr_map(up, bo);
	amd_userptr_gpu_check(up, bo->va, AMD_USERPTR_SIZE, 1);

	/*
	 * The CPU's stores put private pages in the place of the file's pages, and the GPU has to
	 * use the private pages as well.
	 */
	amd_kfd_smi_mark(&up->smi);
	amd_pattern_fill(cpu, AMD_USERPTR_SIZE, 2);
	amd_userptr_expect_evictions(up, 0);
	amd_userptr_gpu_check(up, bo->va, AMD_USERPTR_SIZE, 2);
	igt_assert_eq(pread(fd, copy, AMD_USERPTR_SIZE, 0), AMD_USERPTR_SIZE);
	amd_pattern_check(copy, AMD_USERPTR_SIZE, 1, "the file");
	close(fd);
}

static const struct amd_userptr_subtest basic[] = {
	{ .name = "map-and-access",
	  .run = map_and_access,
	  .sdma_too = true,
	  .describe =
		  "GPU and CPU share the pages of a mapped userptr, and mapping it evicts no queue." },
	{ .name = "fork-cow",
	  .run = fork_cow,
	  .sdma_too = true,
	  .describe = "After a fork the GPU writes to the parent's pages, never to the child's." },
	{ .name = "madvise-dontneed",
	  .run = madvise_dontneed,
	  .sdma_too = true,
	  .describe = "The GPU gets the new pages after MADV_DONTNEED of all pages or of one." },
	{ .name = "madvise-free",
	  .run = madvise_free,
	  .sdma_too = true,
	  .describe = "CPU and GPU share the pages after MADV_FREE." },
	{ .name = "madvise-cold",
	  .run = madvise_cold,
	  .sdma_too = true,
	  .describe = "Pages that become cold stay in place, so no queue is evicted." },
	{ .name = "partial-unmap",
	  .run = partial_unmap,
	  .describe =
		  "A hole does not keep the queues evicted, and the GPU gets memory that is mapped there later." },
	{ .name = "mprotect-read",
	  .run = mprotect_read,
	  .describe =
		  "Queues are restored when the CPU loses write access, and the GPU maps the memory again when the CPU gets it back." },
	{ .name = "invalidate-before-va-map",
	  .run = invalidate_before_va_map,
	  .describe = "The driver tracks the pages before the first GPU mapping." },
	{ .name = "invalidate-after-va-unmap",
	  .run = invalidate_after_va_unmap,
	  .describe = "A GPU mapping that is made after the event has the new pages." },
	{ .name = "two-mappings",
	  .run = two_mappings,
	  .describe = "The driver updates every GPU mapping of a userptr." },
	{ .name = "va-replace-huge",
	  .run = va_replace_huge,
	  .describe = "REPLACE of a huge page's mapping by small pages takes effect at once." },
	{ .name = "readonly",
	  .run = readonly,
	  .describe =
		  "The GPU gets the copy when the CPU writes to a page of a private file mapping." },
};

static struct amd_userptr up;

int igt_main()
{
	igt_fixture()
		amd_userptr_fixture_open(&up);

	igt_subtest_group() {
		igt_fixture()
			amd_userptr_require_flag(&up);
		amd_userptr_run_subtests(&up, basic, ARRAY_LENGTH(basic));
		amd_userptr_run_subtests(&up, amd_userptr_move_subtests,
					 amd_userptr_num_move_subtests);
		amd_userptr_run_subtests(&up, amd_userptr_long_subtests,
					 amd_userptr_num_long_subtests);
		amd_userptr_run_subtests(&up, amd_userptr_lifetime_subtests,
					 amd_userptr_num_lifetime_subtests);
		amd_userptr_run_subtests(&up, amd_userptr_busy_subtests,
					 amd_userptr_num_busy_subtests);
		amd_userptr_run_subtests(&up, amd_userptr_evict_subtests,
					 amd_userptr_num_evict_subtests);
		amd_userptr_run_subtests(&up, amd_userptr_fault_subtests,
					 amd_userptr_num_fault_subtests);
	}

	/*
	 * This subtest makes a userptr without the flag, so it runs on kernels without the series,
	 * too.
	 */
	amd_userptr_run_subtests(&up, &amd_userptr_stock_gap, 1);

	igt_fixture()
		amd_userptr_fixture_close(&up);
}
