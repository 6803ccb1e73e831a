/* SPDX-License-Identifier: MIT */
/*
 * Numbers, page frames and states from /proc.  Functions that begin with two underscores assert
 * nothing; none allocates or maps memory, so they may run while another thread holds mmap_lock.
 */
#ifndef IGT_PROCFS_H
#define IGT_PROCFS_H

#include <stdint.h>

/* The number after @word, at the start of a line of a file in /proc or /sys; 0 without. */
unsigned long long igt_procfs_number(const char *path, const char *word);

/* Physical page behind an address, 0 when not present.  Needs CAP_SYS_ADMIN. */
uint64_t igt_procfs_pfn(const void *addr);
/* The same by an open /proc/self/pagemap; also 0 when that cannot be read. */
uint64_t __igt_procfs_pfn(int pagemap, const void *addr);

/* Of the mapping that @addr is in, by /proc/self/smaps, in KiB. */
struct igt_procfs_smaps {
	unsigned long long rss;
	unsigned long long dirty;	/* in the page table, or the page itself */
	unsigned long long lazyfree;	/* reclaim may drop it: MADV_FREE */
	unsigned long long huge;	/* mapped as huge pages, of any kind */
};

int __igt_procfs_smaps(const void *addr, struct igt_procfs_smaps *smaps);

/* How many of the pages are a copy of what swap space has: /proc/kpageflags, root. */
int __igt_procfs_pages_in_swap_cache(void *cpu, size_t size);

/* The letter of a thread's state in its open /proc/.../stat, 0 when there is none. */
char igt_procfs_task_state(int stat);

#endif
