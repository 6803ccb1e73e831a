/* SPDX-License-Identifier: MIT */
/* A cgroup with little memory; one at a time. Needs root. */
#ifndef IGT_CGROUP_H
#define IGT_CGROUP_H

#include <stdbool.h>
#include <stddef.h>

/* Make it: NULL, or why there cannot be one. */
const char *igt_cgroup_init(size_t limit);
void igt_cgroup_fini(void);
/* The calling process is in it from now on; what it had before is counted where it was. */
int __igt_cgroup_join(void);
/* May the members use swap space? Else what is too much ends one of them. */
int __igt_cgroup_swap(bool may);
/* Of memory.events: "max " (the limit was reached), "oom_kill "... */
unsigned long long igt_cgroup_event(const char *word);

#endif
