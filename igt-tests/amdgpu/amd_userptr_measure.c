// SPDX-License-Identifier: MIT
/* not committed: figures */
#include <errno.h>
#include <unistd.h>
#include <sys/mman.h>
#include <time.h>
#include "igt.h"
#include "lib/igt_mm.h"
#include "lib/amdgpu/amd_userptr_fixture.h"
#include "lib/amdgpu/amd_userptr_scatter.h"
IGT_TEST_DESCRIPTION("figures");
static struct amd_userptr up;
static size_t page(void) { return getpagesize(); }
static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec * 1e3 + t.tv_nsec / 1e6; }

static void overlap(struct amd_userptr *up)
{
	const unsigned int counts[] = { 1, 16, 64, 256, 1024, 4096, 65536 };
	for (unsigned int c = 0; c < ARRAY_LENGTH(counts); c++) {
		struct amd_userptr_scatter scatter;
		struct amd_userptr_args args;
		char *cpu = (char *)amd_userptr_mmap(up, page(), 1);
		double t0, t1, best = 1e9, worst = 0, tc;
		int ret;
		amd_userptr_scatter_init(&scatter, up, counts[c]);
		for (unsigned int i = 0; i < counts[c]; i++)
			amd_userptr_scatter_add(&scatter, cpu, page(), 0);
		args = amd_userptr_scatter_args(&scatter, 0);
		tc = now();
		ret = __amd_userptr_ioctl(up->fd, &args);
		tc = now() - tc;
		if (ret) { igt_info("MEASURE overlap %u: create %d\n", counts[c], ret); amd_userptr_cleanup(up); continue; }
		amd_userptr_adopt_bo(up, args.handle, NULL, args.size);
		for (int i = 0; i < 7; i++) {
			amd_userptr_queue_alive(up);
			amd_kfd_smi_mark(&up->smi);
			madvise(cpu, page(), MADV_DONTNEED);	/* stops the queues */
			*(volatile char *)cpu = 1;
			t0 = now();
			madvise(cpu, page(), MADV_DONTNEED);
			t1 = now() - t0;
			if (t1 < best) best = t1;
			if (t1 > worst) worst = t1;
			amd_userptr_expect_stops(up, 0);
		}
		igt_info("MEASURE overlap %u: create %.2f ms, madvise of the page %.4f to %.4f ms\n", counts[c], tc, best, worst);
		amd_userptr_cleanup(up);
	}
}

static void holes(struct amd_userptr *up)
{
	const unsigned int counts[] = { 0, 256, 4096, 32768 };
	for (unsigned int c = 0; c < ARRAY_LENGTH(counts); c++) {
		struct amd_userptr_scatter scatter;
		unsigned int count = counts[c] + 16;
		char *cpu = amd_userptr_scatter_pages(&scatter, up, count);
		double best = 1e9, worst = 0;
		amd_userptr_scatter_create(&scatter, 0);
		amd_userptr_queue_alive(up);
		amd_kfd_smi_mark(&up->smi);
		if (counts[c]) {
			igt_assert_eq(munmap(cpu + 32 * page(), 2 * counts[c] * page()), 0);
			amd_userptr_expect_stops(up, 0);
		}
		for (int i = 0; i < 7; i++) {
			double t;
			amd_userptr_queue_alive(up);
			amd_kfd_smi_mark(&up->smi);
			t = now();
			igt_assert_eq(madvise(cpu, page(), MADV_DONTNEED), 0);
			amd_userptr_expect_stops(up, 0);
			t = (up->smi.count.restore_ns - up->smi.count.eviction_ns) / 1e6;
			if (t < best) best = t;
			if (t > worst) worst = t;
		}
		igt_info("MEASURE holes %u: stopped for %.3f to %.3f ms\n", counts[c], best, worst);
		amd_userptr_cleanup(up);
	}
}

/* restore after fork: all COW */
static void forks(struct amd_userptr *up)
{
	struct amd_userptr_scatter scatter;
	double best = 1e9, worst = 0;
	char *cpu = amd_userptr_scatter_pages(&scatter, up, 4096);
	amd_userptr_scatter_create(&scatter, 0);
	for (int i = 0; i < 7; i++) {
		double t;
		amd_userptr_queue_alive(up);
		amd_kfd_smi_mark(&up->smi);
		igt_assert_eq(madvise(cpu, 2 * 4096 * page(), MADV_DONTNEED), 0);
		amd_userptr_expect_stops(up, 0);
		t = (up->smi.count.restore_ns - up->smi.count.eviction_ns) / 1e6;
		if (t < best) best = t;
		if (t > worst) worst = t;
	}
	igt_info("MEASURE all 4096 dropped: stopped for %.3f to %.3f ms\n", best, worst);
}
static const struct amd_userptr_subtest tests[] = {
	{ .name = "overlap", .run = overlap, .describe = "x" },
	{ .name = "holes", .run = holes, .describe = "x" },
	{ .name = "drop", .run = forks, .describe = "x" },
};
int igt_main()
{
	igt_fixture() { amd_userptr_start(&up); amd_userptr_require_flag(&up); }
	amd_userptr_run(&up, tests, ARRAY_LENGTH(tests));
	igt_fixture() amd_userptr_stop(&up);
}
