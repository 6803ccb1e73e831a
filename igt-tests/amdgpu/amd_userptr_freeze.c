// SPDX-License-Identifier: MIT
/*
 * The kernel freezes tasks and suspends the device while userptrs are invalid: their memory has
 * changed, and the restore worker has not found the new pages yet.  The kernel freezes the restore
 * worker as well, so the worker has to do its work after the thaw.  The tests use the kernel's test
 * mode of suspend, which ends by itself after a second
 * (Documentation/power/basic-pm-debugging.rst).
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/mman.h>

#include "igt.h"
#include "igt_sysfs.h"

#include "lib/amdgpu/amd_userptr_fixture.h"
#include "lib/amdgpu/amd_userptr_stall.h"
#include "lib/igt_fail_nth.h"
#include "lib/igt_time.h"
#include "lib/igt_tracefs.h"
#include "lib/igt_undo.h"

IGT_TEST_DESCRIPTION("Userptrs that are invalid while tasks are frozen and the GPU is suspended.");

#define POWER	       "/sys/power/"
#define DELAY	       "/sys/module/suspend/parameters/pm_test_delay"
#define FREEZE_TIMEOUT POWER "pm_freeze_timeout"

#define WORKER "amd_userptr_worker"

#define SECOND_NS 1000000000ull

/*
 * If the thread that reads the clock could not run for this time, it was frozen.  The kernel's test
 * freezes it for a second.  A shorter time would be wrong, because on a busy machine a thread may
 * not run for a while without being frozen.
 */
#define FROZEN_NS SECOND_NS

/*
 * If restores fail again and again, the worker sleeps longer and longer between them.  After this
 * number of failures it sleeps for longer than the kernel takes to freeze tasks, so it does not run
 * while the kernel freezes them.
 */
#define FAILURES 16

/* The most attempts.  An attempt fails if the worker runs at the moment of the freeze. */
#define ATTEMPTS 12

#define FREEZE_SIZE ((size_t)16 * getpagesize())

static uint64_t now_ns(void)
{
	struct timespec now;

	/* The events of the kprobe have times of this clock: see trace_clock in trace_worker(). */
	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * SECOND_NS + now.tv_nsec;
}

/* Test suspend to idle as far as @stage; 0 or -errno of the kernel. */
static int suspend_test(const char *stage)
{
	static const char state[] = "freeze";
	int ret;

	igt_assert(igt_undo_set(DELAY, "1"));
	igt_assert(igt_undo_set(POWER "pm_test", stage));
	ret = igt_sysfs_write(AT_FDCWD, POWER "state", state, strlen(state));
	igt_undo_now(POWER "pm_test");
	return ret < 0 ? ret : 0;
}

static void require_suspend_test(void)
{
	igt_require_f(!access(POWER "pm_test", W_OK) && !access(DELAY, W_OK),
		      "the kernel has no test of suspend (CONFIG_PM_DEBUG), or not root\n");
}

/*
 * A thread that reads the clock all the time, so that it notices a freeze.  This struct is not on
 * the stack, because after a failed assertion the thread goes on until the clean-up.
 */
static struct sleeper {
	pthread_t thread;
	bool runs, stop;
	uint64_t last_ns;   /* the last time that the thread read before the freeze */
	uint64_t thawed_ns; /* the first time that it read after the freeze; 0: it was not frozen */
} sleeper;

static void *look_at_clock(void *data)
{
	bool stop;

	sleeper.last_ns = now_ns();
	do {
		uint64_t now;

		igt_pause();
		/*
		 * Read @stop before the clock, because the thread that sets @stop may thaw first.
		 * If this thread read the clock first and the freeze came between the two reads,
		 * the loop would end without a look at the clock after the freeze.
		 */
		stop = __atomic_load_n(&sleeper.stop, __ATOMIC_ACQUIRE);
		now = now_ns();
		if (now - sleeper.last_ns > FROZEN_NS) {
			sleeper.thawed_ns = now;
			break;
		}
		sleeper.last_ns = now;
	} while (!stop);
	return NULL;
}

static void sleeper_start(void)
{
	memset(&sleeper, 0, sizeof(sleeper));
	igt_assert_eq(pthread_create(&sleeper.thread, NULL, look_at_clock, NULL), 0);
	sleeper.runs = true;
}

