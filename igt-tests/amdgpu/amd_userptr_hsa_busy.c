// SPDX-License-Identifier: MIT
/*
 * The kernel takes pages away while the queue has unfinished work on them.  The GPU must not touch
 * the old pages any more, and has to do the work on the new pages.
 *
 * These subtests assert that the queue was evicted in the middle of its work, went on, and used the
 * right pages.  The subtests with "store" in their names notice a store to the old pages.  Only the
 * page oracle of the simulated GPU or an IOMMU notices a load from the old pages.
 */
#include <pthread.h>
#include <sys/mman.h>
#include <xf86drm.h>

#include "igt.h"

#include "lib/amdgpu/amd_userptr_canary.h"
#include "lib/amdgpu/amd_userptr_fault.h"
#include "lib/igt_procfs.h"
#include "lib/igt_tracefs.h"

#include "amd_userptr_hsa.h"

#define BUSY_SIZE	 ((size_t)1 << 20)
/*
 * Numbers of copies of a whole BO.  With BUSY_COPIES most events come before the copies end.  If an
 * event comes too late, busy_dontneed(), busy_replace() and busy_store() double the number of
 * copies, up to BUSY_MOST_COPIES.
 */
#define BUSY_COPIES	 16
#define BUSY_MOST_COPIES 1000
/* A subtest makes BUSY_ROUNDS rounds, and the event has to come in time in BUSY_CAUGHT of them. */
#define BUSY_ROUNDS	 25
#define BUSY_CAUGHT	 5
/* The most rounds of a subtest, for busy machines, on which the event comes too late in most. */
#define BUSY_MOST_ROUNDS (8 * BUSY_ROUNDS)

/*
 * How often stage_ns() measures a restore.  It uses the shortest of the times, because the other
 * ones are longer only because of load on the machine.
 */
#define RESTORE_SAMPLES 3

#define SECOND_NS 1000000000ull

static bool another_round(unsigned int round, unsigned int caught)
{
	return round < BUSY_ROUNDS || (caught < BUSY_CAUGHT && round < BUSY_MOST_ROUNDS);
}

/*
 * Start @copies copies of @bo, wait for the first one, and return the sequence number of the last.
 */
static uint32_t start_copies(struct amd_userptr *up, struct amd_userptr_bo *bo, unsigned int copies)
{
	uint32_t first;

	amd_kfd_queue_copy(up->queue, up->out.va, bo->va, bo->size);
	first = amd_kfd_queue_submit(up->queue);
	for (unsigned int i = 1; i < copies; i++)
		amd_kfd_queue_copy(up->queue, up->out.va, bo->va, bo->size);
	amd_kfd_queue_submit(up->queue);
	amd_kfd_queue_wait(up->queue, first, AMD_USERPTR_WAIT_MS);
	return up->queue->seqno;
}

/* Like start_copies(), but copy the pattern of @seed to @bo. */
static uint32_t start_stores(struct amd_userptr *up, struct amd_userptr_bo *bo, unsigned int copies,
			     uint32_t seed)
{
	uint32_t first, last;

	amd_pattern_fill(up->in.cpu, bo->size, seed);
	amd_kfd_queue_copy(up->queue, bo->va, up->in.va, bo->size);
	first = amd_kfd_queue_submit(up->queue);
	for (unsigned int i = 1; i < copies; i++)
		amd_kfd_queue_copy(up->queue, bo->va, up->in.va, bo->size);
	last = amd_kfd_queue_submit(up->queue);
	amd_kfd_queue_wait(up->queue, first, AMD_USERPTR_WAIT_MS);
	return last;
}

/*
 * Is each dword either the dword of the pattern of @seed, which was stored before the event, or the
 * zero of a new page?
 */
static bool stored_or_new(const uint32_t *cpu, size_t size, uint32_t seed)
{
	for (size_t i = 0; i < size / sizeof(*cpu); i++) {
		if (cpu[i] && cpu[i] != amd_pattern(seed, i))
			return false;
	}
	return true;
}

