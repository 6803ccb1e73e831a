/* SPDX-License-Identifier: MIT */
/*
 * Keep KFD's restore worker and the restore worker of SVM from working: a thread registers SVM
 * memory whose page does not come.  The thread waits for the page in
 * kfd_svm.c:svm_range_set_attr().  Meanwhile it holds the lock of the KFD process, which both
 * workers need, and mmap_lock for reading.
 *
 * Between hold and release the caller must not map, unmap or allocate memory, because it would wait
 * for mmap_lock and so for the page.
 */
#ifndef AMD_SVM_HOLDER_H
#define AMD_SVM_HOLDER_H

#include <stdint.h>

#include "lib/amdgpu/amd_kfd.h"
#include "lib/igt_fuse.h"
#include "lib/igt_task.h"

struct amd_svm_holder {
	struct igt_fuse fuse;
	uint64_t offset; /* offset in the file of a page that is not in the page cache */
	struct igt_task task;
	struct amd_kfd *kfd;
	void *page; /* NULL: none is mapped */
};

/* Prepare the FUSE file; 0, or -errno when that is impossible or KFD has no SVM. */
int __amd_svm_holder_init(struct amd_svm_holder *holder, struct amd_kfd *kfd);
/* Also undoes a hold, so that the clean-up can call this after a failed assertion. */
void amd_svm_holder_fini(struct amd_svm_holder *holder);
/* Let the thread take the locks; returns when it waits for the page. */
void amd_svm_holder_hold(struct amd_svm_holder *holder);
/* Let the page come, and assert that the thread has held the locks until now. */
void amd_svm_holder_release(struct amd_svm_holder *holder);
/* Unmap the page.  It is SVM memory since release(), so KFD evicts the queues. */
void amd_svm_holder_forget(struct amd_svm_holder *holder);

#endif
