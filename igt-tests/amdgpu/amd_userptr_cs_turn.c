// SPDX-License-Identifier: MIT
/*
 * The driver delays a thread that drops user memory, if a submission of the same VM met -EAGAIN and
 * has the next turn.  A submission that can never get through must not delay other threads all the
 * time.  So one thread changes the protection of a listed userptr in a loop, which starves the
 * submissions of another thread, and the test counts how long a third one is delayed.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>
#include <xf86drm.h>

#include "igt.h"

#include "lib/igt_time.h"

#include "amd_userptr_cs.h"

/* Of the listed userptr: finding its pages takes longer than the time between two changes. */
#define LISTED_SIZE ((size_t)1 << 20)

/* Of the userptr that no submission lists: one page is enough for its notifier. */
#define OTHER_SIZE ((size_t)getpagesize())

/*
 * A drop takes microseconds without a delay, and with a delay 50 ms (AMDGPU_HMM_TURN_MS).  The
 * driver may delay one drop in a second.  The test accepts half of the time, because a drop may
 * also wait for locks.
 */
enum { SLOW_MS = 30, RUN_MS = 6000, MAX_SLOW_MS = RUN_MS / 2 };

enum { THREADS = 2 };

struct turn {
	int fd; /* -1: not open */
	char *listed, *other;
	uint64_t listed_va, other_va; /* 0: not reserved */
	uint32_t listed_handle;
	pthread_t threads[THREADS];
	unsigned int num_threads; /* how many of them run */
	atomic_bool stop;
	atomic_uint submitted, again, changes;
	atomic_int error; /* an error that a call must not return, or 0 */
};

/* Not on the stack, because after a failed assertion the threads go on until the clean-up. */
static struct turn test;

static void *submit(void *data)
{
	struct turn *turn = data;
	struct amd_userptr_cs cs;
	int ret = __amd_userptr_cs_open(turn->fd, AMD_KFD_QUEUE_SDMA, &cs);

	if (ret) {
		turn->error = ret;
		return NULL;
	}
	while (!turn->stop && !turn->error) {
		uint64_t seq;

		amd_userptr_cs_begin(&cs);
		ret = __amd_userptr_cs_submit(&cs, &turn->listed_handle, 1, &seq);
		if (!ret) {
			turn->submitted++;
			ret = __amd_userptr_cs_wait(&cs, seq, AMD_USERPTR_WAIT_MS);
		} else if (ret == -EAGAIN) {
			turn->again++;
			ret = 0;
		}
		if (ret)
			turn->error = ret;
	}
	amd_userptr_cs_close(&cs);
	return NULL;
}

/* The memory stays writable, because -EPERM would end the turn of the submission. */
static void *protect(void *data)
{
	struct turn *turn = data;

	while (!turn->stop && !turn->error) {
		if (mprotect(turn->listed, LISTED_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC) ||
		    mprotect(turn->listed, LISTED_SIZE, PROT_READ | PROT_WRITE))
			turn->error = -errno;
		turn->changes++;
	}
	return NULL;
}

static void start_thread(struct turn *turn, void *(*run)(void *data))
{
	igt_assert_eq(pthread_create(&turn->threads[turn->num_threads], NULL, run, turn), 0);
	turn->num_threads++;
}

static void end_threads(struct turn *turn)
{
	turn->stop = true;
	while (turn->num_threads)
		pthread_join(turn->threads[--turn->num_threads], NULL);
}

static void end_turn(struct amd_userptr *up)
{
	end_threads(&test);
	if (test.fd >= 0)
		close(test.fd); /* and with it both userptrs */
	if (test.listed_va)
		amd_kfd_va_release(test.listed_va, LISTED_SIZE);
	if (test.other_va)
		amd_kfd_va_release(test.other_va, OTHER_SIZE);
}

/*
 * A huge page would be found as fast as a small one.  The page behind the memory keeps the kernel
 * from merging it with its neighbour: then a change of one would lock both.
 */
