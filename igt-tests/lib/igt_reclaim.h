/* SPDX-License-Identifier: MIT */
/*
 * What the kernel knows of single pages, and taking them out of memory: reclaim
 * asks whether a page is dirty, which the CPU's page table says of the CPU's
 * stores.  Nothing here maps or allocates, so that it may run while the restore
 * worker holds mmap_lock for reading.
 */
#ifndef IGT_RECLAIM_H
#define IGT_RECLAIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * How many of the pages of [cpu, cpu + size) are in memory: mapped, or in the
 * page cache or the swap cache (mincore(2)); or -errno.
 */
int __igt_reclaim_pages_in(void *cpu, size_t size);

/*
 * Push until none of the pages is in memory: -ETIME when that takes too long.
 * @push is called again and again; what it returns, if not 0, ends it.
 */
int __igt_reclaim_push_out(void *cpu, size_t size, int (*push)(void *data), void *data);
/* The same by MADV_PAGEOUT. */
int __igt_reclaim_pageout_all(void *cpu, size_t size);
/* MADV_PAGEOUT until at least one of them has gone, though it may be back already. */
int __igt_reclaim_pageout(void *cpu, size_t size);

/* Put what waits in the CPUs' batches for the LRU lists where reclaim sees it. */
void __igt_reclaim_drain_batches(void);

/*
 * Swap to a disk, not to zram, which takes a page's place back as soon as it was
 * read: NULL, or why there is none.  Until igt_reclaim_swap_as_before().
 */
const char *igt_reclaim_swap_to_disk(void);
void igt_reclaim_swap_as_before(void);

#endif
