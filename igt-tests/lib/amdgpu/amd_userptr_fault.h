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
 * Wait until the queue has finished all its work without a GPU page fault (true), or until the GPU
 * has one (false), also if the queue goes on after it.  Call amd_kfd_smi_mark() before the
 * submission.
 */
bool amd_userptr_done_or_faulted(struct amd_userptr *mine);
/*
 * Let the GPU store to @va. Assert that KFD reports a fault in the @size bytes from the start of
 * @va's page on. The queue may go on, because some GPUs use a default page after a fault, so the
 * caller compares the memory that the store must not have changed.
 */
void amd_userptr_store_faults(struct amd_userptr *mine, uint64_t va, uint64_t size);

#endif
