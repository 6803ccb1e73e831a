// SPDX-License-Identifier: MIT
/* Accesses of the GPU that must fault. */
#include <errno.h>
#include <string.h>

#include "igt.h"

#include "lib/amdgpu/amd_info.h"
#include "lib/amdgpu/amd_userptr_fault.h"
#include "lib/igt_gate.h"
#include "lib/igt_time.h"

/*
 * The parent's queue copies this much memory again and again while the child provokes its fault.
 * The parent pauses between two copies, because on a small machine the child needs the CPU.
 */
#define BYSTANDER_SIZE	   ((size_t)64 << 10)
#define BYSTANDER_PAUSE_MS 10

/* How many waits the child may need: it may make several attempts with several waits each. */
#define CHILD_WAITS 4

/*
 * After a GPU page fault some GPUs go on with a default page until the driver evicts the queue. On
 * such a GPU the fence comes as if nothing had happened, and the driver may handle the fault's
 * interrupt only after the fence. No event says that no fault will come, so the test waits this
 * long for a fault.
 */
#define FAULT_AFTER_FENCE_MS igt_patience(5)

static void go_on(struct amd_userptr *up, struct amd_userptr_bo *bo)
{
	if (bo)
		amd_userptr_roundtrip(up, bo, 2);
	else
		amd_userptr_queue_alive(up);
}

void amd_userptr_in_faulting_child(struct amd_userptr *up, amd_userptr_act *act, void *data)
{
	const uint64_t deadline = igt_now_ms() + CHILD_WAITS * AMD_USERPTR_WAIT_MS;
	struct amd_userptr_bo *bo = NULL;
	unsigned int rounds_after = 0;
	struct igt_gate faulted;

	if (up->supported)
		bo = amd_userptr_tracked(up, BYSTANDER_SIZE, 1);
	amd_info_ignore_fault_log();
	igt_gate_init(&faulted);
	amd_kfd_smi_mark(&up->smi);
	igt_fork(child, 1) {
		struct amd_userptr mine;

		amd_userptr_open_in_child(&mine, up);
		act(&mine, data);
		igt_gate_open(&faulted);
		amd_userptr_close(&mine);
	}
	igt_gate_watch(&faulted);
	while (rounds_after < 3 && igt_now_ms() < deadline && !igt_gate_is_lost(&faulted)) {
		go_on(up, bo);
		rounds_after += igt_gate_is_open(&faulted, rounds_after ? 0 : BYSTANDER_PAUSE_MS);
	}
	igt_waitchildren_timeout(AMD_USERPTR_WAIT_MS / 1000, "the child that provokes a fault");
	igt_assert_eq(rounds_after, 3);
	go_on(up, bo);
	amd_kfd_smi_drain(&up->smi);
	igt_assert_eq(up->smi.count.vm_faults, 0);
	igt_gate_fini(&faulted);
}

bool amd_userptr_done_or_faulted(struct amd_userptr *mine)
{
	const uint64_t deadline = igt_now_ms() + AMD_USERPTR_WAIT_MS;
	int ret;

	while (!amd_kfd_queue_done(mine->queue, mine->queue->seqno)) {
		amd_kfd_smi_drain(&mine->smi);
		if (mine->smi.count.vm_faults)
			return false;
		igt_assert_f(igt_now_ms() < deadline, "the queue neither went on nor faulted\n");
		igt_pause();
	}
	ret = __amd_kfd_smi_wait(&mine->smi, KFD_SMI_EVENT_VMFAULT, 1, FAULT_AFTER_FENCE_MS);
	igt_assert_f(ret == 0 || ret == -ETIME, "KFD's events: %s\n", strerror(-ret));
	return ret == -ETIME;
}

void amd_userptr_store_faults(struct amd_userptr *mine, uint64_t va, uint64_t size)
{
	uint32_t event;

	igt_assert_eq(__amd_kfd_fault_event_create(&mine->kfd, &event), 0);
	amd_userptr_gpu_store(mine, va, 0xdeadbeef);
	amd_userptr_expect_fault(mine, event, va & ~(uint64_t)(getpagesize() - 1), size);
	igt_assert_eq(__amd_kfd_fault_event_destroy(&mine->kfd, event), 0);
}
