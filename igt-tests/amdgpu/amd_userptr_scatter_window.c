// SPDX-License-Identifier: MIT
/*
 * What an event writes to the page tables: the pages that changed, those whose
 * entries depend on them, and no others.  The kernel's tracepoints tell:
 * amdgpu_vm_bo_update is one window, amdgpu_vm_update_ptes the entries in it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "igt.h"

#include "lib/amdgpu/amd_userptr_mm.h"
#include "lib/amdgpu/amd_userptr_trace.h"

#include "amd_userptr_scatter.h"

/* Windows that are closer than a page table are written as one (amdgpu_userptr_pages.c). */
enum { WINDOW_GAP = 512 };

/* Pages that change at once: neighbours in the BO, and what a pipe can hold on to. */
enum { TOGETHER = 8 };

/* Restores that are timed; how much longer one of many may take than one of one. */
enum { TIMED = 9, SLOWER = 4, SLACK_MS = 5 };

struct trace {
	unsigned int windows;
	uint64_t pages;			/* entries, in pages */
	uint64_t first, last;		/* pages of the BO */
};

static size_t page(void)
{
	return getpagesize();
}

static const char *const events[] = {
	"amdgpu/amdgpu_vm_bo_update", "amdgpu/amdgpu_vm_update_ptes",
};

/* With an IOMMU in between pages may change and the GPU's addresses not. */
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

static void trace_start(struct amd_userptr *up)
{
	igt_require_f(!translated(up), "the GPU's addresses are an IOMMU's\n");
	igt_require_f(amd_userptr_trace_on(events, ARRAY_LENGTH(events)),
		      "no tracefs at /sys/kernel/tracing, or not root\n");
}

/* What was written for the mapping of the BO since the trace was cleared. */
static struct trace trace_read(const struct amd_userptr_scatter *scatter)
{
	const uint64_t base = scatter->va / page(), pages = scatter->bo->size / page();
	struct trace trace = { .first = UINT64_MAX };
	FILE *file = fopen(AMD_USERPTR_TRACE "trace", "r");
	char line[1024];
	uint64_t start, end;

	igt_assert(file);
	while (fgets(line, sizeof(line), file)) {
		if (strstr(line, "amdgpu_vm_bo_update: ")) {
			trace.windows += amd_userptr_trace_number(line, "soffs=", 16, &start) &&
					 start == base;
			continue;
		}
		if (!amd_userptr_trace_number(line, "start:", 16, &start) ||
		    !amd_userptr_trace_number(line, "end:", 16, &end) ||
		    start < base || start >= base + pages)
			continue;
		trace.pages += end - start;
		trace.first = start - base < trace.first ? start - base : trace.first;
		trace.last = end - 1 - base > trace.last ? end - 1 - base : trace.last;
	}
	fclose(file);
	igt_debug("%u windows, %llu pages, %llu to %llu\n", trace.windows,
		  (unsigned long long)trace.pages, (unsigned long long)trace.first,
		  (unsigned long long)trace.last);
	return trace;
}

static uint64_t frame(const struct amd_userptr_scatter *scatter, unsigned int index)
{
	return amd_userptr_pfn((void *)(uintptr_t)scatter->ranges[index].addr);
}

/* The pages in [first, last], and all of the contiguous runs that they are in. */
static void widen(const struct amd_userptr_scatter *scatter, unsigned int *first,
		  unsigned int *last)
{
	while (*first > 0 && frame(scatter, *first - 1) + 1 == frame(scatter, *first))
		--*first;
	while (*last + 1 < scatter->count &&
	       frame(scatter, *last) + 1 == frame(scatter, *last + 1))
		++*last;
}

