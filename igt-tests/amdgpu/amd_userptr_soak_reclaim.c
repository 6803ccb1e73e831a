// SPDX-License-Identifier: MIT
/*
 * Rounds of the soak in which pages become writable and clean, the GPU stores to them, and reclaim
 * takes them.  Stores of the GPU set no dirty bit in the CPU's page table, so the kernel has to
 * make such pages dirty; otherwise reclaim drops them, and the stores are lost.
 *
 * A page counts when the kernel shows that it was clean (/proc/kpageflags) and that reclaim took it
 * (the pagemap), and only the GPU has stored to it in between.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kernel-page-flags.h>
#include <sys/mman.h>

#include "igt.h"
#include "igt_os.h"

#include "lib/igt_procfs.h"
#include "lib/igt_reclaim.h"
#include "lib/igt_time.h"
#include "amd_userptr_soak.h"

/*
 * The most attempts to push a page out.  An attempt fails if a child or a batch for the LRU lists
 * holds a reference to the page, but both do so for a short time only.
 */
#define MAX_PUSHES 4
/* How long the disk may take to read or write some pages. */
#define DISK_MS	   igt_patience(10000)

/* The value of include/uapi/asm-generic/mman-common.h, which some libcs lack. */
enum { MADV_POPULATE_READ_ = 22 };

/* Bits of an entry of /proc/self/pagemap (Documentation/admin-guide/mm/pagemap.rst). */
#define PAGEMAP_FRAME	((1ull << 55) - 1)
#define PAGEMAP_PRESENT (1ull << 63)

/* One round: the pages [first, first + count) of an area. */
struct round {
	struct soak_area *area;
	enum soak_clean kind;
	unsigned int first, count;
	char *addr;
	size_t size;
	bool apart;		    /* there is no userptr while the round makes the pages clean */
	unsigned int stored;	    /* the GPU stores to the first @stored pages of the round */
	bool clean[SOAK_MAX_PAGES]; /* the page was clean before the GPU's store */
	unsigned int generation[SOAK_MAX_PAGES]; /* the generation that the GPU has stored */
	bool taken[SOAK_MAX_PAGES];		 /* reclaim took the page after the store */
};

static struct amd_stamp *stamp_of(const struct round *round, unsigned int i)
{
	return &round->area->stamps[round->first + i];
}

static char *page_of(const struct round *round, unsigned int i)
{
	return soak_area_page(round->area, round->first + i);
}

/* ---- ways to become clean ---- */

static int advise(const struct round *round, int advice)
{
	return madvise(round->addr, round->size, advice) ? -errno : 0;
}

static void read_all(const struct round *round)
{
	for (unsigned int i = 0; i < round->count; i++)
		(void)*(volatile char *)page_of(round, i);
}

/* Does the page have all flags in @set and none in @unset?  Both are masks of KPF_* bits. */
static bool has_flags(const struct soak_thread *thread, const char *page, uint64_t set,
		      uint64_t unset)
{
	const uint64_t frame = __igt_procfs_pfn(thread->pagemap, page);
	uint64_t flags;

	if (!frame || pread(thread->soak->kpageflags, &flags, sizeof(flags),
			    frame * sizeof(flags)) != sizeof(flags))
		return false;
	return (flags & set) == set && !(flags & unset);
}

static bool look_for_flags(const struct soak_thread *thread, struct round *round, uint64_t set,
			   uint64_t unset)
{
	bool all = true;

	for (unsigned int i = 0; i < round->count; i++) {
		round->clean[i] = has_flags(thread, page_of(round, i), set, unset);
		all &= round->clean[i];
	}
	return all;
}

/*
 * Give pages back by MADV_FREE.  Give back a huge page as a whole, so that the kernel does not
 * split it.
 */
static int make_freed(struct soak_thread *thread, struct round *round)
{
	struct soak_area *area = round->area;
	const bool whole = area->backing->huge && !area->split;
	const unsigned int first = whole ? 0 : round->first;
	const size_t size = whole ? area->size : round->size;

	for (unsigned int i = 0; i < size / getpagesize(); i++)
		amd_stamp_free(&area->stamps[first + i]);
	if (madvise(soak_area_page(area, first), size, MADV_FREE))
		return -errno;
	area->split = !whole;
	/*
	 * MADV_FREE puts pages into a batch (mm/swap.c:folio_mark_lazyfree()).  Their flags change
	 * only when the kernel drains the batch.
	 */
	__igt_reclaim_drain_batches();
	look_for_flags(thread, round, 1ull << KPF_ANON, 1ull << KPF_SWAPBACKED);
	return 0;
}

