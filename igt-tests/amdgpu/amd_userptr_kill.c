// SPDX-License-Identifier: MIT
/*
 * The tests kill processes with userptrs at random times, and in the middle of calls: while the
 * process makes, maps, unmaps or closes a userptr, waits for a restore of its queues, or exits.
 * All resources of a killed process have to come back, no work item of the driver may wait for a
 * dead process for ever, and other processes have to go on.
 *
 * "--victims N" lets the tests kill N processes of each kind of userptr at random times.  Without
 * the option N is 7.
 */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "igt.h"

#include "lib/amdgpu/amd_stamp.h"
#include "lib/igt_task.h"
#include "lib/igt_time.h"

#include "amd_userptr_kill.h"

IGT_TEST_DESCRIPTION(
	"SIGKILL at a random time and in the middle of calls leaves no resource in use.");

/*
 * RANDOM_SIZE is the size of the memory that a victim changes all the time.  A call for a userptr
 * of SWEEP_SIZE takes so long that a signal can come before it returns.
 */
#define RANDOM_SIZE ((size_t)256 << 10)
#define SWEEP_SIZE  ((size_t)2 << 20)

/*
 * The test kills a victim RANDOM_FIRST_US after the victim is ready, or up to RANDOM_MORE_US later.
 */
enum { RANDOM_FIRST_US = 5000, RANDOM_MORE_US = 60000 };

/*
 * The test divides the time that a call takes into SWEEP_PARTS parts, and kills one victim at the
 * beginning of each part.  If the calls of all these victims returned before the kill, the test
 * kills further victims until one dies in its call, at most SWEEP_MOST in all.
 */
enum { SWEEP_PARTS = 3, SWEEP_MOST = 12 };

/* After each tenth victim check that another process works. */
enum { LIFE_EVERY = 10 };

/* How many copies a victim submits at a time. */
enum { RANDOM_COPIES = 8 };

static struct options {
	unsigned int victims;
	uint64_t seed;
} options = { .victims = 7, .seed = 1 };

/* ---- victims that are killed at a random time ---- */

static void *change(void *cpu)
{
	for (;;) {
		madvise(cpu, RANDOM_SIZE, MADV_DONTNEED);
		for (size_t at = 0; at < RANDOM_SIZE; at += getpagesize())
			*(volatile char *)((char *)cpu + at) = 1;
	}
	return NULL;
}

/* The victim changes memory all the time, lets a queue copy it, and makes and closes userptrs. */
static void live_busily(struct amd_userptr_victims *victims, void *data)
{
	const enum amd_userptr_kind kind = *(enum amd_userptr_kind *)data;
	struct kill_report *report = victims->report;
	char *changing = amd_userptr_victim_memory(RANDOM_SIZE);
	char *other = amd_userptr_victim_memory(RANDOM_SIZE);
	struct amd_userptr_mapped mapped, coming;
	struct amd_userptr mine;
	pthread_t thread;

	amd_userptr_open_in_child(&mine, victims->up);
	amd_userptr_mapped_make(&mine, kind, changing, RANDOM_SIZE, &mapped);
	igt_assert_eq(pthread_create(&thread, NULL, change, changing), 0);
	report->ready = true;
	for (uint32_t seqno = 0;;) {
		if (!seqno || amd_kfd_queue_done(mine.queue, seqno)) {
			for (int i = 0; i < RANDOM_COPIES; i++)
				amd_kfd_queue_copy(mine.queue, mine.out.va, mapped.va, RANDOM_SIZE);
			seqno = amd_kfd_queue_submit(mine.queue);
		}
		/* Make and drop a userptr, so that the signal may also come in these calls. */
		amd_userptr_mapped_make(&mine, kind, other, RANDOM_SIZE, &coming);
		amd_userptr_mapped_drop(&mine, &coming);
	}
}