static char *map_pages(struct amd_userptr *up, size_t size)
{
	const size_t all = size + getpagesize();
	char *memory = mmap(NULL, all, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	amd_userptr_adopt(up, memory, all);
	igt_assert_eq(mprotect(memory, size, PROT_READ | PROT_WRITE), 0);
	igt_assert_eq(madvise(memory, size, MADV_NOHUGEPAGE), 0);
	memset(memory, 1, size);
	return memory;
}

static uint32_t make_userptr(int fd, void *memory, size_t size, uint64_t *va)
{
	struct drm_amdgpu_gem_va args = {
		.operation = AMDGPU_VA_OP_MAP,
		.flags = AMD_USERPTR_RW,
		.map_size = size,
	};

	*va = args.va_address = amd_kfd_va_reserve(size, 0);
	igt_assert(*va);
	igt_assert_eq(__amd_userptr_create(fd, memory, size, AMD_USERPTR_LISTED, &args.handle), 0);
	igt_assert_eq(drmIoctl(fd, DRM_IOCTL_AMDGPU_GEM_VA, &args), 0);
	return args.handle;
}

/* How often this thread has waited for something other than a CPU. */
static long waits(void)
{
	struct rusage usage;

	igt_assert_eq(getrusage(RUSAGE_THREAD, &usage), 0);
	return usage.ru_nvcsw;
}

/*
 * Drop the page of @turn->other in a loop; returns how many ms the slow drops took.  A drop that is
 * slow and has not waited was interrupted by other work of the machine, so it does not count.
 */
static uint64_t drop_all_the_time(struct turn *turn, unsigned int *drops)
{
	const uint64_t end = igt_now_ms() + RUN_MS;
	uint64_t slow_ms = 0, now = 0;

	while (now < end && !turn->error) {
		uint64_t start;
		long before;

		/* The notifier is called only for pages that are present. */
		*(volatile char *)turn->other = 1;
		before = waits();
		start = igt_now_ms();
		if (madvise(turn->other, OTHER_SIZE, MADV_DONTNEED))
			turn->error = -errno;
		now = igt_now_ms();
		if (now - start >= SLOW_MS && waits() != before)
			slow_ms += now - start;
		(*drops)++;
	}
	return slow_ms;
}

static void delays(struct amd_userptr *up)
{
	struct turn *turn = &test;
	unsigned int drops = 0;
	uint64_t slow_ms;

	memset(turn, 0, sizeof(*turn));
	turn->fd = -1;
	up->undo = end_turn;
	igt_set_timeout(igt_patience(CS_SECONDS), "drops beside starved submissions");
	turn->fd = drm_reopen_driver(up->fd);
	turn->listed = map_pages(up, LISTED_SIZE);
	turn->other = map_pages(up, OTHER_SIZE);
	turn->listed_handle = make_userptr(turn->fd, turn->listed, LISTED_SIZE, &turn->listed_va);
	make_userptr(turn->fd, turn->other, OTHER_SIZE, &turn->other_va);
	start_thread(turn, submit);
	start_thread(turn, protect);
	slow_ms = drop_all_the_time(turn, &drops);
	end_threads(turn);
	igt_reset_timeout();

	igt_info("%u drops, %ju ms in slow ones; %u submissions, %u with -EAGAIN, %u changes\n",
		 drops, (uintmax_t)slow_ms, turn->submitted, turn->again, turn->changes);
	igt_assert_f(!turn->error, "%s\n", strerror(-turn->error));
	igt_assert_f(turn->again && turn->changes, "no submission met a change\n");
	igt_assert_f(slow_ms <= MAX_SLOW_MS,
		     "a thread was delayed for %ju of %u ms by submissions that began again\n",
		     (uintmax_t)slow_ms, RUN_MS);
}

void amd_userptr_cs_turn_subtests(struct amd_userptr *up)
{
	igt_describe("Submissions that never get through delay other threads only now and then.");
	igt_subtest("starved-delays")
		delays(up);
	igt_fixture()
		amd_userptr_cleanup(up);
}
