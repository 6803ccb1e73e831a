/* SPDX-License-Identifier: MIT */
/* The parts of the amd_userptr_mixed test. */
#ifndef AMD_USERPTR_MIXED_H
#define AMD_USERPTR_MIXED_H

#include "lib/amdgpu/amd_userptr_fixture.h"
#include "lib/amdgpu/amd_userptr_mapped.h"

#define MIXED_SIZE ((size_t)64 << 10)

/* Wait until the queues run again, whatever evicted them, and assert that the GPU did not fault. */
void mixed_settle(struct amd_userptr *up);

extern const struct amd_userptr_subtest amd_userptr_mixed_disk_subtests[];
extern const unsigned int amd_userptr_num_mixed_disk_subtests;
extern const struct amd_userptr_subtest amd_userptr_mixed_process_subtests[];
extern const unsigned int amd_userptr_num_mixed_process_subtests;
extern const struct amd_userptr_subtest amd_userptr_mixed_memory_subtests[];
extern const unsigned int amd_userptr_num_mixed_memory_subtests;
extern const struct amd_userptr_subtest amd_userptr_mixed_ring_subtests[];
extern const unsigned int amd_userptr_num_mixed_ring_subtests;

#endif
