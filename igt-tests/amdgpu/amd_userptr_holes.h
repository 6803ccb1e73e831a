/* SPDX-License-Identifier: MIT */
/* The parts of the amd_userptr_holes test. */
#ifndef AMD_USERPTR_HOLES_H
#define AMD_USERPTR_HOLES_H

#include "lib/amdgpu/amd_userptr_run.h"

/* A userptr of the render node as every kernel knows it. */
#define AMD_USERPTR_UNTRACKED (AMD_USERPTR_TRACKED & ~AMDGPU_GEM_USERPTR_HSA)

/*
 * Wait for the end of all that was submitted, or for the GPU to find no memory
 * since the last mark of the SMI events; true in the first case.
 */
bool amd_userptr_holes_done(struct amd_userptr *mine);

extern const struct amd_userptr_subtest amd_userptr_any_kernel_subtests[];
extern const unsigned int amd_userptr_num_any_kernel_subtests;
extern const struct amd_userptr_subtest amd_userptr_flag_subtests[];
extern const unsigned int amd_userptr_num_flag_subtests;

#endif