static void busy_dontneed(struct amd_userptr *up)
{
	struct amd_userptr_bo *bo = amd_userptr_tracked(up, BUSY_SIZE, 1);
	unsigned int caught = 0, copies = BUSY_COPIES;

	amd_kfd_smi_mark(&up->smi);
	for (unsigned int i = 0; i < BUSY_ROUNDS && caught < BUSY_CAUGHT; i++) {
		uint32_t last;

		amd_pattern_fill(bo->cpu, bo->size, 1 + i);
		last = start_copies(up, bo, copies);
		amd_userptr_dontneed(bo);
		if (!amd_kfd_queue_done(up->queue, last))
			caught++;
		else if (2 * copies <= BUSY_MOST_COPIES)
			copies *= 2; /* the GPU finished the copies before the event */
		amd_kfd_queue_wait(up->queue, last, AMD_USERPTR_WAIT_MS);
		igt_assert(stored_or_new(up->out.cpu, bo->size, 1 + i));
	}
	igt_assert_lte(BUSY_CAUGHT, caught);
	amd_userptr_expect_evictions(up, 0);
	amd_userptr_roundtrip(up, bo, 2);
}

/*
 * Wait for the last store of start_stores(), and assert that the stores went to @bo and not to
 * @canary.
 */
static void end_stores(struct amd_userptr *mine, struct amd_userptr_bo *bo, uint32_t last,
		       uint32_t *canary)
{
	amd_kfd_queue_wait(mine->queue, last, AMD_USERPTR_WAIT_MS);
	amd_pattern_check(canary, AMD_USERPTR_FRESH_SIZE, 3, "memory that has a dropped page");
	igt_assert(stored_or_new(bo->cpu, bo->size, 2));
	amd_userptr_munmap(mine, canary, AMD_USERPTR_FRESH_SIZE);
}

/*
 * Drop the pages of @bo while the queue stores to them.  The kernel gives some of these pages to
 * other memory of this process, the canary, so a store that comes too late changes the canary.
 * Returns whether the event came before the stores had ended.  @reused: has the canary any of the
 * pages?
 */
static bool drop_stored(struct amd_userptr *mine, struct amd_userptr_bo *bo, unsigned int copies,
			bool *reused)
{
	static uint64_t pfns[BUSY_SIZE / 4096];
	const unsigned int pages = bo->size / getpagesize();
	uint32_t last, *canary;
	unsigned int index;
	bool in_time;

	amd_pattern_fill(bo->cpu, bo->size, 1);
	for (unsigned int i = 0; i < pages; i++)
		pfns[i] = igt_procfs_pfn(amd_userptr_page(bo, i));
	last = start_stores(mine, bo, copies, 2);
	amd_userptr_dontneed(bo);
	in_time = !amd_kfd_queue_done(mine->queue, last);
	canary = amd_userptr_mmap(mine, AMD_USERPTR_FRESH_SIZE, 3);
	*reused = amd_userptr_find_reused(canary, pfns, pages, &index);
	end_stores(mine, bo, last, canary);
	return in_time;
}

/*
 * Map the memory again at its GPU address while the queue copies it.  The mapping must not be
 * missing even for a moment, because the queue would fault.  The pages stay the same, so the driver
 * must not evict the queue.
 */
static void busy_replace(struct amd_userptr *up)
{
	struct amd_userptr_bo *bo = amd_userptr_tracked(up, BUSY_SIZE, 1);
	unsigned int caught = 0, copies = BUSY_COPIES;

	amd_kfd_smi_mark(&up->smi);
	for (unsigned int i = 0; another_round(i, caught); i++) {
		const uint32_t last = start_copies(up, bo, copies);

		igt_assert_eq(__amd_userptr_va(up, AMDGPU_VA_OP_REPLACE, bo->handle, bo->va, 0,
					       bo->size, AMD_USERPTR_RW),
			      0);
		if (!amd_kfd_queue_done(up->queue, last))
			caught++;
		else if (2 * copies <= BUSY_MOST_COPIES)
			copies *= 2;
		igt_assert_f(amd_userptr_done_or_faulted(up),
			     "GPU page fault in memory that was mapped again\n");
		amd_pattern_check(up->out.cpu, bo->size, 1, "the copy");
	}
	igt_assert_lte(BUSY_CAUGHT, caught);
	amd_userptr_expect_no_eviction(up);
}

