// SPDX-License-Identifier: MIT
/*
 * Three hard cases for BOs of many ranges: their memory changes all the time, the process has less
 * memory than it uses, and the process ends while the ioctl makes the BO.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "igt.h"
#include "igt_os.h"

#include "lib/amdgpu/amd_stamp.h"
#include "lib/amdgpu/amd_userptr_stall.h"
#include "lib/igt_cgroup.h"
#include "lib/igt_fuse.h"
#include "lib/igt_procfs.h"
#include "lib/igt_task.h"
#include "lib/igt_time.h"

#include "amd_userptr_scatter.h"

/*
 * The number of pages of the file that changes all the time.  In each mapping of the file each page
 * is a range.
 */
enum { STORM_RANGES = 512 };

/*
 * How often storm_create_aliases() maps the file.  A change of a page of the file invalidates one
 * range in each of these mappings.
 */
enum { STORM_ALIASES = 4 };

/*
 * Making a BO must not take longer than this.  When memory keeps changing, the driver leaves the
 * rest to the restore worker after one second.  The limit is much longer, because machines differ
 * in speed.
 */
#define CREATION_MAX_MS (3 * AMD_USERPTR_WAIT_MS)

/* storm_start() waits for this number of punches, so that the storm has begun. */
enum { STORM_PUNCHES = 100 };

/*
 * A thread that drops pages of a file, by punching holes into the file, as fast as it can.  The
 * struct is not on the stack, because after a failed assertion the thread goes on until the
 * clean-up.
 */
static struct storm {
	int file;
	atomic_uint punches; /* how many pages it has dropped */
	atomic_bool stop;
	bool runs;
	pthread_t thread;
} storm;

static void *punch(void *data)
{
	uint64_t random = 1;

	while (!storm.stop) {
		const off_t at = amd_stamp_pick(&random, STORM_RANGES) * page();

		if (!fallocate(storm.file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, page()))
			storm.punches++;
	}
	return NULL;
}

static void storm_stop(void)
{
	storm.stop = true;
	if (storm.runs)
		pthread_join(storm.thread, NULL);
	storm.runs = false;
	if (storm.file >= 0)
		close(storm.file);
	storm.file = -1;
}

static void end_storm(struct amd_userptr *up)
{
	storm_stop();
}

/* Map the file @copies times, and make each page of each mapping a range, in shuffled order. */
static void storm_make(struct amd_userptr *up, struct amd_userptr_scatter *scatter,
		       unsigned int copies)
{
	const size_t size = STORM_RANGES * page();

	memset(&storm, 0, sizeof(storm));
	storm.file = memfd_create("amd_userptr", MFD_CLOEXEC);
	up->undo = end_storm;
	igt_assert_fd(storm.file);
	igt_assert_eq(ftruncate(storm.file, size), 0);
	amd_userptr_scatter_init(scatter, up, copies * STORM_RANGES);
	for (unsigned int c = 0; c < copies; c++) {
		char *cpu = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, storm.file, 0);

		amd_userptr_adopt(up, cpu, size);
		for (size_t at = 0; at < size; at += page())
			amd_userptr_scatter_add(scatter, cpu + at, page(), 0);
	}
	amd_userptr_scatter_shuffle(scatter, 1);
}

/* Start the thread; returns when the storm has begun. */
static void storm_start(void)
{
	const uint64_t deadline = igt_now_ms() + AMD_USERPTR_WAIT_MS;

	igt_assert_eq(pthread_create(&storm.thread, NULL, punch, NULL), 0);
	storm.runs = true;
	while (storm.punches < STORM_PUNCHES && igt_now_ms() < deadline)
		sched_yield();
	igt_assert_lte(STORM_PUNCHES, storm.punches);
}

static void create_in_storm(struct amd_userptr *up, unsigned int copies)
{
	struct amd_userptr_scatter scatter;
	struct amd_userptr_args args;
	uint64_t started;
	unsigned int punches;
	int ret;

	storm_make(up, &scatter, copies);
	storm_start();
	args = amd_userptr_scatter_args(&scatter, 0);
	amd_kfd_smi_mark(&up->smi);
	punches = storm.punches;
	started = igt_now_ms();
	ret = __amd_userptr_ioctl(up->fd, &args);
	started = igt_now_ms() - started;
	punches = storm.punches - punches;
	storm_stop();
	igt_info("created in %llu ms, during %u changes\n", (unsigned long long)started, punches);
	igt_assert_eq(ret, 0);
	scatter.bo = amd_userptr_adopt_bo(up, args.handle, NULL, args.size);
	igt_assert_lt(0, punches);
	igt_assert_lte_u64(started, CREATION_MAX_MS);
	amd_userptr_map(up, scatter.bo);
	scatter.va = scatter.bo->va;
	amd_userptr_queue_alive(up);
	amd_userptr_scatter_reads(&scatter, 0, args.size);
	for (unsigned int i = 0; i < scatter.count; i += 99)
		amd_userptr_scatter_writes(&scatter, i * page(), page(), i);
	amd_userptr_scatter_reads(&scatter, 0, args.size);
}

