// SPDX-License-Identifier: MIT
/*
 * Reclaim must not lose stores of the GPU.  These stores set no dirty bit in the CPU's page table.
 * So a page whose entry is writable and clean looks as if reclaim need not write it out.
 *
 * There is a subtest for each way in which pages become writable and clean, and for each kind of
 * userptr.  The pages become clean before the GPU has a mapping of them, and then again while it
 * has one.  The test compares only bytes that the GPU has stored.  mincore() shows that each page
 * has left memory; at that time the test holds the restore worker, which would bring the pages
 * back.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "igt.h"
#include "igt_os.h"

#include "lib/amdgpu/amd_userptr_fixture.h"
#include "lib/amdgpu/amd_userptr_mapped.h"
#include "lib/amdgpu/amd_userptr_stall.h"
#include "lib/igt_cgroup.h"
#include "lib/igt_fuse.h"
#include "lib/igt_reclaim.h"
#include "lib/igt_time.h"

#include "amd_userptr_stores.h"

IGT_TEST_DESCRIPTION(
	"Stores of the GPU survive reclaim, also in pages that are clean for the CPU.");

#define SUBTEST_SECONDS igt_patience(50)

/*
 * The cgroup's limit for a process under memory pressure, and the size of the other memory that the
 * process uses.  With pages of 4 KiB these are 8 and 10 MiB.  The kernel charges a cgroup for a
 * number of pages at a time, not of bytes, so the limit has to grow with the size of a page.
 */
#define PRESSURE_LIMIT (2048 * (size_t)getpagesize())
#define PRESSURE_OTHER (2560 * (size_t)getpagesize())

/*
 * A number larger than the number of times that a child holds the worker.  Each time a page of the
 * FUSE file comes into the page cache, and this page cannot hold the worker again.
 */
enum { CHILD_HOLDS = 8 };

/* Seeds of the GPU's stores; the CPU has stored AMD_USERPTR_SEED before. */
enum { FIRST = 1 << 10, SECOND = 2 << 10 };

static struct amd_userptr up;
static int no_stall;

/*
 * State of the running subtest.  It is not on the stack, because a failed assertion jumps out of
 * the subtest, and the clean-up needs the state.
 */
static struct test {
	struct amd_userptr *up;
	const struct stores_clean *clean;
	struct amd_userptr_area area;
	struct amd_userptr_mapped mapped;
	struct amd_userptr_stall stall;
	char *other; /* memory that pushes the area out; NULL: use MADV_PAGEOUT */
} test;

static unsigned int num_pages(void)
{
	return test.area.size / getpagesize();
}

/* Fill the memory; each page gets the pattern of a seed of its own. */
static void fill(char *memory, uint32_t seed)
{
	for (unsigned int i = 0; i < num_pages(); i++)
		amd_pattern_fill(memory + (size_t)i * getpagesize(), getpagesize(), seed + i);
}

static bool has_page(const char *memory, unsigned int page, uint32_t seed)
{
	const uint32_t *dw = (const void *)(memory + (size_t)page * getpagesize());

	for (size_t i = 0; i < getpagesize() / sizeof(*dw); i++) {
		if (dw[i] != amd_pattern(seed + page, i))
			return false;
	}
	return true;
}

static void check(const char *memory, uint32_t seed, const char *who)
{
	unsigned int lost = 0, zero = 0, last = 0;

	for (unsigned int i = 0; i < num_pages(); i++) {
		if (has_page(memory, i, seed))
			continue;
		lost++;
		last = i;
		zero += !*(const uint32_t *)(memory + (size_t)i * getpagesize());
	}
	igt_assert_f(!lost,
		     "%s: what was stored in %u of %u pages is lost, %u of them are zero, "
		     "page %u begins with %#x\n",
		     who, lost, num_pages(), zero, last,
		     *(const uint32_t *)(memory + (size_t)last * getpagesize()));
}

static void gpu_stores(uint32_t seed)
{
	struct amd_userptr *u = test.up;

	fill(u->in.cpu, seed);
	amd_kfd_queue_copy(u->queue, test.mapped.va, u->in.va, test.area.size);
	amd_kfd_queue_sync(u->queue, AMD_USERPTR_WAIT_MS);
}

