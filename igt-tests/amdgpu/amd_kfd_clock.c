// SPDX-License-Identifier: MIT
/*
 * A process can read the GPU's clock from the render node, from KFD and by packets of user queues.
 * All these ways must read the same clock, which has to run at the rate that the driver reports.
 */
#include <time.h>

#include "igt.h"

#include "lib/amdgpu/amd_info.h"
#include "lib/amdgpu/amd_userptr.h"
#include "lib/amdgpu/amd_userptr_fixture.h"

IGT_TEST_DESCRIPTION("The GPU's clock by AMDGPU_INFO_TIMESTAMP, KFD and packets.");

#define ROUNDS 20

static uint64_t clock_by_drm(struct amd_userptr *up)
{
	uint64_t clock = 0;

	amd_info(up->fd, AMDGPU_INFO_TIMESTAMP, &clock, sizeof(clock));
	return clock;
}

static uint64_t clock_by_kfd(struct amd_userptr *up)
{
	uint64_t clock = 0;

	igt_assert_eq(__amd_kfd_gpu_clock(&up->kfd, &clock), 0);
	return clock;
}

/*
 * Let a packet store the clock, and wait for the packet, so that the GPU reads its clock during
 * this call.
 */
static uint64_t clock_by_queue(struct amd_userptr *up, enum amd_kfd_queue_type type)
{
	volatile uint64_t *stamp = up->out.cpu;

	amd_userptr_use_queue(up, type);
	*stamp = 0;
	amd_kfd_queue_timestamp(up->queue, up->out.va);
	amd_kfd_queue_sync(up->queue, AMD_USERPTR_WAIT_MS);
	return *stamp;
}

static uint64_t clock_by_pm4(struct amd_userptr *up)
{
	return clock_by_queue(up, AMD_KFD_QUEUE_PM4);
}

static uint64_t clock_by_sdma(struct amd_userptr *up)
{
	return clock_by_queue(up, AMD_KFD_QUEUE_SDMA);
}

static void one_clock(struct amd_userptr *up)
{
	static const struct {
		const char *name;
		uint64_t (*read)(struct amd_userptr *up);
	} tellers[] = {
		{ "the render node", clock_by_drm },
		{ "PM4", clock_by_pm4 },
		{ "KFD", clock_by_kfd },
		{ "SDMA", clock_by_sdma },
	};
	const char *before = "nobody";
	uint64_t last = 0;

	for (unsigned int i = 0; i < ROUNDS * ARRAY_LENGTH(tellers); i++) {
		/* Use another order in every round. */
		unsigned int n = (i + i / ARRAY_LENGTH(tellers)) % ARRAY_LENGTH(tellers);
		uint64_t now = tellers[n].read(up);

		igt_assert_f(now > last, "%s returned %llu after %s had returned %llu\n",
			     tellers[n].name, (unsigned long long)now, before,
			     (unsigned long long)last);
		last = now;
		before = tellers[n].name;
	}
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_RAW, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

/* One read of the GPU's clock, with the CPU's clock (in ns) before and after the read. */
struct reading {
	uint64_t clock, earliest, latest;
};

static struct reading read_clock(struct amd_userptr *up)
{
	struct reading r = { .earliest = now_ns() };

	r.clock = clock_by_drm(up);
	r.latest = now_ns();
	return r;
}

static void rate(struct amd_userptr *up)
{
	const uint64_t apart_ns = 200000000, ns_per_ms = 1000000;
	struct drm_amdgpu_info_device device = { 0 };
	struct reading first, last;
	uint64_t least, most, passed;

	amd_info(up->fd, AMDGPU_INFO_DEV_INFO, &device, sizeof(device));
	igt_assert_f(device.gpu_counter_freq, "the driver does not know the rate\n");
	/*
	 * The clock of the simulated GPU stands still while the GPU has no work.  The test cannot
	 * find that out by itself, because it must fail on a GPU whose clock is too slow.  So the
	 * harness sets AMD_KFD_CLOCK_COUNTS_WORK for the simulated GPU.
	 */
	igt_skip_on_f(getenv("AMD_KFD_CLOCK_COUNTS_WORK"),
		      "the GPU's clock counts work and not time (AMD_KFD_CLOCK_COUNTS_WORK)\n");

	first = read_clock(up);
	do {
		last = read_clock(up);
	} while (last.earliest - first.latest < apart_ns);
	passed = last.clock - first.clock;
	/* Both limits are in counts.  The reported rate is in kHz, that is counts in a ms. */
	least = (last.earliest - first.latest) * device.gpu_counter_freq / ns_per_ms;
	most = (last.latest - first.earliest) * device.gpu_counter_freq / ns_per_ms;
	igt_info("%llu counts in %llu to %llu at %u kHz\n", (unsigned long long)passed,
		 (unsigned long long)least, (unsigned long long)most, device.gpu_counter_freq);
	/*
	 * The GPU's clock and the CPU's clock have a crystal each.  Allow for 0.1 %, because two
	 * crystals differ by less, and for one count.
	 */
	igt_assert_lte_u64(least - least / 1000 - 1, passed);
	igt_assert_lte_u64(passed, most + most / 1000 + 1);
}

static const struct amd_userptr_subtest subtests[] = {
	{ .name = "one-clock",
	  .run = one_clock,
	  .describe = "A later read returns a later time, whichever way reads the clock." },
	{ .name = "rate",
	  .run = rate,
	  .describe = "The clock runs at the rate that the driver reports." },
};

static struct amd_userptr up;

int igt_main()
{
	igt_fixture()
		amd_userptr_fixture_open(&up);
	amd_userptr_run_subtests(&up, subtests, ARRAY_LENGTH(subtests));
	igt_fixture()
		amd_userptr_fixture_close(&up);
}