static void kill_some(struct amd_userptr_victims *victims, void *data)
{
	const enum amd_userptr_kind kind = *(enum amd_userptr_kind *)data;
	uint64_t random = options.seed * AMD_USERPTR_NUM_KINDS + kind + 1;
	struct kill_report *report = victims->report;
	char what[64];

	for (unsigned int i = 0; i < options.victims; i++) {
		const uint64_t us = RANDOM_FIRST_US + amd_stamp_pick(&random, RANDOM_MORE_US);
		const struct timespec pause = { .tv_nsec = us * 1000 };
		pid_t pid = amd_userptr_victim(victims, live_busily, data);

		igt_assert_f(amd_userptr_victim_wait(&report->ready, pid),
			     "victim %u did not begin\n", i);
		nanosleep(&pause, NULL);
		snprintf(what, sizeof(what), "victim %u of %u, killed after %llu us", i,
			 options.victims, (unsigned long long)us);
		amd_userptr_victim_end(pid, what);
		amd_userptr_victims_expect_back(victims, what);
		if (i % LIFE_EVERY == LIFE_EVERY - 1)
			amd_userptr_victims_expect_life(victims);
	}
	amd_userptr_victims_expect_life(victims);
	igt_info("victims: %u\n", options.victims);
}

static void random_kills(struct amd_userptr *up, enum amd_userptr_kind kind)
{
	/* The timeout grows with the number of victims. */
	amd_userptr_victims_run(up, KILL_SECONDS + 2 * options.victims, kill_some, &kind);
}

static void random_single(struct amd_userptr *up)
{
	random_kills(up, AMD_USERPTR_KIND_SINGLE);
}

static void random_scatter(struct amd_userptr *up)
{
	random_kills(up, AMD_USERPTR_KIND_SCATTER);
}

static void random_kfd(struct amd_userptr *up)
{
	random_kills(up, AMD_USERPTR_KIND_KFD);
}

/* ---- victims that are killed in the middle of a call ---- */

/* The userptr of a victim: a call makes, closes or changes it. */
struct call {
	struct amd_userptr up;
	enum amd_userptr_kind kind;
	char *cpu;
	struct amd_userptr_mapped mapped;
};

struct sweep {
	const char *name;
	/*
	 * The victim calls before() once, run() to measure how long it takes, after() to undo that
	 * run(), and then run() again.  The test kills the victim in this second run().  Each
	 * function returns 0 or -errno.
	 */
	int (*before)(struct call *call);
	int (*run)(struct call *call);
	int (*after)(struct call *call);
	enum amd_userptr_kind kind;
	unsigned int part; /* the test kills the victim at the beginning of this part of the call */
	uint64_t exit_us;  /* how long an exit takes if the call is exit_now(), else 0 */
};

static int make(struct call *call)
{
	return __amd_userptr_mapped_make(&call->up, call->kind, call->cpu, SWEEP_SIZE,
					 &call->mapped);
}

static int drop(struct call *call)
{
	return __amd_userptr_mapped_drop(&call->up, &call->mapped);
}

static int nothing(struct call *call)
{
	return 0;
}

static int map(struct call *call)
{
	return __amd_userptr_mapped_map(&call->up, &call->mapped);
}

static int unmap(struct call *call)
{
	return __amd_userptr_mapped_unmap(&call->up, &call->mapped);
}

static int make_only(struct call *call)
{
	int ret = make(call);

	return ret ? ret : unmap(call);
}

/* Drop the memory, and wait until the queues have been evicted and restored. */
static int change_and_wait(struct call *call)
{
	struct amd_kfd_smi *smi = &call->up.smi;
	int ret = __amd_kfd_smi_mark(smi);

	if (!ret)
		ret = madvise(call->cpu, SWEEP_SIZE, MADV_DONTNEED) ? -errno : 0;
	return ret ? ret
		   : __amd_kfd_smi_wait(smi, KFD_SMI_EVENT_QUEUE_RESTORE, 1, AMD_USERPTR_WAIT_MS);
}

static int exit_now(struct call *call)
{
	_exit(0);
}

static uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000ull + now.tv_nsec / 1000;
}