static void gpu_finds(uint32_t seed)
{
	struct amd_userptr *u = test.up;

	/* Fill with bytes that the GPU never reads: no pattern and no new page contains them. */
	memset(u->out.cpu, 0xff, test.area.size);
	amd_kfd_queue_copy(u->queue, u->out.va, test.mapped.va, test.area.size);
	amd_kfd_queue_sync(u->queue, AMD_USERPTR_WAIT_MS);
	check(u->out.cpu, seed, "read by the GPU");
}

/*
 * Touch more memory than the cgroup's limit, so that reclaim has to take pages.  Reclaim leaves
 * active pages alone as long as there are more inactive ones.  When it first meets a page with a
 * store after MADV_FREE, it makes the page active.  So deactivate the area's pages first.
 */
static int press(void *data)
{
	if (madvise(test.area.cpu, test.area.size, MADV_COLD))
		return -errno;
	for (size_t at = 0; at < PRESSURE_OTHER; at += getpagesize())
		test.other[at]++;
	return 0;
}

static int push_out(void)
{
	if (test.other)
		return __igt_reclaim_push_out(test.area.cpu, test.area.size, press, NULL);
	return __igt_reclaim_pageout_all(test.area.cpu, test.area.size);
}

static void hold(void)
{
	amd_kfd_smi_mark(&test.up->smi);
	amd_userptr_stall_hold(&test.stall, test.up);
}

static void let_go(void)
{
	amd_userptr_stall_release(&test.stall);
	amd_userptr_expect_evictions(test.up, 0);
	amd_userptr_stall_drop(&test.stall, test.up);
}

/* Push every page out of memory while the test holds the restore worker. */
static void reclaim(void)
{
	int ret;

	hold();
	ret = push_out();
	if (ret && test.other)
		igt_cgroup_log();
	igt_assert_f(!ret, "%d of %u pages are still in memory: %s\n",
		     __igt_reclaim_pages_in(test.area.cpu, test.area.size), num_pages(),
		     strerror(-ret));
	let_go();
}

/* Push every page out of memory.  There is no userptr, so only an access brings a page back. */
static void reclaim_untracked(void)
{
	int ret = push_out();

	igt_assert_f(!ret, "%d of %u pages are still in memory: %s\n",
		     __igt_reclaim_pages_in(test.area.cpu, test.area.size), num_pages(),
		     strerror(-ret));
}

/*
 * Free the other memory first.  As long as the cgroup is at its limit, the kernel may free a clean
 * page at any time, before the test has looked at it.
 */
static void make_clean(void)
{
	int ret;

	if (test.other)
		igt_assert_eq(madvise(test.other, PRESSURE_OTHER, MADV_DONTNEED), 0);
	ret = test.clean->make(&test.area);
	igt_require_f(ret != -ENODEV && ret != -ENOSYS, "the machine has no way to: %s\n",
		      test.clean->name);
	igt_assert_f(!ret, "%s: %s\n", test.clean->name, strerror(-ret));
}

/*
 * Make the pages clean while the GPU has a mapping of them.  Hold the worker at that time, so that
 * it finds the pages clean afterwards.
 */
static void make_clean_again(void)
{
	amd_kfd_smi_mark(&test.up->smi);
	if (!test.clean->held) {
		make_clean();
		amd_userptr_expect_evictions(test.up, 0);
		return;
	}
	amd_userptr_stall_hold(&test.stall, test.up);
	make_clean();
	stores_expect_clean(&test.area, test.clean, true);
	let_go();
}

static void begin(struct amd_userptr *user, const struct stores_clean *clean)
{
	const char *reason = clean->prepare ? clean->prepare() : NULL;

	test.up = user;
	test.clean = clean;
	igt_require_f(!no_stall, "no FUSE file to hold the worker: %s\n", strerror(-no_stall));
	igt_require_f(igt_get_total_swap_mb(), "no swap space is in use\n");
	if (!reason)
		reason = amd_userptr_area_init(&test.area, user, clean->backing, false);
	igt_require_f(!reason, "%s\n", reason);
}

static void survive_reclaim(struct amd_userptr *user, const struct stores_clean *clean,
			    enum amd_userptr_kind kind)
{
	begin(user, clean);
	make_clean();
	stores_expect_clean(&test.area, clean, false);
	amd_userptr_mapped_make(user, kind, test.area.cpu, test.area.size, &test.mapped);
	gpu_stores(FIRST);
	gpu_finds(FIRST);
	reclaim();
	check(test.area.cpu, FIRST, "clean before the GPU had it");
	gpu_finds(FIRST);
	if (clean->once)
		return;

