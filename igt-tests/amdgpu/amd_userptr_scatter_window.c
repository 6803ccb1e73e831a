// SPDX-License-Identifier: MIT
/*
 * After an event the driver has to write the page table entries of the pages that changed.  If such
 * a page is or was in a run of contiguous pages, the driver also has to write the entries of that
 * run, because the TLB may use any entry of a fragment for all of its pages.  It may also write the
 * entries between two changes that are less than WINDOW_GAP pages apart, because it writes them as
 * one window.  It must write no others.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "igt.h"

#include "lib/amdgpu/amd_vm_trace.h"
#include "lib/igt_mm.h"
#include "lib/igt_procfs.h"
#include "lib/igt_tracefs.h"

#include "amd_userptr_scatter.h"

/* How many neighbouring pages change together: not more than a pipe can keep (drop_together()). */
enum { TOGETHER = 8 };

/*
 * How many restores to measure, and how much longer a restore may take in a BO of many ranges than
 * in a BO of one range: SLOWER times as long, plus SLACK_MS.
 */
enum { TIMED = 9, SLOWER = 4 };
#define SLACK_MS igt_patience(5)

/*
 * How often to compare at most.  If the machine becomes busy between the two measurements, the
 * second one is slower, whatever the driver does, so the test compares again.
 */
enum { COMPARISONS = 5 };

/*
 * Does an IOMMU translate the GPU's addresses?  Then a page can change while its address for the
 * GPU stays the same.
 */
static bool translated(struct amd_userptr *up)
{
	char path[96], type[32] = "";
	struct stat st;
	int fd;

	igt_assert_eq(fstat(up->fd, &st), 0);
	snprintf(path, sizeof(path), "/sys/dev/char/%u:%u/device/iommu_group/type",
		 (unsigned int)(st.st_rdev >> 8 & 0xfff), (unsigned int)(st.st_rdev & 0xff));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	igt_assert_lt(0, read(fd, type, sizeof(type) - 1));
	close(fd);
	return strncmp(type, "identity", strlen("identity")) != 0;
}

/* The page table writes for the BO's mapping since the trace was cleared. */
static struct amd_vm_trace written(const struct amd_userptr_scatter *scatter)
{
	return amd_vm_trace_read(scatter->va, scatter->bo->size);
}

static uint64_t frame(const struct amd_userptr_scatter *scatter, unsigned int index)
{
	return igt_procfs_pfn((void *)(uintptr_t)scatter->ranges[index].addr);
}

/* Extend [first, last] to the contiguous runs that its first and its last page belong to. */
static void widen(const struct amd_userptr_scatter *scatter, unsigned int *first,
		  unsigned int *last)
{
	while (*first > 0 && frame(scatter, *first - 1) + 1 == frame(scatter, *first))
		--*first;
	while (*last + 1 < scatter->count && frame(scatter, *last) + 1 == frame(scatter, *last + 1))
		++*last;
}

void scatter_trace_start(struct amd_userptr *up)
{
	igt_require_f(!translated(up), "an IOMMU translates the GPU's addresses\n");
	amd_vm_trace_start();
}

static void make(struct amd_userptr_scatter *scatter, struct amd_userptr *up, unsigned int count)
{
	scatter_trace_start(up);
	amd_userptr_scatter_pages(scatter, up, count);
	amd_userptr_scatter_map(scatter, 0);
	amd_kfd_smi_mark(&up->smi);
	igt_tracefs_clear();
}

static void one_of_many(struct amd_userptr *up)
{
	const unsigned int changed[] = { 0, 1, MANY_RANGES / 2, MANY_RANGES - 1 };
	struct amd_userptr_scatter scatter;
	struct amd_vm_trace trace;

	make(&scatter, up, MANY_RANGES);
	for (unsigned int i = 0; i < ARRAY_LENGTH(changed); i++) {
		unsigned int old_first = changed[i], old_last = changed[i];
		unsigned int first = changed[i], last = changed[i];

		widen(&scatter, &old_first, &old_last);
		amd_kfd_smi_mark(&up->smi);
		igt_tracefs_clear();
		igt_mm_change_page((void *)(uintptr_t)scatter.ranges[changed[i]].addr);
		amd_userptr_expect_evictions(up, 0);
		trace = written(&scatter);
		widen(&scatter, &first, &last);
		igt_assert_eq(trace.windows, 1);
		igt_assert_lte_u64(trace.first, changed[i]);
		igt_assert_lte_u64(changed[i], trace.last);
		igt_assert_lte_u64(old_first < first ? old_first : first, trace.first);
		igt_assert_lte_u64(trace.last, old_last > last ? old_last : last);
		amd_userptr_scatter_reads(&scatter, changed[i] * page(), page());
	}
	amd_userptr_scatter_reads(&scatter, 0, scatter.bo->size);
	igt_tracefs_off();
}