static int make_freed_cold(struct soak_thread *thread, struct round *round)
{
	const int ret = make_freed(thread, round);

	return ret ? ret : advise(round, MADV_COLD);
}

/*
 * Let reclaim drop pages after MADV_FREE.  Reclaim may drop only some of them, because the
 * restore worker may find a page first and make it dirty.
 */
static int make_dropped(struct soak_thread *thread, struct round *round)
{
	unsigned int before[SOAK_MAX_PAGES];
	int ret = make_freed(thread, round);

	for (unsigned int i = 0; i < round->count; i++)
		before[i] = stamp_of(round, i)->finished;
	if (!ret)
		ret = advise(round, MADV_PAGEOUT);
	if (ret)
		return ret;
	round->area->split = true;
	soak_settle(thread, round->area, round->first, round->count);
	for (unsigned int i = 0; i < round->count; i++)
		round->clean[i] = stamp_of(round, i)->finished != before[i];
	return 0;
}

static int punch(const struct round *round)
{
	if (round->area->memfd < 0)
		return advise(round, MADV_REMOVE);
	return fallocate(round->area->memfd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			 round->addr - round->area->cpu, round->size)
		       ? -errno
		       : 0;
}

/*
 * Punch the pages out of the file, then get new ones: by @advice, or, if @advice is 0, by loads of
 * the CPU.
 */
static int make_new(struct soak_thread *thread, struct round *round, int advice)
{
	int ret;

	for (unsigned int i = 0; i < round->count; i++)
		amd_stamp_free(stamp_of(round, i));
	ret = punch(round);
	if (!ret && advice)
		ret = advise(round, advice);
	if (ret)
		return ret;
	read_all(round);
	for (unsigned int i = 0; i < round->count; i++)
		amd_stamp_drop(stamp_of(round, i));
	look_for_flags(thread, round, 1ull << KPF_MMAP, 1ull << KPF_DIRTY);
	return 0;
}

static int make_read(struct soak_thread *thread, struct round *round)
{
	return make_new(thread, round, 0);
}

static int make_read_cold(struct soak_thread *thread, struct round *round)
{
	const int ret = make_new(thread, round, 0);

	return ret ? ret : advise(round, MADV_COLD);
}

static int make_populated(struct soak_thread *thread, struct round *round)
{
	return make_new(thread, round, MADV_POPULATE_READ_);
}

/*
 * Page out to a disk and read back.  A page that the kernel still writes to the disk comes back
 * from the swap cache, and becomes clean only when the write is done.  So repeat both until all
 * pages are clean.
 */
static int make_swapped(struct soak_thread *thread, struct round *round)
{
	const uint64_t deadline = igt_now_ms() + DISK_MS;
	int ret;

	do {
		ret = advise(round, MADV_PAGEOUT);
		read_all(round);
		if (ret || look_for_flags(thread, round, 1ull << KPF_SWAPCACHE,
					  1ull << KPF_DIRTY | 1ull << KPF_WRITEBACK))
			break;
		__igt_reclaim_drain_batches();
	} while (igt_now_ms() < deadline && !soak_ended(thread->soak));
	return ret;
}

static const struct {
	const char *name;
	int (*make)(struct soak_thread *thread, struct round *round);
	bool disk;  /* a disk has to be the first swap device */
	bool apart; /* works only without a userptr, because the worker would bring pages back */
} kinds[SOAK_NUM_CLEAN] = {
	[SOAK_CLEAN_FREED] = { "MADV_FREE", make_freed },
	[SOAK_CLEAN_FREED_COLD] = { "MADV_FREE, COLD", make_freed_cold },
	[SOAK_CLEAN_DROPPED] = { "MADV_FREE, dropped", make_dropped },
	[SOAK_CLEAN_READ] = { "shared, only read", make_read },
	[SOAK_CLEAN_READ_COLD] = { "shared, read, COLD", make_read_cold },
	[SOAK_CLEAN_POPULATED] = { "shared, populated", make_populated },
	[SOAK_CLEAN_SWAPPED] = { "read from a swap disk", make_swapped, .disk = true,
				 .apart = true },
};

