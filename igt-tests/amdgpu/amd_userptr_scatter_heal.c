// SPDX-License-Identifier: MIT
/*
 * Memory comes back to a hole, and no MMU notifier runs.  The driver looks for the memory when the
 * VA ioctl maps that part of the BO again, and the restore worker looks at some holes each time it
 * runs.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "igt.h"

#include "lib/igt_mm.h"

#include "amd_userptr_scatter.h"

/* The values of include/uapi/asm-generic/mman-common.h, which not every libc has. */
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE  103
#endif

/*
 * The number of rounds in which the memory goes and comes back while the worker runs.  After these
 * rounds the test goes on until the memory has come back during a restore at least once.
 */
enum { RACES = 40 };

/*
 * The worker looks at HOLES_AT_A_TIME holes in one run (amdgpu_userptr_pages.c).  The test makes
 * more holes, and gives memory back to HEALING_HOLES of them.  After TURNS runs the worker must
 * have looked at each hole.
 */
enum {
	HOLES_AT_A_TIME = 256,
	STAYING_HOLES = 2 * HOLES_AT_A_TIME,
	HEALING_HOLES = 40,
	TURNS = (STAYING_HOLES + HEALING_HOLES) / HOLES_AT_A_TIME + 1
};

enum { SEED_BEFORE = 1, SEED_AFTER, SEED_REST = 5, SEED_END = 10 };

static void setup(struct amd_userptr_scatter *scatter, struct amd_userptr *up)
{
	amd_userptr_scatter_pages(scatter, up, FEW_RANGES);
	amd_userptr_scatter_map(scatter, 0);
	amd_kfd_smi_mark(&up->smi);
}

/*
 * Assert that the driver evicted the queues, because the memory went or because the driver looked
 * at the hole again.  There may be several evictions, because MADV_GUARD_INSTALL drops the page
 * again if the driver has faulted it in meanwhile.  Then assert that the other ranges work, and
 * count evictions from here on.
 */
static void expect_hole(struct amd_userptr_scatter *scatter)
{
	amd_userptr_expect_evictions(scatter->up, 0);
	scatter_rest_goes_on(scatter, SEED_REST);
	amd_kfd_smi_mark(&scatter->up->smi);
}

/* Map @count pages from page @first on again, at the address where they are mapped already. */
static void map_again(struct amd_userptr_scatter *scatter, unsigned int first, unsigned int count)
{
	igt_assert_eq(__amd_userptr_va(scatter->up, AMDGPU_VA_OP_REPLACE, scatter->bo->handle,
				       scatter->va + first * page(), first * page(), count * page(),
				       AMD_USERPTR_RW),
		      0);
}

/*
 * The memory has come back without an eviction of the queues.  Assert that the driver finds the
 * memory, with the pattern of @seed, when the VA ioctl maps the range again.
 */
static void expect_healed(struct amd_userptr_scatter *scatter, uint32_t seed)
{
	struct amd_userptr *up = scatter->up;

	amd_userptr_queue_alive(up);
	amd_userptr_expect_no_eviction(up);
	map_again(scatter, CHANGED, 1);
	/* No wait is needed, because no queue runs until the driver has looked at the hole. */
	amd_userptr_gpu_check(up, scatter->va + CHANGED * page(), page(), seed);
	amd_userptr_expect_evictions(up, 1);
	amd_userptr_scatter_roundtrip(scatter, SEED_END);
}

static void after_mmap(struct amd_userptr *up)
{
	struct amd_userptr_scatter scatter;

	setup(&scatter, up);
	igt_assert_eq(munmap(scatter_changed(&scatter), page()), 0);
	expect_hole(&scatter);
	scatter_map_fresh(scatter_changed(&scatter));
	amd_pattern_fill(scatter_changed(&scatter), page(), SEED_AFTER);
	expect_healed(&scatter, SEED_AFTER);
}

