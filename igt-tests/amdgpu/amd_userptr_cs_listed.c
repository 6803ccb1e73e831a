// SPDX-License-Identifier: MIT
/*
 * A thread submits IBs that copy from a userptr on their list and store to it, while another thread
 * changes the memory all the time.  The driver runs each submission, or refuses it with -EAGAIN
 * because the memory changed during the ioctl.  An IB has to read content that was there while it
 * ran, and a signal has to be able to kill the process.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xf86drm.h>

#include "igt.h"
#include "igt_os.h"

#include "lib/amdgpu/amd_stamp.h"
#include "lib/amdgpu/amd_userptr_victim.h"
#include "lib/igt_mm.h"
#include "lib/igt_task.h"
#include "lib/igt_time.h"

#include "amd_userptr_cs.h"

/* The memory that the submissions access. */
#define LISTED_SIZE ((size_t)64 << 10)

/* Dwords of a page.  The GPU stores to the last one of a page, the CPU to all others. */
#define PAGE_DW (getpagesize() / sizeof(uint32_t))

/* How many submissions and changes have to happen before the subtest ends. */
enum { WANT_SUBMITTED = 24, WANT_CHANGES = 24 };

/* The longest pause between two changes.  In a long pause the driver can run a submission. */
#define MAX_PAUSE_NS 3000000

/* A storm has this many changes without a pause, in which perhaps every submission gets -EAGAIN. */
#define STORM_CHANGES 64

/* The process that submits writes this struct, and the judge reads it. */
struct report {
	atomic_bool ready; /* the submissions begin now */
	/* Submissions that ran, that got -EAGAIN, that met a hole; changes of the memory. */
	atomic_uint submitted, again, refused, changes;
	atomic_int error;  /* an error that a call must not return, or 0 */
	atomic_bool wrong; /* dword @at has the value @got, which is not in [@first, @last] */
	uint32_t got, first, last, at;
};

struct listed;

struct event {
	const char *name, *what;
	int (*run)(struct listed *listed);
	bool drops; /* the event drops the content, and then the CPU writes new content */
	bool hole;  /* the event makes a hole for a short time, so submissions may fail */
	bool often; /* the event comes so often that each submission may meet it */
	bool storm; /* a pause only after each STORM_CHANGES changes */
};

struct listed {
	const struct event *event;
	bool kfd; /* the submissions run in the VM of a KFD process */
	struct report *report;
	uint32_t *memory;
	/*
	 * Each content of the memory is one number, its generation, in all dwords.  @started is the
	 * generation that the CPU began to write last, @finished the last one that it has written
	 * in all pages.
	 */
	atomic_uint started, finished;
	uint32_t handle;
};

static uint32_t *page(struct listed *listed, unsigned int index)
{
	return listed->memory + index * PAGE_DW;
}

static unsigned int num_pages(void)
{
	return LISTED_SIZE / getpagesize();
}

static void write_content(struct listed *listed)
{
	const uint32_t generation = listed->started;

	for (unsigned int i = 0; i < num_pages(); i++) {
		for (unsigned int dw = 0; dw < PAGE_DW - 1; dw++)
			((volatile uint32_t *)page(listed, i))[dw] = generation;
	}
	listed->finished = generation;
}

/* ---- changes ---- */

static int dontneed(struct listed *listed)
{
	listed->started++;
	if (madvise(listed->memory, LISTED_SIZE, MADV_DONTNEED))
		return -errno;
	write_content(listed);
	return 0;
}

