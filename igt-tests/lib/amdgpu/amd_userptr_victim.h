/* SPDX-License-Identifier: MIT */
/*
 * Processes (victims) that the test kills, or that may hang.  A child of the subtest, the judge,
 * starts them and waits for them, so a victim that cannot be killed does not hang the subtest, and
 * a failed assertion in the judge fails the subtest.
 */
#ifndef AMD_USERPTR_VICTIM_H
#define AMD_USERPTR_VICTIM_H

#include <stdatomic.h>

#include "lib/amdgpu/amd_userptr_remains.h"

struct amd_userptr_victims {
	struct amd_userptr *up; /* the subtest's own, which must still work afterwards */
	void *report;		/* a page through which a victim tells the judge how far it is */
	struct amd_userptr_remains before; /* the counters before the first victim */
};

/* The body of the judge, or of a victim. */
typedef void amd_userptr_live_fn(struct amd_userptr_victims *victims, void *data);

/* Run @judge in a child of the subtest for at most @seconds, then assert that @up works. */
void amd_userptr_victims_run(struct amd_userptr *up, unsigned int seconds,
			     amd_userptr_live_fn *judge, void *data);
/* In the judge: zero the report, then start a process that runs @live. */
pid_t amd_userptr_victim(struct amd_userptr_victims *victims, amd_userptr_live_fn *live,
			 void *data);
/* Wait until @flag is true; false when the process ends first, or when it takes too long. */
bool amd_userptr_victim_wait(atomic_bool *flag, pid_t pid);
/* Has the process ended?  It remains a zombie until amd_userptr_victim_end() waits for it. */
bool amd_userptr_victim_ended(pid_t pid);
/*
 * Kill the process, wait for its end, and return its wait status; @what begins the message of a
 * failure.
 */
int amd_userptr_victim_end(pid_t pid, const char *what);
/*
 * Assert that the resources of the victims are free again; @what begins the message of a failure.
 */
void amd_userptr_victims_expect_back(struct amd_userptr_victims *victims, const char *what);
/* Assert that a new process gets a queue and userptrs that work. */
void amd_userptr_victims_expect_life(struct amd_userptr_victims *victims);

/*
 * Map private memory without huge pages for a victim.  The kernel unmaps it when the victim ends.
 */
char *amd_userptr_victim_memory(size_t size);

#endif
