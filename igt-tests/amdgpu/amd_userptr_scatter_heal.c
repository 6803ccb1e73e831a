// SPDX-License-Identifier: MIT
/*
 * Memory that comes back without an MMU notifier: who maps it again with the VA ioctl has it
 * looked for at once, and beside that the restore worker looks for some of it, in turn.
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

/* include/uapi/asm-generic/mman-common.h; not in every libc */
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE 103
#endif

/* Rounds in which memory goes and comes back while the worker looks. */
enum { RACES = 40 };

/* The worker looks at so many holes at a time (amdgpu_userptr_pages.c), we have more. */
enum { HOLES_AT_A_TIME = 256, STAYING_HOLES = 2 * HOLES_AT_A_TIME, HEALING_HOLES = 40,
       TURNS = (STAYING_HOLES + HEALING_HOLES) / HOLES_AT_A_TIME + 1 };

enum { SEED_BEFORE = 1, SEED_AFTER, SEED_REST = 5, SEED_END = 10 };

static void setup(struct amd_userptr_scatter *scatter, struct amd_userptr *up)
{
	amd_userptr_scatter_pages(scatter, up, FEW_RANGES);
	amd_userptr_scatter_map(scatter, 0);
	amd_kfd_smi_mark(&up->smi);
}

/* What made the hole was an event; what comes now is none. */
static void expect_hole(struct amd_userptr_scatter *scatter)
{
	amd_userptr_expect_evictions(scatter->up, 1);
	scatter_rest_goes_on(scatter, SEED_REST);
	amd_kfd_smi_mark(&scatter->up->smi);
}

/* Map @count pages from @first where they are mapped already. */
static void map_again(struct amd_userptr_scatter *scatter, unsigned int first, unsigned int count)
{
	igt_assert_eq(__amd_userptr_va(scatter->up, AMDGPU_VA_OP_REPLACE, scatter->bo->handle,
				       scatter->va + first * page(), first * page(),
				       count * page(), AMD_USERPTR_RW), 0);
}

/* The memory is back, and the driver does not know; told to look it finds @seed. */
static void expect_healed(struct amd_userptr_scatter *scatter, uint32_t seed)
{
	struct amd_userptr *up = scatter->up;

	amd_userptr_queue_alive(up);
	amd_userptr_expect_no_eviction(up);
	map_again(scatter, VICTIM, 1);
	/* Before anything has to be waited for: nothing runs until the hole was looked at. */
	amd_userptr_gpu_check(up, scatter->va + VICTIM * page(), page(), seed);
	amd_userptr_expect_evictions(up, 1);
	amd_userptr_scatter_roundtrip(scatter, SEED_END);
}

static void after_mmap(struct amd_userptr *up)
{
	struct amd_userptr_scatter scatter;

	setup(&scatter, up);
	igt_assert_eq(munmap(scatter_victim(&scatter), page()), 0);
	expect_hole(&scatter);
	scatter_map_fresh(scatter_victim(&scatter));
	amd_pattern_fill(scatter_victim(&scatter), page(), SEED_AFTER);
	expect_healed(&scatter, SEED_AFTER);
}

