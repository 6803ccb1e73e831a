/* SPDX-License-Identifier: MIT */
/*
 * Freed pages that are somebody's again: what a GPU that still has a freed page
 * stores there is seen without a page oracle.  Root, for page frames.
 */
#ifndef AMD_USERPTR_CANARY_H
#define AMD_USERPTR_CANARY_H

#include <stddef.h>
#include <stdint.h>

/* Enough for the kernel to hand out again what was freed a moment before. */
#define AMD_USERPTR_FRESH_SIZE ((size_t)1 << 20)

/*
 * A page of @fresh, which has AMD_USERPTR_FRESH_SIZE, whose frame is one of
 * @pfns, and its index there; NULL without.
 */
uint32_t *amd_userptr_find_reused(void *fresh, const uint64_t *pfns, unsigned int count,
				  unsigned int *index);

/* A page that was freed on one CPU is handed out again there: the caller's threads stay on it. */
void amd_userptr_stay_on_cpu(void);

#endif
