// SPDX-License-Identifier: MIT
/*
 * The test resets the GPU.  Afterwards KFD keeps the queues of all processes stopped for ever
 * (kfd_device.c:kgd2kfd_post_reset()), and doorbells and work in flight are lost.  So the
 * subtests assert that a running restore ends, that submissions reach a userptr, that no resource
 * of a userptr stays in use, and that the next process has a working GPU.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/mman.h>

#include "igt.h"

#include "lib/amdgpu/amd_info.h"
#include "lib/amdgpu/amd_userptr_cs.h"
#include "lib/amdgpu/amd_userptr_fixture.h"
#include "lib/amdgpu/amd_userptr_stall.h"
#include "lib/igt_procfs.h"
#include "lib/igt_time.h"
#include "lib/igt_undo.h"

IGT_TEST_DESCRIPTION("A reset of the GPU while userptrs for KFD queues are valid, or not.");

#define RECOVERY "/sys/module/amdgpu/parameters/gpu_recovery"

#define RESET_SIZE ((size_t)1 << 20)
/* More copies than the GPU finishes before the reset. */
#define COPIES	   1000

/* Wait until KFD's memory counters are @want: KFD frees memory some time after a process's end. */
static void wait_mem_limit(const char *want)
{
	const uint64_t deadline = igt_now_ms() + AMD_USERPTR_WAIT_MS;
	char now[256];

	do {
		amd_kfd_read_mem_limit(now, sizeof(now));
		if (!strcmp(want, now))
			return;
		igt_pause();
	} while (igt_now_ms() < deadline);
	igt_assert_f(false, "memory was not given back:\n%s\n%s\n", want, now);
}

/* A read of the debugfs file amdgpu_gpu_recover resets the GPU and returns the result. */
static void reset_gpu(int recover)
{
	char text[32] = "";

	igt_assert_lt(0, read(recover, text, sizeof(text) - 1));
	igt_assert_f(atoi(text) == 0, "the reset failed: %s\n", text);
}

static void access_gpu(struct amd_userptr *mine, int unused)
{
	struct amd_userptr_bo *bo = amd_userptr_tracked(mine, RESET_SIZE, 1);

	amd_userptr_gpu_check(mine, bo->va, RESET_SIZE, 1);
	amd_userptr_roundtrip(mine, bo, 2);
	amd_kfd_smi_mark(&mine->smi);
	amd_userptr_dontneed(bo);
	amd_userptr_expect_evictions(mine, 1);
	amd_userptr_gpu_check_zero(mine, bo->va, RESET_SIZE);
}

typedef void reset_act(struct amd_userptr *mine, int recover);

/*
 * Run @act in a child with queues.  The test process itself must have no queues at a reset, because
 * KFD would not run them again.  The child ends without a clean-up, because KFD cannot destroy
 * queues after a reset.
 */
static void in_process(struct amd_userptr *up, reset_act *act, int recover)
{
	igt_fork(child, 1) {
		struct amd_userptr mine;

		amd_userptr_open_in_child(&mine, up);
		act(&mine, recover);
		_exit(IGT_EXIT_SUCCESS);
	}
	igt_waitchildren_timeout(2 * AMD_USERPTR_WAIT_MS / 1000, "a process");
}

/* Start copies, and return when the queue is in the middle of them. */
static struct amd_userptr_bo *start_copies(struct amd_userptr *mine)
{
	struct amd_userptr_bo *bo = amd_userptr_tracked(mine, RESET_SIZE, 1);
	uint32_t first;

	amd_kfd_queue_copy(mine->queue, mine->out.va, bo->va, bo->size);
	first = amd_kfd_queue_submit(mine->queue);
	for (unsigned int i = 0; i < COPIES; i++)
		amd_kfd_queue_copy(mine->queue, mine->out.va, bo->va, bo->size);
	amd_kfd_queue_submit(mine->queue);
	amd_kfd_queue_wait(mine->queue, first, AMD_USERPTR_WAIT_MS);
	amd_kfd_smi_mark(&mine->smi);
	return bo;
}

/*
 * Assert that the queue did not finish its work, and that the process can use its memory and its
 * BO.
 */
static void expect_lost(struct amd_userptr *mine, struct amd_userptr_bo *bo)
{
	igt_assert(!amd_kfd_queue_done(mine->queue, mine->queue->seqno));
	amd_pattern_check_zero(bo->cpu, RESET_SIZE, "memory after a reset");
	amd_pattern_fill(bo->cpu, RESET_SIZE, 2);
	amd_userptr_unmap(mine, bo);
	amd_userptr_destroy(mine, bo);
	igt_assert(!amd_kfd_queue_done(mine->queue, mine->queue->seqno));
}

static void reset_valid(struct amd_userptr *mine, int recover)
{
	struct amd_userptr_bo *bo = start_copies(mine);

	reset_gpu(recover);
	amd_kfd_smi_mark(&mine->smi);
	amd_userptr_dontneed(bo);
	amd_kfd_smi_wait(&mine->smi, KFD_SMI_EVENT_QUEUE_RESTORE, 1, AMD_USERPTR_WAIT_MS);
	expect_lost(mine, bo);
}

