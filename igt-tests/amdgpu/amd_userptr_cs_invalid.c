// SPDX-License-Identifier: MIT
/*
 * The process has dropped memory that an IB reaches without listing it, and the restore worker has
 * not updated the page tables yet.  A submission must wait for the update, whichever ring it uses.
 */
#include <string.h>
#include <unistd.h>

#include "igt.h"

#include "lib/amdgpu/amd_svm_holder.h"
#include "lib/amdgpu/amd_userptr_fault.h"
#include "lib/amdgpu/amd_userptr_stall.h"
#include "lib/igt_time.h"

#include "amd_userptr_cs_unlisted.h"

static int submit_now(void *data)
{
	struct unlisted *unlisted = data;
	uint64_t seq;
	int ret = unlisted_submit(unlisted, false, &seq);

	return ret ? ret : __amd_userptr_cs_wait(&unlisted->cs, seq, AMD_USERPTR_WAIT_MS);
}

/*
 * @stall holds the restore worker of userptrs, @holder the restore worker of SVM.  Only one of the
 * two is used, which depends on the kind of memory.
 */
struct hold {
	struct amd_userptr_stall stall;
	struct amd_svm_holder holder;
};

static void hold_init(struct unlisted *unlisted, struct hold *hold)
{
	const int ret = unlisted->kind == UNLISTED_SVM
				? __amd_svm_holder_init(&hold->holder, &unlisted->up->kfd)
				: __amd_userptr_stall_init(&hold->stall);

	igt_assert_f(!ret, "no FUSE file to hold the worker: %s\n", strerror(-ret));
}

static void hold_worker(struct unlisted *unlisted, struct hold *hold)
{
	if (unlisted->kind == UNLISTED_SVM)
		amd_svm_holder_hold(&hold->holder);
	else
		amd_userptr_stall_hold(&hold->stall, unlisted->up);
}

static void hold_release(struct unlisted *unlisted, struct hold *hold)
{
	if (unlisted->kind == UNLISTED_SVM)
		amd_svm_holder_release(&hold->holder);
	else
		amd_userptr_stall_release(&hold->stall);
}

static void hold_fini(struct unlisted *unlisted, struct hold *hold)
{
	if (unlisted->kind == UNLISTED_SVM) {
		amd_svm_holder_forget(&hold->holder);
		amd_svm_holder_fini(&hold->holder);
		return;
	}
	amd_userptr_stall_drop(&hold->stall, unlisted->up);
	amd_userptr_stall_fini(&hold->stall);
}

/* Wait until the queues run again, and assert that the change of the memory has evicted them. */
static void expect_eviction(struct unlisted *unlisted)
{
	struct amd_kfd_smi *smi = &unlisted->up->smi;

	if (unlisted->kind != UNLISTED_SVM) {
		amd_userptr_expect_evictions(unlisted->up, 0);
		return;
	}
	amd_kfd_smi_wait_restored(smi, 1, AMD_USERPTR_WAIT_MS);
	igt_assert_lt(0, smi->count.evictions_by[KFD_QUEUE_EVICTION_TRIGGER_SVM]);
}

/*
 * Hold the restore worker, then submit an IB.  The IB must not reach the old pages, so it must not
 * run until the worker has updated the page tables.
 */
static void submit_while_invalid(struct amd_userptr *mine, void *data)
{
	struct unlisted *unlisted = data;
	struct hold hold;
	uint64_t deadline;
	bool early;
	int ret;

	unlisted->up = mine;
	hold_init(unlisted, &hold);
	igt_assert_eq(__amd_userptr_cs_open(mine->fd, unlisted->ring, &unlisted->cs), 0);
	unlisted_make(unlisted);
	unlisted_expect_reached(unlisted);
	igt_task_make(&unlisted->task, submit_now, unlisted);
	amd_kfd_smi_mark(&mine->smi);
	hold_worker(unlisted, &hold);
	igt_assert_eq(unlisted_dontneed(unlisted), 0);
	memset(unlisted->cs.data.cpu, 0, getpagesize());
	igt_task_let_go(&unlisted->task);
	deadline = igt_now_ms() + RETURN_MS;
	while (!unlisted_words(unlisted)[WORD_STARTED] && igt_now_ms() < deadline)
		igt_pause();
	early = unlisted_words(unlisted)[WORD_STARTED];
	hold_release(unlisted, &hold);
	ret = igt_task_end(&unlisted->task);
	igt_assert_f(!early, "a submission ran while the memory that it reaches was gone\n");
	igt_assert_f(!ret, "the submission: %s\n", strerror(-ret));
	expect_eviction(unlisted);
	igt_assert_eq_u32(((volatile uint32_t *)unlisted->memory)[1], UNLISTED_VALUE);
	hold_fini(unlisted, &hold);
	unlisted_end(unlisted);
	amd_userptr_cs_close(&unlisted->cs);
}

static void while_invalid(struct amd_userptr *up, unsigned int kind, enum amd_kfd_queue_type ring)
{
	struct unlisted unlisted = { .kind = kind, .ring = ring };

	unlisted_require(up, kind);
	igt_require_f(!access("/dev/fuse", R_OK | W_OK), "no FUSE, or not root\n");
	igt_set_timeout(igt_patience(CS_SECONDS), "a submission while invalid");
	amd_userptr_in_faulting_child(up, submit_while_invalid, &unlisted);
	igt_reset_timeout();
}

void amd_userptr_cs_invalid_subtests(struct amd_userptr *up)
{
	for (unsigned int kind = 0; kind < UNLISTED_NUM_KINDS; kind++) {
		for (int compute = 0; compute < 2; compute++) {
			igt_describe(
				"A submission waits until the restore worker has looked for memory that has gone.");
			igt_subtest_f("unlisted-while-invalid%s%s", unlisted_suffix(kind),
				      compute ? "-compute" : "")
				while_invalid(up, kind,
					      compute ? AMD_KFD_QUEUE_PM4 : AMD_KFD_QUEUE_SDMA);
			igt_fixture()
				amd_userptr_cleanup(up);
		}
	}
}
