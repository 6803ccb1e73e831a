/* SPDX-License-Identifier: MIT */
/*
 * Hold the restore worker in the middle of its work, so that a test can do something at that time.
 *
 * The worker faults in pages while it holds mmap_lock for reading.  A missing page of userfaultfd
 * does not hold the worker: hmm_range_fault() cannot drop the lock to wait, so it fails.  A page of
 * a FUSE file makes the worker wait for the server, which is a child of the test (igt_fuse.h).  So
 * hold() maps such a page over the memory of a userptr that no queue uses: the notifier evicts the
 * queues, and the worker waits until release() lets the server answer.  A stock kernel keeps the
 * lock of the KFD process meanwhile.  A kernel with the series drops that lock, so KFD's restore of
 * VRAM does not wait.
 *
 * Between hold and release the caller must not map, unmap or allocate memory, because it would wait
 * for mmap_lock and so for the worker.
 */
#ifndef AMD_USERPTR_STALL_H
#define AMD_USERPTR_STALL_H

#include "lib/amdgpu/amd_userptr.h"
#include "lib/igt_fuse.h"

struct amd_userptr_stall {
	struct igt_fuse fuse;
	uint64_t offset;	/* in the file: hold() maps a page there, each time a new one */
	void *page;		/* the memory of the userptr */
	uint32_t handle;	/* of the BO; 0: none */
	struct amd_kfd_mem mem; /* KFD's userptr at @va, where the kernel lacks the HSA flag */
	uint64_t va;
	bool held; /* the worker waits for the page, or will soon */
};

/* Prepare the FUSE file; 0, or -errno when that is impossible. */
int __amd_userptr_stall_init(struct amd_userptr_stall *stall);
void amd_userptr_stall_fini(struct amd_userptr_stall *stall);

/* Evict the queues; returns when the worker waits for the page. */
void amd_userptr_stall_hold(struct amd_userptr_stall *stall, struct amd_userptr *up);
/* Release the worker, and assert that it was held until now. */
void amd_userptr_stall_release(struct amd_userptr_stall *stall);
/*
 * Release the worker if it is held, and close the userptr if there is one.  A test calls this also
 * after a failure.
 */
void amd_userptr_stall_drop(struct amd_userptr_stall *stall, struct amd_userptr *up);

#endif
