/* SPDX-License-Identifier: MIT */
/* The parts of the amd_userptr_scatter test. */
#ifndef AMD_USERPTR_SCATTER_TEST_H
#define AMD_USERPTR_SCATTER_TEST_H

#include <unistd.h>

#include "lib/amdgpu/amd_userptr_fixture.h"
#include "lib/amdgpu/amd_userptr_scatter.h"

/* So many ranges that a BO has a first, a last and some middle ones. */
#define FEW_RANGES  16
/* So many ranges that they need several page tables, and that their restore takes long. */
#define MANY_RANGES 4096
/* More ranges than the driver handles in any one batch. */
#define MOST_RANGES 100000

/*
 * shared_pages() makes this number of ranges of each page, because one page for each of the ranges
 * would be too much memory.
 */
#define RANGES_PER_PAGE 20

static inline size_t page(void)
{
	return getpagesize();
}

/*
 * The driver merges two windows when fewer pages than this are between them.  A page table has this
 * number of entries (amdgpu_userptr_pages.c).
 */
enum { WINDOW_GAP = 512 };

/*
 * Trace the driver's writes to page tables.  Skips if an IOMMU translates the GPU's addresses,
 * because then the trace cannot show all changes.
 */
void scatter_trace_start(struct amd_userptr *up);

/*
 * The number of the range that loses its memory in amd_userptr_scatter_heal.c and _map.c.  Other
 * ranges come before and behind this range, and they must keep working.
 */
enum { CHANGED = 5 };

/* The CPU address of the changed range. */
char *scatter_changed(const struct amd_userptr_scatter *scatter);
/* Map a new page at @addr, in the place of anything that is mapped there. */
void scatter_map_fresh(void *addr);
/*
 * Assert that the GPU reaches all ranges except the changed one, by storing the patterns of @seed
 * and @seed + 1.
 */
void scatter_rest_goes_on(struct amd_userptr_scatter *scatter, uint32_t seed);

/* Add @count ranges, of which RANGES_PER_PAGE share each page, in shuffled order. */
static inline char *shared_pages(struct amd_userptr_scatter *scatter, struct amd_userptr *up,
				 unsigned int count)
{
	const size_t pages = count / RANGES_PER_PAGE;
	char *cpu = (char *)amd_userptr_mmap(up, pages * page(), count);

	amd_userptr_scatter_init(scatter, up, count);
	for (unsigned int i = 0; i < count; i++)
		amd_userptr_scatter_add(scatter, cpu + i % pages * page(), page(), 0);
	amd_userptr_scatter_shuffle(scatter, count);
	return cpu;
}

extern const struct amd_userptr_subtest amd_userptr_scatter_uapi_subtests[];
extern const unsigned int amd_userptr_num_scatter_uapi_subtests;
extern const struct amd_userptr_subtest amd_userptr_scatter_beside_subtests[];
extern const unsigned int amd_userptr_num_scatter_beside_subtests;
extern const struct amd_userptr_subtest amd_userptr_scatter_heal_subtests[];
extern const unsigned int amd_userptr_num_scatter_heal_subtests;
extern const struct amd_userptr_subtest amd_userptr_scatter_loop_subtests[];
extern const unsigned int amd_userptr_num_scatter_loop_subtests;
extern const struct amd_userptr_subtest amd_userptr_scatter_map_subtests[];
extern const unsigned int amd_userptr_num_scatter_map_subtests;
extern const struct amd_userptr_subtest amd_userptr_scatter_window_subtests[];
extern const unsigned int amd_userptr_num_scatter_window_subtests;
extern const struct amd_userptr_subtest amd_userptr_scatter_spots_subtests[];
extern const unsigned int amd_userptr_num_scatter_spots_subtests;
extern const struct amd_userptr_subtest amd_userptr_scatter_cross_subtests[];
extern const unsigned int amd_userptr_num_scatter_cross_subtests;
extern const struct amd_userptr_subtest amd_userptr_scatter_storm_subtests[];
extern const unsigned int amd_userptr_num_scatter_storm_subtests;

#endif
