// SPDX-License-Identifier: MIT
/*
 * The rows of amd_userptr_events: changes that the kernel can make to the memory of an area, and
 * the evidence by which a test sees that the change has happened.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include <sys/mman.h>

#include "igt.h"
#include "igt_os.h"

#include "lib/amdgpu/amd_userptr_area.h"
#include "lib/igt_mm.h"
#include "lib/igt_procfs.h"
#include "lib/igt_reclaim.h"
#include "lib/igt_time.h"
#include "lib/igt_undo.h"

/*
 * The most compactions to try: if these move none of the pages, more of them would not either.  No
 * compaction begins after COMPACT_MS.
 */
enum { MAX_COMPACTIONS = 3 };
#define COMPACT_MS igt_patience(10000)

/* ---- evidence that an event has happened ---- */

void amd_userptr_event_begin(struct amd_userptr_area *area)
{
	for (unsigned int i = 0; amd_userptr_area_page(area, i); i++)
		area->pfns[i] = igt_procfs_pfn(amd_userptr_area_page(area, i));
}

static unsigned int pages_moved(struct amd_userptr_area *area, unsigned int *pages)
{
	unsigned int moved = 0;

	for (*pages = 0; amd_userptr_area_page(area, *pages); (*pages)++)
		moved += igt_procfs_pfn(amd_userptr_area_page(area, *pages)) != area->pfns[*pages];
	return moved;
}

static bool all_moved(struct amd_userptr_area *area)
{
	unsigned int pages, moved = pages_moved(area, &pages);

	return moved == pages;
}

static bool any_moved(struct amd_userptr_area *area)
{
	unsigned int pages;

	return pages_moved(area, &pages) > 0;
}

static bool none_moved(struct amd_userptr_area *area)
{
	return !any_moved(area);
}

/*
 * Let the kernel read or write the area by a system call, which returns EFAULT where the test
 * itself would get a signal by an access.
 */
static bool accessible(const struct amd_userptr_area *area, bool writing)
{
	int gate[2];
	bool ok;

	if (pipe(gate))
		return false;
	ok = writing ? write(gate[1], "", 1) == 1 && read(gate[0], area->cpu, 1) == 1
		     : write(gate[1], area->cpu, 1) == 1;
	close(gate[0]);
	close(gate[1]);
	return ok;
}

static bool not_readable(struct amd_userptr_area *area)
{
	return !accessible(area, false);
}

static bool not_writable(struct amd_userptr_area *area)
{
	return !accessible(area, true) && accessible(area, false);
}

/* happened() of events whose trigger() finds the evidence itself. */
static bool seen(struct amd_userptr_area *area)
{
	return area->done;
}

/* Returns how much memory of the process is mapped as transparent huge pages, in KiB. */
static unsigned long long huge_kb(void)
{
	return igt_procfs_number("/proc/self/smaps_rollup", "AnonHugePages:") +
	       igt_procfs_number("/proc/self/smaps_rollup", "ShmemPmdMapped:") +
	       igt_procfs_number("/proc/self/smaps_rollup", "FilePmdMapped:");
}

/* ---- events ---- */

static int trigger_unmap(struct amd_userptr_area *area)
{
	return munmap(area->cpu, area->size) ? -errno : 0;
}

/*
 * Look for pages that the kernel has copied.  The kernel copies pages of private mappings only.
 * Compare page frames while the child has the old pages, because later the kernel may free the old
 * pages, and khugepaged may move the copies into a huge page of the same page frames.
 */
static void look_for_copies(void *data)
{
	struct amd_userptr_area *area = data;

	area->done = area->backing->map_flags & MAP_PRIVATE ? all_moved(area) : none_moved(area);
}

static int trigger_cow(struct amd_userptr_area *area)
{
	return __igt_mm_fork_write_look(area->cpu, area->size, look_for_copies, area);
}

static int trigger_dontneed(struct amd_userptr_area *area)
{
	int ret = madvise(area->cpu, area->size, MADV_DONTNEED) ? -errno : 0;

	area->done = !ret;
	return ret;
}

