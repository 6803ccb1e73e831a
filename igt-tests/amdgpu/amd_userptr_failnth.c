// SPDX-License-Identifier: MIT
/*
 * The tests let allocations of the kernel fail, one in each attempt: allocations of the ioctls that
 * make, map, unmap and close a userptr with AMDGPU_GEM_USERPTR_HSA, of ACQUIRE_VM, and of the
 * restore worker.  A call may return an error or do without the memory.  If it returns an error, it
 * must leave nothing behind.  In both cases the GPU must reach either the pages of the process or
 * none.
 *
 * Only the page oracle of the simulated GPU sees whether the GPU touched other pages.
 */
#include <errno.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "igt.h"

#include "lib/amdgpu/amd_info.h"
#include "lib/amdgpu/amd_userptr_fault.h"
#include "lib/igt_fail_nth.h"
#include "lib/igt_time.h"

#include "amd_userptr_failnth.h"

IGT_TEST_DESCRIPTION(
	"Every allocation of the ioctls of userptrs, and of their restore, fails once.");

/* How long one process makes attempts; a GPU page fault may end its queues earlier. */
#define PROCESS_MS (AMD_USERPTR_WAIT_MS / 3)

/* How many pages change before a restore: several, because the worker allocates for each range. */
enum { RESTORE_PAGES = 16 };

static size_t page(void)
{
	return getpagesize();
}

void failnth_memory_init(struct failnth_memory *memory, struct amd_userptr *up, bool many,
			 unsigned int pages, uint32_t seed)
{
	memset(memory, 0, sizeof(*memory));
	memory->many = many;
	memory->size = pages * page();
	if (many) {
		memory->cpu = amd_userptr_scatter_pages(&memory->scatter, up, pages);
		memory->span = 2 * memory->size;
	} else {
		memory->cpu = (char *)amd_userptr_mmap(up, memory->size, 0);
		memory->span = memory->size;
		amd_userptr_scatter_init(&memory->scatter, up, 1);
		amd_userptr_scatter_add(&memory->scatter, memory->cpu, memory->size, 0);
	}
	failnth_memory_change(memory, seed);
}

void failnth_memory_change(struct failnth_memory *memory, uint32_t seed)
{
	const struct amd_userptr_scatter *scatter = &memory->scatter;

	igt_assert_eq(madvise(memory->cpu, memory->span, MADV_DONTNEED), 0);
	for (unsigned int i = 0; i < scatter->count; i++)
		amd_pattern_fill((void *)(uintptr_t)scatter->ranges[i].addr,
				 scatter->ranges[i].size, seed + i);
}

int failnth_create(struct failnth_memory *memory, uint32_t *handle)
{
	struct amd_userptr_args args = amd_userptr_scatter_args(&memory->scatter, 0);
	int ret;

	if (!memory->many)
		args = (struct amd_userptr_args){
			.addr = (uintptr_t)memory->cpu,
			.size = memory->size,
			.flags = AMD_USERPTR_TRACKED,
		};
	ret = ioctl(memory->scatter.up->fd, AMD_IOCTL_GEM_USERPTR, &args) ? -errno : 0;
	*handle = args.handle;
	return ret;
}

void failnth_make(struct failnth_memory *memory)
{
	uint32_t handle;

	igt_assert_eq(failnth_create(memory, &handle), 0);
	memory->scatter.bo = amd_userptr_adopt_bo(memory->scatter.up, handle, NULL, memory->size);
}

bool failnth_reads(struct failnth_memory *memory, uint64_t va)
{
	struct amd_userptr *up = memory->scatter.up;

	amd_kfd_queue_copy(up->queue, up->out.va, va, memory->size);
	amd_kfd_queue_submit(up->queue);
	if (!amd_userptr_done_or_faulted(up))
		return false;
	memory->scatter.va = va;
	amd_userptr_scatter_reads(&memory->scatter, 0, memory->size);
	return true;
}

void failnth_note(struct failnth_count *count, const char *what, bool failed, int ret)
{
	igt_assert(count->n < FAILNTH_MOST);
	if (!failed) {
		igt_assert_f(!ret, "%s: %s although nothing failed\n", what, strerror(-ret));
		count->end = true;
		return;
	}
	igt_debug("%s: allocation %u failed: %s\n", what, count->n,
		  ret ? strerror(-ret) : "done without");
	igt_assert_f(!ret || ret == -ENOMEM, "%s: allocation %u: undocumented error %d\n", what,
		     count->n, -ret);
	count->failures++;
	count->errors += ret != 0;
	/*
	 * Try every n, but only some on debug kernels, which are slow and whose checkers allocate
	 * as well.  The step is odd, because two kinds of allocations may alternate, and an even
	 * step would always meet the same kind.
	 */
	count->n += igt_patience(1) | 1;
}