	make_clean_again();
	gpu_stores(SECOND);
	gpu_finds(SECOND);
	reclaim();
	/* Let the GPU read first, because a read by the CPU would bring the pages back. */
	gpu_finds(SECOND);
	check(test.area.cpu, SECOND, "clean while the GPU had it");
}

/* Close the userptr right after the store, so that no restore looks at the pages in between. */
static void survive_close(const struct stores_clean *clean, enum amd_userptr_kind kind)
{
	begin(&up, clean);
	make_clean();
	stores_expect_clean(&test.area, clean, false);
	amd_userptr_mapped_make(&up, kind, test.area.cpu, test.area.size, &test.mapped);
	gpu_stores(FIRST);
	amd_userptr_mapped_drop(&up, &test.mapped);
	reclaim_untracked();
	check(test.area.cpu, FIRST, "the userptr is closed");
}

/* Unmap the memory right after the store; the file has to contain the stores. */
static void survive_munmap(const struct stores_clean *clean, enum amd_userptr_kind kind)
{
	begin(&up, clean);
	make_clean();
	stores_expect_clean(&test.area, clean, false);
	amd_userptr_mapped_make(&up, kind, test.area.cpu, test.area.size, &test.mapped);
	gpu_stores(FIRST);
	amd_userptr_mapped_drop(&up, &test.mapped);
	igt_assert(mmap(test.area.cpu, test.area.size, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_FIXED, test.area.fd, 0) == test.area.cpu);
	/* Read each page, because MADV_PAGEOUT takes mapped pages only. */
	for (unsigned int i = 0; i < num_pages(); i++)
		(void)*(volatile char *)(test.area.cpu + (size_t)i * getpagesize());
	reclaim_untracked();
	check(test.area.cpu, FIRST, "mapped anew");
}

/* A child ends right after its queue has stored; the file has to contain the stores. */
static void survive_exit(const struct stores_clean *clean, enum amd_userptr_kind kind)
{
	begin(&up, clean);
	make_clean();
	stores_expect_clean(&test.area, clean, false);
	igt_fork(child, 1) {
		struct amd_userptr mine;

		amd_userptr_open_in_child(&mine, &up);
		test.up = &mine;
		amd_userptr_mapped_make(&mine, kind, test.area.cpu, test.area.size, &test.mapped);
		gpu_stores(FIRST);
		_exit(IGT_EXIT_SUCCESS);
	}
	igt_waitchildren_timeout(AMD_USERPTR_WAIT_MS / 1000, "the child that stores and exits");
	for (unsigned int i = 0; i < num_pages(); i++)
		(void)*(volatile char *)(test.area.cpu + (size_t)i * getpagesize());
	reclaim_untracked();
	check(test.area.cpu, FIRST, "stored by a process that is gone");
}

