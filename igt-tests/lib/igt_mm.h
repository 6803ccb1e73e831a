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
#define AMD_USERPTR_RETRY_MS amd_kfd_patience(5000)

/* An event that changes nothing: takes write access from all pages and gives it back. */
int __amd_userptr_poke(void *cpu, size_t size);
/* Into huge pages, now. */
int __amd_userptr_collapse(void *cpu, size_t size);
/* All memory of the machine. */
int __amd_userptr_compact(void);
/* Move [cpu, cpu + size), in pages of @step, to another NUMA node; -ENODEV: there is none. */
int __amd_userptr_migrate(void *cpu, size_t size, size_t step);
/* Fork, store in each page what is there already, end the child. */
int __amd_userptr_fork_and_write(void *cpu, size_t size);
/* @look is called when that was stored and the child still has the old pages. */
int __amd_userptr_fork_write_look(void *cpu, size_t size, void (*look)(void *data), void *data);

/* What KFD's processes have of its memory limit, in MiB. */
#define AMD_USERPTR_MEM_LIMIT "/sys/kernel/debug/kfd/mem_limit"
#define AMD_USERPTR_MEM_USED "System mem used "

/* The number after @word, at the start of a line of a file in /proc or /sys; 0 without. */
unsigned long long amd_userptr_number_in(const char *path, const char *word);
int __amd_userptr_write_text(const char *path, const char *text);

#endif