void failnth_finish(const struct failnth_count *count, const char *what)
{
	igt_assert(count->end);
	igt_info("%s: %u allocations failed, %u calls with them\n", what, count->failures,
		 count->errors);
	igt_assert_lt(0, count->failures);
}

/*
 * Assert that after a failed call KFD counts no memory for the call, and that no handle and no
 * notifier of the BO is left.
 */
static void expect_nothing(struct failnth_memory *memory, const char *limit, uint32_t next,
			   unsigned int n)
{
	struct amd_userptr *up = memory->scatter.up;
	char now[256];
	uint32_t handle;

	amd_kfd_read_mem_limit(now, sizeof(now));
	igt_assert_f(!strcmp(limit, now), "allocation %u: memory was not given back:\n%s\n%s\n", n,
		     limit, now);
	amd_kfd_smi_mark(&up->smi);
	failnth_memory_change(memory, n);
	amd_userptr_queue_alive(up);
	amd_userptr_expect_no_eviction(up);
	/*
	 * The kernel hands out the lowest free handle, so a handle that was left behind shows here.
	 */
	igt_assert_eq(failnth_create(memory, &handle), 0);
	igt_assert_eq_u32(handle, next);
	igt_assert_eq(__amd_userptr_close_handle(up->fd, handle), 0);
}

/* Assert that the BO works although an allocation of its creation failed. */
static void expect_working(struct failnth_memory *memory, uint32_t handle, unsigned int n)
{
	struct amd_userptr *up = memory->scatter.up;

	memory->scatter.bo = amd_userptr_adopt_bo(up, handle, NULL, memory->size);
	amd_userptr_map(up, memory->scatter.bo);
	amd_kfd_smi_mark(&up->smi);
	failnth_memory_change(memory, n);
	amd_userptr_expect_evictions(up, 0);
	igt_assert(failnth_reads(memory, memory->scatter.bo->va));
	amd_userptr_destroy(up, memory->scatter.bo);
}

static void end_failures(struct amd_userptr *up)
{
	igt_fail_nth_reset();
}

void failnth_begin(struct amd_userptr *up)
{
	up->undo = end_failures;
}

static void fail_create(struct amd_userptr *up, bool many)
{
	const char *what = many ? "GEM_USERPTR of many ranges" : "GEM_USERPTR";
	struct failnth_count count = { .n = 1 };
	struct failnth_memory memory;
	struct igt_fail_nth inject;
	uint32_t next, handle;
	const char *reason;
	char limit[256];

	failnth_begin(up);
	reason = igt_fail_nth_init(&inject);
	igt_require_f(!reason, "%s\n", reason);
	amd_info_ignore_memory_log();
	failnth_memory_init(&memory, up, many, FAILNTH_PAGES, 0);
	igt_assert_eq(failnth_create(&memory, &next), 0);
	expect_working(&memory, next, 0);
	amd_kfd_read_mem_limit(limit, sizeof(limit));
	while (!count.end) {
		bool failed;
		int ret;

		igt_fail_nth_arm(&inject, count.n);
		ret = failnth_create(&memory, &handle);
		failed = igt_fail_nth_disarm(&inject);
		failnth_note(&count, what, failed, ret);
		if (ret)
			expect_nothing(&memory, limit, next, count.n);
		else
			expect_working(&memory, handle, count.n);
	}
	igt_fail_nth_fini(&inject);
	failnth_finish(&count, what);
	igt_assert_lt(0, count.errors);
}

static void create(struct amd_userptr *up)
{
	fail_create(up, false);
}

static void create_scatter(struct amd_userptr *up)
{
	fail_create(up, true);
}

struct failnth_shared {
	const struct failnth_case *what;
	struct failnth_count *count;
};

static void attempts(struct amd_userptr *mine, void *data)
{
	const uint64_t end = igt_now_ms() + PROCESS_MS;
	const struct failnth_shared *shared = data;
	const struct failnth_case *what = shared->what;
	struct failnth_count *count = shared->count;
	struct igt_fail_nth inject;

	amd_info_ignore_memory_log();
	igt_assert(!(what->kworkers ? igt_fail_nth_init_kworkers(&inject, "amdgpu")
				    : igt_fail_nth_init(&inject)));
	while (!count->end && what->attempt(mine, what, &inject, count) && igt_now_ms() < end)
		amd_userptr_cleanup(mine);
	igt_fail_nth_fini(&inject);
}

