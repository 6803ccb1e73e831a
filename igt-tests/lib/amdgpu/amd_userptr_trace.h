/* SPDX-License-Identifier: MIT */
/* The kernel's trace of chosen events, in an instance of our own; needs root. */
#ifndef AMD_USERPTR_TRACE_H
#define AMD_USERPTR_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#define AMD_USERPTR_TRACE "/sys/kernel/tracing/instances/amd_userptr/"

/* @events: "SYSTEM/EVENT".  False when there is no tracefs, or not such an event. */
bool amd_userptr_trace_on(const char *const *events, unsigned int count);
void amd_userptr_trace_off(void);
/* Forget what has been traced. */
void amd_userptr_trace_clear(void);

/* The number in @base after the first @word of @line. */
bool amd_userptr_trace_number(const char *line, const char *word, int base, uint64_t *number);

#endif
