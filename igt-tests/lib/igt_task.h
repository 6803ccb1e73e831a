/* SPDX-License-Identifier: MIT */
#ifndef IGT_TASK_H
#define IGT_TASK_H

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <sys/types.h>

/*
 * A thread that calls one function.  The function may have to wait for a lock in the kernel, and
 * the caller must go on meanwhile.
 */
struct igt_task {
	pthread_t thread;
	sem_t start;
	int (*run)(void *data);
	void *data;
	pid_t tid;
	int stat;		  /* descriptor of the thread's /proc/.../stat */
	int ret;		  /* result of run() */
	bool made, started, done; /* the thread exists; it may call run(); it does nothing more */
};

/*
 * Make the thread, which does not call @run yet.  Making it takes mmap_lock, so do that before
 * another thread holds this lock.
 */
void igt_task_make(struct igt_task *task, int (*run)(void *data), void *data);
/* Let the thread call run(), and return at once. */
void igt_task_let_go(struct igt_task *task);
/*
 * Let the thread call run(), and wait until run() has returned (true) or the thread sleeps in the
 * kernel in a way that no signal can interrupt (false).
 */
bool igt_task_start(struct igt_task *task);
/* Like igt_task_start(), but also false if the thread is in a sleep that a signal can interrupt. */
bool igt_task_start_intr(struct igt_task *task);
/* Wait for at most @ms until run() has returned; false if it has not. */
bool igt_task_wait(struct igt_task *task, unsigned int ms);
/*
 * Wait until the thread ends, and return the result of run().  If run() waits for a lock, the
 * caller has to release the lock first.
 */
int igt_task_end(struct igt_task *task);

/*
 * waitpid() with a deadline: false when the process is still there.  Asserts that @pid is a child
 * for which the caller has not waited yet, because otherwise @status would stay unchanged.
 */
bool igt_wait_pid(pid_t pid, int *status, unsigned int timeout_ms);
/*
 * Wait until the main thread of a process is a zombie; false when it is none after @timeout_ms.  A
 * main thread that exits before the other threads becomes a zombie, and has no mm_struct from then
 * on.
 */
bool igt_wait_zombie(pid_t pid, unsigned int timeout_ms);

#endif