static void sleeper_end(void)
{
	__atomic_store_n(&sleeper.stop, true, __ATOMIC_RELEASE);
	if (sleeper.runs)
		pthread_join(sleeper.thread, NULL);
	sleeper.runs = false;
}

static void trace_worker(void)
{
	static const char *const events[] = { "kprobes/" WORKER };

	/* Remove the kprobe first, because an attempt that failed may have left it. */
	igt_tracefs_kprobe_remove(WORKER);
	igt_require_f(igt_tracefs_kprobe_add(WORKER, "amdgpu_amdkfd_restore_userptr_worker"),
		      "no kprobe at the worker\n");
	igt_require_f(igt_tracefs_on(events, ARRAY_LENGTH(events)), "no tracefs\n");
	igt_assert(igt_sysfs_set(AT_FDCWD, IGT_TRACEFS_INSTANCE "trace_clock", "boot"));
}

static void untrace_worker(void)
{
	igt_tracefs_off();
	igt_tracefs_kprobe_remove(WORKER);
}

/* How often the worker began to run in [from, to). */
static unsigned int worker_runs(uint64_t from, uint64_t to)
{
	FILE *file = fopen(IGT_TRACEFS_INSTANCE "trace", "r");
	unsigned int runs = 0;
	char line[1024];

	igt_assert(file);
	while (fgets(line, sizeof(line), file)) {
		char *time = strstr(line, ": " WORKER ": ");
		uint64_t ns;

		if (!time)
			continue;
		*time = '\0';
		time = strrchr(line, ' ');
		igt_assert(time);
		ns = strtod(time, NULL) * SECOND_NS;
		runs += ns >= from && ns < to;
	}
	fclose(file);
	return runs;
}

static void wait_restored(struct amd_userptr *up)
{
	do
		amd_kfd_smi_wait(&up->smi, KFD_SMI_EVENT_QUEUE_RESTORE, up->smi.count.evictions,
				 AMD_USERPTR_WAIT_MS);
	while (amd_userptr_queues_evicted(up));
}

/*
 * Wait until the restore has failed FAILURES times.  Every allocation in the driver fails at this
 * time, so make no call that allocates in the driver.
 */
static bool has_failed_often(uint64_t since)
{
	const uint64_t deadline = igt_now_ms() + AMD_USERPTR_WAIT_MS;

	while (worker_runs(since, UINT64_MAX) < FAILURES) {
		if (igt_now_ms() > deadline)
			return false;
		igt_pause();
	}
	return true;
}

/*
 * Freeze tasks while a userptr is invalid.  Before the freeze the worker fails so often for want of
 * memory that it sleeps when the freeze comes.  Returns whether the userptr was invalid until the
 * thaw.
 */
static bool freeze_invalid(struct amd_userptr *up, struct amd_userptr_bo *bo,
			   struct igt_fail_nth *inject, const char *stage)
{
	unsigned int during, after;
	bool failed;
	int ret = 0;

	trace_worker();
	amd_kfd_smi_mark(&up->smi);
	sleeper_start();
	igt_fail_nth_all(inject, true);
	amd_userptr_dontneed(bo);
	failed = has_failed_often(now_ns());
	igt_fail_nth_all(inject, false);
	if (failed)
		ret = suspend_test(stage);
	sleeper_end();
	igt_assert_f(failed, "restores do not fail\n");
	igt_assert_eq(ret, 0);
	igt_assert_f(sleeper.thawed_ns, "nothing was frozen\n");
	wait_restored(up);
	igt_assert_lt(0, up->smi.count.evictions_by[KFD_QUEUE_EVICTION_TRIGGER_USERPTR]);
	during = worker_runs(sleeper.last_ns, sleeper.last_ns + SECOND_NS);
	after = worker_runs(sleeper.last_ns + SECOND_NS, UINT64_MAX);
	untrace_worker();
	igt_info(
		"%s: frozen for %.3f s; the worker began %u times in the first second of it, %u times later\n",
		stage, (double)(sleeper.thawed_ns - sleeper.last_ns) / SECOND_NS, during, after);
	return !during && after;
}

static void end_freeze(struct amd_userptr *up)
{
	igt_fail_nth_reset();
	sleeper_end();
	untrace_worker();
}

