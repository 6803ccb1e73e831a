/* SPDX-License-Identifier: MIT */
/*
 * Make the n-th memory allocation of a task fail, whatever it is for:
 * Documentation/fault-injection/fault-injection.rst.  Needs root, failslab and
 * fail_page_alloc with their debugfs files.
 *
 * The restore worker is a work item: which kworker runs it is not known before.
 * So all that might run it get an n each, and there only allocations count that amdgpu
 * is on the stack of; none of its other work items is run by those kworkers and
 * allocates.
 */
#ifndef IGT_FAIL_NTH_H
#define IGT_FAIL_NTH_H

#include <stdbool.h>

#define IGT_FAIL_NTH_MAX_KWORKERS 512

struct igt_fail_nth {
	bool on;			/* attributes were changed */
	int self;			/* fail-nth of the calling thread, or -1 */
	int kworkers[IGT_FAIL_NTH_MAX_KWORKERS];	/* the same of theirs */
	unsigned int num_kworkers;
	unsigned int n;			/* what is armed */
};

/* Both return why it is not possible here, or NULL.  For the thread that calls it. */
const char *igt_fail_nth_init(struct igt_fail_nth *inject);
const char *igt_fail_nth_init_kworkers(struct igt_fail_nth *inject, const char *driver);
/* As it was before; also when an assertion has failed in between. */
void igt_fail_nth_fini(struct igt_fail_nth *inject);

/*
 * From here on the @n-th allocation fails, once.  Between the two the caller
 * does nothing but one system call.
 */
void igt_fail_nth_arm(struct igt_fail_nth *inject, unsigned int n);
/* Nothing fails any more.  Has one failed? */
bool igt_fail_nth_disarm(struct igt_fail_nth *inject);

/* After igt_fail_nth_init_kworkers(): all that amdgpu allocates fails, whoever asks for it, until @on is false. */
void igt_fail_nth_all(struct igt_fail_nth *inject, bool on);

/* The same for kworkers, of which a second one may fail when it tries again. */
void igt_fail_nth_arm_kworkers(struct igt_fail_nth *inject, unsigned int n);
/* How many failed; @ran: did any of them allocate at all? */
unsigned int igt_fail_nth_disarm_kworkers(struct igt_fail_nth *inject, bool *ran);

#endif
