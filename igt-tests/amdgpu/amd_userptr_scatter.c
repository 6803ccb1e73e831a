// SPDX-License-Identifier: MIT
/*
 * GEM userptrs of many ranges (AMDGPU_GEM_USERPTR_SCATTER) under KFD queues.
 *
 * The subtests of this file compare the bytes that the CPU and the GPU find, in BOs with different
 * numbers, orders and kinds of ranges.  The files amd_userptr_scatter_*.c test the rules of the
 * ioctl, the VA ioctl, page table writes and races.
 */
#include <errno.h>
#include <unistd.h>
#include <sys/mman.h>

#include "igt.h"

#include "lib/amdgpu/amd_userptr_area.h"
#include "lib/amdgpu/amd_userptr_fault.h"
#include "lib/igt_mm.h"

#include "amd_userptr_scatter.h"

IGT_TEST_DESCRIPTION("GEM userptrs of many ranges that only KFD queues access.");

/* Make a BO of @count ranges, and compare all bytes after stores of the GPU and of the CPU. */
static void count_all(struct amd_userptr *up, unsigned int count)
{
	struct amd_userptr_scatter scatter;

	amd_userptr_scatter_pages(&scatter, up, count);
	amd_userptr_scatter_map(&scatter, 0);
	amd_kfd_smi_mark(&up->smi);
	amd_userptr_scatter_reads(&scatter, 0, amd_userptr_scatter_size(&scatter));
	amd_userptr_scatter_roundtrip(&scatter, 1);
	amd_userptr_unmap(up, scatter.bo);
	amd_userptr_destroy(up, scatter.bo);
	amd_userptr_queue_alive(up);
	amd_userptr_expect_no_eviction(up);
}

static void count_1(struct amd_userptr *up)
{
	count_all(up, 1);
}

static void count_16(struct amd_userptr *up)
{
	count_all(up, 16);
}

static void count_256(struct amd_userptr *up)
{
	count_all(up, 256);
}

static void count_4096(struct amd_userptr *up)
{
	count_all(up, MANY_RANGES);
}

static void count_100000(struct amd_userptr *up)
{
	const unsigned int samples = 8;
	const uint64_t step = MOST_RANGES / samples * page();
	struct amd_userptr_scatter scatter;
	char *cpu = shared_pages(&scatter, up, MOST_RANGES);

	amd_userptr_scatter_map(&scatter, 0);
	for (unsigned int i = 0; i < samples; i++)
		amd_userptr_scatter_reads(&scatter, i * step, 64 * page());
	amd_userptr_scatter_reads(&scatter, (MOST_RANGES - 1) * page(), page());

	amd_kfd_smi_mark(&up->smi);
	igt_assert_eq(madvise(cpu, 4 * page(), MADV_DONTNEED), 0);
	amd_userptr_expect_evictions(up, 0);
	for (unsigned int i = 0; i < MOST_RANGES; i++) {
		const uint64_t addr = scatter.ranges[i].addr;

		if (addr < (uintptr_t)cpu + 4 * page())
			amd_userptr_gpu_check_zero(up, scatter.va + i * page(), page());
	}
	amd_userptr_scatter_writes(&scatter, 3 * step, page(), 1);
}

static void in_order(struct amd_userptr *up)
{
	struct amd_userptr_scatter scatter;
	char *cpu = amd_userptr_scatter_pages(&scatter, up, FEW_RANGES);

	for (unsigned int i = 0; i < FEW_RANGES; i++)
		scatter.ranges[i].addr = (uintptr_t)cpu + 2 * i * page();
	amd_userptr_scatter_map(&scatter, 0);
	amd_userptr_scatter_roundtrip(&scatter, 1);
}

/* Ranges that are neighbours in the BO and in the address space, so the driver may merge them. */
static void adjacent(struct amd_userptr *up)
{
	char *cpu = (char *)amd_userptr_mmap(up, FEW_RANGES * page(), 1);
	struct amd_userptr_scatter scatter;

	amd_userptr_scatter_init(&scatter, up, FEW_RANGES);
	for (unsigned int i = 0; i < FEW_RANGES; i++)
		amd_userptr_scatter_add(&scatter, cpu + i * page(), page(), 0);
	amd_userptr_scatter_map(&scatter, 0);
	amd_userptr_scatter_roundtrip(&scatter, 1);
	amd_kfd_smi_mark(&up->smi);
	igt_assert_eq(madvise(cpu + 5 * page(), page(), MADV_DONTNEED), 0);
	amd_userptr_expect_evictions(up, 1);
	amd_userptr_gpu_check_zero(up, scatter.va + 5 * page(), page());
	amd_userptr_scatter_roundtrip(&scatter, 2);
}

