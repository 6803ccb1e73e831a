/* SPDX-License-Identifier: MIT */
/* The kernel's trace of chosen events, in an instance of our own; needs root. */
#ifndef IGT_TRACEFS_H
#define IGT_TRACEFS_H

#include <stdbool.h>
#include <stdint.h>

#define IGT_TRACEFS_INSTANCE "/sys/kernel/tracing/instances/amd_userptr/"

/* @events: "SYSTEM/EVENT".  False when there is no tracefs, or not such an event. */
bool igt_tracefs_on(const char *const *events, unsigned int count);
void igt_tracefs_off(void);
/* Forget what has been traced. */
void igt_tracefs_clear(void);

/* A kprobe: a function and what to fetch, as in kprobe_events.  False when the kernel refuses it. */
bool igt_tracefs_kprobe_add(const char *name, const char *where);
void igt_tracefs_kprobe_remove(const char *name);

/* The number in @base after the first @word of @line. */
bool igt_tracefs_number(const char *line, const char *word, int base, uint64_t *number);

#endif
