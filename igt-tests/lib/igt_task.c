// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "igt.h"

#include "lib/igt_procfs.h"
#include "lib/igt_task.h"
#include "lib/igt_time.h"

/* The limit of each wait in this file. */
#define WAIT_MS igt_patience(10000)

/* A thread that sleeps in this many looks in a row counts as waiting for a lock or an event. */
#define ASLEEP_LOOKS 20

static void *run_task(void *data)
{
	struct igt_task *task = data;

	__atomic_store_n(&task->tid, syscall(SYS_gettid), __ATOMIC_RELEASE);
	while (sem_wait(&task->start) && errno == EINTR)
		;
	if (task->started)
		task->ret = task->run(task->data);
	__atomic_store_n(&task->done, true, __ATOMIC_RELEASE);
	return NULL;
}

void igt_task_make(struct igt_task *task, int (*run)(void *data), void *data)
{
	const uint64_t deadline = igt_now_ms() + WAIT_MS;
	char path[64];

	memset(task, 0, sizeof(*task));
	task->run = run;
	task->data = data;
	igt_assert_eq(sem_init(&task->start, 0, 0), 0);
	igt_assert_eq(pthread_create(&task->thread, NULL, run_task, task), 0);
	task->made = true;
	while (!__atomic_load_n(&task->tid, __ATOMIC_ACQUIRE) && igt_now_ms() < deadline)
		igt_pause();
	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", task->tid);
	task->stat = open(path, O_RDONLY | O_CLOEXEC);
	igt_assert_fd(task->stat);
}

void igt_task_let_go(struct igt_task *task)
{
	task->started = true;
	sem_post(&task->start);
}

/*
 * Let the thread go, then wait until run() has returned (true) or the thread sleeps (false).
 * @states: the letters of /proc/PID/task/TID/stat that count as sleep.
 */
static bool start(struct igt_task *task, const char *states)
{
	const uint64_t deadline = igt_now_ms() + WAIT_MS;
	unsigned int looks = 0;
	char state;

	igt_task_let_go(task);
	while (igt_now_ms() < deadline) {
		if (__atomic_load_n(&task->done, __ATOMIC_ACQUIRE))
			return true;
		state = igt_procfs_task_state(task->stat);
		looks = state && strchr(states, state) ? looks + 1 : 0;
		if (looks == ASLEEP_LOOKS)
			return false;
		igt_pause();
	}
	igt_assert_f(false, "a thread neither ended nor waited\n");
	return false;
}

bool igt_task_start(struct igt_task *task)
{
	return start(task, "D");
}

bool igt_task_start_intr(struct igt_task *task)
{
	return start(task, "DS");
}

bool igt_task_wait(struct igt_task *task, unsigned int ms)
{
	const uint64_t deadline = igt_now_ms() + ms;

	while (!__atomic_load_n(&task->done, __ATOMIC_ACQUIRE)) {
		if (igt_now_ms() >= deadline)
			return false;
		igt_pause();
	}
	return true;
}

int igt_task_end(struct igt_task *task)
{
	if (!task->made)
		return 0;
	if (!task->started)
		sem_post(&task->start); /* the thread ends without run() */
	pthread_join(task->thread, NULL);
	close(task->stat);
	sem_destroy(&task->start);
	task->made = false;
	return task->ret;
}

bool igt_wait_pid(pid_t pid, int *status, unsigned int timeout_ms)
{
	const uint64_t deadline = igt_now_ms() + timeout_ms;
	const struct timespec pause = { .tv_nsec = 2000000 };

	for (;;) {
		const pid_t ended = waitpid(pid, status, WNOHANG);

		igt_assert_f(ended >= 0, "no child %d: %s\n", pid, strerror(errno));
		if (ended == pid)
			return true;
		if (igt_now_ms() >= deadline)
			return false;
		nanosleep(&pause, NULL);
	}
}

bool igt_wait_zombie(pid_t pid, unsigned int timeout_ms)
{
	const uint64_t deadline = igt_now_ms() + timeout_ms;
	char path[64], state;
	int stat;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	stat = open(path, O_RDONLY | O_CLOEXEC);
	while ((state = igt_procfs_task_state(stat)) != 'Z' && igt_now_ms() < deadline)
		igt_pause();
	close(stat);
	return state == 'Z';
}
