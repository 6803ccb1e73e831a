/* SPDX-License-Identifier: MIT */
/*
 * Make the n-th memory allocation of a task fail
 * (Documentation/fault-injection/fault-injection.rst). Needs root, and a kernel with failslab,
 * fail_page_alloc and their debugfs files.
 *
 * A driver's work item may run on any kworker. Therefore each kworker gets an n of its own, and the
 * kernel counts only allocations of the driver (it looks for the driver's functions on the stack).
 * While the kworkers are armed, only one work item of the driver may allocate memory, because with
 * several the test could not say which of them had the failure.
 */
#ifndef IGT_FAIL_NTH_H
#define IGT_FAIL_NTH_H

#include <stdbool.h>

#define IGT_FAIL_NTH_MAX_KWORKERS 512

struct igt_fail_nth {
	bool on;  /* igt_fail_nth_fini() has something to undo */
	int self; /* descriptor of fail-nth of the thread that called init */
	int kworkers[IGT_FAIL_NTH_MAX_KWORKERS]; /* descriptors of fail-nth of the kworkers */
	unsigned int num_kworkers;
	unsigned int n; /* the allocation that shall fail, counted from the last arm; 0: none */
};

/*
 * Prepare for failures in the calling thread. The second function is for failures in kworkers: with
 * it only allocations of the module @driver can fail. Both return NULL, or a reason to skip.
 */
const char *igt_fail_nth_init(struct igt_fail_nth *inject);
const char *igt_fail_nth_init_kworkers(struct igt_fail_nth *inject, const char *driver);
/* Undo the changes of the init function. Does nothing if inject->on is false. */
void igt_fail_nth_fini(struct igt_fail_nth *inject);
/*
 * Let no allocation fail any more, neither in the calling thread nor in a kworker, and restore the
 * kernel's settings. A test calls this after a failed assertion, which may have kept the test, or a
 * child of the test, from igt_fail_nth_fini().
 */
void igt_fail_nth_reset(void);

/*
 * Let the @n-th allocation of the thread from now on fail, once. Between igt_fail_nth_arm() and
 * igt_fail_nth_disarm() the caller makes exactly one system call, because the allocations of any
 * other call would count, too.
 */
void igt_fail_nth_arm(struct igt_fail_nth *inject, unsigned int n);
/* Let no further allocation of the thread fail.  Returns whether one has failed. */
bool igt_fail_nth_disarm(struct igt_fail_nth *inject);

/*
 * After igt_fail_nth_init_kworkers(): let all allocations of the driver fail, in all tasks, until
 * the caller passes @on as false.
 */
void igt_fail_nth_all(struct igt_fail_nth *inject, bool on);

/*
 * Arm each kworker, so that its @n-th allocation for the driver fails. A work item that tries again
 * may run on another kworker and fail there again, because each kworker has its own count.
 */
void igt_fail_nth_arm_kworkers(struct igt_fail_nth *inject, unsigned int n);
/*
 * Disarm all kworkers. Returns how many of them had an allocation that failed. @ran gets whether
 * any kworker has allocated memory for the driver at all.
 */
unsigned int igt_fail_nth_disarm_kworkers(struct igt_fail_nth *inject, bool *ran);

#endif