/* Run this in a child, because the process pins itself to one CPU and does not undo that. */
static void busy_store(struct amd_userptr *up)
{
	igt_fork(child, 1) {
		unsigned int caught = 0, copies = BUSY_COPIES;
		struct amd_userptr_bo *bo;
		struct amd_userptr mine;
		bool reused;

		amd_userptr_stay_on_cpu();
		amd_userptr_open_in_child(&mine, up);
		amd_userptr_use_queue(&mine, up->queue->type);
		bo = amd_userptr_tracked(&mine, BUSY_SIZE, 1);
		for (unsigned int i = 0; another_round(i, caught) && caught < BUSY_CAUGHT; i++) {
			const bool in_time = drop_stored(&mine, bo, copies, &reused);

			caught += in_time && reused;
			if (!in_time && 2 * copies <= BUSY_MOST_COPIES)
				copies *= 2;
		}
		igt_assert_lte(BUSY_CAUGHT, caught);
		amd_userptr_roundtrip(&mine, bo, 4);
		amd_userptr_close(&mine);
	}
	igt_waitchildren_timeout(4 * AMD_USERPTR_WAIT_MS / 1000, "the child whose queue stores");
	amd_userptr_queue_alive(up);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * SECOND_NS + now.tv_nsec;
}

static void sleep_ns(uint64_t time)
{
	nanosleep(&(struct timespec){ .tv_sec = time / SECOND_NS, .tv_nsec = time % SECOND_NS },
		  NULL);
}

/*
 * Returns the length of a stage: the time of a restore divided by BUSY_ROUNDS.  A test that acts
 * one stage later in each round acts in every part of the restore, whatever the speed of the
 * machine.
 */
static uint64_t stage_ns(struct amd_userptr *up, struct amd_userptr_bo *bo)
{
	uint64_t shortest = UINT64_MAX;

	for (unsigned int i = 0; i < RESTORE_SAMPLES; i++) {
		const uint64_t begin = now_ns();
		uint64_t restore;

		amd_kfd_smi_mark(&up->smi);
		amd_userptr_dontneed(bo);
		amd_userptr_expect_evictions(up, 1);
		restore = now_ns() - begin;
		if (restore < shortest)
			shortest = restore;
	}
	return shortest / BUSY_ROUNDS;
}

/* Drop the pages again while the driver restores them, in each round a stage later. */
static void busy_dontneed_twice(struct amd_userptr *up)
{
	struct amd_userptr_bo *bo = amd_userptr_tracked(up, BUSY_SIZE, 1);
	const uint64_t stage = stage_ns(up, bo);
	unsigned int caught = 0;

	amd_kfd_smi_mark(&up->smi);
	for (unsigned int i = 0; another_round(i, caught); i++) {
		uint32_t last;
		bool evicted;

		amd_pattern_fill(bo->cpu, bo->size, 1 + i);
		last = start_copies(up, bo, BUSY_COPIES);
		amd_userptr_dontneed(bo);
		sleep_ns(i % BUSY_ROUNDS * stage);
		evicted = amd_userptr_queues_evicted(up);
		amd_userptr_dontneed(bo);
		caught += evicted && amd_userptr_queues_evicted(up);
		amd_kfd_queue_wait(up->queue, last, AMD_USERPTR_WAIT_MS);
		igt_assert(stored_or_new(up->out.cpu, bo->size, 1 + i));
	}
	igt_assert_lte(BUSY_CAUGHT, caught);
	amd_userptr_expect_evictions(up, 0);
	amd_userptr_roundtrip(up, bo, 2);
}

/*
 * Drop the memory twice, as busy_dontneed_twice() does, but while the queue stores to it.  The
 * second drop frees the pages that the first restore has found, and the kernel gives them to the
 * canary, too.  If a driver lets the queues run with these pages, their stores hit the canary.
 */
static bool drop_stored_twice(struct amd_userptr *mine, struct amd_userptr_bo *bo, uint64_t stage)
{
	uint32_t last = start_stores(mine, bo, BUSY_COPIES, 2), *canary;
	bool evicted;

	amd_userptr_dontneed(bo);
	sleep_ns(stage);
	evicted = amd_userptr_queues_evicted(mine);
	amd_userptr_dontneed(bo);
	evicted = evicted && amd_userptr_queues_evicted(mine);
	canary = amd_userptr_mmap(mine, AMD_USERPTR_FRESH_SIZE, 3);
	end_stores(mine, bo, last, canary);
	return evicted;
}

