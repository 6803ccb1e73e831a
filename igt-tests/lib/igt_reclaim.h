/* SPDX-License-Identifier: MIT */
/*
 * Reclaim: take single pages out of memory, and choose the swap device that they go to.  Functions
 * that begin with __ map and allocate nothing, so they may run while another thread holds mmap_lock
 * for reading.
 */
#ifndef IGT_RECLAIM_H
#define IGT_RECLAIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Returns how many of the pages of [cpu, cpu + size) are in memory (mapped, or in the page cache or
 * the swap cache; mincore(2)), or -errno.
 */
int __igt_reclaim_pages_in(void *cpu, size_t size);

/*
 * Call @push again and again until none of the pages is in memory; -ETIME when that takes too long.
 * When @push returns an error, return that error.
 */
int __igt_reclaim_push_out(void *cpu, size_t size, int (*push)(void *data), void *data);
/* Call madvise(MADV_PAGEOUT) until none of the pages is in memory. */
int __igt_reclaim_pageout_all(void *cpu, size_t size);
/*
 * Call madvise(MADV_PAGEOUT) until reclaim took at least one page, which may be in memory again
 * already.
 */
int __igt_reclaim_pageout(void *cpu, size_t size);

/*
 * Move pages from the CPUs' batches to the LRU lists, because reclaim does not see pages in
 * batches.
 */
void __igt_reclaim_drain_batches(void);

/*
 * Let the kernel swap to a disk only, until igt_reclaim_swap_as_before(). Returns NULL, or the
 * reason why that is impossible. Tests want a disk when they need clean pages: the kernel frees
 * zram's copy of a page at the first read, so pages that come back from zram are never clean.
 */
const char *igt_reclaim_swap_to_disk(void);
void igt_reclaim_swap_as_before(void);

#endif
