// SPDX-License-Identifier: MIT
/*
 * Pages change in many places of a BO, so far apart that each changed page has a window of its own,
 * and one restore has to write all these windows.  The driver goes through all mappings of the BO
 * for each window.  If there are many windows and several mappings, it writes all mappings once
 * instead.
 */
#include <sys/mman.h>

#include "igt.h"

#include "lib/amdgpu/amd_svm_holder.h"
#include "lib/amdgpu/amd_vm_trace.h"
#include "lib/igt_tracefs.h"

#include "amd_userptr_scatter.h"

/*
 * If more windows than MAX_WINDOWS have changed in a BO with several mappings, the driver does not
 * go through the mappings for each further window, but writes all of the mappings once
 * (amdgpu_userptr_gem.c).  MANY_WINDOWS is larger by 16, because some changed pages may be next to
 * a contiguous run, and then the driver merges their windows with the neighbour windows.
 */
enum { MAX_WINDOWS = 64, MANY_WINDOWS = MAX_WINDOWS + 16, FEW_WINDOWS = 10 };

/* How many restores to try until one of them writes windows and not the whole BO at once. */
enum { ATTEMPTS = 8 };

/*
 * The distance between two pages that change, so large that the driver does not merge their
 * windows.
 */
enum { APART = WINDOW_GAP + 2 };

/* The part of the BO that has the second mapping: from spot PART_FIRST to before spot PART_END. */
enum { PART_FIRST = 20, PART_END = 60 };

/*
 * The BO has MANY_WINDOWS spots.  A spot is a page that the test can change; APART - 1 other pages
 * follow it, which never change.  Two sets of these other pages take turns, because a page may be
 * in 64 ranges at most (AMDGPU_USERPTR_MAX_OVERLAP).
 */
struct spots {
	struct amd_userptr_scatter whole;
	/*
	 * The same BO at the second address, where only a part of it is mapped.  Without a second
	 * mapping the va is 0.
	 */
	struct amd_userptr_scatter part;
	char *cpu;  /* the spots are neighbours in the address space */
	char *away; /* spots_change() moves the old pages here */
};

static uint64_t spot_offset(unsigned int index)
{
	return (uint64_t)index * APART * page();
}

static void spots_make(struct spots *spots, struct amd_userptr *up)
{
	const size_t size = MANY_WINDOWS * page(), rest = (APART - 1) * page();
	char *stay[2];

	memset(spots, 0, sizeof(*spots));
	scatter_trace_start(up);
	spots->away = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	amd_userptr_adopt(up, spots->away, size);
	spots->cpu = (char *)amd_userptr_mmap(up, size, 1);
	for (unsigned int i = 0; i < ARRAY_LENGTH(stay); i++)
		stay[i] = (char *)amd_userptr_mmap(up, rest, 2 + i);
	amd_userptr_scatter_init(&spots->whole, up, 2 * MANY_WINDOWS);
	for (unsigned int i = 0; i < MANY_WINDOWS; i++) {
		amd_userptr_scatter_add(&spots->whole, spots->cpu + i * page(), page(), 0);
		amd_userptr_scatter_add(&spots->whole, stay[i % ARRAY_LENGTH(stay)], rest, 0);
	}
	amd_userptr_scatter_map(&spots->whole, 0);
}

/* Map a part of the BO at another address, too. */
static void spots_map_part(struct spots *spots)
{
	const uint64_t offset = spot_offset(PART_FIRST), size = spot_offset(PART_END) - offset;
	const uint64_t va = amd_kfd_va_reserve(size, 0);

	igt_assert(va);
	igt_assert_eq(__amd_userptr_va(spots->whole.up, AMDGPU_VA_OP_MAP, spots->whole.bo->handle,
				       va, offset, size, AMD_USERPTR_RW),
		      0);
	spots->part = spots->whole;
	spots->part.va = va - offset;
}

/*
 * Move the pages of @count spots away by one call, so that the spots get new pages.  The GPU finds
 * the new pages only if the driver writes new entries.
 */
static void spots_change(struct spots *spots, unsigned int first, unsigned int count)
{
	char *cpu = spots->cpu + first * page(), *away = spots->away + first * page();
	struct amd_userptr *up = spots->whole.up;

	amd_kfd_smi_mark(&up->smi);
	igt_tracefs_clear();
	igt_assert(mremap(cpu, count * page(), count * page(),
			  MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, away) == away);
	amd_pattern_fill(cpu, count * page(), 10);
	amd_userptr_expect_evictions(up, 0);
}

/*
 * It is not on the stack, so that the clean-up lets the worker go on after a failed assertion, too.
 */
static struct amd_svm_holder holder;

static void end_holder(struct amd_userptr *up)
{
	amd_svm_holder_fini(&holder);
}

/*
 * Drop the pages of all spots while the restore worker cannot begin.  The spots have more than one
 * MMU notifier.  If the worker began between two notifiers, no restore would have all windows.
 */
static void spots_change_at_once(struct spots *spots)
{
	struct amd_userptr *up = spots->whole.up;
	const size_t size = MANY_WINDOWS * page();

	amd_kfd_smi_mark(&up->smi);
	amd_svm_holder_hold(&holder);
	igt_tracefs_clear();
	igt_assert_eq(madvise(spots->cpu, size, MADV_DONTNEED), 0);
	amd_pattern_fill(spots->cpu, size, 10);
	amd_svm_holder_release(&holder);
	amd_userptr_expect_evictions(up, 0);
	amd_svm_holder_forget(&holder);
}

