/* SPDX-License-Identifier: MIT */
/*
 * Single operations that make the kernel move, drop or copy pages.  Functions that begin with __
 * return 0 or -errno.  They make no assertion, and apart from the operation itself they neither
 * allocate nor map memory; only __igt_mm_compact() allocates some, for the log, if it cannot write
 * a file.  So any thread may call them while another one holds mmap_lock for reading; only the
 * operation itself may wait for the lock.
 */
#ifndef IGT_MM_H
#define IGT_MM_H

#include <stddef.h>

#include "lib/igt_time.h"

/* How many milliseconds to repeat an operation that the kernel may refuse for a moment. */
#define IGT_MM_RETRY_MS igt_patience(5000)

/*
 * Take write access from the pages and give it back.  The kernel calls the MMU notifiers, but the
 * content stays.
 */
int __igt_mm_poke(void *cpu, size_t size);
/* Collapse the pages into huge pages. */
int __igt_mm_collapse(void *cpu, size_t size);
/*
 * Returns the size of the huge pages into which the kernel collapses pages, or 0 if there are none.
 * It is 2 MiB with pages of 4 KiB, 32 MiB with 16 KiB, 512 MiB with 64 KiB.
 */
size_t igt_mm_collapsed_size(void);
/*
 * Compact the NUMA node that the page @cpu is on, once; -EFBIG when the node has more memory than
 * the kernel compacts in a few seconds.
 */
int __igt_mm_compact(void *cpu);
/* Move the pages, of @step bytes, to another NUMA node; -ENODEV when there is none. */
int __igt_mm_migrate(void *cpu, size_t size, size_t step);
/*
 * Fork, then store in each page the byte that is there already, so that the kernel copies private
 * pages.
 */
int __igt_mm_fork_and_write(void *cpu, size_t size);
/* Like __igt_mm_fork_and_write(), but call @look while the child still has the old pages. */
int __igt_mm_fork_write_look(void *cpu, size_t size, void (*look)(void *data), void *data);

/*
 * Put another page with the same content at the address, by one mremap(), so that the page frame
 * changes and the content does not.
 */
void igt_mm_change_page(void *addr);

/* Returns the highest NUMA node below @limit that is online, or -1. */
int igt_mm_numa_node(int limit);

#endif
