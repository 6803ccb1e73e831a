// SPDX-License-Identifier: MIT
/* The soak's copiers: each is a thread that lets a queue of its own copy from and to the areas. */
#include <errno.h>

#include "igt.h"

#include "lib/igt_time.h"
#include "amd_userptr_soak.h"

/* How long a copy may take; long, because events evict the queues again and again meanwhile. */
#define COPY_DEADLINE_MS igt_patience(60000)
/* A thread that waits for a copy looks this often whether the test has failed. */
#define SLICE_MS	 100
/* On average one in WRITE_EVERY copies stores to a writable area, and the others read it. */
#define WRITE_EVERY	 3
/* On average a thread makes a round of soak_reclaim() once in RECLAIM_EVERY copies. */
#define RECLAIM_EVERY	 8
/* All bytes of the staging memory before a copy; no word of amd_stamp consists of such bytes. */
#define POISON		 0xa5

static const char *const queue_names[] = {
	[AMD_KFD_QUEUE_PM4] = "PM4",
	[AMD_KFD_QUEUE_SDMA] = "SDMA",
	[AMD_KFD_QUEUE_AQL] = "AQL",
};

int soak_copier_open(struct soak_thread *thread)
{
	struct amd_kfd *kfd = &thread->soak->up->kfd;
	int ret =
		__amd_kfd_alloc_gtt(kfd, (uint64_t)SOAK_MAX_PAGES * getpagesize(), &thread->stage);

	if (!ret)
		ret = __amd_kfd_queue_create(kfd, thread->type, &thread->queue);
	if (ret)
		thread->queue.kfd = NULL;
	return ret ? soak_fail(thread->soak, ret, "%s queue", queue_names[thread->type]) : 0;
}

void soak_copier_close(struct soak_thread *thread)
{
	int ret = thread->queue.kfd ? __amd_kfd_queue_destroy(&thread->queue) : 0;

	if (ret)
		soak_fail(thread->soak, ret, "destroy the %s queue", queue_names[thread->type]);
	ret = __amd_kfd_free(&thread->soak->up->kfd, &thread->stage);
	if (ret)
		soak_fail(thread->soak, ret, "free staging memory");
}

static int copy(struct soak_thread *thread, uint64_t dst, uint64_t src, size_t size)
{
	const uint64_t deadline = igt_now_ms() + COPY_DEADLINE_MS;
	uint32_t seqno;
	int ret;

	amd_kfd_queue_copy(&thread->queue, dst, src, size);
	seqno = amd_kfd_queue_submit(&thread->queue);
	do {
		ret = __amd_kfd_queue_wait(&thread->queue, seqno, SLICE_MS);
	} while (ret == -ETIME && !thread->soak->failed && igt_now_ms() < deadline);
	return ret ? soak_fail(thread->soak, ret, "copy by the %s queue", queue_names[thread->type])
		   : 0;
}

void soak_count_page(struct soak_thread *thread, const struct soak_area *area, unsigned int page,
		     unsigned int oldest, const void *data, const char *who)
{
	struct amd_stamp *stamp = &area->stamps[page];
	uint64_t wrong = amd_stamp_check(stamp, oldest, data, getpagesize());

	thread->soak->checked += getpagesize();
	if (!wrong)
		return;
	thread->soak->wrong += wrong;
	soak_fail(thread->soak, -EIO,
		  "%s, %s queue: %s, page %u: %llu wrong bytes, first word %#llx, "
		  "generations %u to %u",
		  who, queue_names[thread->type], area->backing->name, page,
		  (unsigned long long)wrong, (unsigned long long)*(const uint64_t *)data, oldest,
		  stamp->started);
}

int soak_gpu_read(struct soak_thread *thread, struct soak_area *area, unsigned int first,
		  unsigned int count)
{
	const size_t page_size = getpagesize();
	unsigned int oldest[SOAK_MAX_PAGES];
	const char *data = thread->stage.cpu;
	int ret;

	for (unsigned int i = 0; i < count; i++)
		oldest[i] = area->stamps[first + i].finished;
	memset(thread->stage.cpu, POISON, count * page_size);
	ret = copy(thread, thread->stage.va, area->bo.va + first * page_size, count * page_size);
	if (ret)
		return ret;
	for (unsigned int i = 0; i < count; i++)
		soak_count_page(thread, area, first + i, oldest[i], data + i * page_size,
				"read by the GPU");
	thread->soak->reads++;
	return 0;
}

/*
 * Other threads cannot change the content, because the caller holds @content.  They may still move
 * the content to other pages.
 */
int soak_gpu_write(struct soak_thread *thread, struct soak_area *area, unsigned int first,
		   unsigned int count)
{
	const size_t page_size = getpagesize();
	char *data = thread->stage.cpu;
	int ret;

	for (unsigned int i = 0; i < count; i++) {
		struct amd_stamp *stamp = &area->stamps[first + i];

		stamp->started++;
		amd_stamp_fill(stamp, data + i * page_size, page_size, stamp->started);
	}
	ret = copy(thread, area->bo.va + first * page_size, thread->stage.va, count * page_size);
	if (ret)
		return ret;
	for (unsigned int i = 0; i < count; i++) {
		struct amd_stamp *stamp = &area->stamps[first + i];

		stamp->finished = stamp->started;
		area->by_gpu[first + i] = stamp->finished;
		soak_count_page(thread, area, first + i, stamp->finished,
				soak_area_page(area, first + i), "written by the GPU");
	}
	thread->soak->writes++;
	return 0;
}

static int copy_something(struct soak_thread *thread)
{
	struct soak_area *area = &thread->soak->areas[soak_pick(thread, SOAK_NUM_AREAS)];
	const bool writable = !(area->backing->flags & AMDGPU_GEM_USERPTR_READONLY);
	unsigned int count, first = soak_pick_pages(thread, area, &count);
	int ret;

	pthread_rwlock_rdlock(&area->shape);
	if (writable && !soak_pick(thread, WRITE_EVERY)) {
		pthread_mutex_lock(&area->content);
		ret = soak_gpu_write(thread, area, first, count);
		pthread_mutex_unlock(&area->content);
	} else {
		ret = soak_gpu_read(thread, area, first, count);
	}
	pthread_rwlock_unlock(&area->shape);
	return ret;
}

void *soak_copy(void *arg)
{
	struct soak_thread *thread = arg;

	int ret = 0;

	while (!ret && !soak_ended(thread->soak))
		ret = soak_pick(thread, RECLAIM_EVERY) ? copy_something(thread)
						       : soak_reclaim(thread);
	return NULL;
}

int soak_check_area(struct soak_thread *thread, struct soak_area *area)
{
	const unsigned int pages = area->size / getpagesize();
	int ret = 0;

	for (unsigned int first = 0; first < pages && !ret; first += SOAK_MAX_PAGES) {
		unsigned int left = pages - first;

		ret = soak_gpu_read(thread, area, first,
				    left < SOAK_MAX_PAGES ? left : SOAK_MAX_PAGES);
	}
	soak_settle(thread, area, 0, pages);
	for (unsigned int page = 0; page < pages; page++)
		soak_count_page(thread, area, page, area->stamps[page].finished,
				soak_area_page(area, page), "seen by the CPU at the end");
	return ret;
}