static void busy_store_twice(struct amd_userptr *up)
{
	igt_fork(child, 1) {
		struct amd_userptr_bo *bo;
		struct amd_userptr mine;
		unsigned int caught = 0;
		uint64_t stage;

		amd_userptr_stay_on_cpu();
		amd_userptr_open_in_child(&mine, up);
		bo = amd_userptr_tracked(&mine, BUSY_SIZE, 1);
		stage = stage_ns(&mine, bo);
		for (unsigned int i = 0; another_round(i, caught); i++)
			caught += drop_stored_twice(&mine, bo, i % BUSY_ROUNDS * stage);
		igt_assert_lte(BUSY_CAUGHT, caught);
		amd_userptr_roundtrip(&mine, bo, 4);
		amd_userptr_close(&mine);
	}
	igt_waitchildren_timeout(4 * AMD_USERPTR_WAIT_MS / 1000, "the child whose queue stores");
	amd_userptr_queue_alive(up);
}

/*
 * Submit work to an evicted idle queue at every stage of the restore.  KFD sends the SMI event of
 * the restore before it loads the queues, so every other round counts the stages from that event
 * on.
 */
static void submit_while_evicted(struct amd_userptr *up)
{
	struct amd_userptr_bo *bo = amd_userptr_tracked(up, BUSY_SIZE, 1);
	const uint64_t stage = stage_ns(up, bo);
	unsigned int caught = 0;

	amd_kfd_smi_mark(&up->smi);
	for (unsigned int i = 0; another_round(i, caught); i++) {
		amd_userptr_dontneed(bo);
		if (i % 2)
			amd_userptr_expect_evictions(up, i + 1);
		sleep_ns(i % BUSY_ROUNDS * stage);
		caught += amd_userptr_queues_evicted(up);
		amd_userptr_queue_alive(up);
		amd_userptr_expect_evictions(up, i + 1);
	}
	igt_assert_lte(BUSY_CAUGHT, caught);
	amd_userptr_roundtrip(up, bo, 2);
}

static void *drop_later(void *bo)
{
	/*
	 * This time is shorter than the queue's work, so a close that waits for the work still runs
	 * when the pages are dropped.
	 */
	const uint64_t later = 5 * SECOND_NS / 1000;
	const struct amd_userptr_bo *closing = bo;

	sleep_ns(later);
	return madvise(closing->cpu, closing->size, MADV_DONTNEED) ? closing->cpu : NULL;
}

/*
 * Close the BO while the queue works on it.  A thread drops the pages during the close, and the
 * test unmaps the memory afterwards.  A GPU page fault shows that the close did not wait for the
 * queue's work.
 */
static void close_busy(struct amd_userptr *mine, void *data)
{
	struct amd_userptr_bo *bo = amd_userptr_tracked(mine, BUSY_SIZE, 1);
	const struct amd_userptr_bo was = *bo;
	uint32_t event;
	pthread_t thread;
	void *failed;

	igt_assert_eq(__amd_kfd_fault_event_create(&mine->kfd, &event), 0);
	start_copies(mine, bo, BUSY_MOST_COPIES);
	igt_assert_eq(pthread_create(&thread, NULL, drop_later, (void *)&was), 0);
	amd_userptr_destroy(mine, bo);
	igt_assert_eq(pthread_join(thread, &failed), 0);
	igt_assert(!failed);
	amd_userptr_munmap(mine, was.cpu, was.size);
	amd_userptr_expect_fault(mine, event, was.va, was.size);
	igt_assert_eq(__amd_kfd_fault_event_destroy(&mine->kfd, event), 0);
}

/* Unmap without waiting until the page tables are up to date; 0 or -1. */
static int unmap_at_once(struct amd_userptr *mine, const struct amd_userptr_bo *bo)
{
	struct drm_amdgpu_gem_va unmap = {
		.handle = bo->handle,
		.operation = AMDGPU_VA_OP_UNMAP,
		.va_address = bo->va,
		.map_size = bo->size,
	};

	return drmIoctl(mine->fd, DRM_IOCTL_AMDGPU_GEM_VA, &unmap);
}

