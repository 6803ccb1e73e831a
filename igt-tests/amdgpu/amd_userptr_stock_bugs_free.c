// SPDX-License-Identifier: MIT
/*
 * The last part of bug H14 of docs/upstreaming.md.  AMDKFD_IOC_FREE_MEMORY_OF_GPU removed a userptr
 * from the lists of the restore worker, and then waited for reservations, which a signal can
 * interrupt.  The process kept the handle and could map the userptr again, but the worker did not
 * know the userptr any more.  So after the next change of the memory the queues ran with the old
 * page table entries.
 *
 * The test interrupts the ioctl reliably in the right place, because it makes the ioctl wait there.
 * A CS context has room for a limited number of submissions (the module parameter sched_jobs).  The
 * test fills it.  One more submission reserves the page directory and then waits for the first one
 * (amdgpu_ctx_wait_prev_fence()), and the first one waits until the test writes a word.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <linux/kfd_ioctl.h>

#include "igt.h"

#include "lib/amdgpu/amd_userptr_cs.h"
#include "lib/igt_procfs.h"
#include "lib/igt_task.h"
#include "lib/igt_time.h"

#include "amd_userptr_stock_bugs.h"

#define FREE_SIZE ((size_t)16 * getpagesize())

#define SCHED_JOBS	   "/sys/module/amdgpu/parameters/sched_jobs"
#define SCHED_JOBS_DEFAULT 32 /* drivers/gpu/drm/amd/amdgpu/amdgpu_drv.c */

/*
 * How long to send signals.  This must be less than the time that the driver allows for a job,
 * because the submissions run meanwhile.
 */
#define SIGNALS_MS 1000

/*
 * The most rounds.  If the last submission of a round sleeps for another reason before it has
 * reserved the page directory, no signal interrupts the free, and the test makes another round.
 */
#define ROUNDS 8

enum { WORD_GO };

struct interrupted {
	struct amd_userptr *up;
	struct amd_userptr_cs cs;
	uint64_t seq; /* sequence number of the last submission */
	struct igt_task submit, free;
	struct amd_kfd_mem mem;
};

static void do_nothing(int sig)
{
}

/* Submit the IB, which is the same for all submissions. */
static int submit(void *data)
{
	struct interrupted *test = data;

	return __amd_userptr_cs_submit(&test->cs, NULL, 0, &test->seq);
}

/* Call the ioctl once.  __amd_kfd_free_memory() would call it again after a signal. */
static int free_memory(void *data)
{
	struct interrupted *test = data;
	struct kfd_ioctl_free_memory_of_gpu_args args = { .handle = test->mem.handle };

	return ioctl(test->up->kfd.fd, AMDKFD_IOC_FREE_MEMORY_OF_GPU, &args) ? -errno : 0;
}

/*
 * Fill the CS context.  Then the thread test->submit makes one more submission, which reserves the
 * page directory and sleeps, so that the page directory stays reserved.
 */
static void reserve(struct interrupted *test)
{
	const unsigned int room = igt_procfs_number(SCHED_JOBS, "") ?: SCHED_JOBS_DEFAULT;

	*(volatile uint32_t *)test->cs.data.cpu = 0;
	amd_userptr_cs_begin(&test->cs);
	amd_kfd_queue_poll(&test->cs.packets, test->cs.data.va + WORD_GO * sizeof(uint32_t), 1);
	for (unsigned int i = 0; i < room; i++)
		igt_assert_eq(submit(test), 0);
	igt_assert_f(!igt_task_start_intr(&test->submit), "a context takes more than %u jobs\n",
		     room);
}

static void unreserve(struct interrupted *test)
{
	*(volatile uint32_t *)test->cs.data.cpu = 1;
	igt_assert_eq(igt_task_end(&test->submit), 0);
	igt_assert_eq(__amd_userptr_cs_wait(&test->cs, test->seq, AMD_USERPTR_WAIT_MS), 0);
}

/*
 * Free the userptr while the page directory is reserved, and send signals.  Returns the result of
 * the ioctl, 0 or -errno.
 */