static void sleep_us(uint64_t us)
{
	const struct timespec pause = { .tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000 };

	igt_assert_eq(nanosleep(&pause, NULL), 0);
}

/*
 * Make the call once to measure how long it takes, then once more, so that the judge can kill the
 * victim in this second call.  A victim can exit only once, so exit_time() has measured an exit of
 * another victim before.
 */
static void live_and_call(struct amd_userptr_victims *victims, void *data)
{
	struct kill_report *report = victims->report;
	const struct sweep *sweep = data;
	static struct call call;
	uint64_t began;

	call.kind = sweep->kind;
	call.cpu = amd_userptr_victim_memory(SWEEP_SIZE);
	amd_userptr_open_in_child(&call.up, victims->up);
	igt_assert_eq(sweep->before(&call), 0);
	report->took_us = sweep->exit_us;
	began = now_us();
	if (sweep->run != exit_now) {
		igt_assert_eq(sweep->run(&call), 0);
		report->took_us = now_us() - began;
		igt_assert_eq(sweep->after(&call), 0);
	}
	report->ready = true;
	while (!report->go)
		igt_pause();
	report->started = true;
	sweep->run(&call);
	report->returned = true;
	for (;;)
		pause();
}

/* Start a victim, and wait until it makes the call. */
static pid_t victim_in_call(struct amd_userptr_victims *victims, struct sweep *sweep,
			    const char *what)
{
	struct kill_report *report = victims->report;
	pid_t pid = amd_userptr_victim(victims, live_and_call, sweep);

	igt_assert_f(amd_userptr_victim_wait(&report->ready, pid), "%s: did not begin\n", what);
	report->go = true;
	igt_assert_f(amd_userptr_victim_wait(&report->started, pid), "%s: did not start\n", what);
	return pid;
}

/* Let a victim exit by itself, and return how long that takes. */
static uint64_t exit_time(struct amd_userptr_victims *victims, struct sweep *sweep)
{
	pid_t pid = victim_in_call(victims, sweep, "exit");
	const uint64_t began = now_us();
	int status;

	igt_assert(igt_wait_pid(pid, &status, AMD_USERPTR_WAIT_MS));
	igt_assert_eq(status, 0);
	return now_us() - began;
}

/* Returns whether the victim died in the call. */
static bool kill_in_call(struct amd_userptr_victims *victims, struct sweep *sweep)
{
	struct kill_report *report = victims->report;
	bool ended, inside;
	char what[64];
	int status;
	pid_t pid;

	snprintf(what, sizeof(what), "killed in part %u of %s%s", sweep->part, sweep->name,
		 amd_userptr_kind_suffix[sweep->kind]);
	pid = victim_in_call(victims, sweep, what);
	sleep_us(report->took_us * sweep->part / SWEEP_PARTS);
	ended = amd_userptr_victim_ended(pid);
	status = amd_userptr_victim_end(pid, what);
	/*
	 * A process that has begun to exit ignores SIGKILL, so WIFEXITED() is true for its status.
	 */
	inside = sweep->run == exit_now ? !ended && WIFEXITED(status) : !report->returned;
	igt_debug("%s, which takes %llu us: %s\n", what, (unsigned long long)report->took_us,
		  inside ? "inside" : "too late");
	amd_userptr_victims_expect_back(victims, what);
	return inside;
}

static void kill_in_calls(struct amd_userptr_victims *victims, void *data)
{
	struct sweep *sweep = data;

	for (int kind = 0; kind < AMD_USERPTR_NUM_KINDS; kind++) {
		unsigned int inside = 0, tried;

		sweep->kind = kind;
		sweep->exit_us = sweep->run == exit_now ? exit_time(victims, sweep) : 0;
		for (tried = 0; tried < SWEEP_PARTS || (!inside && tried < SWEEP_MOST); tried++) {
			sweep->part = tried % SWEEP_PARTS;
			inside += kill_in_call(victims, sweep);
		}
		igt_info("%s%s: %u of %u victims died in the call\n", sweep->name,
			 amd_userptr_kind_suffix[kind], inside, tried);
		igt_assert_lt(0, inside);
	}
	amd_userptr_victims_expect_life(victims);
}

