// SPDX-License-Identifier: MIT
/*
 * GEM_VA counts in GPU pages of 4 KiB.  CPU pages may be larger.  A mapping may then begin or end
 * within a CPU page, also because CLEAR or REPLACE cuts it there.  The GPU has to find the right
 * part of each page, and a mapping must not change the entries beside it.
 *
 * With CPU pages of 4 KiB the tests make the same calls, with the offsets, odd addresses and cuts
 * of a machine with larger pages.  So the tests show that nothing depends on the units.
 */
#include "igt.h"

#include "lib/amdgpu/amd_stamp.h"
#include "lib/amdgpu/amd_userptr_fault.h"
#include "lib/amdgpu/amd_userptr_fixture.h"

#include "amd_va_pages.h"

IGT_TEST_DESCRIPTION("Mappings of GPU pages, also where CPU pages are larger.");

/*
 * The GPU pages of a CPU page of 64 and of 16 KiB.  All tests use both numbers with every size of
 * CPU pages, so that they make the same calls on each machine.
 */
static const unsigned int cpu_pages[] = { 16, 4 };

/*
 * map_between() maps this many pages of BO 1 before the mapping under test and behind it.  The
 * number is odd, so the mapping does not begin where a CPU page could.
 */
enum { BESIDE = 3 };

/* The page of the window at which the mapping under test begins. */
enum { AT = 16 + BESIDE };

static struct amd_userptr up;
static struct va_window window;

static void close_window(struct amd_userptr *unused)
{
	va_window_close(&window);
}

static void open_window(struct amd_userptr *mine, enum va_kind kind, enum va_layout layout)
{
	mine->undo = close_window;
	va_window_open(&window, mine, kind, layout);
}

/*
 * Map pages of BO 1 on both sides, then @count pages of BO 0 from page @page on between them, and
 * check all.  The check comes last, because its stores change the content.  So it also shows
 * whether the mapping in the middle has changed the entries on both sides.
 */
static void map_between(unsigned int page, unsigned int count)
{
	va_window_map(&window, AMDGPU_VA_OP_MAP, AT - BESIDE, 1, 5, BESIDE);
	va_window_map(&window, AMDGPU_VA_OP_MAP, AT + count, 1, 5 + BESIDE, BESIDE);
	va_window_map(&window, AMDGPU_VA_OP_MAP, AT, 0, page, count);
	va_window_check(&window);
	va_window_clear(&window, AT - BESIDE, count + 2 * BESIDE);
}

/* The kinds and layouts of memory, each with its own subtests. */
struct memory {
	enum va_kind kind;
	enum va_layout layout;
};

static const struct memory gtt = { VA_GTT, VA_ANY };
static const struct memory userptr = { VA_USERPTR, VA_ANY };
static const struct memory userptr_adjacent = { VA_USERPTR, VA_ADJACENT };
static const struct memory userptr_scattered = { VA_USERPTR, VA_SCATTERED };
static const struct memory hsa = { VA_HSA, VA_ANY };
static const struct memory hsa_adjacent = { VA_HSA, VA_ADJACENT };
static const struct memory hsa_scattered = { VA_HSA, VA_SCATTERED };

/* Whole CPU pages at addresses of whole CPU pages, which every kernel maps right. */
static void whole(struct amd_userptr *unused, const void *data)
{
	const unsigned int n = va_cpu_page() > 16 ? va_cpu_page() : 16, all = VA_BO_PAGES / n;
	const struct memory *memory = data;

	open_window(&up, memory->kind, memory->layout);
	for (unsigned int first = 0; first < all; first++) {
		for (unsigned int last = first; last < all; last++) {
			const unsigned int count = (last - first + 1) * n;

			va_window_map(&window, AMDGPU_VA_OP_MAP, n, 0, first * n, count);
			va_window_check(&window);
			va_window_clear(&window, n, count);
		}
	}
}