static void after_guard(struct amd_userptr *up)
{
	struct amd_userptr_scatter scatter;

	setup(&scatter, up);
	igt_require_f(!madvise(scatter_changed(&scatter), page(), MADV_GUARD_INSTALL),
		      "no guard regions: %s\n", strerror(errno));
	expect_hole(&scatter);
	igt_assert_eq(madvise(scatter_changed(&scatter), page(), MADV_GUARD_REMOVE), 0);
	amd_pattern_fill(scatter_changed(&scatter), page(), SEED_AFTER);
	expect_healed(&scatter, SEED_AFTER);
}

static int register_uffd(void *addr, uint64_t mode)
{
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = {
		.range = { .start = (uintptr_t)addr, .len = page() },
		.mode = mode,
	};

	igt_require_f(fd >= 0, "no userfaultfd: %s\n", strerror(errno));
	igt_assert_eq(ioctl(fd, UFFDIO_API, &api), 0);
	igt_assert_eq(ioctl(fd, UFFDIO_REGISTER, &reg), 0);
	return fd;
}

/*
 * The page comes through a userfaultfd.  The worker's page fault cannot wait for user space,
 * because hmm_range_fault() does not set FAULT_FLAG_ALLOW_RETRY, so the range becomes a hole.
 * After UFFDIO_COPY has provided the page, mapping the range again makes the driver find it.
 */
static void after_uffd_copy(struct amd_userptr *up)
{
	struct amd_userptr_scatter scatter;
	struct uffdio_copy copy = { .len = page() };
	char *source = (char *)amd_userptr_mmap(up, page(), SEED_AFTER);
	int fd;

	setup(&scatter, up);
	fd = register_uffd(scatter_changed(&scatter), UFFDIO_REGISTER_MODE_MISSING);
	amd_kfd_smi_mark(&up->smi);
	igt_assert_eq(madvise(scatter_changed(&scatter), page(), MADV_DONTNEED), 0);
	expect_hole(&scatter);
	copy.dst = (uintptr_t)scatter_changed(&scatter);
	copy.src = (uintptr_t)source;
	igt_assert_eq(ioctl(fd, UFFDIO_COPY, &copy), 0);
	expect_healed(&scatter, SEED_AFTER);
	close(fd);
}

/* Lifting the write protection changes page tables, so it evicts the queues by itself. */
static void uffd_wp_heals(struct amd_userptr *up)
{
	struct amd_userptr_scatter scatter;
	struct uffdio_writeprotect wp = { .mode = UFFDIO_WRITEPROTECT_MODE_WP };
	int fd;

	setup(&scatter, up);
	fd = register_uffd(scatter_changed(&scatter), UFFDIO_REGISTER_MODE_WP);
	wp.range.start = (uintptr_t)scatter_changed(&scatter);
	wp.range.len = page();
	amd_pattern_fill(scatter_changed(&scatter), page(), SEED_AFTER);
	amd_kfd_smi_mark(&up->smi);
	igt_assert_eq(ioctl(fd, UFFDIO_WRITEPROTECT, &wp), 0);
	expect_hole(&scatter);
	wp.mode = 0;
	igt_assert_eq(ioctl(fd, UFFDIO_WRITEPROTECT, &wp), 0);
	amd_userptr_expect_evictions(up, 1);
	amd_userptr_gpu_check(up, scatter.va + CHANGED * page(), page(), SEED_AFTER);
	amd_userptr_scatter_roundtrip(&scatter, SEED_END);
	close(fd);
}

/*
 * When the VA ioctl maps the hole at another address, the driver looks for the memory of the hole,
 * and the old mapping gets that memory as well.
 */
