/* SPDX-License-Identifier: MIT */
#ifndef IGT_TASK_H
#define IGT_TASK_H

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <sys/types.h>

/* Something that may have to wait for the worker, in a thread of its own. */
struct igt_task {
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
void igt_task_make(struct igt_task *task, int (*run)(void *data), void *data);
/* Start it, for a caller who sees by other things how far it is. */
void igt_task_let_go(struct igt_task *task);
/* Start it; returns true when it is done, false when it sleeps in the kernel. */
bool igt_task_start(struct igt_task *task);
/* Wait for its end; must have been released.  What run() returned. */
int igt_task_end(struct igt_task *task);

/* waitpid() with a deadline: false when the process is still there. */
bool igt_wait_pid(pid_t pid, int *status, unsigned int timeout_ms);

#endif