/*
 * Map from each GPU page of the first CPU page on, and from some behind it.  Map one GPU page, and
 * about as many GPU pages as one and as two CPU pages have.
 */
static void parts(struct amd_userptr *unused, const void *data)
{
	const struct memory *memory = data;

	amd_info_require_gpu_page_va(up.fd);
	open_window(&up, memory->kind, memory->layout);
	for (unsigned int i = 0; i < ARRAY_LENGTH(cpu_pages); i++) {
		const unsigned int n = cpu_pages[i];
		const unsigned int counts[] = { 1, n - 1, n, n + 1, 2 * n - 1, 2 * n + 2 };

		for (unsigned int page = 0; page <= n + 3; page++) {
			for (unsigned int j = 0; j < ARRAY_LENGTH(counts); j++)
				map_between(page, counts[j]);
		}
	}
}

/*
 * Map from page 0 on more than one CPU page and less than two, in memory whose first two CPU pages
 * are neighbours.  For GTT memory nobody checks that they are neighbours (make_gtt()).  The stock
 * driver writes the entries of two whole CPU pages, also those of the addresses behind the mapping,
 * and then stops at a BUG_ON() (amdgpu_res_cursor.h:132).
 */
static void adjacent(struct amd_userptr *unused, const void *data)
{
	const struct memory *memory = data;

	amd_info_require_gpu_page_va(up.fd);
	open_window(&up, memory->kind, memory->layout);
	for (unsigned int i = 0; i < ARRAY_LENGTH(cpu_pages); i++) {
		for (unsigned int count = cpu_pages[i] + 1; count < 2 * cpu_pages[i]; count++)
			map_between(0, count);
	}
}

/*
 * Check the window.  If the memory is not GTT, change the memory of one BO after the other, and
 * check after each change.  The pages of GTT memory cannot change.
 */
static void check_and_change(void)
{
	va_window_check(&window);
	if (window.kind == VA_GTT)
		return;
	for (int bo = 0; bo < VA_BOS; bo++) {
		va_window_change(&window, bo);
		va_window_check(&window);
	}
}

/* CLEAR takes one page out of a mapping, then more, at the ends and across CPU pages. */
static void clear(struct amd_userptr *unused, const void *data)
{
	const struct memory *memory = data;

	amd_info_require_gpu_page_va(up.fd);
	for (unsigned int i = 0; i < ARRAY_LENGTH(cpu_pages); i++) {
		const unsigned int n = cpu_pages[i];

		open_window(&up, memory->kind, memory->layout);
		va_window_map(&window, AMDGPU_VA_OP_MAP, 16, 0, 0, VA_BO_PAGES);
		va_window_clear(&window, 16 + 3, 1);
		check_and_change();
		va_window_clear(&window, 16 + n - 1, 2);
		va_window_check(&window);
		va_window_clear(&window, 16 + 3 * n + 1, n + 2);
		va_window_check(&window);
		va_window_clear(&window, 16, 1);
		va_window_clear(&window, 16 + VA_BO_PAGES - 1, 1);
		check_and_change();
		amd_userptr_cleanup(&up);
	}
}

/* REPLACE puts pages of another BO, and of the same one, into a mapping. */
static void replace(struct amd_userptr *unused, const void *data)
{
	const struct memory *memory = data;

	amd_info_require_gpu_page_va(up.fd);
	for (unsigned int i = 0; i < ARRAY_LENGTH(cpu_pages); i++) {
		const unsigned int n = cpu_pages[i];

		open_window(&up, memory->kind, memory->layout);
		va_window_map(&window, AMDGPU_VA_OP_MAP, 16, 0, 0, VA_BO_PAGES);
		va_window_map(&window, AMDGPU_VA_OP_REPLACE, 16 + 3, 1, n - 1, 1);
		check_and_change();
		va_window_map(&window, AMDGPU_VA_OP_REPLACE, 16 + n - 2, 1, n + 1, n + 1);
		va_window_check(&window);
		/* Put the mapping's own pages at their old place, so that only the cut is new. */
		va_window_map(&window, AMDGPU_VA_OP_REPLACE, 16 + 3 * n + 1, 0, 3 * n + 1, 2);
		va_window_check(&window);
		/* Replace the last page and addresses beyond the end of the mapping. */
		va_window_map(&window, AMDGPU_VA_OP_REPLACE, 16 + VA_BO_PAGES - 1, 1, 3 * n + 2, n);
		check_and_change();
		amd_userptr_cleanup(&up);
	}
}

