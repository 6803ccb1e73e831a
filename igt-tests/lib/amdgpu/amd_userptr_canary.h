/* SPDX-License-Identifier: MIT */
/*
 * Freed pages that the kernel gives back to the test at another address.  If the GPU still has such
 * a page in its page tables, its stores appear in the test's new memory.  So the test notices the
 * stale entry without the page oracle, and the stores harm no other process.  Needs root to read
 * page frames.
 */
#ifndef AMD_USERPTR_CANARY_H
#define AMD_USERPTR_CANARY_H

#include <stddef.h>
#include <stdint.h>

/*
 * The size of the new memory.  It is so large that the memory gets some of the pages that the
 * kernel has freed just before.
 */
#define AMD_USERPTR_FRESH_SIZE ((size_t)1 << 20)

/*
 * Find a page in [fresh, fresh + AMD_USERPTR_FRESH_SIZE) whose frame is one of @pfns.  Returns the
 * page and the frame's @index in @pfns, or NULL.
 */
uint32_t *amd_userptr_find_reused(void *fresh, const uint64_t *pfns, unsigned int count,
				  unsigned int *index);

/*
 * Keep the caller on one CPU, because the kernel keeps a freed page in a list of the CPU that freed
 * it, and gives it out again on this CPU.
 */
void amd_userptr_stay_on_cpu(void);

#endif
