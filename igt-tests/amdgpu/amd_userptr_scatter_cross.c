// SPDX-License-Identifier: MIT
/*
 * The lookup of one range changes another range: each time the driver looks up the pages of one
 * range (the trigger), the test drops a page of another one (the changed range).  A driver that
 * looks up all ranges again whenever one of them has changed would look up the trigger again, too,
 * and never come to an end.
 *
 * A kprobe on hmm_range_fault() traces the lookups.  No queue may run before the driver has looked
 * up everything that is invalid, so when a queue runs, the trace has all lookups.  Therefore the
 * test does not depend on time.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "igt.h"
#include "igt_sysfs.h"

#include "lib/igt_time.h"
#include "lib/igt_tracefs.h"

#include "amd_userptr_scatter.h"

#define INSTANCE "/sys/kernel/tracing/instances/amd_userptr_cross/"
#define EVENT	 INSTANCE "events/amd_userptr_cross/lookup/"

/* struct hmm_range: @start and @end follow a pointer and an unsigned long (include/linux/hmm.h). */
#define PROBE  "amd_userptr_cross/lookup"
#define LOOKUP "hmm_range_fault start=+16($arg1):x64 end=+24($arg1):x64"

/* More ranges than the driver looks up in one batch. */
enum { CROSS_RANGES = 1024 };

/* The trigger has so many unused pages on each side that no lookup of another range includes it. */
enum { TRIGGER_PAGE = 64 };

/*
 * The limit of lookups of the trigger.  A correct driver needs one lookup, and one more whenever
 * something else moves the page, which is rare.
 */
enum { LOOKUPS_LIMIT = 32 };

struct cross {
	struct amd_userptr_scatter scatter;
	int file; /* the memory of all ranges except the trigger */
	char *trigger;
	int lookups;	    /* trace_pipe, which has a line for each lookup of the trigger */
	unsigned int count; /* how many of them the test has read */
};

static void forget_lookups(void)
{
	igt_sysfs_set(AT_FDCWD, EVENT "enable", "0");
	igt_tracefs_remove_instance(INSTANCE);
	igt_tracefs_kprobe_remove(PROBE);
}

/* Trace the lookups whose range contains the trigger. */
static int watch_lookups(const void *trigger)
{
	const uintptr_t addr = (uintptr_t)trigger;
	char filter[96];
	int ret;

	/* A test that failed may have left its probe. */
	forget_lookups();
	if (!igt_tracefs_kprobe_add(PROBE, LOOKUP))
		return -EIO;
	if (!igt_tracefs_make_instance(INSTANCE))
		return -errno;
	snprintf(filter, sizeof(filter), "start <= %#lx && end > %#lx", addr, addr);
	if (!igt_sysfs_set(AT_FDCWD, EVENT "filter", filter) ||
	    !igt_sysfs_set(AT_FDCWD, EVENT "enable", "1"))
		return -EIO;
	ret = open(INSTANCE "trace_pipe", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	return ret < 0 ? -errno : ret;
}

static void make(struct cross *cross, struct amd_userptr *up)
{
	const size_t size = (CROSS_RANGES - 1) * page();
	char *cpu, *alone;

	memset(cross, 0, sizeof(*cross));
	cross->file = memfd_create("amd_userptr", MFD_CLOEXEC);
	igt_assert_fd(cross->file);
	igt_assert_eq(ftruncate(cross->file, size), 0);
	cpu = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, cross->file, 0);
	amd_userptr_adopt(up, cpu, size);
	alone = (char *)amd_userptr_mmap(up, (2 * TRIGGER_PAGE + 1) * page(), 1);
	cross->trigger = alone + TRIGGER_PAGE * page();
	amd_userptr_scatter_init(&cross->scatter, up, CROSS_RANGES);
	for (size_t at = 0; at < size; at += page())
		amd_userptr_scatter_add(&cross->scatter, cpu + at, page(), 0);
	amd_userptr_scatter_add(&cross->scatter, cross->trigger, page(), 0);
	amd_userptr_scatter_shuffle(&cross->scatter, 1);
	cross->lookups = watch_lookups(cross->trigger);
	igt_require_f(cross->lookups >= 0, "lookups cannot be watched: %s\n",
		      strerror(-cross->lookups));
}

static void end(struct cross *cross)
{
	close(cross->lookups);
	close(cross->file);
	forget_lookups();
}

