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
 * driver may delay one drop in a second.  The test accepts half of the time, because other work of
 * the machine may interrupt a drop for as long.
 */
enum { SLOW_MS = 30, RUN_MS = 6000, MAX_SLOW_MS = RUN_MS / 2 };

struct turn {
	int fd;
	char *listed, *other;
	uint32_t listed_handle, other_handle;
	atomic_bool stop;
	atomic_uint submitted, again, changes;
	atomic_int error; /* an error that a call must not return, or 0 */
};

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

/* A huge page would be found as fast as a small one. */
static char *map_pages(size_t size)
{
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	igt_assert(memory != MAP_FAILED);
	igt_assert_eq(madvise(memory, size, MADV_NOHUGEPAGE), 0);
	memset(memory, 1, size);
	return memory;
}

static uint32_t make_userptr(int fd, void *memory, size_t size)
{
	struct drm_amdgpu_gem_va args = {
		.operation = AMDGPU_VA_OP_MAP,
		.flags = AMD_USERPTR_RW,
		.va_address = amd_kfd_va_reserve(size, 0),
		.map_size = size,
	};

	igt_assert_eq(__amd_userptr_create(fd, memory, size, AMD_USERPTR_LISTED, &args.handle), 0);
	igt_assert_eq(drmIoctl(fd, DRM_IOCTL_AMDGPU_GEM_VA, &args), 0);
	return args.handle;
}

/*
 * Drop the page of @turn->other in a loop; returns how many ms the slow drops took.  Must not fail
 * the test, because the other threads use @turn.
 */
static uint64_t drop_all_the_time(struct turn *turn, unsigned int *drops)
{
	const uint64_t end = igt_now_ms() + RUN_MS;
	uint64_t slow_ms = 0, now = igt_now_ms();

	while (now < end && !turn->error) {
		const uint64_t start = now;

		/* The notifier is called only for pages that are present. */
		*(volatile char *)turn->other = 1;
		if (madvise(turn->other, OTHER_SIZE, MADV_DONTNEED))
			turn->error = -errno;
		now = igt_now_ms();
		if (now - start >= SLOW_MS)
			slow_ms += now - start;
		(*drops)++;
	}
	return slow_ms;
}

static void delays(struct amd_userptr *up)
{
	struct turn turn = { 0 };
	pthread_t submitter, changer;
	unsigned int drops = 0;
	uint64_t slow_ms;

	turn.fd = drm_reopen_driver(up->fd);
	turn.listed = map_pages(LISTED_SIZE);
	turn.other = map_pages(OTHER_SIZE);
	turn.listed_handle = make_userptr(turn.fd, turn.listed, LISTED_SIZE);
	turn.other_handle = make_userptr(turn.fd, turn.other, OTHER_SIZE);
	igt_assert_eq(pthread_create(&submitter, NULL, submit, &turn), 0);
	igt_assert_eq(pthread_create(&changer, NULL, protect, &turn), 0);

	slow_ms = drop_all_the_time(&turn, &drops);
	turn.stop = true;
	pthread_join(submitter, NULL);
	pthread_join(changer, NULL);

	igt_info("%u drops, %ju ms in slow ones; %u submissions, %u with -EAGAIN, %u changes\n",
		 drops, (uintmax_t)slow_ms, turn.submitted, turn.again, turn.changes);
	igt_assert_f(!turn.error, "%s\n", strerror(-turn.error));
	igt_assert_f(turn.again && turn.changes, "no submission met a change\n");
	igt_assert_f(slow_ms <= MAX_SLOW_MS,
		     "a thread was delayed for %ju of %u ms by submissions that began again\n",
		     (uintmax_t)slow_ms, RUN_MS);
	close(turn.fd);
	munmap(turn.listed, LISTED_SIZE);
	munmap(turn.other, OTHER_SIZE);
}

void amd_userptr_cs_turn_subtests(struct amd_userptr *up)
{
	igt_describe("Submissions that never get through delay other threads only now and then.");
	igt_subtest("starved-delays")
		delays(up);
	igt_fixture()
		amd_userptr_cleanup(up);
}