void failnth_run(struct amd_userptr *up, const struct failnth_case *what)
{
	struct igt_fail_nth inject;
	const char *reason = what->kworkers ? igt_fail_nth_init_kworkers(&inject, "amdgpu")
					    : igt_fail_nth_init(&inject);
	struct failnth_shared shared = { .what = what };

	igt_fail_nth_fini(&inject);
	igt_require_f(!reason, "%s\n", reason);
	shared.count =
		mmap(NULL, page(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	igt_assert(shared.count != MAP_FAILED);
	shared.count->n = 1;
	while (!shared.count->end) {
		const unsigned int before = shared.count->n;

		failnth_begin(up);
		amd_userptr_in_faulting_child(up, attempts, &shared);
		up->undo = NULL; /* the child has called igt_fail_nth_fini() */
		amd_userptr_cleanup(up);
		igt_assert(shared.count->end || shared.count->n > before);
	}
	failnth_finish(shared.count, what->what);
	munmap(shared.count, page());
}

/*
 * Let allocations of the restore worker fail.  After a failure the worker tries again, perhaps on
 * another kworker, where the same allocation fails once more.
 */
static bool fail_restore(struct amd_userptr *mine, const struct failnth_case *what,
			 struct igt_fail_nth *inject, struct failnth_count *count)
{
	struct failnth_memory memory;
	unsigned int failed;
	bool ran, there;

	failnth_memory_init(&memory, mine, what->many, RESTORE_PAGES, count->n);
	failnth_make(&memory);
	amd_userptr_map(mine, memory.scatter.bo);
	igt_assert(failnth_reads(&memory, memory.scatter.bo->va));
	amd_kfd_smi_mark(&mine->smi);
	igt_fail_nth_arm_kworkers(inject, count->n);
	igt_assert_eq(madvise(memory.cpu, memory.span, MADV_DONTNEED), 0);
	amd_userptr_expect_evictions(mine, 0);
	failed = igt_fail_nth_disarm_kworkers(inject, &ran);
	/* No armed kworker allocated, so the worker ran on a new kworker: try the same n again. */
	if (!ran)
		return true;
	failnth_note(count, what->what, failed, 0);
	for (unsigned int i = 0; i < memory.scatter.count; i++)
		amd_pattern_fill((void *)(uintptr_t)memory.scatter.ranges[i].addr,
				 memory.scatter.ranges[i].size, count->n + i);
	there = failnth_reads(&memory, memory.scatter.bo->va);
	igt_assert_f(there, "%s: the GPU faults after a restore that was short of memory\n",
		     what->what);
	return true;
}

static void restore(struct amd_userptr *up)
{
	failnth_run(up, &(struct failnth_case){
				.what = "restore", .attempt = fail_restore, .kworkers = true });
}

static void restore_scatter(struct amd_userptr *up)
{
	failnth_run(up, &(struct failnth_case){ .what = "restore of many ranges",
						.many = true,
						.attempt = fail_restore,
						.kworkers = true });
}

static const struct amd_userptr_subtest subtests[] = {
	{ .name = "create",
	  .run = create,
	  .describe =
		  "A failed creation of a userptr leaves nothing behind, whichever allocation fails." },
	{ .name = "create-scatter",
	  .run = create_scatter,
	  .describe =
		  "A failed creation of a userptr of many ranges leaves nothing behind, whichever allocation fails." },
	{ .name = "restore",
	  .run = restore,
	  .describe =
		  "The worker repeats a restore that runs out of memory, and no data is lost." },
	{ .name = "restore-scatter",
	  .run = restore_scatter,
	  .describe =
		  "The worker repeats a restore of many ranges that runs out of memory, and no data is lost." },
};

static struct amd_userptr up;

int igt_main()
{
	igt_fixture() {
		amd_userptr_fixture_open(&up);
		amd_userptr_require_flag(&up);
	}

	amd_userptr_run_subtests(&up, subtests, ARRAY_LENGTH(subtests));
	amd_userptr_run_subtests(&up, amd_userptr_failnth_va_subtests,
				 amd_userptr_num_failnth_va_subtests);
	amd_userptr_run_subtests(&up, amd_userptr_failnth_huge_subtests,
				 amd_userptr_num_failnth_huge_subtests);
	amd_userptr_run_subtests(&up, amd_userptr_failnth_acquire_subtests,
				 amd_userptr_num_failnth_acquire_subtests);

	igt_fixture()
		amd_userptr_fixture_close(&up);
}
