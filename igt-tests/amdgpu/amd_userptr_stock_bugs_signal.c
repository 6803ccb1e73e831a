// SPDX-License-Identifier: MIT
/*
 * A process calls GEM_VA while it gets signals all the time.  When the CPU writes the page tables
 * (vm_update_mode=3), the stock driver waits for fences after it has changed the list of mappings,
 * and a signal ends the wait (C14 of docs/upstreaming.md).  MAP then returns 0 without page table
 * entries: the driver expects the next submission to write them, but a KFD process makes none.  The
 * kernel restarts UNMAP, which fails with -ENOENT, because the first call has removed the mapping.
 *
 * The driver only waits if there is a fence: MAP waits until SDMA has cleared new VRAM, and UNMAP
 * waits for the eviction fence of the process.  When SDMA writes the page tables, the driver does
 * not wait, so the subtest passes on every kernel.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>
#include <xf86drm.h>

#include "igt.h"

#include "lib/amdgpu/amd_userptr_fault.h"

#include "amd_userptr_stock_bugs.h"

/* Clearing a buffer of this size takes SDMA longer than the time between two signals. */
#define BUFFER_SIZE ((size_t)1 << 20)
#define ROUNDS	    24
#define SIGNAL_NS   100000

/* At least this many signals have to come during GEM_VA and the wait for its page table update. */
#define ENOUGH_HITS ROUNDS

struct pester {
	pthread_t thread, target;
	atomic_bool stop;
};

static volatile sig_atomic_t in_call, hits;

static void count_hit(int sig)
{
	hits += in_call;
}

static void *send_signals(void *data)
{
	const struct timespec pause = { .tv_nsec = SIGNAL_NS };
	struct pester *pester = data;

	while (!pester->stop) {
		pthread_kill(pester->target, SIGUSR1);
		nanosleep(&pause, NULL);
	}
	return NULL;
}

static void pester_start(struct pester *pester)
{
	const struct sigaction action = { .sa_handler = count_hit, .sa_flags = SA_RESTART };

	*pester = (struct pester){ .target = pthread_self() };
	hits = 0;
	igt_assert_eq(sigaction(SIGUSR1, &action, NULL), 0);
	igt_assert_eq(pthread_create(&pester->thread, NULL, send_signals, pester), 0);
}

static void pester_stop(struct pester *pester)
{
	pester->stop = true;
	igt_assert_eq(pthread_join(pester->thread, NULL), 0);
}

static uint32_t create_cleared(struct amd_userptr *mine)
{
	union drm_amdgpu_gem_create create = {
		.in = {
			.bo_size = BUFFER_SIZE,
			.domains = AMDGPU_GEM_DOMAIN_VRAM,
			.domain_flags = AMDGPU_GEM_CREATE_VRAM_CLEARED,
		},
	};

	igt_assert_eq(drmIoctl(mine->fd, DRM_IOCTL_AMDGPU_GEM_CREATE, &create), 0);
	return create.out.handle;
}

static int va_counted(struct amd_userptr *mine, uint32_t operation, uint32_t handle, uint64_t va)
{
	int ret;

	in_call = 1;
	ret = __amd_userptr_va(mine, operation, handle, va, 0, BUFFER_SIZE,
			       operation == AMDGPU_VA_OP_MAP ? AMD_USERPTR_RW : 0);
	in_call = 0;
	return ret;
}

static void map_and_unmap(struct amd_userptr *mine, uint32_t handle)
{
	const uint64_t va = amd_kfd_va_reserve(BUFFER_SIZE, 0);
	int ret;

	igt_assert(va);
	ret = va_counted(mine, AMDGPU_VA_OP_MAP, handle, va);
	igt_assert_f(ret == 0, "MAP returns %s\n", strerror(-ret));
	amd_kfd_smi_mark(&mine->smi);
	amd_kfd_queue_copy(mine->queue, mine->out.va, va, BUFFER_SIZE);
	amd_kfd_queue_submit(mine->queue);
	igt_assert_f(amd_userptr_done_or_faulted(mine),
		     "GPU page fault at an address that MAP has mapped\n");
	amd_pattern_check_zero(mine->out.cpu, BUFFER_SIZE, "cleared VRAM");
	ret = va_counted(mine, AMDGPU_VA_OP_UNMAP, handle, va);
	igt_assert_f(ret == 0, "UNMAP of a mapping returns %s\n", strerror(-ret));
	amd_kfd_va_release(va, BUFFER_SIZE);
}

static void pestered(struct amd_userptr *mine, void *data)
{
	uint32_t handles[ROUNDS];
	struct pester pester;

	memset(mine->out.cpu, 0xff, BUFFER_SIZE);
	pester_start(&pester);
	/* Keep the buffers until the end, because the driver need not clear VRAM that was freed. */
	for (unsigned int i = 0; i < ROUNDS; i++) {
		handles[i] = create_cleared(mine);
		map_and_unmap(mine, handles[i]);
	}
	pester_stop(&pester);
	for (unsigned int i = 0; i < ROUNDS; i++)
		igt_assert_eq(__amd_userptr_close_handle(mine->fd, handles[i]), 0);
	igt_info("%d signals during GEM_VA\n", (int)hits);
	igt_assert_lte(ENOUGH_HITS, hits);
	amd_userptr_queue_alive(mine);
}

static void va_under_signals(struct amd_userptr *up)
{
	amd_userptr_in_faulting_child(up, pestered, NULL);
}

const struct amd_userptr_subtest amd_userptr_signal_subtest = {
	.name = "va-under-signals",
	.run = va_under_signals,
	.describe = "GEM_VA maps and unmaps while the process gets signals all the time.",
};
