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
	/* A reason to skip, or NULL; runs before there is an area. */
	const char *(*prepare)(void);
	/* Make the pages clean: 0 or -errno, -ENODEV when the machine cannot do that. */
	int (*make)(struct amd_userptr_area *area);
	/*
	 * make() maps nothing, so it may run while the restore worker holds mmap_lock for reading.
	 */
	bool held;
	/*
	 * make() cannot run while the driver tracks the pages, because the worker would make them
	 * dirty again in the middle of it.
	 */
	bool once;
	/*
	 * After make() the pages are given back by MADV_FREE, are in the swap cache, are one huge
	 * page: stores_expect_clean() asserts that.
	 */
	bool lazyfree, swap_cache, huge;
};

extern const struct stores_clean amd_userptr_stores_clean[];
extern const unsigned int amd_userptr_num_stores_clean;
const struct stores_clean *stores_clean(const char *name);

/*
 * Assert that all pages of the area are in memory and clean.  @again: not the first time in a
 * subtest, so a huge page may have been split.
 */
void stores_expect_clean(const struct amd_userptr_area *area, const struct stores_clean *clean,
			 bool again);
/* Undo the changes that prepare() has made to the machine. */
void stores_clean_fini(void);

#endif
