/* SPDX-License-Identifier: MIT */
/* The parts of the amd_userptr_kill test. */
#ifndef AMD_USERPTR_KILL_H
#define AMD_USERPTR_KILL_H

#include "lib/amdgpu/amd_userptr_fixture.h"
#include "lib/amdgpu/amd_userptr_mapped.h"
#include "lib/amdgpu/amd_userptr_victim.h"

/* The limit of a subtest. */
enum { KILL_SECONDS = 50 };

/* A victim reports here; the judge reads it. */
struct kill_report {
	atomic_bool ready;	       /* the victim has set itself up */
	atomic_bool go;		       /* the judge lets it begin */
	atomic_bool started, returned; /* state of the call in which the victim is killed */
	atomic_uint connection;	       /* number of the connection of its own FUSE server */
	uint64_t took_us;	       /* duration of the call that nobody disturbs */
};

extern const struct amd_userptr_subtest amd_userptr_kill_waits_subtests[];
extern const unsigned int amd_userptr_num_kill_waits_subtests;

#endif