static void reversed(struct amd_userptr *up)
{
	char *cpu = (char *)amd_userptr_mmap(up, 256 * page(), 1);
	struct amd_userptr_scatter scatter;

	amd_userptr_scatter_init(&scatter, up, 256);
	for (unsigned int i = 0; i < 256; i++)
		amd_userptr_scatter_add(&scatter, cpu + i * page(), page(), 0);
	amd_userptr_scatter_reverse(&scatter);
	amd_userptr_scatter_map(&scatter, 0);
	amd_userptr_scatter_roundtrip(&scatter, 1);
	amd_kfd_smi_mark(&up->smi);
	igt_assert_eq(__igt_mm_fork_and_write(cpu, 256 * page()), 0);
	amd_userptr_expect_evictions(up, 0);
	amd_userptr_scatter_roundtrip(&scatter, 2);
}

/*
 * The GPU stores through range @from, and then has to read the same bytes through the other ranges
 * of the same memory.
 */
static void expect_alias(struct amd_userptr_scatter *scatter, unsigned int from, uint32_t seed)
{
	amd_userptr_scatter_writes(scatter, amd_userptr_scatter_offset(scatter, from),
				   scatter->ranges[from].size, seed);
	amd_userptr_scatter_reads(scatter, 0, amd_userptr_scatter_size(scatter));
}

static void duplicate(struct amd_userptr *up)
{
	struct amd_userptr_scatter scatter;
	char *cpu = (char *)amd_userptr_mmap(up, page(), 1);

	amd_userptr_scatter_init(&scatter, up, FEW_RANGES);
	for (unsigned int i = 0; i < FEW_RANGES; i++)
		amd_userptr_scatter_add(&scatter, cpu, page(), 0);
	amd_userptr_scatter_map(&scatter, 0);
	for (unsigned int i = 0; i < FEW_RANGES; i += 5)
		expect_alias(&scatter, i, i);
	amd_kfd_smi_mark(&up->smi);
	igt_assert_eq(__igt_mm_fork_and_write(cpu, page()), 0);
	amd_userptr_expect_evictions(up, 0);
	expect_alias(&scatter, FEW_RANGES / 2, 20);
}

/* Each range has three pages, of which it shares two with the range one page further on. */
static void overlapping(struct amd_userptr *up)
{
	struct amd_userptr_scatter scatter;
	char *cpu = (char *)amd_userptr_mmap(up, (FEW_RANGES + 2) * page(), 1);

	amd_userptr_scatter_init(&scatter, up, FEW_RANGES);
	for (unsigned int i = 0; i < FEW_RANGES; i++)
		amd_userptr_scatter_add(&scatter, cpu + i * page(), 3 * page(), 0);
	amd_userptr_scatter_shuffle(&scatter, 1);
	amd_userptr_scatter_map(&scatter, 0);
	for (unsigned int i = 0; i < FEW_RANGES; i += 3)
		expect_alias(&scatter, i, i);
	amd_kfd_smi_mark(&up->smi);
	igt_assert_eq(madvise(cpu + 7 * page(), page(), MADV_DONTNEED), 0);
	amd_userptr_expect_evictions(up, 0);
	expect_alias(&scatter, FEW_RANGES / 2, 20);
}

/* Add page @index of the area's two halves as a range. */
static void add_area(struct amd_userptr_scatter *scatter, struct amd_userptr_area *area,
		     unsigned int index)
{
	char *cpu = amd_userptr_area_page(area, index);

	igt_assert(cpu);
	amd_userptr_scatter_add(scatter, cpu, page(),
				area->backing->readonly ? AMDGPU_GEM_USERPTR_RANGE_READONLY : 0);
}

static void write_writable(struct amd_userptr_scatter *scatter, uint32_t seed)
{
	for (unsigned int i = 0; i < scatter->count; i++) {
		if (!(scatter->ranges[i].flags & AMDGPU_GEM_USERPTR_RANGE_READONLY))
			amd_userptr_scatter_writes(scatter, i * page(), page(), seed + i);
	}
	amd_userptr_scatter_reads(scatter, 0, amd_userptr_scatter_size(scatter));
}

