/* SPDX-License-Identifier: MIT */
/* The parts of the amd_userptr_kill test. */
#ifndef AMD_USERPTR_KILL_H
#define AMD_USERPTR_KILL_H

#include "lib/amdgpu/amd_userptr_fixture.h"
#include "lib/amdgpu/amd_userptr_mapped.h"
#include "lib/amdgpu/amd_userptr_victim.h"

/* A subtest takes so long at most. */
enum { KILL_SECONDS = 50 };

/* What a victim tells while it lives. */
struct kill_report {
	atomic_bool ready;		/* it has what it is going to work with */
	atomic_bool go;			/* told by who will kill it */
	atomic_bool started, returned;	/* the call that it is killed in */
	atomic_uint connection;		/* of its own FUSE server */
	uint64_t took_us;		/* the call, undisturbed */
};

extern const struct amd_userptr_subtest amd_userptr_kill_waits_subtests[];
extern const unsigned int amd_userptr_num_kill_waits_subtests;

#endif
