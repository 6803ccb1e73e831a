/* SPDX-License-Identifier: MIT */
/* The parts of the amd_userptr_hsa test. */
#ifndef AMD_USERPTR_HSA_H
#define AMD_USERPTR_HSA_H

#include "lib/amdgpu/amd_userptr.h"
#include "lib/amdgpu/amd_userptr_fixture.h"

/*
 * A BO of this size has first, middle and last pages.  One page table maps more memory than that,
 * so the BO never fills a page table of its own.
 */
#define AMD_USERPTR_PAGES 16
#define AMD_USERPTR_SIZE  ((size_t)AMD_USERPTR_PAGES * getpagesize())

extern const struct amd_userptr_subtest amd_userptr_move_subtests[];
extern const unsigned int amd_userptr_num_move_subtests;
extern const struct amd_userptr_subtest amd_userptr_lifetime_subtests[];
extern const unsigned int amd_userptr_num_lifetime_subtests;
extern const struct amd_userptr_subtest amd_userptr_fault_subtests[];
extern const unsigned int amd_userptr_num_fault_subtests;
extern const struct amd_userptr_subtest amd_userptr_busy_subtests[];
extern const unsigned int amd_userptr_num_busy_subtests;
extern const struct amd_userptr_subtest amd_userptr_evict_subtests[];
extern const unsigned int amd_userptr_num_evict_subtests;
extern const struct amd_userptr_subtest amd_userptr_long_subtests[];
extern const unsigned int amd_userptr_num_long_subtests;
extern const struct amd_userptr_subtest amd_userptr_stock_gap;

#endif