static void freeze_until_caught(struct amd_userptr *up, const char *stage)
{
	struct amd_userptr_bo *bo = amd_userptr_tracked(up, FREEZE_SIZE, 1);
	struct igt_fail_nth inject;
	const char *reason;
	bool caught = false;

	require_suspend_test();
	up->undo = end_freeze;
	reason = igt_fail_nth_init_kworkers(&inject, "amdgpu");
	igt_require_f(!reason, "%s\n", reason);
	for (unsigned int i = 0; i < ATTEMPTS && !caught; i++) {
		caught = freeze_invalid(up, bo, &inject, stage);
		amd_userptr_gpu_check_zero(up, bo->va, bo->size);
		amd_userptr_roundtrip(up, bo, 2);
	}
	igt_fail_nth_fini(&inject);
	igt_assert_f(caught, "the restore ended before the freeze, or during it\n");
}

static void freezer(struct amd_userptr *up)
{
	freeze_until_caught(up, "freezer");
}

/*
 * The stall of freezer_refused().  It is static, so that end_refused() can release it after a
 * failed assertion.
 */
static struct amd_userptr_stall stall;

static void end_refused(struct amd_userptr *up)
{
	amd_userptr_stall_drop(&stall, up);
	amd_userptr_stall_fini(&stall);
}

/*
 * The worker waits for a page of the FUSE server, which the kernel freezes first.  So the worker
 * cannot be frozen and the suspend fails.  After the thaw the restore ends.
 */
static void freezer_refused(struct amd_userptr *up)
{
	struct amd_userptr_bo *bo;
	int no_stall;

	require_suspend_test();
	/*
	 * Start the FUSE server before a BO exists, because the start forks, and a fork invalidates
	 * all pages of a BO.
	 */
	no_stall = __amd_userptr_stall_init(&stall);
	igt_require_f(!no_stall, "no FUSE file to hold the worker: %s\n", strerror(-no_stall));
	up->undo = end_refused;
	bo = amd_userptr_tracked(up, FREEZE_SIZE, 1);
	igt_emit_ignore_dmesg_regex("Freezing .* failed after|Showing freezable workqueues|"
				    "workqueue kfd_mm_wq|pwq |in-flight|pending: |inactive");
	igt_assert(igt_undo_set(FREEZE_TIMEOUT, "1000"));
	amd_kfd_smi_mark(&up->smi);
	amd_userptr_stall_hold(&stall, up);
	amd_userptr_dontneed(bo);
	igt_assert_eq(suspend_test("freezer"), -EBUSY);
	igt_assert(amd_userptr_queues_evicted(up));
	amd_userptr_stall_release(&stall);
	amd_userptr_expect_evictions(up, 0);
	amd_userptr_gpu_check_zero(up, bo->va, bo->size);
	amd_userptr_roundtrip(up, bo, 2);
}

/* The driver suspends and resumes, which evicts VRAM and brings it back. */
static void suspend(struct amd_userptr *up)
{
	struct amd_userptr_bo *bo = amd_userptr_tracked(up, FREEZE_SIZE, 1);

	require_suspend_test();
	amd_kfd_smi_mark(&up->smi);
	igt_assert_eq(suspend_test("devices"), 0);
	wait_restored(up);
	igt_assert_lt(0, up->smi.count.evictions_by[KFD_QUEUE_EVICTION_TRIGGER_SUSPEND]);
	amd_userptr_queue_alive(up);
	amd_userptr_gpu_check(up, bo->va, bo->size, 1);
	amd_userptr_roundtrip(up, bo, 2);
}

static void suspend_while_invalid(struct amd_userptr *up)
{
	freeze_until_caught(up, "devices");
}

static const struct amd_userptr_subtest subtests[] = {
	{ .name = "freezer",
	  .run = freezer,
	  .describe =
		  "A userptr that is invalid when tasks are frozen is restored after the thaw." },
	{ .name = "freezer-refused",
	  .run = freezer_refused,
	  .describe =
		  "A worker that cannot be frozen makes the suspend fail, and ends its restore." },
	{ .name = "suspend",
	  .run = suspend,
	  .describe = "Queue and userptr work after the GPU was suspended." },
	{ .name = "suspend-while-invalid",
	  .run = suspend_while_invalid,
	  .describe =
		  "Queue and userptr work after the GPU was suspended while the userptr was invalid." },
};

static struct amd_userptr up;

int igt_main()
{
	igt_fixture() {
		amd_userptr_fixture_open(&up);
		amd_userptr_require_flag(&up);
	}

	amd_userptr_run_subtests(&up, subtests, ARRAY_LENGTH(subtests));

	igt_fixture()
		amd_userptr_fixture_close(&up);
}