/* The driver finds the same pages again, so it must not write any entry. */
static void unchanged(struct amd_userptr *up)
{
	struct amd_userptr_scatter scatter;
	char *cpu;

	make(&scatter, up, MANY_RANGES);
	cpu = (char *)(uintptr_t)scatter.ranges[MANY_RANGES / 2].addr;
	/*
	 * Add a permission.  mprotect() calls the notifier for that, but takes no page away, not
	 * even for a moment.
	 */
	igt_assert_eq(mprotect(cpu, page(), PROT_READ | PROT_WRITE | PROT_EXEC), 0);
	amd_userptr_expect_evictions(up, 1);
	igt_assert_eq(written(&scatter).windows, 0);
	igt_assert_eq_u64(written(&scatter).pages, 0);
	/* Check that the trace would show a write. */
	igt_mm_change_page(cpu);
	amd_userptr_expect_evictions(up, 0);
	igt_assert_lt(0, written(&scatter).windows);
	amd_userptr_scatter_reads(&scatter, 0, scatter.bo->size);
	igt_tracefs_off();
}

/*
 * Drop TOGETHER pages, which are neighbours in the address space, by one call.  A pipe keeps the
 * old pages, so that the kernel cannot hand them out again.
 */
static void drop_together(char *cpu)
{
	struct iovec iov = { .iov_base = cpu, .iov_len = TOGETHER * page() };
	int pipes[2];

	igt_assert_eq(pipe(pipes), 0);
	igt_assert_eq(vmsplice(pipes[1], &iov, 1, 0), (int)iov.iov_len);
	igt_assert_eq(madvise(cpu, iov.iov_len, MADV_DONTNEED), 0);
	for (size_t at = 0; at < iov.iov_len; at += page())
		*(volatile char *)(cpu + at) = 1;
	close(pipes[0]);
	close(pipes[1]);
}

/*
 * Drop TOGETHER pages by one call.  Their distance in the BO is @step.  Returns the page table
 * writes of the driver.
 */
static struct amd_vm_trace drop_at_distance(struct amd_userptr *up, unsigned int step)
{
	struct amd_userptr_scatter scatter;
	char *cpu = (char *)amd_userptr_mmap(up, TOGETHER * page(), 1);
	struct amd_vm_trace trace;

	make(&scatter, up, MANY_RANGES);
	amd_userptr_destroy(up, scatter.bo);
	/* Use the pages in reverse order, so that the driver does not merge them into a segment. */
	for (unsigned int i = 0; i < TOGETHER; i++)
		scatter.ranges[100 + i * step].addr = (uintptr_t)cpu + (TOGETHER - 1 - i) * page();
	amd_userptr_scatter_map(&scatter, 0);
	amd_userptr_scatter_reads(&scatter, 0, scatter.bo->size);
	amd_kfd_smi_mark(&up->smi);
	igt_tracefs_clear();
	drop_together(cpu);
	amd_userptr_expect_evictions(up, 0);
	trace = written(&scatter);
	amd_userptr_scatter_reads(&scatter, 0, scatter.bo->size);
	igt_assert_lte_u64(trace.first, 100);
	igt_assert_lte_u64(100 + (TOGETHER - 1) * step, trace.last);
	igt_tracefs_off();
	return trace;
}

static void neighbours(struct amd_userptr *up)
{
	struct amd_vm_trace trace = drop_at_distance(up, 1);

	igt_assert_eq(trace.windows, 1);
	igt_assert_lte_u64(trace.pages, WINDOW_GAP);
}

static void far_apart(struct amd_userptr *up)
{
	/*
	 * The distance is 32 more than WINDOW_GAP, because a changed page may be in a contiguous
	 * run with its neighbours, which makes its window longer.
	 */
	struct amd_vm_trace trace = drop_at_distance(up, WINDOW_GAP + 32);

	igt_assert_eq(trace.windows, TOGETHER);
	igt_assert_lte_u64(trace.pages, WINDOW_GAP);
}

