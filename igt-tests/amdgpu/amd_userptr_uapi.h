/* SPDX-License-Identifier: MIT */
/* The parts of the amd_userptr_uapi test. */
#ifndef AMD_USERPTR_UAPI_H
#define AMD_USERPTR_UAPI_H

#include "lib/amdgpu/amd_userptr_fixture.h"

extern const struct amd_userptr_subtest amd_userptr_coherence_subtests[];
extern const unsigned int amd_userptr_num_coherence_subtests;
extern const struct amd_userptr_subtest amd_userptr_criu_subtests[];
extern const unsigned int amd_userptr_num_criu_subtests;
extern const struct amd_userptr_subtest amd_userptr_svm_subtests[];
extern const unsigned int amd_userptr_num_svm_subtests;

#endif