/* One BO has pages of all backings in turn; then the test replaces the memory of each backing. */
static void mixed(struct amd_userptr *up)
{
	struct amd_userptr_area areas[AMD_USERPTR_MAX];
	/* With larger CPU pages an area has fewer of them. */
	const unsigned int pages = 2 * amd_userptr_half() / page();
	const unsigned int each = pages < FEW_RANGES ? pages : FEW_RANGES;
	const unsigned int count = AMD_USERPTR_NUM_BACKINGS;
	struct amd_userptr_scatter scatter;

	igt_assert_lte(count, AMD_USERPTR_MAX);
	for (unsigned int a = 0; a < count; a++) {
		const char *reason =
			amd_userptr_area_init(&areas[a], up, &amd_userptr_backings[a], false);

		igt_require_f(!reason, "%s\n", reason);
	}
	amd_userptr_scatter_init(&scatter, up, count * each);
	for (unsigned int i = 0; i < count * each; i++)
		add_area(&scatter, &areas[i % count], i / count);
	amd_userptr_scatter_map(&scatter, 0);
	amd_userptr_scatter_reads(&scatter, 0, amd_userptr_scatter_size(&scatter));
	write_writable(&scatter, 1);
	for (unsigned int a = 0; a < count; a++) {
		amd_kfd_smi_mark(&up->smi);
		igt_assert_eq(__amd_userptr_area_replace(&areas[a]), 0);
		amd_userptr_expect_evictions(up, 0);
		write_writable(&scatter, 100 + a);
	}
	for (unsigned int a = 0; a < count; a++)
		amd_userptr_area_fini(&areas[a]);
}

/*
 * Each page of a huge page is a range, in the order of the huge page.  Every other range is
 * read-only, so the driver cannot merge neighbouring ranges.
 */
static void huge_split(struct amd_userptr *up, const char *backing)
{
	struct amd_userptr_scatter scatter;
	struct amd_userptr_area area;
	const char *reason = NULL;

	for (unsigned int b = 0; b < AMD_USERPTR_NUM_BACKINGS; b++) {
		if (!strcmp(amd_userptr_backings[b].name, backing))
			reason = amd_userptr_area_init(&area, up, &amd_userptr_backings[b], true);
	}
	igt_require_f(!reason, "%s\n", reason);
	amd_pattern_fill(area.cpu, area.size, 1);
	amd_userptr_scatter_init(&scatter, up, area.size / page());
	for (size_t at = 0; at < area.size; at += page())
		amd_userptr_scatter_add(&scatter, area.cpu + at, page(),
					at / page() % 2 ? AMDGPU_GEM_USERPTR_RANGE_READONLY : 0);
	amd_userptr_scatter_map(&scatter, 0);
	amd_userptr_gpu_check(up, scatter.va, area.size, 1);
	write_writable(&scatter, 2);
	amd_kfd_smi_mark(&up->smi);
	igt_assert_eq(__amd_userptr_area_replace(&area), 0);
	amd_pattern_fill(area.cpu, area.size, 3);
	amd_userptr_expect_evictions(up, 0);
	amd_userptr_gpu_check(up, scatter.va, area.size, 3);
	write_writable(&scatter, 4);
	amd_userptr_area_fini(&area);
}

static void hugetlb_split(struct amd_userptr *up)
{
	huge_split(up, "hugetlb");
}

static void thp_split(struct amd_userptr *up)
{
	huge_split(up, "thp");
}

static void write_readonly(struct amd_userptr *mine, void *data)
{
	const unsigned int readonly = FEW_RANGES / 2;
	struct amd_userptr_scatter scatter;
	char *cpu;

	amd_userptr_use_queue(mine, ((struct amd_userptr *)data)->queue->type);
	amd_userptr_scatter_pages(&scatter, mine, FEW_RANGES);
	scatter.ranges[readonly].flags = AMDGPU_GEM_USERPTR_RANGE_READONLY;
	cpu = (char *)(uintptr_t)scatter.ranges[readonly].addr;
	amd_userptr_scatter_map(&scatter, 0);
	write_writable(&scatter, 1);
	amd_pattern_fill(cpu, page(), 2);
	amd_userptr_store_faults(mine, scatter.va + readonly * page(), page());
	amd_pattern_check(cpu, page(), 2, "read-only for the GPU");
}

static void readonly_range(struct amd_userptr *up)
{
	amd_userptr_in_faulting_child(up, write_readonly, up);
}

static void write_readonly_bo(struct amd_userptr *mine, void *data)
{
	struct amd_userptr_scatter scatter;
	char *last;

	amd_userptr_use_queue(mine, ((struct amd_userptr *)data)->queue->type);
	amd_userptr_scatter_pages(&scatter, mine, FEW_RANGES);
	last = (char *)(uintptr_t)scatter.ranges[FEW_RANGES - 1].addr;
	amd_pattern_fill(last, page(), FEW_RANGES);
	amd_userptr_scatter_map(&scatter, AMDGPU_GEM_USERPTR_READONLY);
	amd_userptr_scatter_reads(&scatter, 0, FEW_RANGES * page());
	amd_userptr_store_faults(mine, scatter.va + (FEW_RANGES - 1) * page(), page());
	amd_pattern_check(last, page(), FEW_RANGES, "read-only for the GPU");
}

static void readonly_bo(struct amd_userptr *up)
{
	amd_userptr_in_faulting_child(up, write_readonly_bo, up);
}