/*
 * Unmap without waiting until the page tables are up to date, then close.  The close has to wait
 * until the page tables are up to date, because the driver does not track the memory after the
 * close.  But the close must not wait for the queue's work: a GPU page fault shows that the queue
 * still had work when the close returned.
 */
static void close_unmapped(struct amd_userptr *mine, void *data)
{
	struct amd_userptr_bo *bo = amd_userptr_tracked(mine, BUSY_SIZE, 1);
	const struct amd_userptr_bo was = *bo;
	uint32_t event;

	igt_assert_eq(__amd_kfd_fault_event_create(&mine->kfd, &event), 0);
	start_copies(mine, bo, BUSY_MOST_COPIES);
	igt_assert_eq(unmap_at_once(mine, bo), 0);
	amd_userptr_destroy(mine, bo);
	amd_userptr_munmap(mine, was.cpu, was.size);
	amd_userptr_expect_fault(mine, event, was.va, was.size);
	igt_assert_eq(__amd_kfd_fault_event_destroy(&mine->kfd, event), 0);
}

/*
 * Close the BO while the queue stores to it, after an unmap if @data says so.  Then free the pages,
 * so that the kernel gives them to the canary, which no store may change.
 */
static void close_stored(struct amd_userptr *mine, void *data)
{
	const bool unmapped = *(const bool *)data;
	struct amd_userptr_bo *bo, was;
	uint32_t event, *canary;

	amd_userptr_stay_on_cpu();
	bo = amd_userptr_tracked(mine, BUSY_SIZE, 1);
	was = *bo;
	igt_assert_eq(__amd_kfd_fault_event_create(&mine->kfd, &event), 0);
	start_stores(mine, bo, BUSY_MOST_COPIES, 2);
	if (unmapped)
		igt_assert_eq(unmap_at_once(mine, bo), 0);
	amd_userptr_destroy(mine, bo);
	amd_userptr_munmap(mine, was.cpu, was.size);
	canary = amd_userptr_mmap(mine, AMD_USERPTR_FRESH_SIZE, 3);
	amd_userptr_done_or_faulted(mine);
	amd_pattern_check(canary, AMD_USERPTR_FRESH_SIZE, 3, "memory that has a freed page");
	amd_userptr_expect_fault(mine, event, was.va, was.size);
	igt_assert_eq(__amd_kfd_fault_event_destroy(&mine->kfd, event), 0);
}

static void busy_close(struct amd_userptr *up)
{
	amd_userptr_in_faulting_child(up, close_busy, NULL);
}

static void busy_close_unmapped(struct amd_userptr *up)
{
	amd_userptr_in_faulting_child(up, close_unmapped, NULL);
}

static void busy_close_store(struct amd_userptr *up)
{
	amd_userptr_in_faulting_child(up, close_stored, &(bool){ false });
}

static void busy_close_unmapped_store(struct amd_userptr *up)
{
	amd_userptr_in_faulting_child(up, close_stored, &(bool){ true });
}

/* If no change came for this time, the driver restores after the next change without a delay. */
#define QUIET_US      20000
/*
 * The number of rounds, and the number of rounds in which the notifier has to queue the worker.  On
 * a busy machine the kernel may change the memory in the quiet time, so the notifier need not queue
 * the worker in all rounds.  If the driver delays restores, the notifier queues the worker in no
 * round.
 */
#define PROMPT_ROUNDS 10
#define PROMPT_QUEUED 5

/*
 * A line of the trace begins with COMM-PID [CPU] FLAGS.  In an interrupt the third flag is one of
 * the letters below.  The interrupt of the timer queues a delayed worker, and the line of this
 * event has the PID of the task that the timer interrupted, so the PID alone does not show that
 * this task has queued the worker.
 */
static bool in_interrupt(const char *behind_pid)
{
	const char *flags = strstr(behind_pid, "] ");

	igt_assert(flags && strlen(flags) > 4);
	return strchr("shHzZ", flags[4]);
}

