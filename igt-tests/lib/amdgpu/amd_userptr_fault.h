/* SPDX-License-Identifier: MIT */
#ifndef AMD_USERPTR_FAULT_H
#define AMD_USERPTR_FAULT_H

#include "lib/amdgpu/amd_userptr.h"

typedef void amd_userptr_act(struct amd_userptr *mine, void *data);

/*
 * A GPU page fault ends the queues of the whole process, so whoever provokes
 * one does it in a child; the parent's queue has to go on meanwhile.
 */
void amd_userptr_in_faulting_child(struct amd_userptr *up, amd_userptr_act *act, void *data);
/*
 * Wait for the end of all that was submitted, or for the GPU to find no memory
 * since the last mark of the SMI events; true in the first case.
 */
bool amd_userptr_done_or_faulted(struct amd_userptr *mine);
/* A store to @va faults and nothing behind it is executed. */
void amd_userptr_store_faults(struct amd_userptr *mine, uint64_t va, uint64_t size);

#endif
