/* SPDX-License-Identifier: MIT */
/* The parts of the amd_userptr_cs test. */
#ifndef AMD_USERPTR_CS_TEST_H
#define AMD_USERPTR_CS_TEST_H

#include "lib/amdgpu/amd_userptr_cs.h"
#include "lib/amdgpu/amd_userptr_fixture.h"
#include "lib/amdgpu/amd_userptr_mapped.h"

enum { CS_SECONDS = 50 };

/*
 * Define subtests, outside of fixtures: submissions that list a changing userptr, also in KFD's
 * processes.
 */
void amd_userptr_cs_listed_subtests(struct amd_userptr *up);
/* Define subtests, outside of fixtures: submissions that reach a userptr without listing it. */
void amd_userptr_cs_unlisted_subtests(struct amd_userptr *up);

#endif
