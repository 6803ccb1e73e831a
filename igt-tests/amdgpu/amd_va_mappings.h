/* SPDX-License-Identifier: MIT */
/*
 * A window of GPU addresses, and a model of it that lists the mappings as the driver does, so it
 * knows which calls of GEM_VA must succeed and which leave a mapping as it is.  The unit is a GPU
 * page of 4 KiB, whatever the CPU's page size is.
 */
#ifndef AMD_VA_MAPPINGS_H
#define AMD_VA_MAPPINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/amdgpu/amd_userptr.h"
#include "lib/amdgpu/amd_userptr_scatter.h"

/* The GPU pages of a huge page, which one entry of a page directory maps. */
enum { HUGE_PAGES = 512 };

/* The size of the window.  Each mapping has at least one page, so this is the most mappings, too.
 */
enum { WINDOW_PAGES = 3 * HUGE_PAGES };

/*
 * A userptr of two huge pages, one of small pages, one of ranges in shuffled order, and GTT memory,
 * which the driver does not track.
 */
enum { BO_HUGE, BO_SMALL, BO_SCATTER, BO_GTT, NUM_BOS };

struct mappings_bo {
	uint32_t handle;
	unsigned int pages;
	char *cpu;		       /* NULL: the memory is the ranges of @scatter */
	uint32_t stamps[WINDOW_PAGES]; /* the number that each page has in its first dword */
};

struct mapping {
	unsigned int at, count; /* in the window */
	unsigned int bo, page;	/* the page of the BO at @at */
	uint32_t flags;
};

struct mappings {
	struct amd_userptr *up;
	uint64_t va;
	struct mappings_bo bos[NUM_BOS];
	struct amd_userptr_scatter scatter;
	uint32_t last_stamp;
	struct mapping list[WINDOW_PAGES];
	unsigned int count;
	bool was_mapped[WINDOW_PAGES]; /* the page was mapped at some time */
	uint64_t random;
};

/* Returns a random number below @limit. */
unsigned int mappings_pick(struct mappings *all, unsigned int limit);

void mappings_init(struct mappings *all, struct amd_userptr *up, uint64_t seed);
/*
 * Drop, page out, protect or copy some pages of a userptr from BO @first on, and store new stamps
 * there.  If @first is BO_HUGE, the kernel splits the huge pages sooner or later.
 */
void mappings_change(struct mappings *all, unsigned int first);
/*
 * The GPU reads the first, the last and two other pages of each mapping, and stores new stamps
 * there if it may.  Asserts that it has no GPU page fault, and that GPU and CPU find the stamps.
 * @call is the last call, for the message.
 */
void mappings_check(struct mappings *all, const char *call);
/*
 * Can the GPU read an address that was mapped and is not any more?  It must not.  If the GPU
 * faults, the test must not use the queue again.
 */
bool mappings_reaches_cleared(struct mappings *all);

/* Update the model after MAP or REPLACE, and after CLEAR or UNMAP. */
void mappings_map(struct mappings *all, const struct mapping *mapping);
void mappings_clear(struct mappings *all, unsigned int at, unsigned int count);
/* Is an address of the mapping in use? */
bool mappings_is_busy(const struct mappings *all, const struct mapping *mapping);
/*
 * Does the driver leave everything as it is when REPLACE gets this mapping?  It does so if exactly
 * this mapping is there, and its BO is a userptr that queues may use meanwhile.
 */
bool mappings_keeps(const struct mappings *all, const struct mapping *mapping);

#endif