static void survive_pressure(const struct stores_clean *clean, enum amd_userptr_kind kind)
{
	const char *reason = igt_cgroup_init(IGT_CGROUP_RECLAIM, PRESSURE_LIMIT);
	unsigned long long full;

	igt_require_f(!reason, "%s\n", reason);
	igt_require_f(!no_stall, "no FUSE file to hold the worker: %s\n", strerror(-no_stall));
	igt_require_f(igt_get_total_swap_mb(), "no swap space is in use\n");
	igt_fork(child, 1) {
		struct amd_userptr mine;

		/*
		 * Open KFD before joining, so that the cgroup's limit does not count the driver's
		 * memory.
		 */
		amd_userptr_open_in_child(&mine, &up);
		igt_assert_eq(__igt_cgroup_join(), 0);
		test.other = mmap(NULL, PRESSURE_OTHER, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		igt_assert(test.other != MAP_FAILED);
		igt_assert_eq(madvise(test.other, PRESSURE_OTHER, MADV_NOHUGEPAGE), 0);
		survive_reclaim(&mine, clean, kind);
		_exit(IGT_EXIT_SUCCESS);
	}
	/* Skip the pages of the FUSE file that the child has brought into the page cache. */
	test.stall.offset += CHILD_HOLDS * IGT_FUSE_NEXT;
	igt_waitchildren_timeout(3 * AMD_USERPTR_WAIT_MS / 1000, "the child with little memory");
	full = igt_cgroup_event("high ");
	igt_cgroup_fini();
	igt_assert(full > 0);
}

/*
 * This subtest and no_store() show that the test can tell both cases apart: stores of the CPU
 * survive reclaim, and reclaim drops pages without a store.
 */
static void cpu_store(const struct stores_clean *clean, enum amd_userptr_kind kind)
{
	begin(&up, clean);
	make_clean();
	stores_expect_clean(&test.area, clean, false);
	amd_userptr_mapped_make(&up, kind, test.area.cpu, test.area.size, &test.mapped);
	fill(test.area.cpu, FIRST);
	reclaim();
	check(test.area.cpu, FIRST, "stored by the CPU");
	gpu_finds(FIRST);
}

static void no_store(const struct stores_clean *clean, enum amd_userptr_kind kind)
{
	begin(&up, clean);
	make_clean();
	stores_expect_clean(&test.area, clean, false);
	reclaim_untracked();
	amd_pattern_check_zero(test.area.cpu, test.area.size, "dropped by reclaim");
}

static void end_subtest(void)
{
	amd_userptr_stall_drop(&test.stall, &up);
	__amd_userptr_mapped_drop(&up, &test.mapped);
	amd_userptr_cleanup(&up);
	amd_userptr_area_fini(&test.area);
}

static void one(const char *prefix, const struct stores_clean *clean, enum amd_userptr_kind kind,
		const char *what,
		void (*run)(const struct stores_clean *clean, enum amd_userptr_kind kind))
{
	igt_describe_f("Pages %s: %s.", clean->what, what);
	igt_subtest_f("%s%s%s", prefix, clean->name, amd_userptr_kind_suffix[kind]) {
		igt_set_timeout(SUBTEST_SECONDS, clean->name);
		run(clean, kind);
		igt_reset_timeout();
	}
	igt_fixture()
		end_subtest();
}

static void survive(const struct stores_clean *clean, enum amd_userptr_kind kind)
{
	survive_reclaim(&up, clean, kind);
}

static const struct {
	const char *prefix, *clean, *what;
	void (*run)(const struct stores_clean *clean, enum amd_userptr_kind kind);
	bool kinds; /* run with all kinds of userptrs */
} more[] = {
	{ "pressure-", "lazyfree", "the GPU's stores survive memory pressure", survive_pressure,
	  true },
	{ "pressure-", "memfd-read", "the GPU's stores survive memory pressure", survive_pressure,
	  true },
	{ "closed-", "lazyfree", "stores survive when the userptr is closed", survive_close, true },
	{ "closed-", "swap-read", "stores survive when the userptr is closed", survive_close,
	  true },
	{ "closed-", "memfd-populate", "stores survive when the userptr is closed", survive_close,
	  true },
	{ "unmapped-", "memfd-read", "stores survive when the memory is unmapped", survive_munmap,
	  true },
	{ "unmapped-", "file-read", "stores survive when the memory is unmapped", survive_munmap,
	  true },
	{ "exited-", "memfd-read", "stores survive the process that had the queue", survive_exit,
	  true },
	{ "cpu-", "lazyfree", "the CPU's stores survive reclaim", cpu_store, true },
	{ "cpu-", "memfd-read", "the CPU's stores survive reclaim", cpu_store, true },
	{ "nobody-", "lazyfree", "reclaim drops pages without a store", no_store, false },
	{ "nobody-", "memfd-read", "reclaim drops pages without a store", no_store, false },
};

int igt_main()
{
	igt_fixture() {
		amd_userptr_fixture_open(&up);
		amd_userptr_supported(&up);
		test.area.fd = -1;
		no_stall = __amd_userptr_stall_init(&test.stall);
	}

	for (unsigned int i = 0; i < amd_userptr_num_stores_clean; i++) {
		for (int kind = 0; kind < AMD_USERPTR_NUM_KINDS; kind++)
			one("", &amd_userptr_stores_clean[i], kind,
			    "the GPU's stores survive reclaim", survive);
	}
	for (unsigned int i = 0; i < ARRAY_LENGTH(more); i++) {
		for (int kind = 0; kind < (more[i].kinds ? AMD_USERPTR_NUM_KINDS : 1); kind++)
			one(more[i].prefix, stores_clean(more[i].clean), kind, more[i].what,
			    more[i].run);
	}

	igt_fixture() {
		amd_userptr_stall_fini(&test.stall);
		amd_userptr_fixture_close(&up);
	}
}