static void sweep(struct amd_userptr *up, struct sweep sweep)
{
	amd_userptr_victims_run(up, KILL_SECONDS, kill_in_calls, &sweep);
}

static void in_make(struct amd_userptr *up)
{
	sweep(up, (struct sweep){ .name = "make", .before = nothing, .run = make, .after = drop });
}

static void in_drop(struct amd_userptr *up)
{
	sweep(up, (struct sweep){ .name = "drop", .before = make, .run = drop, .after = make });
}

static void in_map(struct amd_userptr *up)
{
	sweep(up, (struct sweep){ .name = "map", .before = make_only, .run = map, .after = unmap });
}

static void in_unmap(struct amd_userptr *up)
{
	sweep(up, (struct sweep){ .name = "unmap", .before = make, .run = unmap, .after = map });
}

static void in_restore(struct amd_userptr *up)
{
	sweep(up, (struct sweep){ .name = "restore",
				  .before = make,
				  .run = change_and_wait,
				  .after = nothing });
}

static void in_exit(struct amd_userptr *up)
{
	sweep(up,
	      (struct sweep){ .name = "exit", .before = make, .run = exit_now, .after = nothing });
}

static const struct amd_userptr_subtest subtests[] = {
	{ .name = "random",
	  .run = random_single,
	  .describe = "A process that is killed at a random time leaves no resource in use." },
	{ .name = "random-scatter",
	  .run = random_scatter,
	  .describe =
		  "A process with BOs of many ranges that is killed at a random time leaves no resource in use." },
	{ .name = "random-kfd",
	  .run = random_kfd,
	  .describe =
		  "A process with KFD's userptrs that is killed at a random time leaves no resource in use." },
	{ .name = "in-make",
	  .run = in_make,
	  .describe = "A process can be killed anywhere while it makes and maps a userptr." },
	{ .name = "in-drop",
	  .run = in_drop,
	  .describe = "A process can be killed anywhere while it closes a userptr." },
	{ .name = "in-map",
	  .run = in_map,
	  .describe = "A process can be killed anywhere while it maps a userptr again." },
	{ .name = "in-unmap",
	  .run = in_unmap,
	  .describe = "A process can be killed anywhere while it unmaps a userptr." },
	{ .name = "in-restore",
	  .run = in_restore,
	  .describe = "A process can be killed while its queues are evicted and restored." },
	{ .name = "in-exit",
	  .run = in_exit,
	  .describe = "A process can be killed while it exits." },
};

static int set_option(int opt, int index, void *data)
{
	char *end;
	unsigned long long value = strtoull(optarg, &end, 0);

	/* -2 is IGT_OPT_HANDLER_ERROR, 0 is IGT_OPT_HANDLER_SUCCESS. */
	if (end == optarg || *end || *optarg == '-' || value > UINT_MAX)
		return -2;
	if (opt == 'v')
		options.victims = value;
	else
		options.seed = value;
	return 0;
}

static const struct option long_options[] = {
	{ "victims", required_argument, NULL, 'v' },
	{ "seed", required_argument, NULL, 'r' },
	{ 0 },
};

static const char help[] = "  --victims N	victims of each kind, killed at a random time (7)\n"
			   "  --seed N	seed of these times (1)\n";

static struct amd_userptr up;

int igt_main_args("", long_options, help, set_option, NULL)
{
	igt_fixture() {
		amd_userptr_fixture_open(&up);
		amd_userptr_require_flag(&up);
	}

	amd_userptr_run_subtests(&up, subtests, ARRAY_LENGTH(subtests));
	amd_userptr_run_subtests(&up, amd_userptr_kill_waits_subtests,
				 amd_userptr_num_kill_waits_subtests);

	igt_fixture()
		amd_userptr_fixture_close(&up);
}