/* Reset the GPU while the worker is in the middle of a restore. */
static void reset_invalid(struct amd_userptr *mine, int recover)
{
	struct amd_userptr_stall stall;
	struct amd_userptr_bo *bo;

	/*
	 * Start the FUSE server before a BO exists, because that forks, and a fork invalidates all
	 * pages of a BO.
	 */
	igt_assert_eq(__amd_userptr_stall_init(&stall), 0);
	bo = start_copies(mine);
	amd_userptr_stall_hold(&stall, mine);
	amd_userptr_dontneed(bo);
	reset_gpu(recover);
	igt_assert(amd_userptr_queues_evicted(mine));
	amd_userptr_stall_release(&stall);
	amd_kfd_smi_wait(&mine->smi, KFD_SMI_EVENT_QUEUE_RESTORE, 1, AMD_USERPTR_WAIT_MS);
	amd_userptr_stall_drop(&stall, mine);
	expect_lost(mine, bo);
	amd_userptr_stall_fini(&stall);
}

static void submit(struct amd_userptr_cs *cs)
{
	uint64_t seq;
	int ret;

	/* -EAGAIN: the driver is still restoring the userptr, so submit again. */
	while ((ret = __amd_userptr_cs_submit(cs, NULL, 0, &seq)) == -EAGAIN)
		igt_pause();
	igt_assert_eq(ret, 0);
	igt_assert_eq(__amd_userptr_cs_wait(cs, seq, AMD_USERPTR_WAIT_MS), 0);
}

/*
 * The reset loses the page tables, and a submission writes them again.  The submission's list of
 * BOs does not contain the userptr, so the submission only clears the entries of the userptr, and
 * the restore worker has to write them.
 */
static void reset_submission(struct amd_userptr *mine, int recover)
{
	struct amd_userptr_bo *bo = amd_userptr_tracked(mine, RESET_SIZE, 1);
	struct amd_userptr_cs cs;

	reset_gpu(recover);
	amd_kfd_smi_mark(&mine->smi);
	igt_assert_eq(__amd_userptr_cs_open(mine->fd, AMD_KFD_QUEUE_SDMA, &cs), 0);
	amd_userptr_cs_begin(&cs);
	amd_kfd_queue_nop(&cs.packets, 1);
	submit(&cs);
	amd_kfd_smi_wait(&mine->smi, KFD_SMI_EVENT_QUEUE_RESTORE, 1, AMD_USERPTR_WAIT_MS);
	amd_userptr_cs_begin(&cs);
	amd_kfd_queue_copy(&cs.packets, cs.data.va, bo->va, AMD_USERPTR_CS_DATA);
	submit(&cs);
	amd_pattern_check(cs.data.cpu, AMD_USERPTR_CS_DATA, 1,
			  "read by a submission after a reset");
	amd_userptr_cs_close(&cs);
}

/* Does the kernel have the flag?  A child finds that out and stores it here, in shared memory. */
static bool *supported;

static void ask_for_flag(struct amd_userptr *mine, int unused)
{
	*supported = amd_userptr_supported(mine);
}

static void require_flag(struct amd_userptr *up)
{
	supported = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			 -1, 0);
	igt_assert(supported != MAP_FAILED);
	in_process(up, ask_for_flag, -1);
	igt_require_f(*supported, "This kernel does not know AMDGPU_GEM_USERPTR_HSA\n");
}

/*
 * Run a process before the reset, a process that uses the GPU during the reset, and one after it.
 */
static void run(struct amd_userptr *up, reset_act *act)
{
	int recover = __amd_info_debugfs(up->fd, "amdgpu_gpu_recover");
	char before[256];

	igt_require_f(recover >= 0, "no debugfs file to reset the GPU with\n");
	igt_require_f(igt_procfs_number(RECOVERY, "") > 0, "GPU recovery is off\n");
	igt_require_f(!access("/dev/fuse", R_OK | W_OK), "no FUSE, or not root\n");
	amd_kfd_read_mem_limit(before, sizeof(before));
	require_flag(up);
	amd_info_ignore_reset_log();
	in_process(up, access_gpu, recover);
	in_process(up, act, recover);
	in_process(up, access_gpu, recover);
	wait_mem_limit(before);
	close(recover);
}

static const struct {
	const char *name, *describe;
	reset_act *act;
} subtests[] = {
	{ "valid", "A process whose GPU was reset changes and closes its userptr.", reset_valid },
	{ "invalid",
	  "A process whose GPU was reset during a restore changes and closes its userptr.",
	  reset_invalid },
	{ "submission",
	  "A submission reaches a userptr after a reset, which has lost the page tables.",
	  reset_submission },
};

int igt_main()
{
	static struct amd_userptr up;

	igt_fixture() {
		up.fd = drm_open_driver_render(DRIVER_AMDGPU);
		igt_undo_init();
	}

	for (unsigned int i = 0; i < ARRAY_LENGTH(subtests); i++) {
		igt_describe(subtests[i].describe);
		igt_subtest_f("%s", subtests[i].name) {
			igt_set_timeout(igt_patience(50), subtests[i].name);
			run(&up, subtests[i].act);
			igt_reset_timeout();
		}
	}

	igt_fixture()
		drm_close_driver(up.fd);
}