static void storm_create(struct amd_userptr *up)
{
	create_in_storm(up, 1);
}

/* Each page is in four ranges, so dropping it invalidates all of them. */
static void storm_create_aliases(struct amd_userptr *up)
{
	create_in_storm(up, STORM_ALIASES);
}

static void storm_restore(struct amd_userptr *up)
{
	const unsigned int seconds = 1;
	struct amd_userptr_scatter scatter;
	uint64_t deadline;
	unsigned int evictions;

	storm_make(up, &scatter, 2);
	amd_userptr_scatter_map(&scatter, 0);
	amd_kfd_smi_mark(&up->smi);
	storm_start();
	deadline = igt_now_ms() + seconds * 1000;
	while (igt_now_ms() < deadline && !__amd_kfd_smi_drain(&up->smi))
		sched_yield();
	storm_stop();
	evictions = up->smi.count.evictions;
	igt_assert_lt(0, evictions);
	amd_userptr_expect_evictions(up, 0);
	amd_userptr_queue_alive(up);
	amd_userptr_scatter_reads(&scatter, 0, scatter.bo->size);
	for (unsigned int i = 0; i < scatter.count; i += 99)
		amd_userptr_scatter_writes(&scatter, i * page(), page(), i);
	amd_userptr_scatter_reads(&scatter, 0, scatter.bo->size);
}

/* ---- too little memory ---- */

/*
 * The memory limit of the cgroup, the pages of the BO, and the size of other memory on which the
 * process works.  The other memory alone exceeds the limit, so it pushes out the BO's pages.  With
 * pages of 4 KiB the limit is 8 MiB.
 */
#define PRESSURE_LIMIT (2048 * page())
#define PRESSURE_PAGES 512
#define PRESSURE_OTHER (2560 * page())
enum { PRESSURE_ROUNDS = 2 };

