// SPDX-License-Identifier: MIT
/*
 * Random calls of GEM_VA, while the memory changes.  After each of them the queues must find the
 * pages that a model of the mappings says.  The calls often hit a part of a mapping, or the same
 * mapping once more, because then the driver splits the mapping, writes its remains again, or keeps
 * it.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "igt.h"

#include "lib/amdgpu/amd_info.h"
#include "lib/amdgpu/amd_userptr_fault.h"
#include "lib/amdgpu/amd_userptr_fixture.h"
#include "lib/igt_fail_nth.h"

#include "amd_va_mappings.h"

IGT_TEST_DESCRIPTION("Random calls of GEM_VA against a model of the mappings.");

static struct amd_userptr up;

struct walk {
	uint64_t seed;
	bool failing; /* an allocation fails in some of the calls */
};

/* How often something happened, to assert that it happened at all. */
struct count {
	unsigned int done[AMDGPU_VA_OP_REPLACE + 1]; /* calls of each operation */
	unsigned int kept, failed, kept_failed;
};

static struct mappings all;

/* Make a mapping that has nothing to do with the others. */
static struct mapping pick_new(void)
{
	struct mapping mapping = { .bo = mappings_pick(&all, NUM_BOS), .flags = AMD_USERPTR_RW };
	const unsigned int pages = all.bos[mapping.bo].pages;

	mapping.count = 1 + mappings_pick(&all, mappings_pick(&all, 3) ? pages : 8);
	mapping.page = mappings_pick(&all, pages - mapping.count + 1);
	mapping.at = mappings_pick(&all, WINDOW_PAGES - mapping.count + 1);
	if (mapping.bo == BO_HUGE && mappings_pick(&all, 2)) {
		mapping.count = HUGE_PAGES;
		mapping.page = HUGE_PAGES * mappings_pick(&all, 2);
		mapping.at = HUGE_PAGES * mappings_pick(&all, WINDOW_PAGES / HUGE_PAGES);
	}
	if (!mappings_pick(&all, 5))
		mapping.flags = AMDGPU_VM_PAGE_READABLE;
	return mapping;
}

/* Make a mapping from one that is there: the same, a part of it, or one that is slightly wrong. */
static struct mapping pick_like(const struct mapping *there)
{
	const unsigned int skip = mappings_pick(&all, 3) ? mappings_pick(&all, there->count) : 0;
	struct mapping mapping = *there;

	mapping.at += skip;
	mapping.page += skip;
	mapping.count -= skip;
	if (mappings_pick(&all, 3))
		mapping.count = 1 + mappings_pick(&all, mapping.count);
	if (!mappings_pick(&all, 6) && mapping.page)
		mapping.page--;
	if (!mappings_pick(&all, 6))
		mapping.flags ^= AMDGPU_VM_PAGE_WRITEABLE;
	return mapping;
}

/*
 * Choose the next call.  In most calls the mapping is like one that is there, because then the
 * driver may keep that mapping, split it, or write its remains again.
 */
static uint32_t pick_call(struct mapping *mapping)
{
	enum { KINDS = 12 };
	const struct mapping *there = NULL;
	const unsigned int kind = mappings_pick(&all, KINDS);

	if (all.count)
		there = &all.list[mappings_pick(&all, all.count)];
	*mapping = pick_new();
	if (kind < 2) {
		mapping->count =
			1 + mappings_pick(&all, mappings_pick(&all, 2) ? 8 : mapping->count);
		if (mapping->at + mapping->count > WINDOW_PAGES)
			mapping->at = WINDOW_PAGES - mapping->count;
		return AMDGPU_VA_OP_CLEAR;
	}
	if (kind == 2 && there) {
		*mapping = *there;
		return AMDGPU_VA_OP_UNMAP;
	}
	if (kind > 5 && there)
		*mapping = kind == 6 ? *there : pick_like(there);
	else if (!mappings_is_busy(&all, mapping))
		return AMDGPU_VA_OP_MAP;
	return AMDGPU_VA_OP_REPLACE;
}

/*
 * Call GEM_VA.  With @inject the allocation @n fails, if the ioctl makes so many.  Between arming
 * and disarming there is one system call, as igt_fail_nth_arm() demands.
 */
static int gem_va(uint32_t operation, const struct mapping *mapping, struct igt_fail_nth *inject,
		  unsigned int n, bool *failed)
{
	struct amd_gem_va_args args = {
		.handle = operation == AMDGPU_VA_OP_CLEAR ? 0 : all.bos[mapping->bo].handle,
		.operation = operation,
		.flags = mapping->flags,
		.va_address = all.va + (uint64_t)mapping->at * AMD_GPU_PAGE_SIZE,
		.offset_in_bo = (uint64_t)mapping->page * AMD_GPU_PAGE_SIZE,
		.map_size = (uint64_t)mapping->count * AMD_GPU_PAGE_SIZE,
		.vm_timeline_syncobj_out = all.up->syncobj,
	};
	int ret;

	*failed = false;
	if (inject)
		igt_fail_nth_arm(inject, n);
	ret = ioctl(all.up->fd, AMD_IOCTL_GEM_VA, &args) ? -errno : 0;
	if (inject)
		*failed = igt_fail_nth_disarm(inject);
	if (!ret)
		igt_assert_eq(__amd_userptr_wait_va(all.up), 0);
	return ret;
}

/*
 * Update the model after a call.  If REPLACE keeps a mapping, the mapping stays also after an
 * error.  After an error of any other call the addresses of the call may have any entries.  So
 * assert only that all other addresses are as before, and then clear those of the call.
 */
