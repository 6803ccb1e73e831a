/* SPDX-License-Identifier: MIT */
/* The parts of the amd_userptr_holes test. */
#ifndef AMD_USERPTR_HOLES_H
#define AMD_USERPTR_HOLES_H

#include "lib/amdgpu/amd_userptr_run.h"

/* A userptr of the render node as every kernel knows it. */
#define AMD_USERPTR_UNTRACKED (AMD_USERPTR_TRACKED & ~AMDGPU_GEM_USERPTR_HSA)

/* Enough for the kernel to hand out again what was freed a moment before. */
#define AMD_USERPTR_FRESH_SIZE ((size_t)1 << 20)

/*
 * A page of @fresh, which has AMD_USERPTR_FRESH_SIZE, whose frame is one of
 * @pfns, and its index there; NULL without.
 */
uint32_t *amd_userptr_find_reused(void *fresh, const uint64_t *pfns, unsigned int count,
				  unsigned int *index);

/* H2. */
extern const struct amd_userptr_subtest amd_userptr_window_subtest, amd_userptr_window_hsa_subtest;
extern const struct amd_userptr_subtest amd_userptr_any_kernel_subtests[];
extern const unsigned int amd_userptr_num_any_kernel_subtests;
extern const struct amd_userptr_subtest amd_userptr_flag_subtests[];
extern const unsigned int amd_userptr_num_flag_subtests;

#endif