static int map_new(struct listed *listed)
{
	void *cpu = mmap(listed->memory, LISTED_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	if (cpu != listed->memory || madvise(cpu, LISTED_SIZE, MADV_NOHUGEPAGE))
		return -errno;
	write_content(listed);
	return 0;
}

static int remap(struct listed *listed)
{
	listed->started++;
	return map_new(listed);
}

static int protect(struct listed *listed)
{
	return __igt_mm_poke(listed->memory, LISTED_SIZE);
}

static int cow(struct listed *listed)
{
	return __igt_mm_fork_and_write(listed->memory, LISTED_SIZE);
}

static int forked(struct listed *listed)
{
	/* Size 0: neither the child nor this process writes, so no page is copied. */
	return __igt_mm_fork_and_write(listed->memory, 0);
}

static int migrate(struct listed *listed)
{
	int ret = __igt_mm_migrate(listed->memory, LISTED_SIZE, getpagesize());

	/*
	 * EBUSY is no failure: a submission that looks up a page holds a reference for a short
	 * time, and the page cannot migrate then.
	 */
	return ret == -EBUSY ? 0 : ret;
}

static int pageout(struct listed *listed)
{
	return madvise(listed->memory, LISTED_SIZE, MADV_PAGEOUT) ? -errno : 0;
}

static const struct event events[] = {
	{ .name = "dontneed", .what = "is dropped", .run = dontneed, .drops = true, .often = true },
	{ .name = "dontneed-storm",
	  .what = "is dropped many times without a pause",
	  .run = dontneed,
	  .drops = true,
	  .often = true,
	  .storm = true },
	{ .name = "remap", .what = "is replaced", .run = remap, .drops = true, .often = true },
	{ .name = "mprotect",
	  .what = "is read-only now and then",
	  .run = protect,
	  .hole = true,
	  .often = true },
	{ .name = "cow", .what = "is copied on write", .run = cow },
	{ .name = "fork", .what = "is a child's as well", .run = forked },
	{ .name = "migrate", .what = "migrates", .run = migrate },
	{ .name = "pageout", .what = "is paged out", .run = pageout },
};

static void *change(void *data)
{
	struct listed *listed = data;
	uint64_t random = 1;
	int ret = 0;

	while (!ret) {
		const struct timespec pause = { .tv_nsec = amd_stamp_pick(&random, MAX_PAUSE_NS) };

		ret = listed->event->run(listed);
		listed->report->changes += !ret;
		if (!listed->event->storm || listed->report->changes % STORM_CHANGES == 0)
			nanosleep(&pause, NULL);
	}
	listed->report->error = ret;
	return NULL;
}

/* ---- submissions ---- */

/*
 * The GPU's copy must have content of a generation from @first to @last.  If the event drops pages,
 * zero is right, too, because a new page begins with zeros.  Leave out the last word of each page:
 * the GPU stores there (check_store()).
 */
static void check_copy(struct listed *listed, const uint32_t *copy, uint32_t first, uint32_t last)
{
	struct report *report = listed->report;

	for (unsigned int i = 0; i < num_pages() * PAGE_DW && !report->wrong; i++) {
		if (i % PAGE_DW == PAGE_DW - 1 || (copy[i] >= first && copy[i] <= last) ||
		    (!copy[i] && listed->event->drops))
			continue;
		report->got = copy[i];
		report->first = first;
		report->last = last;
		report->at = i;
		report->wrong = true;
	}
}

/* Check that an event that keeps the content has not lost the GPU's store. */
static void check_store(struct listed *listed, unsigned int index, uint32_t value)
{
	struct report *report = listed->report;
	const uint32_t got = ((volatile uint32_t *)page(listed, index))[PAGE_DW - 1];

	if (got == value || listed->event->drops || report->wrong)
		return;
	report->got = got;
	report->first = report->last = value;
	report->at = index * PAGE_DW + PAGE_DW - 1;
	report->wrong = true;
}

static int submit_one(struct listed *listed, struct amd_userptr_cs *cs, uint64_t va,
		      uint32_t number)
{
	const uint32_t first = listed->finished;
	const unsigned int index = number % num_pages();
	uint64_t seq;
	int ret;

	memset(cs->data.cpu, 0xff, LISTED_SIZE);
	amd_userptr_cs_begin(cs);
	amd_kfd_queue_write(&cs->packets, va + ((index + 1) * PAGE_DW - 1) * sizeof(number),
			    &number, 1);
	amd_kfd_queue_copy(&cs->packets, cs->data.va, va, LISTED_SIZE);
	ret = __amd_userptr_cs_submit(cs, &listed->handle, 1, &seq);
	if (ret)
		return ret;
	ret = __amd_userptr_cs_wait(cs, seq, AMD_USERPTR_WAIT_MS);
	/* Only the submission may return -EAGAIN, so report another error if the wait does. */
	if (ret)
		return ret == -EAGAIN ? -EIO : ret;
	check_copy(listed, cs->data.cpu, first, listed->started);
	check_store(listed, index, number);
	return 0;
}

static void submit_all_the_time(struct listed *listed, int fd, uint64_t va)
{
	struct report *report = listed->report;
	struct amd_userptr_cs cs;

	igt_assert_eq(__amd_userptr_cs_open(fd, AMD_KFD_QUEUE_SDMA, &cs), 0);
	for (uint32_t number = 1; !report->error && !report->wrong; number++) {
		int ret = submit_one(listed, &cs, va, number);

		report->submitted += !ret;
		report->again += ret == -EAGAIN;
		/* -EPERM: the memory is read-only. */
		if (listed->event->hole && (ret == -EFAULT || ret == -EPERM))
			report->refused++;
		else if (ret && ret != -EAGAIN)
			report->error = ret;
	}
	/* The judge reads the report and kills this process, so wait for the signal. */
	for (;;)
		pause();
}

static uint64_t map_listed(struct listed *listed, int fd)
{
	const uint64_t va = amd_kfd_va_reserve(LISTED_SIZE, 0);
	struct drm_amdgpu_gem_va args = {
		.operation = AMDGPU_VA_OP_MAP,
		.flags = AMD_USERPTR_RW,
		.va_address = va,
		.map_size = LISTED_SIZE,
	};

	igt_assert(va);
	igt_assert_eq(__amd_userptr_create(fd, listed->memory, LISTED_SIZE, AMD_USERPTR_LISTED,
					   &listed->handle),
		      0);
	args.handle = listed->handle;
	igt_assert_eq(drmIoctl(fd, DRM_IOCTL_AMDGPU_GEM_VA, &args), 0);
	return va;
}

static void live(struct amd_userptr_victims *victims, void *data)
{
	struct listed *listed = data;
	struct amd_userptr mine;
	pthread_t thread;
	uint64_t va;
	int fd;

	listed->report = victims->report;
	listed->memory = (uint32_t *)amd_userptr_victim_memory(LISTED_SIZE);
	listed->started = 1;
	write_content(listed);
	if (listed->kfd) {
		amd_userptr_open_in_child(&mine, victims->up);
		/*
		 * Make an HSA userptr besides the listed one, so that the driver has both kinds in
		 * this VM.
		 */
		if (mine.supported)
			amd_userptr_tracked(&mine, LISTED_SIZE, 1);
		fd = mine.fd;
	} else {
		fd = drm_reopen_driver(victims->up->fd);
	}
	va = map_listed(listed, fd);
	igt_assert_eq(pthread_create(&thread, NULL, change, listed), 0);
	listed->report->ready = true;
	submit_all_the_time(listed, fd, va);
}

static bool seen_enough(const struct event *event, const struct report *report)
{
	return report->submitted >= WANT_SUBMITTED && report->changes >= WANT_CHANGES &&
	       (!event->often || report->again);
}

static void judge(struct amd_userptr_victims *victims, void *data)
{
	struct listed *listed = data;
	struct report *report = victims->report, seen;
	uint64_t deadline = igt_now_ms() + 2 * AMD_USERPTR_WAIT_MS;
	pid_t pid = amd_userptr_victim(victims, live, listed);
	bool ended;
	int status;

	igt_assert_f(amd_userptr_victim_wait(&report->ready, pid), "nothing was submitted\n");
	while (!seen_enough(listed->event, report) && !report->error && !report->wrong &&
	       igt_now_ms() < deadline)
		usleep(1000);
	seen = *report;
	/* The process submits all the time, so most likely the signal comes during a submission. */
	kill(pid, SIGKILL);
	ended = igt_wait_pid(pid, &status, AMD_USERPTR_WAIT_MS);
	igt_info("%u submissions done, %u with -EAGAIN, %u into a hole, %u changes\n",
		 seen.submitted, seen.again, seen.refused, seen.changes);
	igt_assert_f(ended, "the process cannot be killed after %u submissions, %u with -EAGAIN\n",
		     seen.submitted, seen.again);
	igt_assert_f(!seen.error, "%s\n", strerror(-seen.error));
	igt_assert_f(!seen.wrong, "dword %#x: %#x, which is not from %#x to %#x\n", seen.at,
		     seen.got, seen.first, seen.last);
	igt_assert_f(seen_enough(listed->event, &seen), "too few submissions, changes or EAGAIN\n");
	amd_userptr_victims_expect_back(victims, listed->event->name);
}

static void listed(struct amd_userptr *up, const struct event *event, bool kfd)
{
	static struct listed what;

	memset(&what, 0, sizeof(what));
	what.event = event;
	what.kfd = kfd;
	igt_require_f(event->run != pageout || igt_get_total_swap_mb(),
		      "no swap space is in use\n");
	igt_require_f(event->run != migrate || igt_mm_numa_node(igt_mm_numa_node(64)) >= 0,
		      "one NUMA node only\n");
	amd_userptr_victims_run(up, CS_SECONDS, judge, &what);
	igt_reset_timeout();
}

void amd_userptr_cs_listed_subtests(struct amd_userptr *up)
{
	for (unsigned int i = 0; i < ARRAY_LENGTH(events); i++) {
		for (int kfd = 0; kfd < 2; kfd++) {
			igt_describe_f(
				"Submissions still work while the memory that they list %s%s.",
				events[i].what, kfd ? ", in the VM of a KFD process" : "");
			igt_subtest_f("listed-%s%s", events[i].name, kfd ? "-in-kfd" : "")
				listed(up, &events[i], kfd);
			igt_fixture()
				amd_userptr_cleanup(up);
		}
	}
}
