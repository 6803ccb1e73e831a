/* SPDX-License-Identifier: MIT */
/*
 * Make the n-th memory allocation of a task fail
 * (Documentation/fault-injection/fault-injection.rst). Needs root, and failslab and fail_page_alloc
 * with their debugfs files.
 *
 * A driver's work item may run on any kworker.  So all kworkers get an n, and only allocations with
 * the driver on the stack count.  So only one work item of the driver may allocate at that time.
 */
#ifndef IGT_FAIL_NTH_H
#define IGT_FAIL_NTH_H

#include <stdbool.h>

#define IGT_FAIL_NTH_MAX_KWORKERS 512

struct igt_fail_nth {
	bool on;  /* init has changed attributes in debugfs */
	int self; /* fail-nth of the thread that called init, or -1 */
	int kworkers[IGT_FAIL_NTH_MAX_KWORKERS]; /* fail-nth of the kworkers */
	unsigned int num_kworkers;
	unsigned int n; /* number of the allocation that shall fail; 0: none */
};

/*
 * Prepare the calling thread, or all kworkers for the module @driver.  Both return NULL, or a
 * reason to skip.
 */
const char *igt_fail_nth_init(struct igt_fail_nth *inject);
const char *igt_fail_nth_init_kworkers(struct igt_fail_nth *inject, const char *driver);
/* Undo igt_fail_nth_init(), also after an assertion has failed. */
void igt_fail_nth_fini(struct igt_fail_nth *inject);

/*
 * The @n-th allocation from now on fails, once.  Between arm and disarm the caller makes exactly
 * one system call, because every other allocation would count, too.
 */
void igt_fail_nth_arm(struct igt_fail_nth *inject, unsigned int n);
/* Nothing fails any more.  Returns whether an allocation has failed. */
bool igt_fail_nth_disarm(struct igt_fail_nth *inject);

/*
 * After igt_fail_nth_init_kworkers(): all allocations of the driver fail, in all tasks, until @on
 * is false.
 */
void igt_fail_nth_all(struct igt_fail_nth *inject, bool on);

/*
 * Arm each kworker: its @n-th allocation for the driver fails.  A work item that tries again may
 * run on another kworker and fail again.
 */
void igt_fail_nth_arm_kworkers(struct igt_fail_nth *inject, unsigned int n);
/* Returns how many allocations failed; @ran: has any kworker allocated for the driver at all? */
unsigned int igt_fail_nth_disarm_kworkers(struct igt_fail_nth *inject, bool *ran);

#endif
