// SPDX-License-Identifier: MIT
/*
 * While the queues are evicted, the process closes, unmaps or replaces a userptr, or exits.  In the
 * last subtest one process follows another and gets the VMID of the earlier one.
 */
#include <errno.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include "igt.h"

#include "lib/igt_gate.h"
#include "lib/igt_time.h"

#include "amd_userptr_hsa.h"

/* So much memory that the test can act while the restore worker works on it. */
#define SLOW_SIZE    ((size_t)AMD_USERPTR_STAGE)
#define CATCH_ROUNDS 50

/*
 * Drop a BO's pages and call @act at once.  Repeat this until the queues were still evicted just
 * before three of the calls, but at most CATCH_ROUNDS times.  Returns the number of calls before
 * which the queues were still evicted.
 */
static unsigned int catch_invalid(struct amd_userptr *up,
				  void (*act)(struct amd_userptr *up, struct amd_userptr_bo *bo))
{
	unsigned int caught = 0;

	for (unsigned int i = 0; i < CATCH_ROUNDS && caught < 3; i++) {
		struct amd_userptr_bo *bo = amd_userptr_tracked(up, SLOW_SIZE, 1);

		amd_kfd_smi_mark(&up->smi);
		amd_userptr_dontneed(bo);
		caught += amd_userptr_queues_evicted(up);
		act(up, bo);
		amd_userptr_queue_alive(up);
		amd_userptr_expect_evictions(up, 0);
		amd_userptr_cleanup(up);
	}
	return caught;
}

static void close_it(struct amd_userptr *up, struct amd_userptr_bo *bo)
{
	void *cpu = bo->cpu;

	amd_userptr_destroy(up, bo);
	/* Unmap the memory after the close, when the driver must not track it any more. */
	amd_userptr_munmap(up, cpu, SLOW_SIZE);
}

static void close_while_invalid(struct amd_userptr *up)
{
	struct amd_userptr_bo *bo;

	igt_assert_lt(0, catch_invalid(up, close_it));
	bo = amd_userptr_tracked(up, AMD_USERPTR_SIZE, 1);
	amd_userptr_roundtrip(up, bo, 2);
}

static void unmap_it(struct amd_userptr *up, struct amd_userptr_bo *bo)
{
	amd_userptr_unmap(up, bo);
	amd_userptr_map(up, bo);
	amd_userptr_gpu_check_zero(up, bo->va, bo->size);
}

static void va_unmap_while_invalid(struct amd_userptr *up)
{
	igt_assert_lt(0, catch_invalid(up, unmap_it));
}

static void replace_it(struct amd_userptr *up, struct amd_userptr_bo *bo)
{
	void *cpu = amd_userptr_mmap(up, bo->size, 2);
	struct amd_userptr_bo *other = amd_userptr_create(up, cpu, bo->size, AMD_USERPTR_TRACKED);

	igt_assert_eq(__amd_userptr_va(up, AMDGPU_VA_OP_REPLACE, other->handle, bo->va, 0, bo->size,
				       AMD_USERPTR_RW),
		      0);
	amd_userptr_gpu_check(up, bo->va, bo->size, 2);
	amd_userptr_gpu_fill(up, bo->va, bo->size, 3);
	amd_pattern_check(other->cpu, bo->size, 3, "written by the GPU");
	amd_pattern_check_zero(bo->cpu, bo->size, "no longer mapped on the GPU");
}

static void va_replace_while_invalid(struct amd_userptr *up)
{
	igt_assert_lt(0, catch_invalid(up, replace_it));
}

/* A child of exit_while_evicted() writes this to memory that it shares with its parent. */
struct exit_report {
	pid_t pid;
	bool evicted;
};