static const char *prepare_pageout(struct amd_userptr_area *area)
{
	return igt_get_total_swap_mb() ? NULL : "no swap space is in use";
}

/*
 * It is no error if the kernel reclaims nothing (-ETIME), because reclaim passes over pages to
 * which another task holds a reference.  In that case area->done stays false, so the subtest skips.
 */
static int trigger_pageout(struct amd_userptr_area *area)
{
	int ret = __igt_reclaim_pageout(area->cpu, area->size);

	area->done = !ret;
	return ret == -ETIME ? 0 : ret;
}

static int trigger_mprotect(struct amd_userptr_area *area)
{
	return mprotect(area->cpu, area->size, PROT_READ) ? -errno : 0;
}

static int heal_mprotect(struct amd_userptr_area *area)
{
	return mprotect(area->cpu, area->size, PROT_READ | PROT_WRITE) ? -errno : 0;
}

static int trigger_mremap(struct amd_userptr_area *area)
{
	void *to = mremap(area->cpu, area->size, area->size, MREMAP_MAYMOVE | MREMAP_FIXED,
			  area->elsewhere);

	return to == area->elsewhere ? 0 : -errno;
}

static bool moved_elsewhere(struct amd_userptr_area *area)
{
	struct amd_userptr_area there = *area;

	there.cpu = area->elsewhere;
	return !accessible(area, false) && accessible(&there, false);
}

/*
 * Check that the moved pages have their old content: the GPU's mapping stays with the old address,
 * so the GPU must not have written to them.
 */
static void check_elsewhere(struct amd_userptr_area *area)
{
	struct amd_userptr_area there = *area;

	there.cpu = area->elsewhere;
	amd_userptr_area_check(&there, NULL, AMD_USERPTR_KEPT);
}

static size_t migration_step(const struct amd_userptr_area *area)
{
	return area->backing->huge ? area->size : (size_t)getpagesize();
}

/*
 * Move all pages to one node before the event, because the event would not move a page that is on
 * the target node already.
 */
static const char *prepare_migrate(struct amd_userptr_area *area)
{
	const size_t step = migration_step(area);
	int ret;

	/* The kernel moves only mapped pages, so map each page by a read. */
	for (size_t at = 0; at < area->size; at += step)
		*(volatile char *)(area->cpu + at);
	ret = __igt_mm_migrate(area->cpu, area->size, step);
	if (ret == -ENODEV || ret == -ENOSYS)
		return "one NUMA node only";
	return ret ? "the pages do not move" : NULL;
}

static int trigger_migrate(struct amd_userptr_area *area)
{
	return __igt_mm_migrate(area->cpu, area->size, migration_step(area));
}

/*
 * If compaction would take too long (-EFBIG), return 0 with area->done false, as if it had moved
 * none of the pages, so that the subtest skips.
 */
static int trigger_compact(struct amd_userptr_area *area)
{
	const uint64_t deadline = igt_now_ms() + COMPACT_MS;
	int ret = 0;

	for (int i = 0; i < MAX_COMPACTIONS && !ret && !area->done && igt_now_ms() < deadline;
	     i++) {
		ret = __igt_mm_compact(area->cpu);
		area->done = any_moved(area);
	}
	return ret == -EFBIG ? 0 : ret;
}

/*
 * Returns a reason to skip the events collapse and split, or NULL.  Their evidence counts only huge
 * pages of the size into which the kernel collapses pages.
 */
static const char *other_size(const struct amd_userptr_area *area)
{
	return igt_mm_collapsed_size() == area->size
		       ? NULL
		       : "the kernel collapses pages into huge pages of another size";
}

static const char *remember_huge(struct amd_userptr_area *area)
{
	area->huge_kb = huge_kb();
	if (access("/sys/kernel/mm/transparent_hugepage", F_OK))
		return "no transparent huge pages in this kernel";
	return other_size(area);
}

/* Give the advice only now, so that khugepaged cannot collapse the area earlier. */
static int trigger_collapse(struct amd_userptr_area *area)
{
	int ret = madvise(area->cpu, area->size, MADV_HUGEPAGE) ? -errno : 0;

	ret = ret ? ret : __igt_mm_collapse(area->cpu, area->size);
	/* Without a free huge page collapsed() finds no new one, so the subtest skips. */
	return ret == -ENOMEM || ret == -EAGAIN ? 0 : ret;
}