static void map_elsewhere(struct amd_userptr *up)
{
	const uint64_t va = amd_kfd_va_reserve(FEW_RANGES * page(), 0);
	struct amd_userptr_scatter scatter;

	igt_assert(va);
	setup(&scatter, up);
	igt_assert_eq(munmap(scatter_changed(&scatter), page()), 0);
	expect_hole(&scatter);
	scatter_map_fresh(scatter_changed(&scatter));
	amd_pattern_fill(scatter_changed(&scatter), page(), SEED_AFTER);

	/* Mapping parts without a hole evicts no queue. */
	igt_assert_eq(__amd_userptr_va(up, AMDGPU_VA_OP_MAP, scatter.bo->handle, va, 0,
				       CHANGED * page(), AMD_USERPTR_RW),
		      0);
	map_again(&scatter, CHANGED + 1, FEW_RANGES - CHANGED - 1);
	amd_userptr_queue_alive(up);
	amd_userptr_expect_no_eviction(up);

	igt_assert_eq(__amd_userptr_va(up, AMDGPU_VA_OP_MAP, scatter.bo->handle,
				       va + CHANGED * page(), CHANGED * page(), 2 * page(),
				       AMD_USERPTR_RW),
		      0);
	amd_userptr_gpu_check(up, va + CHANGED * page(), page(), SEED_AFTER);
	amd_userptr_expect_evictions(up, 1);
	amd_userptr_gpu_check(up, scatter.va + CHANGED * page(), page(), SEED_AFTER);
	amd_userptr_scatter_roundtrip(&scatter, SEED_END);
	amd_userptr_destroy(up, scatter.bo);
	amd_kfd_va_release(va, FEW_RANGES * page());
}

/*
 * When the memory is still missing, the range stays a hole, and the driver looks again when the VA
 * ioctl maps the range the next time.
 */
static void still_missing(struct amd_userptr *up)
{
	struct amd_userptr_scatter scatter;

	setup(&scatter, up);
	igt_assert_eq(munmap(scatter_changed(&scatter), page()), 0);
	expect_hole(&scatter);
	map_again(&scatter, 0, FEW_RANGES);
	expect_hole(&scatter);
	map_again(&scatter, CHANGED, 1);
	expect_hole(&scatter);
	scatter_map_fresh(scatter_changed(&scatter));
	amd_pattern_fill(scatter_changed(&scatter), page(), SEED_AFTER);
	expect_healed(&scatter, SEED_AFTER);
}

/*
 * The driver makes one segment of a range of this size.  When a page of the segment is missing, the
 * whole segment is a hole, and when the VA ioctl maps a part of it, the driver looks for all of it.
 */
static void one_range(struct amd_userptr *up)
{
	struct amd_userptr_bo *bo = amd_userptr_tracked(up, FEW_RANGES * page(), SEED_BEFORE);
	char *lost = (char *)bo->cpu + CHANGED * page();

	amd_kfd_smi_mark(&up->smi);
	igt_assert_eq(munmap(lost, page()), 0);
	amd_userptr_expect_evictions(up, 1);
	amd_kfd_smi_mark(&up->smi);
	scatter_map_fresh(lost);
	amd_pattern_fill(bo->cpu, bo->size, SEED_AFTER);
	igt_assert_eq(__amd_userptr_va(up, AMDGPU_VA_OP_REPLACE, bo->handle, bo->va, 0, page(),
				       AMD_USERPTR_RW),
		      0);
	amd_userptr_gpu_check(up, bo->va, bo->size, SEED_AFTER);
	amd_userptr_expect_evictions(up, 1);
	amd_userptr_roundtrip(up, bo, SEED_END);
}

/*
 * The memory comes back before, while or after the worker looks for it.  In each case the GPU must
 * use it after the VA ioctl has returned.
 */
