/* SPDX-License-Identifier: MIT */
/* The parts of the amd_userptr_cs test. */
#ifndef AMD_USERPTR_CS_TEST_H
#define AMD_USERPTR_CS_TEST_H

#include "lib/amdgpu/amd_userptr_cs.h"
#include "lib/amdgpu/amd_userptr_fixture.h"
#include "lib/amdgpu/amd_userptr_mapped.h"

enum { CS_SECONDS = 50 };

/*
 * These functions define subtests, so call them outside of fixtures.
 */

/* Submissions list a userptr whose memory changes, also in processes of KFD. */
void amd_userptr_cs_listed_subtests(struct amd_userptr *up);
/* Submissions reach, without listing it, a userptr whose memory changes. */
void amd_userptr_cs_unlisted_subtests(struct amd_userptr *up);
/* Submissions that do not list a userptr begin after its memory has gone. */
void amd_userptr_cs_invalid_subtests(struct amd_userptr *up);
/* A process of KFD must not wait for the submission of another process. */
void amd_userptr_cs_beside_subtests(struct amd_userptr *up);

#endif