const char *soak_clean_name(enum soak_clean clean)
{
	return kinds[clean].name;
}

void soak_find_clean(struct soak *soak)
{
	const bool can = soak->kpageflags >= 0 && igt_get_total_swap_mb();

	for (unsigned int i = 0; i < SOAK_NUM_CLEAN; i++)
		soak->can_clean[i] = can && !(kinds[i].disk && igt_reclaim_swap_to_disk());
	igt_reclaim_swap_as_before();
}

/* ---- the swap device to which pages go ---- */

/*
 * Make a disk the first swap device if @disk, and keep the order of devices until let_go_of_swap().
 */
static int hold_swap(struct soak *soak, bool disk)
{
	const char *reason = NULL;

	pthread_rwlock_rdlock(&soak->swap);
	while (disk && !soak->on_disk && !reason) {
		pthread_rwlock_unlock(&soak->swap);
		pthread_rwlock_wrlock(&soak->swap);
		if (!soak->on_disk)
			reason = igt_reclaim_swap_to_disk();
		soak->on_disk = !reason;
		pthread_rwlock_unlock(&soak->swap);
		pthread_rwlock_rdlock(&soak->swap);
	}
	return reason ? soak_fail(soak, -ENODEV, "%s", reason) : 0;
}

/* End hold_swap().  In half of the cases switch zram on again, so that later pages go there. */
static void let_go_of_swap(struct soak_thread *thread)
{
	struct soak *soak = thread->soak;
	const bool back = soak->on_disk && soak_pick(thread, 2);

	pthread_rwlock_unlock(&soak->swap);
	if (!back || pthread_rwlock_trywrlock(&soak->swap))
		return;
	igt_reclaim_swap_as_before();
	soak->on_disk = false;
	pthread_rwlock_unlock(&soak->swap);
}

/* ---- a round ---- */

void soak_settle(struct soak_thread *thread, struct soak_area *area, unsigned int first,
		 unsigned int count)
{
	for (unsigned int page = first; page < first + count; page++) {
		const volatile uint64_t *words = (const void *)soak_area_page(area, page);
		struct amd_stamp *stamp = &area->stamps[page];
		size_t i = 0, num = getpagesize() / sizeof(*words);

		if (!amd_stamp_is_free(stamp))
			continue;
		while (i < num && words[i])
			i++;
		if (i == num)
			continue;
		amd_stamp_drop(stamp);
		soak_count_page(thread, area, page, stamp->finished, (const void *)words,
				"dropped");
	}
}

/*
 * Make the pages of a round clean.  If the round is apart, destroy the userptr first, so that only
 * the CPU brings pages back.  Otherwise the restore worker may find the pages and make them dirty
 * at any time.
 */
static int make_clean(struct soak_thread *thread, struct round *round)
{
	struct soak_area *area = round->area;
	int ret = round->apart ? soak_area_destroy_bo(area, &thread->up) : 0;

	if (!ret)
		ret = hold_swap(thread->soak, kinds[round->kind].disk);
	if (ret)
		return ret;
	ret = kinds[round->kind].make(thread, round);
	let_go_of_swap(thread);
	if (!ret && round->apart)
		ret = soak_area_create_bo(area, thread->up.fd);
	if (!ret && round->apart)
		ret = soak_area_map_bo(area, &thread->up);
	return ret;
}

static int clean_and_store(struct soak_thread *thread, struct round *round)
{
	int ret = make_clean(thread, round);

	if (!ret)
		ret = soak_gpu_write(thread, round->area, round->first, round->stored);
	for (unsigned int i = 0; i < round->stored; i++)
		round->generation[i] = stamp_of(round, i)->finished;
	return ret;
}

static int read_pagemap(const struct soak_thread *thread, const struct round *round,
			uint64_t *entries)
{
	const size_t size = round->count * sizeof(*entries);
	const off_t at = (uintptr_t)round->addr / getpagesize() * sizeof(*entries);

	return pread(thread->pagemap, entries, size, at) == (ssize_t)size ? 0 : -EIO;
}

