// SPDX-License-Identifier: MIT
/*
 * The VA ioctl looks for memory that is missing in the part of the BO that it maps (see
 * amd_userptr_scatter_heal.c).  No memory is missing here, and threads map a page of the BO in a
 * loop, also while the worker restores it.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "igt.h"

#include "lib/igt_time.h"

#include "amd_userptr_scatter.h"

/*
 * The test makes at least LOOP_ROUNDS restores, and goes on until LOOP_MAPS maps have begun during
 * a restore on average.  The worker may repeat a restore LOOP_REPEATS times on average.  A map that
 * begins just when the worker looks for the page makes the worker repeat the restore once.  If
 * every map did that, the worker would repeat a restore dozens of times.
 */
enum { LOOP_ROUNDS = 6, LOOP_MAPS = 2, LOOP_REPEATS = 4 };

/*
 * The number of threads, and of pages that change together.  They are so large that maps begin all
 * the time while the worker is at work.
 */
enum { LOOP_THREADS = 2, LOOP_RANGES = 1024 };

/* Each thread notes when its last maps began, in a ring of this size. */
enum { LOOP_TIMES = 1024 };

/* How many pages the GPU reads after a restore.  After the last one it reads all pages. */
enum { LOOP_READS = 64 };

/* A thread that maps one page of a BO again and again, at an address that no queue uses. */
struct loop {
	struct amd_userptr client; /* the subtest's device, with a syncobj of its own */
	uint32_t handle;
	uint64_t offset, va;
	atomic_bool stop;
	atomic_int error;		    /* the first error of a map, or 0 */
	atomic_uint maps;		    /* how many maps have begun */
	_Atomic uint64_t begun[LOOP_TIMES]; /* CLOCK_BOOTTIME, as in SMI events */
	pthread_t thread;
};

static struct loop loops[LOOP_THREADS];

static uint64_t boottime_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

static void *map_in_loop(void *data)
{
	struct loop *loop = data;

	while (!loop->stop && !loop->error) {
		loop->begun[loop->maps % LOOP_TIMES] = boottime_ns();
		loop->maps++;
		loop->error = __amd_userptr_va(&loop->client, AMDGPU_VA_OP_REPLACE, loop->handle,
					       loop->va, loop->offset, page(), AMD_USERPTR_RW);
	}
	return NULL;
}

/* Also the undo function of the subtest, so that the threads end after a failed assertion. */
static void loops_stop(struct amd_userptr *up)
{
	up->undo = NULL;
	for (unsigned int i = 0; i < LOOP_THREADS; i++)
		loops[i].stop = true;
	for (unsigned int i = 0; i < LOOP_THREADS && loops[i].va; i++) {
		pthread_join(loops[i].thread, NULL);
		drmSyncobjDestroy(up->fd, loops[i].client.syncobj);
		amd_kfd_va_release(loops[i].va, page());
	}
}

static void loops_start(struct amd_userptr_scatter *scatter, uint64_t offset)
{
	struct amd_userptr *up = scatter->up;

	memset(loops, 0, sizeof(loops));
	up->undo = loops_stop;
	for (unsigned int i = 0; i < LOOP_THREADS; i++) {
		const uint64_t va = amd_kfd_va_reserve(page(), 0);
		struct loop *loop = &loops[i];

		igt_assert(va);
		*loop = (struct loop){ .client = *up, .handle = scatter->bo->handle };
		loop->offset = offset;
		igt_assert_eq(drmSyncobjCreate(up->fd, 0, &loop->client.syncobj), 0);
		loop->va = va;
		igt_assert_eq(pthread_create(&loop->thread, NULL, map_in_loop, loop), 0);
	}
}

/* How many of the last maps began between the last eviction and the last restore? */
static unsigned int maps_during_restore(const struct amd_kfd_smi_counts *count)
{
	unsigned int during = 0;

	for (unsigned int i = 0; i < LOOP_THREADS * LOOP_TIMES; i++) {
		const uint64_t begun = loops[i / LOOP_TIMES].begun[i % LOOP_TIMES];

		during += begun > count->eviction_ns && begun < count->restore_ns;
	}
	return during;
}

/* The offset in the BO of the range at @cpu. */
static uint64_t offset_of(const struct amd_userptr_scatter *scatter, const char *cpu)
{
	unsigned int i = 0;

	while (i < scatter->count && scatter->ranges[i].addr != (uintptr_t)cpu)
		i++;
	igt_assert_lt(i, scatter->count);
	return i * page();
}

/*
 * No memory is missing, so a map has nothing to look for.  In particular a map must not make the
 * driver look again for a page that the worker has found in the restore that is under way.
 * Otherwise the restore would start again, and threads that map in a loop would delay it for ever.
 *
 * All pages change, so that a restore takes longer than a map.  The worker finds them in the order
 * of their addresses, so it finds the first one, which the threads map, long before the others.
 */
static void map_loop(struct amd_userptr *up)
{
	const uint64_t deadline = igt_now_ms() + 2 * AMD_USERPTR_WAIT_MS;
	unsigned int during = 0, rescheduled = 0, i;
	struct amd_userptr_scatter scatter;
	uint64_t restore_ns = 0;
	char *cpu = amd_userptr_scatter_pages(&scatter, up, LOOP_RANGES);
	const uint64_t offset = offset_of(&scatter, cpu);

	amd_userptr_scatter_map(&scatter, 0);
	loops_start(&scatter, offset);
	for (i = 0; i < LOOP_ROUNDS || (during < i * LOOP_MAPS && igt_now_ms() < deadline); i++) {
		amd_kfd_smi_mark(&up->smi);
		igt_assert_eq(madvise(cpu, 2 * LOOP_RANGES * page(), MADV_DONTNEED), 0);
		amd_pattern_fill(cpu, page(), i);
		amd_userptr_expect_evictions(up, 0);
		during += maps_during_restore(&up->smi.count);
		rescheduled += up->smi.count.rescheduled;
		restore_ns += up->smi.count.restore_ns - up->smi.count.eviction_ns;
		/*
		 * The threads map the page at other GPU addresses, so they do not write the entries
		 * that the GPU uses here.
		 */
		amd_userptr_gpu_check(up, scatter.va + offset, page(), i);
		amd_userptr_scatter_reads(&scatter, 0, LOOP_READS * page());
	}
	loops_stop(up);
	igt_info("%u maps began during %u restores of %llu ms, which were repeated %u times\n",
		 during, i, (unsigned long long)restore_ns / i / 1000000, rescheduled);
	for (unsigned int n = 0; n < LOOP_THREADS; n++)
		igt_assert_eq(loops[n].error, 0);
	igt_assert_lte(i * LOOP_MAPS, during);
	igt_assert_f(rescheduled <= i * LOOP_REPEATS,
		     "maps made the worker repeat %u restores %u times\n", i, rescheduled);
	amd_userptr_scatter_reads(&scatter, 0, scatter.bo->size);
}

const struct amd_userptr_subtest amd_userptr_scatter_loop_subtests[] = {
	{ .name = "map-loop",
	  .run = map_loop,
	  .describe = "A restore ends although threads map a page that is there all the time." },
};
const unsigned int amd_userptr_num_scatter_loop_subtests =
	ARRAY_LENGTH(amd_userptr_scatter_loop_subtests);