static const struct amd_userptr_subtest data[] = {
	{ .name = "count-1",
	  .run = count_1,
	  .sdma_too = true,
	  .aql_too = true,
	  .describe = "A BO of one range." },
	{ .name = "count-16",
	  .run = count_16,
	  .sdma_too = true,
	  .aql_too = true,
	  .describe = "A BO of 16 ranges in shuffled order." },
	{ .name = "count-256",
	  .run = count_256,
	  .sdma_too = true,
	  .aql_too = true,
	  .describe = "A BO of 256 ranges in shuffled order." },
	{ .name = "count-4096",
	  .run = count_4096,
	  .sdma_too = true,
	  .aql_too = true,
	  .describe = "A BO of 4096 ranges in shuffled order." },
	{ .name = "count-100000",
	  .run = count_100000,
	  .sdma_too = true,
	  .aql_too = true,
	  .describe = "A BO of 100000 ranges in shuffled order, 20 of each page." },
	{ .name = "in-order",
	  .run = in_order,
	  .describe = "Ranges in the order of their addresses, with gaps." },
	{ .name = "adjacent",
	  .run = adjacent,
	  .describe = "Ranges that continue each other in the address space." },
	{ .name = "reversed",
	  .run = reversed,
	  .sdma_too = true,
	  .describe = "Neighbours in reverse order that move to other pages together." },
	{ .name = "duplicate",
	  .run = duplicate,
	  .sdma_too = true,
	  .describe = "The same page several times." },
	{ .name = "overlapping",
	  .run = overlapping,
	  .sdma_too = true,
	  .describe = "Ranges that share pages." },
	{ .name = "mixed",
	  .run = mixed,
	  .sdma_too = true,
	  .aql_too = true,
	  .describe = "Every kind of memory in one BO, replaced one by one." },
	{ .name = "hugetlb-split",
	  .run = hugetlb_split,
	  .sdma_too = true,
	  .describe = "A huge page in ranges of 4 KiB, every other one read-only." },
	{ .name = "thp-split",
	  .run = thp_split,
	  .sdma_too = true,
	  .describe = "A transparent huge page in ranges of 4 KiB, every other one read-only." },
	{ .name = "readonly-range",
	  .run = readonly_range,
	  .sdma_too = true,
	  .describe = "A store to a read-only range faults, stores to its neighbours do not." },
	{ .name = "readonly-bo",
	  .run = readonly_bo,
	  .describe = "All ranges are read-only when the BO has the read-only flag." },
};

static struct amd_userptr up;

static bool supported(void)
{
	struct amd_userptr_scatter scatter;
	struct amd_userptr_args args;
	int ret;

	amd_userptr_scatter_pages(&scatter, &up, 1);
	args = amd_userptr_scatter_args(&scatter, 0);
	ret = __amd_userptr_ioctl(up.fd, &args);
	if (!ret)
		__amd_userptr_close_handle(up.fd, args.handle);
	amd_userptr_cleanup(&up);
	igt_assert_f(ret == 0 || ret == -EINVAL, "probing for the flag: %s\n", strerror(-ret));
	return ret == 0;
}

int igt_main()
{
	igt_fixture() {
		amd_userptr_fixture_open(&up);
		amd_userptr_require_flag(&up);
		igt_require_f(supported(),
			      "This kernel does not know AMDGPU_GEM_USERPTR_SCATTER\n");
	}

	amd_userptr_run_subtests(&up, data, ARRAY_LENGTH(data));
	amd_userptr_run_subtests(&up, amd_userptr_scatter_map_subtests,
				 amd_userptr_num_scatter_map_subtests);
	amd_userptr_run_subtests(&up, amd_userptr_scatter_heal_subtests,
				 amd_userptr_num_scatter_heal_subtests);
	amd_userptr_run_subtests(&up, amd_userptr_scatter_loop_subtests,
				 amd_userptr_num_scatter_loop_subtests);
	amd_userptr_run_subtests(&up, amd_userptr_scatter_beside_subtests,
				 amd_userptr_num_scatter_beside_subtests);
	amd_userptr_run_subtests(&up, amd_userptr_scatter_uapi_subtests,
				 amd_userptr_num_scatter_uapi_subtests);
	amd_userptr_run_subtests(&up, amd_userptr_scatter_window_subtests,
				 amd_userptr_num_scatter_window_subtests);
	amd_userptr_run_subtests(&up, amd_userptr_scatter_spots_subtests,
				 amd_userptr_num_scatter_spots_subtests);
	amd_userptr_run_subtests(&up, amd_userptr_scatter_cross_subtests,
				 amd_userptr_num_scatter_cross_subtests);
	amd_userptr_run_subtests(&up, amd_userptr_scatter_storm_subtests,
				 amd_userptr_num_scatter_storm_subtests);

	igt_fixture()
		amd_userptr_fixture_close(&up);
}