static void exit_while_evicted(struct amd_userptr *up)
{
	struct amd_userptr_bo *bo = amd_userptr_tracked(up, AMD_USERPTR_SIZE, 1);
	volatile struct exit_report *report = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE,
						   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned int caught = 0;

	amd_userptr_adopt(up, (void *)report, getpagesize());
	for (unsigned int i = 0; i < CATCH_ROUNDS && caught < 3; i++) {
		struct amd_kfd_smi smi;
		struct igt_gate ready, go;

		igt_gate_init(&ready);
		igt_gate_init(&go);
		igt_fork(child, 1) {
			struct amd_userptr mine;
			struct amd_userptr_bo *victim;

			amd_userptr_open_in_child(&mine, up);
			victim = amd_userptr_tracked(&mine, SLOW_SIZE, 1);
			amd_userptr_gpu_check(&mine, victim->va, SLOW_SIZE, 1);
			amd_kfd_smi_mark(&mine.smi);
			report->pid = getpid();
			igt_gate_open(&ready);
			igt_assert(igt_gate_is_open(&go, AMD_USERPTR_WAIT_MS));
			amd_userptr_dontneed(victim);
			report->evicted = amd_userptr_queues_evicted(&mine);
			_exit(IGT_EXIT_SUCCESS);
		}
		igt_gate_watch(&ready);
		igt_assert(igt_gate_is_open(&ready, AMD_USERPTR_WAIT_MS));
		amd_kfd_smi_open(&up->kfd, report->pid, &smi);
		igt_gate_open(&go);
		igt_waitchildren_timeout(AMD_USERPTR_WAIT_MS / 1000, "the child's exit");
		amd_kfd_smi_wait(&smi, KFD_SMI_EVENT_QUEUE_EVICTION, 1, AMD_USERPTR_WAIT_MS);
		igt_assert_lt(0, smi.count.evictions_by[KFD_QUEUE_EVICTION_TRIGGER_USERPTR]);
		caught += report->evicted;
		amd_kfd_smi_close(&smi);
		igt_gate_fini(&ready);
		igt_gate_fini(&go);
		amd_userptr_roundtrip(up, bo, 2);
	}
	igt_assert_lt(0, caught);
}

/*
 * Wait until KFD has freed the process.  KFD has given back the VMID of the process before that, so
 * the next process gets the same VMID.
 */
static void wait_until_forgotten(pid_t pid)
{
	const uint64_t deadline = igt_now_ms() + AMD_USERPTR_WAIT_MS;
	char path[64];

	snprintf(path, sizeof(path), "/sys/class/kfd/kfd/proc/%d", pid);
	while (!access(path, F_OK) && igt_now_ms() < deadline)
		sched_yield();
	igt_assert_f(access(path, F_OK) && errno == ENOENT, "KFD still has process %d\n", pid);
}

/* Start processes one after the other: they get the same VMID and addresses, but other memory. */
static void next_process(struct amd_userptr *up)
{
	volatile pid_t *pid = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	amd_userptr_adopt(up, (void *)pid, getpagesize());
	for (unsigned int seed = 1; seed < 7; seed += 2) {
		igt_fork(child, 1) {
			struct amd_userptr mine;
			struct amd_userptr_bo *bo;

			*pid = getpid();
			amd_userptr_open_in_child(&mine, up);
			amd_userptr_use_queue(&mine, up->queue->type);
			bo = amd_userptr_tracked(&mine, AMD_USERPTR_SIZE, seed);
			amd_userptr_gpu_check(&mine, bo->va, bo->size, seed);
			amd_userptr_gpu_fill(&mine, bo->va, bo->size, seed + 1);
			amd_pattern_check(bo->cpu, bo->size, seed + 1, "written by the GPU");
			_exit(IGT_EXIT_SUCCESS);
		}
		igt_waitchildren_timeout(2 * AMD_USERPTR_WAIT_MS / 1000, "a process with a queue");
		wait_until_forgotten(*pid);
	}
	amd_userptr_queue_alive(up);
}

const struct amd_userptr_subtest amd_userptr_lifetime_subtests[] = {
	{ .name = "close-while-invalid",
	  .run = close_while_invalid,
	  .describe = "A userptr can be closed and its memory freed before the restore." },
	{ .name = "va-unmap-while-invalid",
	  .run = va_unmap_while_invalid,
	  .describe =
		  "A userptr that is unmapped and mapped again before the restore has the current pages." },
	{ .name = "va-replace-while-invalid",
	  .run = va_replace_while_invalid,
	  .describe = "The restore does not write the entries of a mapping that was replaced." },
	{ .name = "exit-while-evicted",
	  .run = exit_while_evicted,
	  .describe = "A process can exit while its queues are evicted." },
	{ .name = "next-process",
	  .run = next_process,
	  .sdma_too = true,
	  .describe =
		  "A process that gets the VMID of an earlier process does not get the translations of that process." },
};
const unsigned int amd_userptr_num_lifetime_subtests = ARRAY_LENGTH(amd_userptr_lifetime_subtests);
