// SPDX-License-Identifier: MIT
/*
 * The main thread of a process exits while another thread goes on.  The restore worker of the stock
 * driver looks up the address space of the main thread, which has none any more, so the queues stay
 * evicted.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>
#include <sys/mman.h>
#include <xf86drm.h>

#include "igt.h"

#include "lib/igt_gate.h"
#include "lib/igt_mm.h"
#include "lib/igt_task.h"

#include "amd_userptr_stock_bugs.h"

#define SURVIVOR_SIZE ((size_t)16 * getpagesize())

/*
 * State of the thread that goes on after the main thread has ended.  It is not on the stack of the
 * main thread, because that stack is gone then.
 */
static struct survivor {
	struct amd_userptr up;
	struct igt_gate done;
	uint32_t *cpu;
	uint64_t va;
	uint32_t handle; /* 0: a userptr of KFD */
} survivor;

/*
 * Body of the thread that goes on after the main thread has ended.  If an assertion fails, the
 * process ends before the gate is open, and the parent notices that.
 */
static void *go_on_alone(void *data)
{
	struct survivor *s = data;

	igt_assert(igt_wait_zombie(getpid(), AMD_USERPTR_WAIT_MS));
	amd_kfd_smi_mark(&s->up.smi);
	igt_assert_eq(madvise(s->cpu, SURVIVOR_SIZE, MADV_DONTNEED), 0);
	amd_userptr_expect_evictions(&s->up, 1);
	amd_userptr_gpu_check_zero(&s->up, s->va, SURVIVOR_SIZE);
	amd_userptr_gpu_fill(&s->up, s->va, SURVIVOR_SIZE, 2);
	amd_pattern_check(s->cpu, SURVIVOR_SIZE, 2, "written by the GPU");

	amd_kfd_smi_mark(&s->up.smi);
	igt_assert_eq(__igt_mm_fork_and_write(s->cpu, SURVIVOR_SIZE), 0);
	amd_userptr_expect_evictions(&s->up, 0);
	amd_userptr_gpu_check(&s->up, s->va, SURVIVOR_SIZE, 2);
	amd_userptr_gpu_fill(&s->up, s->va, SURVIVOR_SIZE, 3);
	amd_pattern_check(s->cpu, SURVIVOR_SIZE, 3, "written by the GPU after copy-on-write");
	igt_gate_open(&s->done);
	_exit(IGT_EXIT_SUCCESS);
}

/*
 * Another body of the thread that goes on: it tries to export the userptr.  A dma-buf would give
 * the memory of this process to others, so the driver has to refuse the export.
 */
static void *export_alone(void *data)
{
	struct survivor *s = data;
	int dmabuf = -1, ret;

	igt_assert(igt_wait_zombie(getpid(), AMD_USERPTR_WAIT_MS));
	ret = drmPrimeHandleToFD(s->up.fd, s->handle, DRM_CLOEXEC, &dmabuf);
	igt_assert_f(ret, "a userptr was exported\n");
	igt_assert_eq(errno, EPERM);
	igt_gate_open(&s->done);
	_exit(IGT_EXIT_SUCCESS);
}

struct thread_exit {
	uint32_t flags;		   /* flags of the userptr; 0: a userptr of KFD */
	void *(*then)(void *data); /* body of the thread that goes on */
};

static void exit_main_thread(struct amd_userptr *up, const void *data)
{
	const struct thread_exit *test = data;
	const uint32_t flags = test->flags;
	struct survivor *s = &survivor;
	bool opened;

	igt_gate_init(&s->done);
	igt_fork(child, 1) {
		pthread_t thread;
		struct amd_kfd_mem mem;

		amd_userptr_open_in_child(&s->up, up);
		s->cpu = amd_userptr_mmap(&s->up, SURVIVOR_SIZE, 1);
		if (flags) {
			struct amd_userptr_bo *bo =
				amd_userptr_create(&s->up, s->cpu, SURVIVOR_SIZE, flags);

			amd_userptr_map(&s->up, bo);
			s->handle = bo->handle;
			s->va = bo->va;
		} else {
			amd_kfd_register(&s->up.kfd, s->cpu, SURVIVOR_SIZE, 0, &mem);
			s->va = mem.va;
		}
		amd_userptr_gpu_check(&s->up, s->va, SURVIVOR_SIZE, 1);
		igt_assert_eq(pthread_create(&thread, NULL, test->then, s), 0);
		pthread_exit(NULL);
	}
	igt_gate_watch(&s->done);
	opened = igt_gate_is_open(&s->done, 2 * AMD_USERPTR_WAIT_MS);
	igt_waitchildren_timeout(AMD_USERPTR_WAIT_MS / 1000, "the child whose main thread exits");
	igt_gate_fini(&s->done);
	igt_assert_f(opened, "the remaining thread did not finish\n");
}

static const struct thread_exit kfd = { .then = go_on_alone };
static const struct thread_exit export = { AMD_USERPTR_UNTRACKED, export_alone };
static const struct thread_exit hsa = { AMD_USERPTR_TRACKED, go_on_alone };
static const struct thread_exit export_hsa = { AMD_USERPTR_TRACKED, export_alone };

const struct amd_userptr_subtest amd_userptr_thread_subtests[] = {
	{ .name = "main-thread-exit",
	  .run_with = exit_main_thread,
	  .data = &kfd,
	  .describe = "KFD restores its userptrs after the main thread has exited." },
	{ .name = "main-thread-exit-export",
	  .run_with = exit_main_thread,
	  .data = &export,
	  .describe = "Nobody can export a userptr after the main thread has exited." },
};
const unsigned int amd_userptr_num_thread_subtests = ARRAY_LENGTH(amd_userptr_thread_subtests);

const struct amd_userptr_subtest amd_userptr_thread_hsa_subtests[] = {
	{ .name = "main-thread-exit-hsa",
	  .run_with = exit_main_thread,
	  .data = &hsa,
	  .describe = "The driver restores HSA userptrs after the main thread has exited." },
	{ .name = "main-thread-exit-export-hsa",
	  .run_with = exit_main_thread,
	  .data = &export_hsa,
	  .describe = "Nobody can export an HSA userptr after the main thread has exited." },
};
const unsigned int amd_userptr_num_thread_hsa_subtests =
	ARRAY_LENGTH(amd_userptr_thread_hsa_subtests);
