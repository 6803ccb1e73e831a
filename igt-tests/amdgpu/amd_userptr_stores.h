/* SPDX-License-Identifier: MIT */
/* The parts of the amd_userptr_stores test. */
#ifndef AMD_USERPTR_STORES_H
#define AMD_USERPTR_STORES_H

#include "lib/amdgpu/amd_userptr_area.h"

/* A way in which pages come to be writable and, for the CPU's page table, clean. */
struct stores_clean {
	const char *name;
	const char *what;
	const struct amd_userptr_backing *backing;
	/* Why not here, or NULL; before there is an area. */
	const char *(*prepare)(void);
	/* Do it: 0 or -errno, -ENODEV when the machine lacks what it takes. */
	int (*make)(struct amd_userptr_area *area);
	/* Maps nothing: may be done while the restore worker has mmap_lock for reading. */
	bool held;
	/* Not while somebody follows the pages, who would undo it half way. */
	bool once;
	/* What is true of the pages then, besides that they are clean. */
	bool lazyfree, swap_cache, huge;
};

extern const struct stores_clean amd_userptr_stores_clean[];
extern const unsigned int amd_userptr_num_stores_clean;
const struct stores_clean *stores_clean(const char *name);

/* All pages of the area are there and clean, as @clean has it; or fail. A huge page is one only the first time. */
void stores_expect_clean(const struct amd_userptr_area *area, const struct stores_clean *clean,
			 bool again);
/* Undo what prepare() has changed of the machine. */
void stores_clean_fini(void);

#endif