static int free_under_signals(struct interrupted *test)
{
	const uint64_t deadline = igt_now_ms() + SIGNALS_MS;

	igt_task_make(&test->submit, submit, test);
	igt_task_make(&test->free, free_memory, test);
	reserve(test);
	if (!igt_task_start_intr(&test->free)) {
		do
			pthread_kill(test->free.thread, SIGUSR1);
		while (!igt_task_wait(&test->free, 1) && igt_now_ms() < deadline);
	}
	unreserve(test);
	return igt_task_end(&test->free);
}

/*
 * Register @cpu with KFD, unmap it from the GPU and free it, until a signal has interrupted the
 * free.
 */
static void interrupt_free(struct interrupted *test, uint32_t *cpu)
{
	for (unsigned int i = 0; i < ROUNDS; i++) {
		const uint64_t va = amd_kfd_va_reserve(FREE_SIZE, 0);
		int ret;

		igt_assert(va);
		amd_kfd_register(&test->up->kfd, cpu, FREE_SIZE, va, &test->mem);
		amd_userptr_gpu_check(test->up, va, FREE_SIZE, 1);
		igt_assert_eq(__amd_kfd_unmap_memory(&test->up->kfd, test->mem.handle), 0);
		ret = free_under_signals(test);
		if (ret == -EINTR)
			return;
		igt_assert_eq(ret, 0);
		amd_kfd_va_release(va, FREE_SIZE);
	}
	igt_assert_f(false, "no signal interrupted the free\n");
}

static void in_child(struct amd_userptr *mine)
{
	/* The action lacks SA_RESTART, so the ioctl returns -EINTR. */
	const struct sigaction action = { .sa_handler = do_nothing };
	uint32_t *cpu = amd_userptr_mmap(mine, FREE_SIZE, 1), *fresh;
	struct interrupted test = { .up = mine };

	amd_userptr_stay_on_cpu();
	igt_assert_eq(sigaction(SIGUSR1, &action, NULL), 0);
	igt_assert_eq(__amd_userptr_cs_open(mine->fd, AMD_KFD_QUEUE_SDMA, &test.cs), 0);
	interrupt_free(&test, cpu);

	/* The free failed, so the userptr must still work. */
	igt_assert_eq(__amd_kfd_map_memory(&mine->kfd, test.mem.handle), 0);
	amd_userptr_gpu_check(mine, test.mem.va, FREE_SIZE, 1);
	amd_kfd_smi_mark(&mine->smi);
	igt_assert_eq(madvise(cpu, FREE_SIZE, MADV_DONTNEED), 0);
	/*
	 * Let new memory take the freed pages, so that the GPU finds the pattern of the new memory
	 * if it reads freed pages.
	 */
	fresh = amd_userptr_mmap(mine, AMD_USERPTR_FRESH_SIZE, 2);
	amd_pattern_fill(cpu, FREE_SIZE, 3);
	amd_userptr_expect_evictions(mine, 0);
	/* Let the GPU store only after it has shown that it reads the right pages. */
	amd_userptr_gpu_check(mine, test.mem.va, FREE_SIZE, 3);
	amd_userptr_gpu_fill(mine, test.mem.va, FREE_SIZE, 4);
	amd_pattern_check(cpu, FREE_SIZE, 4, "written by the GPU");
	amd_pattern_check(fresh, AMD_USERPTR_FRESH_SIZE, 2, "memory that has a freed page");
	amd_kfd_free(&mine->kfd, &test.mem);
	amd_userptr_cs_close(&test.cs);
}

static void free_interrupted(struct amd_userptr *up)
{
	/* When a signal interrupts KFD while it reserves the BO, KFD logs this as an error. */
	igt_emit_ignore_dmesg_regex("Failed to reserve buffers in ttm");
	igt_fork(child, 1) {
		struct amd_userptr mine;

		amd_userptr_open_in_child(&mine, up);
		in_child(&mine);
		amd_userptr_close(&mine);
	}
	igt_waitchildren();
}

const struct amd_userptr_subtest amd_userptr_free_subtest = {
	.name = "free-interrupted-kfd",
	.run = free_interrupted,
	.describe =
		"KFD still restores a userptr after a signal has interrupted the ioctl that frees it.",
};
