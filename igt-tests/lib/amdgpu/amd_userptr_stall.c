// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "igt.h"

#include "lib/igt_time.h"
#include "lib/amdgpu/amd_userptr_stall.h"

/* A thread that sleeps in the kernel at so many looks in a row waits for a lock. */
#define ASLEEP_LOOKS	20

int __amd_userptr_stall_init(struct amd_userptr_stall *stall)
{
	void *page = mmap(NULL, getpagesize(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memset(stall, 0, sizeof(*stall));
	if (page == MAP_FAILED)
		return -errno;
	stall->page = page;
	return __amd_userptr_fuse_start(&stall->fuse);
}

void amd_userptr_stall_fini(struct amd_userptr_stall *stall)
{
	if (!stall->page)
		return;
	munmap(stall->page, getpagesize());
	amd_userptr_fuse_stop(&stall->fuse);
	memset(stall, 0, sizeof(*stall));
}

static void map_page(struct amd_userptr_stall *stall, int flags, int fd)
{
	igt_assert(mmap(stall->page, getpagesize(), PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_FIXED | flags, fd, fd < 0 ? 0 : stall->offset) ==
		   stall->page);
}

/* By KFD where the kernel lacks the flag: it is the same worker. */
static void follow_page(struct amd_userptr_stall *stall, struct amd_userptr *up)
{
	const size_t size = getpagesize();

	if (up->supported) {
		igt_assert_eq(__amd_userptr_create(up->fd, stall->page, size, AMD_USERPTR_TRACKED,
						   &stall->handle), 0);
		return;
	}
	stall->va = amd_kfd_va_reserve(size, 0);
	igt_assert(stall->va);
	amd_kfd_register(&up->kfd, stall->page, size, stall->va, &stall->mem);
}

void amd_userptr_stall_hold(struct amd_userptr_stall *stall, struct amd_userptr *up)
{
	map_page(stall, MAP_ANONYMOUS, -1);
	follow_page(stall, up);
	stall->offset += AMD_USERPTR_FUSE_NEXT;
	/* Before anybody can wait for the page: also when what follows fails. */
	stall->held = true;
	map_page(stall, 0, stall->fuse.file);
	igt_assert_f(amd_userptr_fuse_asked(&stall->fuse, AMD_USERPTR_WAIT_MS),
		     "the restore worker did not ask for the page\n");
	igt_assert(amd_userptr_stopped(up));
}

void amd_userptr_stall_drop(struct amd_userptr_stall *stall, struct amd_userptr *up)
{
	amd_userptr_stall_release(stall);
	if (stall->handle)
		__amd_userptr_close_handle(up->fd, stall->handle);
	stall->handle = 0;
	__amd_kfd_free(&up->kfd, &stall->mem);
	if (stall->va)
		amd_kfd_va_release(stall->va, getpagesize());
	stall->va = 0;
}

void amd_userptr_stall_release(struct amd_userptr_stall *stall)
{
	if (stall->held)
		amd_userptr_fuse_answer(&stall->fuse);
	stall->held = false;
}

static void *run_task(void *data)
{
	struct amd_userptr_task *task = data;

	__atomic_store_n(&task->tid, syscall(SYS_gettid), __ATOMIC_RELEASE);
	while (sem_wait(&task->start) && errno == EINTR)
		;
	if (task->started)
		task->ret = task->run(task->data);
	__atomic_store_n(&task->done, true, __ATOMIC_RELEASE);
	return NULL;
}

void amd_userptr_task_make(struct amd_userptr_task *task, int (*run)(void *data), void *data)
{
	const uint64_t deadline = amd_kfd_now_ms() + AMD_USERPTR_WAIT_MS;
	char path[64];

	memset(task, 0, sizeof(*task));
	task->run = run;
	task->data = data;
	igt_assert_eq(sem_init(&task->start, 0, 0), 0);
	igt_assert_eq(pthread_create(&task->thread, NULL, run_task, task), 0);
	task->made = true;
	while (!__atomic_load_n(&task->tid, __ATOMIC_ACQUIRE) && amd_kfd_now_ms() < deadline)
		amd_kfd_pause();
	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", task->tid);
	task->stat = open(path, O_RDONLY | O_CLOEXEC);
	igt_assert_fd(task->stat);
}

/* It is after the name in parentheses: Documentation/filesystems/proc.rst. */
char __amd_userptr_task_state(int stat)
{
	char text[512], *name_end;
	ssize_t len = pread(stat, text, sizeof(text) - 1, 0);

	if (len <= 0)
		return 0;
	text[len] = '\0';
	name_end = strrchr(text, ')');
	return name_end && name_end[1] == ' ' ? name_end[2] : 0;
}

void amd_userptr_task_let_go(struct amd_userptr_task *task)
{
	task->started = true;
	sem_post(&task->start);
}

bool amd_userptr_task_start(struct amd_userptr_task *task)
{
	const uint64_t deadline = amd_kfd_now_ms() + AMD_USERPTR_WAIT_MS;
	unsigned int looks = 0;

	amd_userptr_task_let_go(task);
	while (amd_kfd_now_ms() < deadline) {
		if (__atomic_load_n(&task->done, __ATOMIC_ACQUIRE))
			return true;
		looks = __amd_userptr_task_state(task->stat) == 'D' ? looks + 1 : 0;
		if (looks == ASLEEP_LOOKS)
			return false;
		amd_kfd_pause();
	}
	igt_assert_f(false, "a thread neither ended nor waited\n");
	return false;
}

int amd_userptr_task_end(struct amd_userptr_task *task)
{
	if (!task->made)
		return 0;
	if (!task->started)
		sem_post(&task->start);	/* to end without running */
	pthread_join(task->thread, NULL);
	close(task->stat);
	sem_destroy(&task->start);
	task->made = false;
	return task->ret;
}
