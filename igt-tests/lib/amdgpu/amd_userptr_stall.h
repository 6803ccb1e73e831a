/* SPDX-License-Identifier: MIT */
/*
 * Catch the restore worker in the middle, and run something else meanwhile.
 *
 * The worker faults in pages with mmap_lock held for reading, and no way to
 * drop it: a page that userfaultfd should provide is an error for it, not a
 * reason to wait.  A page of a FUSE file makes it wait for the server, which is
 * a child of ours.  So a userptr of one page, which no queue uses, gets a page
 * of such a file by mmap(): that stops the queues, and the worker waits, with
 * all its locks, until the server may answer.
 *
 * Between hold and release the caller must not map, unmap or allocate: whoever
 * wants mmap_lock for writing waits for the worker.
 */
#ifndef AMD_USERPTR_STALL_H
#define AMD_USERPTR_STALL_H

#include "lib/amdgpu/amd_userptr.h"
#include "lib/igt_fuse.h"

struct amd_userptr_stall {
	struct igt_fuse fuse;
	uint64_t offset;		/* of a page that nobody has asked for */
	void *page;			/* the userptr */
	uint32_t handle;		/* 0: none */
	struct amd_kfd_mem mem;		/* the same of KFD, at this address of the GPU */
	uint64_t va;
	bool held;
};

/* 0, or -errno when there cannot be one here. */
int __amd_userptr_stall_init(struct amd_userptr_stall *stall);
void amd_userptr_stall_fini(struct amd_userptr_stall *stall);

/* Stop the queues; returns when the worker waits. */
void amd_userptr_stall_hold(struct amd_userptr_stall *stall, struct amd_userptr *up);
void amd_userptr_stall_release(struct amd_userptr_stall *stall);
/* Release, if that has not happened, and close the userptr, if there is one. */
void amd_userptr_stall_drop(struct amd_userptr_stall *stall, struct amd_userptr *up);

#endif
