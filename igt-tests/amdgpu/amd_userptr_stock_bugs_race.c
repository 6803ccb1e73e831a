// SPDX-License-Identifier: MIT
/*
 * Bug C19 of docs/upstreaming.md.  The MMU notifier of a GEM userptr followed the list of its VMs
 * while a close freed the members of that list.  In this test some threads drop the memory again
 * and again, while others make and close userptrs of it.  The bug does not need KFD.
 *
 * KASAN reports the use after free.  Debian's kernel checks lists, so it panics within seconds.  A
 * kernel without these checks may write to memory that the driver has freed.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#include "igt.h"

#include "lib/amdgpu/amd_userptr_cs.h"
#include "lib/igt_time.h"
#include "lib/igt_tracefs.h"

#include "amd_userptr_stock_bugs.h"

#define RACE_MS igt_patience(3000)

/*
 * The race goes on until there were this many closes and this many calls of the notifier, because
 * with fewer of them perhaps no close has run at the same time as the notifier.
 */
enum { ENOUGH = 50 };

/* Number of threads that make and close userptrs, and of threads that drop the memory. */
enum { THREADS = 2 };

#define NOTIFIER "amd_userptr_race"

static const char *const events[] = { "kprobes/" NOTIFIER };

/* It is not on the stack, because after a failed assertion the threads run until the clean-up. */
static struct race {
	int fd; /* -1: not open */
	char *memory;
	pthread_t threads[2 * THREADS];
	unsigned int num_threads; /* how many of them run */
	atomic_bool stop;
	atomic_uint closes, drops;
	atomic_int error;
} race;

static void *make_and_close(void *data)
{
	while (!race.stop && !race.error) {
		uint32_t handle;
		int ret = __amd_userptr_create(race.fd, race.memory, getpagesize(),
					       AMDGPU_GEM_USERPTR_REGISTER, &handle);

		if (!ret)
			ret = __amd_userptr_close_handle(race.fd, handle);
		if (ret)
			race.error = ret;
		race.closes++;
	}
	return NULL;
}

static void *drop_memory(void *data)
{
	while (!race.stop) {
		madvise(race.memory, getpagesize(), MADV_DONTNEED);
		*(volatile char *)race.memory = 1;
		race.drops++;
	}
	return NULL;
}

static void end_threads(void)
{
	race.stop = true;
	while (race.num_threads)
		pthread_join(race.threads[--race.num_threads], NULL);
}

static void run_race(void)
{
	const uint64_t end = igt_now_ms() + RACE_MS, deadline = end + AMD_USERPTR_WAIT_MS;

	for (unsigned int i = 0; i < 2 * THREADS; i++) {
		igt_assert_eq(pthread_create(&race.threads[i], NULL,
					     i % 2 ? drop_memory : make_and_close, NULL),
			      0);
		race.num_threads++;
	}
	while (!race.error && igt_now_ms() < deadline &&
	       (igt_now_ms() < end || race.closes < ENOUGH ||
		igt_tracefs_kprobe_hits(NOTIFIER) < ENOUGH))
		igt_pause();
	end_threads();
}

static void unwatch(void)
{
	igt_tracefs_off();
	igt_tracefs_kprobe_remove(NOTIFIER);
}

static void end_race(struct amd_userptr *up)
{
	end_threads();
	if (race.fd >= 0)
		close(race.fd);
}

static void invalidate_while_closing(struct amd_userptr *up)
{
	uint64_t notified;

	memset(&race, 0, sizeof(race));
	race.fd = -1;
	up->undo = end_race;
	race.fd = drm_reopen_driver(up->fd);
	/* An earlier subtest that failed may have left its probe. */
	unwatch();
	igt_require_f(igt_tracefs_kprobe_add(NOTIFIER, "amdgpu_hmm_invalidate_gfx") &&
			      igt_tracefs_on(events, ARRAY_LENGTH(events)),
		      "no kprobe at the notifier\n");
	race.memory = (char *)amd_userptr_mmap(up, getpagesize(), 1);
	run_race();
	notified = igt_tracefs_kprobe_hits(NOTIFIER);
	unwatch();
	igt_info("%u closes, %u drops, %llu notifications\n", race.closes, race.drops,
		 (unsigned long long)notified);
	igt_assert_f(!race.error, "a userptr was not made or closed: %s\n", strerror(-race.error));
	igt_assert_lte(ENOUGH, race.closes);
	igt_assert_lte(ENOUGH, notified);
	amd_userptr_queue_alive(up);
}

const struct amd_userptr_subtest amd_userptr_race_subtest = {
	.name = "invalidate-while-closing",
	.run = invalidate_while_closing,
	.describe = "Threads can make and close userptrs while other threads drop their memory.",
};