/* Put another page at the address, in one call and with another frame for certain. */
static void change_page(void *addr)
{
	char *other = mmap(NULL, page(), PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	igt_assert(other != MAP_FAILED);
	memcpy(other, addr, page());
	igt_assert(mremap(other, page(), page(), MREMAP_MAYMOVE | MREMAP_FIXED, addr) == addr);
}

static void make(struct amd_userptr_scatter *scatter, struct amd_userptr *up, unsigned int count)
{
	trace_start(up);
	amd_userptr_scatter_pages(scatter, up, count);
	amd_userptr_scatter_map(scatter, 0);
	amd_kfd_smi_mark(&up->smi);
	amd_userptr_trace_clear();
}

static void one_of_many(struct amd_userptr *up)
{
	const unsigned int victims[] = { 0, 1, MANY_RANGES / 2, MANY_RANGES - 1 };
	struct amd_userptr_scatter scatter;
	struct trace trace;

	make(&scatter, up, MANY_RANGES);
	for (unsigned int i = 0; i < ARRAY_LENGTH(victims); i++) {
		unsigned int old_first = victims[i], old_last = victims[i];
		unsigned int first = victims[i], last = victims[i];

		widen(&scatter, &old_first, &old_last);
		amd_kfd_smi_mark(&up->smi);
		amd_userptr_trace_clear();
		change_page((void *)(uintptr_t)scatter.ranges[victims[i]].addr);
		amd_userptr_expect_stops(up, 0);
		trace = trace_read(&scatter);
		widen(&scatter, &first, &last);
		igt_assert_eq(trace.windows, 1);
		igt_assert_lte_u64(trace.first, victims[i]);
		igt_assert_lte_u64(victims[i], trace.last);
		igt_assert_lte_u64(old_first < first ? old_first : first, trace.first);
		igt_assert_lte_u64(trace.last, old_last > last ? old_last : last);
		amd_userptr_scatter_reads(&scatter, victims[i] * page(), page());
	}
	amd_userptr_scatter_reads(&scatter, 0, scatter.bo->size);
	amd_userptr_trace_off();
}

/* Found again and the same: there is nothing to write. */
static void unchanged(struct amd_userptr *up)
{
	struct amd_userptr_scatter scatter;
	char *cpu;

	make(&scatter, up, MANY_RANGES);
	cpu = (char *)(uintptr_t)scatter.ranges[MANY_RANGES / 2].addr;
	igt_assert_eq(__amd_userptr_poke(cpu, page()), 0);
	amd_userptr_expect_stops(up, 0);
	igt_assert_eq(trace_read(&scatter).windows, 0);
	igt_assert_eq_u64(trace_read(&scatter).pages, 0);
	/* The trace would have shown it. */
	change_page(cpu);
	amd_userptr_expect_stops(up, 0);
	igt_assert_lt(0, trace_read(&scatter).windows);
	amd_userptr_scatter_reads(&scatter, 0, scatter.bo->size);
	amd_userptr_trace_off();
}

/*
 * One call drops TOGETHER pages that are neighbours for the CPU; a pipe keeps
 * them, lest they come back.
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

/* @step: how far from one another in the BO the pages are that change together. */
static struct trace drop_at_distance(struct amd_userptr *up, unsigned int step)
{
	struct amd_userptr_scatter scatter;
	char *cpu = (char *)amd_userptr_mmap(up, TOGETHER * page(), 1);
	struct trace trace;

	make(&scatter, up, MANY_RANGES);
	amd_userptr_destroy(up, scatter.bo);
	/* Backwards, so that they stay ranges of their own. */
	for (unsigned int i = 0; i < TOGETHER; i++)
		scatter.ranges[100 + i * step].addr = (uintptr_t)cpu + (TOGETHER - 1 - i) * page();
	amd_userptr_scatter_map(&scatter, 0);
	amd_userptr_scatter_reads(&scatter, 0, scatter.bo->size);
	amd_kfd_smi_mark(&up->smi);
	amd_userptr_trace_clear();
	drop_together(cpu);
	amd_userptr_expect_stops(up, 0);
	trace = trace_read(&scatter);
	amd_userptr_scatter_reads(&scatter, 0, scatter.bo->size);
	igt_assert_lte_u64(trace.first, 100);
	igt_assert_lte_u64(100 + (TOGETHER - 1) * step, trace.last);
	amd_userptr_trace_off();
	return trace;
}

static void neighbours(struct amd_userptr *up)
{
	struct trace trace = drop_at_distance(up, 1);

	igt_assert_eq(trace.windows, 1);
	igt_assert_lte_u64(trace.pages, WINDOW_GAP);
}

static void far_apart(struct amd_userptr *up)
{
	/* Further than WINDOW_GAP even where runs are contiguous with the next pages. */
	struct trace trace = drop_at_distance(up, WINDOW_GAP + 32);

	igt_assert_eq(trace.windows, TOGETHER);
	igt_assert_lte_u64(trace.pages, WINDOW_GAP);
}

static int compare_times(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Median of the time from eviction to restore when one page changes. */
static uint64_t restore_time(struct amd_userptr *up, unsigned int count)
{
	struct amd_userptr_scatter scatter;
	uint64_t times[TIMED];

	amd_userptr_scatter_pages(&scatter, up, count);
	amd_userptr_scatter_map(&scatter, 0);
	for (unsigned int i = 0; i < TIMED; i++) {
		amd_kfd_smi_mark(&up->smi);
		change_page((void *)(uintptr_t)scatter.ranges[count / 2].addr);
		amd_userptr_expect_stops(up, 0);
		times[i] = up->smi.count.restore_ns - up->smi.count.eviction_ns;
	}
	amd_userptr_scatter_reads(&scatter, count / 2 * page(), page());
	amd_userptr_cleanup(up);
	qsort(times, TIMED, sizeof(times[0]), compare_times);
	return times[TIMED / 2];
}

static void restore_one(struct amd_userptr *up)
{
	const uint64_t one = restore_time(up, 1), many = restore_time(up, MANY_RANGES);

	igt_info("restored after %llu us (1 range), %llu us (%d ranges)\n",
		 (unsigned long long)one / 1000, (unsigned long long)many / 1000, MANY_RANGES);
	igt_assert_lte_u64(many, SLOWER * one + SLACK_MS * 1000000ull);
}

const struct amd_userptr_subtest amd_userptr_scatter_window_subtests[] = {
	{ .name = "one-of-many", .run = one_of_many,
	  .describe = "Only the entries that depend on the page that changed are written." },
	{ .name = "unchanged", .run = unchanged,
	  .describe = "Pages that are found where they were are not written." },
	{ .name = "neighbours", .run = neighbours,
	  .describe = "What changes together and is close is written together." },
	{ .name = "far-apart", .run = far_apart,
	  .describe = "What is between changes that are far apart is not written." },
	{ .name = "restore-one", .run = restore_one,
	  .describe = "Restoring one of many ranges takes as long as restoring the only one." },
};
const unsigned int amd_userptr_num_scatter_window_subtests =
	ARRAY_LENGTH(amd_userptr_scatter_window_subtests);
