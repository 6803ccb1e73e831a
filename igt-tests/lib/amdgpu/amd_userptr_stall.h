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

#include <pthread.h>
#include <semaphore.h>

#include "lib/amdgpu/amd_userptr.h"
#include "lib/igt_fuse.h"

struct amd_userptr_stall {
	struct amd_userptr_fuse fuse;
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

/* Something that may have to wait for the worker, in a thread of its own. */
struct amd_userptr_task {
	pthread_t thread;
	sem_t start;
	int (*run)(void *data);
	void *data;
	pid_t tid;
	int stat;			/* /proc/.../stat of the thread */
	int ret;
	bool made, started, done;
};

/* Make the thread, before anything is held. */
void amd_userptr_task_make(struct amd_userptr_task *task, int (*run)(void *data), void *data);
/* Start it, for a caller who sees by other things how far it is. */
void amd_userptr_task_let_go(struct amd_userptr_task *task);
/* Start it; returns true when it is done, false when it sleeps in the kernel. */
bool amd_userptr_task_start(struct amd_userptr_task *task);
/* The letter of a thread's state in its open /proc/.../stat, 0 when there is none. */
char __amd_userptr_task_state(int stat);
/* Wait for its end; must have been released.  What run() returned. */
int amd_userptr_task_end(struct amd_userptr_task *task);

#endif