/* Count the lookups of the trigger since the last call; each is a line of the trace. */
static unsigned int new_lookups(struct cross *cross)
{
	unsigned int count = 0;
	char text[4096];
	ssize_t len;

	while ((len = read(cross->lookups, text, sizeof(text))) > 0)
		for (ssize_t i = 0; i < len; i++)
			count += text[i] == '\n';
	cross->count += count;
	return count;
}

/*
 * If the driver has looked up the trigger, drop the first page of the file, which is in the changed
 * range.
 */
static bool respond(struct cross *cross)
{
	if (!new_lookups(cross))
		return false;
	fallocate(cross->file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, page());
	return true;
}

/* Respond to lookups until the queues run (true), or until the limit (false). */
static bool comes_to_an_end(struct cross *cross, struct amd_userptr *up)
{
	const uint64_t deadline = igt_now_ms() + AMD_USERPTR_WAIT_MS;
	bool running;

	do {
		/*
		 * Look at the queues first and at the trace afterwards, so that the trace has all
		 * lookups from before the queues ran.
		 */
		running = !amd_userptr_queues_evicted(up);
		if (!respond(cross) && running)
			return true;
		sched_yield();
	} while (cross->count < LOOKUPS_LIMIT && igt_now_ms() < deadline);
	return false;
}

static void expect_end(struct cross *cross, struct amd_userptr *up)
{
	const bool ended = comes_to_an_end(cross, up);

	igt_assert_f(ended, "no end: the driver looked up one range %u times\n", cross->count);
	igt_info("the driver looked up one range %u times\n", cross->count);
	/* Without any lookup the test has tested nothing. */
	igt_assert_lt(0, cross->count);
}

static void check_all(struct cross *cross)
{
	struct amd_userptr *up = cross->scatter.up;

	amd_userptr_queue_alive(up);
	amd_userptr_scatter_reads(&cross->scatter, 0, cross->scatter.bo->size);
	for (unsigned int i = 0; i < CROSS_RANGES; i += 99)
		amd_userptr_scatter_writes(&cross->scatter, i * page(), page(), i);
	amd_userptr_scatter_reads(&cross->scatter, 0, cross->scatter.bo->size);
}

static void restore(struct amd_userptr *up)
{
	struct cross cross;

	make(&cross, up);
	amd_userptr_scatter_map(&cross.scatter, 0);
	amd_userptr_queue_alive(up);
	new_lookups(&cross);
	cross.count = 0;
	amd_kfd_smi_mark(&up->smi);
	igt_assert_eq(madvise(cross.trigger, page(), MADV_DONTNEED), 0);
	expect_end(&cross, up);
	amd_userptr_expect_evictions(up, 0);
	check_all(&cross);
	end(&cross);
}

/*
 * A thread calls the ioctl, and uses this struct on the subtest's stack.  So the subtest asserts
 * nothing until the thread has ended, because a failed assertion would leave that stack.
 */
struct creation {
	struct amd_userptr_args args;
	int fd, ret;
	atomic_bool returned;
};

static void *run_creation(void *data)
{
	struct creation *creation = data;

	creation->ret = __amd_userptr_ioctl(creation->fd, &creation->args);
	creation->returned = true;
	return NULL;
}

static void create(struct amd_userptr *up)
{
	struct creation creation = { .fd = up->fd };
	unsigned int meanwhile = 0;
	pthread_t thread;
	struct cross cross;

	make(&cross, up);
	creation.args = amd_userptr_scatter_args(&cross.scatter, 0);
	amd_kfd_smi_mark(&up->smi);
	igt_assert_eq(pthread_create(&thread, NULL, run_creation, &creation), 0);
	while (!creation.returned) {
		meanwhile += respond(&cross);
		sched_yield();
	}
	pthread_join(thread, NULL);
	igt_debug("%u responses before the ioctl returned\n", meanwhile);
	igt_assert_eq(creation.ret, 0);
	cross.scatter.bo = amd_userptr_adopt_bo(up, creation.args.handle, NULL, creation.args.size);
	expect_end(&cross, up);
	amd_userptr_map(up, cross.scatter.bo);
	cross.scatter.va = cross.scatter.bo->va;
	check_all(&cross);
	end(&cross);
}

const struct amd_userptr_subtest amd_userptr_scatter_cross_subtests[] = {
	{ .name = "cross-create",
	  .run = create,
	  .describe = "The driver makes a BO although looking up one range changes another." },
	{ .name = "cross-restore",
	  .run = restore,
	  .describe = "The queues run again although looking up one range changes another." },
};
const unsigned int amd_userptr_num_scatter_cross_subtests =
	ARRAY_LENGTH(amd_userptr_scatter_cross_subtests);
