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

/*
 * Let the GPU store AMD_USERPTR_STRAY_VALUE to @va.  Assert first that @canary, which is
 * AMD_USERPTR_FRESH_SIZE bytes with the pattern of @seed, has not changed, and then that the store
 * faulted.  @who begins the message about the canary.
 */
void amd_userptr_stray_store(struct amd_userptr *mine, uint64_t va, const uint32_t *canary,
			     uint32_t seed, const char *who);

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
extern const struct amd_userptr_subtest amd_userptr_stats_subtest;
extern const struct amd_userptr_subtest amd_userptr_xcc_subtest;
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