/*
 * The sizes of two fragments.  A fragment is a run of contiguous pages whose entries tell the TLB
 * that the pages are contiguous.  The larger fragment is a huge page, which one page directory
 * entry maps.
 */
enum { HUGE_SIZE = 2 << 20, PART_SIZE = 256 << 10 };

static bool is_huge(char *cpu)
{
	const uint64_t first = igt_procfs_pfn(cpu), pages = HUGE_SIZE / page();

	return first && first % pages == 0 &&
	       igt_procfs_pfn(cpu + HUGE_SIZE - page()) == first + pages - 1;
}

/*
 * Turn the first @count pages of a huge page into ranges, in the order of the huge page.  Move
 * every other page to another address, so that the ranges are neighbours in physical memory but not
 * in the address space.
 */
static void make_contiguous(struct amd_userptr_scatter *scatter, struct amd_userptr *up,
			    unsigned int count)
{
	const size_t huge = HUGE_SIZE;
	char *room =
		mmap(NULL, 3 * huge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *cpu = (char *)(((uintptr_t)amd_userptr_adopt(up, room, 3 * huge) + huge - 1) &
			     ~(huge - 1));

	igt_require_f(!madvise(cpu, huge, MADV_HUGEPAGE), "the kernel has no huge page\n");
	amd_pattern_fill(cpu, huge, 1);
	/*
	 * If the kernel collapses pages into larger pages only, it may still have used a huge page
	 * of 2 MiB when the CPU stored the pattern.
	 */
	igt_require_f(!__igt_mm_collapse(cpu, huge) || is_huge(cpu),
		      "the kernel has no transparent huge page of 2 MiB\n");
	amd_userptr_scatter_init(scatter, up, count);
	for (unsigned int i = 0; i < count; i++) {
		char *at = cpu + i * page(), *away = at + huge;

		if (i % 2)
			igt_assert(mremap(at, page(), page(), MREMAP_MAYMOVE | MREMAP_FIXED,
					  away) == away);
		amd_userptr_scatter_add(scatter, i % 2 ? away : at, page(), 0);
	}
	for (unsigned int i = 1; i < count; i++)
		igt_assert_eq_u64(frame(scatter, i - 1) + 1, frame(scatter, i));
}

/* Map at a GPU address at which the largest fragment can begin. */
static void map_aligned(struct amd_userptr_scatter *scatter, struct amd_userptr *up)
{
	amd_userptr_scatter_create(scatter, 0);
	scatter->va = amd_kfd_va_reserve(scatter->bo->size, scatter->bo->size);
	igt_assert(scatter->va);
	scatter->bo->va = scatter->va;
	igt_tracefs_clear();
	igt_assert_eq(__amd_userptr_va(up, AMDGPU_VA_OP_MAP, scatter->bo->handle, scatter->va, 0,
				       scatter->bo->size, AMD_USERPTR_RW),
		      0);
}

/* Move the page of a range to @away, and store to the range, so that it gets a new page. */
static void move_away(struct amd_userptr_scatter *scatter, unsigned int changed, void *away)
{
	void *addr = (void *)(uintptr_t)scatter->ranges[changed].addr;

	igt_assert(mremap(addr, page(), page(), MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP,
			  away) == away);
	amd_pattern_fill(addr, page(), 2);
}

static void move_back(struct amd_userptr_scatter *scatter, unsigned int changed, void *away)
{
	void *addr = (void *)(uintptr_t)scatter->ranges[changed].addr;

	igt_assert(mremap(away, page(), page(), MREMAP_MAYMOVE | MREMAP_FIXED, addr) == addr);
}

/*
 * Assert that the GPU reads the new pages and stores to them, after one page of a fragment has
 * moved.
 */
static void all_is_new(struct amd_userptr_scatter *scatter)
{
	amd_userptr_expect_evictions(scatter->up, 0);
	amd_userptr_scatter_reads(scatter, 0, scatter->bo->size);
	amd_userptr_scatter_roundtrip(scatter, 3);
}

/*
 * The TLB may use any entry of a fragment for all pages of the fragment, and a huge fragment has
 * only one entry.  So when one page moves, the driver has to write the entries of the other pages,
 * too.
 */
static void part_of(struct amd_userptr *up, unsigned int count)
{
	const unsigned int changed = count / 2 + 1;
	struct amd_userptr_scatter scatter;
	struct amd_vm_trace trace;
	void *away = mmap(NULL, page(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	amd_userptr_adopt(up, away, page());
	scatter_trace_start(up);
	make_contiguous(&scatter, up, count);
	map_aligned(&scatter, up);
	trace = written(&scatter);
	igt_assert_eq(1u << trace.fragment, count);
	amd_userptr_scatter_reads(&scatter, 0, scatter.bo->size);

	amd_kfd_smi_mark(&up->smi);
	igt_tracefs_clear();
	move_away(&scatter, changed, away);
	all_is_new(&scatter);
	trace = written(&scatter);
	igt_assert_lt(1u << trace.fragment, count);
	igt_assert_eq_u64(trace.first, 0);
	igt_assert_eq_u64(trace.last, count - 1);

	amd_kfd_smi_mark(&up->smi);
	igt_tracefs_clear();
	move_back(&scatter, changed, away);
	all_is_new(&scatter);
	/*
	 * The page had an entry of its own before the move back, so the driver writes only that
	 * entry.
	 */
	igt_assert_eq_u64(written(&scatter).pages, 1);
	igt_tracefs_off();
}

static void part_moves(struct amd_userptr *up)
{
	part_of(up, PART_SIZE / page());
}

static void part_of_huge_moves(struct amd_userptr *up)
{
	part_of(up, HUGE_SIZE / page());
}

static int compare_times(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Returns the median of the time from eviction to restore when one page changes. */
static uint64_t restore_time(struct amd_userptr *up, unsigned int count)
{
	struct amd_userptr_scatter scatter;
	uint64_t times[TIMED];

	amd_userptr_scatter_pages(&scatter, up, count);
	amd_userptr_scatter_map(&scatter, 0);
	for (unsigned int i = 0; i < TIMED; i++) {
		amd_kfd_smi_mark(&up->smi);
		igt_mm_change_page((void *)(uintptr_t)scatter.ranges[count / 2].addr);
		amd_userptr_expect_evictions(up, 0);
		times[i] = up->smi.count.restore_ns - up->smi.count.eviction_ns;
	}
	amd_userptr_scatter_reads(&scatter, count / 2 * page(), page());
	amd_userptr_cleanup(up);
	qsort(times, TIMED, sizeof(times[0]), compare_times);
	return times[TIMED / 2];
}

static void restore_one(struct amd_userptr *up)
{
	bool slower = true;

	for (unsigned int i = 0; i < COMPARISONS && slower; i++) {
		const uint64_t one = restore_time(up, 1), many = restore_time(up, MANY_RANGES);

		igt_info("restored after %llu us (1 range), %llu us (%d ranges)\n",
			 (unsigned long long)one / 1000, (unsigned long long)many / 1000,
			 MANY_RANGES);
		slower = many > SLOWER * one + SLACK_MS * 1000000ull;
	}
	igt_assert_f(!slower, "with many ranges each restore took too long\n");
}

const struct amd_userptr_subtest amd_userptr_scatter_window_subtests[] = {
	{ .name = "one-of-many",
	  .run = one_of_many,
	  .describe =
		  "The driver writes only the entry of the changed page and those of its run." },
	{ .name = "unchanged",
	  .run = unchanged,
	  .describe = "The driver writes no entry of a page that it finds where it was." },
	{ .name = "neighbours",
	  .run = neighbours,
	  .describe = "The driver writes pages that change together and are close in one window." },
	{ .name = "far-apart",
	  .run = far_apart,
	  .describe = "The driver does not write entries between changes that are far apart." },
	{ .name = "part-moves",
	  .run = part_moves,
	  .sdma_too = true,
	  .describe =
		  "When a page of a fragment moves, the driver writes the entries of the whole fragment." },
	{ .name = "part-of-huge-moves",
	  .run = part_of_huge_moves,
	  .sdma_too = true,
	  .describe =
		  "When a page moves that a page directory entry maps, the driver writes a page table." },
	{ .name = "restore-one",
	  .run = restore_one,
	  .describe = "Restoring one of many ranges takes about as long as restoring one alone." },
};
const unsigned int amd_userptr_num_scatter_window_subtests =
	ARRAY_LENGTH(amd_userptr_scatter_window_subtests);