/*
 * Has this thread queued the restore worker?  Other processes, whose memory changes at the same
 * time, queue workers, too.
 */
static bool restore_is_queued(void)
{
	FILE *file = fopen(IGT_TRACEFS_INSTANCE "trace", "r");
	char line[512], task[16];
	bool queued = false;

	igt_assert(file);
	snprintf(task, sizeof(task), "-%d ", getpid());
	while (!queued && fgets(line, sizeof(line), file)) {
		const char *mine = strstr(line, task);

		queued = mine && strstr(line, "function=amdgpu_amdkfd_restore_userptr_worker") &&
			 !in_interrupt(mine);
	}
	fclose(file);
	return queued;
}

/*
 * After a quiet time the notifier itself queues the worker, and not a timer a millisecond later.
 * So the trace shows the queueing as soon as madvise() has returned.
 */
static void restored_at_once(struct amd_userptr *up)
{
	static const char *const events[] = { "workqueue/workqueue_queue_work" };
	struct amd_userptr_bo *bo = amd_userptr_tracked(up, AMD_USERPTR_SIZE, 1);
	unsigned int queued = 0;

	igt_require_f(igt_tracefs_on(events, ARRAY_LENGTH(events)),
		      "no tracefs at /sys/kernel/tracing, or not root\n");
	for (unsigned int i = 0; i < PROMPT_ROUNDS; i++) {
		usleep(QUIET_US);
		amd_pattern_fill(bo->cpu, bo->size, i);
		amd_kfd_smi_mark(&up->smi);
		igt_tracefs_clear();
		amd_userptr_dontneed(bo);
		queued += restore_is_queued();
		amd_userptr_expect_evictions(up, 1);
	}
	igt_tracefs_off();
	igt_info("the notifier queued %u of %u restores\n", queued, PROMPT_ROUNDS);
	igt_assert_f(queued >= PROMPT_QUEUED, "%u of %u restores began without a delay\n", queued,
		     PROMPT_ROUNDS);
	amd_userptr_gpu_check_zero(up, bo->va, bo->size);
}

const struct amd_userptr_subtest amd_userptr_busy_subtests[] = {
	{ .name = "busy-dontneed",
	  .run = busy_dontneed,
	  .sdma_too = true,
	  .describe = "The GPU does not use pages that are dropped in the middle of a copy." },
	{ .name = "busy-replace",
	  .run = busy_replace,
	  .sdma_too = true,
	  .describe =
		  "Memory that is mapped again at its address stays there for a running queue." },
	{ .name = "busy-store",
	  .run = busy_store,
	  .sdma_too = true,
	  .describe = "The GPU does not store to pages that are dropped in the middle of a copy." },
	{ .name = "busy-dontneed-twice",
	  .run = busy_dontneed_twice,
	  .sdma_too = true,
	  .describe = "The GPU does not use pages that are dropped again during the restore." },
	{ .name = "busy-store-twice",
	  .run = busy_store_twice,
	  .describe =
		  "The GPU does not store to pages that are dropped again during the restore." },
	{ .name = "submit-while-evicted",
	  .run = submit_while_evicted,
	  .sdma_too = true,
	  .describe =
		  "An evicted queue does new work after the restore, whenever the process rings the doorbell." },
	{ .name = "restored-at-once",
	  .run = restored_at_once,
	  .describe = "The restore of a single change begins without a delay." },
	{ .name = "busy-close",
	  .run = busy_close,
	  .describe = "A queue at work cannot reach the pages of a userptr that was closed." },
	{ .name = "busy-close-unmapped",
	  .run = busy_close_unmapped,
	  .describe =
		  "A queue at work cannot reach the pages of a userptr that was unmapped and closed without waiting." },
	{ .name = "busy-close-store",
	  .run = busy_close_store,
	  .describe = "A queue at work does not store to pages of a userptr that was closed." },
	{ .name = "busy-close-unmapped-store",
	  .run = busy_close_unmapped_store,
	  .describe =
		  "A queue at work does not store to pages of a userptr that was unmapped and closed without waiting." },
};
const unsigned int amd_userptr_num_busy_subtests = ARRAY_LENGTH(amd_userptr_busy_subtests);