static void after_guard(struct amd_userptr *up)
{
	struct amd_userptr_scatter scatter;

	setup(&scatter, up);
	igt_require_f(!madvise(scatter_victim(&scatter), page(), MADV_GUARD_INSTALL),
		      "no guard regions: %s\n", strerror(errno));
	expect_hole(&scatter);
	igt_assert_eq(madvise(scatter_victim(&scatter), page(), MADV_GUARD_REMOVE), 0);
	amd_pattern_fill(scatter_victim(&scatter), page(), SEED_AFTER);
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

/* Someone else provides the page, when it is asked for; the worker does not wait for it. */
static void after_uffd_copy(struct amd_userptr *up)
{
	struct amd_userptr_scatter scatter;
	struct uffdio_copy copy = { .len = page() };
	char *source = (char *)amd_userptr_mmap(up, page(), SEED_AFTER);
	int fd;

	setup(&scatter, up);
	fd = register_uffd(scatter_victim(&scatter), UFFDIO_REGISTER_MODE_MISSING);
	amd_kfd_smi_mark(&up->smi);
	igt_assert_eq(madvise(scatter_victim(&scatter), page(), MADV_DONTNEED), 0);
	expect_hole(&scatter);
	copy.dst = (uintptr_t)scatter_victim(&scatter);
	copy.src = (uintptr_t)source;
	igt_assert_eq(ioctl(fd, UFFDIO_COPY, &copy), 0);
	expect_healed(&scatter, SEED_AFTER);
	close(fd);
}

/* To lift write protection changes page tables: nobody has to be told. */
static void uffd_wp_heals(struct amd_userptr *up)
{
	struct amd_userptr_scatter scatter;
	struct uffdio_writeprotect wp = { .mode = UFFDIO_WRITEPROTECT_MODE_WP };
	int fd;

	setup(&scatter, up);
	fd = register_uffd(scatter_victim(&scatter), UFFDIO_REGISTER_MODE_WP);
	wp.range.start = (uintptr_t)scatter_victim(&scatter);
	wp.range.len = page();
	amd_pattern_fill(scatter_victim(&scatter), page(), SEED_AFTER);
	amd_kfd_smi_mark(&up->smi);
	igt_assert_eq(ioctl(fd, UFFDIO_WRITEPROTECT, &wp), 0);
	expect_hole(&scatter);
	wp.mode = 0;
	igt_assert_eq(ioctl(fd, UFFDIO_WRITEPROTECT, &wp), 0);
	amd_userptr_expect_evictions(up, 1);
	amd_userptr_gpu_check(up, scatter.va + VICTIM * page(), page(), SEED_AFTER);
	amd_userptr_scatter_roundtrip(&scatter, SEED_END);
	close(fd);
}

/* Any mapping of the part will do; where it was mapped before it heals as well. */
static void map_elsewhere(struct amd_userptr *up)
{
	const uint64_t va = amd_kfd_va_reserve(FEW_RANGES * page(), 0);
	struct amd_userptr_scatter scatter;

	igt_assert(va);
	setup(&scatter, up);
	igt_assert_eq(munmap(scatter_victim(&scatter), page()), 0);
	expect_hole(&scatter);
	scatter_map_fresh(scatter_victim(&scatter));
	amd_pattern_fill(scatter_victim(&scatter), page(), SEED_AFTER);

	/* Of parts where nothing is missing it costs no stop of the queues. */
	igt_assert_eq(__amd_userptr_va(up, AMDGPU_VA_OP_MAP, scatter.bo->handle, va, 0,
				       VICTIM * page(), AMD_USERPTR_RW), 0);
	map_again(&scatter, VICTIM + 1, FEW_RANGES - VICTIM - 1);
	amd_userptr_queue_alive(up);
	amd_userptr_expect_no_eviction(up);

	igt_assert_eq(__amd_userptr_va(up, AMDGPU_VA_OP_MAP, scatter.bo->handle,
				       va + VICTIM * page(), VICTIM * page(), 2 * page(),
				       AMD_USERPTR_RW), 0);
	amd_userptr_gpu_check(up, va + VICTIM * page(), page(), SEED_AFTER);
	amd_userptr_expect_evictions(up, 1);
	amd_userptr_gpu_check(up, scatter.va + VICTIM * page(), page(), SEED_AFTER);
	amd_userptr_scatter_roundtrip(&scatter, SEED_END);
	amd_userptr_destroy(up, scatter.bo);
	amd_kfd_va_release(va, FEW_RANGES * page());
}

/* To look in vain changes nothing, and can be done again. */
static void still_missing(struct amd_userptr *up)
{
	struct amd_userptr_scatter scatter;

	setup(&scatter, up);
	igt_assert_eq(munmap(scatter_victim(&scatter), page()), 0);
	expect_hole(&scatter);
	map_again(&scatter, 0, FEW_RANGES);
	expect_hole(&scatter);
	map_again(&scatter, VICTIM, 1);
	expect_hole(&scatter);
	scatter_map_fresh(scatter_victim(&scatter));
	amd_pattern_fill(scatter_victim(&scatter), page(), SEED_AFTER);
	expect_healed(&scatter, SEED_AFTER);
}

/* One range, as without SCATTER: all of it is the hole, and a part of it is enough to ask. */
static void one_range(struct amd_userptr *up)
{
	struct amd_userptr_bo *bo = amd_userptr_tracked(up, FEW_RANGES * page(), SEED_BEFORE);
	char *lost = (char *)bo->cpu + VICTIM * page();

	amd_kfd_smi_mark(&up->smi);
	igt_assert_eq(munmap(lost, page()), 0);
	amd_userptr_expect_evictions(up, 1);
	amd_kfd_smi_mark(&up->smi);
	scatter_map_fresh(lost);
	amd_pattern_fill(bo->cpu, bo->size, SEED_AFTER);
	igt_assert_eq(__amd_userptr_va(up, AMDGPU_VA_OP_REPLACE, bo->handle, bo->va, 0, page(),
				       AMD_USERPTR_RW), 0);
	amd_userptr_gpu_check(up, bo->va, bo->size, SEED_AFTER);
	amd_userptr_expect_evictions(up, 1);
	amd_userptr_roundtrip(up, bo, SEED_END);
}

/*
 * The memory is back at once, while the worker is about to look, looks or has looked: when the
 * VA ioctl has returned nothing runs that has not the memory which was there before it.
 */
static void race(struct amd_userptr *up)
{
	struct amd_userptr_scatter scatter;

	setup(&scatter, up);
	for (unsigned int i = 0; i < RACES; i++) {
		igt_assert_eq(munmap(scatter_victim(&scatter), page()), 0);
		/* Some of the way to the worker, and some of its way. */
		for (unsigned int n = 0; n < i % 8; n++)
			amd_userptr_queue_alive(up);
		scatter_map_fresh(scatter_victim(&scatter));
		amd_pattern_fill(scatter_victim(&scatter), page(), i);
		map_again(&scatter, i % 2 ? VICTIM : 0, i % 2 ? 1 : FEW_RANGES);
		amd_userptr_gpu_check(up, scatter.va + VICTIM * page(), page(), i);
	}
	amd_userptr_scatter_roundtrip(&scatter, SEED_END);
}

/* More holes than are looked at whenever the worker runs: those that stay do not keep others out. */
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
	{ .name = "heal-mmap", .run = after_mmap, .sdma_too = true,
	  .describe = "Memory mapped into a hole is there when it is mapped on the GPU again." },
	{ .name = "heal-guard", .run = after_guard,
	  .describe = "So is that where a guard region was removed." },
	{ .name = "heal-uffd-copy", .run = after_uffd_copy,
	  .describe = "So is a page that a userfaultfd was served with." },
	{ .name = "heal-uffd-wp", .run = uffd_wp_heals,
	  .describe = "Write protection by a userfaultfd heals by itself when it is lifted." },
	{ .name = "heal-elsewhere", .run = map_elsewhere,
	  .describe = "A mapping at another address does as well, one of other parts does nothing." },
	{ .name = "heal-not-yet", .run = still_missing,
	  .describe = "Memory that is still missing stays a hole, and all else goes on." },
	{ .name = "heal-one-range", .run = one_range,
	  .describe = "A BO of one range heals as a whole." },
	{ .name = "heal-race", .run = race,
	  .describe = "Memory that goes and comes back while the worker looks for it." },
	{ .name = "heal-in-turn", .run = in_turn,
	  .describe = "Of many holes all are looked at when the worker has run a few times." },
};
const unsigned int amd_userptr_num_scatter_heal_subtests =
	ARRAY_LENGTH(amd_userptr_scatter_heal_subtests);
