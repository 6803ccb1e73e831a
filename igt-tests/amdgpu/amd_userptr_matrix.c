// SPDX-License-Identifier: MIT
/*
 * GEM userptrs with AMDGPU_GEM_USERPTR_HSA: every backing (kind of memory), times every event that
 * changes memory, times every timing (the state of queues and restore worker when the event comes),
 * times every kind of queue.  A subtest is named BACKING-EVENT-TIMING-QUEUE.  Backings are in
 * amd_userptr_area.c, events and their effects in amd_userptr_event.c, timings in
 * amd_userptr_matrix_timing.c.
 *
 * Each subtest asserts that the event happened, that KFD evicted and restored the queues for the
 * event (or did not, where the effect is AMD_USERPTR_UNTOUCHED), and that CPU and GPU read the same
 * bytes afterwards.  In the timings restore and close the test itself evicts the queues before
 * the event, so it only asserts that KFD restored the queues.  In the timing access the GPU has to
 * fault when it accesses the hole.
 */
#include "igt.h"

#include "lib/amdgpu/amd_userptr_fixture.h"
#include "lib/igt_task.h"
#include "lib/igt_time.h"

#include "amd_userptr_matrix.h"

IGT_TEST_DESCRIPTION("Every CPU page table change under every kind of userptr memory.");

/* The limit of a subtest; one that takes longer counts as hanging. */
#define SUBTEST_SECONDS igt_patience(50)

static const struct {
	const char *name;
	enum amd_kfd_queue_type type;
} queues[] = {
	{ "pm4", AMD_KFD_QUEUE_PM4 },
	{ "aql", AMD_KFD_QUEUE_AQL },
	{ "sdma", AMD_KFD_QUEUE_SDMA },
};

static struct amd_userptr up;
static struct amd_userptr_matrix matrix;

static void end_subtest(void)
{
	amd_userptr_stall_drop(&matrix.stall, &up);
	igt_task_end(&matrix.close_task);
	igt_task_end(&matrix.event_task);
	amd_userptr_cleanup(&up);
	amd_userptr_area_fini(&matrix.area);
	amd_userptr_area_fini(&matrix.other);
}

static void run(const struct amd_userptr_timing *timing, enum amd_kfd_queue_type type,
		const struct amd_userptr_case *test)
{
	igt_require_f(!timing->stalls || !matrix.no_stall, "no FUSE file to hold the worker: %s\n",
		      strerror(-matrix.no_stall));
	igt_set_timeout(SUBTEST_SECONDS, timing->name);
	amd_userptr_use_queue(&up, type);
	matrix.test = test;
	timing->run(&matrix, test);
	igt_reset_timeout();
}

static void subtest(const struct amd_userptr_timing *timing, unsigned int queue,
		    const struct amd_userptr_case *test)
{
	igt_describe_f("%s %s %s.", test->backing->what, test->event->what, timing->what);
	igt_subtest_f("%s-%s-%s-%s", test->backing->name, test->event->name, timing->name,
		      queues[queue].name)
		run(timing, queues[queue].type, test);
	igt_fixture()
		end_subtest();
}

static void subtests_of(const struct amd_userptr_case *test)
{
	for (unsigned int t = 0; t < amd_userptr_num_timings; t++) {
		const struct amd_userptr_timing *timing = &amd_userptr_timings[t];

		if (timing->holes_only && test->effect != AMD_USERPTR_HOLE)
			continue;
		for (unsigned int queue = 0; queue < ARRAY_LENGTH(queues); queue++) {
			/*
			 * Each subtest of such a timing starts a process, which takes long, so use
			 * all kinds of queues only for the first backing.
			 */
			if (timing->holes_only && queue && test->backing != amd_userptr_backings)
				continue;
			subtest(timing, queue, test);
		}
	}
}

int igt_main()
{
	igt_fixture() {
		amd_userptr_fixture_open(&up);
		amd_userptr_require_flag(&up);
		matrix.up = &up;
		matrix.kind = &amd_userptr_matrix_kind;
		matrix.area.fd = matrix.other.fd = -1;
		matrix.no_stall = __amd_userptr_stall_init(&matrix.stall);
	}

	for (unsigned int e = 0; e < amd_userptr_num_events; e++) {
		for (unsigned int b = 0; b < AMD_USERPTR_NUM_BACKINGS; b++) {
			const struct amd_userptr_case test = {
				.backing = &amd_userptr_backings[b],
				.event = &amd_userptr_events[e],
				.effect = amd_userptr_events[e].effects.of[b],
			};

			if (test.effect != AMD_USERPTR_NEVER)
				subtests_of(&test);
		}
	}

	igt_fixture() {
		amd_userptr_stall_fini(&matrix.stall);
		amd_userptr_fixture_close(&up);
	}
}
