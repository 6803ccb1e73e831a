/* SPDX-License-Identifier: MIT */
/*
 * The parts of the amd_userptr_stock_bugs test.  Subtests whose names end in -hsa need a kernel
 * with AMDGPU_GEM_USERPTR_HSA.
 */
#ifndef AMD_USERPTR_STOCK_BUGS_H
#define AMD_USERPTR_STOCK_BUGS_H

#include "lib/amdgpu/amd_userptr_canary.h"
#include "lib/amdgpu/amd_userptr_fixture.h"

/* The flags of a userptr without AMDGPU_GEM_USERPTR_HSA, which every kernel has. */
#define AMD_USERPTR_UNTRACKED (AMD_USERPTR_TRACKED & ~AMDGPU_GEM_USERPTR_HSA)

/* The GPU stores this value to memory that it should not reach any more. */
#define AMD_USERPTR_STRAY_VALUE 0xdeadbeefu

extern const struct amd_userptr_subtest amd_userptr_close_subtest;
extern const struct amd_userptr_subtest amd_userptr_unmap_subtests[];
extern const unsigned int amd_userptr_num_unmap_subtests;
extern const struct amd_userptr_subtest amd_userptr_free_subtest;
extern const struct amd_userptr_subtest amd_userptr_restore_subtest;
extern const struct amd_userptr_subtest amd_userptr_submit_subtests[];
extern const unsigned int amd_userptr_num_submit_subtests;
extern const struct amd_userptr_subtest amd_userptr_submit_hsa_subtest;
extern const struct amd_userptr_subtest amd_userptr_race_subtest;
extern const struct amd_userptr_subtest amd_userptr_gone_subtests[];
extern const unsigned int amd_userptr_num_gone_subtests;
extern const struct amd_userptr_subtest amd_userptr_svm_subtests[];
extern const unsigned int amd_userptr_num_svm_subtests;
extern const struct amd_userptr_subtest amd_userptr_window_subtest, amd_userptr_window_hsa_subtest;
extern const struct amd_userptr_subtest amd_userptr_signal_subtest;
extern const struct amd_userptr_subtest amd_userptr_thread_subtests[];
extern const unsigned int amd_userptr_num_thread_subtests;
extern const struct amd_userptr_subtest amd_userptr_thread_hsa_subtests[];
extern const unsigned int amd_userptr_num_thread_hsa_subtests;
extern const struct amd_userptr_subtest amd_userptr_split_subtests[];
extern const unsigned int amd_userptr_num_split_subtests;
extern const struct amd_userptr_subtest amd_userptr_split_hsa_subtests[];
extern const unsigned int amd_userptr_num_split_hsa_subtests;

#endif
