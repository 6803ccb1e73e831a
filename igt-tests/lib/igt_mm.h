/* SPDX-License-Identifier: MIT */
/*
 * Single operations that make the kernel move, drop or copy pages.  They assert
 * nothing, allocate nothing and map nothing, and may run in any thread: 0 or
 * -errno.
 */
#ifndef IGT_MM_H
#define IGT_MM_H

#include <stddef.h>

#include "lib/igt_time.h"

/* How long to ask the kernel again for what it may refuse for a moment. */
#define IGT_MM_RETRY_MS igt_patience(5000)

/* An event that changes nothing: takes write access from all pages and gives it back. */
int __igt_mm_poke(void *cpu, size_t size);
/* Into huge pages, now. */
int __igt_mm_collapse(void *cpu, size_t size);
/* All memory of the machine. */
int __igt_mm_compact(void);
/* Move [cpu, cpu + size), in pages of @step, to another NUMA node; -ENODEV: there is none. */
int __igt_mm_migrate(void *cpu, size_t size, size_t step);
/* Fork, store in each page what is there already, end the child. */
int __igt_mm_fork_and_write(void *cpu, size_t size);
/* @look is called when that was stored and the child still has the old pages. */
int __igt_mm_fork_write_look(void *cpu, size_t size, void (*look)(void *data), void *data);

/* Put another page at the address, with the same content, in one call and with another frame. */
void igt_mm_change_page(void *addr);

/* The highest NUMA node below @limit with memory that is online, or -1. */
int igt_mm_numa_node(int limit);

#endif
