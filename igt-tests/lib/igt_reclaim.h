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
int __amd_userptr_pages_in(void *cpu, size_t size);

/*
 * Push until none of the pages is in memory: -ETIME when that takes too long.
 * @push is called again and again; what it returns, if not 0, ends it.
 */
int __amd_userptr_push_out(void *cpu, size_t size, int (*push)(void *data), void *data);
/* The same by MADV_PAGEOUT. */
int __amd_userptr_pageout_all(void *cpu, size_t size);
/* MADV_PAGEOUT until at least one of them has gone, though it may be back already. */
int __amd_userptr_pageout(void *cpu, size_t size);

/* Put what waits in the CPUs' batches for the LRU lists where reclaim sees it. */
void __amd_userptr_drain_batches(void);

/* Of the mapping that @addr is in, by /proc/self/smaps, in KiB. */
struct amd_userptr_smaps {
	unsigned long long rss;
	unsigned long long dirty;	/* in the page table, or the page itself */
	unsigned long long lazyfree;	/* reclaim may drop it: MADV_FREE */
	unsigned long long huge;	/* mapped as huge pages, of any kind */
};

int __amd_userptr_smaps(const void *addr, struct amd_userptr_smaps *smaps);

/* How many of the pages are a copy of what swap space has: /proc/kpageflags, root. */
int __amd_userptr_pages_in_swap_cache(void *cpu, size_t size);

/*
 * Swap to a disk, not to zram, which takes a page's place back as soon as it was
 * read: NULL, or why there is none.  Until amd_userptr_swap_as_before().
 */
const char *amd_userptr_swap_to_disk(void);
void amd_userptr_swap_as_before(void);

#endif
