// SPDX-License-Identifier: MIT
/*
 * Pages go while the queue has work on them that it has not finished: nothing may
 * touch the old pages, and the work is done on the new ones.
 *
 * Whether anything touched them is for a GPU with a page oracle to say (the
 * simulated one, or an IOMMU); what can be asserted here is that the queue was
 * stopped in the middle of its work, went on, and sees the right pages.
 */
#include <pthread.h>
#include <sys/mman.h>

#include "igt.h"

#include "lib/amdgpu/amd_userptr_fault.h"

#include "amd_userptr_hsa.h"

#define BUSY_SIZE	((size_t)1 << 20)
/* Enough copies of all of a BO for the next event to come before their end, and for a close. */
#define BUSY_COPIES	16
#define BUSY_CLOSE_COPIES 1000
#define BUSY_ROUNDS	25
#define BUSY_CAUGHT	5

/* From round to round the second event of a round comes so much later after the first. */
#define STAGE_NS	500000

/* @copies of all of @bo have begun when this returns; the last one's sequence number. */
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

static void busy_dontneed(struct amd_userptr *up)
{
	struct amd_userptr_bo *bo = amd_userptr_tracked(up, BUSY_SIZE, 1);
	unsigned int caught = 0;

	amd_kfd_smi_mark(&up->smi);
	for (unsigned int i = 0; i < BUSY_ROUNDS && caught < BUSY_CAUGHT; i++) {
		uint32_t last = start_copies(up, bo, BUSY_COPIES);

		amd_userptr_dontneed(bo);
		caught += !amd_kfd_queue_done(up->queue, last);
		amd_kfd_queue_wait(up->queue, last, AMD_USERPTR_WAIT_MS);
	}
	igt_assert_lte(BUSY_CAUGHT, caught);
	amd_userptr_expect_stops(up, 0);
	amd_userptr_roundtrip(up, bo, 2);
}

/* The second time falls into every stage of the restore. */
static void busy_dontneed_twice(struct amd_userptr *up)
{
	struct amd_userptr_bo *bo = amd_userptr_tracked(up, BUSY_SIZE, 1);
	unsigned int caught = 0;

	amd_kfd_smi_mark(&up->smi);
	for (unsigned int i = 0; i < BUSY_ROUNDS; i++) {
		const struct timespec later = { .tv_nsec = (long)i * STAGE_NS };
		uint32_t last = start_copies(up, bo, BUSY_COPIES);
		bool stopped;

		amd_userptr_dontneed(bo);
		nanosleep(&later, NULL);
		stopped = amd_userptr_stopped(up);
		amd_userptr_dontneed(bo);
		caught += stopped && amd_userptr_stopped(up);
		amd_kfd_queue_wait(up->queue, last, AMD_USERPTR_WAIT_MS);
	}
	igt_assert_lte(BUSY_CAUGHT, caught);
	amd_userptr_expect_stops(up, 0);
	amd_userptr_roundtrip(up, bo, 2);
}

/* An idle queue is stopped, and gets work at every stage of the restore. */
static void submit_while_stopped(struct amd_userptr *up)
{
	struct amd_userptr_bo *bo = amd_userptr_tracked(up, BUSY_SIZE, 1);
	unsigned int caught = 0;

	amd_kfd_smi_mark(&up->smi);
	for (unsigned int i = 0; i < BUSY_ROUNDS; i++) {
		const struct timespec later = { .tv_nsec = (long)i * STAGE_NS };

		amd_userptr_dontneed(bo);
		nanosleep(&later, NULL);
		caught += amd_userptr_stopped(up);
		amd_userptr_queue_alive(up);
		amd_userptr_expect_stops(up, i + 1);
	}
	igt_assert_lte(BUSY_CAUGHT, caught);
	amd_userptr_roundtrip(up, bo, 2);
}

static void *drop_later(void *bo)
{
	/* A close that has to wait for the GPU is under way for longer. */
	const struct timespec later = { .tv_nsec = 5000000 };
	const struct amd_userptr_bo *closing = bo;

	nanosleep(&later, NULL);
	return madvise(closing->cpu, closing->size, MADV_DONTNEED) ? closing->cpu : NULL;
}

/* Other pages than those that were there when the close began, then none at all. */
static void close_busy(struct amd_userptr *mine, void *data)
{
	struct amd_userptr_bo *bo = amd_userptr_tracked(mine, BUSY_SIZE, 1);
	const struct amd_userptr_bo was = *bo;
	uint32_t event, last;
	pthread_t thread;
	void *failed;

	igt_assert_eq(__amd_kfd_fault_event_create(&mine->kfd, &event), 0);
	last = start_copies(mine, bo, BUSY_CLOSE_COPIES);
	igt_assert_eq(pthread_create(&thread, NULL, drop_later, (void *)&was), 0);
	amd_userptr_destroy(mine, bo);
	igt_assert(!amd_kfd_queue_done(mine->queue, last));
	igt_assert_eq(pthread_join(thread, &failed), 0);
	igt_assert(!failed);
	amd_userptr_munmap(mine, was.cpu, was.size);
	amd_userptr_expect_fault(mine, event, was.va, was.size);
	igt_assert(!amd_kfd_queue_done(mine->queue, last));
	igt_assert_eq(__amd_kfd_fault_event_destroy(&mine->kfd, event), 0);
}

static void busy_close(struct amd_userptr *up)
{
	amd_userptr_in_faulting_child(up, close_busy, NULL);
}

const struct amd_userptr_subtest amd_userptr_busy_subtests[] = {
	{ .name = "busy-dontneed", .run = busy_dontneed, .sdma_too = true,
	  .describe = "Pages dropped in the middle of a copy are not used any more." },
	{ .name = "busy-dontneed-twice", .run = busy_dontneed_twice, .sdma_too = true,
	  .describe = "Nor are those that the restore found and that were dropped again." },
	{ .name = "submit-while-stopped", .run = submit_while_stopped, .sdma_too = true,
	  .describe = "Work that a stopped queue gets is done, whenever the doorbell rings." },
	{ .name = "busy-close", .run = busy_close,
	  .describe = "Once a userptr is closed its pages are safe from a queue at work." },
};
const unsigned int amd_userptr_num_busy_subtests = ARRAY_LENGTH(amd_userptr_busy_subtests);
