/* SPDX-License-Identifier: MIT */
/*
 * A memory cgroup with a limit, so that a test can let its processes run out of memory without harm
 * to other processes.  The cgroup has a fixed name, so the machine can have only one at a time.
 * Needs root.
 */
#ifndef IGT_CGROUP_H
#define IGT_CGROUP_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The kernel's reaction when a cgroup has more memory than its limit.  IGT_CGROUP_RECLAIM: the
 * kernel takes pages from the processes of the cgroup, and they wait meanwhile.  IGT_CGROUP_KILL:
 * the kernel takes pages, too, but kills a process when reclaim finds no page soon enough, for
 * example because swap space is slow.
 */
enum igt_cgroup_limit { IGT_CGROUP_RECLAIM, IGT_CGROUP_KILL };

/* Make the cgroup.  Returns NULL, or a reason to skip. */
const char *igt_cgroup_init(enum igt_cgroup_limit kind, size_t limit);
void igt_cgroup_fini(void);
/*
 * Move the calling process into the cgroup.  Memory that the process has already stays charged to
 * its old cgroup.
 */
int __igt_cgroup_join(void);
/*
 * Let the processes of the cgroup use swap space, or not.  Without swap space the kernel kills one
 * of them when they exceed the limit of IGT_CGROUP_KILL.
 */
int __igt_cgroup_swap(bool may);
/*
 * Returns the counter of memory.events that follows @word, such as "high " (how often the cgroup
 * exceeded the limit of IGT_CGROUP_RECLAIM) or "oom_kill ".
 */
unsigned long long igt_cgroup_event(const char *word);
/* Returns the most bytes of swap space that the cgroup has used at a time. */
unsigned long long igt_cgroup_swap_peak(void);
/* Log how much memory of each kind the cgroup has, and how much is on each list of reclaim. */
void igt_cgroup_log(void);

#endif
