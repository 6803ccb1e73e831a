/* SPDX-License-Identifier: MIT */
/*
 * The kernel's trace of chosen events, in an instance of tracefs that only the tests use; needs
 * root.
 */
#ifndef IGT_TRACEFS_H
#define IGT_TRACEFS_H

#include <stdbool.h>
#include <stdint.h>

#define IGT_TRACEFS_INSTANCE "/sys/kernel/tracing/instances/amd_userptr/"

/* Trace @events, each "SYSTEM/EVENT"; false when there is no tracefs or no such event. */
bool igt_tracefs_on(const char *const *events, unsigned int count);
void igt_tracefs_off(void);
/* Make and remove another instance, of which @path is the directory. */
bool igt_tracefs_make_instance(const char *path);
void igt_tracefs_remove_instance(const char *path);
/* Empty the trace. */
void igt_tracefs_clear(void);

/*
 * Add a kprobe at @where, a function and arguments as in kprobe_events; false when the kernel
 * refuses.
 */
bool igt_tracefs_kprobe_add(const char *name, const char *where);
/* Like igt_tracefs_kprobe_add(), but for the return from the function @where. */
bool igt_tracefs_kretprobe_add(const char *name, const char *where);
void igt_tracefs_kprobe_remove(const char *name);
/* Return how often the kernel hit the kprobe @name while its event was on. */
uint64_t igt_tracefs_kprobe_hits(const char *name);

/* Read the number, in @base, behind the first @word in @line; false when @word is not in it. */
bool igt_tracefs_number(const char *line, const char *word, int base, uint64_t *number);

#endif
