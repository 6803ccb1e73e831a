/* SPDX-License-Identifier: MIT */
/*
 * What the machine has of KFD's processes: what a process had has to be back
 * some time after its end, however it ended.  Needs debugfs.
 */
#ifndef AMD_USERPTR_REMAINS_H
#define AMD_USERPTR_REMAINS_H

#include "lib/amdgpu/amd_userptr.h"

struct amd_userptr_remains {
	unsigned long long system, ttm;	/* MiB of KFD's memory limits */
	unsigned long long vram, gtt;	/* bytes of the GPU's memory in use */
	unsigned int processes;		/* that KFD knows */
};

/* Skips where there is nothing to be seen. */
void amd_userptr_remains_look(struct amd_userptr *up, struct amd_userptr_remains *now);

/*
 * Until there is no more of anything than @before, and no work item of the driver sleeps on: NULL,
 * or what does not come back, with what the kernel says of it.  The text is valid
 * until the next call.
 */
const char *amd_userptr_remains_wait(struct amd_userptr *up,
				     const struct amd_userptr_remains *before);

/* The stack of a kworker that sleeps in amdgpu, KFD or TTM and cannot be waked, or NULL. */
const char *amd_userptr_stuck_worker(void);

/* A new process has a queue, and its memory is followed; NULL, or what went wrong. */
const char *amd_userptr_live(struct amd_userptr *up);

#endif
