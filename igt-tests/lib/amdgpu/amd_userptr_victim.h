/* SPDX-License-Identifier: MIT */
/*
 * Processes that are killed, or hang: a subtest's own child starts and judges
 * them, so that an assertion in any of them ends with the status of a failed
 * test, and a process that cannot be killed does not take the subtest with it.
 */
#ifndef AMD_USERPTR_VICTIM_H
#define AMD_USERPTR_VICTIM_H

#include <stdatomic.h>

#include "lib/amdgpu/amd_userptr_remains.h"

struct amd_userptr_victims {
	struct amd_userptr *up;		/* somebody who must not notice */
	void *report;			/* a page of zeros that all of them share, and that outlives them */
	struct amd_userptr_remains before;
};

typedef void amd_userptr_live_fn(struct amd_userptr_victims *victims, void *data);

/* Run @judge in a child of the subtest, for @seconds at most; then @up has to work. */
void amd_userptr_victims_run(struct amd_userptr *up, unsigned int seconds,
			     amd_userptr_live_fn *judge, void *data);
/* In there: a process that does @live, whose report is zero again. */
pid_t amd_userptr_victim(struct amd_userptr_victims *victims, amd_userptr_live_fn *live, void *data);
/* False when @flag does not become true, or the process has ended before that. */
bool amd_userptr_victim_wait(atomic_bool *flag, pid_t pid);
/* SIGKILL, and the end of the process, whose name is @what. */
void amd_userptr_victim_end(pid_t pid, const char *what);
/* Everything that the processes had is back. */
void amd_userptr_victims_expect_back(struct amd_userptr_victims *victims, const char *what);
/* A new process lives as any other. */
void amd_userptr_victims_expect_life(struct amd_userptr_victims *victims);

/* Private memory without huge pages, in a process that will not clean up. */
char *amd_userptr_victim_memory(size_t size);

#endif