/*
 * The GPU reads the spots @first to @end - 1, the page behind each, and the page before each of
 * them but @first, because the mapping may begin there.  It also reads the page before spot @end,
 * where the mapping may end.
 */
static void spots_read(struct amd_userptr_scatter *scatter, unsigned int first, unsigned int end)
{
	amd_userptr_scatter_reads(scatter, spot_offset(first), 2 * page());
	for (unsigned int i = first + 1; i < end; i++)
		amd_userptr_scatter_reads(scatter, spot_offset(i) - page(), 3 * page());
	amd_userptr_scatter_reads(scatter, spot_offset(end) - page(), page());
}

static void spots_read_all(struct spots *spots)
{
	spots_read(&spots->whole, 0, MANY_WINDOWS);
	if (spots->part.va)
		spots_read(&spots->part, PART_FIRST, PART_END);
	/*
	 * Also read pages that did not change, from the start of the BO to the middle of the part.
	 */
	amd_userptr_scatter_reads(&spots->whole, 0, spot_offset((PART_FIRST + PART_END) / 2));
}

static struct amd_vm_trace whole_written(const struct spots *spots)
{
	return amd_vm_trace_read(spots->whole.va, spots->whole.bo->size);
}

static struct amd_vm_trace part_written(const struct spots *spots)
{
	const uint64_t offset = spot_offset(PART_FIRST);

	return amd_vm_trace_read(spots->part.va + offset, spot_offset(PART_END) - offset);
}

static void many_windows(struct amd_userptr *up)
{
	struct amd_vm_trace trace;
	struct spots spots;
	int ret;

	/* Start this first, because its fork would change the memory of the BO. */
	ret = __amd_svm_holder_init(&holder, &up->kfd);
	igt_require_f(!ret, "no SVM or no FUSE file to hold the worker: %s\n", strerror(-ret));
	up->undo = end_holder;
	spots_make(&spots, up);
	spots_map_part(&spots);
	for (unsigned int i = 0; i < ATTEMPTS; i++) {
		spots_change_at_once(&spots);
		trace = whole_written(&spots);
		igt_assert_lte(trace.windows, MAX_WINDOWS + 1);
		if (trace.windows == MAX_WINDOWS + 1)
			break;
	}
	igt_require_f(trace.windows == MAX_WINDOWS + 1,
		      "each restore has written the whole BO at once\n");
	igt_assert_lte_u64(spot_offset(MANY_WINDOWS) / page(), trace.pages);
	trace = part_written(&spots);
	igt_assert_lte(trace.windows, PART_END - PART_FIRST + 1);
	igt_assert_lte_u64(spot_offset(PART_END - PART_FIRST) / page(), trace.pages);
	spots_read_all(&spots);
	amd_userptr_scatter_writes(&spots.whole, spot_offset(MANY_WINDOWS - 1), page(), 20);
	amd_userptr_scatter_writes(&spots.part, spot_offset(PART_END - 1), page(), 21);
	igt_tracefs_off();
}

/* Few windows: the driver writes each of them in both mappings, and nothing between them. */
static void few_windows(struct amd_userptr *up)
{
	const unsigned int first = PART_FIRST - FEW_WINDOWS / 2;
	struct amd_vm_trace trace;
	struct spots spots;

	spots_make(&spots, up);
	spots_map_part(&spots);
	spots_change(&spots, first, FEW_WINDOWS);
	trace = whole_written(&spots);
	igt_assert_lte(trace.windows, FEW_WINDOWS);
	igt_assert_lte_u64(trace.first, spot_offset(first) / page());
	igt_assert_lte_u64(spot_offset(first + FEW_WINDOWS - 1) / page(), trace.last);
	igt_assert_lte_u64(trace.pages, FEW_WINDOWS * APART);
	trace = part_written(&spots);
	igt_assert_lte(trace.windows, FEW_WINDOWS / 2);
	igt_assert_eq_u64(trace.first, 0);
	igt_assert_lte_u64(trace.pages, FEW_WINDOWS * APART);
	spots_read_all(&spots);
	igt_tracefs_off();
}

/* With one mapping the driver writes each window, however many there are. */
static void many_windows_once(struct amd_userptr *up)
{
	struct amd_vm_trace trace;
	struct spots spots;

	spots_make(&spots, up);
	spots_change(&spots, 0, MANY_WINDOWS);
	trace = whole_written(&spots);
	igt_assert_lt(MAX_WINDOWS + 1, trace.windows);
	igt_assert_lte_u64(trace.pages, spot_offset(MANY_WINDOWS) / page() / 2);
	spots_read_all(&spots);
	igt_tracefs_off();
}

const struct amd_userptr_subtest amd_userptr_scatter_spots_subtests[] = {
	{ .name = "many-windows",
	  .run = many_windows,
	  .describe =
		  "When many windows of a BO with two mappings change, the driver writes both mappings once." },
	{ .name = "few-windows",
	  .run = few_windows,
	  .describe =
		  "When few windows of a BO with two mappings change, the driver writes only these." },
	{ .name = "many-windows-once",
	  .run = many_windows_once,
	  .describe =
		  "When many windows of a BO with one mapping change, the driver writes only these." },
};
const unsigned int amd_userptr_num_scatter_spots_subtests =
	ARRAY_LENGTH(amd_userptr_scatter_spots_subtests);
