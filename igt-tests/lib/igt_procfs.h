/* SPDX-License-Identifier: MIT */
/*
 * Numbers, page frames and states from /proc. No function here allocates or maps memory, so all of
 * them may run while another thread holds mmap_lock for reading.
 */
#ifndef IGT_PROCFS_H
#define IGT_PROCFS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Returns the number after @word at the start of a line of a file in /proc or /sys; 0 when there is
 * no such line.
 */
unsigned long long igt_procfs_number(const char *path, const char *word);

/* Returns the page frame at an address, 0 when no page is mapped there. Needs CAP_SYS_ADMIN. */
uint64_t igt_procfs_pfn(const void *addr);
/*
 * Like igt_procfs_pfn(), but reads an open /proc/self/pagemap; 0 also when that file cannot be
 * read.
 */
uint64_t __igt_procfs_pfn(int pagemap, const void *addr);

/* Sizes of the mapping that contains an address, from /proc/self/smaps, in KiB. */
struct igt_procfs_smaps {
	unsigned long long rss;
	unsigned long long dirty;    /* the page table entry or the page is dirty */
	unsigned long long lazyfree; /* after MADV_FREE: reclaim may drop it without writing it */
	unsigned long long huge;     /* mapped by huge entries: anonymous, shared and file memory */
};

int __igt_procfs_smaps(const void *addr, struct igt_procfs_smaps *smaps);

/*
 * Returns how many of the mapped pages are in the swap cache (by /proc/kpageflags, which needs
 * root), or -errno. Pages in the swap cache that the process does not map do not count.
 */
int __igt_procfs_pages_in_swap_cache(void *cpu, size_t size);

/*
 * Returns the state letter of a thread, from its open /proc/.../stat; 0 when the thread has gone.
 */
char igt_procfs_task_state(int stat);
/* Has the thread begun to exit?  It may still wait in the kernel, to close its files. */
bool igt_procfs_task_exits(int stat);

#endif