static void follow(uint32_t operation, const struct mapping *mapping, bool keeps, int ret,
		   const char *text)
{
	bool failed;

	if (ret && !keeps) {
		mappings_clear(&all, mapping->at, mapping->count);
		mappings_check(&all, text);
		igt_assert_eq(gem_va(AMDGPU_VA_OP_CLEAR, mapping, NULL, 0, &failed), 0);
		/*
		 * Check once more, because the CLEAR has updated page directories, which may now
		 * have new page tables.
		 */
		mappings_check(&all, text);
		return;
	}
	if (operation == AMDGPU_VA_OP_CLEAR || operation == AMDGPU_VA_OP_UNMAP)
		mappings_clear(&all, mapping->at, mapping->count);
	else if (!keeps)
		mappings_map(&all, mapping);
}

static void step(struct igt_fail_nth *inject, struct count *count)
{
	struct mapping mapping;
	const uint32_t operation = pick_call(&mapping);
	const bool keeps = operation == AMDGPU_VA_OP_REPLACE && mappings_keeps(&all, &mapping);
	/*
	 * A call that keeps a mapping is rare and allocates little, so let each such call fail, in
	 * one of its first allocations.
	 */
	const bool fails = keeps || mappings_pick(&all, 2);
	const unsigned int n = 1 + mappings_pick(&all, keeps ? 4 : 20);
	bool failed;
	int ret = gem_va(operation, &mapping, fails ? inject : NULL, n, &failed);
	char text[160];

	snprintf(text, sizeof(text),
		 "operation %u of pages %u to %u of BO %u at page %u, flags %#x%s: %s", operation,
		 mapping.page, mapping.page + mapping.count - 1, mapping.bo, mapping.at,
		 mapping.flags, failed ? ", in which an allocation failed" : "", strerror(-ret));
	igt_assert_f(!ret || (failed && ret == -ENOMEM), "%s\n", text);
	count->done[operation]++;
	count->kept += keeps;
	count->failed += !!ret;
	count->kept_failed += keeps && ret;
	follow(operation, &mapping, keeps, ret, text);
	if (!mappings_pick(&all, 3))
		mappings_change(&all, inject ? BO_SMALL : BO_HUGE);
	if (!mappings_pick(&all, 3))
		mappings_check(&all, text);
}

static void walk(struct amd_userptr *mine, void *data)
{
	enum { CALLS = 300 };
	const struct walk *walk = data;
	struct count count = {};
	struct igt_fail_nth inject;

	mappings_init(&all, mine, walk->seed);
	if (walk->failing) {
		igt_assert(!igt_fail_nth_init(&inject));
		amd_info_ignore_memory_log();
	}
	for (unsigned int i = 0; i < CALLS; i++)
		step(walk->failing ? &inject : NULL, &count);
	mappings_check(&all, "the last call");
	igt_assert_f(!mappings_reaches_cleared(&all),
		     "the GPU reads an address without a mapping\n");
	if (walk->failing)
		igt_fail_nth_fini(&inject);
	igt_info(
		"%u MAP, %u UNMAP, %u CLEAR, %u REPLACE (%u kept), %u failed (%u kept); %u mappings\n",
		count.done[AMDGPU_VA_OP_MAP], count.done[AMDGPU_VA_OP_UNMAP],
		count.done[AMDGPU_VA_OP_CLEAR], count.done[AMDGPU_VA_OP_REPLACE], count.kept,
		count.failed, count.kept_failed, all.count);
	for (unsigned int i = AMDGPU_VA_OP_MAP; i <= AMDGPU_VA_OP_REPLACE; i++)
		igt_assert_lt(0, count.done[i]);
	igt_assert_lt(0, count.kept);
	/*
	 * Calls that keep a mapping hardly allocate anything, so the number of those that failed
	 * may be 0.  The subtest replace-same of amd_userptr_failnth makes one fail.
	 */
	if (walk->failing)
		igt_assert_lt(0, count.failed);
}

static void end_failures(struct amd_userptr *unused)
{
	igt_fail_nth_reset();
}

/* A GPU page fault would end the queues of the process, so a child makes the calls. */
static void run(struct amd_userptr *unused, const void *data)
{
	struct walk copy = *(const struct walk *)data;
	struct igt_fail_nth inject;

	if (copy.failing) {
		const char *reason;

		up.undo = end_failures;
		reason = igt_fail_nth_init(&inject);
		igt_fail_nth_fini(&inject);
		igt_require_f(!reason, "%s\n", reason);
	}
	amd_userptr_in_faulting_child(&up, walk, &copy);
}

static const struct walk walks[] = { { 1, false }, { 2, false }, { 1, true }, { 2, true } };

#define SUBTEST(test, walk, text) \
	{ .name = test, .run_with = run, .data = &(walk), .describe = text }

static const struct amd_userptr_subtest subtests[] = {
	SUBTEST("random-1", walks[0],
		"After random calls the queues find the pages that the model says."),
	SUBTEST("random-2", walks[1], "The same with other random numbers."),
	SUBTEST("failing-1", walks[2], "The same if an allocation fails in every second call."),
	SUBTEST("failing-2", walks[3], "The same with other random numbers."),
};

int igt_main()
{
	igt_fixture() {
		amd_userptr_fixture_open(&up);
		amd_userptr_require_flag(&up);
		amd_info_require_gpu_page_va(up.fd);
	}
	amd_userptr_run_subtests(&up, subtests, ARRAY_LENGTH(subtests));
	igt_fixture()
		amd_userptr_fixture_close(&up);
}
