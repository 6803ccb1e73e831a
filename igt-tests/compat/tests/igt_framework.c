// SPDX-License-Identifier: MIT
/*
 * Uses every macro of igt.h but igt_warn(). Several subtests fail, skip or crash on purpose;
 * probe.py knows which, and compares the exit codes. So this program must not be on a test list.
 */
#include <signal.h>
#include <sys/mman.h>
#include <xf86drm.h>

#include "igt.h"

IGT_TEST_DESCRIPTION("The IGT framework behaves as our tests expect.");

static void outcome_subtests(int setup)
{
	igt_describe("A subtest that passes.");
	igt_subtest("pass") {
		igt_info("hello from pass\n");
		igt_assert(setup == 42);
		igt_assert_eq(setup, 42);
		igt_assert_neq(setup, 41);
		igt_assert_lt(1, 2);
		igt_assert_lte(2, 2);
		igt_assert_eq_u32(0xffffffffu, 0xffffffffu);
		igt_assert_neq_u32(1, 0xffffffffu);
		igt_assert_eq_u64(1ull << 40, 1ull << 40);
		igt_assert_neq_u64(1ull << 40, 0);
		igt_assert_lte_u64(1, 1ull << 40);
		igt_assert_fd(0);
		igt_require(setup);
		igt_skip_on(!setup);
	}

	igt_describe("A subtest that skips by requirement.");
	igt_subtest("skip")
		igt_require_f(setup == 0, "setup is %d\n", setup);

	igt_describe("A subtest that skips by igt_skip_on.");
	igt_subtest("skip-on")
		igt_skip_on(setup == 42);

	igt_describe("A subtest that fails by comparison.");
	igt_subtest("fail")
		igt_assert_eq(setup, 43);

	igt_describe("The upper half of a 64 bit comparison counts.");
	igt_subtest("fail-u64")
		igt_assert_eq_u64(1ull << 40, 1ull << 41);

	igt_describe("A subtest that fails with a message.");
	igt_subtest("fail-message") {
		igt_debug("debug kept for the failure dump\n");
		igt_assert_f(setup != 42, "setup is %d\n", setup);
	}

	igt_describe("A subtest that crashes.");
	igt_subtest("crash")
		raise(SIGSEGV);

	igt_describe("A subtest that hits its time limit.");
	igt_subtest("timeout") {
		igt_set_timeout(1, "waiting for what never comes");
		pause();
		igt_reset_timeout();
	}
}

static void dynamic_subtests(void)
{
	for (int i = 0; i < 2; i++) {
		igt_describe_f("Formatted name %d.", i);
		igt_subtest_f("named-%d", i)
			igt_assert(!strcmp(igt_subtest_name(), i ? "named-1" : "named-0"));
	}

	igt_describe("Dynamic parts: two pass, one skips.");
	igt_subtest_with_dynamic("dynamic") {
		for (int i = 0; i < 3; i++) {
			igt_dynamic_f("part%d", i)
				igt_skip_on_f(i == 2, "part %d is not here\n", i);
		}
	}

	igt_describe("Dynamic parts: one fails.");
	igt_subtest_with_dynamic("dynamic-fail") {
		for (int i = 0; i < 2; i++) {
			igt_dynamic_f("bad%d", i)
				igt_assert(i == 0);
		}
	}

	igt_describe("A dynamic container with nothing in it.");
	igt_subtest_with_dynamic("dynamic-empty")
		;
}

static void process_subtests(void)
{
	igt_describe("Four children share a page.");
	igt_subtest("fork") {
		int *page =
			mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

		igt_assert(page != MAP_FAILED);
		igt_fork(child, 4)
			page[child] = child + 1;
		igt_waitchildren();
		for (int i = 0; i < 4; i++)
			igt_assert_eq(page[i], i + 1);
		munmap(page, 4096);
	}

	igt_describe("A child's assertion fails the subtest.");
	igt_subtest("fork-fail") {
		igt_fork(child, 2)
			igt_assert_eq(child, 0);
		igt_waitchildren_timeout(10, "children");
	}

	igt_describe("Loop for a second while signals arrive.");
	igt_subtest("until-timeout") {
		unsigned int loops = 0;

		igt_fork_signal_helper();
		igt_until_timeout(1) {
			usleep(1000);
			loops++;
		}
		igt_stop_signal_helper();
		igt_assert_lt(1, loops);
	}
}

int igt_main()
{
	volatile int setup = 0;
	volatile int fd = -1;

	igt_fixture()
		setup = 42;

	outcome_subtests(setup);
	dynamic_subtests();
	process_subtests();

	igt_subtest_group() {
		igt_fixture() {
			fd = drm_open_driver_render(DRIVER_AMDGPU);
			igt_assert_fd(fd);
		}

		igt_describe("The driver bit means amdgpu, and the device can be opened again.");
		igt_subtest("device") {
			drmVersionPtr version = drmGetVersion(fd);
			int again = drm_reopen_driver(fd);

			igt_assert(version && !strcmp(version->name, "amdgpu"));
			drmFreeVersion(version);
			igt_assert_fd(again);
			drm_close_driver(again);
		}

		igt_fixture()
			drm_close_driver(fd);
	}

	igt_describe("Runs although the group before it may have skipped.");
	igt_subtest("after-group")
		igt_assert(true);
}