static void race(struct amd_userptr *up)
{
	const uint64_t deadline = igt_now_ms() + 2 * AMD_USERPTR_WAIT_MS;
	unsigned int during = 0;
	struct amd_userptr_scatter scatter;

	setup(&scatter, up);
	for (unsigned int i = 0; i < RACES || (!during && igt_now_ms() < deadline); i++) {
		amd_kfd_smi_mark(&up->smi);
		igt_assert_eq(munmap(scatter_changed(&scatter), page()), 0);
		/* In each round give the worker another amount of time. */
		for (unsigned int n = 0; n < i % 8; n++)
			amd_userptr_queue_alive(up);
		scatter_map_fresh(scatter_changed(&scatter));
		amd_pattern_fill(scatter_changed(&scatter), page(), i);
		/*
		 * In these rounds no queue has run since the munmap(), so the restore may still be
		 * under way.  In other rounds the restore was over before the memory came back.
		 */
		if (i % 8 == 0)
			during += amd_userptr_queues_evicted(up);
		map_again(&scatter, i % 2 ? CHANGED : 0, i % 2 ? 1 : FEW_RANGES);
		amd_userptr_gpu_check(up, scatter.va + CHANGED * page(), page(), i);
	}
	igt_info("the memory came back %u times during a restore\n", during);
	igt_assert_lt(0, during);
	amd_userptr_scatter_roundtrip(&scatter, SEED_END);
}

/*
 * Make more holes than the worker looks at in one run.  The worker has to look at other holes in
 * the next run, so that it finds all memory that has come back.
 */
static void in_turn(struct amd_userptr *up)
{
	const unsigned int count = STAYING_HOLES + HEALING_HOLES + 1;
	struct amd_userptr_scatter scatter;
	char *cpu = amd_userptr_scatter_pages(&scatter, up, count);

	amd_userptr_scatter_map(&scatter, 0);
	amd_kfd_smi_mark(&up->smi);
	igt_assert_eq(munmap(cpu + 2 * page(), (2 * count - 2) * page()), 0);
	amd_userptr_expect_evictions(up, 0);
	for (unsigned int i = STAYING_HOLES + 1; i < count; i++) {
		scatter_map_fresh(cpu + 2 * i * page());
		amd_pattern_fill(cpu + 2 * i * page(), page(), i);
	}
	for (unsigned int turn = 0; turn < TURNS; turn++) {
		amd_kfd_smi_mark(&up->smi);
		igt_assert_eq(__igt_mm_poke(cpu, page()), 0);
		amd_userptr_expect_evictions(up, 0);
	}
	for (unsigned int i = 0; i < count; i++) {
		const uint64_t index = (scatter.ranges[i].addr - (uintptr_t)cpu) / (2 * page());

		if (index > STAYING_HOLES)
			amd_userptr_gpu_check(up, scatter.va + i * page(), page(), index);
	}
}

const struct amd_userptr_subtest amd_userptr_scatter_heal_subtests[] = {
	{ .name = "heal-mmap",
	  .run = after_mmap,
	  .sdma_too = true,
	  .describe =
		  "The GPU gets memory that mmap() put into a hole when that part is mapped again." },
	{ .name = "heal-guard",
	  .run = after_guard,
	  .describe =
		  "The GPU gets memory of a removed guard region when that part is mapped again." },
	{ .name = "heal-uffd-copy",
	  .run = after_uffd_copy,
	  .describe = "The GPU gets a page of UFFDIO_COPY when that part is mapped again." },
	{ .name = "heal-uffd-wp",
	  .run = uffd_wp_heals,
	  .describe =
		  "The GPU gets the memory when the write protection of a userfaultfd is lifted." },
	{ .name = "heal-elsewhere",
	  .run = map_elsewhere,
	  .describe =
		  "Mapping a hole at another address makes the driver look for its memory; mapping other parts does not." },
	{ .name = "heal-not-yet",
	  .run = still_missing,
	  .describe =
		  "A hole whose memory is still missing stays a hole, and the other ranges work." },
	{ .name = "heal-one-range",
	  .run = one_range,
	  .describe = "A BO of one small range gets all memory back when a part is mapped again." },
	{ .name = "heal-race",
	  .run = race,
	  .describe =
		  "The GPU gets memory that goes and comes back while the worker looks for it." },
	{ .name = "heal-in-turn",
	  .run = in_turn,
	  .describe = "The worker looks at each of many holes within a few runs." },
};
const unsigned int amd_userptr_num_scatter_heal_subtests =
	ARRAY_LENGTH(amd_userptr_scatter_heal_subtests);