/* Has reclaim taken the page?  Then it has gone, or the worker has brought it back elsewhere. */
static bool is_taken(uint64_t before, uint64_t after)
{
	return (before & PAGEMAP_PRESENT) &&
	       (!(after & PAGEMAP_PRESENT) || (before & PAGEMAP_FRAME) != (after & PAGEMAP_FRAME));
}

static int push(struct soak_thread *thread, struct round *round)
{
	uint64_t before[SOAK_MAX_PAGES], after[SOAK_MAX_PAGES];
	unsigned int left = round->count;
	int ret = 0;

	round->area->split = true;
	for (unsigned int i = 0; i < MAX_PUSHES && !ret && left; i++) {
		if (i)
			__igt_reclaim_drain_batches();
		ret = read_pagemap(thread, round, before);
		if (!ret)
			ret = advise(round, MADV_PAGEOUT);
		if (!ret)
			ret = read_pagemap(thread, round, after);
		left = 0;
		for (unsigned int page = 0; page < round->count && !ret; page++) {
			round->taken[page] |= is_taken(before[page], after[page]);
			left += !round->taken[page];
		}
	}
	return ret;
}

static void cpu_read(struct soak_thread *thread, const struct round *round)
{
	for (unsigned int i = 0; i < round->count; i++)
		soak_count_page(thread, round->area, round->first + i, stamp_of(round, i)->finished,
				page_of(round, i), "seen by the CPU after reclaim");
}

static void count_taken(struct soak_thread *thread, const struct round *round)
{
	for (unsigned int i = 0; i < round->stored; i++) {
		const unsigned int generation = round->generation[i];

		if (round->clean[i] && round->taken[i] &&
		    stamp_of(round, i)->finished == generation &&
		    round->area->by_gpu[round->first + i] == generation)
			thread->soak->reclaimed[round->kind]++;
	}
}

/*
 * Let reclaim take the pages, then let CPU and GPU compare the pages that come back.  Other threads
 * cannot move pages, because this thread holds the area's lock; only the restore worker may bring a
 * page back.
 */
static int take_and_compare(struct soak_thread *thread, struct round *round)
{
	struct soak_area *area = round->area;
	const bool cpu_first = soak_pick(thread, 2);
	int ret = push(thread, round);

	count_taken(thread, round);
	if (cpu_first)
		cpu_read(thread, round);
	if (!ret)
		ret = soak_gpu_read(thread, area, round->first, round->count);
	if (!cpu_first)
		cpu_read(thread, round);
	soak_settle(thread, area, round->first, round->count);
	return ret;
}

static bool pick_round(struct soak_thread *thread, struct round *round)
{
	struct soak_area *area;

	round->kind = soak_pick(thread, SOAK_NUM_CLEAN);
	if (!thread->soak->can_clean[round->kind])
		return false;
	do {
		area = &thread->soak->areas[soak_pick(thread, SOAK_NUM_AREAS)];
	} while (!(area->backing->cleans & 1u << round->kind));
	round->area = area;
	round->first = soak_pick_pages(thread, area, &round->count);
	round->apart = kinds[round->kind].apart || soak_pick(thread, 2);
	round->stored = 1 + soak_pick(thread, round->count);
	round->addr = page_of(round, 0);
	round->size = (size_t)round->count * getpagesize();
	return true;
}

static void lock(struct soak_area *area, bool alone)
{
	if (alone)
		pthread_rwlock_wrlock(&area->shape);
	else
		pthread_rwlock_rdlock(&area->shape);
	pthread_mutex_lock(&area->content);
}

static void unlock(struct soak_area *area)
{
	pthread_mutex_unlock(&area->content);
	pthread_rwlock_unlock(&area->shape);
}

int soak_reclaim(struct soak_thread *thread)
{
	struct round round = { 0 };
	int ret;

	if (!pick_round(thread, &round))
		return 0;
	lock(round.area, round.apart);
	ret = clean_and_store(thread, &round);
	if (!round.apart) {
		/*
		 * Let events of other threads come between the GPU's store and the reclaim.  Pages
		 * that these events change do not count.
		 */
		unlock(round.area);
		lock(round.area, true);
	}
	if (!ret)
		ret = take_and_compare(thread, &round);
	unlock(round.area);
	return ret ? soak_fail(thread->soak, ret, "reclaim of %s (%s)", round.area->backing->name,
			       kinds[round.kind].name)
		   : 0;
}