static bool collapsed(struct amd_userptr_area *area)
{
	return huge_kb() > area->huge_kb;
}

static const char *prepare_split(struct amd_userptr_area *area)
{
	return other_size(area);
}

/*
 * Drop a few pages in the middle, so that the kernel maps the rest of the huge page by small
 * entries.  The evidence of the split is that the middle has lost its page frame.  Do not look
 * whether the pages are still neighbours, because khugepaged may make the memory huge again; the
 * middle has another page frame in that case, too.
 */
static int trigger_split(struct amd_userptr_area *area)
{
	char *middle = area->cpu + area->size / 2;
	const uint64_t pfn = igt_procfs_pfn(middle);
	struct igt_procfs_smaps smaps;
	int ret = __igt_procfs_smaps(area->cpu, &smaps);

	if (ret)
		return ret;
	if (madvise(middle, amd_userptr_half(), MADV_DONTNEED))
		return -errno;
	area->done = smaps.huge && igt_procfs_pfn(middle) != pfn;
	return 0;
}

#define KSM "/sys/kernel/mm/ksm/"

/* Map a twin of the area's first half, so that KSM has equal pages to merge. */
static const char *prepare_ksm(struct amd_userptr_area *area)
{
	void *twin = mmap(area->elsewhere, amd_userptr_half(), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	if (twin == MAP_FAILED || madvise(twin, amd_userptr_half(), MADV_MERGEABLE) ||
	    madvise(area->cpu, amd_userptr_half(), MADV_MERGEABLE))
		return "no KSM in this kernel";
	memcpy(twin, area->cpu, amd_userptr_half());
	if (!igt_undo_set(KSM "sleep_millisecs", "0") || !igt_undo_set(KSM "pages_to_scan", "1000"))
		return "KSM cannot be configured (not root?)";
	return NULL;
}

/*
 * Has KSM merged the first page with its twin?  The restore worker may have broken the merge again
 * by a write fault; the kernel counts that (cow_ksm).
 */
static bool merged(struct amd_userptr_area *area, unsigned long long unmerged)
{
	return igt_procfs_pfn(area->cpu) == igt_procfs_pfn(area->elsewhere) ||
	       igt_procfs_number("/proc/vmstat", "cow_ksm ") > unmerged;
}

/*
 * On a machine with much memory to scan, KSM may not come to these pages in time.  In that case
 * area->done stays false, so the subtest skips.
 */
static int trigger_ksm(struct amd_userptr_area *area)
{
	const uint64_t deadline = igt_now_ms() + IGT_MM_RETRY_MS;
	unsigned long long unmerged = igt_procfs_number("/proc/vmstat", "cow_ksm ");
	int ret = igt_undo_set(KSM "run", "1") ? 0 : -EIO;

	while (!ret && !area->done && igt_now_ms() < deadline) {
		area->done = merged(area, unmerged);
		igt_pause();
	}
	if (!igt_undo_set(KSM "run", "0") || ret)
		return -EIO;
	return 0;
}

static int trigger_truncate(struct amd_userptr_area *area)
{
	return ftruncate(area->fd, 0) ? -errno : 0;
}

static int heal_truncate(struct amd_userptr_area *area)
{
	return ftruncate(area->fd, area->size) ? -errno : 0;
}

static int trigger_punch(struct amd_userptr_area *area)
{
	int ret;

	/* Shared anonymous memory has a file, but the process has no descriptor of it. */
	if (area->fd < 0)
		ret = madvise(area->cpu, area->size, MADV_REMOVE);
	else
		ret = fallocate(area->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
				area->size);
	area->done = !ret;
	return ret ? -errno : 0;
}

static int trigger_remap(struct amd_userptr_area *area)
{
	int ret = __amd_userptr_area_replace(area);

	area->done = !ret;
	return ret;
}

#define NEVER	   AMD_USERPTR_NEVER
#define UNTOUCHED  AMD_USERPTR_UNTOUCHED
#define KEPT	   AMD_USERPTR_KEPT
#define ZEROED	   AMD_USERPTR_ZEROED
#define FILE_BYTES AMD_USERPTR_FILE
#define OTHER	   AMD_USERPTR_OTHER
#define HOLE	   AMD_USERPTR_HOLE

/*
 * The macro takes one argument for each backing.  The preprocessor refuses a row with too few or
 * too many arguments, and -Woverride-init a row that names a backing twice.  So each row names each
 * backing once.
 */
#define EFFECTS(b0, b1, b2, b3, b4, b5, b6, b7) \
	{ \
		{ \
			b0, b1, b2, b3, b4, b5, b6, b7 \
		} \
	}
_Static_assert(AMD_USERPTR_NUM_BACKINGS == 8, "EFFECTS() has an argument for each backing");
_Static_assert(sizeof(union amd_userptr_effects) ==
		       AMD_USERPTR_NUM_BACKINGS * sizeof(enum amd_userptr_effect),
	       "members and numbers of backings agree");

const struct amd_userptr_event amd_userptr_events[] = {
	{ .name = "unmap",
	  .waits = true,
	  .what = "are unmapped",
	  .effects = EFFECTS(.anon = HOLE, .thp = HOLE, .shm = HOLE, .memfd = HOLE, .hugetlb = HOLE,
			     .private = HOLE, .file = HOLE, .readonly = HOLE),
	  .trigger = trigger_unmap,
	  .happened = not_readable,
	  .heal = __amd_userptr_area_replace,
	  .healed = OTHER },
	{ .name = "remap",
	  .waits = true,
	  .what = "are replaced by others",
	  .effects = EFFECTS(.anon = OTHER, .thp = OTHER, .shm = OTHER, .memfd = OTHER,
			     .hugetlb = OTHER, .private = OTHER, .file = OTHER, .readonly = OTHER),
	  .trigger = trigger_remap,
	  .happened = seen },
	/* A fork write-protects private mappings only, so the other backings have no event. */
	{ .name = "cow",
	  .waits = true,
	  .what = "are written after a fork",
	  .effects = EFFECTS(.anon = KEPT, .thp = KEPT, .shm = UNTOUCHED, .memfd = UNTOUCHED,
			     .hugetlb = UNTOUCHED, .private = KEPT, .file = UNTOUCHED,
			     .readonly = KEPT),
	  .trigger = trigger_cow,
	  .happened = seen },
	/*
	 * The pages of a shared mapping stay in their file, so the next access finds the same
	 * bytes.
	 */
	{ .name = "dontneed",
	  .what = "are dropped by MADV_DONTNEED",
	  .effects = EFFECTS(.anon = ZEROED, .thp = ZEROED, .shm = KEPT, .memfd = KEPT,
			     .hugetlb = KEPT, .private = FILE_BYTES, .file = KEPT,
			     .readonly = FILE_BYTES),
	  .trigger = trigger_dontneed,
	  .happened = seen },
	{ .name = "pageout",
	  .what = "are paged out, and in again",
	  .effects = EFFECTS(.anon = KEPT, .thp = KEPT, .shm = KEPT, .memfd = KEPT,
			     .hugetlb = NEVER, .private = KEPT, .file = KEPT, .readonly = KEPT),
	  .why_not = "the kernel never reclaims pages of hugetlbfs",
	  .refusal = "the kernel reclaimed none of the pages",
	  .prepare = prepare_pageout,
	  .trigger = trigger_pageout,
	  .happened = seen },
	/*
	 * A userptr that the GPU may only read does not become a hole, because it needs no write
	 * permission.
	 */
	{ .name = "mprotect",
	  .waits = true,
	  .what = "are made read-only",
	  .effects = EFFECTS(.anon = HOLE, .thp = HOLE, .shm = HOLE, .memfd = HOLE, .hugetlb = HOLE,
			     .private = HOLE, .file = HOLE, .readonly = KEPT),
	  .trigger = trigger_mprotect,
	  .happened = not_writable,
	  .heal = heal_mprotect,
	  .healed = KEPT },
	{ .name = "mremap",
	  .waits = true,
	  .what = "move to another address",
	  .effects = EFFECTS(.anon = HOLE, .thp = HOLE, .shm = HOLE, .memfd = HOLE, .hugetlb = HOLE,
			     .private = HOLE, .file = HOLE, .readonly = HOLE),
	  .trigger = trigger_mremap,
	  .happened = moved_elsewhere,
	  .heal = __amd_userptr_area_replace,
	  .healed = OTHER,
	  .check_others = check_elsewhere },
	{ .name = "migrate",
	  .what = "migrate to another node",
	  .effects = EFFECTS(.anon = KEPT, .thp = KEPT, .shm = KEPT, .memfd = KEPT, .hugetlb = KEPT,
			     .private = KEPT, .file = KEPT, .readonly = KEPT),
	  .prepare = prepare_migrate,
	  .trigger = trigger_migrate,
	  .happened = all_moved },
	{ .name = "compact",
	  .may_wait = true,
	  .what = "are moved by compaction",
	  .effects = EFFECTS(.anon = KEPT, .thp = NEVER, .shm = NEVER, .memfd = NEVER,
			     .hugetlb = NEVER, .private = NEVER, .file = NEVER, .readonly = NEVER),
	  .why_not = "compaction moves pages by their place in memory, so one backing is enough",
	  .refusal = "compaction moved none of the pages",
	  .trigger = trigger_compact,
	  .happened = seen },
	{ .name = "collapse",
	  .waits = true,
	  .what = "are collapsed into a huge page",
	  .huge = true,
	  .effects = EFFECTS(.anon = KEPT, .thp = NEVER, .shm = KEPT, .memfd = KEPT,
			     .hugetlb = NEVER, .private = NEVER, .file = NEVER, .readonly = NEVER),
	  .why_not = "the page is huge already, or the file system has no huge pages",
	  .refusal = "the kernel has no huge page to collapse into",
	  .prepare = remember_huge,
	  .trigger = trigger_collapse,
	  .happened = collapsed },
	{ .name = "split",
	  .what = "are split",
	  .huge = true,
	  .effects = EFFECTS(.anon = NEVER, .thp = KEPT, .shm = NEVER, .memfd = NEVER,
			     .hugetlb = NEVER, .private = NEVER, .file = NEVER, .readonly = NEVER),
	  .why_not = "the pages are small, or (hugetlbfs) the kernel never splits them",
	  .prepare = prepare_split,
	  .trigger = trigger_split,
	  .happened = seen },
	{ .name = "ksm",
	  .what = "are merged with equal ones",
	  .effects = EFFECTS(.anon = KEPT, .thp = NEVER, .shm = NEVER, .memfd = NEVER,
			     .hugetlb = NEVER, .private = KEPT, .file = NEVER, .readonly = NEVER),
	  .why_not = "KSM merges small private pages that were written",
	  .refusal = "KSM merged none of the pages",
	  .prepare = prepare_ksm,
	  .trigger = trigger_ksm,
	  .happened = seen },
	{ .name = "truncate",
	  .what = "are truncated",
	  .effects = EFFECTS(.anon = NEVER, .thp = NEVER, .shm = NEVER, .memfd = HOLE,
			     .hugetlb = HOLE, .private = HOLE, .file = HOLE, .readonly = HOLE),
	  .why_not = "there is no file, or (shm) no descriptor of it",
	  .trigger = trigger_truncate,
	  .happened = not_readable,
	  .heal = heal_truncate,
	  .healed = ZEROED },
	/* A hole in the file does not change the backing "private", whose pages are copies. */
	{ .name = "punch",
	  .what = "fall into a hole punched into the file",
	  .effects = EFFECTS(.anon = NEVER, .thp = NEVER, .shm = ZEROED, .memfd = ZEROED,
			     .hugetlb = ZEROED, .private = KEPT, .file = ZEROED,
			     .readonly = ZEROED),
	  .why_not = "there is no file",
	  .trigger = trigger_punch,
	  .happened = seen },
};
const unsigned int amd_userptr_num_events =
	sizeof(amd_userptr_events) / sizeof(amd_userptr_events[0]);