/*
 * Map one GPU page of each CPU page of both BOs in turn, at consecutive addresses.  A
 * program does this if it has pieces of 4 KiB and the GPU shall find one range.
 */
static void pieces(struct amd_userptr *unused, const void *data)
{
	const struct memory *memory = data;

	amd_info_require_gpu_page_va(up.fd);
	for (unsigned int i = 0; i < ARRAY_LENGTH(cpu_pages); i++) {
		const unsigned int n = cpu_pages[i];

		open_window(&up, memory->kind, memory->layout);
		for (unsigned int j = 0; j < VA_BO_PAGES / n; j++) {
			va_window_map(&window, AMDGPU_VA_OP_MAP, 2 * j, 0, j * n + j % n, 1);
			va_window_map(&window, AMDGPU_VA_OP_MAP, 2 * j + 1, 1, j * n + (j + 1) % n,
				      1);
		}
		check_and_change();
		amd_userptr_cleanup(&up);
	}
}

/* REPLACE, CLEAR and changes of the memory at random, with the same random numbers in each run. */
static void random_calls(struct amd_userptr *unused, const void *data)
{
	enum { CALLS = 120, LONGEST = 40 };
	const struct memory *memory = data;
	uint64_t random = 0x5eed;
	unsigned int mapped = 0, cleared = 0, changed = 0;

	amd_info_require_gpu_page_va(up.fd);
	open_window(&up, memory->kind, memory->layout);
	for (unsigned int call = 0; call < CALLS; call++) {
		const unsigned int count = 1 + amd_stamp_pick(&random, LONGEST);
		const unsigned int at = amd_stamp_pick(&random, VA_WINDOW_PAGES - count);
		const unsigned int page = amd_stamp_pick(&random, VA_BO_PAGES - count);
		const int bo = amd_stamp_pick(&random, VA_BOS);
		const unsigned int what = amd_stamp_pick(&random, 8);

		if (what < 2) {
			va_window_clear(&window, at, count);
			cleared++;
		} else if (what == 2 && memory->kind != VA_GTT) {
			va_window_change(&window, bo);
			changed++;
		} else if (!va_window_has_other(&window, at, bo, page, count)) {
			va_window_map(&window, AMDGPU_VA_OP_REPLACE, at, bo, page, count);
			mapped++;
		}
		va_window_check(&window);
	}
	igt_info("%u times mapped, %u cleared, %u changed\n", mapped, cleared, changed);
	igt_assert_lt(CALLS / 10, mapped);
	igt_assert_lt(CALLS / 10, cleared);
	if (memory->kind != VA_GTT)
		igt_assert_lt(0, changed);
}

/* ---- addresses without a mapping ---- */

/* The GPU must not reach page @at of the window, and the memory must not change. */
static void expect_fault(struct amd_userptr *mine, unsigned int at)
{
	const uint64_t va = window.va + (uint64_t)at * AMD_GPU_PAGE_SIZE;
	uint32_t event;

	igt_assert_eq(__amd_kfd_fault_event_create(&mine->kfd, &event), 0);
	amd_userptr_gpu_store(mine, va, 0xdeadbeef);
	amd_userptr_expect_fault(mine, event, va, AMD_GPU_PAGE_SIZE);
	igt_assert_eq(__amd_kfd_fault_event_destroy(&mine->kfd, event), 0);
	for (int bo = 0; bo < VA_BOS; bo++)
		igt_assert(!memcmp(window.bos[bo].cpu, window.bos[bo].expect,
				   VA_BO_PAGES * AMD_GPU_PAGE_SIZE));
}

