/* SPDX-License-Identifier: MIT */
/*
 * Counters of the resources that KFD's processes use. All resources of a process have to be free
 * again some time after its end, whatever ended it. Needs debugfs.
 */
#ifndef AMD_USERPTR_REMAINS_H
#define AMD_USERPTR_REMAINS_H

#include "lib/amdgpu/amd_userptr.h"

struct amd_userptr_remains {
	unsigned long long system, ttm; /* MiB that KFD counts for its memory limits */
	unsigned long long vram, gtt;	/* bytes in use */
	unsigned int processes;		/* how many processes KFD lists */
};

/* Read the counters; skips when the kernel does not show them. */
void amd_userptr_remains_look(struct amd_userptr *up, struct amd_userptr_remains *now);

/*
 * Wait until no counter is above @before and no work item of the driver sleeps.  Returns NULL, or a
 * text about the resources that stay in use; the text is valid until the next call.
 */
const char *amd_userptr_remains_wait(struct amd_userptr *up,
				     const struct amd_userptr_remains *before);

/*
 * Returns the stack of a kworker that stays in an uninterruptible sleep in amdgpu, KFD or TTM, or
 * NULL.
 */
const char *amd_userptr_stuck_worker(void);

/*
 * Check that a new process gets a queue, and that the driver tracks its memory.  Returns NULL, or a
 * text about the failure.
 */
const char *amd_userptr_live(struct amd_userptr *up);

#endif
