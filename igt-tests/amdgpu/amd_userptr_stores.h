/* SPDX-License-Identifier: MIT */
/* The parts of the amd_userptr_stores test. */
#ifndef AMD_USERPTR_STORES_H
#define AMD_USERPTR_STORES_H

#include "lib/amdgpu/amd_userptr_area.h"

/* A way to make pages writable and, in the CPU's page table, clean. */
struct stores_clean {
	const char *name;
	const char *what;
	const struct amd_userptr_backing *backing;
	/* Runs before there is an area; returns a reason to skip, or NULL. */
	const char *(*prepare)(void);
	/*
	 * Makes the pages clean; 0 or -errno.  After -ENODEV and -ENOSYS the subtest skips, because
	 * the machine cannot do that.
	 */
	int (*make)(struct amd_userptr_area *area);
	/*
	 * True if make() does not take mmap_lock for writing.  Such a make() may run while the test
	 * holds the restore worker, which has that lock for reading.
	 */
	bool held;
	/*
	 * True if make() cannot run while the driver tracks the pages, because the restore worker
	 * would make them dirty again before make() is done.
	 */
	bool once;
	/* The state of the pages after make(), which stores_expect_clean() asserts. */
	bool lazyfree;	 /* given back by MADV_FREE */
	bool swap_cache; /* in the swap cache */
	bool huge;	 /* one huge page */
};

extern const struct stores_clean amd_userptr_stores_clean[];
extern const unsigned int amd_userptr_num_stores_clean;
const struct stores_clean *stores_clean(const char *name);

/*
 * Assert that all pages of the area are in memory and clean.  @again: the subtest makes the pages
 * clean for the second time, so the kernel may have split a huge page meanwhile.
 */
void stores_expect_clean(const struct amd_userptr_area *area, const struct stores_clean *clean,
			 bool again);

#endif
