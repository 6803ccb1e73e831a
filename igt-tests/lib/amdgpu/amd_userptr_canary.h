/* SPDX-License-Identifier: MIT */
/*
 * Freed pages that the test gets again under another address.  A GPU that still has such a page in
 * its page tables stores to memory of the test, which sees that without a page oracle.  Needs root
 * to read page frames.
 */
#ifndef AMD_USERPTR_CANARY_H
#define AMD_USERPTR_CANARY_H

#include <stddef.h>
#include <stdint.h>

/* Large enough for the kernel to hand out pages in it that were freed a moment before. */
#define AMD_USERPTR_FRESH_SIZE ((size_t)1 << 20)

/*
 * Find a page in [fresh, fresh + AMD_USERPTR_FRESH_SIZE) whose frame is one of @pfns.  Returns the
 * page and the frame's @index in @pfns, or NULL.
 */
uint32_t *amd_userptr_find_reused(void *fresh, const uint64_t *pfns, unsigned int count,
				  unsigned int *index);

/* Keep the caller on one CPU, because the kernel hands out a freed page again on the same CPU. */
void amd_userptr_stay_on_cpu(void);

#endif