/* Copy all ranges again and again while other memory of the process pushes them out. */
static void under_pressure(struct amd_userptr *mine)
{
	struct amd_userptr_scatter scatter;
	char *other = mmap(NULL, PRESSURE_OTHER, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	amd_userptr_adopt(mine, other, PRESSURE_OTHER);
	igt_assert_eq(madvise(other, PRESSURE_OTHER, MADV_NOHUGEPAGE), 0);
	amd_userptr_scatter_pages(&scatter, mine, PRESSURE_PAGES);
	amd_userptr_scatter_map(&scatter, 0);
	amd_kfd_smi_mark(&mine->smi);
	for (unsigned int round = 0; round < PRESSURE_ROUNDS; round++) {
		amd_userptr_scatter_roundtrip(&scatter, round);
		for (size_t at = 0; at < PRESSURE_OTHER; at += page()) {
			igt_assert_eq(other[at], (char)round);
			other[at]++;
			amd_kfd_smi_drain(&mine->smi);
		}
		amd_userptr_scatter_reads(&scatter, 0, scatter.bo->size);
	}
	/* Free the other memory, so that reclaim leaves the pages of the last restore alone. */
	igt_assert_eq(madvise(other, PRESSURE_OTHER, MADV_DONTNEED), 0);
	/*
	 * Assert that reclaim took pages of the ranges, because otherwise the subtest shows
	 * nothing.
	 */
	amd_userptr_expect_evictions(mine, 0);
}

static void memory_pressure(struct amd_userptr *up)
{
	const char *reason = igt_get_total_swap_mb()
				     ? igt_cgroup_init(IGT_CGROUP_RECLAIM, PRESSURE_LIMIT)
				     : "no swap space is in use";
	unsigned long long full, swapped;

	igt_require_f(!reason, "%s\n", reason);
	igt_fork(child, 1) {
		struct amd_userptr mine;

		/*
		 * Open KFD before joining the cgroup, so that its limit does not count the driver's
		 * memory.
		 */
		amd_userptr_open_in_child(&mine, up);
		amd_userptr_use_queue(&mine, up->queue->type);
		igt_assert_eq(__igt_cgroup_join(), 0);
		under_pressure(&mine);
		amd_userptr_close(&mine);
	}
	igt_waitchildren_timeout(4 * AMD_USERPTR_WAIT_MS / 1000, "the child with little memory");
	full = igt_cgroup_event("high ");
	swapped = igt_cgroup_swap_peak();
	igt_cgroup_fini();
	igt_assert(full > 0);
	igt_assert(swapped > 0);
	amd_userptr_queue_alive(up);
}

/* ---- processes that end while a BO is made ---- */

/* Memory that the parent and the child share. */
struct report {
	char *slow;	      /* the address of the page of the FUSE file */
	atomic_bool held;     /* the child's ioctl waits for this page */
	atomic_bool closed;   /* the child has closed its render node during the ioctl */
	atomic_bool returned; /* the ioctl has returned */
	int ret;	      /* its result */
};

/*
 * During the child's ioctl the test kills the child, or another thread of the child exits, or
 * closes the child's render node.
 */
enum ending { BY_KILL, BY_EXIT, BY_CLOSE };

/*
 * The test divides the memory into this number of parts, and runs a child for each part but the
 * last.  A page of the FUSE file takes the place of the first page behind the child's part.  The
 * driver looks up memory in the order of addresses, so that page holds the child's ioctl when the
 * driver has looked up the part.
 */
enum { PARTS = 3 };

/*
 * So many ranges that the driver looks them up in many batches.  There are not more, because the
 * child needs a share of KFD's memory limit while its parent has one, too.
 */
enum { CAUGHT_RANGES = 10 * MANY_RANGES };

struct creation {
	struct amd_userptr_scatter scatter;
	struct report *report;
};

static void *create(void *data)
{
	struct creation *creation = data;
	struct amd_userptr_args args = amd_userptr_scatter_args(&creation->scatter, 0);

	creation->report->ret = __amd_userptr_ioctl(creation->scatter.up->fd, &args);
	creation->report->returned = true;
	return NULL;
}

static bool wait_until(atomic_bool *flag)
{
	const uint64_t deadline = igt_now_ms() + AMD_USERPTR_WAIT_MS;

	while (!*flag && igt_now_ms() < deadline)
		sched_yield();
	return *flag;
}

/*
 * The child: it makes a BO with a page of a FUSE file in its memory, and ends while the ioctl waits
 * for that page.
 */
static void end_while_creating(struct amd_userptr *up, struct igt_fuse *fuse, struct report *report,
			       enum ending how, unsigned int part)
{
	const size_t first = CAUGHT_RANGES / RANGES_PER_PAGE / PARTS * part;
	struct amd_userptr mine;
	struct creation creation = { .report = report };
	pthread_t thread;
	char *slow;

	amd_userptr_open_in_child(&mine, up);
	slow = shared_pages(&creation.scatter, &mine, CAUGHT_RANGES) + first * page();
	/*
	 * Drop the neighbours of the page at @slow, too: the ioctl faults in the one before @slow,
	 * and waits for @slow before it can fault in the one behind @slow (held_in_place()).
	 */
	igt_assert_eq(madvise(slow - page(), 3 * page(), MADV_DONTNEED), 0);
	igt_assert(mmap(slow, page(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, fuse->file,
			part * IGT_FUSE_NEXT) == slow);
	report->slow = slow;
	igt_assert_eq(pthread_create(&thread, NULL, create, &creation), 0);
	igt_assert(wait_until(&report->held));
	if (how == BY_KILL)
		wait_until(&report->returned); /* never true: the parent kills this process */
	if (how == BY_CLOSE) {
		close(mine.fd);
		report->closed = true;
		/* The ioctl keeps the file open until it returns. */
		igt_assert(wait_until(&report->returned));
	}
	_exit(0);
}

/* Has the ioctl looked up the memory before the page of the FUSE file, and none behind it? */
static bool held_in_place(pid_t pid, const struct report *report)
{
	bool before, behind;
	char path[64];
	int pagemap;

	snprintf(path, sizeof(path), "/proc/%d/pagemap", pid);
	pagemap = open(path, O_RDONLY | O_CLOEXEC);
	if (pagemap < 0)
		return false;
	before = __igt_procfs_pfn(pagemap, report->slow - page());
	behind = __igt_procfs_pfn(pagemap, report->slow + page());
	close(pagemap);
	return before && !behind;
}

/* End the child while its ioctl waits for the page of the FUSE file. */
static bool make_it_end(pid_t pid, struct report *report, enum ending how)
{
	report->held = true;
	switch (how) {
	case BY_KILL:
		return !kill(pid, SIGKILL);
	case BY_EXIT:
		/*
		 * When the main thread is a zombie, the kernel has told the other threads to exit.
		 */
		return igt_wait_zombie(pid, AMD_USERPTR_WAIT_MS);
	default:
		return wait_until(&report->closed);
	}
}

/* Wait for the child; false when only SIGKILL ends it. */
static bool wait_for_end(pid_t pid, int *status)
{
	const uint64_t deadline = igt_now_ms() + AMD_USERPTR_WAIT_MS;
	pid_t ended;

	do
		ended = waitpid(pid, status, WNOHANG);
	while (ended == 0 && igt_now_ms() < deadline && !sched_yield());
	if (ended == 0)
		kill(pid, SIGKILL);
	return ended == pid;
}

/* Run a child and end it in the ioctl.  Returns NULL, or the reason of a failure. */
static const char *catch_and_end(struct amd_userptr *up, struct igt_fuse *fuse,
				 struct report *report, enum ending how, unsigned int part)
{
	bool ended, in_place, in_ioctl, waits;
	int status;
	pid_t pid;

	memset(report, 0, sizeof(*report));
	/* Do not use igt_fork(), because it reports a failure when a signal ends the child. */
	pid = fork();
	if (pid < 0)
		return "no process";
	if (pid == 0)
		end_while_creating(up, fuse, report, how, part);
	if (!igt_fuse_asked(fuse, AMD_USERPTR_WAIT_MS)) {
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		return "the ioctl did not ask for the page";
	}
	in_place = held_in_place(pid, report);
	ended = make_it_end(pid, report, how);
	in_ioctl = !report->returned;
	waits = igt_fuse_waits(fuse);
	igt_fuse_answer(fuse);
	if (!wait_for_end(pid, &status))
		return "the process did not end";
	if (!in_place)
		return "the ioctl was held in another part of the memory";
	if (!ended || !in_ioctl || !waits)
		return "the process was not in the ioctl";
	/* A thread that is killed cannot report the result of its ioctl. */
	if (report->returned != (how == BY_CLOSE))
		return "the ioctl returned";
	if (how == BY_KILL ? !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL
			   : !WIFEXITED(status) || WEXITSTATUS(status))
		return "the process ended in another way";
	return NULL;
}

static void end_in_creation(struct amd_userptr *up, enum ending how)
{
	struct report *report =
		mmap(NULL, page(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	const unsigned long long used = amd_kfd_mem_used();
	struct igt_fuse fuse;
	const char *reason = NULL;
	uint64_t deadline;
	int ret;

	amd_userptr_adopt(up, report, page());
	ret = __igt_fuse_start(&fuse);
	igt_require_f(ret == 0, "no FUSE file: %s\n", strerror(-ret));
	for (unsigned int part = 1; part < PARTS && !reason; part++)
		reason = catch_and_end(up, &fuse, report, how, part);
	/* Stop the server before an assertion can end the subtest. */
	igt_fuse_stop(&fuse);
	igt_assert_f(!reason, "%s (ioctl: %d)\n", reason, report->ret);
	/* The kernel frees the rest of a process some time after its end. */
	deadline = igt_now_ms() + AMD_USERPTR_WAIT_MS;
	while (amd_kfd_mem_used() > used && igt_now_ms() < deadline)
		sched_yield();
	igt_assert_lte_u64(amd_kfd_mem_used(), used);
	amd_userptr_queue_alive(up);
}

static void kill_in_creation(struct amd_userptr *up)
{
	end_in_creation(up, BY_KILL);
}

static void exit_in_creation(struct amd_userptr *up)
{
	end_in_creation(up, BY_EXIT);
}

static void close_in_creation(struct amd_userptr *up)
{
	end_in_creation(up, BY_CLOSE);
}

const struct amd_userptr_subtest amd_userptr_scatter_storm_subtests[] = {
	{ .name = "storm-create",
	  .run = storm_create,
	  .describe =
		  "The driver makes a BO in bounded time although all its memory keeps changing." },
	{ .name = "storm-create-aliases",
	  .run = storm_create_aliases,
	  .describe =
		  "The driver makes a BO in bounded time although each change invalidates four ranges." },
	{ .name = "storm-restore",
	  .run = storm_restore,
	  .describe =
		  "When the ranges stop changing the queues run again, on the memory that is there then." },
	{ .name = "memory-pressure",
	  .run = memory_pressure,
	  .describe = "Copies go on in a process that has less memory than it uses." },
	{ .name = "kill-in-creation",
	  .run = kill_in_creation,
	  .describe = "A process can be killed while its BO is made." },
	{ .name = "exit-in-creation",
	  .run = exit_in_creation,
	  .describe = "A process can exit in another thread while its BO is made." },
	{ .name = "close-in-creation",
	  .run = close_in_creation,
	  .describe = "A process can close the render node while its BO is made." },
};
const unsigned int amd_userptr_num_scatter_storm_subtests =
	ARRAY_LENGTH(amd_userptr_scatter_storm_subtests);
