/* SPDX-License-Identifier: MIT */
#ifndef AMD_USERPTR_FAULT_H
#define AMD_USERPTR_FAULT_H

#include "lib/amdgpu/amd_userptr.h"

/* The work of a child; the child has opened @mine, with a queue of its own, for itself. */
typedef void amd_userptr_act(struct amd_userptr *mine, void *data);

/*
 * Run @act in a child, because a GPU page fault ends all queues of a process.  Asserts that the
 * parent's queue works during the fault and after it.
 */
void amd_userptr_in_faulting_child(struct amd_userptr *up, amd_userptr_act *act, void *data);
/*
 * Wait until the queue has finished all its work (true), or until the GPU has a page fault (false).
 * Call amd_kfd_smi_mark() before the submission.
 */
bool amd_userptr_done_or_faulted(struct amd_userptr *mine);
/*
 * Let the GPU store to @va. Assert that it faults in the @size bytes from the start of @va's page
 * on, and executes no later packet.
 */
void amd_userptr_store_faults(struct amd_userptr *mine, uint64_t va, uint64_t size);

#endif
