/* SPDX-License-Identifier: MIT */
/* The parts of the amd_userptr_holes test. */
#ifndef AMD_USERPTR_STOCK_BUGS_H
#define AMD_USERPTR_STOCK_BUGS_H

#include "lib/amdgpu/amd_userptr_canary.h"
#include "lib/amdgpu/amd_userptr_fixture.h"

/* A userptr of the render node as every kernel knows it. */
#define AMD_USERPTR_UNTRACKED (AMD_USERPTR_TRACKED & ~AMDGPU_GEM_USERPTR_HSA)

/* H2. */
extern const struct amd_userptr_subtest amd_userptr_window_subtest, amd_userptr_window_hsa_subtest;
extern const struct amd_userptr_subtest amd_userptr_any_kernel_subtests[];
extern const unsigned int amd_userptr_num_any_kernel_subtests;
extern const struct amd_userptr_subtest amd_userptr_flag_subtests[];
extern const unsigned int amd_userptr_num_flag_subtests;

#endif