static void cleared_page(struct amd_userptr *mine, void *data)
{
	open_window(mine, VA_HSA, VA_ANY);
	va_window_map(&window, AMDGPU_VA_OP_MAP, 16, 0, 0, VA_BO_PAGES);
	va_window_clear(&window, 16 + 3, 1);
	va_window_check(&window);
	expect_fault(mine, 16 + 3);
}

/* The rest of the CPU page behind the end of a mapping */
static void page_behind(struct amd_userptr *mine, void *data)
{
	open_window(mine, VA_HSA, VA_ANY);
	va_window_map(&window, AMDGPU_VA_OP_MAP, 16, 0, 0, 17);
	va_window_check(&window);
	expect_fault(mine, 16 + 17);
}

static void clear_faults(struct amd_userptr *unused)
{
	amd_info_require_gpu_page_va(up.fd);
	amd_userptr_in_faulting_child(&up, cleared_page, NULL);
}

static void behind_faults(struct amd_userptr *unused)
{
	amd_info_require_gpu_page_va(up.fd);
	amd_userptr_in_faulting_child(&up, page_behind, NULL);
}

#define SUBTEST(test, function, memory, text) \
	{ .name = test, .run_with = function, .data = &(memory), .describe = text }

/* The subtests of a kind of memory whose name is @name, and whose struct memory is @memory. */
#define SUBTESTS(name, memory) \
	SUBTEST("whole-" name, whole, memory, "Whole CPU pages of a BO."), \
		SUBTEST("parts-" name, parts, memory, \
			"From every GPU page on, around a CPU page."), \
		SUBTEST("clear-" name, clear, memory, "CLEAR cuts a mapping within CPU pages."), \
		SUBTEST("replace-" name, replace, memory, \
			"REPLACE cuts a mapping within CPU pages."), \
		SUBTEST("pieces-" name, pieces, memory, \
			"A GPU page of each CPU page, side by side."), \
		SUBTEST("random-" name, random_calls, memory, \
			"REPLACE, CLEAR and changes at random.")

static const struct amd_userptr_subtest subtests[] = {
	SUBTESTS("gtt", gtt),
	SUBTEST("adjacent-gtt", adjacent, gtt,
		"More than one CPU page and less than two; not checked for neighbours."),
	SUBTESTS("userptr", userptr),
	SUBTEST("adjacent-userptr", adjacent, userptr_adjacent,
		"More than one CPU page and less than two, of two neighbours."),
	SUBTESTS("userptr-scattered", userptr_scattered),
};

static const struct amd_userptr_subtest hsa_subtests[] = {
	SUBTESTS("hsa", hsa),
	SUBTEST("adjacent-hsa", adjacent, hsa_adjacent,
		"More than one CPU page and less than two, of two neighbours."),
	SUBTESTS("hsa-scattered", hsa_scattered),
	{ .name = "clear-faults-hsa",
	  .run = clear_faults,
	  .describe = "The GPU does not reach a cleared GPU page within a CPU page." },
	{ .name = "behind-faults-hsa",
	  .run = behind_faults,
	  .describe = "The GPU does not reach the rest of the last CPU page of a mapping." },
};

int igt_main()
{
	igt_fixture()
		amd_userptr_fixture_open(&up);
	amd_userptr_run_subtests(&up, subtests, ARRAY_LENGTH(subtests));
	igt_subtest_group() {
		igt_fixture()
			amd_userptr_require_flag(&up);
		amd_userptr_run_subtests(&up, hsa_subtests, ARRAY_LENGTH(hsa_subtests));
	}
	igt_fixture()
		amd_userptr_fixture_close(&up);
}
